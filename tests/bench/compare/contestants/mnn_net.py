"""MNN, CPU backend, full precision (precision "high"), or int8 by its own quantizer: its converter ends with an error at
QuantizeLinear and DequantizeLinear around convolutions. Its converter stores layers of which more than 60% (with blocks of four
outputs or more: 30%) are zeros for sparse inference, if the description of a pruning is given and names the blocks."""
import functools
import json
import pathlib
import tempfile

import MNN
import _tools
import numpy as np

from compare.calibration import SAMPLES, calibration_samples, int8_name
from compare.contestants.worker import Engine, main


def convert_onnx(source, target, *options):
    # What the package's mnnconvert program calls; the program itself also reports its use to a server.
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(target), "--bizCode", "bench",
                       *map(str, options)])


class MnnNet(Engine):
    suffix = ".mnn"
    version = MNN.version()

    @staticmethod
    def convert(folder, name):
        convert_onnx(folder / f"{name}.onnx", folder / f"{name}.mnn")

    @staticmethod
    def sparsify(folder, name):
        block = json.loads((folder / f"{name}.json").read_text())["block"]
        pruning = {"type": "RANDOM"} if block == 1 else {"type": "SIMD_OC", "simd_oc_pruner_params": {"oc_blocks": [block]}}
        pipeline = {"version": "0.0.0", "algo": [{"type": "PRUNE", "prune_params": pruning}]}
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch, "pruning.json")
            path.write_text(json.dumps(pipeline))
            convert_onnx(folder / f"{name}.onnx", folder / f"{name}.sparse.mnn", "--detectSparseSpeedUp", "--compressionParamsFile", path)

    @staticmethod
    def quantize(folder, name):
        samples = calibration_samples(folder, name)
        with tempfile.TemporaryDirectory() as scratch:
            inputs = [{"name": "input", "shape": [1, *samples.shape[1:]]}]
            for index, sample in enumerate(samples):
                folder_of_sample = pathlib.Path(scratch, f"samples/{index}")
                folder_of_sample.mkdir(parents=True)
                (folder_of_sample / "input.json").write_text(json.dumps({"inputs": inputs}))
                np.savetxt(folder_of_sample / "input.txt", sample.reshape(-1), fmt="%.9g")
            # KL is the tool's default. EMA runs faster where there are hard swishes, but outputs are hardly the float network's.
            config = {"path": f"{scratch}/samples", "input_type": "sequence", "used_sample_num": SAMPLES, "inputs": inputs,
                      "feature_quantize_method": "KL", "weight_quantize_method": "MAX_ABS"}
            config_path = pathlib.Path(scratch, "config.json")
            config_path.write_text(json.dumps(config))
            # As above: what the package's mnnquant program calls.
            _tools.mnnquant(["mnnquant", f"{folder / name}.mnn", f"{folder / int8_name(name)}.mnn", str(config_path)])

    def __init__(self, model, x, threads, exact):
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
