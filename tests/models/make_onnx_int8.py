#!/usr/bin/env python3
"""Makes the goldens in onnx_int8/: small networks of float32 that onnxruntime.quantization's quantize_static quantized, NAME.onnx, and
NAME.npz with inputs (in_0, ...) and ONNX Runtime's outputs (out_0, ...).

Not part of the test command. Needs: pip install numpy onnx onnxruntime, and a CPU whose 8-bit products do not saturate (VNNI: see
/proc/cpuinfo). Usage: make_onnx_int8.py [NAME-PART]"""
import pathlib
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

HERE = pathlib.Path(__file__).parent
OUT = HERE / "onnx_int8"
ONLY = sys.argv[1] if len(sys.argv) > 1 else ""
OPSET = 17
onnxruntime.set_default_logger_severity(3)


def rng(name):
    return np.random.default_rng(sum(name.encode()) * 7919 + len(name))


class Net:
    """A float network, built node by node. Layers get random weights of the size that keeps activations near 1."""

    def __init__(self, name, *inputs):
        self.name, self.rng, self.nodes, self.constants, self.inputs = name, rng(name), [], [], []
        for n, shape in enumerate(inputs):
            self.inputs.append(helper.make_tensor_value_info(f"x{n}", TensorProto.FLOAT, shape))

    def constant(self, values):
        values = np.asarray(values)
        if values.dtype == np.float64:
            values = values.astype(np.float32)
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def weights(self, *shape):
        fan = np.prod(shape[1:])
        return self.constant(self.rng.normal(0, np.sqrt(2.0 / fan), shape) * self.rng.uniform(0.3, 1.5, (shape[0],) + (1,) * (len(shape) - 1)))

    def add(self, op, *inputs, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name + "_node", **attributes))
        return name

    def bias(self, count):
        return self.constant(self.rng.uniform(-0.3, 0.3, count))

    def conv(self, x, inputs, outputs, kernel=3, groups=1, bias=True, **attributes):
        weights = self.weights(outputs, inputs // groups, kernel, kernel)
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.add("Conv", x, weights, *([self.bias(outputs)] if bias else []), group=groups, **attributes)

    def gemm(self, x, inputs, outputs):
        return self.add("Gemm", x, self.weights(outputs, inputs), self.bias(outputs), transB=1)

    def model(self, outputs, opset=OPSET):
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, infos, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)


class Samples(CalibrationDataReader):
    def __init__(self, samples):
        self.iterator = iter(samples)

    def get_next(self):
        return next(self.iterator, None)


FORMS = {  # format, activations, weights, per channel
    "qdq": (QuantFormat.QDQ, QuantType.QInt8, QuantType.QInt8, False),
    "qdq_channel": (QuantFormat.QDQ, QuantType.QInt8, QuantType.QInt8, True),
    "qdq_u8": (QuantFormat.QDQ, QuantType.QUInt8, QuantType.QInt8, True),
    "qop": (QuantFormat.QOperator, QuantType.QUInt8, QuantType.QInt8, False),
    "qop_channel": (QuantFormat.QOperator, QuantType.QUInt8, QuantType.QInt8, True),
    "qop_s8": (QuantFormat.QOperator, QuantType.QInt8, QuantType.QInt8, True),
}


def run(model, feeds):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def quantized(model, form, samples, **options):
    layout, activations, weights, per_channel = FORMS[form]
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "float.onnx"), pathlib.Path(folder, "int8.onnx")
        onnx.save(model, source)
        quant_pre_process(source, source, skip_symbolic_shape=True)
        quantize_static(source, target, Samples(samples), quant_format=layout, per_channel=per_channel, activation_type=activations,
                        weight_type=weights, extra_options=options)
        return onnx.load(target)


def write(name, model, feeds):
    OUT.mkdir(exist_ok=True)
    for value in list(model.graph.value_info):
        model.graph.value_info.remove(value)
    onnx.save(model, OUT / f"{name}.onnx")
    outputs = run(model, feeds)
    np.savez(OUT / f"{name}.npz", **{f"in_{n}": x for n, x in enumerate(feeds.values())}, **{f"out_{n}": y for n, y in enumerate(outputs)})


def case(name, build, *shapes, forms=tuple(FORMS), **options):
    """Quantizes build(net, inputs...), whose results are the outputs, in each form."""
    for form in forms:
        if ONLY and ONLY not in f"{name}.{form}":
            continue
        net = Net(name, *shapes)
        outputs = build(net, *[value.name for value in net.inputs])
        model = net.model(outputs if isinstance(outputs, (list, tuple)) else [outputs])
        draw = lambda: {f"x{n}": net.rng.normal(0, 1, shape).astype(np.float32) for n, shape in enumerate(shapes)}
        samples = [draw() for _ in range(8)]
        write(f"{name}_{form}", quantized(model, form, samples, **options), draw())


def network(file, data, forms):
    """A network of this folder, calibrated on all but the last of `data`."""
    model = onnx.load(HERE / file)
    graph_input = model.graph.input[0]
    shape = [d.dim_value or 1 for d in graph_input.type.tensor_type.shape.dim]
    samples = [{graph_input.name: x.astype(np.float32).reshape(shape)} for x in data]
    for form in forms:
        name = f"{pathlib.Path(file).stem}_{form}"
        if ONLY in name:
            write(name, quantized(model, form, samples[:-1]), samples[-1])


def activation(op, **attributes):
    return lambda net, x: net.add(op, net.conv(x, 3, 8), **attributes)


def residual(net, x):
    a = net.add("Relu", net.conv(x, 4, 8))
    b = net.conv(net.add("Relu", net.conv(a, 8, 8)), 8, 8)
    return net.add("Relu", net.add("Add", a, b))


def squeeze_excite(net, x):
    a = net.add("Relu", net.conv(x, 4, 8, 3, groups=4))
    s = net.add("GlobalAveragePool", a)
    s = net.add("Relu", net.conv(s, 8, 4, 1))
    s = net.add("Sigmoid", net.conv(s, 4, 8, 1))
    return net.conv(net.add("Mul", a, s), 8, 6, 1)


def classifier(net, x):
    a = net.add("MaxPool", net.add("Relu", net.conv(x, 3, 8)), kernel_shape=[2, 2], strides=[2, 2])
    a = net.add("GlobalAveragePool", net.add("Relu", net.conv(a, 8, 16)))
    return net.gemm(net.add("Flatten", a), 16, 10)


def branches(net, x):
    a, b = net.conv(x, 3, 5), net.add("Relu", net.conv(x, 3, 8, 1))
    return net.conv(net.add("Concat", a, b, x, axis=1), 16, 6, 1)


def moved(net, x):
    a = net.add("Reshape", net.conv(x, 3, 8), net.constant(np.array([1, 8, 64])))
    a = net.add("Transpose", a, perm=[0, 2, 1])
    return net.add("MatMul", a, net.constant(net.rng.normal(0, 0.3, (8, 12))))


def attention(net, x):
    q = net.add("MatMul", x, net.constant(net.rng.normal(0, 0.3, (16, 16))))
    k = net.add("MatMul", x, net.constant(net.rng.normal(0, 0.3, (16, 16))))
    scores = net.add("Softmax", net.add("MatMul", q, net.add("Transpose", k, perm=[0, 2, 1])), axis=-1)
    return net.add("MatMul", scores, x)


IMAGE = [1, 3, 8, 8]
case("conv", lambda net, x: net.conv(x, 3, 10), IMAGE)
case("conv_relu", activation("Relu"), IMAGE)
case("conv_relu6", lambda net, x: net.add("Clip", net.conv(x, 3, 8), net.constant(np.float32(0)), net.constant(np.float32(6))), IMAGE)
case("conv_stride", lambda net, x: net.conv(x, 8, 6, groups=2, strides=[2, 2], dilations=[2, 1], bias=False), [2, 8, 9, 11])
case("depthwise", lambda net, x: net.add("Relu", net.conv(net.add("Relu", net.conv(x, 3, 20, 1)), 20, 20, groups=20)), IMAGE)
case("residual", residual, [1, 4, 8, 8])
case("squeeze_excite", squeeze_excite, [1, 4, 8, 8])
case("classifier", classifier, [3, 3, 8, 8])
case("branches", branches, IMAGE)
case("moved", moved, IMAGE)
case("gemm", lambda net, x: net.gemm(net.add("Relu", net.gemm(x, 33, 20)), 20, 9), [4, 33])
case("average_pool", lambda net, x: net.add("AveragePool", net.conv(x, 3, 8), kernel_shape=[3, 3], strides=[2, 2]), IMAGE)
case("max_pool", lambda net, x: net.add("MaxPool", net.conv(x, 3, 8), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), IMAGE)
case("sigmoid", activation("Sigmoid"), IMAGE)
case("leaky_relu", activation("LeakyRelu", alpha=0.1), IMAGE)
case("hard_swish", activation("HardSwish"), IMAGE, forms=("qdq", "qdq_u8", "qop"))
case("tanh", activation("Tanh"), IMAGE, forms=("qdq", "qdq_u8", "qop"))
case("attention", attention, [1, 10, 16])
case("multiply", lambda net, a, b: net.add("Mul", net.conv(a, 3, 8), net.conv(b, 3, 8)), IMAGE, IMAGE)


class Steps(Net):
    """A network with its QuantizeLinear and DequantizeLinear nodes as a quantizer of another make would write them."""

    def quantized(self, x, scale, zero_point=0, dtype=np.int8):
        return self.add("QuantizeLinear", x, self.constant(np.float32(scale)), self.constant(np.array(zero_point, dtype)))

    def real(self, x, scale, zero_point=0, dtype=np.int8):
        return self.add("DequantizeLinear", x, self.constant(np.float32(scale)), self.constant(np.array(zero_point, dtype)))

    def through(self, x, scale, zero_point=0, dtype=np.int8):
        """x as the real numbers that its integers stand for."""
        return self.real(self.quantized(x, scale, zero_point, dtype), scale, zero_point, dtype)

    def stored(self, values, scale, axis=None):
        """A constant of int8 behind a DequantizeLinear."""
        scale = np.asarray(scale, np.float32)
        attributes = {} if axis is None else {"axis": axis}
        return self.add("DequantizeLinear", self.constant(np.asarray(values, np.int8)), self.constant(scale),
                        self.constant(np.zeros(scale.shape, np.int8)), **attributes)


def steps_case(name, build, *shapes, opset=OPSET):
    """build(net, inputs...) as it is."""
    if ONLY and ONLY not in name:
        return
    net = Steps(name, *shapes)
    output = build(net, *[value.name for value in net.inputs])
    write(name, net.model([output], opset), {f"x{n}": net.rng.normal(0, 1, shape).astype(np.float32) for n, shape in enumerate(shapes)})


def between(op, y=(0.0193, 3), x=(0.0307, -5), dtype=np.int8, more=(), **attributes):
    """A function of one tensor between its quantized input and output."""
    return lambda net, t: net.through(net.add(op, net.through(t, *x, dtype), *[net.constant(m) for m in more], **attributes), *y, dtype)


def between_two(op, y=(0.0317, 3), a=(0.0309, -5), b=(0.0243, 7), dtype=np.int8):
    return lambda net, t, u: net.through(net.add(op, net.through(t, *a, dtype), net.through(u, *b, dtype)), *y, dtype)


def gelu(net, t):
    x = net.through(t, 0.03, -5)
    erf = net.add("Erf", net.add("Div", x, net.constant(np.sqrt(np.float32(2)))))
    product = net.add("Mul", x, net.add("Add", erf, net.constant(np.float32(1))))
    return net.through(net.add("Mul", product, net.constant(np.float32(0.5))), 0.02, -100)


i64 = lambda *values: np.array(values, np.int64)
U8 = {"y": (0.0193, 130), "x": (0.0307, 120), "dtype": np.uint8}
SAME = {"y": (0.0307, -5)}
steps_case("sub", between_two("Sub"), IMAGE, IMAGE)
steps_case("sub_u8", between_two("Sub", (0.03, 130), (0.031, 120), (0.024, 100), np.uint8), IMAGE, IMAGE)
steps_case("max", between_two("Max"), IMAGE, IMAGE)
steps_case("min_broadcast", between_two("Min"), IMAGE, [8, 1])
steps_case("add_halves", between_two("Add", (0.05, 3), (0.031, -5), (0.024, 7)), IMAGE, [1, 3, 1, 1])
steps_case("add_broadcast", between_two("Add"), IMAGE, [1, 3, 1, 1])
steps_case("mul_u8", between_two("Mul", (0.05, 100), (0.031, 120), (0.024, 100), np.uint8), IMAGE, IMAGE)
steps_case("matmul", between_two("MatMul", (0.15, 3)), [2, 5, 19], [2, 19, 6])
steps_case("reduce_mean", between("ReduceMean", axes=[2, 3]), IMAGE)
steps_case("reduce_mean_last", between("ReduceMean", axes=[-1], keepdims=0), IMAGE)
steps_case("reduce_max", between("ReduceMax", axes=[1]), IMAGE)
steps_case("global_max_pool", between("GlobalMaxPool"), IMAGE)
steps_case("global_average_pool_u8", between("GlobalAveragePool", **U8), IMAGE)
steps_case("average_pool_padded", between("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), IMAGE)
steps_case("max_pool_u8", between("MaxPool", kernel_shape=[2, 2], **U8), IMAGE)
steps_case("relu", between("Relu"), IMAGE)
steps_case("clip", between("Clip", more=(np.float32(-0.7), np.float32(1.1))), IMAGE)
for function in ("Sigmoid", "Tanh", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Softplus", "Softsign", "Selu", "Exp", "Erf", "Neg", "Abs", "Floor", "Sin"):
    steps_case(function.lower() + "_table", between(function), IMAGE)
steps_case("sigmoid_table_u8", between("Sigmoid", (1 / 256, 0), (0.03, 120), np.uint8), IMAGE)
steps_case("pad", between("Pad", **SAME, more=(i64(0, 0, 1, 0, 0, 0, 0, 2),)), IMAGE)
steps_case("pad_edge", between("Pad", **SAME, more=(i64(0, 0, 1, 0, 0, 0, 0, 2),), mode="edge"), IMAGE)
steps_case("slice", between("Slice", more=(i64(1), i64(7), i64(2), i64(2))), IMAGE)
steps_case("gather", between("Gather", **SAME, more=(i64(2, 0, 2),), axis=1), IMAGE)
steps_case("resize", between("Resize", **SAME, more=(np.float32([]), np.float32([1, 1, 2, 2])), mode="nearest"), IMAGE)
steps_case("depth_to_space", between("DepthToSpace", **SAME, blocksize=2), [1, 8, 3, 4])
steps_case("transpose", between("Transpose", perm=[0, 2, 3, 1], **U8), IMAGE)
steps_case("expand", between("Expand", **SAME, more=(i64(2, 3, 8, 8),)), [1, 3, 1, 8])
steps_case("add_constant", lambda net, t: net.through(net.add("Add", net.through(t, 0.03, -5), net.stored(net.rng.integers(-127, 128, (3, 1, 1)), 0.01)), 0.03, 3), IMAGE)
steps_case("mul_number", lambda net, t: net.through(net.add("Mul", net.through(t, 0.03, -5), net.constant(np.float32(0.37))), 0.01, 3), IMAGE)
steps_case("conv_transpose", lambda net, t: net.through(net.add("ConvTranspose", net.through(t, 0.03, -5), net.stored(net.rng.integers(-127, 128, (3, 4, 3, 3)), 0.004), net.bias(4), strides=[2, 2]), 0.03, 3), IMAGE)
steps_case("conv_float_bias", lambda net, t: net.through(net.conv(net.through(t, 0.03, -5), 3, 4), 0.03, 3), IMAGE)
steps_case("linear_per_column", lambda net, t: net.through(net.add("MatMul", net.through(t, 0.03, -5), net.stored(net.rng.integers(-127, 128, (16, 7)), np.linspace(0.003, 0.02, 7), 1)), 0.05, 3), [4, 16])
steps_case("gelu", gelu, IMAGE)

network("digits/digits.onnx", np.load(HERE / "digits/test_images.npy")[:9], ("qdq_channel", "qdq_u8", "qop"))
IMAGES = rng("images").normal(0, 1, (9, 1, 3, 64, 64))
network("networks/mobilenet_v3_small.onnx", IMAGES, ("qop_channel",))
network("networks/shufflenet_v2.onnx", IMAGES, ("qdq",))
