"""XNNPACK, as the default CPU delegate of LiteRT (TensorFlow Lite's successor). onnx2tf converts the ONNX file, from a virtual
environment of its own, as it needs older versions of what the others need: LINNET_BENCH_ONNX2TF names the program. LiteRT's own
quantizer makes int8 models of these. Its reference kernels round by other steps than XNNPACK's."""
import os
import pathlib
import shutil
import subprocess
import tempfile
from importlib import metadata

import numpy as np

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from compare.calibration import calibration_samples, int8_name
from compare.contestants import sparse_tflite
from compare.contestants.worker import Engine, main
from quantizers.ports import integers, numbers


def laid_out(x, port):
    """The converter makes images channels-last."""
    shape = tuple(port["shape"])
    if x.shape != shape and x.ndim == 4:
        x = x.transpose(0, 2, 3, 1).copy()
    if x.shape != shape:
        raise ValueError(f"the model takes {shape}, the input is {x.shape}")
    return x


def convert_written_out(source, target, operators):
    """By onnx2tf; the named operators become others that XNNPACK runs."""
    with tempfile.TemporaryDirectory() as scratch:
        # onnx2tf checks itself on pictures which it would download; it takes those of its working directory first.
        pictures = np.random.default_rng(0).random((20, 128, 128, 3), dtype=np.float32)
        np.save(os.path.join(scratch, "calibration_image_sample_data_20x128x128x3_float32.npy"), pictures)
        shutil.copy(source, scratch)  # it replaces its input by a simplified one
        program = pathlib.Path(os.environ["LINNET_BENCH_ONNX2TF"])
        path = f"{program.parent}:{os.environ['PATH']}"  # it runs onnxsim beside it
        command = [program, "-i", source.name, "-o", ".", "-n", "--replace_to_pseudo_operators", *operators]
        subprocess.run(command, cwd=scratch, check=True, env=dict(os.environ, PATH=path))
        shutil.move(os.path.join(scratch, f"{source.stem}_float32.tflite"), target)


class Xnnpack(Engine):
    suffix = ".tflite"
    exactness = "steps"
    version = "LiteRT " + metadata.version("ai-edge-litert")

    @staticmethod
    def convert(folder, name):
        # LiteRT has no Erf of its own.
        convert_written_out(folder / f"{name}.onnx", folder / f"{name}.tflite", ["Erf"])

    @staticmethod
    def sparsify(folder, name):
        sparse_tflite.sparsify(folder / f"{name}.tflite", folder / f"{name}.sparse.tflite")

    @staticmethod
    def quantize(folder, name):
        from quantizers import litert
        model = Interpreter(str(folder / f"{name}.tflite"))
        port = model.get_input_details()[0]
        samples = np.concatenate([laid_out(sample[None], port) for sample in calibration_samples(folder, name)])
        with tempfile.TemporaryDirectory() as scratch:
            source = folder / f"{name}.tflite"
            if any(operator["op_name"] == "HARD_SWISH" for operator in model._get_ops_details()):
                # XNNPACK has none for int8, and LiteRT's own is a reference kernel.
                source = pathlib.Path(scratch, "float.tflite")
                convert_written_out(folder / f"{name}.onnx", source, ["Erf", "HardSwish"])
            litert.quantize(source, folder / f"{int8_name(name)}.tflite", samples, float_ports=True)

    def __init__(self, model, x, threads, exact):
        resolver = OpResolverType.BUILTIN_REF if exact else OpResolverType.AUTO
        self._interpreter = interpreter = Interpreter(model, num_threads=threads, experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        port, self._port = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._x = integers(laid_out(x, port), port)
        self._input = interpreter.tensor(port["index"])
        # The wrapper's own method only adds Python around this call.
        self.run = interpreter._interpreter.Invoke

    def fill(self):
        self._input()[...] = self._x

    def output(self):
        return numbers(self._interpreter.get_tensor(self._port["index"]), self._port)


if __name__ == "__main__":
    main(Xnnpack)
