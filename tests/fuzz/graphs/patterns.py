"""Arrangements of several nodes that networks are made of, and ones that try the converter's rewrites."""
import math

import numpy as np
from onnx import NodeProto

from .builder import Unfit
from .registry import operator
from .windows import Window, bias, kernel_of, weights


def reshaped(g, x, shape, keep=True):
    return g.node("Reshape", [x, g.integers(shape)], shape, x.low, x.high, keep=keep)


def transposed(g, x, order, keep=True):
    return g.node("Transpose", [x], [x.shape[d] for d in order], x.low, x.high, keep=keep, perm=order)


def concatenated(g, parts, axis):
    shape = list(parts[0].shape)
    shape[axis] = sum(p.shape[axis] for p in parts)
    return g.node("Concat", parts, shape, min(p.low for p in parts), max(p.high for p in parts), axis=axis)


def same_conv(g, x, out=None, kernel=None):
    """A convolution that keeps the image's size."""
    kernel = kernel or g.choice([1, 3, 3])
    out = out or g.choice([1, 2, 4, 8, 9, 16])
    w = weights(g, (out, x.shape[1], *[kernel] * (x.rank - 2)), x.shape[1] * kernel ** (x.rank - 2))
    y = g.node("Conv", [x, w, bias(g, out)], (x.shape[0], out, *x.shape[2:]), -x.largest * 2, x.largest * 2, pads=[kernel // 2] * 2 * (x.rank - 2))
    return g.node("Relu", [y], y.shape, 0, y.high) if g.chance(0.5) else y


@operator("Concat", "Conv", weight=2)
def branches(g):
    """Branches of one image joined along the channels; one may be the image itself, a slice of it or a pool."""
    x = g.pick_image(2)
    parts = []
    for _ in range(g.between(2, 3)):
        way = g.random.random()
        if way < 0.5:
            parts.append(same_conv(g, x))
        elif way < 0.65:
            parts.append(x)
        elif way < 0.8:
            parts.append(g.node("MaxPool", [x], x.shape, x.low, x.high, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        else:
            end = g.between(1, x.shape[1])
            shape = (x.shape[0], end, *x.shape[2:])
            parts.append(g.node("Slice", [x, *map(g.integers, ([0], [end], [1]))], shape, x.low, x.high) if g.opset >= 10 else
                         g.node("Slice", [x], shape, x.low, x.high, starts=[0], ends=[end], axes=[1]))
    return concatenated(g, parts, 1)


@operator("Concat", "Conv", weight=1.5)
def dense_block(g):
    x = g.pick_image(2)
    for _ in range(g.between(1, 3)):
        x = concatenated(g, [x, same_conv(g, x, g.between(1, 8))] if g.chance(0.7) else [same_conv(g, x, g.between(1, 8)), x], 1)
    return x


@operator("Conv", "MaxPool", "Relu", weight=3)
def chain(g):
    """Convolutions and pools that may run in turns."""
    x = g.pick_image(2, test=lambda t: t.shape[0] == 1)
    first = None
    for _ in range(g.between(2, 5)):
        kernel = kernel_of(g, 2)
        pooled = g.chance(0.25)
        window = Window(g, x.shape[2:], kernel, dilations=not pooled, most_pad=min(kernel) - 1 if pooled else None)
        shape = (1, x.shape[1], *window.out)
        if pooled:
            x = g.node("MaxPool", [x], shape, x.low, x.high, kernel_shape=kernel, **window.given)
        else:
            group = g.chance(0.4)
            out = x.shape[1] if group else g.choice([3, 8, 16, 24])
            w = weights(g, (out, 1 if group else x.shape[1], *kernel), (1 if group else x.shape[1]) * math.prod(kernel))
            y = g.node("Conv", [x, w, bias(g, out)], (1, out, *window.out), -2 * x.largest, 2 * x.largest,
                       group=x.shape[1] if group else 1, **window.given)
            if y.shape == x.shape and g.chance(0.4):
                y = g.node("Add", [y, x], y.shape, y.low + x.low, y.high + x.high)
            elif first is not None and first.shape == y.shape and g.chance(0.5):
                y = g.node("Add", [first, y], y.shape, y.low + first.low, y.high + first.high)
            x = g.node("Relu", [y], y.shape, 0, y.high) if g.chance(0.5) else y
        first = first or x
    return x


@operator("Reshape", "Transpose", weight=1.5)
def shuffle(g):
    """Of channels, or of pixels to and from channels, with as many dimensions as exporters write."""
    x = g.pick([4])
    n, c, h, w = x.shape
    divisors = [v for v in range(1, c + 1) if c % v == 0]
    way = g.random.random()
    if way < 0.5:
        groups = g.choice(divisors)
        y = transposed(g, reshaped(g, x, (n, groups, c // groups, h, w), False), [0, 2, 1, 3, 4], False)
        return reshaped(g, y, x.shape)
    if way < 0.75:
        block = g.choice([b for b in (1, 2, 3) if c % b**2 == 0])
        y = reshaped(g, x, (n, c // block**2, block, block, h, w), False)
        return reshaped(g, transposed(g, y, [0, 1, 4, 2, 5, 3], False), (n, c // block**2, h * block, w * block))
    a, b = (g.choice([v for v in range(1, s + 1) if s % v == 0]) for s in (h, w))
    y = reshaped(g, x, (n, c, h // a, a, w // b, b), False)
    return reshaped(g, transposed(g, y, [0, 2, 4, 3, 5, 1], False), (n * (h // a) * (w // b), a * b, c))


@operator("MatMul", "Softmax", weight=1.5)
def attention(g):
    x = g.tame(g.pick([3], test=lambda t: t.shape[1] <= 24), 4.0)
    n, length, size = x.shape
    heads, width = g.choice([1, 2, 3]), g.choice([1, 4, 5, 8])
    def linear(x, out):
        y = g.node("MatMul", [x, weights(g, (x.shape[-1], out), x.shape[-1])], (*x.shape[:-1], out), -2 * x.largest, 2 * x.largest, keep=False)
        return g.node("Add", [y, g.parameter((out,))], y.shape, y.low - 1, y.high + 1, keep=False) if g.chance(0.6) else y
    if g.chance(0.5):
        joint = linear(x, 3 * heads * width)
        if g.chance(0.5):
            split = reshaped(g, joint, (n, length, 3, heads, width), False)
            split = transposed(g, split, [2, 0, 3, 1, 4], False)
            parts = [g.node("Gather", [split, g.constant(np.array(i, np.int64))], split.shape[1:], split.low, split.high, keep=False, axis=0) for i in range(3)]
        else:
            third = heads * width
            parts = g.node_of("Split", [joint] + ([g.integers([third] * 3)] if g.opset >= 13 else []),
                              [((n, length, third), joint.low, joint.high, None)] * 3, keep=False, axis=-1 if g.opset >= 11 else 2)
            parts = [transposed(g, reshaped(g, p, (n, length, heads, width), False), [0, 2, 1, 3], False) for p in parts]
    else:
        parts = [transposed(g, reshaped(g, linear(x, heads * width), (n, length, heads, width), False), [0, 2, 1, 3], False) for _ in range(3)]
    q, k, v = parts
    keys = transposed(g, k, [0, 1, 3, 2], False)
    scores = g.node("MatMul", [q, keys], (n, heads, length, length), -64, 64, keep=False)
    scores = g.node("Mul", [scores, g.constant(np.float32(1 / math.sqrt(width)))], scores.shape, -64, 64)
    if g.chance(0.3):
        mask = g.constant(np.triu(np.full((length, length), -30, np.float32), 1))
        scores = g.node("Add", [scores, mask], scores.shape, -94, 64)
    shares = g.node("Softmax", [scores], scores.shape, 0, 1, axis=3)
    y = g.node("MatMul", [shares, v], v.shape, v.low, v.high, keep=False)
    y = reshaped(g, transposed(g, y, [0, 2, 1, 3], False), (n, length, heads * width))
    return g.node("Add", [y, x], x.shape, y.low + x.low, y.high + x.high) if y.shape == x.shape and g.chance(0.7) else y


@operator("Identity", weight=1.5)
def again(g):
    """A node that is there already, a second time: the converter finds that both are equal."""
    known = {t.name: t for t in g.tensors}
    nodes = [n for n in g.nodes if n.output and all(name in known for name in n.output)]
    if not nodes:
        raise Unfit
    node = NodeProto()
    node.CopyFrom(g.choice(nodes))
    node.name = g.name("again")
    results = []
    for i, name in enumerate(node.output):
        like = known[name]
        results.append(type(like)(g.name(), like.shape, like.dtype, like.low, like.high))
        node.output[i] = results[-1].name
    g.nodes.append(node)
    g.tensors += results
    x = known[node.output[0]] if node.output[0] in known else results[0]
    if g.chance(0.4):
        return concatenated(g, [x, g.choice([t for t in g.tensors if t.shape == x.shape and t.dtype == x.dtype])], g.between(0, x.rank - 1)) if x.rank else x
    return x


@operator("Transpose", "MatMul", weight=1)
def channels_last(g):
    """A block that works on channels last, between transposes."""
    x = g.pick([4])
    y = transposed(g, x, [0, 2, 3, 1])
    c = x.shape[1]
    for _ in range(g.between(1, 3)):
        y = g.tame(y)
        way = g.random.random()
        if way < 0.4:
            out = g.choice([c, 4, 8])
            y = g.node("MatMul", [y, weights(g, (y.shape[-1], out), y.shape[-1])], (*y.shape[:-1], out), -2 * y.largest, 2 * y.largest)
        elif way < 0.6:
            y = g.node("Softmax", [y], y.shape, 0, 1, axis=3)
        elif way < 0.8:
            y = g.node("Add", [y, g.parameter((y.shape[-1],))], y.shape, y.low - 1, y.high + 1)
        elif y.shape[-1] >= 4 and g.opset >= 17:
            y = g.node("LayerNormalization", [y, g.parameter((y.shape[-1],), 0.5, 1.5)], y.shape, -10, 10)
    if g.chance(0.15):
        return y
    y = transposed(g, y, [0, 3, 1, 2])
    return g.node("Add", [x, y], x.shape, x.low + y.low, x.high + y.high) if x.shape == y.shape and g.chance(0.5) else y
