"""Makes a failing graph small: removes outputs, nodes and attributes for as long as the fault stays."""
import onnx
from onnx import helper, numpy_helper

from . import reference
from .builder import names_read
from .check import Case


def pruned(model, inputs):
    """Without nodes, constants and inputs that no output depends on."""
    needed, nodes = {o.name for o in model.graph.output}, []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= names_read([node])
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for field, kept in (("node", nodes[::-1]), ("initializer", [t for t in model.graph.initializer if t.name in needed]),
                        ("input", [v for v in model.graph.input if v.name in needed])):
        kept = list(kept)
        del getattr(result.graph, field)[:]
        getattr(result.graph, field).extend(kept)
    return result, {v.name: inputs[v.name] for v in result.graph.input}


def copied(model):
    result = onnx.ModelProto()
    result.CopyFrom(model)
    return result


def smaller(case):
    """Graphs with one thing less, and their inputs; the largest steps first."""
    model, inputs = case.model, case.inputs
    for i in range(len(model.graph.output)):
        if len(model.graph.output) > 1:
            less = copied(model)
            del less.graph.output[i]
            yield less, inputs
    tensors = reference.all_tensors(model, inputs)
    for i, node in reversed(list(enumerate(model.graph.node))):
        for name in node.output:  # an inner tensor becomes the only output
            if name and [o.name for o in model.graph.output] != [name]:
                less = copied(model)
                del less.graph.output[:]
                less.graph.output.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(tensors[name].dtype), None))
                yield less, inputs
    for i, node in reversed(list(enumerate(model.graph.node))):
        given = {name: tensors[name] for name in node.output if name}
        if not node.input or not any(name in names_read(model.graph.node) for name in given):
            continue
        less = copied(model)  # a node's results become inputs, or constants where they are integers
        del less.graph.node[i]
        for name, array in given.items():
            if array.dtype.kind == "f":
                less.graph.input.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
            else:
                less.graph.initializer.append(numpy_helper.from_array(array, name))
        yield less, {**inputs, **{k: v for k, v in given.items() if v.dtype.kind == "f"}}
        shape = next(iter(given.values())).shape
        for source in node.input:  # a node is left out
            array = tensors.get(source, inputs.get(source))
            if len(given) == 1 and array is not None and array.shape == shape:
                less = copied(model)
                del less.graph.node[i]
                for other in less.graph.node:
                    for j, name in enumerate(other.input):
                        if name in given:
                            other.input[j] = source
                if not set(given) & {o.name for o in model.graph.output}:
                    yield less, inputs
    for i, node in enumerate(model.graph.node):
        for j in range(len(node.attribute)):
            less = copied(model)
            del less.graph.node[i].attribute[j]
            yield less, inputs
        if len(node.input) > 1:
            less = copied(model)
            del less.graph.node[i].input[-1]
            yield less, inputs


def size(model):
    return (len(model.graph.node), len(model.graph.output), len(model.graph.input) + len(model.graph.initializer),
            sum(len(node.attribute) + len(node.input) for node in model.graph.node))


def reduced(case, checker, wanted):
    """The smallest case found that still has a fault for which `wanted` holds."""
    progress = True
    while progress:
        progress = False
        for model, inputs in smaller(case):
            try:
                model, inputs = pruned(model, inputs)
                if size(model) >= size(case.model):
                    continue
                outputs = reference.run(model, inputs)
            except reference.Invalid:
                continue
            candidate = Case(case.name, model, inputs, outputs)
            if any(wanted(fault) for fault in checker.faults([candidate])):
                case, progress = candidate, True
                break
    return case
