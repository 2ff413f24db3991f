"""ONNX Runtime's quantize_static: QuantizeLinear and DequantizeLinear around operators, int8, weights with a scale per channel."""
import pathlib
import tempfile

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

NAME = "ONNX Runtime"
OPSET = 13  # the first whose DequantizeLinear takes a scale per channel
onnxruntime.set_default_logger_severity(3)


class Samples(CalibrationDataReader):
    def __init__(self, name, samples):
        self._feeds = iter([{name: sample[None]} for sample in samples])

    def get_next(self):
        return next(self._feeds, None)


def of_onnx(path, calibration, samples):
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantized = (str(pathlib.Path(folder, name)) for name in ("float.onnx", "int8.onnx"))
        model = onnx.load(path)
        if model.opset_import[0].version < OPSET:
            model = onnx.version_converter.convert_version(model, OPSET)
        onnx.save(model, prepared)
        quant_pre_process(prepared, prepared, skip_symbolic_shape=True)
        session = onnxruntime.InferenceSession(prepared, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        quantize_static(prepared, quantized, Samples(name, calibration), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QInt8, weight_type=QuantType.QInt8)
        session = onnxruntime.InferenceSession(quantized, providers=["CPUExecutionProvider"])
        return np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])
