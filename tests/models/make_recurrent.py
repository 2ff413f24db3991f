#!/usr/bin/env python3
"""Makes the goldens ops/recurrent_*: RNN, GRU and LSTM. For every case NAME.onnx, and NAME.npz with the inputs (in_0, ...) and
the outputs (out_0, ...).

recurrent_torch_* are exports of nn.RNN, nn.GRU and nn.LSTM; their outputs are those of the module in double precision.
recurrent_spec_* are single nodes with the options of the ONNX specification; their outputs are those of `Reference` below in
double precision, and ONNX Runtime must agree with them to 1e-5 (it has no layout 1: there it runs the same with layout 0).

Not part of the test command. Needs: pip install numpy onnx onnxruntime torch. Usage: make_recurrent.py [NAME-PART]"""
import io
import pathlib
import sys
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import helper, numpy_helper
from torch import nn

OUT = pathlib.Path(__file__).parent / "ops"
ONLY = sys.argv[1] if len(sys.argv) > 1 else ""
OPSETS = (11, 14, 17)
warnings.filterwarnings("ignore")
ort.set_default_logger_severity(4)


def save(name, model, inputs, outputs):
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, OUT / f"{name}.onnx")
    arrays = {f"in_{n}": np.asarray(v) for n, v in enumerate(inputs)}
    np.savez(OUT / f"{name}.npz", **arrays, **{f"out_{n}": np.asarray(v) for n, v in enumerate(outputs)})


# ---- PyTorch ---------------------------------------------------------------------------------------------------------
class Layer(nn.Module):
    """A recurrent module; `gives` says which of its outputs are those of the network."""

    def __init__(self, kind, gives, **options):
        super().__init__()
        self.gives = gives
        self.layer = getattr(nn, kind)(6, options.pop("hidden", 19), **options)
        width = self.layer.hidden_size * (2 if self.layer.bidirectional else 1)
        self.head = nn.Linear(width, 4) if gives.startswith("head") else None

    def forward(self, x, *state):
        if state:
            state = (state if len(state) > 1 else state[0],)
        y, last = self.layer(x, *state)
        h, rest = (last[0], [last[1]]) if isinstance(last, tuple) else (last, [])
        if self.gives == "sequence":
            return y
        if self.gives == "head_of_last":
            return self.head(y[:, -1] if self.layer.batch_first else y[-1])
        if self.gives == "head_of_ends":  # where each direction has read everything
            n = self.layer.hidden_size
            return self.head(torch.cat([y[:, -1, :n], y[:, 0, n:]], 1))
        if self.gives == "head_of_state":
            return self.head(h[-1])
        if self.gives == "states":
            return (h, *rest)
        return (y, h, *rest)


# name: outputs, options of the module, shape of x, whether the initial state is an input
TORCH = {
    "forward": ("sequence", {}, (7, 2, 6), False),
    "no_bias": ("sequence", {"bias": False, "hidden": 5}, (9, 1, 6), False),
    "all_outputs": ("all", {"hidden": 32}, (8, 3, 6), False),
    "states": ("states", {"hidden": 5}, (8, 2, 6), False),
    "bidirectional": ("all", {"bidirectional": True}, (7, 2, 6), False),
    "bidirectional_single": ("sequence", {"bidirectional": True}, (7, 1, 6), False),
    "deep_bidirectional": ("all", {"bidirectional": True, "num_layers": 2, "hidden": 5}, (8, 2, 6), False),
    "deep_batch_first": ("sequence", {"batch_first": True, "num_layers": 2}, (3, 7, 6), False),
    "deep_bidirectional_batch_first": ("all", {"batch_first": True, "bidirectional": True, "num_layers": 2, "hidden": 5}, (3, 7, 6), False),
    "batch_first_single": ("sequence", {"batch_first": True, "hidden": 32}, (1, 11, 6), False),
    "given_state": ("all", {"num_layers": 2}, (7, 2, 6), True),
    "given_state_bidirectional_single": ("all", {"bidirectional": True, "hidden": 5}, (7, 1, 6), True),
    "head_of_last": ("head_of_last", {"batch_first": True, "num_layers": 2}, (2, 9, 6), False),
    "bidirectional_last": ("head_of_last", {"bidirectional": True}, (9, 2, 6), False),
    "bidirectional_last_single": ("head_of_last", {"bidirectional": True, "batch_first": True, "hidden": 5}, (1, 9, 6), False),
    "bidirectional_ends": ("head_of_ends", {"bidirectional": True, "batch_first": True, "hidden": 5}, (2, 9, 6), False),
    "head_of_state": ("head_of_state", {"num_layers": 2}, (9, 2, 6), False),
}


def torch_case(kind, name, gives, options, shape, given):
    torch.manual_seed(20240612)
    module, x = Layer(kind, gives, **options).eval(), torch.randn(*shape)
    layer, inputs = module.layer, [x]
    if given:
        directions = layer.num_layers * (2 if layer.bidirectional else 1)
        batch = shape[0 if layer.batch_first else 1]
        inputs += [torch.randn(directions, batch, layer.hidden_size) for _ in range(2 if kind == "LSTM" else 1)]
    with torch.no_grad():
        outputs = module.double()(*[value.double() for value in inputs])
        module.float()
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for opset in OPSETS:
        for folding in (True, False) if name == "deep_bidirectional" else (True,):
            stream = io.BytesIO()
            torch.onnx.export(module, tuple(inputs), stream, opset_version=opset, do_constant_folding=folding,
                              input_names=["x", "h0", "c0"][:len(inputs)], dynamo=False)
            full = f"recurrent_torch_{kind.lower()}_{name}_opset{opset}{'' if folding else '_unfolded'}"
            save(full, onnx.load_from_string(stream.getvalue()), inputs, outputs)


# ---- the specification -----------------------------------------------------------------------------------------------
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {
    "Relu": lambda x, a, b: np.maximum(x, 0),
    "Tanh": lambda x, a, b: np.tanh(x),
    "Sigmoid": lambda x, a, b: sigmoid(x),
    "LeakyRelu": lambda x, a, b: np.where(x < 0, a * x, x),
    "HardSigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "Elu": lambda x, a, b: np.where(x < 0, a * np.expm1(x), x),
    "Softsign": lambda x, a, b: x / (1 + np.abs(x)),
    "Softplus": lambda x, a, b: np.logaddexp(0, x),
}
PARAMETERS = {"LeakyRelu": (0.01,), "Elu": (1.0,), "HardSigmoid": (0.2, 0.5)}  # alpha and beta where there are such
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
USUAL = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


class Reference:
    """The equations of the specification, in double precision."""

    def __init__(self, kind, attributes):
        self.kind, self.attributes = kind, attributes
        self.clip = attributes.get("clip", np.inf)
        self.directions = 2 if attributes.get("direction") == "bidirectional" else 1
        names = attributes.get("activations", USUAL[kind] * self.directions)
        alphas, betas = list(attributes.get("activation_alpha", [])), list(attributes.get("activation_beta", []))
        self.functions = []
        for name in names:
            defaults = PARAMETERS.get(name, ())
            alpha = (alphas.pop(0) if alphas else defaults[0]) if len(defaults) > 0 else 0
            beta = (betas.pop(0) if betas else defaults[1]) if len(defaults) > 1 else 0
            self.functions.append(lambda x, f=FUNCTIONS[name], a=alpha, b=beta: f(x, a, b))

    def step(self, functions, x, h, c, w, r, wb, rb, p):
        n = h.size
        part = lambda values, gate: values[gate * n:(gate + 1) * n]
        clipped = lambda values: np.clip(values, -self.clip, self.clip)
        if self.kind == "RNN":
            return functions[0](clipped(w @ x + r @ h + wb + rb)), c
        if self.kind == "GRU":
            f, g = functions
            sums = w @ x + r @ h + wb + rb
            z, reset = f(clipped(part(sums, 0))), f(clipped(part(sums, 1)))
            of_input = part(w, 2) @ x + part(wb, 2)
            if self.attributes.get("linear_before_reset", 0):
                new = g(clipped(of_input + reset * (part(r, 2) @ h + part(rb, 2))))
            else:
                new = g(clipped(of_input + part(r, 2) @ (reset * h) + part(rb, 2)))
            return (1 - z) * new + z * h, c
        f, g, last = functions
        sums = w @ x + r @ h + wb + rb
        i = f(clipped(part(sums, 0) + part(p, 0) * c))
        forget = 1 - i if self.attributes.get("input_forget", 0) else f(clipped(part(sums, 2) + part(p, 2) * c))
        c = forget * c + i * g(clipped(part(sums, 3)))
        return f(clipped(part(sums, 1) + part(p, 1) * c)) * last(c), c

    def run(self, X, W, R, B=None, sequence_lens=None, initial_h=None, initial_c=None, P=None):
        if self.attributes.get("layout", 0):
            swap = lambda a: None if a is None else np.swapaxes(a, 0, 1)
            X, initial_h, initial_c = swap(X), swap(initial_h), swap(initial_c)
        X, W, R = (np.asarray(a, np.float64) for a in (X, W, R))
        steps, batch, _ = X.shape
        n = R.shape[2]
        zeros = lambda a, *shape: np.zeros(shape) if a is None else np.array(a, np.float64)
        B, P = zeros(B, self.directions, 2 * W.shape[1]), zeros(P, self.directions, 3 * n)
        H, C = zeros(initial_h, self.directions, batch, n), zeros(initial_c, self.directions, batch, n)
        lengths = [steps] * batch if sequence_lens is None else sequence_lens
        Y = np.zeros((steps, self.directions, batch, n))
        for d in range(self.directions):
            functions = self.functions[d * len(USUAL[self.kind]):(d + 1) * len(USUAL[self.kind])]
            wb, rb = np.split(B[d], 2)
            for b in range(batch):
                order = range(lengths[b])
                if d == 1 or self.attributes.get("direction") == "reverse":
                    order = reversed(order)
                for t in order:
                    H[d, b], C[d, b] = self.step(functions, X[t, b], H[d, b], C[d, b], W[d], R[d], wb, rb, P[d])
                    Y[t, d, b] = H[d, b]
        if self.attributes.get("layout", 0):
            return [np.transpose(Y, (2, 0, 1, 3)), np.swapaxes(H, 0, 1), np.swapaxes(C, 0, 1)]
        return [Y, H, C]


NAMES = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]


def make_model(kind, name, arrays, attributes, wanted, opset, graph_inputs):
    names = NAMES if kind == "LSTM" else NAMES[:6]
    node_inputs = [n if n in arrays else "" for n in names]
    while node_inputs[-1] == "":
        node_inputs.pop()
    outputs = ["Y", "Y_h", "Y_c"][:3 if kind == "LSTM" else 2]
    node = helper.make_node(kind, node_inputs, [o if o in wanted else "" for o in outputs], name="layer", **attributes)
    info = lambda n: helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(arrays[n].dtype), arrays[n].shape)
    constants = [numpy_helper.from_array(a, n) for n, a in arrays.items() if n not in graph_inputs]
    graph = helper.make_graph([node], name, [info(n) for n in graph_inputs], [helper.make_empty_tensor_value_info(o) for o in wanted], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def by_runtime(kind, name, arrays, attributes, wanted, opset, graph_inputs):
    swapped = attributes.get("layout", 0)
    arrays = {n: np.ascontiguousarray(np.swapaxes(a, 0, 1)) if swapped and n in ("X", "initial_h", "initial_c") else a for n, a in arrays.items()}
    attributes = {k: v for k, v in attributes.items() if k != "layout"}
    model = make_model(kind, name, arrays, attributes, wanted, opset, graph_inputs)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    got = session.run(None, {n: arrays[n] for n in graph_inputs})
    return [np.transpose(g, (2, 0, 1, 3) if g.ndim == 4 else (1, 0, 2)) if swapped else g for g in got]


def spec_case(kind, name, hidden=5, steps=7, batch=2, inputs=4, opset=14, bias=True, initial=(), peepholes=False,
              lengths=None, wanted=None, scale=1.5, **attributes):
    """initial: which states are given, as constants (lower case "h", "c") or graph inputs (upper case). The weights shrink with
    the root of the hidden size: larger ones make a chaotic layer, which multiplies any rounding error."""
    name = f"recurrent_spec_{kind.lower()}_{name}"
    if ONLY not in name:
        return
    random = np.random.default_rng(sum(name.encode()) * 7919 + len(name))
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[kind] * hidden
    draw = lambda *shape: (scale * hidden**-0.5 * random.uniform(-1, 1, shape)).astype(np.float32)
    first = (batch, steps) if attributes.get("layout", 0) else (steps, batch)
    state = (batch, directions) if attributes.get("layout", 0) else (directions, batch)
    arrays = {"X": random.uniform(-2, 2, (*first, inputs)).astype(np.float32), "W": draw(directions, rows, inputs), "R": draw(directions, rows, hidden)}
    if bias:
        arrays["B"] = draw(directions, 2 * rows)
    if lengths is not None:
        arrays["sequence_lens"] = np.array(lengths, np.int32)
    for which in initial:
        arrays[f"initial_{which.lower()}"] = draw(*state, hidden)
    if peepholes:
        arrays["P"] = draw(directions, 3 * hidden)
    graph_inputs = ["X"] + [f"initial_{which.lower()}" for which in initial if which.isupper()]
    wanted = wanted or (["Y", "Y_h", "Y_c"] if kind == "LSTM" else ["Y", "Y_h"])
    attributes["hidden_size"] = hidden
    exact = dict(zip(("Y", "Y_h", "Y_c"), Reference(kind, attributes).run(**arrays)))
    outputs = [exact[o] for o in wanted]
    model = make_model(kind, name, arrays, attributes, wanted, opset, graph_inputs)
    for got, want in zip(by_runtime(kind, name, arrays, attributes, wanted, opset, graph_inputs), outputs):
        error = np.abs(got - want).max() / np.abs(want).max()
        if got.shape != want.shape or error > 1e-5:
            raise SystemExit(f"{name}: ONNX Runtime and the reference differ by {error}, shapes {got.shape} and {want.shape}")
    save(name, model, [arrays[n] for n in graph_inputs], outputs)


def spec_cases():
    for kind in ("RNN", "GRU", "LSTM"):
        both = ("H", "C") if kind == "LSTM" else ("H",)
        fixed = ("h", "c") if kind == "LSTM" else ("h",)
        usual = USUAL[kind]
        for opset in (7, 21):
            spec_case(kind, f"forward_opset{opset}", opset=opset)
        spec_case(kind, "reverse", direction="reverse", hidden=19)
        spec_case(kind, "bidirectional", direction="bidirectional", hidden=32, batch=3)
        spec_case(kind, "one_step", steps=1, batch=1, initial=both, hidden=19)
        spec_case(kind, "long", steps=60, batch=1, hidden=19)
        spec_case(kind, "wide_batch", steps=9, batch=37, hidden=5)
        spec_case(kind, "no_bias", bias=False, hidden=5)
        spec_case(kind, "initial", initial=both, direction="bidirectional", hidden=5)
        spec_case(kind, "initial_constant", initial=fixed, direction="reverse", hidden=19)
        spec_case(kind, "layout1", layout=1, batch=3, hidden=19)
        spec_case(kind, "layout1_bidirectional", layout=1, direction="bidirectional", batch=3, initial=both)
        for wanted in (["Y"], ["Y_h"], ["Y_c"]) if kind == "LSTM" else (["Y"], ["Y_h"]):
            spec_case(kind, f"only_{wanted[0].lower()}", wanted=wanted, direction="bidirectional")
        spec_case(kind, "clip", clip=0.6, hidden=19)
        spec_case(kind, "lengths_whole", lengths=[7, 7])
        spec_case(kind, "lengths_equal", lengths=[4, 4], initial=both)
        spec_case(kind, "lengths", lengths=[7, 3, 3, 1], batch=4, direction="bidirectional")
        spec_case(kind, "lengths_layout1", lengths=[2, 7, 5], batch=3, direction="bidirectional", layout=1)
        for function in FUNCTIONS:
            spec_case(kind, f"all_{function.lower()}", activations=[function] * len(usual), scale=0.3, direction="reverse")
        spec_case(kind, "alpha_beta", activations=["HardSigmoid", "LeakyRelu", "Elu"][:len(usual)],
                  activation_alpha=[0.3, 0.2, 0.7][:len(usual)], activation_beta=[0.4], scale=1.1)
        spec_case(kind, "bidirectional_functions", direction="bidirectional",
                  activations=usual + ["Softsign", "Tanh", "Relu"][:len(usual)], scale=1.3)
    for reset in (0, 1):
        for direction in ("forward", "bidirectional"):
            spec_case("GRU", f"reset{reset}_{direction}", linear_before_reset=reset, direction=direction, hidden=19, initial=("H",))
        spec_case("GRU", f"reset{reset}_clip", linear_before_reset=reset, clip=0.5, hidden=5)
        spec_case("GRU", f"reset{reset}_functions", linear_before_reset=reset, activations=["HardSigmoid", "Softsign"], hidden=5)
    spec_case("LSTM", "peepholes", peepholes=True, hidden=19)
    spec_case("LSTM", "peepholes_bidirectional", peepholes=True, direction="bidirectional", initial=("H", "C"))
    spec_case("LSTM", "peepholes_clip", peepholes=True, clip=0.4, initial=("h", "c"))
    spec_case("LSTM", "coupled", input_forget=1, hidden=19, initial=("H", "C"))
    spec_case("LSTM", "coupled_peepholes", input_forget=1, peepholes=True, direction="reverse")
    spec_case("LSTM", "initial_c", initial=("C",))


if __name__ == "__main__":
    spec_cases()
    for kind in ("RNN", "GRU", "LSTM"):
        for name, row in TORCH.items():
            if ONLY in f"recurrent_torch_{kind.lower()}_{name}":
                torch_case(kind, name, *row)
