"""Element-wise operators: functions of one tensor, arithmetic with broadcasting, casts."""
import math

import numpy as np
from onnx import helper

from .builder import BOOL, DOUBLE, FLOAT, INT8, INT32, INT64, UINT8
from .constants import computed
from .registry import operator
from .shapes import broadcast, broadcastable, other_shape


def erf(x):
    return np.vectorize(math.erf)(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(x))


def elu(x, alpha):
    return np.where(x < 0, alpha * np.expm1(x), x)


def bounds(function, x):
    """Of a function on x's range, from samples; every one here is nearly monotonous between two of them."""
    with np.errstate(all="ignore"):
        y = function(np.linspace(x.low, x.high, 65))
    slack = 1e-3 * np.abs(y).max()
    return y.min() - slack, y.max() + slack


def unary(g, op, function, x, **attributes):
    low, high = bounds(function, x)
    if op in ("Relu", "Abs", "Sqrt", "Exp", "Sigmoid", "Softplus"):
        low = max(low, 0)
    return g.node(op, [x], x.shape, low, high, **attributes)


SIMPLE = {
    "Relu": (7, lambda x: np.maximum(x, 0)), "Sigmoid": (7, sigmoid), "Tanh": (7, np.tanh), "Erf": (9, erf),
    "HardSwish": (14, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)), "Softplus": (7, softplus),
    "Softsign": (7, lambda x: x / (1 + np.abs(x))), "Mish": (18, lambda x: x * np.tanh(softplus(x))),
    "Exp": (7, np.exp), "Abs": (7, np.abs), "Neg": (7, np.negative), "Floor": (7, np.floor), "Ceil": (7, np.ceil),
    "Round": (11, np.round), "Sin": (7, np.sin), "Cos": (7, np.cos)}


@operator(*SIMPLE, weight=6)
def simple(g):
    op = g.choice([op for op, (since, _) in SIMPLE.items() if since <= g.opset])
    return unary(g, op, SIMPLE[op][1], g.tame(g.pick(range(0, 6))))


@operator("Log", "Sqrt", "Reciprocal", weight=1.5)
def of_positive(g):
    op, function = g.choice([("Log", np.log), ("Sqrt", np.sqrt), ("Reciprocal", np.reciprocal)])
    return unary(g, op, function, g.positive(g.pick()))


@operator("LeakyRelu", "Elu", "Selu", "HardSigmoid", "Gelu", weight=2.5)
def parametrized(g):
    x, op = g.tame(g.pick()), g.choice(["LeakyRelu", "Elu", "Selu", "HardSigmoid"] + ["Gelu"] * (g.opset >= 20))
    alpha = g.choice([0.01, 0.2, 1.0, 0.5, 1.7])
    given = {} if g.chance(0.3) else {"alpha": alpha}
    if op == "LeakyRelu":
        alpha = given.get("alpha", 0.01)
        return unary(g, op, lambda v: np.where(v < 0, alpha * v, v), x, **given)
    if op == "Elu":
        return unary(g, op, lambda v: elu(v, given.get("alpha", 1.0)), x, **given)
    if op == "Selu":
        if given:
            given["gamma"] = g.choice([1.0, 1.05, 0.5])
        return unary(g, op, lambda v: given.get("gamma", 1.0507) * elu(v, given.get("alpha", 1.67326)), x, **given)
    if op == "HardSigmoid":
        if given:
            given["beta"] = g.choice([0.5, 0.3])
        return unary(g, op, lambda v: np.clip(given.get("alpha", 0.2) * v + given.get("beta", 0.5), 0, 1), x, **given)
    return unary(g, op, lambda v: v * (1 + erf(v / math.sqrt(2))) / 2, x,
                 **g.choice([{}, {"approximate": "none"}, {"approximate": "tanh"}]))


@operator("Clip", weight=1.5)
def clip(g):
    x = g.pick()
    least, most = sorted(g.choice([(0, 6), (-1, 1), (0, 1), (-0.5, 0.75), (0, 100)]))
    has_least, has_most = g.chance(0.8), g.chance(0.8)
    low = max(x.low, least) if has_least else x.low
    high = min(max(x.high, low), most) if has_most else x.high
    if g.opset < 11:
        given = ({"min": float(least)} if has_least else {}) | ({"max": float(most)} if has_most else {})
        return g.node("Clip", [x], x.shape, min(low, most), max(high, least), **given)
    limits = [g.constant(np.float32(v)) if has else None for v, has in ((least, has_least), (most, has_most))]
    if has_least and g.chance(0.1):
        scalar = g.node("ReduceMin", [x], (), x.low, x.high, keepdims=0) if g.opset >= 11 else None
        limits[0] = scalar
        low, high = x.low, max(high, x.high)
    return g.node("Clip", [x, *limits], x.shape, min(low, most), max(high, least))


def operand(g, x, low=-2.0, high=2.0):
    """Something that broadcasts with x: an existing tensor, a constant or a new input."""
    way = g.random.random()
    if way < 0.35:
        found = [t for t in g.tensors if t.dtype == x.dtype and broadcastable(t.shape, x.shape) and t.size]
        if found:
            return g.tame(g.choice(found))
    shape = other_shape(g, x.shape)
    if way < 0.75:
        if g.chance(0.2):
            return computed(g, shape, low, high)
        return g.parameter(shape, low, high)
    return g.new_input(shape, low, high)


def either_order(g, a, b):
    return (a, b) if g.chance(0.5) else (b, a)


@operator("Add", "Sub", "Mul", weight=8)
def arithmetic(g):
    x = g.tame(g.pick(range(0, 6)))
    y = x if g.chance(0.07) else operand(g, x)
    a, b = either_order(g, x, y)
    op = g.choice(["Add", "Add", "Sub", "Mul"])
    corners = {"Add": [a.low + b.low, a.high + b.high], "Sub": [a.low - b.high, a.high - b.low],
               "Mul": [p * q for p in (a.low, a.high) for q in (b.low, b.high)]}[op]
    return g.node(op, [a, b], broadcast(a, b), min(corners), max(corners))


@operator("Div", weight=1.5)
def division(g):
    x = g.tame(g.pick())
    y = g.positive(operand(g, x, 0.5, 2.0)) if g.chance(0.4) else g.parameter(other_shape(g, x.shape), 0.5, 2.0)
    largest = x.largest / y.low
    return g.node("Div", [x, y], broadcast(x, y), -largest, largest)


@operator("Pow", weight=1)
def power(g):
    x = g.pick()
    exponent = g.choice([2.0, 2.0, 3.0, 0.5, -1.0, 1.0, 1.5, -0.5, 0.0])
    x = g.tame(x, 6.0) if exponent in (2.0, 3.0, 1.0) else g.positive(g.tame(x, 6.0))
    y = g.constant(np.full(g.choice([(), (), (1,), other_shape(g, x.shape)]), exponent, np.float32))
    if g.chance(0.15):
        x = g.positive(x)
        y = g.parameter(other_shape(g, x.shape), -1.5, 2.0)
    largest = max(x.largest, 1 / x.low if x.low > 0 else 0, 1) ** 3
    if g.opset >= 12 and g.chance(0.1):
        y = g.constant(np.full(y.shape, 2, g.choice([np.int64, np.int32])))
    return g.node("Pow", [x, y], broadcast(x, y), 0 if x.low >= 0 else -largest, largest)


@operator("PRelu", weight=1)
def prelu(g):
    x = g.tame(g.pick())
    shape = list(x.shape)
    slope = g.choice([[1], [shape[1], *[1] * (len(shape) - 2)] if len(shape) > 1 else shape, shape, [1] * len(shape)])
    y = g.parameter(slope, -1.0, 1.0) if g.chance(0.8) else g.new_input(slope, -1.0, 1.0)
    return g.node("PRelu", [x, y], x.shape, -x.largest, x.largest)


@operator("Sum", "Mean", "Max", "Min", weight=2)
def variadic(g):
    x = g.tame(g.pick())
    many = [x]
    for _ in range(g.between(0, 3)):
        y = operand(g, x) if g.opset >= 8 else g.new_input(x.shape)
        if not all(broadcastable(y.shape, t.shape) for t in many):
            continue
        many.append(y)
    g.random.shuffle(many)
    op, largest = g.choice(["Sum", "Mean", "Max", "Min"]), sum(t.largest for t in many)
    return g.node(op, many, broadcast(*many), -largest, largest)


@operator("Cast", "CastLike", weight=1.5)
def cast(g):
    kind = g.choice(["double", "sum", "to_integer", "from_integer", "like"])
    if kind in ("double", "sum"):
        x = g.tame(g.pick())
        wide = g.node("Cast", [x], x.shape, x.low, x.high, dtype=DOUBLE, to=helper.np_dtype_to_tensor_dtype(DOUBLE), keep=g.chance(0.1))
        if kind == "sum":
            wide = g.node("Add", [wide, g.constant(g.array((1,), dtype=DOUBLE))], wide.shape, x.low - 1, x.high + 1, keep=False)
        return g.node("Cast", [wide], x.shape, wide.low, wide.high, dtype=FLOAT, to=helper.np_dtype_to_tensor_dtype(FLOAT))
    if kind == "to_integer":
        x, to = g.tame(g.pick()), g.choice([INT32, INT64, INT8, UINT8, BOOL])
        if to == UINT8:
            x = g.positive(x)
        if to == BOOL:
            return g.node("Cast", [x], x.shape, 0, 1, dtype=BOOL, to=helper.np_dtype_to_tensor_dtype(BOOL))
        return g.node("Cast", [x], x.shape, x.low, x.high, dtype=to, to=helper.np_dtype_to_tensor_dtype(to))
    x = g.pick(dtypes=[INT32, INT64, INT8, UINT8, BOOL])
    if kind == "like" and g.opset >= 15:
        like = g.pick()
        return g.node("CastLike", [x, like], x.shape, x.low, x.high, dtype=FLOAT)
    y = g.node("Cast", [x], x.shape, x.low, x.high, dtype=FLOAT, to=helper.np_dtype_to_tensor_dtype(FLOAT))
    return g.node("Mul", [y, g.constant(np.float32(0.02))], y.shape, y.low * 0.02, y.high * 0.02)


@operator("Identity", "Dropout", weight=1)
def identity(g):
    x = g.pick()
    if g.chance(0.5):
        return g.node("Identity", [x], x.shape, x.low, x.high)
    if g.opset < 12:
        return g.node("Dropout", [x], x.shape, x.low, x.high, **g.choice([{}, {"ratio": 0.3}]))
    given = [g.constant(np.float32(0.4))] if g.chance(0.4) else []
    if given and g.chance(0.5):
        given.append(g.constant(np.bool_(False)))
    return g.node("Dropout", [x, *given], x.shape, x.low, x.high)
