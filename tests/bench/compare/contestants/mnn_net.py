"""MNN, CPU backend, full precision (precision "high")."""
import functools

import MNN
import _tools
import numpy as np

from compare.contestants.worker import Engine, main


class MnnNet(Engine):
    suffix = ".mnn"
    version = MNN.version()

    @staticmethod
    def convert(folder, name):
        # What the package's mnnconvert program calls; the program itself also reports its use to a server.
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", f"{folder / name}.onnx", "--MNNModel",
                           f"{folder / name}.mnn", "--bizCode", "bench"])

    def __init__(self, model, x, threads):
        self._interpreter = interpreter = MNN.Interpreter(model)
        self._session = session = interpreter.createSession({"backend": "CPU", "numThread": threads, "precision": "high"})
        self._input = interpreter.getSessionInput(session)
        self._host = MNN.Tensor(x.shape, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe)
        self.run = functools.partial(interpreter.runSession, session)

    def fill(self):
        self._input.copyFrom(self._host)

    def output(self):
        device = self._interpreter.getSessionOutput(self._session)
        y = np.zeros(device.getShape(), np.float32)
        host = MNN.Tensor(y.shape, MNN.Halide_Type_Float, y, MNN.Tensor_DimensionType_Caffe)
        device.copyToHostTensor(host)
        return np.array(host.getNumpyData())


if __name__ == "__main__":
    main(MnnNet)
