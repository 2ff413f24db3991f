#!/usr/bin/env python3
"""Makes the goldens ops/weights_*: layers whose weights are computed from others, in the spellings of PyTorch's exporter.
NAME.onnx, and NAME.npz with an input (in_0) and the output of the same module in double precision (out_0).

Not part of the test command. Needs: pip install numpy onnx torch. Usage: make_weights.py [NAME-PART]"""
import io
import pathlib
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

OUT = pathlib.Path(__file__).parent / "ops"
OPSETS = (11, 13, 17)


class StandardizedConv(nn.Conv2d):
    """Weight standardization; `form` says how it is written."""

    def __init__(self, form, *arguments, **named):
        super().__init__(*arguments, **named)
        self.form = form
        self.gain = nn.Parameter(torch.rand(self.out_channels, 1, 1, 1) + 0.5)

    def standardized(self):
        w, eps = self.weight, 1e-5
        if self.form == "batch_norm":  # as in BiT and timm's StdConv2d
            return F.batch_norm(w.reshape(1, self.out_channels, -1), None, None, training=True, momentum=0.0, eps=eps).reshape_as(w)
        if self.form == "scaled_batch_norm":  # timm's ScaledStdConv2d
            return F.batch_norm(w.reshape(1, self.out_channels, -1), None, None, weight=(self.gain * 0.3).view(-1), training=True, momentum=0.0, eps=eps).reshape_as(w)
        if self.form == "stepwise":  # mean after mean, as the paper's code has it
            w = w - w.mean(dim=1, keepdim=True).mean(dim=2, keepdim=True).mean(dim=3, keepdim=True)
            return w / (w.view(w.size(0), -1).std(dim=1).view(-1, 1, 1, 1) + eps).expand_as(w)
        centered = w - w.mean(dim=(1, 2, 3), keepdim=True)
        if self.form == "biased":
            return centered / torch.sqrt(w.var(dim=(1, 2, 3), unbiased=False, keepdim=True) + eps)
        if self.form == "unbiased":
            return centered / torch.sqrt(w.var(dim=(1, 2, 3), unbiased=True, keepdim=True) + eps)
        if self.form == "outside":
            return centered / (w.std(dim=(1, 2, 3), unbiased=False, keepdim=True) + eps)
        if self.form == "outside_unbiased":
            return centered / (w.std(dim=(1, 2, 3), unbiased=True, keepdim=True) + eps)
        if self.form == "raw_moment":
            return centered / torch.sqrt((w * w).mean(dim=(1, 2, 3), keepdim=True) - w.mean(dim=(1, 2, 3), keepdim=True) ** 2 + eps)
        if self.form == "gain":  # scaled weight standardization of normalizer-free networks
            fan_in = w[0].numel()
            scale = torch.rsqrt(torch.clamp(w.var(dim=(1, 2, 3), keepdim=True) * fan_in, min=1e-4)) * self.gain
            return w * scale - w.mean(dim=(1, 2, 3), keepdim=True) * scale
        raise ValueError(self.form)

    def forward(self, x):
        return F.conv2d(x, self.standardized(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class EqualizedConv(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight * np.sqrt(2 / self.weight[0].numel()), self.bias * 0.5, self.stride, self.padding)


class EqualizedLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, self.weight * (1 / np.sqrt(self.in_features)), self.bias)


class LayerScale(nn.Module):
    """A factor per channel behind a convolution or linear layer."""

    def __init__(self, layer, *shape):
        super().__init__()
        self.layer, self.gamma = layer, nn.Parameter(torch.rand(*shape))

    def forward(self, x):
        return self.gamma * self.layer(x)


class WrittenOutBatchNorm(nn.Module):
    """Subtracts, divides, multiplies and adds tensors that are reshaped for it."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        n = self.norm
        mean, variance = n.running_mean.view(1, -1, 1, 1), n.running_var.reshape(1, -1, 1, 1)
        return (x - mean) / torch.sqrt(variance + n.eps) * n.weight[None, :, None, None] + n.bias[None, :, None, None]


def trained(module):
    """Parameters away from their initial values, and statistics as after training."""
    for name, tensor in module.named_buffers():
        if name.endswith("running_mean"):
            tensor.data.normal_(0, 0.3)
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 2)
    for name, tensor in module.named_parameters():
        if tensor.dim() == 1:
            tensor.data.uniform_(-0.5, 1.5)
    return module.eval()


def weight_norm(layer, dim, parametrization):
    function = torch.nn.utils.parametrizations.weight_norm if parametrization else torch.nn.utils.weight_norm
    layer = function(layer, dim=dim)
    gain = layer.parametrizations.weight.original0 if parametrization else layer.weight_g
    gain.data.mul_(torch.rand_like(gain) + 0.5)
    return layer


def spectral_norm(layer):  # that of parametrizations has a vdot, which this exporter does not know
    layer = torch.nn.utils.spectral_norm(layer)
    for _ in range(3):  # u and v move
        layer(torch.randn(2, 4, 6, 6) if isinstance(layer, nn.Conv2d) else torch.randn(2, layer.in_features))
    return layer


def normalized(norm, *arguments):
    return nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), norm(*arguments), nn.ReLU(), nn.Conv2d(6, 3, 1))


CASES = {f"standardized_{form}": (lambda form=form: nn.Sequential(StandardizedConv(form, 4, 6, 3, padding=1), nn.ReLU(), StandardizedConv(form, 6, 6, 3, groups=2, bias=False)), (1, 4, 6, 5))
         for form in ("batch_norm", "scaled_batch_norm", "stepwise", "biased", "unbiased", "outside", "outside_unbiased", "raw_moment", "gain")}
CASES |= {
    "norm": (lambda: weight_norm(nn.Conv2d(4, 6, 3), 0, False), (1, 4, 6, 5)),
    "norm_dim1": (lambda: weight_norm(nn.Conv2d(4, 6, 3), 1, False), (1, 4, 6, 5)),
    "norm_whole": (lambda: weight_norm(nn.Linear(7, 5), None, False), (2, 7)),
    "norm_transposed": (lambda: weight_norm(nn.ConvTranspose2d(4, 3, 3, stride=2), 0, False), (1, 4, 4, 3)),
    "norm_linear_parametrization": (lambda: weight_norm(nn.Linear(7, 5), 0, True), (2, 7)),
    "norm_parametrization": (lambda: weight_norm(nn.Conv2d(4, 6, 3), 0, True), (1, 4, 6, 5)),
    "spectral": (lambda: spectral_norm(nn.Conv2d(4, 6, 3)), (1, 4, 6, 6)),
    "spectral_linear": (lambda: spectral_norm(nn.Linear(7, 5)), (2, 7)),
    "equalized": (lambda: nn.Sequential(EqualizedConv(4, 6, 3), nn.LeakyReLU(0.2), nn.Flatten(), EqualizedLinear(72, 5)), (1, 4, 6, 5)),
    "layer_scale": (lambda: nn.Sequential(LayerScale(nn.Conv2d(4, 6, 3), 6, 1, 1), nn.Flatten(), LayerScale(nn.Linear(72, 5), 5)), (1, 4, 6, 5)),
    "written_out_batch_norm": (lambda: normalized(WrittenOutBatchNorm, 6), (1, 4, 6, 5)),
}


def store(name, module, x, opset, folding):
    with torch.no_grad():
        expected = module.double()(x.double()).numpy()
        module.float()
    stream = io.BytesIO()
    torch.onnx.export(module, x, stream, opset_version=opset, do_constant_folding=folding, input_names=["x"], output_names=["y"], dynamo=False)
    model = onnx.load_from_string(stream.getvalue())
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, OUT / f"{name}.onnx")
    np.savez(OUT / f"{name}.npz", in_0=x.numpy(), out_0=expected)


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = {name: case for name, case in CASES.items() if wanted in name}
    for name, (make, shape) in chosen.items():
        torch.manual_seed(20240611)
        module, x = trained(make()), torch.randn(*shape)
        for opset in OPSETS:
            for folding in (True, False):
                store(f"weights_{name}_opset{opset}" + ("" if folding else "_unfolded"), module, x, opset, folding)
    print(len(chosen) * len(OPSETS) * 2, "cases")
