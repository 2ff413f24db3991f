"""ncnn, float32 throughout, with its defaults otherwise (Winograd, packed layouts). pnnx converts the TorchScript file."""
import importlib.util
import json
import pathlib
import subprocess
from importlib import metadata

import ncnn
import numpy as np

from compare.contestants.worker import Engine, main


class NcnnNet(Engine):
    suffix = ".ncnn.param"
    version = metadata.version("ncnn")

    @staticmethod
    def convert(folder, name):
        shape = json.loads((folder / f"{name}.json").read_text())["input_shape"]
        # The package's module imports torch; only the program beside it is needed.
        pnnx = pathlib.Path(importlib.util.find_spec("pnnx").submodule_search_locations[0]) / "pnnx"
        unwanted = [f"{key}=/dev/null" for key in ("pnnxparam", "pnnxbin", "pnnxpy", "pnnxonnx", "ncnnpy")]
        subprocess.run([pnnx, folder / f"{name}.torchscript", f"inputshape={shape}".replace(" ", ""), "fp16=0", *unwanted,
                        f"ncnnparam={folder / name}.ncnn.param", f"ncnnbin={folder / name}.ncnn.bin"], check=True)

    def __init__(self, model, x, threads, exact):
        self._net = net = ncnn.Net()
        net.opt.num_threads = threads
        for kind in ("packed", "storage", "arithmetic"):
            setattr(net.opt, f"use_fp16_{kind}", False)
        net.opt.use_bf16_storage = False
        if net.load_param(model) != 0 or net.load_model(model.replace(".param", ".bin")) != 0:
            raise RuntimeError(f"{model} was not loaded")
        self._x = x[0] if x.ndim > 2 else x.reshape(-1)  # a Mat has no batch
        self._bound = self._x.copy()
        self._input = ncnn.Mat(self._bound)
        self._names = net.input_names()[0], net.output_names()[0]

    def fill(self):
        self._bound[...] = self._x

    def run(self):
        extractor = self._net.create_extractor()
        extractor.input(self._names[0], self._input)
        status, self._y = extractor.extract(self._names[1])
        if status != 0:
            raise RuntimeError(f"extract returned {status}")

    def output(self):
        return np.array(self._y)


if __name__ == "__main__":
    main(NcnnNet)
