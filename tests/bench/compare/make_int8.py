"""Makes the int8 networks. Of a float network NAME: NAME_int8.onnx, by ONNX Runtime's static quantizer (QuantizeLinear and
DequantizeLinear around operators, activations of uint8, weights of int8 with a scale per channel, ranges by least and greatest value).
Of MLPerf Tiny's networks the suite's own files, NAME.tflite and NAME_int8.tflite, and NAME_int8.exact.npy, which TensorFlow Lite Micro
computes (LiteRT's reference kernels differ from it by a step in the autoencoder). NAME_int8.npy is the input and NAME_int8.json the
facts, as of float networks. Packages that only quantizing needs are imported when it is done."""
import json
import pathlib
import shutil
import sys
from dataclasses import dataclass

import numpy as np

from compare.calibration import calibration_samples, int8_name

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"


@dataclass(frozen=True)
class SuiteNetwork:
    float32: str  # file, without ".tflite"
    int8: str
    macs: int


SUITE = {
    "mlperf_resnet8": SuiteNetwork("tflite/pretrainedResnet", "tflite_int8/pretrainedResnet_quant", 12_501_632),
    "mlperf_ds_cnn": SuiteNetwork("tflite/kws_ref_model_float32", "tflite_int8/kws_ref_model", 2_656_768),
    "mlperf_vww": SuiteNetwork("mlperf_tiny/vww_96_float", "tflite_int8/vww_96_int8", 7_489_664),
    "mlperf_autoencoder": SuiteNetwork("mlperf_tiny/ad01_fp32", "tflite_int8/ad01_int8", 264_192),
}


def quantize(name, folder):
    from onnxruntime.quantization import QuantType
    from quantizers import onnx_runtime
    onnx_runtime.quantize(folder / f"{name}.onnx", folder / f"{int8_name(name)}.onnx", calibration_samples(folder, name),
                          QuantType.QUInt8)
    for suffix in (".npy", ".json"):
        shutil.copy(folder / f"{name}{suffix}", folder / f"{int8_name(name)}{suffix}")


def copy_of_suite(name, folder):
    from ai_edge_litert.interpreter import Interpreter
    from quantizers.ports import numbers
    network = SUITE[name]
    interpreter, tensors = Interpreter(str(MODELS / f"{network.int8}.tflite")), np.load(MODELS / f"{network.int8}.npz")
    x = numbers(tensors["in_0"], interpreter.get_input_details()[0])
    np.save(folder / f"{int8_name(name)}.exact.npy", numbers(tensors["out_0"], interpreter.get_output_details()[0]).reshape(-1))
    for source, target in ((network.float32, name), (network.int8, int8_name(name))):
        shutil.copy(MODELS / f"{source}.tflite", folder / f"{target}.tflite")
        np.save(folder / f"{target}.npy", x)
        (folder / f"{target}.json").write_text(json.dumps({"macs": network.macs, "input_shape": list(x.shape)}))


def make_missing_int8(folder, names):
    for name in names:
        if not (folder / f"{int8_name(name)}.json").exists():
            print(f"quantizing {name}", file=sys.stderr, flush=True)
            (copy_of_suite if name in SUITE else quantize)(name, folder)
