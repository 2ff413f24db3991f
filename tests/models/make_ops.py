#!/usr/bin/env python3
"""Makes the operator goldens in ops/: for every case NAME.onnx (one operator, or an exporter's subgraph) and NAME.npz with its
inputs (in_0, in_1, ...) and the outputs (out_0, ...) that PyTorch in double precision or ONNX Runtime gave.

Not part of the test command. Needs: pip install numpy onnx onnxruntime torch. Usage: make_ops.py [NAME-PART]
Every case is also run by ONNX Runtime, which must agree with the stored output to 1e-4."""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).parent / "ops"
ONLY = sys.argv[1] if len(sys.argv) > 1 else ""
seen = set()
ort.set_default_logger_severity(4)


def rng(name):
    return np.random.default_rng(sum(name.encode()) * 7919 + len(name))


def rand(name, *shape, low=-2.0, high=2.0):
    return rng(name + str(shape)).uniform(low, high, shape).astype(np.float32)


def case(name, nodes, inputs, consts=(), outputs=("y",), opset=13, ref=None, optimized=True):
    """nodes: [(op, input names, output names, attributes)] ; inputs and consts: {name: array}; ref: outputs in double, or None;
    not optimized: ONNX Runtime runs the nodes as they are, where it would round inputs of layers with blocks of weights."""
    if ONLY and ONLY not in name:
        return
    assert name not in seen, name
    seen.add(name)
    inputs, consts = {k: np.asarray(v) for k, v in inputs.items()}, dict(consts)
    node_protos = [helper.make_node(op, i, o, name=f"{op.lower()}_{n}", **a) for n, (op, i, o, a) in enumerate(nodes)]
    graph = helper.make_graph(
        node_protos, name,
        [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs.items()],
        [helper.make_empty_tensor_value_info(o) for o in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in consts.items()])
    domains = [("", opset)] + [("com.microsoft", 1)] * any("domain" in a for _, _, _, a in nodes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*domain) for domain in domains], ir_version=8 if opset < 21 else 10)
    model = onnx.shape_inference.infer_shapes(model)
    options = ort.SessionOptions()
    if not optimized: options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    got = session.run(None, inputs)
    want = got if ref is None else [np.asarray(ref)]
    for g, w in zip(got, want):
        assert g.shape == w.shape, (name, g.shape, w.shape)
        if not np.allclose(g, w, rtol=1e-4, atol=1e-4, equal_nan=True):
            raise SystemExit(f"{name}: ONNX Runtime and the reference differ by {np.abs(g - w).max()}")
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())
    arrays = {f"in_{n}": v for n, v in enumerate(inputs.values())}
    arrays |= {f"out_{n}": (v.astype(np.float32) if v.dtype == np.float64 else v) for n, v in enumerate(want)}
    np.savez(OUT / f"{name}.npz", **arrays)


def d(array):
    return torch.from_numpy(np.array(array, order="C")).double()


def unary(op, ref, name=None, low=-4.0, high=4.0, opset=13, attrs=None, shape=(2, 5, 7, 3)):
    name = name or op.lower()
    x = rand(name, *shape, low=low, high=high)
    case(name, [(op, ["x"], ["y"], attrs or {})], {"x": x}, opset=opset, ref=ref(d(x)))


# ---- convolutions --------------------------------------------------------------------------------------------------------
def conv(name, x_shape, m, kernel, groups=1, bias=True, strides=None, dilations=None, pads=None, auto_pad=None, opset=13):
    x, rank = rand(name, *x_shape), len(kernel)
    w = rand(name + "w", m, x_shape[1] // groups, *kernel, low=-0.5, high=0.5)
    consts = {"w": w}
    attrs = {"kernel_shape": list(kernel), "group": groups}
    if strides: attrs["strides"] = strides
    if dilations: attrs["dilations"] = dilations
    if pads: attrs["pads"] = pads
    if auto_pad: attrs["auto_pad"] = auto_pad
    if bias: consts["b"] = rand(name + "b", m)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    begin, end = (pads[:rank], pads[rank:]) if pads else ([0] * rank, [0] * rank)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        total = [max((-(-x_shape[2 + i] // strides[i]) - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - x_shape[2 + i], 0) for i in range(rank)]
        begin = [t // 2 if auto_pad == "SAME_UPPER" else t - t // 2 for t in total]
        end = [t - b for t, b in zip(total, begin)]
    padded = F.pad(d(x), [p for i in reversed(range(rank)) for p in (begin[i], end[i])])
    f = F.conv1d if rank == 1 else F.conv2d
    y = f(padded, d(w), d(consts["b"]) if bias else None, stride=strides, dilation=dilations, groups=groups)
    case(name, [("Conv", ["x", "w"] + (["b"] if bias else []), ["y"], attrs)], {"x": x}, consts, opset=opset, ref=y)


def convolutions():
    conv("conv_1x1", (1, 8, 5, 7), 12, (1, 1))
    conv("conv_1x1_stride2", (1, 9, 8, 7), 17, (1, 1), strides=[2, 2])
    conv("conv_1x1_batch3", (3, 6, 4, 5), 33, (1, 1), bias=False)
    conv("conv_1x1_stride3_pad1", (1, 5, 7, 7), 6, (1, 1), strides=[3, 2], pads=[1, 0, 1, 2])
    conv("conv_3x3", (1, 3, 9, 11), 16, (3, 3), pads=[1, 1, 1, 1])
    conv("conv_3x3_nopad", (2, 5, 6, 7), 7, (3, 3))
    conv("conv_3x3_stride2", (1, 3, 15, 14), 24, (3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    conv("conv_3x3_opset7", (1, 4, 8, 8), 5, (3, 3), pads=[1, 1, 1, 1], opset=7)
    conv("conv_3x3_opset21", (1, 4, 8, 8), 5, (3, 3), pads=[1, 1, 1, 1], opset=21)
    conv("conv_3x3_wide", (1, 40, 7, 6), 48, (3, 3), pads=[1, 1, 1, 1])
    conv("conv_5x3_asymmetric", (1, 3, 9, 10), 10, (5, 3), pads=[2, 0, 1, 1], strides=[1, 2])
    conv("conv_7x7_stride2", (1, 3, 21, 20), 8, (7, 7), pads=[3, 3, 3, 3], strides=[2, 2])
    conv("conv_dilation", (1, 6, 13, 12), 9, (3, 3), dilations=[2, 3], pads=[2, 3, 2, 3])
    conv("conv_kernel_larger_than_image", (1, 4, 3, 2), 5, (5, 5), pads=[2, 2, 2, 2])
    conv("conv_stride_larger_than_kernel", (1, 4, 10, 9), 3, (2, 2), strides=[3, 4])
    conv("conv_1xk", (1, 5, 6, 9), 8, (1, 5), pads=[0, 2, 0, 2])
    conv("conv_kx1", (1, 5, 9, 6), 8, (4, 1), pads=[1, 0, 2, 0])
    conv("conv_one_input_channel", (1, 1, 12, 10), 16, (10, 4), strides=[2, 2], pads=[4, 1, 5, 1])
    conv("conv_one_output_channel", (1, 16, 5, 5), 1, (3, 3), pads=[1, 1, 1, 1])
    conv("conv_same_upper", (1, 3, 8, 11), 6, (4, 3), strides=[2, 3], auto_pad="SAME_UPPER")
    conv("conv_same_lower", (1, 3, 8, 11), 6, (4, 2), strides=[2, 3], auto_pad="SAME_LOWER")
    conv("conv_valid", (1, 3, 8, 11), 6, (4, 2), auto_pad="VALID")
    conv("conv_notset", (1, 3, 8, 9), 6, (3, 2), auto_pad="NOTSET", pads=[1, 0, 0, 1])
    conv("conv_groups2", (1, 8, 7, 7), 12, (3, 3), groups=2, pads=[1, 1, 1, 1])
    conv("conv_groups3_1x1", (1, 9, 5, 4), 30, (1, 1), groups=3)
    conv("conv_groups_multiplier2", (1, 6, 7, 6), 12, (3, 3), groups=6, pads=[1, 1, 1, 1])
    conv("conv_grouped_strided_batch2", (2, 32, 6, 6), 64, (3, 3), groups=4, strides=[2, 1], pads=[1, 1, 1, 1])
    for c in (1, 3, 8, 16, 19, 40):
        conv(f"depthwise_3x3_c{c}", (1, c, 9, 8), c, (3, 3), groups=c, pads=[1, 1, 1, 1])
    conv("depthwise_3x3_stride2", (1, 24, 9, 10), 24, (3, 3), groups=24, strides=[2, 2], pads=[1, 1, 1, 1])
    conv("depthwise_3x3_stride2_asymmetric", (1, 12, 10, 10), 12, (3, 3), groups=12, strides=[2, 2], pads=[0, 0, 1, 1])
    conv("depthwise_5x5", (1, 20, 8, 11), 20, (5, 5), groups=20, pads=[2, 2, 2, 2])
    conv("depthwise_5x5_stride2", (2, 17, 11, 9), 17, (5, 5), groups=17, strides=[2, 2], pads=[2, 2, 2, 2], bias=False)
    conv("depthwise_dilation", (1, 10, 11, 12), 10, (3, 3), groups=10, dilations=[2, 2], pads=[2, 2, 2, 2])
    conv("depthwise_7x7", (1, 9, 14, 13), 9, (7, 7), groups=9, pads=[3, 3, 3, 3])
    conv("depthwise_2x4", (1, 9, 7, 8), 9, (2, 4), groups=9, pads=[1, 2, 0, 1], strides=[2, 1])
    conv("conv1d", (2, 5, 20), 9, (3,), pads=[1, 1])
    conv("conv1d_stride_dilation", (1, 4, 33), 18, (5,), strides=[2], dilations=[2], pads=[3, 4])
    conv("conv1d_depthwise", (1, 24, 17), 24, (9,), groups=24, pads=[4, 4])
    conv("conv1d_same_upper", (1, 3, 15), 4, (4,), strides=[2], auto_pad="SAME_UPPER")

    def transposed(name, x_shape, m, kernel, groups=1, bias=True, ort_check=True, **attrs):
        rank = len(kernel)
        x, w = rand(name, *x_shape), rand(name + "w", x_shape[1], m // groups, *kernel, low=-0.5, high=0.5)
        consts = {"w": w}
        if bias: consts["b"] = rand(name + "b", m)
        ref = None
        if not {"auto_pad", "output_shape"} & attrs.keys():
            pads = attrs.get("pads", [0] * 2 * rank)
            f = F.conv_transpose1d if rank == 1 else F.conv_transpose2d
            y = f(d(x), d(w), d(consts["b"]) if bias else None, stride=attrs.get("strides", 1), dilation=attrs.get("dilations", 1), groups=groups)
            y = F.pad(y, [p for i in reversed(range(rank)) for p in (-pads[i], attrs.get("output_padding", [0] * rank)[i] - pads[rank + i])])
            if any(attrs.get("output_padding", [])):  # rows that output_padding adds hold the bias where F.pad gives zero
                y = None
            ref = y
        case(name, [("ConvTranspose", ["x", "w"] + (["b"] if bias else []), ["y"], dict(attrs, group=groups, kernel_shape=list(kernel)))], {"x": x}, consts, ref=ref)

    transposed("conv_transpose_2x2_stride2", (1, 6, 5, 4), 10, (2, 2), strides=[2, 2])
    transposed("conv_transpose_3x3", (1, 5, 4, 5), 7, (3, 3), pads=[1, 1, 1, 1])
    transposed("conv_transpose_3x3_stride2", (2, 5, 4, 5), 17, (3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    transposed("conv_transpose_4x4_stride2", (1, 8, 4, 3), 20, (4, 4), strides=[2, 2], pads=[1, 1, 1, 1], bias=False)
    transposed("conv_transpose_asymmetric", (1, 3, 6, 5), 4, (3, 5), strides=[3, 2], pads=[0, 1, 2, 1])
    transposed("conv_transpose_dilation", (1, 3, 5, 6), 6, (3, 3), strides=[2, 1], dilations=[2, 3], pads=[1, 2, 1, 2])
    transposed("conv_transpose_groups", (1, 6, 4, 4), 8, (3, 3), groups=2, strides=[2, 2])
    transposed("conv_transpose_depthwise", (1, 6, 4, 5), 6, (4, 4), groups=6, strides=[2, 2], pads=[1, 1, 1, 1])
    transposed("conv_transpose_stride_larger", (1, 3, 4, 3), 5, (2, 2), strides=[3, 4])
    transposed("conv_transpose_same_upper", (1, 3, 5, 4), 4, (3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
    transposed("conv_transpose_same_lower", (1, 3, 5, 4), 4, (3, 3), strides=[2, 2], auto_pad="SAME_LOWER")
    transposed("conv_transpose_output_shape", (1, 3, 5, 4), 4, (3, 3), strides=[3, 2], output_shape=[14, 9])
    transposed("conv_transpose_1d", (1, 4, 9), 6, (4,), strides=[2], pads=[1, 1])


# ---- matrix products -----------------------------------------------------------------------------------------------------
def products():
    def gemm(name, m, n, k, ta=0, tb=0, alpha=1.0, beta=1.0, c=None, const_b=True, opset=13):
        a, b = rand(name, *((k, m) if ta else (m, k))), rand(name + "b", *((n, k) if tb else (k, n)))
        inputs, consts, names = {"a": a}, {}, ["a", "b"]
        (consts if const_b else inputs)["b"] = b
        y = alpha * ((d(a).T if ta else d(a)) @ (d(b).T if tb else d(b)))
        if c is not None:
            consts["c"] = rand(name + "c", *c); names.append("c"); y = y + beta * d(consts["c"])
        case(name, [("Gemm", names, ["y"], dict(transA=ta, transB=tb, alpha=alpha, beta=beta))], inputs, consts, opset=opset, ref=y)

    gemm("gemm", 3, 10, 7, c=[10]); gemm("gemm_trans_b", 1, 17, 33, tb=1, c=[17]); gemm("gemm_trans_a", 5, 6, 4, ta=1)
    gemm("gemm_trans_ab", 5, 9, 4, ta=1, tb=1, c=[1, 9]); gemm("gemm_alpha_beta", 4, 5, 6, alpha=0.5, beta=2.0, c=[5])
    gemm("gemm_bias_matrix", 4, 5, 6, c=[4, 5]); gemm("gemm_bias_column", 4, 5, 6, c=[4, 1]); gemm("gemm_bias_scalar", 4, 5, 6, c=[1])
    gemm("gemm_dynamic", 6, 7, 8, const_b=False, c=[7]); gemm("gemm_dynamic_trans", 6, 7, 8, ta=1, tb=1, const_b=False, alpha=0.25)
    gemm("gemm_opset7", 2, 40, 24, tb=1, c=[40], opset=7); gemm("gemm_no_bias_opset11", 2, 8, 24, tb=1, opset=11)
    gemm("gemm_large", 37, 65, 129, tb=1, c=[65])

    # Tied weights: a layer and one of the transposed matrix.
    for m in (1, 5):
        name = f"gemm_tied_{m}"
        x, w, b, c = rand(name, m, 37), rand(name + "w", 21, 37), rand(name + "b", 21), rand(name + "c", 37)
        hidden = np.maximum(d(x) @ d(w).T + d(b), 0)
        case(name, [("Gemm", ["x", "w", "b"], ["h"], dict(transB=1)), ("Relu", ["h"], ["r"], {}),
                    ("Gemm", ["r", "w", "c"], ["y"], {})],
             {"x": x}, {"w": w, "b": b, "c": c}, ref=hidden @ d(w) + d(c))

    def matmul(name, a_shape, b_shape, const=None, opset=13):
        a, b = rand(name, *a_shape), rand(name + "b", *b_shape)
        inputs = {"a": a, "b": b}
        consts = {const: inputs.pop(const)} if const else {}
        case(name, [("MatMul", ["a", "b"], ["y"], {})], inputs, consts, opset=opset, ref=torch.matmul(d(a), d(b)))

    matmul("matmul_constant", (3, 5), (5, 20), const="b"); matmul("matmul_constant_3d", (2, 3, 5), (5, 6), const="b")
    matmul("matmul_constant_left", (4, 5), (5, 6), const="a"); matmul("matmul_constant_batched", (2, 3, 5), (2, 5, 6), const="b")
    matmul("matmul_dynamic", (7, 19), (19, 23)); matmul("matmul_batched", (2, 3, 5, 8), (2, 3, 8, 17))
    matmul("matmul_broadcast", (2, 1, 5, 8), (3, 8, 4)); matmul("matmul_broadcast_left", (5, 8), (2, 8, 4))
    matmul("matmul_vector_right", (2, 5, 8), (8,)); matmul("matmul_vector_left", (8,), (2, 8, 4)); matmul("matmul_opset9", (1, 12), (12, 3), opset=9)
    q, k, v = rand("q", 2, 6, 24), rand("k", 2, 6, 24), rand("v", 2, 6, 24)  # attention as exporters write it
    head = lambda t: d(t).reshape(2, 6, 3, 8).transpose(1, 2)
    y = (torch.softmax(head(q) @ head(k).transpose(2, 3) / 8 ** 0.5, -1) @ head(v)).transpose(1, 2).reshape(2, 6, 24)
    case("attention", [("Reshape", ["q", "s"], ["q1"], {}), ("Transpose", ["q1"], ["q2"], {"perm": [0, 2, 1, 3]}),
                       ("Reshape", ["k", "s"], ["k1"], {}), ("Transpose", ["k1"], ["k2"], {"perm": [0, 2, 3, 1]}),
                       ("Reshape", ["v", "s"], ["v1"], {}), ("Transpose", ["v1"], ["v2"], {"perm": [0, 2, 1, 3]}),
                       ("MatMul", ["q2", "k2"], ["a"], {}), ("Div", ["a", "root"], ["b"], {}), ("Softmax", ["b"], ["c"], {"axis": -1}),
                       ("MatMul", ["c", "v2"], ["e"], {}), ("Transpose", ["e"], ["f"], {"perm": [0, 2, 1, 3]}), ("Reshape", ["f", "t"], ["y"], {})],
         {"q": q, "k": k, "v": v}, {"s": np.array([2, 6, 3, 8]), "t": np.array([2, 6, 24]), "root": np.float32(8 ** 0.5)}, ref=y)


# ---- pooling and batch norm ------------------------------------------------------------------------------------------------
def pools():
    def pool(name, op, shape, opset=13, **attrs):
        x = rand(name, *shape)
        case(name, [(op, ["x"], ["y"], attrs)], {"x": x}, opset=opset)

    for op, short in (("MaxPool", "max_pool"), ("AveragePool", "average_pool")):
        pool(f"{short}_2x2", op, (1, 5, 8, 6), kernel_shape=[2, 2], strides=[2, 2])
        pool(f"{short}_3x3_pad", op, (2, 17, 9, 7), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        pool(f"{short}_ceil", op, (1, 8, 8, 7), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
        pool(f"{short}_ceil_pad", op, (1, 8, 8, 7), kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 1, 1], ceil_mode=1)
        pool(f"{short}_asymmetric", op, (1, 33, 7, 8), kernel_shape=[3, 4], strides=[1, 2], pads=[0, 1, 2, 2])
        pool(f"{short}_same_upper", op, (1, 4, 7, 8), kernel_shape=[3, 2], strides=[2, 3], auto_pad="SAME_UPPER")
        pool(f"{short}_same_lower", op, (1, 4, 7, 8), kernel_shape=[2, 3], strides=[2, 1], auto_pad="SAME_LOWER")
        pool(f"{short}_valid", op, (1, 4, 7, 8), kernel_shape=[3, 2], strides=[2, 3], auto_pad="VALID")
        pool(f"{short}_1d", op, (1, 6, 15), kernel_shape=[4], strides=[3], pads=[1, 2])
        pool(f"{short}_stride1", op, (1, 3, 6, 6), kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2])
        pool(f"{short}_opset8" if op == "MaxPool" else f"{short}_opset7", op, (1, 3, 6, 6), kernel_shape=[2, 2], strides=[2, 2], opset=8 if op == "MaxPool" else 7)
        pool(f"{short}_default_strides", op, (1, 3, 6, 6), kernel_shape=[2, 3])
        pool(f"{short}_dilation", op, (1, 5, 11, 9), kernel_shape=[3, 2], dilations=[2, 3], strides=[2, 1], opset=12 if op == "MaxPool" else 19)
    pool("average_pool_include_pad", "AveragePool", (1, 9, 7, 8), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    pool("average_pool_include_pad_ceil", "AveragePool", (1, 9, 8, 7), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=1, opset=19)
    pool("average_pool_include_pad_asymmetric", "AveragePool", (1, 9, 8, 7), kernel_shape=[3, 2], strides=[2, 2], pads=[0, 1, 1, 0], count_include_pad=1)
    pool("global_average_pool", "GlobalAveragePool", (2, 19, 5, 7)); pool("global_max_pool", "GlobalMaxPool", (2, 19, 5, 7))
    pool("global_average_pool_1d", "GlobalAveragePool", (1, 5, 9)); pool("global_max_pool_opset7", "GlobalMaxPool", (1, 4, 3, 3), opset=7)

    def batch_norm(name, shape, opset=14, **attrs):
        c, x = shape[1], rand(name, *shape)
        consts = {"s": rand(name + "s", c), "b": rand(name + "b", c), "m": rand(name + "m", c), "v": rand(name + "v", c, low=0.1, high=3)}
        y = F.batch_norm(d(x), d(consts["m"]), d(consts["v"]), d(consts["s"]), d(consts["b"]), eps=attrs.get("epsilon", 1e-5))
        case(name, [("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], attrs)], {"x": x}, consts, opset=opset, ref=y)

    batch_norm("batch_norm", (2, 7, 5, 6)); batch_norm("batch_norm_epsilon", (1, 20, 4, 4), epsilon=1e-3)
    batch_norm("batch_norm_2d", (3, 9)); batch_norm("batch_norm_1d", (2, 5, 8)); batch_norm("batch_norm_opset9", (1, 4, 3, 3), opset=9)
    batch_norm("batch_norm_opset7", (1, 4, 3, 3), opset=7); batch_norm("batch_norm_opset15", (1, 4, 3, 3), opset=15)
    for order in ("conv_bn", "bn_conv", "bn_conv_pad", "conv_bn_relu", "depthwise_bn", "conv_transpose_bn", "linear_bn"):
        x = rand(order, 1, 6, 7, 8) if order != "linear_bn" else rand(order, 4, 6)
        bn = {n: rand(order + n, 6, low=0.2, high=2) for n in "sbmv"}
        norm = lambda t: F.batch_norm(t, d(bn["m"]), d(bn["v"]), d(bn["s"]), d(bn["b"]))
        pads = [1, 1, 1, 1] if order != "bn_conv" else [0, 0, 0, 0]
        groups = 6 if order == "depthwise_bn" else 1
        w, b = rand(order + "w", 6, 6 // groups, 3, 3), rand(order + "bias", 6)
        nodes = [("Conv", ["x", "w", "b0"], ["h"], {"pads": pads, "group": groups}), ("BatchNormalization", ["h", "s", "b", "m", "v"], ["y"], {})]
        f = lambda t: F.conv2d(t, d(w), d(b), padding=pads[0], groups=groups)
        y = None if order == "linear_bn" else f(norm(d(x))) if order in ("bn_conv", "bn_conv_pad") else norm(f(d(x)))
        if order in ("bn_conv", "bn_conv_pad"):
            nodes = [("BatchNormalization", ["x", "s", "b", "m", "v"], ["h"], {}), ("Conv", ["h", "w", "b0"], ["y"], {"pads": pads})]
        elif order == "conv_bn_relu":
            nodes[1] = ("BatchNormalization", ["h", "s", "b", "m", "v"], ["g"], {}); nodes.append(("Relu", ["g"], ["y"], {})); y = y.relu()
        elif order == "conv_transpose_bn":
            nodes[0] = ("ConvTranspose", ["x", "w", "b0"], ["h"], {"pads": pads}); y = norm(F.conv_transpose2d(d(x), d(w), d(b), padding=1))
        elif order == "linear_bn":
            w = rand(order + "w2", 6, 6); nodes[0] = ("Gemm", ["x", "w", "b0"], ["h"], {"transB": 1}); y = norm(F.linear(d(x), d(w), d(b)))
        case(order, nodes, {"x": x}, dict(bn, w=w, b0=b), ref=y)


# ---- element-wise ----------------------------------------------------------------------------------------------------------
def elementwise():
    binary = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Max": torch.maximum, "Min": torch.minimum}
    shapes = {"same": ((2, 5, 7, 3), (2, 5, 7, 3)), "scalar": ((2, 5, 7, 3), ()), "channel": ((2, 5, 7, 3), (1, 5, 1, 1)),
              "row": ((2, 5, 7, 3), (3,)), "left": ((7, 1), (2, 5, 7, 9)), "both": ((2, 1, 7, 1), (1, 5, 1, 18)), "spatial": ((1, 17, 4, 5), (1, 1, 4, 5)), "vectors": ((33,), (33,))}
    for op, f in binary.items():
        for kind, (sa, sb) in shapes.items():
            a, b = rand(op + kind, *sa), rand(op + kind + "b", *sb, low=0.5, high=3.0)
            case(f"{op.lower()}_{kind}", [(op, ["a", "b"], ["y"], {})], {"a": a, "b": b}, ref=f(d(a), d(b)))
        a, b = rand(op + "c", 1, 6, 4, 4), rand(op + "cc", 6, 1, 1, low=0.5, high=2)
        case(f"{op.lower()}_constant", [(op, ["a", "b"], ["y"], {})], {"a": a}, {"b": b}, ref=f(d(a), d(b)))
        case(f"{op.lower()}_constant_left", [(op, ["b", "a"], ["y"], {})], {"a": a + 4}, {"b": b}, ref=f(d(b), d(a + 4)))
    for op in ("Add", "Mul"):
        a, b = rand(op + "7", 1, 6, 4, 4), rand(op + "7b", 6, 1, 1)
        case(f"{op.lower()}_opset7", [(op, ["a", "b"], ["y"], {})], {"a": a, "b": b}, opset=7, ref=binary[op](d(a), d(b)))
    a = rand("pow", 2, 5, 7, low=0.1, high=4)
    for kind, b in (("tensor", rand("powb", 2, 5, 7, low=-3, high=3)), ("scalar", np.float32(1.7)), ("row", rand("powr", 7, low=-2, high=2))):
        case(f"pow_{kind}", [("Pow", ["a", "b"], ["y"], {})], {"a": a, "b": b}, ref=torch.pow(d(a), d(b)))
    for e in (2.0, 0.5, -1.0, 3.0, 1.0, 0.0):
        case(f"pow_constant_{e:g}".replace("-", "minus_").replace(".", "_"), [("Pow", ["a", "b"], ["y"], {})], {"a": a}, {"b": np.float32(e)}, ref=torch.pow(d(a), e))
    negative = rand("pow_neg", 4, 9)
    case("pow_negative_base", [("Pow", ["a", "b"], ["y"], {})], {"a": negative}, {"b": np.float32(5)}, ref=torch.pow(d(negative), 5.0))
    case("pow_integer_exponent_opset12", [("Pow", ["a", "b"], ["y"], {})], {"a": negative}, {"b": np.int64(2)}, opset=12, ref=d(negative) ** 2)
    x, y3, z = rand("sum1", 2, 3, 4), rand("sum2", 3, 1), rand("sum3", 4)
    case("sum_three", [("Sum", ["a", "b", "c"], ["y"], {})], {"a": x, "b": y3, "c": z}, ref=d(x) + d(y3) + d(z))
    case("sum_one", [("Sum", ["a"], ["y"], {})], {"a": x}, ref=d(x))
    case("max_three", [("Max", ["a", "b", "c"], ["y"], {})], {"a": x, "b": y3, "c": z})
    case("min_three", [("Min", ["a", "b", "c"], ["y"], {})], {"a": x, "b": y3, "c": z})
    case("mean_three", [("Mean", ["a", "b", "c"], ["y"], {})], {"a": x, "b": y3, "c": z})

    unary("Relu", F.relu); unary("Relu", F.relu, "relu_opset7", opset=7)
    unary("LeakyRelu", lambda x: F.leaky_relu(x, 0.01)); unary("LeakyRelu", lambda x: F.leaky_relu(x, 0.2), "leaky_relu_alpha", attrs={"alpha": 0.2})
    unary("Sigmoid", torch.sigmoid, low=-20, high=20); unary("Tanh", torch.tanh, low=-10, high=10)
    unary("HardSigmoid", lambda x: (0.2 * x + 0.5).clip(0, 1)); unary("HardSigmoid", lambda x: (x / 6 + 0.5).clip(0, 1), "hard_sigmoid_torch", attrs={"alpha": 1 / 6, "beta": 0.5})
    unary("HardSwish", F.hardswish, "hard_swish", opset=14)
    unary("Elu", F.elu); unary("Elu", lambda x: F.elu(x, 0.7), "elu_alpha", attrs={"alpha": 0.7})
    unary("Selu", F.selu); unary("Selu", lambda x: 1.5 * torch.where(x > 0, x, 2.0 * torch.expm1(x)), "selu_attributes", attrs={"alpha": 2.0, "gamma": 1.5})
    unary("Softplus", lambda x: torch.logaddexp(x, torch.zeros_like(x)), low=-30, high=30); unary("Softsign", F.softsign)
    unary("Mish", F.mish, opset=18); unary("Erf", torch.erf); unary("Gelu", F.gelu, opset=20)
    unary("Gelu", lambda x: F.gelu(x, approximate="tanh"), "gelu_tanh", opset=20, attrs={"approximate": "tanh"})
    unary("Exp", torch.exp, low=-20, high=20); unary("Log", torch.log, low=1e-3, high=50); unary("Sqrt", torch.sqrt, low=0, high=50)
    unary("Reciprocal", torch.reciprocal, low=0.1, high=9); unary("Abs", torch.abs); unary("Neg", torch.neg)
    unary("Floor", torch.floor, low=-100, high=100); unary("Ceil", torch.ceil, low=-100, high=100); unary("Round", torch.round, low=-100, high=100)
    half = np.arange(-8, 9, dtype=np.float32) / 2
    case("round_half_to_even", [("Round", ["x"], ["y"], {})], {"x": half}, ref=torch.round(d(half)))
    for n, shape in enumerate([(), (1,), (15,), (16,), (17,), (3, 1, 2), (1, 1, 1, 1, 1, 7)]):
        unary("Relu", F.relu, f"relu_shape{n}", shape=shape)
    x = rand("clip", 2, 3, 5, 5, low=-9, high=9)
    case("clip_constants", [("Clip", ["x", "lo", "hi"], ["y"], {})], {"x": x}, {"lo": np.float32(0), "hi": np.float32(6)}, ref=d(x).clip(0, 6))
    case("clip_min_only", [("Clip", ["x", "lo"], ["y"], {})], {"x": x}, {"lo": np.float32(-1.5)}, ref=d(x).clip(min=-1.5))
    case("clip_max_only", [("Clip", ["x", "", "hi"], ["y"], {})], {"x": x}, {"hi": np.float32(2.5)}, ref=d(x).clip(max=2.5))
    case("clip_none", [("Clip", ["x"], ["y"], {})], {"x": x}, ref=d(x))
    case("clip_opset6_attributes", [("Clip", ["x"], ["y"], {"min": -2.0, "max": 3.0})], {"x": x}, opset=10, ref=d(x).clip(-2, 3))
    for kind, shape in (("channel", (3, 1, 1)), ("scalar", (1,)), ("full", (3, 5, 5)), ("row", (5,))):
        s = rand("prelu" + kind, *shape, low=-1, high=1)
        case(f"prelu_{kind}", [("PRelu", ["x", "s"], ["y"], {})], {"x": x}, {"s": s}, opset=9, ref=torch.where(d(x) < 0, d(x) * d(s), d(x)))
    case("silu", [("Sigmoid", ["x"], ["s"], {}), ("Mul", ["x", "s"], ["y"], {})], {"x": x}, ref=F.silu(d(x)))
    case("silu_swapped", [("Sigmoid", ["x"], ["s"], {}), ("Mul", ["s", "x"], ["y"], {})], {"x": x}, ref=F.silu(d(x)))
    c = lambda v: np.float32(v)
    case("gelu_erf_subgraph", [("Div", ["x", "r"], ["a"], {}), ("Erf", ["a"], ["b"], {}), ("Add", ["b", "one"], ["e"], {}), ("Mul", ["x", "e"], ["f"], {}), ("Mul", ["f", "half"], ["y"], {})],
         {"x": x}, {"r": c(2 ** 0.5), "one": c(1), "half": c(0.5)}, ref=F.gelu(d(x)))
    case("gelu_tanh_subgraph", [("Pow", ["x", "three"], ["a"], {}), ("Mul", ["a", "k"], ["b"], {}), ("Add", ["x", "b"], ["e"], {}), ("Mul", ["e", "r"], ["f"], {}), ("Tanh", ["f"], ["g"], {}),
                                ("Add", ["g", "one"], ["h"], {}), ("Mul", ["x", "half"], ["i"], {}), ("Mul", ["i", "h"], ["y"], {})],
         {"x": x}, {"three": c(3), "k": c(0.044715), "r": c((2 / np.pi) ** 0.5), "one": c(1), "half": c(0.5)}, ref=F.gelu(d(x), approximate="tanh"))
    case("hard_swish_hard_sigmoid", [("HardSigmoid", ["x"], ["a"], {"alpha": 1 / 6, "beta": 0.5}), ("Mul", ["x", "a"], ["y"], {})], {"x": x}, ref=F.hardswish(d(x)))
    case("hard_swish_clip", [("Add", ["x", "three"], ["a"], {}), ("Clip", ["a", "zero", "six"], ["b"], {}), ("Mul", ["x", "b"], ["e"], {}), ("Div", ["e", "six"], ["y"], {})],
         {"x": x}, {"three": c(3), "zero": c(0), "six": c(6)}, ref=F.hardswish(d(x)))
    case("mish_subgraph", [("Softplus", ["x"], ["a"], {}), ("Tanh", ["a"], ["b"], {}), ("Mul", ["x", "b"], ["y"], {})], {"x": x}, ref=F.mish(d(x)))
    for axis in (-1, 0, 1, 2, 3):
        for op, f in (("Softmax", torch.softmax), ("LogSoftmax", torch.log_softmax)):
            case(f"{op.lower()}_axis{axis}".replace("-1", "_last"), [(op, ["x"], ["y"], {"axis": axis})], {"x": x}, ref=f(d(x), axis))
    case("softmax_opset11", [("Softmax", ["x"], ["y"], {"axis": 1})], {"x": x}, opset=11, ref=torch.softmax(d(x).reshape(2, -1), 1).reshape(x.shape))
    case("softmax_opset11_default", [("Softmax", ["x"], ["y"], {})], {"x": rand("s11", 3, 10)}, opset=11)
    case("logsoftmax_opset9", [("LogSoftmax", ["x"], ["y"], {"axis": 2})], {"x": x}, opset=9)
    big = rand("softmax_big", 3, 37, low=-300, high=300)
    case("softmax_large_values", [("Softmax", ["x"], ["y"], {})], {"x": big}, ref=torch.softmax(d(big), -1))


# ---- moving data -------------------------------------------------------------------------------------------------------------
def movement():
    x, i64 = rand("move", 2, 6, 5, 4), lambda *v: np.array(v, dtype=np.int64)
    a, b = rand("cat_a", 2, 3, 5, 4), rand("cat_b", 2, 8, 5, 4)
    case("concat_channels", [("Concat", ["a", "b"], ["y"], {"axis": 1})], {"a": a, "b": b})
    case("concat_batch", [("Concat", ["a", "a2"], ["y"], {"axis": 0})], {"a": a, "a2": a + 1})
    case("concat_last_negative", [("Concat", ["a", "a2"], ["y"], {"axis": -1})], {"a": a, "a2": a + 1})
    case("concat_constant", [("Concat", ["a", "k"], ["y"], {"axis": 1})], {"a": a}, {"k": b})
    case("concat_same_twice", [("Relu", ["a"], ["r"], {}), ("Concat", ["r", "r"], ["y"], {"axis": 1})], {"a": a})
    case("concat_of_convs", [("Conv", ["a", "w"], ["c1"], {}), ("Conv", ["a", "v"], ["c2"], {"pads": [1, 1, 1, 1]}), ("Relu", ["c2"], ["r"], {}), ("Concat", ["c1", "r"], ["c"], {"axis": 1}), ("MaxPool", ["c"], ["y"], {"kernel_shape": [2, 2]})],
         {"a": a}, {"w": rand("w1", 5, 3, 1, 1), "v": rand("w2", 9, 3, 3, 3)})
    case("split_even", [("Split", ["x"], ["p", "q"], {"axis": 1})], {"x": x}, outputs=("p", "q"), opset=11)
    case("split_sizes_input", [("Split", ["x", "s"], ["p", "q", "r"], {"axis": 1})], {"x": x}, {"s": i64(1, 3, 2)}, outputs=("p", "q", "r"))
    case("split_attribute_opset7", [("Split", ["x"], ["p", "q"], {"axis": 2, "split": [2, 3]})], {"x": x}, outputs=("p", "q"), opset=7)
    case("split_num_outputs_opset18", [("Split", ["x"], ["p", "q"], {"axis": 2, "num_outputs": 2})], {"x": x}, outputs=("p", "q"), opset=18)
    case("split_then_use", [("Split", ["x"], ["p", "q"], {"axis": 1}), ("Relu", ["p"], ["r"], {}), ("Add", ["r", "q"], ["y"], {})], {"x": x})
    for name, s, e, axes, steps in (("basic", (1, 0), (6, 3), (1, 2), None), ("negative", (-4, -3), (-1, 100), (1, 2), None), ("steps", (0, 4), (6, 0), (1, 2), (2, -2)),
                                    ("reverse", (-1,), (-100,), (3,), (-1,)), ("huge_end", (1,), (2 ** 63 - 1,), (0,), (1,)), ("steps_image", (0, 1), (5, 4), (2, 3), (2, 2))):
        consts = {"s": i64(*s), "e": i64(*e), "a": i64(*axes)}
        if steps: consts["t"] = i64(*steps)
        case(f"slice_{name}", [("Slice", ["x", *consts], ["y"], {})], {"x": x}, consts)
    case("slice_no_axes", [("Slice", ["x", "s", "e"], ["y"], {})], {"x": x}, {"s": i64(0, 1, 2, 0), "e": i64(1, 5, 4, 3)})
    case("slice_opset9", [("Slice", ["x"], ["y"], {"starts": [1, 1], "ends": [4, 9], "axes": [1, 3]})], {"x": x}, opset=9)
    for mode in ("constant", "reflect", "edge", "wrap"):
        op = 19 if mode == "wrap" else 13
        case(f"pad_{mode}", [("Pad", ["x", "p"] + (["v"] if mode == "constant" else []), ["y"], {"mode": mode})], {"x": x}, {"p": i64(0, 0, 1, 2, 0, 0, 3, 1)} | ({"v": np.float32(1.5)} if mode == "constant" else {}), opset=op)
    case("pad_all_axes", [("Pad", ["x", "p"], ["y"], {})], {"x": x}, {"p": i64(1, 2, 0, 1, 0, 1, 2, 0)})
    case("pad_negative", [("Pad", ["x", "p"], ["y"], {})], {"x": x}, {"p": i64(0, -1, 1, -1, 0, 0, -2, 1)})
    case("pad_axes_opset18", [("Pad", ["x", "p", "", "a"], ["y"], {})], {"x": x}, {"p": i64(1, 2, 0, 1), "a": i64(2, -1)}, opset=18)
    case("pad_opset10", [("Pad", ["x"], ["y"], {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 0.25})], {"x": x}, opset=10)
    case("pad_conv", [("Pad", ["x", "p"], ["h"], {}), ("Conv", ["h", "w"], ["y"], {"strides": [2, 2]})], {"x": x}, {"p": i64(0, 0, 0, 0, 0, 0, 1, 1), "w": rand("padw", 8, 6, 3, 3)})
    case("reshape", [("Reshape", ["x", "s"], ["y"], {})], {"x": x}, {"s": i64(2, -1, 10)}); case("reshape_zero", [("Reshape", ["x", "s"], ["y"], {})], {"x": x}, {"s": i64(0, -1)})
    case("reshape_shape_chain", [("Shape", ["x"], ["s"], {}), ("Gather", ["s", "zero"], ["n"], {"axis": 0}), ("Unsqueeze", ["n"], ["n1"], {"axes": [0]}), ("Concat", ["n1", "m"], ["t"], {"axis": 0}), ("Reshape", ["x", "t"], ["y"], {})],
         {"x": x}, {"zero": i64(0)[0], "m": i64(-1)}, opset=11)
    case("shape_arithmetic", [("Shape", ["x"], ["s"], {}), ("Slice", ["s", "i2", "i4"], ["hw"], {}), ("Mul", ["hw", "two"], ["hw2"], {}), ("Slice", ["s", "i0", "i2"], ["nc"], {}), ("Concat", ["nc", "hw2"], ["t"], {"axis": 0}),
                              ("ConstantOfShape", ["t"], ["z"], {"value": helper.make_tensor("v", TensorProto.FLOAT, [1], [0.5])}), ("Resize", ["x", "", "", "t"], ["u"], {"mode": "nearest"}), ("Add", ["u", "z"], ["y"], {})],
         {"x": x}, {"i0": i64(0), "i2": i64(2), "i4": i64(4), "two": i64(2)})
    case("expand_where_chain", [("Shape", ["x"], ["s"], {}), ("ConstantOfShape", ["r"], ["ones"], {"value": helper.make_tensor("v", TensorProto.INT64, [1], [1])}), ("Mul", ["ones", "m1"], ["neg"], {}), ("Equal", ["want", "neg"], ["eq"], {}),
                                ("Where", ["eq", "ones", "want"], ["t"], {}), ("Expand", ["x", "t"], ["y"], {})], {"x": x}, {"r": i64(4), "m1": i64(-1)[0], "want": i64(2, -1, 5, -1)})
    case("range_cast_chain", [("Range", ["a0", "a1", "a2"], ["r"], {}), ("Cast", ["r"], ["f"], {"to": TensorProto.FLOAT}), ("Add", ["x", "f"], ["y"], {})], {"x": x}, {"a0": np.int64(0), "a1": np.int64(4), "a2": np.int64(1)})
    case("flatten", [("Flatten", ["x"], ["y"], {})], {"x": x}); case("flatten_axis2", [("Flatten", ["x"], ["y"], {"axis": 2})], {"x": x}); case("flatten_axis_negative", [("Flatten", ["x"], ["y"], {"axis": -1})], {"x": x}); case("flatten_axis0", [("Flatten", ["x"], ["y"], {"axis": 0})], {"x": x})
    case("squeeze", [("Squeeze", ["x1", "a"], ["y"], {})], {"x1": x[:1, :, :1]}, {"a": i64(0, 2)}); case("squeeze_all", [("Squeeze", ["x1"], ["y"], {})], {"x1": x[:1, :, :1]}); case("squeeze_opset11", [("Squeeze", ["x1"], ["y"], {"axes": [0]})], {"x1": x[:1]}, opset=11)
    case("unsqueeze", [("Unsqueeze", ["x", "a"], ["y"], {})], {"x": x}, {"a": i64(0, -1)}); case("unsqueeze_opset11", [("Unsqueeze", ["x"], ["y"], {"axes": [1]})], {"x": x}, opset=11)
    for n, perm in enumerate([(0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0), (1, 0, 2, 3), (0, 1, 3, 2), (2, 3, 0, 1)]):
        case("transpose_" + "".join(map(str, perm)), [("Transpose", ["x"], ["y"], {"perm": perm})], {"x": x})
    case("transpose_default", [("Transpose", ["x"], ["y"], {})], {"x": x}); case("transpose_2d", [("Transpose", ["x"], ["y"], {})], {"x": rand("t2", 37, 21)})
    case("transpose_5d", [("Transpose", ["x"], ["y"], {"perm": [4, 0, 3, 1, 2]})], {"x": rand("t5", 2, 3, 4, 5, 6)})
    s = rand("shuffle", 1, 12, 4, 5)
    case("channel_shuffle", [("Conv", ["x", "w"], ["h"], {}), ("Reshape", ["h", "s"], ["a"], {}), ("Transpose", ["a"], ["b"], {"perm": [0, 2, 1, 3, 4]}), ("Reshape", ["b", "t"], ["c"], {}), ("Conv", ["c", "w"], ["y"], {})], {"x": s}, {"w": rand("sw", 12, 12, 1, 1), "s": i64(1, 2, 6, 4, 5), "t": i64(1, -1, 4, 5)})
    case("expand", [("Expand", ["x", "s"], ["y"], {})], {"x": x[:, :1]}, {"s": i64(3, 1, 1)}); case("expand_more_dimensions", [("Expand", ["x", "s"], ["y"], {})], {"x": rand("e", 3, 1)}, {"s": i64(2, 1, 4)})
    case("tile", [("Tile", ["x", "r"], ["y"], {})], {"x": x}, {"r": i64(1, 2, 1, 3)}); case("tile_1d", [("Tile", ["x", "r"], ["y"], {})], {"x": rand("t1", 5)}, {"r": i64(3)})
    case("gather_axis1", [("Gather", ["x", "i"], ["y"], {"axis": 1})], {"x": x}, {"i": i64(5, 0, -1, 2)}); case("gather_scalar", [("Gather", ["x", "i"], ["y"], {"axis": 2})], {"x": x}, {"i": np.int64(3)})
    case("gather_matrix", [("Gather", ["x", "i"], ["y"], {"axis": 3})], {"x": x}, {"i": np.array([[0, 3], [2, 2], [-1, 1]])}); case("gather_default_axis", [("Gather", ["x", "i"], ["y"], {})], {"x": x}, {"i": i64(1, 0, 1)})
    img = rand("d2s", 1, 12, 3, 4)
    for mode in ("DCR", "CRD"):
        case(f"depth_to_space_{mode.lower()}", [("DepthToSpace", ["x"], ["y"], {"blocksize": 2, "mode": mode})], {"x": img})
    case("space_to_depth", [("SpaceToDepth", ["x"], ["y"], {"blocksize": 2})], {"x": rand("s2d", 2, 3, 4, 6)})
    case("identity", [("Identity", ["x"], ["y"], {})], {"x": x}); case("identity_twice", [("Identity", ["x"], ["a"], {}), ("Relu", ["a"], ["b"], {}), ("Identity", ["b"], ["y"], {})], {"x": x})
    case("dropout", [("Dropout", ["x"], ["h"], {}), ("Relu", ["h"], ["y"], {})], {"x": x}); case("dropout_opset11", [("Dropout", ["x"], ["y"], {"ratio": 0.3})], {"x": x}, opset=11)
    case("constant_node", [("Constant", [], ["k"], {"value": numpy_helper.from_array(rand("k", 4))}), ("Mul", ["x", "k"], ["y"], {})], {"x": x})
    for name, to in (("int32", TensorProto.INT32), ("bool", TensorProto.BOOL), ("int8", TensorProto.INT8), ("uint8", TensorProto.UINT8)):
        v = rand("cast" + name, 3, 7, low=0 if name == "uint8" else -90, high=90); v[0, 0] = 0
        case(f"cast_to_{name}", [("Cast", ["x"], ["y"], {"to": to})], {"x": v})
    for dtype in (np.int32, np.int8, np.uint8, np.bool_):
        case(f"cast_from_{np.dtype(dtype).name}", [("Cast", ["x"], ["y"], {"to": TensorProto.FLOAT})], {"x": (np.arange(21).reshape(3, 7) % 5).astype(dtype)})
    case("cast_round_trip", [("Cast", ["x"], ["i"], {"to": TensorProto.INT32}), ("Cast", ["i"], ["y"], {"to": TensorProto.FLOAT})], {"x": rand("crt", 4, 9, low=-50, high=50)})


def resizes():
    x = rand("resize", 1, 5, 4, 6)
    f32 = lambda *v: np.array(v, dtype=np.float32)
    i64 = lambda *v: np.array(v, dtype=np.int64)
    E = np.zeros(0, dtype=np.float32)
    for ct in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
        for mode in ("linear", "nearest"):
            case(f"resize_{mode}_{ct}_up", [("Resize", ["x", "roi", "s"], ["y"], {"mode": mode, "coordinate_transformation_mode": ct})], {"x": x}, {"roi": E, "s": f32(1, 1, 2, 2.5)})
            case(f"resize_{mode}_{ct}_down", [("Resize", ["x", "roi", "", "t"], ["y"], {"mode": mode, "coordinate_transformation_mode": ct})], {"x": x}, {"roi": E, "t": i64(1, 5, 3, 4)})
    for nm in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        for ct in ("half_pixel", "asymmetric", "align_corners"):
            case(f"resize_nearest_{nm}_{ct}", [("Resize", ["x", "roi", "s"], ["y"], {"mode": "nearest", "nearest_mode": nm, "coordinate_transformation_mode": ct})], {"x": x}, {"roi": E, "s": f32(1, 1, 1.5, 0.5)})
    case("resize_linear_sizes_to_one", [("Resize", ["x", "roi", "", "t"], ["y"], {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"})], {"x": x}, {"roi": E, "t": i64(1, 5, 1, 6)})
    case("resize_half_pixel_symmetric", [("Resize", ["x", "", "s"], ["y"], {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"})], {"x": x}, {"s": f32(1, 1, 1.7, 1.3)}, opset=19)
    case("resize_crop_and_resize", [("Resize", ["x", "roi", "", "t"], ["y"], {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0})], {"x": x}, {"roi": f32(0, 0, 0.4, 0.6, 1, 1, 0.6, 1.3), "t": i64(1, 5, 3, 4)})
    case("resize_cubic", [("Resize", ["x", "roi", "s"], ["y"], {"mode": "cubic"})], {"x": x}, {"roi": E, "s": f32(1, 1, 2, 2)})
    case("resize_axes_opset18", [("Resize", ["x", "", "s"], ["y"], {"mode": "linear", "axes": [2, 3]})], {"x": x}, {"s": f32(2, 2)}, opset=18)
    case("resize_opset10", [("Resize", ["x", "s"], ["y"], {"mode": "nearest"})], {"x": x}, {"s": f32(1, 1, 2, 3)}, opset=10)
    case("upsample_opset9", [("Upsample", ["x", "s"], ["y"], {"mode": "nearest"})], {"x": x}, {"s": f32(1, 1, 2, 2)}, opset=9)
    case("upsample_opset7", [("Upsample", ["x"], ["y"], {"mode": "linear", "scales": [1.0, 1.0, 2.0, 2.0]})], {"x": x}, opset=8)
    case("resize_linear_1d", [("Resize", ["x", "roi", "s"], ["y"], {"mode": "linear"})], {"x": rand("r1", 1, 3, 9)}, {"roi": E, "s": f32(1, 1, 2)})
    case("resize_nearest_channels", [("Resize", ["x", "roi", "s"], ["y"], {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"})], {"x": x}, {"roi": E, "s": f32(1, 2, 1, 1)})


def reductions():
    x = rand("reduce", 2, 6, 5, 7)
    torch_of = {"ReduceMean": lambda t, a, k: t.mean(a, k), "ReduceSum": lambda t, a, k: t.sum(a, k), "ReduceMax": lambda t, a, k: t.amax(a, k), "ReduceMin": lambda t, a, k: t.amin(a, k),
                "ReduceL1": lambda t, a, k: t.abs().sum(a, k), "ReduceL2": lambda t, a, k: (t * t).sum(a, k).sqrt(), "ReduceSumSquare": lambda t, a, k: (t * t).sum(a, k)}
    for op, f in torch_of.items():
        for axes, keep in (((2, 3), 1), ((1,), 0), ((-1,), 1), ((0, 2), 0), ((0, 1, 2, 3), 1)):
            name = f"{op.lower()}_" + "".join(map(str, axes)).replace("-1", "last") + ("" if keep else "_nokeep")
            if op == "ReduceSum":
                case(name, [(op, ["x", "a"], ["y"], {"keepdims": keep})], {"x": x}, {"a": np.array(axes)}, ref=f(d(x), axes, bool(keep)))
            else:
                case(name, [(op, ["x"], ["y"], {"axes": axes, "keepdims": keep})], {"x": x}, ref=f(d(x), axes, bool(keep)))
        case(f"{op.lower()}_default", [(op, ["x"], ["y"], {})], {"x": x}, ref=f(d(x), (0, 1, 2, 3), True))
        if op != "ReduceSum":
            case(f"{op.lower()}_opset18", [(op, ["x", "a"], ["y"], {})], {"x": x}, {"a": np.array([1, 2])}, opset=18, ref=f(d(x), (1, 2), True))
    for axis in (0, 1, 3):
        case(f"reduceprod_{axis}", [("ReduceProd", ["x"], ["y"], {"axes": [axis]})], {"x": x}, ref=d(x).prod(axis, True))
    case("reduceprod_23", [("ReduceProd", ["x"], ["y"], {"axes": [2, 3], "keepdims": 0})], {"x": x}, ref=d(x).prod(3).prod(2))
    case("reduce_noop_with_empty_axes", [("ReduceSum", ["x"], ["y"], {"noop_with_empty_axes": 1})], {"x": x}, ref=d(x))
    case("reduce_sum_opset11", [("ReduceSum", ["x"], ["y"], {"axes": [1]})], {"x": x}, opset=11, ref=d(x).sum(1, True))
    case("reduce_log_sum_exp", [("ReduceLogSumExp", ["x"], ["y"], {"axes": [2]})], {"x": x}, ref=torch.logsumexp(d(x), 2, True))
    case("reduce_log_sum", [("ReduceLogSum", ["x"], ["y"], {"axes": [2]})], {"x": np.abs(x)}, ref=d(np.abs(x)).sum(2, True).log())
    long = rand("long", 3, 5000, low=-1, high=3)
    case("reducemean_long", [("ReduceMean", ["x"], ["y"], {"axes": [1]})], {"x": long}, ref=d(long).mean(1, True))
    for axis, keep in ((0, 1), (1, 0), (-1, 1), (2, 0)):
        case(f"argmax_{axis}".replace("-1", "last") + ("" if keep else "_nokeep"), [("ArgMax", ["x"], ["y"], {"axis": axis, "keepdims": keep})], {"x": x})
    ties = np.round(x)
    case("argmax_ties_first", [("ArgMax", ["x"], ["y"], {"axis": 1})], {"x": ties}); case("argmax_ties_last", [("ArgMax", ["x"], ["y"], {"axis": 1, "select_last_index": 1})], {"x": ties})
    case("argmin", [("ArgMin", ["x"], ["y"], {"axis": 2})], {"x": x}); case("argmax_cast", [("ArgMax", ["x"], ["i"], {"axis": 1}), ("Cast", ["i"], ["y"], {"to": TensorProto.FLOAT})], {"x": x})


def graphs():
    """Fusions and layouts that single operators do not meet."""
    x, w = rand("g", 1, 8, 6, 7), lambda n, *s: rand("gw" + n, *s, low=-0.4, high=0.4)
    case("residual_add_relu", [("Conv", ["x", "w"], ["a"], {"pads": [1] * 4}), ("Relu", ["a"], ["b"], {}), ("Conv", ["b", "v"], ["c"], {"pads": [1] * 4}), ("Add", ["c", "x"], ["e"], {}), ("Relu", ["e"], ["y"], {})], {"x": x}, {"w": w("1", 8, 8, 3, 3), "v": w("2", 8, 8, 3, 3)})
    case("residual_two_convs", [("Conv", ["x", "w"], ["a"], {}), ("Conv", ["x", "v"], ["b"], {}), ("Add", ["a", "b"], ["e"], {}), ("Sigmoid", ["e"], ["y"], {})], {"x": x}, {"w": w("3", 8, 8, 1, 1), "v": w("4", 8, 8, 1, 1)})
    case("squeeze_excite", [("Conv", ["x", "w"], ["a"], {}), ("GlobalAveragePool", ["a"], ["p"], {}), ("Conv", ["p", "u"], ["q"], {}), ("Relu", ["q"], ["r"], {}), ("Conv", ["r", "v"], ["s"], {}), ("HardSigmoid", ["s"], ["t"], {"alpha": 1 / 6}), ("Mul", ["t", "a"], ["y"], {})],
         {"x": x}, {"w": w("5", 16, 8, 1, 1), "u": w("6", 4, 16, 1, 1), "v": w("7", 16, 4, 1, 1)})
    for act, attrs in (("Relu", {}), ("Sigmoid", {}), ("HardSwish", {}), ("Tanh", {}), ("Elu", {}), ("LeakyRelu", {"alpha": 0.1}), ("Mish", {}), ("Softplus", {}), ("Selu", {}), ("Exp", {}), ("Abs", {})):
        case(f"conv_then_{act.lower()}", [("Conv", ["x", "w"], ["a"], {"pads": [1] * 4}), (act, ["a"], ["y"], attrs)], {"x": x}, {"w": w(act, 19, 8, 3, 3)}, opset=18)
        case(f"linear_then_{act.lower()}", [("Flatten", ["x"], ["f"], {}), ("Gemm", ["f", "w"], ["a"], {"transB": 1, "alpha": 0.1}), (act, ["a"], ["y"], attrs)], {"x": x}, {"w": w("l" + act, 21, 336)}, opset=18)
    case("flatten_linear", [("Conv", ["x", "w"], ["a"], {}), ("Flatten", ["a"], ["f"], {}), ("Gemm", ["f", "u", "b"], ["y"], {"transB": 1})], {"x": x}, {"w": w("8", 5, 8, 1, 1), "u": w("9", 11, 5 * 42), "b": w("10", 11)})
    case("two_outputs", [("Conv", ["x", "w"], ["a"], {}), ("Relu", ["a"], ["y"], {}), ("MaxPool", ["y"], ["z"], {"kernel_shape": [2, 2]})], {"x": x}, {"w": w("11", 6, 8, 1, 1)}, outputs=("y", "z"))
    case("two_inputs", [("Conv", ["x", "w"], ["a"], {}), ("Mul", ["a", "x2"], ["y"], {})], {"x": x, "x2": x + 1}, {"w": w("12", 8, 8, 1, 1)})
    case("input_is_output", [("Relu", ["x"], ["y"], {})], {"x": x})
    case("conv_softmax_channels", [("Conv", ["x", "w"], ["a"], {}), ("Softmax", ["a"], ["y"], {"axis": 1})], {"x": x}, {"w": w("13", 6, 8, 1, 1)})
    case("conv_argmax_channels", [("Conv", ["x", "w"], ["a"], {}), ("ArgMax", ["a"], ["y"], {"axis": 1, "keepdims": 0})], {"x": x}, {"w": w("14", 6, 8, 1, 1)})
    case("unet_skip", [("Conv", ["x", "w"], ["a"], {"pads": [1] * 4}), ("MaxPool", ["a"], ["p"], {"kernel_shape": [2, 2], "strides": [2, 2]}), ("Conv", ["p", "v"], ["c"], {"pads": [1] * 4}), ("Resize", ["c", "", "", "t"], ["u"], {"mode": "nearest"}), ("Concat", ["u", "a"], ["k"], {"axis": 1}), ("Conv", ["k", "z"], ["y"], {})],
         {"x": x}, {"w": w("15", 8, 8, 3, 3), "v": w("16", 8, 8, 3, 3), "t": np.array([1, 8, 6, 7]), "z": w("17", 3, 16, 1, 1)})
    case("dense_block", [("Conv", ["x", "w"], ["a"], {"pads": [1] * 4}), ("Concat", ["x", "a"], ["c"], {"axis": 1}), ("Conv", ["c", "v"], ["e"], {"pads": [1] * 4}), ("Concat", ["c", "e"], ["y"], {"axis": 1})], {"x": x}, {"w": w("18", 4, 8, 3, 3), "v": w("19", 4, 12, 3, 3)})
    case("conv1d_stack", [("Conv", ["x", "w"], ["a"], {"pads": [1, 1]}), ("BatchNormalization", ["a", "s", "b", "m", "v"], ["n"], {}), ("Relu", ["n"], ["r"], {}), ("MaxPool", ["r"], ["p"], {"kernel_shape": [2], "strides": [2]}), ("Conv", ["p", "u"], ["c"], {}), ("GlobalAveragePool", ["c"], ["g"], {}), ("Flatten", ["g"], ["y"], {})],
         {"x": rand("c1", 2, 4, 20)}, {"w": w("20", 8, 4, 3), "u": w("21", 6, 8, 1), "s": rand("s", 8), "b": rand("b", 8), "m": rand("m", 8), "v": rand("v", 8, low=.5, high=2)})


def norms():
    """Normalization operators and the ways in which exporters and people write them out."""
    def mean(x, *axes): return ("ReduceMean", [x], [x + "_mean"], {"axes": list(axes)})

    x, c = rand("norm", 2, 12, 5, 6), {"e": np.float32(1e-5), "two": np.float32(2)}
    g, b = rand("norm_g", 12, low=.5, high=1.5), rand("norm_b", 12)
    channel = lambda v: v.reshape(-1, 1, 1)
    group = F.group_norm(d(x), 4, d(g), d(b))
    for axis in (1, 2, 3, -1, -3):
        shape = x.shape[axis:]
        gain, shift = rand("norm_lg", *shape), rand("norm_lb", *shape)
        name = f"norm_layer_axis{axis}".replace("-", "_")
        case(name, [("LayerNormalization", ["x", "g", "b"], ["y"], {"axis": axis})], {"x": x}, {"g": gain, "b": shift}, opset=17, ref=F.layer_norm(d(x), shape, d(gain), d(shift)))
    case("norm_layer_no_bias", [("LayerNormalization", ["x", "g"], ["y"], {"epsilon": 1e-3})], {"x": x}, {"g": rand("norm_lg", 6)}, opset=17, ref=F.layer_norm(d(x), (6,), d(rand("norm_lg", 6)), eps=1e-3))
    case("norm_instance", [("InstanceNormalization", ["x", "g", "b"], ["y"], {})], {"x": x}, {"g": g, "b": b}, ref=F.instance_norm(d(x), weight=d(g), bias=d(b)))
    case("norm_group_21", [("GroupNormalization", ["x", "g", "b"], ["y"], {"num_groups": 4})], {"x": x}, {"g": g, "b": b}, opset=21, ref=group)
    case("norm_group_18", [("GroupNormalization", ["x", "g", "b"], ["y"], {"num_groups": 4})], {"x": x}, {"g": g[:4], "b": b[:4]}, opset=18, ref=F.group_norm(d(x), 4, d(np.repeat(g[:4], 3)), d(np.repeat(b[:4], 3))))
    exported = [("Reshape", ["x", "split"], ["r"], {}), ("InstanceNormalization", ["r", "ones", "zeros"], ["i"], {}), ("Reshape", ["i", "full"], ["s"], {}), ("Mul", ["s", "g"], ["m"], {}), ("Add", ["m", "b"], ["y"], {})]
    views = {"split": np.array([0, 4, -1]), "full": np.array(x.shape), "ones": np.ones(4, np.float32), "zeros": np.zeros(4, np.float32), "g": channel(g), "b": channel(b)}
    case("norm_group_exported", exported, {"x": x}, views, ref=group)
    conv = ("Conv", ["in", "w"], ["x"], {"pads": [1] * 4})
    w = rand("norm_w", 12, 3, 3, 3, low=-.5, high=.5)
    image = rand("norm_image", 2, 3, 5, 6)
    case("norm_conv_group_relu", [conv] + exported[:-1] + [("Add", ["m", "b"], ["a"], {}), ("Relu", ["a"], ["y"], {})], {"in": image}, views | {"w": w}, ref=F.relu(F.group_norm(F.conv2d(d(image), d(w), padding=1), 4, d(g), d(b))))
    moments = [("Reshape", ["x", "split"], ["r"], {}), mean("r", 2), ("Mul", ["r", "r"], ["q"], {}), mean("q", 2), ("Mul", ["r_mean", "r_mean"], ["p"], {}), ("Sub", ["q_mean", "p"], ["v"], {}), ("Add", ["v", "e"], ["t"], {}), ("Sqrt", ["t"], ["u"], {}), ("Sub", ["r", "r_mean"], ["c"], {}), ("Div", ["c", "u"], ["i"], {}), ("Reshape", ["i", "rows"], ["s"], {}), ("Mul", ["g", "s"], ["m"], {}), ("Add", ["m", "b"], ["a"], {}), ("Reshape", ["a", "full"], ["y"], {})]
    case("norm_group_raw_moments", moments, {"x": x}, c | views | {"rows": np.array([2, 12, -1]), "g": g.reshape(1, 12, 1), "b": b.reshape(1, 12, 1)}, ref=group)
    def centred(*axes): return [mean("x", *axes), ("Sub", ["x", "x_mean"], ["c"], {}), ("Pow", ["c", "two"], ["q"], {}), mean("q", *axes), ("Add", ["q_mean", "e"], ["t"], {}), ("Sqrt", ["t"], ["u"], {}), ("Div", ["c", "u"], ["n"], {}), ("Mul", ["n", "g"], ["m"], {}), ("Add", ["m", "b"], ["y"], {})]
    row_g, row_b = rand("norm_rg", 6), rand("norm_rb", 6)
    case("norm_layer_written_out", centred(-1), {"x": x}, c | {"g": row_g, "b": row_b}, ref=F.layer_norm(d(x), (6,), d(row_g), d(row_b)))
    case("norm_instance_written_out", centred(2, 3), {"x": x}, c | {"g": channel(g), "b": channel(b)}, ref=F.instance_norm(d(x), weight=d(g), bias=d(b)))
    channels_last = F.layer_norm(d(x).permute(0, 2, 3, 1), (12,), d(g), d(b)).permute(0, 3, 1, 2)
    case("norm_layer_channels", centred(1), {"x": x}, c | {"g": channel(g), "b": channel(b)}, ref=channels_last)
    keras = [mean("x", -1), ("Sub", ["x", "x_mean"], ["c"], {}), ("Mul", ["c", "c"], ["q"], {}), mean("q", -1), ("Add", ["q_mean", "e"], ["t"], {}), ("Sqrt", ["t"], ["u"], {}), ("Reciprocal", ["u"], ["i"], {}), ("Mul", ["i", "g"], ["k"], {}), ("Mul", ["x", "k"], ["l"], {}), ("Mul", ["x_mean", "k"], ["o"], {}), ("Sub", ["b", "o"], ["z"], {}), ("Add", ["l", "z"], ["y"], {})]
    case("norm_layer_keras", keras, {"x": x}, c | {"g": row_g, "b": row_b}, ref=F.layer_norm(d(x), (6,), d(row_g), d(row_b)))
    case("norm_rms", [("Mul", ["x", "x"], ["q"], {}), mean("q", -1), ("Add", ["q_mean", "e"], ["t"], {}), ("Sqrt", ["t"], ["u"], {}), ("Div", ["x", "u"], ["n"], {}), ("Mul", ["n", "g"], ["y"], {})], {"x": x}, c | {"g": row_g}, ref=F.rms_norm(d(x), (6,), d(row_g), 1e-5))
    case("norm_rms_pow", [("Pow", ["x", "two"], ["q"], {}), mean("q", -1), ("Add", ["q_mean", "e"], ["t"], {}), ("Pow", ["t", "half"], ["u"], {}), ("Mul", ["x", "u"], ["n"], {}), ("Mul", ["g", "n"], ["y"], {})], {"x": x}, c | {"g": row_g, "half": np.float32(-.5)}, ref=F.rms_norm(d(x), (6,), d(row_g), 1e-5))
    for axis in (1, 3):
        case(f"norm_l2_axis{axis}", [("ReduceL2", ["x"], ["l"], {"axes": [axis]}), ("Clip", ["l", "low"], ["k"], {}), ("Expand", ["k", "full"], ["f"], {}), ("Div", ["x", "f"], ["y"], {})], {"x": x}, {"low": np.float32(1e-12), "full": np.array(x.shape)}, ref=F.normalize(d(x), dim=axis))
        case(f"norm_lp2_axis{axis}", [("LpNormalization", ["x"], ["y"], {"axis": axis, "p": 2})], {"x": x}, ref=F.normalize(d(x), dim=axis))
    case("norm_lp1", [("LpNormalization", ["x"], ["y"], {"axis": 1, "p": 1})], {"x": x}, ref=F.normalize(d(x), p=1, dim=1))
    case("norm_mean_variance", [("MeanVarianceNormalization", ["x"], ["y"], {"axes": [2, 3]})], {"x": x}, ref=F.instance_norm(d(x), eps=0))
    v, k = rand("norm_v", 24, 12, low=-.5, high=.5), rand("norm_k", 12, 1, 7, 7, low=-.3, high=.3)
    block = [("Conv", ["in", "w"], ["x"], {"pads": [1] * 4}), ("Conv", ["x", "k"], ["h"], {"pads": [3] * 4, "group": 12}), ("Transpose", ["h"], ["p"], {"perm": [0, 2, 3, 1]}), ("LayerNormalization", ["p", "g", "b"], ["n"], {}), ("MatMul", ["n", "v1"], ["f"], {}), ("Relu", ["f"], ["r"], {}), ("MatMul", ["r", "v2"], ["o"], {}), ("Transpose", ["o"], ["t"], {"perm": [0, 3, 1, 2]}), ("Add", ["t", "x"], ["y"], {})]
    stem = F.conv2d(d(image), d(w), padding=1)
    hidden = F.layer_norm(F.conv2d(stem, d(k), padding=3, groups=12).permute(0, 2, 3, 1), (12,), d(g), d(b))
    case("norm_convnext_block", block, {"in": image}, {"w": w, "k": k, "g": g, "b": b, "v1": np.ascontiguousarray(v.T), "v2": v}, opset=17, ref=stem + (F.relu(hidden @ d(v).T) @ d(v)).permute(0, 3, 1, 2))


# ---- weights of 4 bits, scales for blocks of an output's inputs ------------------------------------------------------------
def blocks():
    import ml_dtypes
    n, k = 40, 96
    x = rand("blocks_x", 3, k)

    def nibbles(name, low, *shape):
        return rng(name).integers(low, low + 16, shape)

    for kind, low, block, axis, zero in (("int4", -8, 32, 0, False), ("uint4", 0, 16, 0, True), ("int4", -8, 32, 1, True), ("uint4", 0, 64, 1, True)):
        name = f"dequantize_blocked_{kind}_block{block}_axis{axis}"
        dtype = getattr(ml_dtypes, kind)
        size = k if axis == 0 else n
        shape = (-(-k // block), n) if axis == 0 else (k, -(-n // block))
        consts = {"w": nibbles(name, low, k, n).astype(dtype), "s": rand(name + "s", *shape, low=.01, high=.05)}
        if zero: consts["z"] = nibbles(name + "z", low, *shape).astype(dtype)
        inputs = ["w", "s"] + ["z"] * zero
        case(name, [("DequantizeLinear", inputs, ["f"], {"axis": axis, "block_size": block}), ("MatMul", ["x", "f"], ["y"], {})], {"x": x}, consts, opset=21, optimized=False)
    name = "dequantize_blocked_int4_conv"
    image = rand("blocks_image", 1, 32, 6, 5)
    consts = {"w": nibbles(name, -8, 24, 32, 3, 3).astype(ml_dtypes.int4), "s": rand(name + "s", 24, 2, 3, 3, low=.01, high=.05)}
    case(name, [("DequantizeLinear", ["w", "s"], ["f"], {"axis": 1, "block_size": 16}), ("Conv", ["x", "f"], ["y"], {"pads": [1] * 4})], {"x": image}, consts, opset=21, optimized=False)
    name = "dequantize_int4_per_output"
    consts = {"w": nibbles(name, -8, 24, 32, 3, 3).astype(ml_dtypes.int4), "s": rand(name + "s", 24, low=.01, high=.05)}
    case(name, [("DequantizeLinear", ["w", "s"], ["f"], {"axis": 0}), ("Conv", ["x", "f"], ["y"], {"pads": [1] * 4})], {"x": image}, consts, opset=21, optimized=False)
    name = "dequantize_blocked_int8"
    consts = {"w": rng(name).integers(-128, 128, (k, n)).astype(np.int8), "s": rand(name + "s", k // 32, n, low=.001, high=.005)}
    case(name, [("DequantizeLinear", ["w", "s"], ["f"], {"axis": 0, "block_size": 32}), ("MatMul", ["x", "f"], ["y"], {})], {"x": x}, consts, opset=21, optimized=False)
    for block, inputs, zeros, bias in ((32, 96, "absent", False), (32, 90, "packed", True), (16, 96, "packed", False), (64, 96, "float", False)):
        name = f"matmul_nbits_block{block}_k{inputs}_{zeros}"
        count = -(-inputs // block)
        consts = {"b": nibbles(name, 0, n * count * block // 2, 1).astype(np.uint8).reshape(n, count, block // 2) * 16 + nibbles(name + "l", 0, n, count, block // 2).astype(np.uint8),
                  "s": rand(name + "s", n * count, low=.01, high=.05)}
        if zeros == "packed": consts["z"] = rng(name + "z").integers(0, 256, n * -(-count // 2)).astype(np.uint8)
        if zeros == "float": consts["z"] = rand(name + "z", n * count, low=0, high=15)
        if bias: consts["c"] = rand(name + "c", n)
        names = ["a", "b", "s"] + (["z"] if zeros != "absent" else [""]) + ["", "c"] * bias
        while not names[-1]: names.pop()
        case(name, [("MatMulNBits", names, ["y"], {"domain": "com.microsoft", "K": inputs, "N": n, "bits": 4, "block_size": block})], {"a": rand(name + "a", 2, 3, inputs)}, consts, opset=21, optimized=False)


for group in (convolutions, products, pools, elementwise, movement, resizes, reductions, graphs, norms, blocks):
    group()
print(len(seen), "cases,", sum(f.stat().st_size for f in OUT.iterdir()) // 1024, "KiB in", OUT.name)
