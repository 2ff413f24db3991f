"""Makes the pruned networks of float networks NAME, as linnet's --sparsify does: of every convolution of one group and every linear
layer the part of weights, or of blocks of weights, that is smallest becomes 0. NAME_zerosP.onnx, and .npy and .json as of float
networks. What the engines make of them, sparse or dense, they make of these files."""
import json
import shutil
import sys

import numpy as np
import onnx
from onnx import numpy_helper


def pruned(weights, zeros):
    """weights: [outputs, ...]."""
    rows = weights.reshape(weights.shape[0], -1)
    starts = np.arange(0, len(rows), zeros.block)
    heights = np.diff([*starts, len(rows)])
    magnitudes = np.sqrt(np.add.reduceat(np.square(rows.astype(np.float64)), starts) / heights[:, None])
    order = np.argsort(magnitudes, axis=None, kind="stable")
    sizes = np.repeat(heights, rows.shape[1])[order]
    cleared = np.cumsum(sizes) - sizes / 2 <= zeros.percent / 100 * rows.size
    kept = np.ones(magnitudes.size, bool)
    kept[order[:np.argmin(cleared) if not cleared.all() else len(order)]] = False
    return np.where(np.repeat(kept.reshape(magnitudes.shape), heights, axis=0), rows, 0).astype(weights.dtype).reshape(weights.shape)


def attribute(node, name, default):
    return next((onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


def layers(graph):
    """Names of weights, and whether outputs are their last dimension."""
    found = {}
    for node in graph.node:
        if node.op_type == "Conv" and attribute(node, "group", 1) == 1:
            found[node.input[1]] = False
        elif node.op_type in ("Gemm", "MatMul"):
            found[node.input[1]] = node.op_type == "MatMul" or not attribute(node, "transB", 0)
    return found


def make_pruned(name, folder, zeros):
    model = onnx.load(folder / f"{name}.onnx")
    outputs_last = layers(model.graph)
    for initializer in model.graph.initializer:
        last = outputs_last.get(initializer.name)
        if last is None or len(initializer.dims) < 2:
            continue
        weights = numpy_helper.to_array(initializer)
        weights = pruned(weights.T, zeros).T if last else pruned(weights, zeros)
        initializer.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(weights), initializer.name))
    onnx.save(model, folder / f"{zeros.name(name)}.onnx")
    shutil.copy(folder / f"{name}.npy", folder / f"{zeros.name(name)}.npy")
    facts = json.loads((folder / f"{name}.json").read_text())
    (folder / f"{zeros.name(name)}.json").write_text(json.dumps(facts | {"block": zeros.block}))


def make_missing_pruned(folder, names, zeros):
    for name in names:
        if not (folder / f"{zeros.name(name)}.json").exists():
            print(f"pruning {name}", file=sys.stderr, flush=True)
            make_pruned(name, folder, zeros)
