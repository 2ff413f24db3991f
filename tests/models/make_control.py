"""Writes control/: models with branches and functions, and what ONNX Runtime computes (pip install onnx onnxruntime)."""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import parser

HERE = pathlib.Path(__file__).parent / "control"

# Two filters, of which an input chooses one.
SELECT = """
<ir_version: 8, opset_import: ["" : 17]>
select (float[1,2,6,6] x, int64 rate) => (float[1,3,6,6] y)
<int64 fast = {16000}, float[3,2,1,1] w1 = {0.5, -1, 0.25, 1, -0.75, 0.5}, float[3,2,1,1] w2 = {1, 1, -1, 0.5, 0.25, -1}>
{
  is_fast = Equal(rate, fast)
  y = If (is_fast) <
    then_branch: graph = then_graph () => (float[1,3,6,6] a) { a0 = Conv(x, w1) a = Relu(a0) },
    else_branch: graph = else_graph () => (float[1,3,6,6] b) { b0 = Conv(x, w2) b = Sigmoid(b0) }>
}
"""


def main():
    HERE.mkdir(exist_ok=True)
    model = parser.parse_model(SELECT)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / "select.onnx")
    session = onnxruntime.InferenceSession(HERE / "select.onnx")
    x = np.random.default_rng(1).standard_normal((1, 2, 6, 6)).astype(np.float32)
    np.save(HERE / "select_x.npy", x)
    for rate in (8000, 16000):
        np.save(HERE / f"select_{rate}.npy", session.run(None, {"x": x, "rate": np.array(rate, np.int64)})[0])


if __name__ == "__main__":
    main()
