"""Operators that the converter evaluates where they depend on constants, and an If whose condition does."""
import math

import numpy as np
from onnx import TensorProto, helper

from .builder import BOOL, FLOAT, INT8, INT32, INT64, UINT8, Unfit
from .constants import as_float, node
from .registry import operator
from .shapes import broadcast, other_shape

FUNCTIONS = {"Tan": (7, -1, 1), "Asin": (7, -0.9, 0.9), "Acos": (7, -0.9, 0.9), "Atan": (7, -3, 3), "Sinh": (9, -2, 2),
             "Cosh": (9, -2, 2), "Asinh": (9, -3, 3), "Acosh": (9, 1.2, 3), "Atanh": (9, -0.8, 0.8), "Sign": (9, -1, 1),
             "Shrink": (9, -2, 2), "ThresholdedRelu": (10, -2, 2), "Celu": (12, -2, 2)}


def function(g):
    op = g.choice([op for op, (since, _, _) in FUNCTIONS.items() if since <= g.opset])
    _, low, high = FUNCTIONS[op]
    given = {"Shrink": {"lambd": 0.6, "bias": 0.2}, "ThresholdedRelu": {"alpha": 0.7}, "Celu": {"alpha": 1.5}}.get(op, {}) if g.chance(0.6) else {}
    shape = g.shape(g.between(1, 3))
    return node(g, op, [g.parameter(shape, low, high)], shape, -4, 4, **given)


def class_of(g):
    op, shape = g.choice(["IsNaN"] + ["IsInf"] * (g.opset >= 10)), g.shape(2)
    array = g.array(shape)
    array.flat[::3] = np.nan
    array.flat[1::3] = g.choice([np.inf, -np.inf])
    given = {"detect_negative": g.between(0, 1)} if op == "IsInf" and g.chance(0.5) else {}
    return as_float(g, node(g, op, [g.constant(array, plain=True)], shape, 0, 1, dtype=BOOL, **given), 1)


def bits(g):
    shape = g.shape(2)
    if g.opset < 18 or g.chance(0.3):
        amounts = g.constant(g.array(shape, 0, 3, UINT8))
        y = node(g, "BitShift", [g.constant(g.array(shape, 0, 255, UINT8)), amounts], shape, 0, 255, direction=g.choice(["LEFT", "RIGHT"]))
        return as_float(g, y, 1 / 64)
    op, dtype = g.choice(["BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"]), g.choice([INT32, INT8, UINT8, INT64])
    inputs = [g.constant(g.array(shape, 0, 100, dtype)) for _ in range(1 if op == "BitwiseNot" else 2)]
    return as_float(g, node(g, op, inputs, shape, -128, 255), 1 / 64)


def quantized(g):
    shape, kind = g.shape(2), g.choice([INT8, UINT8])
    if g.opset >= 11 and g.chance(0.3):
        outputs = g.node_of("DynamicQuantizeLinear", [g.parameter(shape, -2, 2)], [(shape, 0, 255, UINT8), ((), 0, 1, FLOAT), ((), 0, 255, UINT8)], False)
    else:
        scale, zero = g.constant(np.float32(g.choice([0.02, 0.05]))), g.constant(np.array(3, kind), plain=True)
        y = node(g, "QuantizeLinear", [g.parameter(shape, -2, 2), scale, zero], shape, -128, 255, dtype=kind)
        outputs = [y, scale, zero]
    return node(g, "DequantizeLinear", outputs, shape, -13, 13, dtype=FLOAT)


def along_axis(g):
    shape = g.shape(g.between(1, 3))
    x, axis = g.parameter(shape), g.between(0, len(shape) - 1)
    op = g.choice(["Hardmax", "TopK"] + ["Compress"] * (g.opset >= 9) + ["ReverseSequence"] * (g.opset >= 10) +
                  ["CumSum", "Unique"] * (g.opset >= 11))
    if op == "Hardmax":
        return node(g, op, [x], shape, 0, 1, axis=axis)
    if op == "Compress":
        mask = g.array((shape[axis],), dtype=BOOL)
        mask[0] = True
        form = (*shape[:axis], int(mask.sum()), *shape[axis + 1:])
        return node(g, op, [x, g.constant(mask)], form, -1, 1, axis=axis)
    if op == "CumSum":
        given = {k: 1 for k in ("exclusive", "reverse") if g.chance(0.4)}
        return node(g, op, [x, g.constant(np.array(g.written(axis, len(shape)), g.choice([np.int64, np.int32])))], shape, -13, 13, **given)
    if op == "ReverseSequence":
        if len(shape) < 2:
            raise Unfit
        lengths = g.constant(g.numbers.integers(1, shape[0] + 1, (shape[1],)).astype(np.int64))
        return node(g, op, [x, lengths], shape, -1, 1, time_axis=0, batch_axis=1)
    count = g.between(1, shape[axis])
    form = (*shape[:axis], count, *shape[axis + 1:])
    if op == "Unique":
        values = g.constant(np.arange(6, dtype=np.float32)[[3, 1, 3, 0, 1, 5]])
        return g.node_of(op, [values], [((4,), 0, 5, None)], False, sorted=g.between(0, 1))[0]
    given = {"axis": axis}
    if g.opset < 10:
        given["k"] = count
    if g.opset >= 11:
        given["largest"] = g.between(0, 1)
    outputs = g.node_of(op, [x] + ([g.integers([count])] if g.opset >= 10 else []), [(form, -1, 1, None), (form, 0, 13, INT64)], False, **given)
    return g.choice([outputs[0], as_float(g, outputs[1], 0.2)])


def indexed(g):
    shape = (g.between(2, 6), g.between(2, 6))
    x = g.parameter(shape)
    op = g.choice(["OneHot", "EyeLike"] + ["Scatter"] * (g.opset < 11) + ["ScatterElements", "GatherElements", "GatherND"] * (g.opset >= 11) +
                  ["Trilu"] * (g.opset >= 14))
    if op == "EyeLike":
        return node(g, op, [x], shape, 0, 1, **({"k": g.between(-2, 2)} if g.chance(0.6) else {}))
    if op == "Trilu":
        return node(g, op, [x, g.constant(np.array(g.between(-2, 2), np.int64))], shape, -1, 1, upper=g.between(0, 1))
    if op == "OneHot":
        indices = g.constant(g.array((shape[0],), 0, shape[1] - 1, INT64))
        return node(g, op, [indices, g.constant(np.array(shape[1], np.int64)), g.constant(np.array([-0.5, 1.5], np.float32))],
                    shape, -0.5, 1.5, dtype=FLOAT, axis=-1)
    if op == "GatherND":
        indices = np.stack([g.numbers.integers(0, s, (3,)) for s in shape], axis=1)
        return node(g, op, [x, g.constant(indices.astype(np.int64))], (3,), -1, 1)
    rows = g.numbers.permuted(np.tile(np.arange(shape[0]), (shape[1], 1)), axis=1).T  # each row once in every column
    indices = g.constant(rows[:g.between(1, shape[0])].astype(np.int64))
    if op == "GatherElements":
        return node(g, op, [x, indices], indices.shape, -1, 1, axis=0)
    given = {"reduction": g.choice(["none", "add", "mul"] + ["min", "max"] * (g.opset >= 18))} if g.opset >= 16 and g.chance(0.6) else {}
    return node(g, op, [x, indices, g.parameter(indices.shape)], shape, -2, 2, axis=0, **given)


def einsum(g):
    i, j, k = (g.between(1, 5) for _ in range(3))
    equation, forms, shape = g.choice([("ij,jk->ik", [(i, j), (j, k)], (i, k)), ("ij->ji", [(i, j)], (j, i)), ("ij->i", [(i, j)], (i,)),
                                       ("ii->i", [(i, i)], (i,)), ("ij,ij", [(i, j), (i, j)], ()), ("aij,ajk->aik", [(2, i, j), (2, j, k)], (2, i, k))])
    return node(g, "Einsum", [g.parameter(f) for f in forms], shape, -25, 25, equation=equation)


@operator(*FUNCTIONS, "IsNaN", "IsInf", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "QuantizeLinear", "DequantizeLinear",
          "DynamicQuantizeLinear", "Hardmax", "TopK", "Compress", "ReverseSequence", "CumSum", "Unique", "OneHot", "EyeLike", "Scatter",
          "ScatterElements", "GatherElements", "GatherND", "Trilu", "Einsum", weight=5)
def evaluated(g):
    """An operand whose elements are results of such an operator."""
    x = g.tame(g.pick())
    makers = [(7, function), (9, class_of), (11, bits), (10, quantized), (7, along_axis), (9, indexed), (12, einsum)]
    values = g.choice([make for since, make in makers if since <= g.opset])(g)
    shape = other_shape(g, x.shape)
    flat = node(g, "Reshape", [values, g.integers([-1])], (values.size,), values.low, values.high)
    places = g.constant(np.arange(math.prod(shape), dtype=np.int64) % values.size)
    y = node(g, "Gather", [flat, places], (math.prod(shape),), values.low, values.high, axis=0)
    y = node(g, "Reshape", [y, g.integers(shape)], shape, values.low, values.high)
    return g.node("Add", [x, y], broadcast(x, y), x.low + y.low, x.high + y.high)


@operator("If", weight=1)
def branch(g):
    x = g.tame(g.pick())
    size = node(g, "Size", [x], (), 1, x.size, dtype=INT64)
    condition = node(g, "Less", [size, g.constant(np.array(x.size + g.between(0, 1), np.int64))], (), 0, 1, dtype=BOOL) \
        if g.opset >= 9 else g.constant(np.bool_(g.chance(0.5)))
    y = g.name()
    def graph(op):
        result = f"{y}/{op}"
        return helper.make_graph([helper.make_node(op, [x.name], [result], name=result)], op, [],
                                 [helper.make_tensor_value_info(result, TensorProto.FLOAT, x.shape)])
    then_op, else_op = g.random.sample(["Neg", "Abs", "Tanh", "Relu"], 2)
    made = g.node("If", [condition], x.shape, -x.largest, max(x.largest, 1), dtype=FLOAT, then_branch=graph(then_op), else_branch=graph(else_op))
    made.constant = False
    g.tensors.append(made)
    return made
