"""XNNPACK, as the default CPU delegate of LiteRT (TensorFlow Lite's successor). onnx2tf converts the ONNX file, from a virtual
environment of its own, as it needs older versions of what the others need: LINNET_BENCH_ONNX2TF names the program."""
import os
import pathlib
import shutil
import subprocess
import tempfile
from importlib import metadata

import numpy as np

from ai_edge_litert.interpreter import Interpreter

from compare.contestants.worker import Engine, main


class Xnnpack(Engine):
    suffix = ".tflite"
    version = "LiteRT " + metadata.version("ai-edge-litert")

    @staticmethod
    def convert(folder, name):
        with tempfile.TemporaryDirectory() as scratch:
            # onnx2tf checks itself on pictures which it would download; it takes those of its working directory first.
            pictures = np.random.default_rng(0).random((20, 128, 128, 3), dtype=np.float32)
            np.save(os.path.join(scratch, "calibration_image_sample_data_20x128x128x3_float32.npy"), pictures)
            shutil.copy(folder / f"{name}.onnx", scratch)  # it replaces its input by a simplified one
            program = pathlib.Path(os.environ["LINNET_BENCH_ONNX2TF"])
            path = f"{program.parent}:{os.environ['PATH']}"  # it runs onnxsim beside it
            # LiteRT has no Erf of its own: it is written out in operators that XNNPACK runs.
            command = [program, "-i", f"{name}.onnx", "-o", ".", "-n", "--replace_to_pseudo_operators", "Erf"]
            subprocess.run(command, cwd=scratch, check=True, env=dict(os.environ, PATH=path))
            shutil.move(os.path.join(scratch, f"{name}_float32.tflite"), folder / f"{name}.tflite")

    def __init__(self, model, x, threads):
        self._interpreter = interpreter = Interpreter(model, num_threads=threads)
        interpreter.allocate_tensors()
        ports = interpreter.get_input_details()[0]
        # The converter makes images channels-last.
        self._x = x.transpose(0, 2, 3, 1).copy() if x.ndim == 4 else x
        if tuple(ports["shape"]) != self._x.shape:
            raise ValueError(f"the model takes {tuple(ports['shape'])}, the input is {self._x.shape}")
        self._input = interpreter.tensor(ports["index"])
        self._output = interpreter.get_output_details()[0]["index"]
        # The wrapper's own method only adds Python around this call.
        self.run = interpreter._interpreter.Invoke

    def fill(self):
        self._input()[...] = self._x

    def output(self):
        return self._interpreter.get_tensor(self._output)


if __name__ == "__main__":
    main(Xnnpack)
