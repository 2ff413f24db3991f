"""ONNX Runtime, CPU execution provider, all graph optimizations.

Where there is no VNNI it adds up products of unsigned and signed bytes by vpmaddubsw, which saturates. With x64quantprecision it
makes the weights unsigned there and multiplies exactly, by the same operators and roundings; where that pass fails (two layers share
a zero point), the file's operators are run as they are, with float32."""
import functools

import numpy as np
import onnxruntime

from compare.contestants.worker import Engine, main


def session_of(model, options):
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class OnnxRuntime(Engine):
    suffix = ".onnx"
    exactness = "bits"
    version = onnxruntime.__version__

    def __init__(self, model, x, threads, exact):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        session = self._exact_session(model, options) if exact else session_of(model, options)
        self._x, self._bound = x, x.copy()
        self._y = np.empty(session.get_outputs()[0].shape, np.float32)
        self._binding = session.io_binding()
        for bind, port, array in ((self._binding.bind_input, session.get_inputs()[0], self._bound),
                                  (self._binding.bind_output, session.get_outputs()[0], self._y)):
            bind(port.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        # The wrapper's own method only adds Python around this call.
        self.run = functools.partial(session._sess.run_with_iobinding, self._binding._iobinding, None)

    def _exact_session(self, model, options):
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            return session_of(model, options)
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
            self.exactness = "steps"
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            return session_of(model, options)

    def fill(self):
        self._bound[...] = self._x

    def output(self):
        return self._y


if __name__ == "__main__":
    main(OnnxRuntime)
