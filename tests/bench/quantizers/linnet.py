"""linnet convert --int8, as a user runs it; LINNET names the program."""
import os
import pathlib
import subprocess
import tempfile

import numpy as np

NAME = "linnet"


def quantized(path, calibration, samples):
    program = os.environ["LINNET"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.save(folder / "calibration.npy", calibration)
        np.save(folder / "samples.npy", samples)

        def run(*arguments):
            done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(done.stderr)

        run("convert", path, "-o", "int8.lnt", "--int8", "--calibration", "calibration.npy", "--quiet")
        run("run", "int8.lnt", "--input", "samples.npy", "--output", "outputs.npy")
        return np.load(folder / "outputs.npy")


of_onnx = of_tflite = quantized
