#!/usr/bin/env python3
"""Makes the goldens dynamic_* in onnx_int8/: networks that onnxruntime.quantization's quantize_dynamic quantized, and its operators by
themselves, NAME.onnx, and NAME.npz with inputs (in_0, ...) and ONNX Runtime's outputs (out_0, ...).

Not part of the test command. Needs: pip install numpy onnx onnxruntime, and a CPU whose 8-bit products do not saturate (VNNI: see
/proc/cpuinfo). Usage: make_onnx_dynamic.py"""
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

HERE = pathlib.Path(__file__).parent
OUT = HERE / "onnx_int8"
RNG = np.random.default_rng(14)
onnxruntime.set_default_logger_severity(3)


def write(name, model, *inputs):
    for value in list(model.graph.value_info):
        model.graph.value_info.remove(value)
    onnx.save(model, OUT / f"dynamic_{name}.onnx")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {port.name: x for port, x in zip(session.get_inputs(), inputs)})
    np.savez(OUT / f"dynamic_{name}.npz", **{f"in_{n}": x for n, x in enumerate(inputs)}, **{f"out_{n}": y for n, y in enumerate(outputs)})


def quantized(model, **options):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "float.onnx"), pathlib.Path(folder, "int8.onnx")
        onnx.save(model, source)
        quant_pre_process(source, source, skip_symbolic_shape=True)
        quantize_dynamic(source, target, **options)
        return onnx.load(target)


def network(nodes, constants, inputs, outputs):
    """Of one node a line; inputs and outputs as (name, type, shape)."""
    graph = helper.make_graph([helper.make_node(op, names, results, name=results[0] + "_node", **attributes) for op, names, results, attributes in nodes],
                              "dynamic", [helper.make_tensor_value_info(*i) for i in inputs], [helper.make_tensor_value_info(*o) for o in outputs],
                              [numpy_helper.from_array(value, key) for key, value in constants.items()])
    return onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9))


def normal(*shape, size=1.0):
    return RNG.normal(0, size, shape).astype(np.float32)


F, U8, I8, I32 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32

perceptron = network([("Gemm", ["x", "a", "b"], ["h"], {"transB": 1}), ("Relu", ["h"], ["r"], {}), ("MatMul", ["r", "c"], ["m"], {}), ("Add", ["m", "d"], ["y"], {})],
                     {"a": normal(40, 37, size=0.2), "b": normal(40), "c": normal(40, 21, size=0.2), "d": normal(21)}, [("x", F, [5, 37])], [("y", F, [5, 21])])
write("perceptron", quantized(perceptron, weight_type=QuantType.QInt8), normal(5, 37))
write("perceptron_channel", quantized(perceptron, weight_type=QuantType.QInt8, per_channel=True), normal(5, 37))
write("perceptron_u8", quantized(perceptron, weight_type=QuantType.QUInt8), normal(5, 37))
write("perceptron_positive", quantized(perceptron, weight_type=QuantType.QInt8, per_channel=True), np.abs(normal(5, 37)))
write("perceptron_zero", quantized(perceptron, weight_type=QuantType.QInt8, per_channel=True), np.zeros((5, 37), np.float32))
convolution = network([("Conv", ["x", "a", "b"], ["h"], {"pads": [1, 1, 1, 1]}), ("Relu", ["h"], ["r"], {}), ("Conv", ["r", "c"], ["y"], {"strides": [2, 2], "group": 2})],
                      {"a": normal(8, 3, 3, 3, size=0.2), "b": normal(8), "c": normal(6, 4, 3, 3, size=0.2)}, [("x", F, [1, 3, 8, 8])], [("y", F, [1, 6, 3, 3])])
write("conv", quantized(convolution, weight_type=QuantType.QUInt8), normal(1, 3, 8, 8))
sequence = network([("MatMul", ["x", "a"], ["q"], {}), ("MatMul", ["x", "b"], ["k"], {}), ("Add", ["q", "k"], ["y"], {})],
                   {"a": normal(16, 24, size=0.3), "b": normal(16, 24, size=0.3)}, [("x", F, [2, 9, 16])], [("y", F, [2, 9, 24])])
write("sequence", quantized(sequence, weight_type=QuantType.QInt8, per_channel=True), normal(2, 9, 16))

write("quantize_linear", network([("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], {})], {}, [("x", F, [4, 50])], [("q", U8, [4, 50]), ("s", F, []), ("z", U8, [])]),
      normal(4, 50))
write("matmul_integer", network([("MatMulInteger", ["a", "b", "za", "zb"], ["y"], {})], {"za": np.uint8(119), "zb": np.int8(3)},
                                [("a", U8, [2, 5, 19]), ("b", I8, [2, 19, 6])], [("y", I32, [2, 5, 6])]),
      RNG.integers(0, 256, (2, 5, 19), np.uint8), RNG.integers(-128, 128, (2, 19, 6), np.int8))
write("matmul_integer_constant", network([("MatMulInteger", ["a", "b"], ["y"], {})], {"b": RNG.integers(-128, 128, (19, 6), np.int8)},
                                         [("a", U8, [5, 19])], [("y", I32, [5, 6])]), RNG.integers(0, 256, (5, 19), np.uint8))
write("conv_integer", network([("ConvInteger", ["x", "w", "zx"], ["y"], {"pads": [1, 1, 1, 1]})],
                              {"w": RNG.integers(0, 256, (5, 3, 3, 3), np.uint8), "zx": np.uint8(131)}, [("x", U8, [1, 3, 6, 7])], [("y", I32, [1, 5, 6, 7])]),
      RNG.integers(0, 256, (1, 3, 6, 7), np.uint8))

IMAGES = np.load(HERE / "digits/test_images.npy").astype(np.float32)
for name, weights in (("layer_perceptron", QuantType.QInt8), ("weight_norm_perceptron", QuantType.QInt8), ("vision_transformer", QuantType.QInt8),
                      ("group_resnet", QuantType.QUInt8)):
    model = onnx.load(HERE / f"digits/normalized/{name}.onnx")
    write(name, quantized(model, weight_type=weights, per_channel=weights == QuantType.QInt8), IMAGES[7].reshape(1, 1, 8, 8))
