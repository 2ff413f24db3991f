"""Convolutions, pools and resizing of images."""
import math

import numpy as np

from .builder import CHANNELS, FLOAT, Unfit
from .registry import operator


class Window:
    """Strides, dilations and pads that an image of these sizes allows, as attributes, and the sizes that result."""

    def __init__(self, g, sizes, kernel, dilations=True, most_pad=None, ceil_mode=False):
        rank = len(sizes)
        self.given = {}
        self.strides = [g.choice([1, 1, 1, 2, 2, 3]) for _ in range(rank)] if g.chance(0.5) else [1] * rank
        self.dilations = [g.choice([1, 1, 2, 3]) for _ in range(rank)] if dilations and g.chance(0.2) else [1] * rank
        self.extent = [(k - 1) * d + 1 for k, d in zip(kernel, self.dilations)]
        if self.strides != [1] * rank or g.chance(0.3):
            self.given["strides"] = self.strides
        if self.dilations != [1] * rank or (dilations and g.chance(0.2)):
            self.given["dilations"] = self.dilations
        auto = g.random.random()
        self.begin, self.end, self.auto = [0] * rank, [0] * rank, "NOTSET"
        # ONNX Runtime refuses the negative pads that SAME has where strides exceed the window.
        if auto < 0.12 and self.dilations == [1] * rank and not ceil_mode and all(s <= e for s, e in zip(self.strides, self.extent)):
            self.auto = self.given["auto_pad"] = g.choice(["SAME_UPPER", "SAME_LOWER"])
            self.out = [-(-s // t) for s, t in zip(sizes, self.strides)]
            return
        if auto < 0.16:
            self.auto = self.given["auto_pad"] = "VALID"
        elif g.chance(0.6):
            most = [min(e - 1, 3) if most_pad is None else min(e - 1, most_pad) for e in self.extent]
            same = g.chance(0.6)
            self.begin = [e // 2 if same and e // 2 <= m else g.between(0, m) for e, m in zip(self.extent, most)]
            self.end = list(self.begin) if g.chance(0.6) else [g.between(0, m) for m in most]
            self.given["pads"] = self.begin + self.end
        self.out = []
        for d in range(rank):
            room = sizes[d] + self.begin[d] + self.end[d] - self.extent[d]
            if room < 0:
                raise Unfit
            steps = -(-room // self.strides[d]) if ceil_mode else room // self.strides[d]
            if ceil_mode and steps * self.strides[d] >= sizes[d] + self.begin[d]:
                steps -= 1
            self.out.append(steps + 1)


def kernel_of(g, rank):
    way = g.random.random()
    if way < 0.25:
        return [1] * rank
    if way < 0.65:
        return [3] * rank
    return [g.choice([1, 2, 3, 4, 5, 7]) for _ in range(rank)]


def weights(g, shape, fan_in):
    bound = 2.0 / math.sqrt(fan_in)
    return g.parameter(shape, -bound, bound)


def bias(g, channels, chance=0.7):
    return g.parameter((channels,), -1, 1) if g.chance(chance) else None


@operator("Conv", weight=10)
def conv(g):
    x = g.pick_image()
    channels, rank = x.shape[1], x.rank - 2
    kernel = kernel_of(g, rank)
    window = Window(g, x.shape[2:], kernel)
    way = g.random.random()
    if way < 0.25:
        groups = channels
        out = channels * g.choice([1, 1, 1, 2, 3])
    elif way < 0.4:
        groups = g.choice([v for v in range(1, channels + 1) if channels % v == 0])
        out = groups * g.between(1, 5)
    else:
        groups, out = 1, g.choice(CHANNELS)
    fan_in = channels // groups * math.prod(kernel)
    w = weights(g, (out, channels // groups, *kernel), fan_in)
    given = dict(window.given)
    if groups > 1 or g.chance(0.5):
        given["group"] = groups
    if g.chance(0.7):
        given["kernel_shape"] = kernel
    largest = 2 * math.sqrt(fan_in) * x.largest + 1
    y = g.node("Conv", [x, w, bias(g, out)], (x.shape[0], out, *window.out), -largest, largest, **given)
    return followed(g, y)


def followed(g, y):
    """Sometimes with what networks put behind a layer."""
    channels = y.shape[1]
    if g.chance(0.2):
        y = batch_norm(g, y)
    if g.chance(0.25):
        like = [t for t in g.tensors if t.shape == y.shape and t is not y and t.dtype == FLOAT]
        if like:
            other = g.tame(g.choice(like))
            y = g.node("Add", [y, other] if g.chance(0.5) else [other, y], y.shape, y.low + other.low, y.high + other.high)
    if g.chance(0.3):
        y = g.node("Relu", [y], y.shape, 0, max(y.high, 0))
    elif g.chance(0.15):
        gate = g.node("Sigmoid", [y], y.shape, 0, 1)
        y = g.node("Mul", [y, gate], y.shape, min(y.low, -0.3), max(y.high, 0))
    elif g.chance(0.1) and channels > 1:
        pooled = g.node("GlobalAveragePool", [y], (*y.shape[:2], *[1] * (y.rank - 2)), y.low, y.high)
        gate = g.node("Sigmoid", [pooled], pooled.shape, 0, 1)
        y = g.node("Mul", [y, gate], y.shape, y.low, y.high)
    return y


def batch_norm(g, x):
    c = x.shape[1]
    given = [g.array((c,), 0.5, 1.5), g.array((c,), -1, 1), g.array((c,), -0.5, 0.5), g.array((c,), 0.5, 2)]
    attributes = {} if g.chance(0.5) else {"epsilon": g.choice([1e-3, 1e-5, 0.1])}
    largest = 2.5 * (x.largest + 1) + 1
    return g.node("BatchNormalization", [x, *map(g.constant, given)], x.shape, -largest, largest, **attributes)


@operator("BatchNormalization", weight=2)
def batch_normalization(g):
    return batch_norm(g, g.tame(g.pick(range(2, 6))))


@operator("ConvTranspose", weight=2)
def conv_transpose(g):
    x = g.pick_image()
    channels, rank = x.shape[1], x.rank - 2
    kernel = [g.between(1, 4) for _ in range(rank)]
    groups = g.choice([v for v in range(1, channels + 1) if channels % v == 0]) if g.chance(0.4) else 1
    out = g.choice(CHANNELS[:10]) if groups == 1 else g.between(1, 3)
    strides = [g.choice([1, 2, 2, 3]) for _ in range(rank)]
    dilations = [g.choice([1, 1, 2]) for _ in range(rank)] if g.chance(0.2) else [1] * rank
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    padding = [g.between(0, s - 1) for s in strides] if g.chance(0.3) else [0] * rank
    given = {"strides": strides, "dilations": dilations}
    covered = [(s - 1) * t + e + p for s, t, e, p in zip(x.shape[2:], strides, extent, padding)]
    if any(padding):
        given["output_padding"] = padding
    if g.chance(0.15) and dilations == [1] * rank and not any(padding) and all(k >= s for k, s in zip(kernel, strides)):
        given["auto_pad"] = g.choice(["SAME_UPPER", "SAME_LOWER"])
        sizes = [s * t for s, t in zip(x.shape[2:], strides)]
    else:
        begin = [g.between(0, (e - 1) // 2) for e in extent]
        end = [g.between(0, (e - 1) // 2) for e in extent]
        given["pads"] = begin + end
        sizes = [c - b - e for c, b, e in zip(covered, begin, end)]
    if min(sizes) < 1 or math.prod(sizes) > 1500:
        raise Unfit
    if groups > 1:
        given["group"] = groups
    w = weights(g, (channels, out, *kernel), channels // groups * math.prod(kernel))
    largest = 2 * math.sqrt(channels // groups * math.prod(kernel)) * x.largest + 1
    return followed(g, g.node("ConvTranspose", [x, w, bias(g, out * groups)], (x.shape[0], out * groups, *sizes), -largest, largest, **given))


@operator("MaxPool", "AveragePool", weight=4)
def pool(g):
    x, op = g.pick_image(), g.choice(["MaxPool", "AveragePool"])
    kernel = [g.choice([1, 2, 2, 3, 3, 4, 5]) for _ in range(x.rank - 2)]
    ceil = g.opset >= 10 and g.chance(0.3)
    dilated = (op == "MaxPool" and g.opset >= 10) or g.opset >= 19
    window = Window(g, x.shape[2:], kernel, dilations=dilated, most_pad=min(kernel) - 1 if min(kernel) > 1 else 0, ceil_mode=ceil)
    given = {"kernel_shape": kernel, **window.given}
    if ceil:
        given["ceil_mode"] = 1
    if op == "AveragePool" and g.chance(0.5):
        given["count_include_pad"] = g.between(0, 1)
    if op == "MaxPool" and g.opset >= 8 and g.chance(0.1):
        given["storage_order"] = g.between(0, 1)
    return g.node(op, [x], (*x.shape[:2], *window.out), min(x.low, 0) if op == "AveragePool" else x.low,
                  max(x.high, 0) if op == "AveragePool" else x.high, **given)


@operator("GlobalAveragePool", "GlobalMaxPool", weight=1.5)
def global_pool(g):
    x = g.pick(range(3, 6))
    return g.node(g.choice(["GlobalAveragePool", "GlobalMaxPool"]), [x], (*x.shape[:2], *[1] * (x.rank - 2)), x.low, x.high)


@operator("Upsample", until=9, weight=1)
def upsample(g):
    x = g.pick([4])
    mode = g.choice(["nearest", "linear"])
    scales = [1.0, 1.0, *(g.choice([1.0, 2.0, 3.0]) for _ in range(2))]
    shape = [int(s * t) for s, t in zip(x.shape, scales)]
    if math.prod(shape) > 6000:
        raise Unfit
    if g.opset < 9:
        return g.node("Upsample", [x], shape, x.low, x.high, mode=mode, scales=scales)
    return g.node("Upsample", [x, g.constant(np.array(scales, np.float32), plain=True)], shape, x.low, x.high, mode=mode)


def rounds_at_ties(given, in_size, out_size, scale):
    """Whether nearest sampling meets positions that single precision may round to either side of where it decides."""
    transform, at = given.get("coordinate_transformation_mode", "asymmetric"), np.arange(out_size, dtype=np.float64)
    scale = np.float32(scale)
    exact = float(scale * 64).is_integer() and transform != "half_pixel_symmetric"
    position = (at + 0.5) / scale - 0.5
    if transform == "asymmetric":
        position = at / scale
    elif transform == "align_corners":
        position, exact = at * (in_size - 1) / max(out_size - 1, 1), True
    elif transform == "tf_half_pixel_for_nn":
        position = (at + 0.5) / scale
    elif transform == "half_pixel_symmetric":
        position += in_size / 2 * (1 - out_size / (scale * in_size))
    decides = 0.5 if given.get("nearest_mode", "round_prefer_floor").startswith("round") and "coordinate_transformation_mode" in given else 0
    distance = np.abs(position - decides - np.round(position - decides))
    return not exact and bool((distance < 1e-3).any())


@operator("Resize", since=10, weight=3)
def resize(g):
    x = g.tame(g.pick([4] if g.chance(0.8) else [3, 2, 5]))
    moving = [x.rank - 2, x.rank - 1] if x.rank >= 3 else [x.rank - 1]
    mode = g.choice(["nearest", "nearest", "linear"] + ["cubic"] * (g.opset >= 11 and x.rank == 4))
    if mode != "nearest" and x.rank not in (2, 4):
        mode = "nearest"
    if mode == "linear" and x.rank == 2:
        moving = [0, 1]
    sizes = list(x.shape)
    scales = [1.0] * x.rank
    exact = g.chance(0.6)
    for d in moving:
        scale = g.choice([2.0, 2.0, 3.0, 1.0, 0.5, 4.0]) if exact else g.choice([1.5, 0.75, 1.25, 2.5, 0.4, 1.7])
        sizes[d] = int(math.floor(np.float32(x.shape[d]) * np.float32(scale)))
        scales[d] = scale
    if min(sizes) < 1 or math.prod(sizes) > 6000:
        raise Unfit
    by_sizes = g.opset > 10 and not exact and g.chance(0.5)
    if not by_sizes and tuple(sizes) == x.shape and set(scales) != {1.0}:
        raise Unfit  # ONNX Runtime copies, the specification samples at other coordinates
    if mode != "nearest" and max(*x.shape, *sizes) > 512:
        raise Unfit  # ONNX Runtime computes coordinates in single precision, of which long axes leave too little
    if g.opset == 10:
        return g.node("Resize", [x, g.constant(np.array(scales, np.float32), plain=True)], sizes, x.low, x.high, mode=mode)
    transforms = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    if g.opset >= 19:
        transforms.append("half_pixel_symmetric")
    if mode == "nearest" and g.opset < 13:
        transforms.append("tf_half_pixel_for_nn")
    if mode == "linear" and x.rank == 4:
        transforms.append("tf_crop_and_resize")
    given = {"mode": mode, "coordinate_transformation_mode": g.choice(transforms)}
    if mode == "nearest":
        given["nearest_mode"] = g.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic":
        if g.chance(0.5):
            given["cubic_coeff_a"] = g.choice([-0.5, -0.75])
        if g.chance(0.3):
            given["exclude_outside"] = 1
    copied = not by_sizes and any(sizes[d] == x.shape[d] and scales[d] != 1 for d in moving)  # by ONNX Runtime, as above
    if g.opset >= 18 and mode != "nearest" and not copied and given["coordinate_transformation_mode"] == "half_pixel" and g.chance(0.2):
        given["antialias"] = 1
    axes = list(range(x.rank))
    if g.opset >= 18 and x.rank == 4 and g.chance(0.3):
        axes = moving
        given["axes"] = axes
    aimed = sizes
    empty = region = g.constant(np.zeros((0,), np.float32), plain=True) if g.opset < 13 else None
    if given["coordinate_transformation_mode"] == "tf_crop_and_resize":
        parts = [(g.choice([0.0, 0.25, -0.25]), g.choice([1.0, 0.69, 1.29])) if d in moving and (sizes[d] != x.shape[d] if by_sizes else scales[d] != 1) else
                 (0.0, 1.0) for d in axes]  # ONNX Runtime does not crop where the scale is 1; rounding decides nothing at the edges of these
        region = g.constant(np.array([p[0] for p in parts] + [p[1] for p in parts], np.float32))
        given["extrapolation_value"] = g.choice([0.0, 1.5])
    elif by_sizes and g.opset >= 18 and axes == moving and x.rank == 4 and g.chance(0.4):
        aimed = list(sizes)
        policy = given["keep_aspect_ratio_policy"] = g.choice(["not_larger", "not_smaller"])
        scale = (min if policy == "not_larger" else max)(np.float32(sizes[d]) / np.float32(x.shape[d]) for d in axes)
        for d in axes:
            sizes[d] = int(np.floor(scale * np.float32(x.shape[d]) + np.float32(0.5)))
        if min(sizes) < 1 or math.prod(sizes) > 6000:
            raise Unfit
    amount = g.integers([aimed[d] for d in axes]) if by_sizes else g.constant(np.array([scales[d] for d in axes], np.float32))
    inputs = [x, region, empty, amount] if by_sizes else [x, region, amount]
    if mode == "nearest" and any(rounds_at_ties(given, s, t, t / s if by_sizes else scales[d])
                                 for d, (s, t) in enumerate(zip(x.shape, sizes)) if d in moving):
        raise Unfit
    largest = 2 * x.largest + 1.5
    return g.node("Resize", inputs, sizes, -largest, largest, **given)
