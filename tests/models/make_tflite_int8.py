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
    "RESIZE_NEAREST_NEIGHBOR": 2, "GATHER": 2, "PACK": 2, "UNPACK": 2, "MIRROR_PAD": 2, "EXP": 2, "RELU_0_TO_1": 1}.items()}


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
for adj_y in (False, True):
    int8_case(f"batch_matmul_{int(adj_y)}", [("BATCH_MATMUL", ["a", "b"], ["y"], options("BatchMatMul", adjY=adj_y))],
              {"a": q8("bma", 2, 3, 5), "b": q8("bmb", *((2, 4, 5) if adj_y else (2, 5, 4)))}, {},
              {"a": (0.03, 4), "b": (0.05, -9), "y": (0.4, 3)})
int8_case("transpose_conv", [("TRANSPOSE_CONV", ["shape", "w", "x"], ["y"], options("TransposeConv", padding=SAME, strideH=2, strideW=2))],
          {"x": q8("tc", 1, 4, 5, 3)}, {"shape": i32(1, 8, 10, 6), "w": w8("tc", 6, 3, 3, 3)},
          {"x": (0.05, 9), "y": (0.4, -3), "w": (np.linspace(0.002, 0.02, 6), 0, 0)})

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
for op in ("REDUCE_MAX", "REDUCE_MIN"):
    int8_case(op.lower(), [(op, ["x", "axes"], ["y"], options("Reducer", keepDims=True))], {"x": q8(op, 2, 6, 7, 5)}, {"axes": i32(1, 2)},
              {"x": (0.05, -13), "y": (0.05, -13)})
for tag, scale, beta in (("", 0.1, 1.0), ("_fine", 0.003, 1.0), ("_coarse", 0.9, 1.0), ("_beta", 0.1, 0.5)):
    int8_case(f"softmax{tag}", [("SOFTMAX", ["x"], ["y"], options("Softmax", beta=beta))], {"x": q8("softmax" + tag, 6, 12)}, {},
              {"x": (scale, 14), "y": (1 / 256, -128)})
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
# Integers, real numbers and integers again.
linear = options("FullyConnected")
int8_case("mixed", [("FULLY_CONNECTED", ["x", "w", "b"], ["h"], linear), ("DEQUANTIZE", ["h"], ["r"], None), ("TANH", ["r"], ["t"], None),
                    ("QUANTIZE", ["t"], ["q"], None), ("FULLY_CONNECTED", ["q", "v", "c"], ["y"], linear)],
          {"x": q8("mixed", 2, 24)},
          {"w": w8("mixed", 20, 24), "b": rng("mixed").integers(-900, 900, 20).astype(np.int32), "v": w8("mixed2", 6, 20),
           "c": rng("mixed2").integers(-900, 900, 6).astype(np.int32)},
          {"x": (0.05, 9), "w": (0.002, 0), "b": (0.0001, 0), "h": (0.02, -4), "q": (1 / 128, 3), "v": (0.01, 0), "c": (0.01 / 128, 0),
           "y": (0.05, 7)}, types={"h": np.int8, "r": np.float32, "t": np.float32, "q": np.int8})
