"""ONNX Runtime, the judge, without its graph optimizations; and how well a graph's outputs are conditioned."""
import numpy as np
import onnx
import onnxruntime
from onnx import helper

NOISE = 2.0**-22  # of every result, relative; a few roundings of a float32
NOISY_RUNS = 6
# ONNX Runtime's functions of bounded range have errors of this size, however small a result is.
FUNCTION_NOISE = 2.0**-24
RECURRENT = ("RNN", "GRU", "LSTM")
FUNCTIONS = ("Tanh", "Sigmoid", "Erf", "Gelu", "Mish", "Softplus", "Elu", "Selu", *RECURRENT)
# Winograd's algorithm adds numbers of a tile before they are multiplied, large ones to small ones.
WINOGRAD_NOISE = 2.0**-21
# Its coordinates of places between elements are float32 numbers up to the size of the image.
COORDINATE_NOISE = 2.0**-25

# MeanVarianceNormalization's definition adds this to the deviation by which it divides, ONNX Runtime does not.
EPSILON = 1e-9
# What is left of a float32 below its smallest normal number.
UNDERFLOW = 2.0**-149

onnxruntime.set_default_logger_severity(4)


class Invalid(Exception):
    """ONNX Runtime does not run the graph: a fault of the generator."""


def session(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(model, inputs, names=None):
    try:
        return session(model).run(names, inputs)
    except Exception as error:  # ONNX Runtime has a type of its own for each status
        raise Invalid(str(error).splitlines()[0]) from None


def all_tensors(model, inputs):
    """{name: array} of everything that the graph's nodes compute."""
    names = [name for node in model.graph.node for name in node.output if name]
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    del wide.graph.output[:]
    wide.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    return dict(zip(names, run(wide, inputs)))


def arguments_of_shapes(model):
    """Tensors that scales, regions and repeated elements come from: with noise the output would have another shape."""
    found = set()
    for node in reversed(model.graph.node):
        if node.op_type in ("Resize", "Upsample"):
            found.update(node.input[1:])
        if node.op_type == "Unique":
            found.update(node.input)
        if found & set(node.output):
            found.update(node.input)
    return found - {""}


def summand_size(node, x, y, winograd):
    """How large the noise is that is added to the result y of a node with the first input x; 0: none."""
    if winograd and node.op_type == "Conv":
        return WINOGRAD_NOISE * np.abs(y[np.isfinite(y)]).max(initial=0)
    if node.op_type in FUNCTIONS:
        return FUNCTION_NOISE
    if node.op_type in ("Resize", "Upsample"):
        return COORDINATE_NOISE * max(x.shape, default=1) * np.abs(y[np.isfinite(y)]).max(initial=0)
    return 0


def normalized_rows(node, attributes, x):
    """The numbers that a norm treats together, as rows; None of other nodes."""
    if node.op_type == "InstanceNormalization":
        return x.reshape(x.shape[0] * x.shape[1], -1)
    if node.op_type == "GroupNormalization":
        return x.reshape(x.shape[0] * attributes["num_groups"], -1)
    if node.op_type == "LayerNormalization":
        axis = attributes.get("axis", -1) % x.ndim
        return x.reshape(int(np.prod(x.shape[:axis])), -1)
    if node.op_type == "LpNormalization":
        return np.moveaxis(x, attributes.get("axis", -1), -1).reshape(-1, x.shape[attributes.get("axis", -1)])
    if node.op_type == "MeanVarianceNormalization":
        axes = attributes.get("axes", [0, 2, 3])
        return np.moveaxis(x, axes, range(-len(axes), 0)).reshape(-1, int(np.prod([x.shape[axis] for axis in axes])))
    return None


def norm_noise(node, x):
    """How large ONNX Runtime's error of a norm is: it squares float32 numbers, and takes the variance for the difference of the mean
    square and the squared mean."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    rows = normalized_rows(node, attributes, np.asarray(x, np.float64))
    if rows is None or rows.size == 0:
        return 0
    if node.op_type == "LpNormalization":
        squares = np.square(rows).sum(1)
        return (UNDERFLOW * rows.shape[1] / squares[squares > 0]).max(initial=0)
    mean, variance = rows.mean(1), rows.var(1)
    divisor = variance + (0 if node.op_type == "MeanVarianceNormalization" else attributes.get("epsilon", 1e-5))
    some = divisor > 0
    noise = NOISE * (np.square(mean[some]) / divisor[some]).max(initial=0)
    if node.op_type == "MeanVarianceNormalization":
        noise += (EPSILON / np.sqrt(variance[some])).max(initial=0)
    return noise


def factor_size(node, x):
    """How large the noise is that a result of a node with the first input x is multiplied by: of every time step."""
    return NOISE * max(x.shape[:2]) if node.op_type in RECURRENT else NOISE + min(norm_noise(node, x), 1e6)


def spreads(model, inputs, outputs, winograd):
    """For every output how much noise on all floating-point inputs and results changes it, relative to its largest element;
    with `winograd`, that of its convolutions as well."""
    tensors = all_tensors(model, inputs)
    if any(np.isnan(tensor).any() for tensor in tensors.values() if tensor.dtype.kind == "f"):
        return [np.inf] * len(outputs)  # no operator says what it makes of a NaN; ONNX Runtime's norms of equal elements are NaN
    known = {**inputs, **tensors, **{t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}}
    numbers = np.random.default_rng(0)
    noisy = onnx.ModelProto()
    noisy.CopyFrom(model)
    del noisy.graph.node[:]
    factors, summands, sizes, exact = {}, {}, {}, arguments_of_shapes(model)
    for node in model.graph.node:
        copy = noisy.graph.node.add()
        copy.CopyFrom(node)
        for i, name in enumerate(node.output):
            if name and name not in exact and tensors[name].dtype in (np.float32, np.float64):
                copy.output[i] = name + "/exact"
                x = known[node.input[0]] if node.input else tensors[name]
                factors[name + "/factor"], sizes[name + "/factor"] = tensors[name], factor_size(node, x)
                added = summand_size(node, x, tensors[name], winograd)
                noisy.graph.node.append(helper.make_node("Mul", [copy.output[i], name + "/factor"], [name + "/scaled" if added else name]))
                if added:
                    summands[name + "/summand"], sizes[name + "/summand"] = tensors[name], added
                    noisy.graph.node.append(helper.make_node("Add", [name + "/scaled", name + "/summand"], [name]))
    noisy.graph.input.extend(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), None)
                             for name, array in {**factors, **summands}.items())  # without shapes: those that ONNX Runtime infers may be wrong
    worst = [0.0] * len(outputs)
    try:
        judge = session(noisy)
    except Exception as error:
        raise Invalid(str(error).splitlines()[0]) from None
    for _ in range(NOISY_RUNS):
        noise = lambda a, around, size: np.asarray(around + numbers.uniform(-size, size, a.shape), a.dtype)
        given = {name: np.asarray(a * noise(a, 1, NOISE)) if a.dtype.kind == "f" else a for name, a in inputs.items()}
        given |= {name: noise(a, 1, sizes[name]) for name, a in factors.items()}
        given |= {name: noise(a, 0, sizes[name]) for name, a in summands.items()}
        results = judge.run(None, given)
        for i, (got, want) in enumerate(zip(results, outputs)):
            worst[i] = max(worst[i], difference(got, want))
    return worst


def difference(got, want):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.shape != want.shape or (np.isfinite(got) != np.isfinite(want)).any():
        return np.inf
    finite = np.isfinite(want)
    largest, worst = np.abs(want[finite]).max(initial=0), np.abs(got[finite] - want[finite]).max(initial=0)
    return 0.0 if worst == 0 else worst / largest if largest > 0 else np.inf
