"""Writes folded.bin: the ONNX project's own test cases of operators, for the evaluation of constants.

Every case of onnx.backend (pip install onnx==1.23.2) whose operators are in converter/import/onnx_operators.inc and whose
tensors are small and of types that the converter knows becomes a model without inputs: its inputs are initializers, its
right outputs are initializers named expected0, expected1, ... The file holds the models one after the other, each behind
its size as a varint.
"""

import pathlib
import re

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

HERE = pathlib.Path(__file__).parent
MAXIMUM_OPSET = 26
MAXIMUM_BYTES = 3000
# What the converter refuses: three spatial dimensions, images of integers, reductions of nothing, training, forms of
# opset 28.
# Expected values of four digits, and sizes that are no integers (align_corners with scales).
LEFT_OUT = re.compile(
    "3d_dilations|convtranspose_3d|pool_2d_uint8|empty_set|bitshift_.*_int|mod_float.*fmod_0"
    "|starts_on_pad|training_dropout|downsample_scales_(cubic|linear)_align_corners"
)
# Operators of which the converter computes the first output only.
ONE_OUTPUT = {"Dropout", "LayerNormalization", "MaxPool"}
TYPES = {
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.BOOL, TensorProto.INT8,
    TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.INT32, TensorProto.UINT32, TensorProto.INT64,
    TensorProto.UINT64,
}


def supported_operators():
    table = (HERE / "../../converter/import/onnx_operators.inc").read_text()
    return {name: int(opset) for name, opset in re.findall(r'ONNX_OPERATOR\("(\w+)", (\d+)', table)}


def operators(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from operators(attribute.g)


def types(model):
    for info in [*model.graph.input, *model.graph.output]:
        yield info.type.tensor_type.elem_type
    for node in operators(model.graph):
        for attribute in node.attribute:
            if attribute.name in ("to", "dtype", "output_dtype") and attribute.i != 0:
                yield attribute.i


def same_form(name, opset):
    """Whether an operator has the form at MAXIMUM_OPSET that it has in `opset`, but for types."""
    new, old = (onnx.defs.get_schema(name, version) for version in (opset, MAXIMUM_OPSET))
    return set(new.attributes) == set(old.attributes) and len(new.inputs) == len(old.inputs)


def constant_model(case, supported):
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    opset = {o.domain: o.version for o in model.opset_import}.get("", 0)
    nodes = list(operators(model.graph))
    if model.functions or not all(
        node.domain == "" and supported.get(node.op_type, 99) <= min(opset, MAXIMUM_OPSET) for node in nodes
    ):
        return None
    if opset > MAXIMUM_OPSET and not all(same_form(node.op_type, opset) for node in nodes):
        return None
    if not all(info.type.HasField("tensor_type") for info in [*model.graph.input, *model.graph.output]):
        return None
    if not set(types(model)) <= TYPES:
        return None
    inputs, outputs = case.data_sets[0]
    if nodes[0].op_type in ONE_OUTPUT:
        del outputs[1:], model.graph.output[1:], nodes[0].output[1:]
    as_tensor = lambda value, name: value if isinstance(value, TensorProto) else numpy_helper.from_array(np.asarray(value), name)
    tensors = [as_tensor(value, info.name) for value, info in zip(inputs, model.graph.input)]
    tensors += [as_tensor(value, f"expected{i}") for i, value in enumerate(outputs)]
    for tensor, name in zip(tensors, [i.name for i in model.graph.input] + [f"expected{i}" for i in range(len(outputs))]):
        tensor.name = name
        if tensor.data_type not in TYPES:
            return None
    del model.graph.input[:]
    model.graph.initializer.extend(tensors)
    model.graph.name = case.name
    model.producer_name = ""
    del model.opset_import[:]
    model.opset_import.append(helper.make_operatorsetid("", min(opset, MAXIMUM_OPSET)))
    return model


def varint(number):
    data = bytearray()
    while number >= 128:
        data.append(number & 127 | 128)
        number >>= 7
    data.append(number)
    return bytes(data)


def main():
    supported = supported_operators()
    models = {}
    for case in collect_testcases(None):
        if LEFT_OUT.search(case.name):
            continue
        model = constant_model(case, supported)
        if model is not None and model.ByteSize() <= MAXIMUM_BYTES:
            models[case.name] = model
    with open(HERE / "folded.bin", "wb") as file:
        for _, model in sorted(models.items()):
            data = model.SerializeToString(deterministic=True)
            file.write(varint(len(data)) + data)
    print(f"{len(models)} cases")


if __name__ == "__main__":
    main()
