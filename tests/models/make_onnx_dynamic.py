#!/usr/bin/env python3
"""Makes the goldens dynamic_* in onnx_int8/: networks that onnxruntime.quantization's quantize_dynamic quantized, and its operators by
themselves, NAME.onnx, and NAME.npz with inputs (in_0, ...) and ONNX Runtime's outputs (out_0, ...).

Not part of the test command. Needs: pip install numpy onnx onnxruntime, and a CPU whose 8-bit products do not saturate (VNNI: see
/proc/cpuinfo). Usage: make_onnx_dynamic.py"""
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

HERE = pathlib.Path(__file__).parent
OUT = HERE / "onnx_int8"
RNG = np.random.default_rng(14)
onnxruntime.set_default_logger_severity(3)


def write(name, model, *inputs):
    for value in list(model.graph.value_info):
        model.graph.value_info.remove(value)
    onnx.save(model, OUT / f"dynamic_{name}.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # with more, DynamicQuantizeLSTM quantizes states by parts of the batch
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {port.name: x for port, x in zip(session.get_inputs(), inputs)})
    np.savez(OUT / f"dynamic_{name}.npz", **{f"in_{n}": x for n, x in enumerate(inputs)}, **{f"out_{n}": y for n, y in enumerate(outputs)})


def quantized(model, **options):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "float.onnx"), pathlib.Path(folder, "int8.onnx")
        onnx.save(model, source)
        quant_pre_process(source, source, skip_symbolic_shape=True)
        quantize_dynamic(source, target, **options)
        return onnx.load(target)


def network(nodes, constants, inputs, outputs):
    """Of one node a line; inputs and outputs as (name, type, shape)."""
    graph = helper.make_graph([helper.make_node(op, names, results, name=next(filter(None, results)) + "_node", **attributes)
                               for op, names, results, attributes in nodes],
                              "dynamic", [helper.make_tensor_value_info(*i) for i in inputs], [helper.make_tensor_value_info(*o) for o in outputs],
                              [numpy_helper.from_array(value, key) for key, value in constants.items()])
    return onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9))


def normal(*shape, size=1.0):
    return RNG.normal(0, size, shape).astype(np.float32)


F, U8, I8, I32 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32

perceptron = network([("Gemm", ["x", "a", "b"], ["h"], {"transB": 1}), ("Relu", ["h"], ["r"], {}), ("MatMul", ["r", "c"], ["m"], {}), ("Add", ["m", "d"], ["y"], {})],
                     {"a": normal(40, 37, size=0.2), "b": normal(40), "c": normal(40, 21, size=0.2), "d": normal(21)}, [("x", F, [5, 37])], [("y", F, [5, 21])])
write("perceptron", quantized(perceptron, weight_type=QuantType.QInt8), normal(5, 37))
write("perceptron_channel", quantized(perceptron, weight_type=QuantType.QInt8, per_channel=True), normal(5, 37))
write("perceptron_u8", quantized(perceptron, weight_type=QuantType.QUInt8), normal(5, 37))
write("perceptron_positive", quantized(perceptron, weight_type=QuantType.QInt8, per_channel=True), np.abs(normal(5, 37)))
write("perceptron_zero", quantized(perceptron, weight_type=QuantType.QInt8, per_channel=True), np.zeros((5, 37), np.float32))
convolution = network([("Conv", ["x", "a", "b"], ["h"], {"pads": [1, 1, 1, 1]}), ("Relu", ["h"], ["r"], {}), ("Conv", ["r", "c"], ["y"], {"strides": [2, 2], "group": 2})],
                      {"a": normal(8, 3, 3, 3, size=0.2), "b": normal(8), "c": normal(6, 4, 3, 3, size=0.2)}, [("x", F, [1, 3, 8, 8])], [("y", F, [1, 6, 3, 3])])
write("conv", quantized(convolution, weight_type=QuantType.QUInt8), normal(1, 3, 8, 8))
sequence = network([("MatMul", ["x", "a"], ["q"], {}), ("MatMul", ["x", "b"], ["k"], {}), ("Add", ["q", "k"], ["y"], {})],
                   {"a": normal(16, 24, size=0.3), "b": normal(16, 24, size=0.3)}, [("x", F, [2, 9, 16])], [("y", F, [2, 9, 24])])
write("sequence", quantized(sequence, weight_type=QuantType.QInt8, per_channel=True), normal(2, 9, 16))

write("quantize_linear", network([("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], {})], {}, [("x", F, [4, 50])], [("q", U8, [4, 50]), ("s", F, []), ("z", U8, [])]),
      normal(4, 50))
write("matmul_integer", network([("MatMulInteger", ["a", "b", "za", "zb"], ["y"], {})], {"za": np.uint8(119), "zb": np.int8(3)},
                                [("a", U8, [2, 5, 19]), ("b", I8, [2, 19, 6])], [("y", I32, [2, 5, 6])]),
      RNG.integers(0, 256, (2, 5, 19), np.uint8), RNG.integers(-128, 128, (2, 19, 6), np.int8))
write("matmul_integer_constant", network([("MatMulInteger", ["a", "b"], ["y"], {})], {"b": RNG.integers(-128, 128, (19, 6), np.int8)},
                                         [("a", U8, [5, 19])], [("y", I32, [5, 6])]), RNG.integers(0, 256, (5, 19), np.uint8))
write("conv_integer", network([("ConvInteger", ["x", "w", "zx"], ["y"], {"pads": [1, 1, 1, 1]})],
                              {"w": RNG.integers(0, 256, (5, 3, 3, 3), np.uint8), "zx": np.uint8(131)}, [("x", U8, [1, 3, 6, 7])], [("y", I32, [1, 5, 6, 7])]),
      RNG.integers(0, 256, (1, 3, 6, 7), np.uint8))

IMAGES = np.load(HERE / "digits/test_images.npy").astype(np.float32)
for name, weights in (("layer_perceptron", QuantType.QInt8), ("weight_norm_perceptron", QuantType.QInt8), ("vision_transformer", QuantType.QInt8),
                      ("group_resnet", QuantType.QUInt8)):
    model = onnx.load(HERE / f"digits/normalized/{name}.onnx")
    write(name, quantized(model, weight_type=weights, per_channel=weights == QuantType.QInt8), IMAGES[7].reshape(1, 1, 8, 8))


def lstm(batch, steps, inputs, hidden, directions=1, state=False, **attributes):
    """Sequence, last state and last cell state of an LSTM."""
    names = ["x", "w", "r", "b"] + (["", "h0", "c0"] if state else [])
    constants = {"w": normal(directions, 4 * hidden, inputs, size=0.3), "r": normal(directions, 4 * hidden, hidden, size=0.3),
                 "b": normal(directions, 8 * hidden, size=0.3)}
    first = [directions, batch, hidden]
    return network([("LSTM", names, ["y", "h", "c"], {"hidden_size": hidden, **attributes})], constants,
                   [("x", F, [steps, batch, inputs])] + ([("h0", F, first), ("c0", F, first)] if state else []),
                   [("y", F, [steps, directions, batch, hidden]), ("h", F, first), ("c", F, first)])


def unsigned(model, zero_point, factor=1):
    """The weights of its layer times `factor` as uint8 with one scale a direction and this zero point."""
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    node = next(n for n in model.graph.node if n.op_type == "DynamicQuantizeLSTM")
    for weights, scale, zero in ((1, 8, 9), (2, 10, 11)):
        integers = np.round(constants[node.input[weights]] * np.float32(factor)) + zero_point
        constants[node.input[weights]] = np.clip(integers, 0, 255).astype(np.uint8)
        constants[node.input[zero]] = np.full_like(constants[node.input[zero]], zero_point, np.uint8)
    del model.graph.initializer[:]
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return model


write("lstm", quantized(lstm(1, 9, 12, 20), weight_type=QuantType.QInt8), normal(9, 1, 12))
write("lstm_channel", quantized(lstm(1, 9, 12, 20), weight_type=QuantType.QInt8, per_channel=True), normal(9, 1, 12))
write("lstm_batch", quantized(lstm(3, 5, 7, 10, state=True), weight_type=QuantType.QInt8, per_channel=True),
      normal(5, 3, 7), normal(1, 3, 10, size=0.5), normal(1, 3, 10, size=0.5))
write("lstm_reverse", quantized(lstm(1, 6, 5, 8, direction="reverse"), weight_type=QuantType.QInt8, per_channel=True), normal(6, 1, 5))
write("lstm_bidirectional", quantized(lstm(2, 7, 6, 9, directions=2, direction="bidirectional"), weight_type=QuantType.QInt8, per_channel=True), normal(7, 2, 6))
write("lstm_u8", unsigned(quantized(lstm(1, 9, 12, 20), weight_type=QuantType.QInt8), 128), normal(9, 1, 12))
write("lstm_u8_wide", unsigned(quantized(lstm(1, 9, 12, 20), weight_type=QuantType.QInt8), 90, 1.25), normal(9, 1, 12))
