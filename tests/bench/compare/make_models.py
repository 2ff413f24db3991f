"""Makes the networks with random weights: NAME.onnx, NAME.torchscript, NAME.npy (an input) and NAME.json (its
multiply-accumulates).

Weights are He-initialized (Kaiming, normal) with a fixed seed. Batch norms take their statistics from two passes over noise,
so that activations stay in the range that trained networks have."""
import json
import sys
import warnings

import numpy as np
import torch
from torch import nn

from compare.architectures import ARCHITECTURES
from compare.make_int8 import SUITE, make_missing_int8
from compare.make_sparse import make_missing_pruned

SEED = 1
OPSET = 17
WEIGHTED = (nn.Conv2d, nn.Linear)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@torch.no_grad()
def initialize(network, input_shape):
    layers = [module for module in network.modules() if isinstance(module, WEIGHTED)]
    for module in layers[:-1]:  # the last keeps PyTorch's smaller values: a softmax behind it must not saturate
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.uniform_(module.bias, -0.1, 0.1)
    for module in network.modules():
        if isinstance(module, BATCH_NORMS):
            module.momentum = None  # the average of all passes
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if hasattr(module, "finish_weights"):
            module.finish_weights()
    if any(isinstance(module, BATCH_NORMS) for module in network.modules()):
        network.train()
        for _ in range(2):
            network(torch.randn(8, *input_shape[1:]))
    network.eval()


def count_macs(network, x):
    """Multiply-accumulates of convolutions, linear layers and attention's products."""
    total = 0

    def convolution(module, _, y):
        nonlocal total
        total += y.numel() * module.weight[0].numel()

    def linear(module, _, y):
        nonlocal total
        total += y.numel() * module.in_features

    def attention(module, inputs, _):
        nonlocal total
        tokens, width = inputs[0].shape[-2:]
        # Projections of queries, keys, values and outputs; then queries by keys, and weights by values.
        total += 4 * tokens * width * width + 2 * tokens * tokens * width

    hooks = {nn.Conv2d: convolution, nn.Linear: linear, nn.MultiheadAttention: attention}
    handles = [module.register_forward_hook(hooks[type(module)]) for module in network.modules() if type(module) in hooks]
    network(x)
    for handle in handles:
        handle.remove()
    return total


def make(name, folder):
    torch.backends.mha.set_fastpath_enabled(False)  # a fused operator that no exporter knows
    architecture = ARCHITECTURES[name]
    torch.manual_seed(SEED)
    network = architecture.build()
    initialize(network, architecture.input_shape)
    x = torch.randn(architecture.input_shape)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (x,), folder / f"{name}.onnx", dynamo=False, opset_version=OPSET, input_names=["input"],
                          output_names=["output"])
        torch.jit.trace(network, x).save(folder / f"{name}.torchscript")
        macs = count_macs(network, x)
    np.save(folder / f"{name}.npy", x.numpy())
    facts = {"macs": macs, "input_shape": list(architecture.input_shape)}
    (folder / f"{name}.json").write_text(json.dumps(facts))  # last: its presence says that the others are complete


def make_missing(folder, names, precision, zeros):
    """Makes those of the named networks (none named: all) that are not in the folder yet, and returns the names."""
    there_are = [*ARCHITECTURES, *(SUITE if precision == "int8" else [])]
    unknown = [name for name in names if name not in there_are]
    if unknown:
        raise SystemExit(f"compare: no network {', '.join(unknown)}; there are {', '.join(there_are)}")
    folder.mkdir(parents=True, exist_ok=True)
    names = names or there_are
    for name in names:
        if name in ARCHITECTURES and not (folder / f"{name}.json").exists():
            print(f"making {name}", file=sys.stderr, flush=True)
            make(name, folder)
    if precision == "int8":
        make_missing_int8(folder, names)
    if zeros:
        make_missing_pruned(folder, names, zeros)
    return names
