"""Constant subgraphs: comparisons, logic and shape arithmetic, which the converter evaluates."""
import math

import numpy as np
from onnx import numpy_helper

from .builder import BOOL, FLOAT, INT64, Unfit
from .registry import operator
from .shapes import broadcast, other_shape


def node(g, op, inputs, shape, low, high, dtype=None, **attributes):
    result = g.node(op, inputs, shape, low, high, dtype=dtype, keep=False, **attributes)
    result.constant = True
    return result


def as_float(g, x, factor):
    x = node(g, "Cast", [x], x.shape, x.low, x.high, dtype=FLOAT, to=1)
    return node(g, "Mul", [x, g.constant(np.float32(factor))], x.shape, x.low * factor, x.high * factor)


def condition(g, shape):
    """A boolean constant: a comparison, or logic of two of them."""
    whole = g.opset >= 9 and g.chance(0.5)
    a, b = (g.constant(g.array(shape, -3, 3, FLOAT if whole else np.int64)) for _ in range(2))
    names = ["Less", "Greater"] + ["GreaterOrEqual", "LessOrEqual"] * (g.opset >= 12) + ["Equal"] * (g.opset >= 11)
    op = g.choice(names if g.opset >= 9 else ["Equal"])
    y = node(g, op, [a, b], shape, 0, 1, dtype=BOOL)
    way = g.random.random()
    if way < 0.2:
        y = node(g, "Not", [y], shape, 0, 1)
    elif way < 0.6:
        y = node(g, g.choice(["And", "Or", "Xor"]), [y, g.constant(g.array(shape, dtype=BOOL))], shape, 0, 1)
    return y


def computed(g, shape, low, high):
    """A floating-point constant of this shape that a few nodes compute."""
    size = math.prod(shape)
    ways = ["condition"]
    if g.opset >= 9:
        ways += ["where", "of_shape", "chosen"]
    if g.opset >= 11:
        ways += ["range", "scatter"]
    if g.opset >= 10:
        ways += ["mod"]
    way = g.choice(ways)
    if way == "condition":
        mask = as_float(g, condition(g, shape), (high - low) / 2)
        return node(g, "Add", [mask, g.constant(np.float32((low + high) / 2))], shape, low, high)
    if way == "where":
        picks = [g.parameter(g.choice([shape, ()]), low, high) for _ in range(2)]
        return node(g, "Where", [condition(g, shape), *picks], shape, low, high, dtype=FLOAT)
    if way == "of_shape":
        value = float(g.array((), low, high))
        return node(g, "ConstantOfShape", [g.integers(shape)], shape, value, value, dtype=FLOAT,
                    value=numpy_helper.from_array(np.array([value], np.float32)))
    if way == "chosen":
        mask = g.array((size + 3,), dtype=BOOL)
        mask[:] = True
        found = node(g, "NonZero", [g.constant(mask)], (1, size + 3), 0, size + 3, dtype=INT64)
        first = node(g, "Gather", [found, g.constant(np.arange(size, dtype=np.int64))], (1, size), 0, size, axis=1)
        values = as_float(g, first, (high - low) / max(size, 1))
        flat = node(g, "Add", [values, g.constant(np.float32(low))], (1, size), low, high)
        return node(g, "Reshape", [flat, g.integers(shape)], shape, low, high)
    if way == "range":
        bounds = [g.constant(np.array(v, np.int64)) for v in (0, size, 1)]
        values = as_float(g, node(g, "Range", bounds, (size,), 0, size), (high - low) / max(size, 1))
        flat = node(g, "Add", [values, g.constant(np.float32(low))], (size,), low, high)
        return node(g, "Reshape", [flat, g.integers(shape)], shape, low, high)
    if way == "scatter":
        if size == 0:
            raise Unfit
        count = g.between(1, size)
        indices = g.random.sample(range(size), count)
        data = g.parameter((size,), low, high)
        flat = node(g, "ScatterND", [data, g.constant(np.array(indices, np.int64).reshape(count, 1)), g.parameter((count,), low, high)],
                    (size,), low, high)
        return node(g, "Reshape", [flat, g.integers(shape)], shape, low, high)
    a, b = g.constant(g.array(shape, -20, 20, INT64)), g.constant(np.array(g.choice([3, 7, -5]), np.int64))
    rest = node(g, "Mod", [a, b], shape, -7, 7, **g.choice([{}, {"fmod": 1}]))
    values = as_float(g, rest, (high - low) / 16)
    return node(g, "Add", [values, g.constant(np.float32((low + high) / 2))], shape, low, high)


@operator("Where", "Mod", "Range", "NonZero", "ScatterND", "ConstantOfShape", "And", "Or", "Xor", "Not", "Equal", "Less", "Greater",
          "LessOrEqual", "GreaterOrEqual", "Constant", weight=2)
def constant_operand(g):
    x = g.tame(g.pick())
    y = computed(g, other_shape(g, x.shape), 0.25, 2.0)
    op = g.choice(["Add", "Mul"])
    corners = [x.low + y.low, x.high + y.high] if op == "Add" else [p * q for p in (x.low, x.high) for q in (y.low, y.high)]
    return g.node(op, [x, y], broadcast(x, y), min(corners), max(corners))


@operator("Shape", "Size", weight=1)
def of_shape(g):
    x = g.tame(g.pick())
    if g.chance(0.3):
        count = node(g, "Size", [x], (), 1, x.size, dtype=INT64)
        factor = as_float(g, count, 1.0 / x.size)
    else:
        given, first, end = {}, 0, x.rank
        if g.opset >= 15 and g.chance(0.5):
            first, end = sorted(g.random.sample(range(x.rank + 1), 2))
            given = {"start": first, "end": end}
        sizes = node(g, "Shape", [x], (end - first,), 1, 1000, dtype=INT64, **given)
        one = node(g, "Gather", [sizes, g.constant(np.array(g.between(0, end - first - 1), np.int64))], (), 1, 1000, axis=0)
        factor = as_float(g, one, 0.1)
    return g.node("Mul", [x, factor], x.shape, -x.largest * factor.high, x.largest * factor.high)
