"""LiteRT's quantizer (ai-edge-quantizer), int8 weights with a scale per channel and int8 activations. onnx2tf makes its models of ONNX
files, in a virtual environment of its own: LINNET_BENCH_ONNX2TF names the program."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
import onnx
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer import qtyping, quantizer, recipe

from quantizers.ports import integers, numbers

NAME = "LiteRT"


def of_onnx(path, calibration, samples):
    name = onnx.load(path, load_external_data=False).graph.input[0].name
    with tempfile.TemporaryDirectory() as scratch:
        # onnx2tf checks itself on pictures which it would download; it takes those of its working directory first.
        folder = pathlib.Path(scratch)
        np.save(folder / "calibration_image_sample_data_20x128x128x3_float32.npy",
                np.random.default_rng(0).random((20, 128, 128, 3), dtype=np.float32))
        shutil.copy(path, folder)  # onnx2tf replaces its input by a simplified one
        program = pathlib.Path(os.environ["LINNET_BENCH_ONNX2TF"])
        shape = ",".join(map(str, calibration[:1].shape))
        # LiteRT has no Erf of its own: it is written out.
        command = [program, "-i", path.name, "-o", ".", "-ois", f"{name}:{shape}", "-n", "--replace_to_pseudo_operators", "Erf"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                              env=dict(os.environ, PATH=f"{program.parent}:{os.environ['PATH']}"))  # it runs onnxsim beside it
        if done.returncode != 0:
            raise RuntimeError("onnx2tf: " + done.stderr)
        model = folder / f"{path.stem}_float32.tflite"
        if tuple(Interpreter(str(model)).get_input_details()[0]["shape"]) != calibration[:1].shape:
            calibration, samples = calibration.transpose(0, 2, 3, 1), samples.transpose(0, 2, 3, 1)
        return of_tflite(model, calibration, samples)


def of_tflite(path, calibration, samples):
    with tempfile.TemporaryDirectory() as folder:
        quantized = str(pathlib.Path(folder, "int8.tflite"))
        quantize(path, quantized, calibration)
        return run(quantized, samples)


def quantize(path, target, calibration, float_ports=False):
    """Makes the int8 file `target` of the float file `path`; samples are laid out as the model takes them. Its input and output are
    int8, too, unless `float_ports`."""
    with tempfile.TemporaryDirectory() as folder:
        source = str(pathlib.Path(folder, "float.tflite"))
        flatbuffer_utils.write_model(in_todays_form(flatbuffer_utils.read_model(str(path))), source)
        (signature, ports), = Interpreter(source).get_signature_list().items()
        model = quantizer.Quantizer(source, recipe.static_wi8_ai8())
        for port in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT) if float_ports else ():
            model.update_quantization_recipe(".*", port, algorithm_key=recipe.AlgorithmName.NO_QUANTIZE)
        ranges = model.calibrate({signature: [{ports["inputs"][0]: sample[None]} for sample in calibration]})
        model.quantize(ranges, serialize_to_path=str(target), enable_progress_bar=False, enable_progress_report=False)


def in_todays_form(model):
    """Older files have operators in another field, which the quantizer does not read, and no signature, without which it takes none."""
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    if not model.signatureDefs:
        schema, graph = flatbuffer_utils.schema_fb, model.subgraphs[0]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        for field, name, tensors in (("inputs", b"x", graph.inputs), ("outputs", b"y", graph.outputs)):
            port = schema.TensorMapT()
            port.name, port.tensorIndex = name, tensors[0]
            setattr(signature, field, [port])
        model.signatureDefs = [signature]
    return model


def run(path, samples):
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    port, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for sample in samples:
        interpreter.set_tensor(port["index"], integers(sample[None], port))
        interpreter.invoke()
        outputs.append(numbers(interpreter.get_tensor(output["index"]), output))
    return np.concatenate(outputs)
