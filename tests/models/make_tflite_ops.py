#!/usr/bin/env python3
"""Makes the TensorFlow Lite goldens in tflite_ops/: for every case NAME.tflite (one operator, or a few that belong together) and
NAME.npz with its inputs (in_0, ...) and the outputs (out_0, ...) of TensorFlow Lite's reference kernels.

Not part of the test command. Needs: pip install numpy ai-edge-litert. Usage: make_tflite_ops.py [NAME-PART]"""
import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, MirrorPadMode, Padding

from tflite_case import Sparse, case, model, options, rand, rng

SAME, VALID = Padding.SAME, Padding.VALID
NONE, RELU, RELU_N1, RELU6, TANH = (getattr(ActivationFunctionType, n) for n in ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH"))
i32 = lambda *values: np.asarray(values, np.int32)


# ---- convolutions and pooling ------------------------------------------------------------------------------------------
def conv(name, x, m, kernel, groups=1, stride=(1, 1), dilation=(1, 1), padding=SAME, act=NONE, op="CONV_2D", multiplier=1):
    c = x[3]
    if op == "CONV_2D":
        w = rand(name + "w", m, *kernel, c // groups, low=-0.5, high=0.5)
        opts = options("Conv2D", padding=padding, strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0],
                       dilationWFactor=dilation[1], fusedActivationFunction=act)
    else:
        m = c * multiplier
        w = rand(name + "w", 1, *kernel, m, low=-0.5, high=0.5)
        opts = options("DepthwiseConv2D", padding=padding, strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0],
                       dilationWFactor=dilation[1], fusedActivationFunction=act, depthMultiplier=multiplier)
    case(name, [(op, ["x", "w", "b"], ["y"], opts)], {"x": rand(name, *x)}, {"w": w, "b": rand(name + "b", m)})


def depthwise(name, x, kernel, **more):
    conv(name, x, 0, kernel, op="DEPTHWISE_CONV_2D", **more)


conv("conv_1x1", (1, 5, 6, 7), 9, (1, 1))
conv("conv_3x3_same", (2, 7, 6, 5), 8, (3, 3), act=RELU)
conv("conv_3x3_valid", (1, 7, 6, 5), 8, (3, 3), padding=VALID, act=RELU6)
conv("conv_3x3_stride2_same", (1, 8, 7, 3), 4, (3, 3), stride=(2, 2), act=RELU_N1)
conv("conv_5x3_stride", (1, 9, 8, 3), 4, (5, 3), stride=(3, 2))
conv("conv_2x2_same", (1, 5, 5, 3), 4, (2, 2))
conv("conv_dilated", (1, 9, 9, 4), 6, (3, 3), dilation=(2, 3))
conv("conv_dilated_valid", (1, 9, 9, 4), 6, (3, 2), dilation=(2, 2), padding=VALID)
conv("conv_groups", (1, 6, 6, 8), 12, (3, 3), groups=2)
conv("conv_groups_4", (1, 6, 6, 8), 4, (3, 3), groups=4, act=RELU)
conv("conv_10x4", (1, 49, 10, 1), 16, (10, 4), stride=(2, 2), act=RELU)
depthwise("depthwise_3x3", (1, 6, 7, 5), (3, 3), act=RELU)
depthwise("depthwise_stride2", (1, 8, 7, 16), (3, 3), stride=(2, 2), act=RELU6)
depthwise("depthwise_5x5_valid", (1, 9, 8, 6), (5, 5), padding=VALID)
depthwise("depthwise_dilated", (1, 9, 9, 4), (3, 3), dilation=(2, 2))
depthwise("depthwise_multiplier", (1, 6, 6, 3), (3, 3), multiplier=4)
depthwise("depthwise_one_channel", (1, 6, 6, 1), (3, 3), multiplier=8, act=RELU)


def transpose_conv(name, x, m, kernel, stride, padding, out, bias=False, act=NONE):
    consts = {"shape": i32(x[0], *out, m), "w": rand(name + "w", m, *kernel, x[3], low=-0.5, high=0.5)}
    if bias:
        consts["b"] = rand(name + "b", m)
    case(name, [("TRANSPOSE_CONV", ["shape", "w", "x"] + (["b"] if bias else []), ["y"],
                 options("TransposeConv", padding=padding, strideH=stride[0], strideW=stride[1], fusedActivationFunction=act))],
         {"x": rand(name, *x)}, consts)


transpose_conv("transpose_conv_same", (1, 4, 5, 3), 6, (3, 3), (2, 2), SAME, (8, 10))
transpose_conv("transpose_conv_odd", (1, 4, 5, 3), 6, (3, 3), (2, 2), SAME, (7, 9), bias=True)
transpose_conv("transpose_conv_valid", (2, 4, 3, 3), 5, (4, 3), (3, 2), VALID, (13, 7), act=RELU)
transpose_conv("transpose_conv_gaps", (1, 3, 3, 2), 3, (2, 2), (3, 3), SAME, (9, 9))
transpose_conv("transpose_conv_stride1", (1, 5, 5, 4), 4, (3, 3), (1, 1), SAME, (5, 5), bias=True)


def pool(name, op, x, kernel, stride, padding, act=NONE):
    case(name, [(op, ["x"], ["y"], options("Pool2D", padding=padding, strideH=stride[0], strideW=stride[1], filterHeight=kernel[0],
                                           filterWidth=kernel[1], fusedActivationFunction=act))], {"x": rand(name, *x)})


for op, short in (("AVERAGE_POOL_2D", "average_pool"), ("MAX_POOL_2D", "max_pool"), ("L2_POOL_2D", "l2_pool")):
    pool(f"{short}_2x2", op, (1, 6, 8, 5), (2, 2), (2, 2), VALID)
    pool(f"{short}_3x3_same", op, (2, 7, 6, 5), (3, 3), (2, 2), SAME, act=RELU)
    pool(f"{short}_3x2", op, (1, 7, 6, 4), (3, 2), (1, 2), SAME, act=RELU6)
pool("average_pool_all", "AVERAGE_POOL_2D", (1, 5, 4, 7), (5, 4), (5, 4), VALID)


# ---- products -----------------------------------------------------------------------------------------------------------
def fully_connected(name, x, n, k, act=NONE, bias=True, keep=False):
    consts = {"w": rand(name + "w", n, k, low=-0.5, high=0.5)} | ({"b": rand(name + "b", n)} if bias else {})
    case(name, [("FULLY_CONNECTED", ["x", "w", "b" if bias else None], ["y"],
                 options("FullyConnected", fusedActivationFunction=act, keepNumDims=keep))], {"x": rand(name, *x)}, consts)


fully_connected("fully_connected", (1, 20), 10, 20)
fully_connected("fully_connected_rows", (3, 20), 7, 20, act=RELU, bias=False)
fully_connected("fully_connected_image", (2, 3, 4, 5), 6, 60, act=RELU6)
fully_connected("fully_connected_split", (2, 3, 20), 6, 10)
fully_connected("fully_connected_keep", (2, 3, 20), 6, 20, act=RELU_N1, keep=True)
case("fully_connected_dynamic", [("FULLY_CONNECTED", ["x", "w", None], ["y"], options("FullyConnected"))],
     {"x": rand("fcd", 3, 8), "w": rand("fcdw", 5, 8)})
for adj_x in (False, True):
    for adj_y in (False, True):
        a, b = ((2, 5, 3) if adj_x else (2, 3, 5)), ((2, 4, 5) if adj_y else (2, 5, 4))
        case(f"batch_matmul_{int(adj_x)}{int(adj_y)}", [("BATCH_MATMUL", ["a", "b"], ["y"], options("BatchMatMul", adjX=adj_x, adjY=adj_y))],
             {"a": rand("bma", *a), "b": rand("bmb", *b)})
case("batch_matmul_broadcast", [("BATCH_MATMUL", ["a", "b"], ["y"], options("BatchMatMul"))],
     {"a": rand("bmc", 2, 1, 3, 5), "b": rand("bmd", 3, 5, 4)})
case("batch_matmul_constant", [("BATCH_MATMUL", ["a", "b"], ["y"], options("BatchMatMul", adjY=True))],
     {"a": rand("bme", 2, 3, 5)}, {"b": rand("bmf", 4, 5)})


# ---- element-wise -------------------------------------------------------------------------------------------------------
BINARY = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div"}


def binary(name, op, a, b, act=None, constant=False, low=-2.0):
    opts = options(BINARY[op], fusedActivationFunction=act or NONE) if op in BINARY else None
    a, b = rand(name + "a", *a, low=low), rand(name + "b", *b, low=low)
    case(name, [(op, ["a", "b"], ["y"], opts)], {"a": a} if constant else {"a": a, "b": b}, {"b": b} if constant else {})


for op in ("ADD", "SUB", "MUL", "DIV"):
    low = 0.5 if op == "DIV" else -2.0
    binary(f"{op.lower()}", op, (2, 4, 5, 3), (2, 4, 5, 3), act=RELU, low=low)
    binary(f"{op.lower()}_channel", op, (2, 4, 5, 3), (3,), act=RELU6, constant=True, low=low)
    binary(f"{op.lower()}_spatial", op, (2, 4, 5, 3), (2, 4, 1, 1), act=RELU_N1, low=low)
    binary(f"{op.lower()}_both", op, (2, 1, 5, 1), (1, 4, 1, 3), low=low)
for op in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"):
    binary(f"{op.lower()}", op, (2, 4, 5, 3), (2, 4, 5, 3))
    binary(f"{op.lower()}_row", op, (2, 4, 5, 3), (5, 1), constant=True)
binary("pow", "POW", (2, 4, 3), (2, 4, 3), low=0.5)
binary("prelu", "PRELU", (2, 4, 5, 3), (1, 1, 3), constant=True)
binary("prelu_image", "PRELU", (2, 4, 5, 3), (4, 5, 3), constant=True)
case("add_n", [("ADD_N", ["a", "b", "c"], ["y"], options("AddN"))], {n: rand("add_n" + n, 3, 4, 5) for n in "abc"})

for op, low, high in (("ABS", -3, 3), ("NEG", -3, 3), ("EXP", -3, 3), ("LOG", 0.1, 5), ("SQRT", 0.1, 5), ("RSQRT", 0.1, 5),
                      ("SQUARE", -3, 3), ("FLOOR", -3, 3), ("CEIL", -3, 3), ("ROUND", -3, 3), ("RELU", -3, 3), ("RELU6", -3, 9),
                      ("RELU_N1_TO_1", -3, 3), ("RELU_0_TO_1", -3, 3), ("ELU", -3, 3), ("HARD_SWISH", -5, 5), ("LOGISTIC", -6, 6),
                      ("TANH", -4, 4), ("SIN", -30, 30), ("COS", -30, 30)):
    case(op.lower(), [(op, ["x"], ["y"], None)], {"x": rand(op, 2, 5, 7, 3, low=low, high=high)})
case("round_halves", [("ROUND", ["x"], ["y"], None)], {"x": np.arange(-9, 10, dtype=np.float32) / 2})
case("leaky_relu", [("LEAKY_RELU", ["x"], ["y"], options("LeakyRelu", alpha=0.2))], {"x": rand("leaky", 2, 5, 3)})
case("gelu", [("GELU", ["x"], ["y"], options("Gelu", approximate=False))], {"x": rand("gelu", 2, 5, 3, low=-4, high=4)})
case("gelu_tanh", [("GELU", ["x"], ["y"], options("Gelu", approximate=True))], {"x": rand("gelut", 2, 5, 3, low=-4, high=4)})
case("cast_int", [("CAST", ["x"], ["y"], options("Cast"))], {"x": rand("cast", 4, 5, low=-9, high=9)}, types={"y": np.int32})
case("cast_float", [("CAST", ["x"], ["y"], options("Cast"))], {"x": np.arange(-4, 8, dtype=np.int32).reshape(3, 4)})
case("cast_uint8", [("CAST", ["x"], ["y"], options("Cast"))], {"x": np.arange(240, 252, dtype=np.uint8).reshape(3, 4)})

# ---- reductions and normalizations --------------------------------------------------------------------------------------
for op in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
    for axes, keep in (((1, 2), False), ((1, 2), True), ((3,), True), ((-1,), False), ((0, 2), False), ((0, 1, 2, 3), False)):
        size = (2, 3, 2, 3) if op == "REDUCE_PROD" else (2, 4, 5, 3)
        name = f"{op.lower()}_{''.join(map(str, axes)).replace('-', 'm')}{'_keep' if keep else ''}"
        case(name, [(op, ["x", "axes"], ["y"], options("Reducer", keepDims=keep))], {"x": rand(name, *size)}, {"axes": i32(*axes)})
for op in ("ARG_MAX", "ARG_MIN"):
    for axis, dtype in ((-1, np.int32), (1, np.int64)):
        case(f"{op.lower()}_{axis}".replace("-", "m"), [(op, ["x", "axis"], ["y"], options(
            "ArgMax" if op == "ARG_MAX" else "ArgMin", outputType=2 if dtype == np.int32 else 4))],
             {"x": rand(op, 2, 5, 4)}, {"axis": i32(axis).reshape(())}, types={"y": dtype})
case("softmax", [("SOFTMAX", ["x"], ["y"], options("Softmax", beta=1.0))], {"x": rand("softmax", 3, 10, low=-5, high=5)})
case("softmax_beta", [("SOFTMAX", ["x"], ["y"], options("Softmax", beta=0.5))], {"x": rand("softmaxb", 1, 2, 3, 10, low=-5, high=5)})
case("log_softmax", [("LOG_SOFTMAX", ["x"], ["y"], options("LogSoftmax"))], {"x": rand("log_softmax", 3, 10, low=-5, high=5)})
case("l2_normalization", [("L2_NORMALIZATION", ["x"], ["y"], options("L2Norm"))], {"x": rand("l2", 2, 3, 4, 7)})

# ---- shapes -------------------------------------------------------------------------------------------------------------
case("reshape", [("RESHAPE", ["x", "shape"], ["y"], options("Reshape", newShape=[2, -1]))], {"x": rand("reshape", 2, 3, 4)}, {"shape": i32(2, -1)})
case("reshape_option", [("RESHAPE", ["x"], ["y"], options("Reshape", newShape=[4, 6]))], {"x": rand("reshape", 2, 3, 4)})
case("squeeze", [("SQUEEZE", ["x"], ["y"], options("Squeeze", squeezeDims=[1, -1]))], {"x": rand("squeeze", 1, 1, 4, 1)})
case("squeeze_all", [("SQUEEZE", ["x"], ["y"], options("Squeeze", squeezeDims=[]))], {"x": rand("squeeze", 1, 1, 4, 3)})
case("expand_dims", [("EXPAND_DIMS", ["x", "axis"], ["y"], None)], {"x": rand("expand", 3, 4)}, {"axis": i32(-1)})
case("broadcast_to", [("BROADCAST_TO", ["x", "shape"], ["y"], None)], {"x": rand("broadcast", 3, 1)}, {"shape": i32(2, 3, 4)})
case("tile", [("TILE", ["x", "multiples"], ["y"], None)], {"x": rand("tile", 2, 3, 2)}, {"multiples": i32(2, 1, 3)})
case("transpose", [("TRANSPOSE", ["x", "perm"], ["y"], None)], {"x": rand("transpose", 2, 3, 4, 5)}, {"perm": i32(0, 3, 1, 2)})
case("transpose_3", [("TRANSPOSE", ["x", "perm"], ["y"], None)], {"x": rand("transpose", 2, 3, 4)}, {"perm": i32(2, 0, 1)})
case("pad", [("PAD", ["x", "pads"], ["y"], None)], {"x": rand("pad", 1, 4, 5, 3)}, {"pads": i32(0, 0, 1, 2, 3, 0, 0, 1).reshape(4, 2)})
case("padv2", [("PADV2", ["x", "pads", "value"], ["y"], None)], {"x": rand("padv2", 1, 4, 5, 3)},
     {"pads": i32(0, 0, 1, 2, 3, 0, 0, 1).reshape(4, 2), "value": np.float32(-1.5)})
for mode in ("REFLECT", "SYMMETRIC"):
    case(f"mirror_pad_{mode.lower()}", [("MIRROR_PAD", ["x", "pads"], ["y"], options("MirrorPad", mode=getattr(MirrorPadMode, mode)))],
         {"x": rand("mirror", 1, 4, 5, 3)}, {"pads": i32(0, 0, 3, 2, 1, 3, 2, 0).reshape(4, 2)})
for axis in (0, 1, -1):
    sizes = [[2, 3, 4] for _ in range(3)]
    for n, size in enumerate((1, 4, 2)):
        sizes[n][axis] = size
    case(f"concatenation_{axis}".replace("-", "m"), [("CONCATENATION", ["a", "b", "c"], ["y"], options("Concatenation", axis=axis))],
         {n: rand("concat" + n, *size) for n, size in zip("abc", sizes)})
case("concatenation_constant", [("CONCATENATION", ["a", "b"], ["y"], options("Concatenation", axis=1, fusedActivationFunction=NONE))],
     {"a": rand("concat", 2, 3)}, {"b": rand("concatb", 2, 2)})
for axis in (0, 1, -1):
    case(f"pack_{axis}".replace("-", "m"), [("PACK", ["a", "b"], ["y"], options("Pack", axis=axis, valuesCount=2))],
         {n: rand("pack" + n, 3, 4) for n in "ab"})
    case(f"unpack_{axis}".replace("-", "m"), [("UNPACK", ["x"], ["y", "z"], options("Unpack", axis=axis, num=2))],
         {"x": rand("unpack", *((2, 3, 4) if axis == 0 else (3, 2, 4) if axis == 1 else (3, 4, 2)))}, outputs=("y", "z"))
case("split", [("SPLIT", ["axis", "x"], ["a", "b", "c"], options("Split", numSplits=3))], {"x": rand("split", 2, 6, 4)},
     {"axis": i32(1).reshape(())}, outputs=("a", "b", "c"))
case("split_v", [("SPLIT_V", ["x", "sizes", "axis"], ["a", "b", "c"], options("SplitV", numSplits=3))], {"x": rand("splitv", 2, 4, 9)},
     {"sizes": i32(2, -1, 3), "axis": i32(-1).reshape(())}, outputs=("a", "b", "c"))
case("slice", [("SLICE", ["x", "begin", "size"], ["y"], None)], {"x": rand("slice", 3, 5, 7)}, {"begin": i32(1, 0, 2), "size": i32(2, -1, 4)},
     shapes={"y": [2, 5, 4]})
case("reverse", [("REVERSE_V2", ["x", "axis"], ["y"], None)], {"x": rand("reverse", 2, 5, 3)}, {"axis": i32(1)})


def strided(name, shape, begin, end, strides, **masks):
    case(f"strided_slice_{name}", [("STRIDED_SLICE", ["x", "begin", "end", "strides"], ["y"], options("StridedSlice", **masks))],
         {"x": rand("strided", *shape)}, {"begin": i32(*begin), "end": i32(*end), "strides": i32(*strides)})


strided("plain", (4, 5, 6), (1, 0, 2), (3, 5, 6), (1, 2, 3))
strided("negative", (4, 5, 6), (-1, 4, 5), (0, -5, -7), (-1, -2, -3))
strided("masks", (4, 5, 6), (1, 1, 1), (2, 2, 2), (1, 1, 2), beginMask=2, endMask=6)
strided("backwards_masks", (4, 5, 6), (1, 1, 1), (2, 2, 2), (-1, 1, -2), beginMask=5, endMask=5)
strided("shrink", (4, 5, 6), (1, 0, -1), (2, 5, 0), (1, 1, 1), shrinkAxisMask=5)
strided("ellipsis", (3, 4, 5, 6), (1, 0, 2), (2, 0, 5), (1, 1, 2), ellipsisMask=2)
strided("new_axis", (3, 4, 5), (0, 0, 1), (0, 2, 3), (1, 1, 1), newAxisMask=1)
strided("ellipsis_new_axis", (3, 4, 5), (0, 0, 1), (0, 0, 3), (1, 1, 1), ellipsisMask=1, newAxisMask=2)
strided("short", (3, 4, 5), (1,), (3,), (1,))
strided("outside", (3, 4, 5), (-9, 1, 0), (9, 9, 9), (1, 1, 1))
strided("offset", (4, 5, 6), (1, 0, 2), (2, 5, 3), (1, 2, 1), offset=True)
for axis in (0, 1, -1):
    case(f"gather_{axis}".replace("-", "m"), [("GATHER", ["x", "indices"], ["y"], options("Gather", axis=axis))], {"x": rand("gather", 4, 5, 6)},
         {"indices": i32(3, 0, 0, 2)})
case("gather_matrix", [("GATHER", ["x", "indices"], ["y"], options("Gather", axis=1))], {"x": rand("gather", 4, 5, 6)}, {"indices": i32(3, 0, 4, 2).reshape(2, 2)})
case("shape_arithmetic", [
    ("SHAPE", ["x"], ["shape"], options("Shape", outType=2)),
    ("STRIDED_SLICE", ["shape", "zero", "one", "one"], ["batch"], options("StridedSlice", shrinkAxisMask=1)),
    ("MUL", ["batch", "two"], ["double"], options("Mul")),
    ("PACK", ["double", "rest"], ["to"], options("Pack", axis=0, valuesCount=2)),
    ("RESHAPE", ["x", "to"], ["y"], options("Reshape"))],
     {"x": rand("shape", 2, 4, 3)}, {"zero": i32(0), "one": i32(1), "two": i32(2).reshape(()), "rest": i32(-1).reshape(())},
     types={"shape": np.int32, "batch": np.int32, "double": np.int32, "to": np.int32})

# ---- resizing, space and depth ------------------------------------------------------------------------------------------
for op, kind in (("RESIZE_BILINEAR", "ResizeBilinear"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor")):
    for tag, fields in (("", {}), ("_aligned", {"alignCorners": True}), ("_half_pixel", {"halfPixelCenters": True})):
        for size in ((8, 10), (3, 2), (7, 5), (1, 1)):
            case(f"{op.lower()}{tag}_{size[0]}x{size[1]}", [(op, ["x", "size"], ["y"], options(kind, **fields))],
                 {"x": rand("resize", 1, 4, 5, 3)}, {"size": i32(*size)})
case("space_to_depth", [("SPACE_TO_DEPTH", ["x"], ["y"], options("SpaceToDepth", blockSize=2))], {"x": rand("s2d", 2, 4, 6, 3)})
case("depth_to_space", [("DEPTH_TO_SPACE", ["x"], ["y"], options("DepthToSpace", blockSize=2))], {"x": rand("d2s", 2, 3, 2, 12)})
case("space_to_batch", [("SPACE_TO_BATCH_ND", ["x", "block", "pads"], ["y"], None)], {"x": rand("s2b", 2, 4, 5, 3)},
     {"block": i32(2, 3), "pads": i32(0, 0, 1, 0).reshape(2, 2)})
case("space_to_batch_1d", [("SPACE_TO_BATCH_ND", ["x", "block", "pads"], ["y"], None)], {"x": rand("s2b1", 1, 6, 3)},
     {"block": i32(2), "pads": i32(1, 1).reshape(1, 2)})
case("batch_to_space", [("BATCH_TO_SPACE_ND", ["x", "block", "crops"], ["y"], None)], {"x": rand("b2s", 12, 2, 3, 4)},
     {"block": i32(2, 3), "crops": i32(1, 0, 2, 1).reshape(2, 2)})


def dilated(name, block, pads, crops, depthwise=False, padding=VALID, act=NONE, add=False):
    x, c, m = (1, 9, 9, 4), 4, 4 if depthwise else 6
    w = rand(name + "w", *((1, 3, 3, m) if depthwise else (m, 3, 3, c)), low=-0.5, high=0.5)
    fields = {"padding": padding, "strideH": 1, "strideW": 1, "fusedActivationFunction": act}
    opts = options("DepthwiseConv2D", depthMultiplier=1, **fields) if depthwise else options("Conv2D", **fields)
    ops = [("SPACE_TO_BATCH_ND", ["x", "block", "pads"], ["s"], None),
           ("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", ["s", "w", "b"], ["c"], opts)]
    if add:
        ops.append(("ADD", ["c", "more"], ["d"], options("Add", fusedActivationFunction=RELU)))
    ops.append(("BATCH_TO_SPACE_ND", ["d" if add else "c", "block", "crops"], ["y"], None))
    case(name, ops, {"x": rand(name, *x)}, {"w": w, "b": rand(name + "b", m), "block": i32(*block), "pads": i32(*pads).reshape(2, 2),
                                            "crops": i32(*crops).reshape(2, 2), "more": rand(name + "m", m)})


dilated("dilation_same", (2, 2), (2, 3, 2, 3), (0, 1, 0, 1), act=RELU)
dilated("dilation_valid", (3, 3), (0, 0, 0, 0), (0, 0, 0, 0))
dilated("dilation_depthwise", (2, 3), (2, 3, 3, 3), (0, 1, 0, 0), depthwise=True, act=RELU6)
dilated("dilation_inner_same", (3, 3), (0, 0, 0, 0), (0, 0, 0, 0), padding=SAME)
dilated("dilation_bias", (2, 2), (2, 3, 2, 3), (0, 1, 0, 1), add=True)
dilated("dilation_cropped", (2, 2), (0, 1, 0, 1), (1, 2, 0, 1))

# ---- constants ----------------------------------------------------------------------------------------------------------
case("float16_weights", [("DEQUANTIZE", ["w16"], ["w"], None), ("FULLY_CONNECTED", ["x", "w", None], ["y"], options("FullyConnected"))],
     {"x": rand("f16", 2, 8)}, {"w16": rand("f16w", 5, 8).astype(np.float16)})
case("dequantized_weights", [("DEQUANTIZE", ["w8"], ["w"], None), ("FULLY_CONNECTED", ["x", "w", None], ["y"], options("FullyConnected"))],
     {"x": rand("dqw", 2, 8)}, {"w8": rng("dqw").integers(-127, 128, (5, 8)).astype(np.int8)}, quantized={"w8": (0.02, 3)})


def csr(mask):
    """Segments and indices of a matrix's nonzero entries."""
    return [0, *np.cumsum(mask.sum(1)).tolist()], np.nonzero(mask)[1].tolist()


def sparse_levels(dense, order, blocks, formats, width=8):
    """Stores `dense` by its nonzero blocks: `blocks` {dimension: size}, `order` of all dimensions and block dimensions, a format "d"
    or "s" for each of the first."""
    rank, names = dense.ndim, list(blocks)
    split, axes = [], []  # the tensor as [d0, (b0), d1, (b1), ...]
    for d in range(rank):
        axes.append(len(split))
        split.append(dense.shape[d] // blocks.get(d, 1))
        if d in blocks:
            split.append(blocks[d])
    block_axis = {names.index(d): axes[d] + 1 for d in blocks}
    permutation = [axes[o] if o < rank else block_axis[o - rank] for o in order]
    seen_in_order = dense.reshape(split).transpose(permutation)
    levels, present = [], [()]
    for level in range(rank):
        size = seen_in_order.shape[level]
        if formats[level] == "d":
            levels.append(int(size))
            present = [p + (i,) for p in present for i in range(size)]
            continue
        segments, indices, following = [0], [], []
        for p in present:
            for i in range(size):
                if np.any(seen_in_order[p + (i,)]):
                    indices.append(i)
                    following.append(p + (i,))
            segments.append(len(indices))
        levels.append((width, segments, indices))
        present = following
    levels += [int(n) for n in seen_in_order.shape[rank:]]
    values = np.concatenate([np.asarray(seen_in_order[p]).reshape(-1) for p in present])
    return Sparse(dense.shape, values, list(order), names, levels)


def sparse_case(name, shape, order, blocks, formats, width=8, dtype=np.float32):
    grid = [n // blocks.get(d, 1) for d, n in enumerate(shape)]
    mask = rng(name).random(grid) < 0.4
    for d, size in blocks.items():
        mask = np.repeat(mask, size, axis=d)
    dense = (rand(name, *shape) * mask).astype(dtype)
    w = sparse_levels(dense, order, blocks, formats, width)
    half = [("DEQUANTIZE", ["d"], ["f"], None)] if dtype == np.float16 else []
    case(f"densify_{name}", [("DENSIFY", ["w"], ["d"], None), *half, ("ADD", ["x", "f" if half else "d"], ["y"], options("Add"))],
         {"x": rand(name + "x", *shape)}, {"w": w}, types={"d": dtype})


sparse_case("csr", (6, 8), (0, 1), {}, "ds")
sparse_case("csc", (6, 8), (1, 0), {}, "ds", width=16)
sparse_case("both_sparse", (6, 8), (0, 1), {}, "ss", width=32)
sparse_case("block_columns", (8, 16), (0, 1, 2), {1: 4}, "ds")
sparse_case("block_2x4", (8, 16), (0, 1, 2, 3), {0: 2, 1: 4}, "ds", width=16)
sparse_case("half", (6, 8), (0, 1), {}, "ds", dtype=np.float16)
sparse_case("image", (4, 3, 3, 8), (0, 1, 2, 3), {}, "ddds")
sparse_case("image_last_first", (4, 3, 2, 8), (3, 0, 1, 2), {}, "ddds")
sparse_case("image_block", (8, 3, 2, 4), (0, 1, 2, 3, 4), {3: 4}, "ddds", dtype=np.float16)

# ---- recurrent ----------------------------------------------------------------------------------------------------------
# With int8 weights, the reference is the layer of real numbers that those stand for: the kernel for such files would quantize the
# activations as well.
def lstm(name, time, batch, inputs, hidden, time_major=True, coupled=False, peepholes=False, int8=False):
    gates = "ifco"
    consts = {f"w{g}": rand(name + "w" + g, hidden, inputs, low=-0.5, high=0.5) for g in gates}
    consts |= {f"r{g}": rand(name + "r" + g, hidden, hidden, low=-0.5, high=0.5) for g in gates}
    consts |= {f"b{g}": rand(name + "b" + g, hidden) for g in gates}
    if peepholes:
        consts |= {f"p{g}": rand(name + "p" + g, hidden) for g in "ifo"}
    if coupled:
        consts = {k: v for k, v in consts.items() if not k.endswith("i")}
    get = lambda key: key if key in consts else None
    ins = ["x"] + [get("w" + g) for g in gates] + [get("r" + g) for g in gates] + [get("p" + g) for g in "ifo"] + \
          [get("b" + g) for g in gates] + [None, None, "h", "c"] + [None] * 4
    shapes = {"h": [batch, hidden], "c": [batch, hidden]}
    ops = [("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, ["y"], options("UnidirectionalSequenceLSTM", timeMajor=time_major, fusedActivationFunction=TANH))]
    x = {"x": rand(name, *((time, batch, inputs) if time_major else (batch, time, inputs)))}
    variables = ("h", "c")
    if not int8:
        case(name, ops, x, consts, variables=variables, shapes=shapes)
        return
    scales = {k: np.float32(np.abs(w).max() / 127) for k, w in consts.items() if k[0] in "wrp"}
    integers = {k: np.round(consts[k] / scale).astype(np.int8) for k, scale in scales.items()}
    real = consts | {k: w.astype(np.float32) * scales[k] for k, w in integers.items()}
    case(name, ops, x, consts | integers, variables=variables, shapes=shapes, quantized={k: (scale, 0) for k, scale in scales.items()},
         results=model(ops, x, real, ("y",), variables=variables, shapes=shapes)[1])


lstm("lstm", 5, 2, 4, 3)
lstm("lstm_batch_major", 4, 1, 5, 6, time_major=False)
lstm("lstm_coupled", 4, 2, 5, 3, coupled=True)
lstm("lstm_peepholes", 4, 2, 5, 3, peepholes=True)
lstm("lstm_coupled_peepholes", 4, 2, 5, 3, coupled=True, peepholes=True)
lstm("lstm_int8", 6, 2, 20, 19, int8=True)
lstm("lstm_int8_batch_major", 5, 3, 9, 32, time_major=False, peepholes=True, int8=True)
lstm("lstm_int8_coupled", 4, 1, 7, 12, coupled=True, int8=True)


# ---- layers with int8 weights, likewise; the largest is 100, so that other scales would give other integers ----------------
def hybrid_layers(name):
    shapes = {"wc": (8, 3, 3, 3), "wd": (1, 3, 3, 8), "wt": (5, 2, 2, 8), "wl": (6, 240)}
    axes = {"wc": 0, "wd": 3, "wt": 0, "wl": 0}
    weights = {k: rand(name + k, *shape, low=-0.5, high=0.5) for k, shape in shapes.items()}
    scales = {k: np.abs(w).max(axis=tuple(d for d in range(w.ndim) if d != axes[k]), keepdims=True) / np.float32(100) for k, w in weights.items()}
    integers = {k: np.round(w / scales[k]).astype(np.int8) for k, w in weights.items()}
    real = {k: w.astype(np.float32) * scales[k] for k, w in integers.items()}
    more = {"bc": rand(name + "bc", 8), "bd": rand(name + "bd", 8), "bl": rand(name + "bl", 6), "shape": i32(1, 6, 8, 5)}
    layers = [("CONV_2D", ["x", "wc", "bc"], ["c"], options("Conv2D", padding=SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
                                                           fusedActivationFunction=RELU)),
              ("DEPTHWISE_CONV_2D", ["c", "wd", "bd"], ["d"], options("DepthwiseConv2D", padding=SAME, strideH=1, strideW=1, dilationHFactor=1,
                                                                     dilationWFactor=1, depthMultiplier=1, fusedActivationFunction=RELU)),
              ("TRANSPOSE_CONV", ["shape", "real_wt", "d"], ["t"], options("TransposeConv", padding=VALID, strideH=2, strideW=2)),
              ("FULLY_CONNECTED", ["t", "wl", "bl"], ["y"], options("FullyConnected"))]
    x = {"x": rand(name, 1, 3, 4, 3)}
    results = model(layers, x, real | more | {"real_wt": real["wt"]}, ("y",))[1]
    # The kernel of transposed convolutions takes weights of its inputs' type only.
    case(name, [("DEQUANTIZE", ["wt"], ["real_wt"], options("Dequantize"))] + layers, x, integers | more,
         quantized={k: (scale.reshape(-1), 0, axes[k]) for k, scale in scales.items()}, results=results)


hybrid_layers("hybrid_layers")
