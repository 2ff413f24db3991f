#!/usr/bin/env python3
"""Makes the goldens of int16 activations (and int8 weights) in tflite_int16/, as make_tflite_int8.py does those of int8.

Not part of the test command. Needs: pip install numpy ai-edge-litert. Usage: make_tflite_int16.py [NAME-PART]"""
import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, Padding, TensorType

import tflite_case
from tflite_case import options, rng

SAME, VALID = Padding.SAME, Padding.VALID
NONE, RELU, RELU_N1, RELU6 = (getattr(ActivationFunctionType, n) for n in ("NONE", "RELU", "RELU_N1_TO_1", "RELU6"))
i32 = lambda *values: np.asarray(values, np.int32)
tflite_case.VERSIONS |= {name: version for name, version in {
    "CONV_2D": 4, "DEPTHWISE_CONV_2D": 5, "FULLY_CONNECTED": 7, "ADD": 3, "SUB": 5, "MUL": 4, "AVERAGE_POOL_2D": 3, "MAX_POOL_2D": 3,
    "SOFTMAX": 3, "LOGISTIC": 3, "TANH": 3, "RELU": 3, "RELU6": 3, "LEAKY_RELU": 2, "QUANTIZE": 2, "DEQUANTIZE": 3, "PAD": 4,
    "CONCATENATION": 3, "MAXIMUM": 4, "MINIMUM": 4, "STRIDED_SLICE": 4, "TRANSPOSE": 4, "GELU": 2, "EXP": 2, "LOG": 2, "ABS": 3,
    "RESHAPE": 1, "GATHER": 4, "RESIZE_NEAREST_NEIGHBOR": 4, "SPACE_TO_BATCH_ND": 3, "BATCH_TO_SPACE_ND": 3, "MEAN": 3, "SUM": 2,
    "REDUCE_MAX": 3, "REDUCE_MIN": 3, "REDUCE_PROD": 2, "TRANSPOSE_CONV": 4, "PRELU": 1, "RESIZE_BILINEAR": 3, "BATCH_MATMUL": 3}.items()}


def q16(name, *shape):
    return rng(name + str(shape)).integers(-32768, 32768, shape).astype(np.int16)


def w8(name, *shape):
    return rng(name + "w" + str(shape)).integers(-127, 128, shape).astype(np.int8)


def int16_case(name, ops, inputs, consts, quantized, types=None, outputs=("y",), **more):
    types = {"y": np.int16} | (types or {})
    quantized = {k: q if isinstance(q, tuple) else (q, 0) for k, q in quantized.items()}
    tflite_case.case(name, ops, inputs, consts, outputs, types, quantized, folder="tflite_int16", **more)


# ---- layers -------------------------------------------------------------------------------------------------------------
def layer_quantization(name, x, y, count, axis):
    """Scales of weights and bias: one or `count`."""
    scales = rng(name + "s").uniform(0.002, 0.02, count).astype(np.float32)
    return {"x": x, "y": y, "w": (scales, 0, axis), "b": (x * scales, 0)}


def bias_of(name, m, limit, wide):
    return rng(name + "b").integers(-limit, limit, m).astype(np.int64 if wide else np.int32)


def conv(name, x, m, kernel, groups=1, stride=(1, 1), dilation=(1, 1), padding=SAME, act=NONE, per_channel=True, depthwise=0,
         x_q=0.0003, y_q=0.002, bias_limit=5000000, wide=True, x_values=None, w_values=None):
    fields = {"padding": padding, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
              "dilationWFactor": dilation[1], "fusedActivationFunction": act}
    if depthwise:
        m = x[3] * depthwise
        op, w, opts = "DEPTHWISE_CONV_2D", w8(name, 1, *kernel, m), options("DepthwiseConv2D", depthMultiplier=depthwise, **fields)
    else:
        bias_type = {} if wide else {"quantizedBiasType": TensorType.INT32}
        op, w, opts = "CONV_2D", w8(name, m, *kernel, x[3] // groups), options("Conv2D", **fields, **bias_type)
    int16_case(name, [(op, ["x", "w", "b"], ["y"], opts)], {"x": q16(name, *x) if x_values is None else np.full(x, x_values, np.int16)},
               {"w": w if w_values is None else np.full(w.shape, w_values, np.int8), "b": bias_of(name, m, bias_limit, wide)},
               layer_quantization(name, x_q, y_q, m if per_channel else 1, 3 if depthwise else 0))


conv("conv_1x1", (1, 5, 6, 7), 9, (1, 1))
conv("conv_3x3", (2, 7, 6, 5), 18, (3, 3), act=RELU, y_q=0.001)
conv("conv_per_tensor", (1, 7, 6, 5), 8, (3, 3), padding=VALID, act=RELU6, per_channel=False, y_q=0.0004)
conv("conv_stride2", (1, 8, 7, 3), 4, (3, 3), stride=(2, 2), act=RELU_N1, y_q=0.00007)
conv("conv_dilated", (1, 9, 9, 4), 6, (3, 3), dilation=(2, 3))
conv("conv_groups", (1, 6, 6, 8), 12, (3, 3), groups=2)
conv("conv_large_bias", (1, 4, 4, 4), 6, (1, 1), y_q=4e3, bias_limit=1 << 40)
conv("conv_shift_left", (1, 4, 4, 4), 6, (1, 1), x_q=1.0, y_q=0.001, bias_limit=100)
conv("conv_tiny_factor", (1, 4, 4, 4), 6, (1, 1), y_q=1e9)
conv("conv_extreme", (1, 3, 3, 260), 5, (3, 3), y_q=0.9, x_values=-32768, w_values=-127)
conv("conv_bias32", (1, 5, 6, 7), 17, (3, 3), wide=False, y_q=0.0009)
conv("conv_bias32_shift_left", (1, 4, 4, 4), 6, (1, 1), wide=False, x_q=1.0, y_q=0.001, bias_limit=100)
conv("depthwise_3x3", (1, 6, 7, 21), 0, (3, 3), depthwise=1, act=RELU, y_q=0.0005)
conv("depthwise_stride2", (1, 8, 7, 16), 0, (3, 3), stride=(2, 2), depthwise=1, y_q=0.0004)
conv("depthwise_multiplier", (1, 6, 6, 3), 0, (3, 3), depthwise=4)
conv("depthwise_dilated", (1, 9, 9, 4), 0, (3, 2), dilation=(2, 2), depthwise=1, padding=VALID)
conv("depthwise_large", (1, 18, 18, 3), 0, (17, 17), depthwise=1, padding=VALID, y_q=0.6, x_values=32767, w_values=127)


def fully_connected(name, x, n, k, act=NONE, per_channel=False, bias=True, keep=False, wide=True):
    consts = {"w": w8(name, n, k)} | ({"b": bias_of(name, n, 9000000, wide)} if bias else {})
    bias_type = {} if wide else {"quantizedBiasType": TensorType.INT32}
    int16_case(name, [("FULLY_CONNECTED", ["x", "w", "b" if bias else None], ["y"],
                       options("FullyConnected", fusedActivationFunction=act, keepNumDims=keep, **bias_type))],
               {"x": q16(name, *x)}, consts, layer_quantization(name, 0.0004, 0.003, n if per_channel else 1, 0))


fully_connected("fully_connected", (1, 70), 10, 70)
fully_connected("fully_connected_rows", (3, 20), 17, 20, act=RELU, bias=False)
fully_connected("fully_connected_per_channel", (2, 33), 12, 33, per_channel=True)
fully_connected("fully_connected_keep", (2, 3, 20), 6, 20, act=RELU6, keep=True)
fully_connected("fully_connected_long", (2, 700), 5, 700)
fully_connected("fully_connected_bias32", (3, 33), 12, 33, wide=False)
fully_connected("fully_connected_no_bias32", (3, 33), 12, 33, bias=False, wide=False)

def transpose_conv(name, x, y, kernel, stride, padding=SAME, act=NONE, bias=True, per_channel=True, wide=True, x_q=0.0003, y_q=0.002, x_values=None):
    m, q = y[3], layer_quantization(name, x_q, y_q, y[3] if per_channel else 1, 0)
    consts = {"shape": i32(*y), "w": w8(name, m, *kernel, x[3])} | ({"b": bias_of(name, m, 5000000, wide)} if bias else {})
    bias_type = {} if wide else {"quantizedBiasType": TensorType.INT32}
    int16_case(name, [("TRANSPOSE_CONV", ["shape", "w", "x"] + ["b"] * bias, ["y"],
                       options("TransposeConv", padding=padding, strideH=stride[0], strideW=stride[1], fusedActivationFunction=act, **bias_type))],
               {"x": q16(name, *x) if x_values is None else np.full(x, x_values, np.int16)}, consts, q)


transpose_conv("transpose_conv", (1, 4, 5, 3), (1, 8, 10, 6), (3, 3), (2, 2), bias=False)
transpose_conv("transpose_conv_2x2", (2, 3, 4, 8), (2, 6, 8, 19), (2, 2), (2, 2), act=RELU, y_q=0.001)
transpose_conv("transpose_conv_4x4", (1, 5, 3, 4), (1, 10, 6, 8), (4, 4), (2, 2), act=RELU6, y_q=0.0004, per_channel=False)
transpose_conv("transpose_conv_gaps", (1, 3, 4, 5), (1, 9, 16, 3), (2, 1), (3, 4), padding=VALID)  # phases without taps
transpose_conv("transpose_conv_cut", (1, 4, 4, 6), (1, 7, 7, 9), (3, 5), (2, 2), act=RELU_N1, y_q=0.00007)
transpose_conv("transpose_conv_unit", (1, 5, 6, 12), (1, 5, 6, 33), (3, 3), (1, 1), bias=False, wide=False)
transpose_conv("transpose_conv_bias32", (1, 5, 6, 7), (1, 10, 12, 17), (3, 3), (2, 2), wide=False, y_q=0.0009)
transpose_conv("transpose_conv_extreme", (1, 3, 3, 260), (1, 6, 6, 5), (3, 3), (2, 2), y_q=0.9, x_values=-32768)
transpose_conv("transpose_conv_line", (1, 1, 9, 4), (1, 1, 27, 5), (1, 5), (1, 3))


def batch_matmul(name, a, b, adj_x=False, adj_y=False, constant=None, a_q=0.0004, b_q=0.0007, y_q=0.02, b_type=np.int16):
    x = {"a": q16(name + "a", *a), "b": q16(name + "b", *b).astype(b_type)}
    int16_case(f"batch_matmul_{name}", [("BATCH_MATMUL", ["a", "b"], ["y"], options("BatchMatMul", adjX=adj_x, adjY=adj_y))],
               {k: v for k, v in x.items() if k != constant}, {k: v for k, v in x.items() if k == constant}, {"a": a_q, "b": b_q, "y": y_q})


batch_matmul("plain", (2, 5, 16), (2, 16, 33))
batch_matmul("adj_y", (3, 7, 20), (3, 18, 20), adj_y=True, y_q=0.003)
batch_matmul("adj_x", (2, 6, 13), (2, 6, 21), adj_x=True)
batch_matmul("broadcast", (3, 1, 9, 24), (2, 24, 35), y_q=0.05)
batch_matmul("row", (2, 1, 300), (2, 300, 4), y_q=0.1)
batch_matmul("constant", (2, 7, 12), (12, 10), constant="b")
batch_matmul("constant_a", (9, 12), (2, 12, 10), constant="a")
batch_matmul("int8", (2, 5, 16), (2, 16, 21), b_q=0.01, y_q=0.005, b_type=np.int8)
batch_matmul("int8_constant", (2, 7, 12), (12, 10), constant="b", b_q=0.01, y_q=0.004, b_type=np.int8)

# ---- element-wise -------------------------------------------------------------------------------------------------------
KINDS = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul"}
for op, kind in KINDS.items():
    for tag, act, b, scales in (("", NONE, (2, 4, 5, 3), (0.0005, 0.0007, 0.0009)), ("_relu", RELU, (1, 4, 5, 3), (0.0002, 0.005, 0.001)),
                                ("_broadcast", RELU6, (3,), (0.003, 0.0001, 0.0007)), ("_equal", NONE, (2, 4, 5, 3), (0.001, 0.001, 0.001))):
        int16_case(f"{op.lower()}{tag}", [(op, ["a", "b"], ["y"], options(kind, fusedActivationFunction=act))],
                   {"a": q16(op + "a" + tag, 2, 4, 5, 3), "b": q16(op + "b" + tag, *b)}, {}, dict(zip("aby", scales)))
for op in ("ADD", "SUB"):  # scales that are powers of two: shifts, unless the options say otherwise
    for tag, a, b, y, shifts, act in (("shift_b", -9, -12, -9, True, NONE), ("shift_a", -15, -12, -12, True, RELU6), ("equal", -12, -12, -12, True, NONE),
                                      ("factors", -9, -12, -9, False, NONE)):
        int16_case(f"{op.lower()}_powers_{tag}", [(op, ["a", "b"], ["y"], options(KINDS[op], potScaleInt16=shifts, fusedActivationFunction=act))],
                   {"a": q16(op + "pa" + tag, 4, 50), "b": q16(op + "pb" + tag, 4, 50)}, {}, {"a": 2.0**a, "b": 2.0**b, "y": 2.0**y})
int16_case("add_constant", [("ADD", ["a", "b"], ["y"], options("Add"))], {"a": q16("ac", 2, 4, 3)}, {"b": q16("acb", 3)},
           {"a": 0.0005, "b": 0.0003, "y": 0.0007})
for op in ("MAXIMUM", "MINIMUM"):
    int16_case(op.lower(), [(op, ["a", "b"], ["y"], None)], {"a": q16(op + "a", 2, 5, 3), "b": q16(op + "b", 5, 1)}, {}, {k: 0.0005 for k in "aby"})
for tag, slope, x_q, slope_q, y_q in (("", (1, 1, 3), 0.0005, (0.01, -3), 0.0006), ("_image", (4, 5, 3), 0.0005, (0.003, 90), 0.0005),
                                      ("_one", (1, 1, 1), 0.0002, (0.02, 0), 0.00009), ("_same", (2, 4, 5, 3), 0.0005, (0.01, 0), 0.0006)):
    int16_case(f"prelu{tag}", [("PRELU", ["x", "slope"], ["y"], None)], {"x": q16("prelu" + tag, 2, 4, 5, 3)}, {"slope": w8("slope" + tag, *slope)},
               {"x": x_q, "slope": slope_q, "y": y_q})
int16_case("prelu_computed", [("PRELU", ["x", "slope"], ["y"], None)], {"x": q16("prelu_computed", 2, 4, 3), "slope": w8("prelu_computed", 1, 1, 3)}, {},
           {"x": 0.0005, "slope": (0.01, 20), "y": 0.0004})
many = np.concatenate([np.arange(-32768, 32768, 37), np.arange(-300, 300), [32767, -32767]]).astype(np.int16).reshape(1, -1)
for op, x_q, y_q, opts in (
        ("RELU", 0.0005, 0.0004, None), ("RELU", 0.0004, 0.0004, None), ("RELU6", 0.0006, 6 / 32767, None),
        ("LEAKY_RELU", 0.0005, 0.0006, options("LeakyRelu", alpha=0.17)), ("LEAKY_RELU", 0.0005, 0.0005, options("LeakyRelu", alpha=1.3)),
        ("LOGISTIC", 0.0003, 1 / 32768, None), ("LOGISTIC", 2.0**-12, 1 / 32768, None), ("LOGISTIC", 0.0007, 1 / 32768, None),
        ("LOGISTIC", 0.00001, 1 / 32768, None), ("LOGISTIC", 2.0**-11, 1 / 32768, None),
        ("TANH", 0.0003, 1 / 32768, None), ("TANH", 2.0**-12, 1 / 32768, None), ("TANH", 2.0**-11, 1 / 32768, None), ("TANH", 0.00002, 1 / 32768, None),
        ("GELU", 0.0002, 0.0002, options("Gelu", approximate=False)), ("GELU", 0.0003, 0.0004, options("Gelu", approximate=True)),
        ("EXP", 0.0002, 0.03, None), ("LOG", 0.0005, 0.0004, None), ("ABS", 0.0005, 0.0003, None), ("ABS", 0.0005, 0.0005, None)):
    count = sum(1 for s in tflite_case.seen if s.startswith(f"unary_{op.lower()}_"))
    int16_case(f"unary_{op.lower()}_{count}", [(op, ["x"], ["y"], opts)], {"x": many}, {}, {"x": x_q, "y": y_q})

# ---- pooling, reductions, softmax ---------------------------------------------------------------------------------------------------
for op, short in (("AVERAGE_POOL_2D", "average_pool"), ("MAX_POOL_2D", "max_pool")):
    for tag, x, kernel, stride, padding, act in (("2x2", (1, 6, 8, 5), 2, 2, VALID, NONE), ("3x3", (2, 7, 6, 19), 3, 2, SAME, RELU),
                                                 ("17x17", (1, 17, 17, 3), 17, 17, VALID, RELU6)):
        int16_case(f"{short}_{tag}", [(op, ["x"], ["y"], options("Pool2D", padding=padding, strideH=stride, strideW=stride, filterHeight=kernel,
                                                                filterWidth=kernel, fusedActivationFunction=act))],
                   {"x": q16(short, *x)}, {}, {"x": 0.0005, "y": 0.0005})
for axes, keep in (((1, 2), True), ((3,), False), ((2,), True), ((0, 2), False), ((1, 3), True), ((0, 1, 2, 3), False)):
    name = f"mean_{''.join(map(str, axes))}"
    int16_case(name, [("MEAN", ["x", "axes"], ["y"], options("Reducer", keepDims=keep))], {"x": q16(name, 2, 6, 7, 19)}, {"axes": i32(*axes)},
               {"x": 0.0005, "y": 0.00017 if len(axes) > 1 else 0.0004})
int16_case("mean_row", [("MEAN", ["x", "axes"], ["y"], options("Reducer"))], {"x": q16("meanrow", 1, 1000)}, {"axes": i32(1)}, {"x": 0.0005, "y": 0.0006})
for op in ("REDUCE_MAX", "REDUCE_MIN"):
    for tag, axes in (("", (1, 2)), ("_apart", (1, 3)), ("_rows", (3,))):
        int16_case(op.lower() + tag, [(op, ["x", "axes"], ["y"], options("Reducer", keepDims=not tag))], {"x": q16(op, 2, 6, 7, 5)},
                   {"axes": i32(*axes)}, {"x": 0.0005, "y": 0.0005})
for axes, x_q, y_q in (((1, 2), 0.000046, 0.002), ((0, 3), 0.00004, 0.0009), ((3,), 0.000018, 0.0007), ((2,), 0.00002, 0.003)):
    name = f"prod_{''.join(map(str, axes))}"
    int16_case(name, [("REDUCE_PROD", ["x", "axes"], ["y"], options("Reducer", keepDims=True))], {"x": q16(name, 2, 3, 4, 5)},
               {"axes": i32(*axes)}, {"x": x_q, "y": y_q})
# The reference kernel of SUM takes the bytes of int16 for uint8. Of 2^n elements, the one of MEAN has SUM's factor where its scale is 2^n times finer.
for axes, keep, y_q in (((1, 2), True, 0.002), ((1, 3), False, 0.007), ((3,), False, 0.0005)):
    name, shape = f"sum_{''.join(map(str, axes))}", (2, 4, 8, 16)
    x, consts = q16(name, *shape), {"axes": i32(*axes)}
    kind = options("Reducer", keepDims=keep)
    _, means = tflite_case.model([("MEAN", ["x", "axes"], ["y"], kind)], {"x": x}, consts, ("y",), {"y": np.int16},
                                 {"x": (0.0005, 0), "y": (np.float32(y_q) / np.prod([shape[a] for a in axes], dtype=np.float32), 0)})
    int16_case(name, [("SUM", ["x", "axes"], ["y"], kind)], {"x": x}, consts, {"x": 0.0005, "y": y_q}, results=means)
for tag, scale, beta, shape in (("", 0.0003, 1.0, (6, 12)), ("_fine", 0.00001, 1.0, (6, 12)), ("_coarse", 0.004, 1.0, (6, 12)), ("_beta", 0.0003, 0.5, (6, 12)),
                                ("_single", 0.0003, 1.0, (3, 1)), ("_long", 0.0001, 1.0, (2, 1500))):
    int16_case(f"softmax{tag}", [("SOFTMAX", ["x"], ["y"], options("Softmax", beta=beta))], {"x": q16("softmax" + tag, *shape)}, {},
               {"x": scale, "y": 1 / 32768})

# ---- numbers and movement -----------------------------------------------------------------------------------------------
for tag, x_q, y_q in (("finer", 0.0003, 0.0001), ("coarser", 0.0003, 0.002)):
    int16_case(f"requantize_{tag}", [("QUANTIZE", ["x"], ["y"], None)], {"x": many}, {}, {"x": x_q, "y": y_q})
same = {"x": 0.0005, "y": 0.0005}
int16_case("pad", [("PAD", ["x", "pads"], ["y"], None)], {"x": q16("pad", 1, 4, 5, 3)}, {"pads": i32(0, 0, 1, 2, 3, 0, 0, 1).reshape(4, 2)}, same)
int16_case("concatenation", [("CONCATENATION", ["x", "b"], ["y"], options("Concatenation", axis=1))], {"x": q16("cx", 2, 3), "b": q16("cb", 2, 2)}, {},
           same | {"b": 0.0005})
int16_case("transpose", [("TRANSPOSE", ["x", "perm"], ["y"], None)], {"x": q16("transpose", 2, 3, 4, 5)}, {"perm": i32(0, 3, 1, 2)}, same)
int16_case("strided_slice", [("STRIDED_SLICE", ["x", "b", "e", "s"], ["y"], options("StridedSlice"))], {"x": q16("strided", 4, 5, 6)},
           {"b": i32(1, 0, 2), "e": i32(3, 5, 6), "s": i32(1, 2, 3)}, same)
int16_case("reshape", [("RESHAPE", ["x", "shape"], ["y"], options("Reshape"))], {"x": q16("reshape", 2, 6)}, {"shape": i32(3, -1)}, same)

int16_case("gather", [("GATHER", ["x", "i"], ["y"], options("Gather", axis=1))], {"x": q16("gather", 2, 5, 3)}, {"i": i32(4, 0, 0)}, same)
int16_case("resize_nearest", [("RESIZE_NEAREST_NEIGHBOR", ["x", "size"], ["y"], options("ResizeNearestNeighbor"))], {"x": q16("resize", 1, 4, 5, 3)},
           {"size": i32(8, 7)}, same)
for tag, fields in (("", {}), ("_aligned", {"alignCorners": True}), ("_half_pixel", {"halfPixelCenters": True})):
    for size in ((8, 10), (3, 2), (7, 5), (4, 9), (1, 1)):
        int16_case(f"resize_bilinear{tag}_{size[0]}x{size[1]}", [("RESIZE_BILINEAR", ["x", "size"], ["y"], options("ResizeBilinear", **fields))],
                   {"x": q16("bilinear" + tag, 2, 4, 5, 19 if size[0] == 7 else 3)}, {"size": i32(*size)}, same)
int16_case("resize_bilinear_extreme", [("RESIZE_BILINEAR", ["x", "size"], ["y"], options("ResizeBilinear"))],
           {"x": rng("extreme").choice([-32768, 32767], (1, 3, 4, 5)).astype(np.int16)}, {"size": i32(7, 9)}, same)
int16_case("resize_nearest_half_pixel", [("RESIZE_NEAREST_NEIGHBOR", ["x", "size"], ["y"], options("ResizeNearestNeighbor", halfPixelCenters=True))],
           {"x": q16("nearest", 1, 4, 5, 3)}, {"size": i32(7, 3)}, same)
int16_case("dilation", [("SPACE_TO_BATCH_ND", ["x", "block", "pads"], ["s"], None),
                        ("CONV_2D", ["s", "w", "b"], ["c"], options("Conv2D", padding=VALID, strideH=1, strideW=1, fusedActivationFunction=RELU)),
                        ("BATCH_TO_SPACE_ND", ["c", "block", "crops"], ["y"], None)],
           {"x": q16("dilation", 1, 9, 9, 4)},
           {"w": w8("dilation", 6, 3, 3, 4), "b": bias_of("dilation", 6, 90000, True), "block": i32(2, 2),
            "pads": i32(2, 3, 2, 3).reshape(2, 2), "crops": i32(0, 1, 0, 1).reshape(2, 2)},
           layer_quantization("dilation", 0.0004, 0.002, 6, 0) | {"s": 0.0004, "c": 0.002}, types={"s": np.int16, "c": np.int16})

# A network from float to float: a residual block of layers, as converters write it.
int16_case("network", [("QUANTIZE", ["x"], ["q"], None),
                       ("CONV_2D", ["q", "w", "b"], ["c"], options("Conv2D", padding=SAME, strideH=1, strideW=1, fusedActivationFunction=RELU)),
                       ("DEPTHWISE_CONV_2D", ["c", "dw", "db"], ["d"], options("DepthwiseConv2D", padding=SAME, strideH=1, strideW=1, depthMultiplier=1)),
                       ("ADD", ["c", "d"], ["s"], options("Add", fusedActivationFunction=RELU)),
                       ("AVERAGE_POOL_2D", ["s"], ["p"], options("Pool2D", padding=VALID, strideH=8, strideW=8, filterHeight=8, filterWidth=8)),
                       ("RESHAPE", ["p", "shape"], ["r"], options("Reshape")),
                       ("FULLY_CONNECTED", ["r", "fw", "fb"], ["f"], options("FullyConnected")),
                       ("SOFTMAX", ["f"], ["m"], options("Softmax", beta=1.0)), ("DEQUANTIZE", ["m"], ["y"], None)],
           {"x": tflite_case.rand("network", 1, 8, 8, 3)},
           {"w": w8("nw", 16, 3, 3, 3), "b": bias_of("nb", 16, 90000, True), "dw": w8("ndw", 1, 3, 3, 16), "db": bias_of("ndb", 16, 90000, True),
            "shape": i32(1, 16), "fw": w8("nfw", 10, 16), "fb": bias_of("nfb", 10, 90000, True)},
           {"q": 2 / 32767, "c": 0.0003, "d": 0.0009, "s": 0.0011, "p": 0.0011, "r": 0.0011, "f": 0.0007, "m": 1 / 32768,
            "w": (np.full(16, 0.01), 0, 0), "b": (np.full(16, 0.02 / 32767), 0), "dw": (np.linspace(0.005, 0.02, 16), 0, 3),
            "db": (np.linspace(0.005, 0.02, 16) * 0.0003, 0, 0), "fw": (0.01, 0), "fb": (0.000011, 0)},
           types={k: np.int16 for k in "qcdsprfm"} | {"y": np.float32})
