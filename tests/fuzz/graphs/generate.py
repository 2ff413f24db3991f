"""Random valid graphs."""
import random

from . import constants, elementwise, folded, layers, movement, norms, patterns, windows  # noqa: F401, they register
from .builder import Builder, Unfit, names_read
from .registry import OPERATORS

OPSETS = range(7, 27)


def generate(seed, opset=None):
    """The model of a seed and its inputs."""
    chance = random.Random(f"opset {seed}")
    opset = opset or chance.choice([*OPSETS, 13, 17, 18, 21])
    g = Builder(f"graph {seed}", opset)
    g.spatial = (g.between(1, 14), g.between(1, 14))
    if g.chance(0.004):  # images of more than a second-level cache
        g.largest_tensor = 300000
        g.spatial = (g.between(64, 80), g.between(64, 80))
    rows = [row for row in OPERATORS if row.since <= opset <= row.until]
    # A graph is mostly of a few kinds of operators, so that they meet each other.
    theme = [row for row in rows if g.chance(0.35)] or rows
    wanted = g.between(1, 4) if g.chance(0.3) else g.between(4, 16)
    made = 0
    for _ in range(wanted * 3):
        if made >= wanted:
            break
        kept = (len(g.nodes), len(g.initializers), len(g.tensors), len(g.held), dict(g.inputs))
        row = g.random.choices(theme, [r.weight for r in theme])[0] if g.chance(0.85) else g.choice(rows)
        try:
            row.make(g)
            made += 1
        except Unfit:
            del g.nodes[kept[0]:], g.initializers[kept[1]:], g.tensors[kept[2]:], g.held[kept[3]:]
            g.inputs = kept[4]
    outputs = choose_outputs(g)
    return g.finished(outputs)


def choose_outputs(g):
    """Tensors that nothing reads are outputs; others sometimes as well, also inputs, constants and one tensor twice."""
    read = names_read(g.nodes)
    ends = [t for t in g.tensors if t.name not in read and t.name not in g.inputs]
    outputs = [t for t in ends if g.chance(0.95)] or g.tensors[-1:]
    inner = [t for t in g.tensors if t not in outputs and t.name not in g.inputs]
    for _ in range(g.choice([0, 0, 0, 1, 2])):
        if inner:
            outputs.append(g.choice(inner))
    outputs = list(dict.fromkeys(outputs))
    if g.chance(0.03):
        outputs += [t for t in g.tensors if t.name in g.inputs][:1]
    if g.chance(0.03):
        outputs.append(g.parameter(g.shape(2)))
    g.random.shuffle(outputs)
    return outputs
