"""Operators that move elements: transposes, reshapes, slices, joints, paddings, repetitions, lookups."""
import math

import numpy as np

from .builder import BOOL, FLOAT, INT8, INT32, INT64, UINT8, Unfit
from .registry import operator

# Mostly floating-point tensors; the others move all the same.
ANY = (FLOAT,) * 12 + (INT32, INT8, UINT8, BOOL)


def pick(g, ranks=range(1, 6), test=None):
    return g.pick(ranks, (FLOAT,) if g.chance(0.93) else tuple(set(ANY)), test)


def moved(g, op, inputs, shape, keep=True, **attributes):
    x = inputs[0]
    return g.node(op, inputs, shape, x.low, x.high, keep=keep, **attributes)


@operator("Transpose", weight=4)
def transpose(g):
    x = pick(g, range(2, 6))
    order = list(range(x.rank))
    way = g.random.random()
    if way < 0.3 and x.rank == 4:
        order = g.choice([[0, 2, 3, 1], [0, 3, 1, 2]])
    elif way < 0.4:
        return moved(g, "Transpose", [x], x.shape[::-1])
    else:
        g.random.shuffle(order)
    return moved(g, "Transpose", [x], [x.shape[d] for d in order], perm=order)


@operator("Reshape", "Flatten", "Squeeze", "Unsqueeze", weight=5)
def reshape(g):
    x = pick(g)
    op = g.choice(["Reshape", "Reshape", "Flatten", "Squeeze", "Unsqueeze"])
    if op == "Flatten":
        axis = g.between(0, x.rank)
        written = axis - x.rank if g.opset >= 11 and axis < x.rank and g.chance(0.3) else axis
        shape = (math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
        return moved(g, "Flatten", [x], shape, **({} if written == 1 and g.chance(0.5) else {"axis": written}))
    if op == "Squeeze":
        ones = [d for d, s in enumerate(x.shape) if s == 1]
        if not ones or len(ones) == x.rank:
            raise Unfit
        if g.chance(0.25):
            return moved(g, "Squeeze", [x], [s for s in x.shape if s != 1])
        axes = sorted(g.random.sample(ones, g.between(1, len(ones))))
        shape = [s for d, s in enumerate(x.shape) if d not in axes]
        written = [g.written(a, x.rank) for a in axes]
        return moved(g, "Squeeze", [x, g.integers(written)], shape) if g.opset >= 13 else moved(g, "Squeeze", [x], shape, axes=written)
    if op == "Unsqueeze":
        count = g.between(1, 2)
        rank = x.rank + count
        if rank > 5:
            raise Unfit
        axes = sorted(g.random.sample(range(rank), count))
        shape, rest = [0] * rank, iter(x.shape)
        shape = [1 if d in axes else next(rest) for d in range(rank)]
        written = [g.written(a, rank) for a in axes]
        return moved(g, "Unsqueeze", [x, g.integers(written)], shape) if g.opset >= 13 else moved(g, "Unsqueeze", [x], shape, axes=written)
    shape = list(x.shape)
    for _ in range(g.between(1, 3)):
        i = g.between(0, len(shape) - 1)
        way = g.random.random()
        if way < 0.4 and len(shape) > 1:
            i = g.between(0, len(shape) - 2)
            shape[i:i + 2] = [shape[i] * shape[i + 1]]
        elif way < 0.8 and len(shape) < 5:
            divisors = [v for v in range(1, shape[i] + 1) if shape[i] % v == 0]
            part = g.choice(divisors)
            shape[i:i + 1] = [part, shape[i] // part]
        else:
            g.random.shuffle(shape)
    written = list(shape)
    if g.chance(0.4):
        written[g.between(0, len(written) - 1)] = -1
    if g.chance(0.3):
        written = [0 if d < x.rank and s == x.shape[d] and s != 0 else s for d, s in enumerate(written)]
    return moved(g, "Reshape", [x, vector(g, written, x)], shape)


def vector(g, values, x):
    """The sizes `values` as a shape argument; some are read from x's own shape, as exporters do."""
    same = [d for d in range(min(len(values), x.rank)) if values[d] == x.shape[d]]
    if not same or g.chance(0.8):
        return g.integers(values)
    d = g.choice(same)
    shape = g.node("Shape", [x], (x.rank,), 1, 1e4, dtype=INT64, keep=False)
    one = g.node("Gather", [shape, g.constant(np.array([d], np.int64))], (1,), 1, 1e4, keep=False, axis=0)
    parts = [p for p in (g.integers(values[:d]) if d else None, one, g.integers(values[d + 1:]) if d + 1 < len(values) else None) if p]
    result = g.node("Concat", parts, (len(values),), 1, 1e4, keep=False, axis=0)
    result.constant = True
    return result


@operator("Concat", weight=6)
def concat(g):
    x = pick(g)
    axis, written = g.axis(x.rank)
    parts = [x]
    for _ in range(g.between(0, 3)):
        like = [t for t in g.tensors if t.rank == x.rank and t.dtype == x.dtype and t.size and
                all(a == b for d, (a, b) in enumerate(zip(t.shape, x.shape)) if d != axis)]
        way = g.random.random()
        if way < 0.6 and like:
            parts.append(g.choice(like))
        elif way < 0.85:
            shape = list(x.shape)
            shape[axis] = g.between(1, 5)
            array = g.array(shape, max(x.low, -100), min(x.high, 100), x.dtype)
            parts.append(g.constant(array) if g.chance(0.3) else g.new_input(shape, max(x.low, -100), min(x.high, 100), x.dtype))
        elif way < 0.87 and x.dtype == FLOAT:
            parts.append(g.constant(np.zeros([0 if d == axis else s for d, s in enumerate(x.shape)], np.float32)))
        else:
            parts.append(x)
    g.random.shuffle(parts)
    shape = list(x.shape)
    shape[axis] = sum(p.shape[axis] for p in parts)
    return g.node("Concat", parts, shape, min(p.low for p in parts), max(p.high for p in parts), axis=written)


@operator("Split", weight=3)
def split(g):
    axis = None
    x = pick(g, test=lambda t: max(t.shape) >= 2)
    axis = g.choice([d for d in range(x.rank) if x.shape[d] >= 2])
    written, size = g.written(axis, x.rank), x.shape[axis]
    count = g.between(1, min(size, 4))
    cuts = sorted(g.random.sample(range(1, size), count - 1))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, size])]
    given, inputs = {"axis": written}, [x]
    if axis == 0 and g.chance(0.3):
        given = {}
    if size % count == 0 and g.chance(0.4):
        sizes = [size // count] * count
        if g.opset >= 18:
            given["num_outputs"] = count
    elif g.opset >= 18 and g.chance(0.2):
        part = -(-size // count)
        if part * (count - 1) >= size:
            raise Unfit
        sizes = [part] * (count - 1) + [size - part * (count - 1)]
        given["num_outputs"] = count
    elif g.opset >= 13:
        inputs.append(g.integers(sizes))
    else:
        given["split"] = sizes
    shapes = [x.shape[:axis] + (s,) + x.shape[axis + 1:] for s in sizes]
    return g.node_of("Split", inputs, [(s, x.low, x.high, None) for s in shapes], **given)[0]


@operator("Slice", weight=6)
def slice_(g):
    x = pick(g)
    axes = g.axes(x.rank)
    starts, ends, steps, shape = [], [], [], list(x.shape)
    for d in axes:
        size = x.shape[d]
        step = g.choice([1, 1, 1, 2, 3, -1, -2]) if g.opset >= 10 else 1
        first = g.between(0, size - 1)
        count = g.between(1, (size - 1 - first) // step + 1) if step > 0 else g.between(1, first // -step + 1)
        end = first + count * step
        shape[d] = count
        if step > 0:
            end = min(end, size)
            if end == size and g.chance(0.5):
                end = g.choice([size + 5, 2**31 - 1, 2**63 - 1])
            starts.append(first - size if g.chance(0.3) else first)
        else:
            if end < 0:
                end = -size - 1 if g.chance(0.5) else -2**63 + 1
            starts.append(first)
        ends.append(end)
        steps.append(step)
    if g.opset < 10:
        given = {} if axes == list(range(x.rank)) and g.chance(0.3) else {"axes": axes}
        return moved(g, "Slice", [x], shape, starts=starts, ends=ends, **given)
    inputs = [x, g.integers(starts), g.integers(ends), g.integers([g.written(a, x.rank) for a in axes])]
    if any(s != 1 for s in steps) or g.chance(0.3):
        inputs.append(g.integers(steps))
    return moved(g, "Slice", inputs, shape)


def pads_of(g, x, mode):
    begin, end = [0] * x.rank, [0] * x.rank
    for d in g.axes(x.rank):
        size = x.shape[d]
        most = {"constant": 4, "edge": 4, "wrap": size, "reflect": size - 1}[mode]
        begin[d], end[d] = g.between(0, min(most, 3)), g.between(0, min(most, 3))
        if g.chance(0.2) and mode == "constant" and size > 1:
            begin[d] = -g.between(1, size - 1)
        if g.chance(0.2) and mode == "constant" and size + begin[d] > 1:
            end[d] = -g.between(1, size + min(begin[d], 0) - 1) if size + min(begin[d], 0) > 1 else 0
    return begin, end


@operator("Pad", weight=4)
def pad(g):
    x = g.pick()
    mode = g.choice(["constant", "constant", "reflect", "edge"] + ["wrap"] * (g.opset >= 19))
    begin, end = pads_of(g, x, mode)
    shape = [b + s + e for b, s, e in zip(begin, x.shape, end)]
    if min(shape) < 1:
        raise Unfit
    given = {} if mode == "constant" and g.chance(0.4) else {"mode": mode}
    value = g.choice([0.0, 0.0, 1.5, -2.0])
    low, high = (min(x.low, value), max(x.high, value)) if mode == "constant" else (x.low, x.high)
    if g.opset < 11:
        if value != 0:
            given["value"] = value
        else:
            low, high = (min(x.low, 0), max(x.high, 0)) if mode == "constant" else (x.low, x.high)
        return g.node("Pad", [x], shape, low, high, pads=begin + end, **given)
    axes = [d for d in range(x.rank) if begin[d] or end[d]]
    use_axes = g.opset >= 18 and axes and g.chance(0.4)
    listed = axes if use_axes else range(x.rank)
    inputs = [x, g.integers([begin[d] for d in listed] + [end[d] for d in listed])]
    if value != 0 or use_axes or g.chance(0.3):
        inputs.append(g.constant(np.float32(value)) if mode == "constant" or not use_axes else None)
    if use_axes:
        inputs.append(g.integers([g.written(a, x.rank) for a in axes]))
    return g.node("Pad", inputs, shape, min(low, 0), max(high, 0), **given)


@operator("Expand", since=8, weight=1.5)
def expand(g):
    x = pick(g)
    shape = [s if s > 1 else g.choice([1, 2, 3]) for s in x.shape]
    given = [1 if s == t and g.chance(0.4) else t for s, t in zip(x.shape, shape)]
    if len(shape) < 5 and g.chance(0.3):
        shape, given = [2, *shape], [2, *given]
    if math.prod(shape) > 6000:
        raise Unfit
    return moved(g, "Expand", [x, g.integers(given)], shape)


@operator("Tile", weight=1.5)
def tile(g):
    x = pick(g)
    repeats = [g.choice([1, 1, 2, 3]) for _ in x.shape]
    shape = [s * r for s, r in zip(x.shape, repeats)]
    if math.prod(shape) > 6000:
        raise Unfit
    return moved(g, "Tile", [x, g.integers(repeats)], shape)


@operator("Gather", weight=2.5)
def gather(g):
    x = pick(g)
    axis, written = g.axis(x.rank)
    size = x.shape[axis]
    form = g.choice([(), (1,), (g.between(1, 6),), (2, 3)])
    indices = g.numbers.integers(0, size, form)
    if g.opset >= 11 and g.chance(0.3):
        indices = np.where(g.numbers.random(form) < 0.5, indices - size, indices)
    shape = x.shape[:axis] + tuple(form) + x.shape[axis + 1:]
    if len(shape) > 5 or not shape:
        raise Unfit
    return moved(g, "Gather", [x, g.constant(np.asarray(indices, g.choice([np.int64, np.int32])))], shape, axis=written)


@operator("DepthToSpace", "SpaceToDepth", weight=1)
def depth_to_space(g):
    block = g.choice([2, 2, 3])
    if g.chance(0.5):
        x = g.pick([4], test=lambda t: t.shape[2] % block == 0 and t.shape[3] % block == 0)
        n, c, h, w = x.shape
        return moved(g, "SpaceToDepth", [x], (n, c * block**2, h // block, w // block), blocksize=block)
    x = g.pick([4], test=lambda t: t.shape[1] % block**2 == 0)
    n, c, h, w = x.shape
    given = g.choice([{}, {"mode": "DCR"}, {"mode": "CRD"}]) if g.opset >= 11 else {}
    return moved(g, "DepthToSpace", [x], (n, c // block**2, h * block, w * block), blocksize=block, **given)
