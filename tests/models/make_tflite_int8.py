#!/usr/bin/env python3
"""Makes the integer goldens in tflite_int8/, as make_tflite_ops.py does the others: outputs are the bytes of TensorFlow Lite's reference
kernels.

Not part of the test command. Needs: pip install numpy ai-edge-litert. Usage: make_tflite_int8.py [NAME-PART]"""
import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, Padding

import tflite_case
from tflite_case import options, rng

SAME, VALID = Padding.SAME, Padding.VALID
NONE, RELU, RELU_N1, RELU6 = (getattr(ActivationFunctionType, n) for n in ("NONE", "RELU", "RELU_N1_TO_1", "RELU6"))
i32 = lambda *values: np.asarray(values, np.int32)
tflite_case.VERSIONS |= {name: version for name, version in {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "ADD": 2, "SUB": 2, "MUL": 2, "AVERAGE_POOL_2D": 2, "MAX_POOL_2D": 2,
    "SOFTMAX": 2, "MEAN": 2, "LOGISTIC": 2, "TANH": 2, "RELU": 2, "RELU6": 2, "LEAKY_RELU": 2, "QUANTIZE": 2, "DEQUANTIZE": 2,
    "PAD": 2, "CONCATENATION": 2, "TRANSPOSE_CONV": 2, "BATCH_MATMUL": 2, "MAXIMUM": 2, "MINIMUM": 2, "SLICE": 2, "STRIDED_SLICE": 2,
    "TRANSPOSE": 2, "REDUCE_MAX": 2, "REDUCE_MIN": 2, "ARG_MAX": 2, "SPACE_TO_BATCH_ND": 2, "BATCH_TO_SPACE_ND": 2, "SPLIT": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2, "GATHER": 2, "PACK": 2, "UNPACK": 2, "MIRROR_PAD": 2, "EXP": 2, "RELU_0_TO_1": 1,
    "SUM": 2, "REDUCE_PROD": 2, "ARG_MIN": 2, "SPLIT_V": 2, "PADV2": 2, "SPACE_TO_DEPTH": 2, "DEPTH_TO_SPACE": 2, "TILE": 2,
    "RESIZE_BILINEAR": 2, "LOG_SOFTMAX": 2, "L2_NORMALIZATION": 2, "SQUARED_DIFFERENCE": 2, "RSQRT": 2, "REVERSE_V2": 2, "CAST": 2}.items()}


def q8(name, *shape):
    return rng(name + str(shape)).integers(-128, 128, shape).astype(np.int8)


def w8(name, *shape):
    return rng(name + "w" + str(shape)).integers(-127, 128, shape).astype(np.int8)


def int8_case(name, ops, inputs, consts, quantized, types=None, outputs=("y",), **more):
    types = {"y": np.int8} | (types or {})
    tflite_case.case(name, ops, inputs, consts, outputs, types, quantized, folder="tflite_int8", **more)


# ---- layers -------------------------------------------------------------------------------------------------------------
def layer_quantization(name, x, y, count, axis, low=0.002, high=0.02):
    """Scales of weights and bias: one or `count`."""
    scales = rng(name + "s").uniform(low, high, count).astype(np.float32)
    return {"x": x, "y": y, "w": (scales, 0, axis), "b": (x[0] * scales, 0)}


def conv(name, x, m, kernel, groups=1, stride=(1, 1), dilation=(1, 1), padding=SAME, act=NONE, per_channel=True, depthwise=0,
         x_q=(0.05, 3), y_q=(0.5, -7), bias_limit=20000):
    fields = {"padding": padding, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
              "dilationWFactor": dilation[1], "fusedActivationFunction": act}
    if depthwise:
        m = x[3] * depthwise
        op, w, opts = "DEPTHWISE_CONV_2D", w8(name, 1, *kernel, m), options("DepthwiseConv2D", depthMultiplier=depthwise, **fields)
    else:
        op, w, opts = "CONV_2D", w8(name, m, *kernel, x[3] // groups), options("Conv2D", **fields)
    bias = rng(name + "b").integers(-bias_limit, bias_limit, m).astype(np.int32)
    int8_case(name, [(op, ["x", "w", "b"], ["y"], opts)], {"x": q8(name, *x)}, {"w": w, "b": bias},
              layer_quantization(name, x_q, y_q, m if per_channel else 1, 3 if depthwise else 0))


conv("conv_1x1", (1, 5, 6, 7), 9, (1, 1))
conv("conv_3x3", (2, 7, 6, 5), 18, (3, 3), act=RELU, y_q=(0.5, -128))
conv("conv_per_tensor", (1, 7, 6, 5), 8, (3, 3), padding=VALID, act=RELU6, per_channel=False, y_q=(0.03, -120))
conv("conv_stride2", (1, 8, 7, 3), 4, (3, 3), stride=(2, 2), act=RELU_N1, y_q=(0.01, 4), x_q=(0.02, -128))
conv("conv_dilated", (1, 9, 9, 4), 6, (3, 3), dilation=(2, 3), x_q=(0.05, 127))
conv("conv_groups", (1, 6, 6, 8), 12, (3, 3), groups=2)
conv("conv_large_bias", (1, 4, 4, 4), 6, (1, 1), y_q=(40.0, 0), bias_limit=1 << 30)
conv("conv_shift_left", (1, 4, 4, 4), 6, (1, 1), y_q=(1e-4, 0), bias_limit=100)
conv("conv_tiny_factor", (1, 4, 4, 4), 6, (1, 1), y_q=(1e9, 5))
conv("depthwise_3x3", (1, 6, 7, 21), 0, (3, 3), depthwise=1, act=RELU, y_q=(0.3, -128))
conv("depthwise_stride2", (1, 8, 7, 16), 0, (3, 3), stride=(2, 2), depthwise=1)
conv("depthwise_multiplier", (1, 6, 6, 3), 0, (3, 3), depthwise=4)
for c, multiplier in ((1, 8), (8, 2), (6, 3), (5, 2), (12, 5)):  # groups that are joined, and such that are not
    conv(f"depthwise_multiplier_{c}x{multiplier}", (1, 6, 5, c), 0, (3, 3), depthwise=multiplier, stride=(1, 2), x_q=(0.05, -128))
conv("depthwise_dilated", (1, 9, 9, 4), 0, (3, 2), dilation=(2, 2), depthwise=1, padding=VALID)


def fully_connected(name, x, n, k, act=NONE, per_channel=False, bias=True, keep=False):
    consts = {"w": w8(name, n, k)} | ({"b": rng(name).integers(-9000, 9000, n).astype(np.int32)} if bias else {})
    int8_case(name, [("FULLY_CONNECTED", ["x", "w", "b" if bias else None], ["y"],
                      options("FullyConnected", fusedActivationFunction=act, keepNumDims=keep))],
              {"x": q8(name, *x)}, consts, layer_quantization(name, (0.04, -5), (0.7, 11), n if per_channel else 1, 0))


fully_connected("fully_connected", (1, 70), 10, 70)
fully_connected("fully_connected_rows", (3, 20), 17, 20, act=RELU, bias=False)
fully_connected("fully_connected_per_channel", (2, 33), 12, 33, per_channel=True)
fully_connected("fully_connected_keep", (2, 3, 20), 6, 20, act=RELU6, keep=True)
int8_case("fully_connected_data", [("FULLY_CONNECTED", ["x", "w"], ["y"], options("FullyConnected", fusedActivationFunction=RELU))],
          {"x": q8("fcd", 5, 18), "w": q8("fcdw", 7, 18)}, {}, {"x": (0.03, 4), "w": (0.05, -9), "y": (0.4, -100)})


# A layer whose result, with an activation of its own, is added to another tensor, with an activation behind the sum.
def residual(name, op, x, m, own, act, own_q=(0.5, -7), r_q=(0.3, 19), y_q=(0.6, 3), swapped=False):
    w, opts, axis = {"CONV_2D": (w8(name, m, 3, 3, x[-1]), options("Conv2D", padding=SAME, strideH=1, strideW=1, fusedActivationFunction=own), 0),
                     "DEPTHWISE_CONV_2D": (w8(name, 1, 3, 3, m), options("DepthwiseConv2D", depthMultiplier=1, padding=SAME, strideH=1,
                                                                        strideW=1, fusedActivationFunction=own), 3),
                     "FULLY_CONNECTED": (w8(name, m, x[-1]), options("FullyConnected", fusedActivationFunction=own), 0)}[op]
    quantized = layer_quantization(name, (0.05, 3), y_q, m, axis) | {"h": own_q, "r": r_q}
    int8_case(name, [(op, ["x", "w", "b"], ["h"], opts), ("ADD", ["r", "h"] if swapped else ["h", "r"], ["y"], options("Add", fusedActivationFunction=act))],
              {"x": q8(name, *x), "r": q8(name + "r", *x[:-1], m)}, {"w": w, "b": rng(name + "b").integers(-9000, 9000, m).astype(np.int32)},
              quantized, types={"h": np.int8})


residual("residual_conv", "CONV_2D", (2, 5, 6, 7), 18, NONE, RELU, y_q=(0.6, -128))
residual("residual_conv_swapped", "CONV_2D", (1, 5, 6, 7), 33, RELU, NONE, own_q=(0.4, -128), r_q=(0.05, 127), swapped=True)
residual("residual_conv_range", "CONV_2D", (1, 4, 3, 12), 9, RELU_N1, RELU6, own_q=(0.01, 4), r_q=(0.02, 0), y_q=(0.015, -100))
residual("residual_conv_saturates", "CONV_2D", (1, 4, 3, 4), 8, NONE, NONE, own_q=(0.04, 5), r_q=(4.0, 1), y_q=(0.02, -1))
residual("residual_depthwise", "DEPTHWISE_CONV_2D", (1, 6, 7, 21), 21, NONE, RELU, own_q=(0.3, 4), y_q=(0.4, -128))
residual("residual_fully_connected", "FULLY_CONNECTED", (3, 20), 17, RELU, RELU6, own_q=(0.2, -128), r_q=(0.05, 9), y_q=(0.04, -100), swapped=True)


def batch_matmul(name, a, b, adj_x=False, adj_y=False, constant="", a_q=(0.03, 4), b_q=(0.05, -9), y_q=(0.4, 3)):
    operands = {"a": q8("bma", *a), "b": q8("bmb", *b)}
    int8_case(f"batch_matmul_{name}", [("BATCH_MATMUL", ["a", "b"], ["y"], options("BatchMatMul", adjX=adj_x, adjY=adj_y))],
              {k: v for k, v in operands.items() if k != constant}, {k: v for k, v in operands.items() if k == constant},
              {"a": a_q, "b": b_q, "y": y_q})


batch_matmul("0", (2, 3, 5), (2, 5, 4))
batch_matmul("1", (2, 3, 5), (2, 4, 5), adj_y=True)
batch_matmul("adj_x", (2, 6, 13), (2, 6, 21), adj_x=True, a_q=(0.03, -128), b_q=(0.05, 127))
batch_matmul("adj_both", (2, 8, 7), (2, 19, 8), adj_x=True, adj_y=True, b_q=(0.05, 0))
batch_matmul("broadcast", (3, 1, 9, 24), (2, 24, 35), y_q=(0.9, -5))
batch_matmul("broadcast_a", (4, 32), (2, 3, 17, 32), adj_y=True, a_q=(0.03, 127), y_q=(1e-3, 0))
batch_matmul("row", (2, 1, 64), (2, 64, 40), y_q=(1.0, 3))
batch_matmul("constant", (2, 7, 12), (12, 10), constant="b")
batch_matmul("constant_symmetric", (2, 7, 12), (12, 10), constant="b", b_q=(0.05, 0))
batch_matmul("constant_a", (9, 12), (2, 12, 10), constant="a")


def transpose_conv(name, x, y, kernel, stride, padding=SAME, act=NONE, bias=True, per_channel=True, x_q=(0.05, 9), y_q=(0.4, -3)):
    m, q = y[3], layer_quantization(name, x_q, y_q, y[3] if per_channel else 1, 0)
    consts = {"shape": i32(*y), "w": w8(name, m, *kernel, x[3])} | ({"b": rng(name).integers(-9000, 9000, m).astype(np.int32)} if bias else {})
    int8_case(name, [("TRANSPOSE_CONV", ["shape", "w", "x"] + ["b"] * bias, ["y"],
                      options("TransposeConv", padding=padding, strideH=stride[0], strideW=stride[1], fusedActivationFunction=act))],
              {"x": q8(name, *x)}, consts, q)


int8_case("transpose_conv", [("TRANSPOSE_CONV", ["shape", "w", "x"], ["y"], options("TransposeConv", padding=SAME, strideH=2, strideW=2))],
          {"x": q8("tc", 1, 4, 5, 3)}, {"shape": i32(1, 8, 10, 6), "w": w8("tc", 6, 3, 3, 3)},
          {"x": (0.05, 9), "y": (0.4, -3), "w": (np.linspace(0.002, 0.02, 6), 0, 0)})
transpose_conv("transpose_conv_2x2", (2, 3, 4, 8), (2, 6, 8, 19), (2, 2), (2, 2), act=RELU, y_q=(0.2, -128))
transpose_conv("transpose_conv_4x4", (1, 5, 3, 4), (1, 10, 6, 8), (4, 4), (2, 2), act=RELU6, y_q=(0.03, -100), per_channel=False)
transpose_conv("transpose_conv_gaps", (1, 3, 4, 5), (1, 9, 16, 3), (2, 1), (3, 4), padding=VALID, x_q=(0.05, -128))  # phases without taps
transpose_conv("transpose_conv_cut", (1, 4, 4, 6), (1, 7, 7, 9), (3, 5), (2, 2), act=RELU_N1, y_q=(0.01, 4))
transpose_conv("transpose_conv_unit", (1, 5, 6, 12), (1, 5, 6, 33), (3, 3), (1, 1), bias=False, x_q=(0.05, 127))
transpose_conv("transpose_conv_line", (1, 1, 9, 4), (1, 1, 27, 5), (1, 5), (1, 3))

# ---- element-wise -------------------------------------------------------------------------------------------------------
KINDS = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul"}
for op, kind in KINDS.items():
    for tag, act, b, scales in (("", NONE, (2, 4, 5, 3), (0.05, 0.07, 0.09)), ("_relu", RELU, (1, 4, 5, 3), (0.02, 0.5, 0.1)),
                                ("_broadcast", RELU6, (3,), (0.3, 0.01, 0.07)), ("_equal", NONE, (2, 4, 5, 3), (0.1, 0.1, 0.1))):
        int8_case(f"{op.lower()}{tag}", [(op, ["a", "b"], ["y"], options(kind, fusedActivationFunction=act))],
                  {"a": q8(op + "a" + tag, 2, 4, 5, 3), "b": q8(op + "b" + tag, *b)}, {},
                  {"a": (scales[0], -11), "b": (scales[1], 23), "y": (scales[2], 5)})
int8_case("add_constant", [("ADD", ["a", "b"], ["y"], options("Add"))], {"a": q8("ac", 2, 4, 3)}, {"b": q8("acb", 3)},
          {"a": (0.05, -11), "b": (0.03, 23), "y": (0.07, 5)})
for op in ("MAXIMUM", "MINIMUM"):
    int8_case(op.lower(), [(op, ["a", "b"], ["y"], None)], {"a": q8(op + "a", 2, 5, 3), "b": q8(op + "b", 5, 1)}, {},
              {k: (0.05, 7) for k in "aby"})
int8_case("prelu", [("PRELU", ["x", "slope"], ["y"], None)], {"x": q8("prelu", 2, 4, 5, 3)}, {"slope": q8("prelus", 1, 1, 3)},
          {"x": (0.05, 7), "slope": (0.01, -3), "y": (0.06, -20)})
every = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
for op, x_q, y_q, opts in (
        ("RELU", (0.05, 7), (0.04, -128), None), ("RELU6", (0.06, -9), (6 / 255, -128), None), ("RELU_N1_TO_1", (0.02, 3), (0.01, 0), None),
        ("RELU_0_TO_1", (0.02, 3), (1 / 255, -128), None), ("LEAKY_RELU", (0.05, 7), (0.06, -40), options("LeakyRelu", alpha=0.17)),
        ("HARD_SWISH", (0.06, 2), (0.04, -110), None), ("HARD_SWISH", (0.3, -20), (0.21, -128), None),
        ("LOGISTIC", (0.06, 4), (1 / 256, -128), None), ("LOGISTIC", (0.7, -30), (1 / 256, -128), None), ("LOGISTIC", (0.004, 90), (1 / 256, -128), None),
        ("TANH", (0.03, 4), (1 / 128, 0), None), ("TANH", (0.5, -30), (1 / 128, 0), None), ("ELU", (0.05, 7), (0.04, -103), None),
        ("GELU", (0.05, 7), (0.04, -123), options("Gelu", approximate=False)), ("EXP", (0.02, 30), (0.03, -128), None),
        ("LOG", (0.05, -128), (0.04, 20), None), ("SQRT", (0.05, -128), (0.02, -128), None),
        ("ABS", (0.05, 3), (0.05, -128), None), ("NEG", (0.05, 0), (0.05, 0), None)):
    count = sum(1 for s in tflite_case.seen if s.startswith(f"unary_{op.lower()}_"))
    int8_case(f"unary_{op.lower()}_{count}", [(op, ["x"], ["y"], opts)], {"x": every}, {}, {"x": x_q, "y": y_q})

# ---- pooling, reductions, softmax ---------------------------------------------------------------------------------------
for op, short in (("AVERAGE_POOL_2D", "average_pool"), ("MAX_POOL_2D", "max_pool")):
    for tag, x, kernel, stride, padding, act in (("2x2", (1, 6, 8, 5), 2, 2, VALID, NONE), ("3x3", (2, 7, 6, 19), 3, 2, SAME, RELU),
                                                 ("5x5", (1, 5, 5, 7), 5, 5, VALID, RELU6)):
        int8_case(f"{short}_{tag}", [(op, ["x"], ["y"], options("Pool2D", padding=padding, strideH=stride, strideW=stride, filterHeight=kernel,
                                                               filterWidth=kernel, fusedActivationFunction=act))],
                  {"x": q8(short, *x)}, {}, {"x": (0.05, -13), "y": (0.05, -13)})
for axes, keep in (((1, 2), True), ((1, 2), False), ((3,), False), ((2,), True)):
    name = f"mean_{''.join(map(str, axes))}{'_keep' if keep else ''}"
    int8_case(name, [("MEAN", ["x", "axes"], ["y"], options("Reducer", keepDims=keep))], {"x": q8(name, 2, 6, 7, 5)}, {"axes": i32(*axes)},
              {"x": (0.05, -13), "y": (0.04, -5)})
for axes in ((0, 2), (1, 3), (0, 1, 3), (0, 1, 2, 3)):
    name = f"mean_{''.join(map(str, axes))}"
    int8_case(name, [("MEAN", ["x", "axes"], ["y"], options("Reducer", keepDims=axes[0] == 1))], {"x": q8(name, 2, 6, 7, 5)},
              {"axes": i32(*axes)}, {"x": (0.05, -13), "y": (0.011, -5)})
for op in ("REDUCE_MAX", "REDUCE_MIN"):
    for tag, axes in (("", (1, 2)), ("_apart", (1, 3))):
        int8_case(op.lower() + tag, [(op, ["x", "axes"], ["y"], options("Reducer", keepDims=not tag))], {"x": q8(op, 2, 6, 7, 5)},
                  {"axes": i32(*axes)}, {"x": (0.05, -13), "y": (0.05, -13)})
for axes, x_q, y_q in (((1, 2), (0.05, -13), (0.2, -5)), ((0, 3), (0.4, 3), (0.9, 20)), ((3,), (1.3, 0), (0.7, 0)), ((2,), (0.02, -128), (3.0, -40))):
    name = f"prod_{''.join(map(str, axes))}"
    int8_case(name, [("REDUCE_PROD", ["x", "axes"], ["y"], options("Reducer", keepDims=True))], {"x": q8(name, 2, 3, 4, 5)},
              {"axes": i32(*axes)}, {"x": x_q, "y": y_q})
# The reference kernel takes the bytes of int8 for uint8, which the one of uint8 does not: the same numbers with other zero points.
for axes, keep, y_q in (((1, 2), True, (0.2, -5)), ((1, 3), False, (0.7, 30)), ((3,), False, (0.05, -128))):
    name = f"sum_{''.join(map(str, axes))}"
    sum_op = [("SUM", ["x", "axes"], ["y"], options("Reducer", keepDims=keep))]
    x, consts = q8(name, 2, 6, 7, 5), {"axes": i32(*axes)}
    _, unsigned = tflite_case.model(sum_op, {"x": (x.astype(np.int32) + 128).astype(np.uint8)}, consts, ("y",), {"y": np.uint8},
                                    {"x": (0.05, -13 + 128), "y": (y_q[0], y_q[1] + 128)})
    int8_case(name, sum_op, {"x": x}, consts, {"x": (0.05, -13), "y": y_q}, results=[(unsigned[0].astype(np.int32) - 128).astype(np.int8)])
for tag, scale, beta in (("", 0.1, 1.0), ("_fine", 0.003, 1.0), ("_coarse", 0.9, 1.0), ("_beta", 0.1, 0.5)):
    int8_case(f"softmax{tag}", [("SOFTMAX", ["x"], ["y"], options("Softmax", beta=beta))], {"x": q8("softmax" + tag, 6, 12)}, {},
              {"x": (scale, 14), "y": (1 / 256, -128)})
for op, axis, dtype in (("ARG_MAX", 1, np.int32), ("ARG_MIN", 2, np.int64)):
    int8_case(f"{op.lower()}_axis", [(op, ["x", "axis"], ["y"], options("ArgMax" if op == "ARG_MAX" else "ArgMin", outputType=2 if dtype == np.int32 else 4))],
              {"x": rng(op).integers(-4, 4, (3, 6, 5)).astype(np.int8)}, {"axis": i32(axis).reshape(())}, {"x": (0.1, 14)}, types={"y": dtype})
int8_case("arg_max", [("ARG_MAX", ["x", "axis"], ["y"], options("ArgMax", outputType=2))], {"x": q8("argmax", 4, 9)}, {"axis": i32(-1).reshape(())},
          {"x": (0.1, 14)}, types={"y": np.int32})

# ---- numbers and movement -----------------------------------------------------------------------------------------------
numbers = np.concatenate([np.linspace(-9, 9, 301), (np.arange(-20, 20) + 0.5) * 0.05, [1e4, -1e4]]).astype(np.float32)
for dtype, q in ((np.int8, (0.05, 7)), (np.uint8, (0.05, 120)), (np.int16, (0.001, 0))):
    int8_case(f"quantize_{np.dtype(dtype).name}", [("QUANTIZE", ["x"], ["y"], None)], {"x": numbers}, {}, {"y": q}, types={"y": dtype})
    x = rng("dq").integers(np.iinfo(dtype).min, np.iinfo(dtype).max, 200).astype(dtype)
    int8_case(f"dequantize_{np.dtype(dtype).name}", [("DEQUANTIZE", ["x"], ["y"], None)], {"x": x}, {}, {"x": q}, types={"y": np.float32})
for tag, a, b, x_q, y_q in (("int8", np.int8, np.int8, (0.05, 7), (0.08, -20)), ("to_uint8", np.int8, np.uint8, (0.05, 7), (0.05, 135)),
                            ("from_uint8", np.uint8, np.int8, (0.05, 120), (0.02, -8)), ("finer", np.int8, np.int8, (0.3, 7), (0.001, 3)),
                            ("to_int16", np.int8, np.int16, (0.05, 7), (0.0004, 0)), ("from_int16", np.int16, np.int8, (0.0004, 0), (0.05, 7))):
    x = rng("rq" + tag).integers(np.iinfo(a).min, np.iinfo(a).max + 1, 300).astype(a)
    int8_case(f"requantize_{tag}", [("QUANTIZE", ["x"], ["y"], None)], {"x": x}, {}, {"x": x_q, "y": y_q}, types={"y": b})
same = {"x": (0.05, 7), "y": (0.05, 7)}
int8_case("pad", [("PAD", ["x", "pads"], ["y"], None)], {"x": q8("pad", 1, 4, 5, 3)}, {"pads": i32(0, 0, 1, 2, 3, 0, 0, 1).reshape(4, 2)}, same)
int8_case("concatenation", [("CONCATENATION", ["x", "b"], ["y"], options("Concatenation", axis=1))], {"x": q8("cx", 2, 3), "b": q8("cb", 2, 2)}, {},
          same | {"b": (0.05, 7)})
int8_case("concatenation_last", [("CONCATENATION", ["x", "b", "c"], ["y"], options("Concatenation", axis=-1))],
          {"x": q8("clx", 2, 3, 5), "b": q8("clb", 2, 3, 1), "c": q8("clc", 2, 3, 18)}, {}, same | {"b": (0.05, 7), "c": (0.05, 7)})
int8_case("padv2", [("PADV2", ["x", "pads", "v"], ["y"], None)], {"x": q8("padv2", 2, 3, 5)}, {"pads": i32(1, 0, 0, 2, 1, 3).reshape(3, 2),
          "v": np.int8([-77])}, same | {"v": (0.05, 7)})
int8_case("mirror_pad", [("MIRROR_PAD", ["x", "pads"], ["y"], options("MirrorPad", mode=0))], {"x": q8("mirror", 4, 5)}, {"pads": i32(2, 1, 0, 3).reshape(2, 2)}, same)
several = lambda *names: {k: (0.05, 7) for k in names}
int8_case("split", [("SPLIT", ["axis", "x"], ["y", "z"], options("Split", numSplits=2))], {"x": q8("split", 2, 3, 8)}, {"axis": i32(2).reshape(())},
          several("x", "y", "z"), types={"z": np.int8}, outputs=("y", "z"))
int8_case("split_v", [("SPLIT_V", ["x", "sizes", "axis"], ["y", "z", "u"], options("SplitV", numSplits=3))], {"x": q8("splitv", 3, 7)},
          {"sizes": i32(2, 4, 1), "axis": i32(1).reshape(())}, several("x", "y", "z", "u"), types={"z": np.int8, "u": np.int8}, outputs=("y", "z", "u"))
int8_case("unpack", [("UNPACK", ["x"], ["y", "z", "u"], options("Unpack", num=3, axis=1))], {"x": q8("unpack", 2, 3, 5)}, {}, several("x", "y", "z", "u"),
          types={"z": np.int8, "u": np.int8}, outputs=("y", "z", "u"))
int8_case("pack", [("PACK", ["x", "b"], ["y"], options("Pack", valuesCount=2, axis=1))], {"x": q8("packx", 3, 5), "b": q8("packb", 3, 5)}, {}, several("x", "b", "y"))
int8_case("slice", [("SLICE", ["x", "b", "s"], ["y"], options("Slice"))], {"x": q8("slice", 4, 5, 6)}, {"b": i32(1, 0, 2), "s": i32(2, -1, 3)}, same, shapes={"y": [2, 5, 3]})
int8_case("gather", [("GATHER", ["x", "i"], ["y"], options("Gather", axis=1))], {"x": q8("gather", 3, 6, 2)}, {"i": i32(5, 0, 0, 3).reshape(2, 2)}, same)
int8_case("tile", [("TILE", ["x", "n"], ["y"], None)], {"x": q8("tile", 2, 3)}, {"n": i32(2, 3)}, same)
for op, kind, shape in (("SPACE_TO_DEPTH", "SpaceToDepth", (1, 4, 6, 3)), ("DEPTH_TO_SPACE", "DepthToSpace", (1, 2, 3, 12))):
    int8_case(op.lower(), [(op, ["x"], ["y"], options(kind, blockSize=2))], {"x": q8(op, *shape)}, {}, same)
int8_case("transpose", [("TRANSPOSE", ["x", "perm"], ["y"], None)], {"x": q8("transpose", 2, 3, 4, 5)}, {"perm": i32(0, 3, 1, 2)}, same)
int8_case("strided_slice", [("STRIDED_SLICE", ["x", "b", "e", "s"], ["y"], options("StridedSlice"))], {"x": q8("strided", 4, 5, 6)},
          {"b": i32(1, 0, 2), "e": i32(3, 5, 6), "s": i32(1, 2, 3)}, same)
int8_case("reshape", [("RESHAPE", ["x", "shape"], ["y"], options("Reshape"))], {"x": q8("reshape", 2, 6)}, {"shape": i32(3, -1)}, same)
int8_case("resize_nearest", [("RESIZE_NEAREST_NEIGHBOR", ["x", "size"], ["y"], options("ResizeNearestNeighbor"))], {"x": q8("resize", 1, 4, 5, 3)},
          {"size": i32(8, 7)}, same)
int8_case("dilation", [("SPACE_TO_BATCH_ND", ["x", "block", "pads"], ["s"], None),
                       ("CONV_2D", ["s", "w", "b"], ["c"], options("Conv2D", padding=VALID, strideH=1, strideW=1, fusedActivationFunction=RELU)),
                       ("BATCH_TO_SPACE_ND", ["c", "block", "crops"], ["y"], None)],
          {"x": q8("dilation", 1, 9, 9, 4)},
          {"w": w8("dilation", 6, 3, 3, 4), "b": rng("dilation").integers(-900, 900, 6).astype(np.int32), "block": i32(2, 2),
           "pads": i32(2, 3, 2, 3).reshape(2, 2), "crops": i32(0, 1, 0, 1).reshape(2, 2)},
          layer_quantization("dilation", (0.05, 9), (0.3, -4), 6, 0) | {"s": (0.05, 9), "c": (0.3, -4)}, types={"s": np.int8, "c": np.int8})

# ---- resizing, normalization, further functions ------------------------------------------------------------------------------
for tag, fields in (("", {}), ("_aligned", {"alignCorners": True}), ("_half_pixel", {"halfPixelCenters": True})):
    for size in ((8, 10), (3, 2), (7, 5), (4, 9), (1, 1)):
        int8_case(f"resize_bilinear{tag}_{size[0]}x{size[1]}", [("RESIZE_BILINEAR", ["x", "size"], ["y"], options("ResizeBilinear", **fields))],
                  {"x": q8("bilinear" + tag, 2, 4, 5, 19 if size[0] == 7 else 3)}, {"size": i32(*size)}, same)
    int8_case(f"resize_nearest{tag}_7x3", [("RESIZE_NEAREST_NEIGHBOR", ["x", "size"], ["y"], options("ResizeNearestNeighbor", **fields))],
              {"x": q8("nearest" + tag, 1, 4, 5, 3)}, {"size": i32(7, 3)}, same)
for tag, scale, shape in (("", 0.1, (6, 12)), ("_fine", 0.003, (4, 40)), ("_coarse", 0.9, (6, 12)), ("_image", 0.05, (2, 3, 4, 19)), ("_one", 0.1, (3, 1))):
    int8_case(f"log_softmax{tag}", [("LOG_SOFTMAX", ["x"], ["y"], None)], {"x": q8("log_softmax" + tag, *shape)}, {},
              {"x": (scale, 14), "y": (16 / 256, 127)})
for tag, zero_point, shape in (("", 7, (6, 12)), ("_long", -128, (2, 3, 500)), ("_image", 127, (1, 3, 4, 19)), ("_one", 0, (256, 1))):
    x = every.reshape(256, 1) if tag == "_one" else q8("l2" + tag, *shape)
    int8_case(f"l2_normalization{tag}", [("L2_NORMALIZATION", ["x"], ["y"], options("L2Norm"))], {"x": x}, {}, {"x": (0.05, zero_point), "y": (1 / 128, 0)})
for tag, a, b, y in (("", (0.05, -11), (0.03, 23), (0.5, -128)), ("_fine", (0.01, 3), (0.2, -4), (0.03, -100))):
    int8_case(f"squared_difference{tag}", [("SQUARED_DIFFERENCE", ["a", "b"], ["y"], None)], {"a": q8("sda" + tag, 2, 4, 5, 3), "b": q8("sdb" + tag, 2, 4, 5, 3)}, {},
              {"a": a, "b": b, "y": y})
int8_case("squared_difference_row", [("SQUARED_DIFFERENCE", ["a", "b"], ["y"], None)], {"a": q8("sdra", 2, 4, 5, 3), "b": q8("sdrb", 1, 1, 1, 3)}, {},
          {"a": (0.05, -11), "b": (0.03, 23), "y": (0.5, -128)})
for op in ("MAXIMUM", "MINIMUM"):
    int8_case(f"{op.lower()}_unequal", [(op, ["a", "b"], ["y"], None)], {"a": q8(op + "ua", 2, 5, 3), "b": q8(op + "ub", 5, 1)}, {},
              {"a": (0.05, 7), "b": (0.1, -3), "y": (0.2, 11)})
for name, op, x_q, y_q, opts, x in (
        ("abs_unequal", "ABS", (0.05, 3), (0.09, -120), None, every), ("gelu_tanh", "GELU", (0.05, 7), (0.04, -123), options("Gelu", approximate=True), every),
        ("leaky_relu_steep", "LEAKY_RELU", (0.05, 7), (0.21, 3), options("LeakyRelu", alpha=-1.7), every),
        ("rsqrt", "RSQRT", (0.05, -128), (0.02, -128), None, every), ("rsqrt_positive", "RSQRT", (0.002, 5), (0.11, 9), None, every[:, 133:]),
        ("rsqrt_coarse", "RSQRT", (3.0, -100), (0.004, -30), None, every[:, 28:]), ("sqrt_coarse", "SQRT", (3.0, -100), (0.1, -30), None, every[:, 28:]),
        ("exp_wide", "EXP", (0.1, -20), (7.0, 3), None, every), ("log_zero_point", "LOG", (0.05, 10), (0.04, 20), None, every),
        ("elu_coarse", "ELU", (0.2, -30), (0.11, 5), None, every), ("tanh_coarse", "TANH", (3.0, 0), (1 / 128, 0), None, every),
        ("logistic_coarse", "LOGISTIC", (5.0, 0), (1 / 256, -128), None, every), ("hard_swish_fine", "HARD_SWISH", (0.004, 60), (0.002, 90), None, every),
        ("relu_coarse", "RELU", (0.5, 7), (0.04, -100), None, every)):
    int8_case(f"function_{name}", [(op, ["x"], ["y"], opts)], {"x": x}, {}, {"x": x_q, "y": y_q})

# ---- further movement -------------------------------------------------------------------------------------------------------
def move(name, op, x, consts, opts):
    int8_case(name, [(op, ["x", *consts], ["y"], opts)], {"x": q8(name, *x)}, consts, same)


move("space_to_batch", "SPACE_TO_BATCH_ND", (1, 5, 6, 3), {"block": i32(2, 3), "pads": i32(0, 1, 2, 1).reshape(2, 2)}, None)
move("batch_to_space", "BATCH_TO_SPACE_ND", (6, 3, 3, 2), {"block": i32(2, 3), "crops": i32(0, 1, 2, 1).reshape(2, 2)}, None)
move("broadcast_to", "BROADCAST_TO", (3, 1, 4), {"shape": i32(2, 3, 5, 4)}, None)
move("reverse", "REVERSE_V2", (4, 5, 3), {"axes": i32(1)}, None)
move("squeeze", "SQUEEZE", (4, 1, 3), {}, options("Squeeze", squeezeDims=[1]))
move("expand_dims", "EXPAND_DIMS", (4, 3), {"axis": i32(1).reshape(())}, None)
for tag, a, b, x_q, y_q in (("float", np.int8, np.float32, (0.05, 7), None), ("int32", np.int8, np.int32, (0.05, 7), None), ("plain", np.int8, np.int32, None, None),
                            ("uint8", np.int8, np.uint8, (0.05, 7), (0.05, 7)), ("int16", np.int8, np.int16, None, None), ("from_int32", np.int32, np.int8, None, None),
                            ("from_float", np.float32, np.int8, None, (0.05, 7)), ("from_uint8", np.uint8, np.float32, (0.05, 7), None),
                            ("bool", np.int8, np.bool_, None, None), ("from_bool", np.bool_, np.float32, None, None), ("from_int16", np.int16, np.int32, None, None)):
    x = rng("cast" + tag).integers(-100, 100, 40)
    x = (x / 3).astype(a) if a == np.float32 else (x > 0) if a == np.bool_ else x.astype(a)
    int8_case(f"cast_{tag}", [("CAST", ["x"], ["y"], options("Cast"))], {"x": x}, {}, {k: v for k, v in (("x", x_q), ("y", y_q)) if v}, types={"y": b})
for tag, a, b, x_q, y_q in (("uint8", np.uint8, np.uint8, (0.05, 120), (0.07, 99)), ("int16", np.int16, np.int16, (0.0004, 0), (0.001, 0)),
                            ("uint8_to_int8", np.uint8, np.int8, (0.05, 135), (0.05, 7))):
    x = rng("rq" + tag).integers(np.iinfo(a).min, np.iinfo(a).max + 1, 300).astype(a)
    int8_case(f"requantize_{tag}", [("QUANTIZE", ["x"], ["y"], None)], {"x": x}, {}, {"x": x_q, "y": y_q}, types={"y": b})

# ---- uint8, which becomes int8 -------------------------------------------------------------------------------------------------
def qu8(name, *shape, low=0, high=256):
    return rng(name + "u" + str(shape)).integers(low, high, shape).astype(np.uint8)


def uint8_case(name, ops, inputs, consts, quantized, **more):
    int8_case("uint8_" + name, ops, inputs, consts, quantized, types={"y": np.uint8}, **more)


def uint8_layer(name, op, x, w, w_q, opts, y_q=(0.5, 121), outputs=None):
    m = outputs or w.shape[0]
    uint8_case(name, [(op, ["x", "w", "b"], ["y"], opts)], {"x": qu8(name, *x)},
               {"w": w, "b": rng(name + "b").integers(-9000, 9000, m).astype(np.int32)},
               {"x": (0.05, 131), "y": y_q, "w": w_q, "b": (0.05 * w_q[0], 0)})


tflite_case.VERSIONS |= {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "DIV": 2}
conv_options = lambda **more: options("Conv2D", **{"padding": SAME, "strideH": 1, "strideW": 1, "fusedActivationFunction": NONE} | more)
depthwise_options = lambda: options("DepthwiseConv2D", padding=SAME, strideH=1, strideW=1, depthMultiplier=1, fusedActivationFunction=RELU)
for tag, low, high, zero_point in (("", 1, 256, 128), ("_narrow", 40, 220, 131), ("_wide", 0, 256, 151), ("_unsigned", 0, 256, 0), ("_negative", 0, 256, 255)):
    uint8_layer("conv" + tag, "CONV_2D", (1, 5, 6, 7), qu8("uw" + tag, 9, 3, 3, 7, low=low, high=high), (0.0073, zero_point), conv_options())
    uint8_layer("fully_connected" + tag, "FULLY_CONNECTED", (3, 37), qu8("uf" + tag, 10, 37, low=low, high=high), (0.0091, zero_point),
                options("FullyConnected", fusedActivationFunction=RELU6), y_q=(0.03, 7))
    uint8_layer("depthwise" + tag, "DEPTHWISE_CONV_2D", (1, 6, 7, 18), qu8("ud" + tag, 1, 3, 3, 18, low=low, high=high), (0.011, zero_point),
                depthwise_options(), outputs=18, y_q=(0.13, 40))
w = qu8("sparse wide", 9, 1, 1, 12, low=30, high=200)
w[3, 0, 0, 5] = 255
uint8_layer("conv_one_wide", "CONV_2D", (1, 5, 6, 12), w, (0.0073, 120), conv_options())
for op, kind in KINDS.items():
    uint8_case(op.lower(), [(op, ["a", "b"], ["y"], options(kind, fusedActivationFunction=RELU))],
               {"a": qu8(op + "a", 2, 4, 5, 3), "b": qu8(op + "b", 2, 4, 5, 3)}, {}, {"a": (0.05, 117), "b": (0.07, 151), "y": (0.09, 133)})
uint8_case("add_constant", [("ADD", ["a", "b"], ["y"], options("Add"))], {"a": qu8("uac", 2, 4, 3)}, {"b": qu8("uacb", 3)},
           {"a": (0.05, 117), "b": (0.03, 151), "y": (0.07, 133)})
# The reference kernel shifts by more bits than there are where the result's scale is larger.
for tag, act, shape, y in (("", NONE, (2, 4, 5, 3), (0.05, 125)), ("_relu", RELU, (1, 1, 1, 3), (0.04, 0)), ("_one", NONE, (2, 4, 5, 1), (0.03, 148)),
                           ("_fine", NONE, (2, 4, 5, 3), (0.001, 100))):
    b = qu8("udivb" + tag, *shape)
    b[b == 151] = 152
    uint8_case(f"div{tag}", [("DIV", ["a", "b"], ["y"], options("Div", fusedActivationFunction=act))], {"a": qu8("udiva" + tag, 2, 4, 5, 3), "b": b}, {},
               {"a": (0.05, 117), "b": (0.03, 151), "y": y})
every_u = np.arange(256, dtype=np.uint8).reshape(1, 256)
for op, x_q, y_q, opts in (
        ("RELU", (0.05, 135), (0.04, 0), None), ("RELU6", (0.06, 119), (6 / 255, 0), None), ("RELU_N1_TO_1", (0.02, 131), (0.01, 128), None),
        ("LEAKY_RELU", (0.05, 135), (0.06, 88), options("LeakyRelu", alpha=0.17)), ("HARD_SWISH", (0.06, 130), (0.04, 18), None),
        ("LOGISTIC", (0.06, 132), (1 / 256, 0), None), ("TANH", (0.03, 132), (1 / 128, 128), None)):
    uint8_case(f"unary_{op.lower()}", [(op, ["x"], ["y"], opts)], {"x": every_u}, {}, {"x": x_q, "y": y_q})
for op, short in (("AVERAGE_POOL_2D", "average_pool"), ("MAX_POOL_2D", "max_pool")):
    for tag, x, kernel, stride, padding, act in (("3x3", (2, 7, 6, 19), 3, 2, VALID, RELU), ("5x1", (1, 5, 8, 5), 5, 5, VALID, NONE),
                                                 ("2x2", (2, 8, 6, 19), 2, 2, VALID, NONE), ("same", (1, 7, 6, 5), 3, 2, SAME, RELU6),
                                                 ("4x4", (1, 9, 9, 3), 4, 1, SAME, NONE)):
        uint8_case(f"{short}_{tag}", [(op, ["x"], ["y"], options("Pool2D", padding=padding, strideH=stride, strideW=stride, filterHeight=kernel,
                                                                filterWidth=kernel, fusedActivationFunction=act))],
                   {"x": qu8(short, *x)}, {}, {"x": (0.05, 115), "y": (0.05, 115)})
# Sizes whose weights are exact in single precision, in which the reference kernel for uint8 computes.
for tag, fields, sizes in (("", {}, ((8, 10), (2, 5), (16, 40), (4, 20), (1, 1))), ("_aligned", {"alignCorners": True}, ((7, 9), (4, 17), (13, 5))),
                           ("_half_pixel", {"halfPixelCenters": True}, ((8, 10), (2, 5), (16, 20), (4, 40)))):
    for size in sizes:
        uint8_case(f"resize_bilinear{tag}_{size[0]}x{size[1]}", [("RESIZE_BILINEAR", ["x", "size"], ["y"], options("ResizeBilinear", **fields))],
                   {"x": qu8("bilinear" + tag, 1, 4, 5, 19 if size[0] == 7 else 3)}, {"size": i32(*size)}, {"x": (0.05, 115), "y": (0.05, 115)})
for tag, zero_point, shape in (("", 135, (6, 12)), ("_long", 0, (2, 3, 500)), ("_image", 255, (1, 3, 4, 19)), ("_one", 128, (256, 1))):
    x = np.arange(256, dtype=np.uint8).reshape(256, 1) if tag == "_one" else qu8("ul2" + tag, *shape)
    uint8_case(f"l2_normalization{tag}", [("L2_NORMALIZATION", ["x"], ["y"], options("L2Norm"))], {"x": x}, {},
               {"x": (0.05, zero_point), "y": (1 / 128, 128)})
uint8_case("softmax", [("SOFTMAX", ["x"], ["y"], options("Softmax", beta=1.0))], {"x": qu8("softmax", 6, 12)}, {}, {"x": (0.1, 142), "y": (1 / 256, 0)})
uint8_case("log_softmax", [("LOG_SOFTMAX", ["x"], ["y"], None)], {"x": qu8("log_softmax", 6, 12)}, {}, {"x": (0.1, 142), "y": (16 / 256, 255)})
uint8_case("prelu", [("PRELU", ["x", "slope"], ["y"], None)], {"x": qu8("prelu", 2, 4, 5, 3)}, {"slope": qu8("prelus", 1, 1, 3)},
           {"x": (0.05, 135), "slope": (0.01, 125), "y": (0.06, 108)})
uint8_case("mean", [("MEAN", ["x", "axes"], ["y"], options("Reducer", keepDims=True))], {"x": qu8("mean", 2, 6, 7, 5)}, {"axes": i32(1, 2)},
           {"x": (0.05, 115), "y": (0.04, 123)})
usame = {"x": (0.05, 135), "y": (0.05, 135)}
uint8_case("maximum", [("MAXIMUM", ["x", "b"], ["y"], None)], {"x": qu8("umax", 2, 5, 3), "b": qu8("umaxb", 5, 1)}, {}, usame | {"b": (0.05, 135)})
uint8_case("concatenation", [("CONCATENATION", ["x", "b"], ["y"], options("Concatenation", axis=1))], {"x": qu8("cx", 2, 3), "b": qu8("cb", 2, 2)}, {},
           usame | {"b": (0.05, 135)})
uint8_case("pad", [("PAD", ["x", "pads"], ["y"], None)], {"x": qu8("pad", 1, 4, 5, 3)}, {"pads": i32(0, 0, 1, 2, 3, 0, 0, 1).reshape(4, 2)}, usame)
uint8_case("padv2", [("PADV2", ["x", "pads", "value"], ["y"], None)], {"x": qu8("padv2", 1, 4, 5, 3)},
           {"pads": i32(0, 0, 1, 2, 3, 0, 0, 1).reshape(4, 2), "value": np.uint8([77]).reshape(())}, usame | {"value": (0.05, 135)})
uint8_case("reshape", [("RESHAPE", ["x", "shape"], ["y"], options("Reshape"))], {"x": qu8("reshape", 2, 6)}, {"shape": i32(3, -1)}, usame)
uint8_case("gather", [("GATHER", ["x", "indices"], ["y"], options("Gather", axis=0))], {"x": qu8("gather", 5, 4)}, {"indices": i32(3, 0, 4, 4)}, usame)
int8_case("uint8_network", [("QUANTIZE", ["x"], ["q"], None), ("CONV_2D", ["q", "w", "b"], ["c"], conv_options(fusedActivationFunction=RELU)),
                            ("DEQUANTIZE", ["c"], ["y"], None)],
          {"x": rng("un").uniform(-6, 6, (1, 5, 6, 3)).astype(np.float32)},
          {"w": qu8("unw", 4, 3, 3, 3, low=1), "b": rng("unb").integers(-900, 900, 4).astype(np.int32)},
          {"q": (0.05, 131), "c": (0.1, 0), "w": (0.0073, 128), "b": (0.05 * 0.0073, 0)}, types={"q": np.uint8, "c": np.uint8, "y": np.float32})
# Integers, real numbers and integers again.
linear = options("FullyConnected")
int8_case("mixed", [("FULLY_CONNECTED", ["x", "w", "b"], ["h"], linear), ("DEQUANTIZE", ["h"], ["r"], None), ("TANH", ["r"], ["t"], None),
                    ("QUANTIZE", ["t"], ["q"], None), ("FULLY_CONNECTED", ["q", "v", "c"], ["y"], linear)],
          {"x": q8("mixed", 2, 24)},
          {"w": w8("mixed", 20, 24), "b": rng("mixed").integers(-900, 900, 20).astype(np.int32), "v": w8("mixed2", 6, 20),
           "c": rng("mixed2").integers(-900, 900, 6).astype(np.int32)},
          {"x": (0.05, 9), "w": (0.002, 0), "b": (0.0001, 0), "h": (0.02, -4), "q": (1 / 128, 3), "v": (0.01, 0), "c": (0.01 / 128, 0),
           "y": (0.05, 7)}, types={"h": np.int8, "r": np.float32, "t": np.float32, "q": np.int8})
