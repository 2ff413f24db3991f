"""ONNX Runtime, CPU execution provider, all graph optimizations."""
import functools

import numpy as np
import onnxruntime

from compare.contestants.worker import Engine, main


class OnnxRuntime(Engine):
    suffix = ".onnx"
    version = onnxruntime.__version__

    def __init__(self, model, x, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._x, self._bound = x, x.copy()
        self._y = np.empty(session.get_outputs()[0].shape, np.float32)
        self._binding = session.io_binding()
        for bind, port, array in ((self._binding.bind_input, session.get_inputs()[0], self._bound),
                                  (self._binding.bind_output, session.get_outputs()[0], self._y)):
            bind(port.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        # The wrapper's own method only adds Python around this call.
        self.run = functools.partial(session._sess.run_with_iobinding, self._binding._iobinding, None)

    def fill(self):
        self._bound[...] = self._x

    def output(self):
        return self._y


if __name__ == "__main__":
    main(OnnxRuntime)
