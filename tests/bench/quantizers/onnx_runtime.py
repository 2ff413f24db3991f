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


def quantize(source, target, calibration, activation_type):
    """Makes the int8 file `target` of the float file `source`."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = str(pathlib.Path(folder, "float.onnx"))
        model = onnx.load(source)
        if model.opset_import[0].version < OPSET:
            model = onnx.version_converter.convert_version(model, OPSET)
        onnx.save(model, prepared)
        quant_pre_process(prepared, prepared, skip_symbolic_shape=True)
        session = onnxruntime.InferenceSession(prepared, providers=["CPUExecutionProvider"])
        quantize_static(prepared, str(target), Samples(session.get_inputs()[0].name, calibration), quant_format=QuantFormat.QDQ,
                        per_channel=True, activation_type=activation_type, weight_type=QuantType.QInt8)


def of_onnx(path, calibration, samples):
    with tempfile.TemporaryDirectory() as folder:
        quantized = str(pathlib.Path(folder, "int8.onnx"))
        quantize(path, quantized, calibration, QuantType.QInt8)
        session = onnxruntime.InferenceSession(quantized, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])
