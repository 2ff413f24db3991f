"""Reductions, softmax and normalizations, as operators and written out."""
import math

import numpy as np

from .builder import FLOAT, INT64, Unfit
from .registry import operator

REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


def reduce_node(g, op, x, axes, keep_dims, keep=True):
    """A reduction along sorted axes, None for all of them."""
    count = math.prod(x.shape[a] for a in (axes if axes is not None else range(x.rank)))
    shape = [1 if axes is None or d in axes else s for d, s in enumerate(x.shape) if keep_dims or not (axes is None or d in axes)]
    largest = {"Sum": count * x.largest, "L1": count * x.largest, "SumSquare": count * x.largest**2,
               "L2": math.sqrt(count) * x.largest, "LogSum": math.log(count * x.largest + 1) + 3,
               "LogSumExp": x.largest + math.log(count), "Prod": max(1, x.largest)**min(count, 12)}.get(op[6:], x.largest)
    low, high = -largest, largest
    if op[6:] in ("L1", "L2", "SumSquare") or (x.low >= 0 and op[6:] in ("Sum", "Mean", "Max", "Min", "Prod")):
        low = x.low if op[6:] in ("Mean", "Max", "Min", "Sum") and x.low >= 0 else 0
    given = {} if keep_dims and g.chance(0.5) else {"keepdims": int(keep_dims)}
    inputs = [x]
    if axes is not None:
        written = [g.written(a, x.rank) for a in axes]
        if g.opset >= (13 if op == "ReduceSum" else 18):
            inputs.append(g.integers(written))
        else:
            given["axes"] = written
    return g.node(op, inputs, shape, low, high, keep=keep, **given)


@operator(*("Reduce" + r for r in REDUCTIONS), weight=5)
def reduction(g):
    op = "Reduce" + g.choice(REDUCTIONS)
    x = g.tame(g.pick(), 8.0)
    if op == "ReduceLogSum":
        x = g.positive(x)
    axes = g.axes(x.rank) if g.chance(0.85) else None
    if op == "ReduceProd":
        count = math.prod(x.shape[a] for a in (axes if axes is not None else range(x.rank)))
        if count > 12:
            raise Unfit
        x = g.tame(x, 2.0)
    keep_dims = g.chance(0.6) or axes is None or len(axes) == x.rank
    if op != "ReduceSum" and g.opset >= 18 or op == "ReduceSum" and g.opset >= 13:
        if g.chance(0.04) and op not in ("ReduceLogSum", "ReduceLogSumExp", "ReduceL1", "ReduceL2", "ReduceSumSquare"):
            return g.node(op, [x], x.shape, x.low, x.high, noop_with_empty_axes=1)
    return reduce_node(g, op, x, axes, keep_dims)


@operator("ArgMax", "ArgMin", weight=1)
def arg_max(g):
    x = g.pick()
    axis, written = g.axis(x.rank)
    keep_dims = g.chance(0.5) or x.rank == 1
    shape = [1 if d == axis else s for d, s in enumerate(x.shape) if keep_dims or d != axis]
    given = {"axis": written, "keepdims": int(keep_dims)}
    if g.opset >= 12 and g.chance(0.3):
        given["select_last_index"] = 1
    y = g.node(g.choice(["ArgMax", "ArgMin"]), [x], shape, 0, x.shape[axis], dtype=INT64, **given)
    if g.chance(0.5):
        return g.node("Cast", [y], shape, 0, x.shape[axis], dtype=FLOAT, to=1)
    return y


@operator("Softmax", "LogSoftmax", weight=2.5)
def softmax(g):
    x = g.tame(g.pick())
    op = g.choice(["Softmax", "Softmax", "LogSoftmax"])
    _, written = g.axis(x.rank)
    given = {} if g.chance(0.2) and (g.opset >= 13 or x.rank >= 2) else {"axis": written}
    return g.node(op, [x], x.shape, 0 if op == "Softmax" else -2 * x.largest - 8, 1, **given)


@operator("InstanceNormalization", weight=1.5)
def instance_norm(g):
    x = g.tame(g.pick(range(3, 6), test=lambda t: math.prod(t.shape[2:]) >= 4))
    c = x.shape[1]
    largest = 2 * math.sqrt(math.prod(x.shape[2:])) + 1
    given = {} if g.chance(0.4) else {"epsilon": g.choice([1e-5, 1e-3, 0.1])}
    return g.node("InstanceNormalization", [x, g.parameter((c,), 0.5, 1.5), g.parameter((c,), -1, 1)],
                  x.shape, -largest, largest, **given)


@operator("LayerNormalization", since=17, weight=2)
def layer_norm(g):
    x = g.tame(g.pick(test=lambda t: t.shape[-1] >= 3))
    axis = g.between(0, x.rank - 1)
    form = x.shape[axis:]
    inputs = [x, g.parameter(form, 0.5, 1.5)]
    if g.chance(0.7):
        inputs.append(g.parameter(form, -1, 1))
    given = {} if axis == x.rank - 1 and g.chance(0.4) else {"axis": g.written(axis, x.rank)}
    if g.chance(0.5):
        given["epsilon"] = g.choice([1e-5, 1e-3, 0.1])
    largest = 2 * math.sqrt(math.prod(form)) + 1
    return g.node("LayerNormalization", inputs, x.shape, -largest, largest, **given)


@operator("GroupNormalization", since=18, weight=1.5)
def group_norm(g):
    x = g.tame(g.pick(range(3, 6), test=lambda t: math.prod(t.shape[2:]) >= 4))
    c = x.shape[1]
    groups = g.choice([v for v in range(1, c + 1) if c % v == 0])
    form = (c if g.opset >= 21 else groups,)
    largest = 2 * math.sqrt(math.prod(x.shape[1:])) + 1
    given = {} if g.chance(0.4) else {"epsilon": g.choice([1e-5, 1e-3])}
    return g.node("GroupNormalization", [x, g.parameter(form, 0.5, 1.5), g.parameter(form, -1, 1)],
                  x.shape, -largest, largest, num_groups=groups, **given)


@operator("LpNormalization", weight=0.7)
def lp_norm(g):
    x = g.tame(g.pick())
    _, written = g.axis(x.rank)
    return g.node("LpNormalization", [x], x.shape, -1, 1, axis=written, p=g.choice([1, 2, 2]))


@operator("MeanVarianceNormalization", since=9, weight=0.7)
def mean_variance_norm(g):
    x = g.tame(g.pick([4]))
    axes = g.choice([None, [0, 2, 3], [2, 3], [1], [3], [1, 2, 3]])
    if math.prod(x.shape[a] for a in axes or [0, 2, 3]) < 4:
        raise Unfit
    return g.node("MeanVarianceNormalization", [x], x.shape, -60, 60, **({} if axes is None else {"axes": axes}))


@operator("Reshape", "ReduceMean", "Sqrt", weight=3)
def written_out_norm(g):
    """A normalization as exporters unfold it: layer, RMS, L2, group or instance norm, in one of many spellings."""
    x = g.tame(g.pick(range(2, 5), test=lambda t: t.size // t.shape[0] >= 6))
    source, shape = x, x.shape
    if g.chance(0.4) and x.rank >= 3:
        c = x.shape[1]
        groups = g.choice([v for v in range(1, c + 1) if c % v == 0])
        shape = (x.shape[0], groups, -1) if g.chance(0.6) else (x.shape[0], groups, c // groups, *x.shape[2:])
        actual = tuple(s if s != -1 else x.size // (x.shape[0] * groups) for s in shape)
        x = g.node("Reshape", [x, g.integers(shape)], actual, x.low, x.high)
        axes = list(range(2, len(actual)))
    else:
        axes = g.choice([[x.rank - 1], [x.rank - 1], [1], list(range(1, x.rank)), list(range(2, x.rank)) or [1]])
    if math.prod(x.shape[a] for a in axes) < 4:
        raise Unfit
    kind = g.choice(["layer", "layer", "rms", "l2"])
    centred = x
    if kind == "layer":
        mean = reduce_node(g, "ReduceMean", x, axes, True, keep=False)
        centred = g.node("Sub", [x, mean], x.shape, x.low - x.high, x.high - x.low, keep=g.chance(0.2))
    if kind == "l2":
        if g.chance(0.5):
            root = reduce_node(g, "ReduceL2", x, axes, True, keep=False)
        else:
            square = g.node("Mul", [x, x], x.shape, 0, x.largest**2, keep=False)
            root = g.node("Sqrt", [reduce_node(g, "ReduceSum", square, axes, True, keep=False)],
                          [1 if d in axes else s for d, s in enumerate(x.shape)], 0, 100, keep=False)
        below = g.constant(np.float32(1e-3))
        root = g.node("Max" if g.chance(0.5) and g.opset >= 8 else "Add", [root, below], root.shape, 1e-3, 100, keep=False)
        y = g.node("Div", [x, root], x.shape, -1, 1)
    else:
        if g.chance(0.5):
            square = g.node("Mul", [centred, centred], x.shape, 0, 100, keep=False)
        else:
            square = g.node("Pow", [centred, g.constant(np.float32(2))], x.shape, 0, 100, keep=False)
        moment = reduce_node(g, "ReduceMean", square, axes, True, keep=False)
        raised = g.node("Add", [moment, g.constant(np.float32(g.choice([1e-5, 1e-3, 0.1])))], moment.shape, 0, 100, keep=False)
        root = g.node("Sqrt", [raised], moment.shape, 0, 10, keep=False)
        if g.chance(0.6):
            y = g.node("Div", [centred, root], x.shape, -60, 60)
        else:
            factor = g.node("Reciprocal", [root], moment.shape, 0, 400, keep=False)
            y = g.node("Mul", [centred, factor] if g.chance(0.5) else [factor, centred], x.shape, -60, 60)
    if y.shape != source.shape:
        y = g.node("Reshape", [y, g.integers(source.shape)], source.shape, y.low, y.high)
    form = g.choice([(y.shape[-1],), (y.shape[1], *[1] * (y.rank - 2)), (), None])
    if form is not None:
        y = g.node("Mul", [y, g.parameter(form, 0.5, 1.5)], y.shape, y.low * 1.5, y.high * 1.5)
        if g.chance(0.7):
            y = g.node("Add", [y, g.parameter(form, -1, 1)], y.shape, y.low - 1, y.high + 1)
    return y
