"""Linear and recurrent layers."""
import numpy as np

from .builder import FLOAT, Unfit
from .registry import operator
from .windows import weights


@operator("Gemm", weight=3)
def gemm(g):
    x = g.tame(g.pick([2]))
    trans_a, trans_b = g.chance(0.2), g.chance(0.5)
    m, k = x.shape[::-1] if trans_a else x.shape
    n = g.choice([1, 2, 3, 5, 8, 10, 16, 17, 33])
    shape = (n, k) if trans_b else (k, n)
    other = [t for t in g.tensors if t.shape == shape and t.dtype == FLOAT and t.largest <= 16]
    way = g.random.random()
    w = weights(g, shape, k) if way < 0.8 else g.choice(other) if other else g.new_input(shape, -1, 1)
    inputs = [x, w]
    if g.opset < 11 or g.chance(0.8):
        form = g.choice([(n,), (n,), (1, n), (m, n), (m, 1), (1,), ()])
        inputs.append(g.parameter(form, -1, 1) if g.chance(0.8) else g.new_input(form, -1, 1))
    given = {}
    if g.chance(0.3):
        given["alpha"] = g.choice([0.5, 1.0, 2.0])
    if g.chance(0.3):
        given["beta"] = g.choice([0.5, 1.0, 0.25, 0.0])
    if trans_a or g.chance(0.2):
        given["transA"] = int(trans_a)
    if trans_b or g.chance(0.2):
        given["transB"] = int(trans_b)
    largest = 2 * k * x.largest * max(w.largest, 1e-3) + 2
    return g.node("Gemm", inputs, (m, n), -largest, largest, **given)


@operator("MatMul", weight=4)
def matmul(g):
    x = g.tame(g.pick())
    k, n = x.shape[-1], g.choice([1, 2, 3, 5, 8, 16, 17])
    way = g.random.random()
    if way < 0.45:
        w = weights(g, (k, n), k)
    elif way < 0.55:
        w = weights(g, (k,), k)
    elif way < 0.7 and x.rank >= 2:
        order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        w = g.node("Transpose", [x], [x.shape[d] for d in order], x.low, x.high, perm=order)
    else:
        batch = x.shape[:-2] if g.chance(0.6) else tuple(g.choice([s, 1]) for s in x.shape[:-2])
        if g.chance(0.3):
            batch = batch[1:]
        w = g.new_input((*batch, k, n), -1, 1) if g.chance(0.6) else weights(g, (*batch, k, n), k)
    if w.rank == 1:
        shape = x.shape[:-1]
    elif x.rank == 1:
        shape = (*w.shape[:-2], w.shape[-1])
    else:
        shape = (*np.broadcast_shapes(x.shape[:-2], w.shape[:-2]), x.shape[-2], w.shape[-1])
    if not shape:
        raise Unfit
    largest = k * x.largest * w.largest
    y = g.node("MatMul", [x, w], shape, -largest, largest)
    if w.constant and w.rank == 2 and g.chance(0.5):
        b = g.parameter(g.choice([(n,), (1, n)] if len(shape) > 1 else [(n,)]), -1, 1)
        y = g.node("Add", [y, b] if g.chance(0.5) else [b, y], shape, y.low - 1, y.high + 1)
    return y


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@operator("RNN", "GRU", "LSTM", weight=2.5)
def recurrent(g):
    x = g.tame(g.pick([3]), 4.0)
    op, (steps, batch, size) = g.choice(list(GATES)), x.shape
    hidden = g.choice([1, 2, 3, 5, 8, 16, 17])
    direction = g.choice(["forward", "forward", "reverse", "bidirectional"])
    both = 2 if direction == "bidirectional" else 1
    gates = GATES[op]
    w, r = weights(g, (both, gates * hidden, size), size), weights(g, (both, gates * hidden, hidden), hidden)
    given = {"hidden_size": hidden}
    if direction != "forward" or g.chance(0.3):
        given["direction"] = direction
    names = {"RNN": 1, "GRU": 2, "LSTM": 3}[op]
    if g.chance(0.2):
        given["activations"] = [g.choice(["Sigmoid", "Tanh", "Relu", "HardSigmoid", "Softsign"] if op != "LSTM" else ["Sigmoid", "Tanh", "HardSigmoid"])
                                for _ in range(names * both)]
        if "HardSigmoid" in given["activations"]:
            given["activations"] = [a if a != "HardSigmoid" else "Sigmoid" for a in given["activations"]]
    if g.chance(0.1):
        given["clip"] = 3.0
    inputs = [x, w, r, g.parameter((both, 2 * gates * hidden), -0.5, 0.5) if g.chance(0.7) else None]
    lengths = g.constant(np.array(g.numbers.integers(1, steps + 1, (batch,)), np.int32), plain=True) if g.chance(0.15) else None
    inputs.append(lengths)
    state = (both, batch, hidden)
    def initial():
        if g.chance(0.6):
            return None
        return g.new_input(state, -1, 1) if g.chance(0.5) else g.parameter(state, -1, 1)
    inputs.append(initial())
    if op == "GRU" and g.chance(0.5):
        given["linear_before_reset"] = g.between(0, 1)
    if op == "LSTM":
        inputs.append(initial())
        inputs.append(g.parameter((both, 3 * hidden), -0.5, 0.5) if g.chance(0.3) else None)
        if g.chance(0.15):
            given["input_forget"] = 1
    wide = {"Relu": 50.0}.get(next((a for a in given.get("activations", []) if a == "Relu"), None), 1.0)
    outputs = [((steps, both, batch, hidden), -wide, wide, None), (state, -wide, wide, None)]
    if op == "LSTM":
        outputs.append((state, -10, 10, None))
    kept = [o if g.chance(0.6) else None for o in outputs]
    if not any(kept):
        kept[0] = outputs[0]
    while kept[-1] is None:
        kept.pop()
    results = [t for t in g.node_of(op, inputs, kept, **given) if t is not None]
    y = results[0]
    if y.rank == 4 and both == 1 and g.chance(0.7):
        squeezed = (steps, batch, hidden)
        return g.node("Squeeze", [y, g.integers([1])], squeezed, y.low, y.high) if g.opset >= 13 else \
            g.node("Squeeze", [y], squeezed, y.low, y.high, axes=[1])
    return y
