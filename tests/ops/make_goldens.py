#!/usr/bin/env python3
"""Writes goldens.txt: inputs and results of single operators as PyTorch computes them in float64.

Needs PyTorch; not part of the test command. Usage: make_goldens.py > goldens.txt
The attributes of each case are stated once more in golden_test.cpp, under the same name.
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240611)


def show(kind, tensor):
    integer = not tensor.dtype.is_floating_point
    shape = "x".join(str(size) for size in tensor.shape) or "scalar"
    values = " ".join(str(int(v)) if integer else repr(float(v)) for v in tensor.flatten())
    print(kind, "i64" if integer else "f64", shape, values)


def case(name, result, *inputs):
    print("case", name)
    for tensor in inputs:
        show("in", tensor)
    show("out", result)


def rand(*shape):
    return torch.round(torch.randn(*shape) * 1000) / 1000


# Convolutions
x, w, b = rand(2, 4, 7, 6), rand(6, 2, 3, 2), rand(6)
case("conv_grouped_strided_dilated", F.conv2d(F.pad(x, (1, 0, 2, 1)), w, b, stride=(2, 1), dilation=(1, 2), groups=2), x, w, b)
x, w = rand(1, 3, 5, 5), rand(3, 1, 3, 3)
case("conv_depthwise", F.conv2d(x, w, None, padding=1, groups=3), x, w)
x, w, b, r = rand(1, 3, 2, 3), rand(4, 3, 1, 1), rand(4), rand(1, 4, 2, 3)
case("conv_pointwise_residual_relu", F.relu(F.conv2d(x, w, b) + r), x, w, b, r)
x, w, b = rand(2, 3, 9), rand(2, 3, 3), rand(2)
case("conv_1d", F.conv1d(x, w, b, stride=2, padding=1), x, w, b)
x, w, b = rand(1, 4, 3, 4), rand(4, 3, 3, 2), rand(6)
case("conv_transpose_grouped", F.conv_transpose2d(x, w, b, stride=(2, 3), padding=(1, 0), output_padding=(1, 2), groups=2), x, w, b)
x, w = rand(1, 2, 3, 3), rand(2, 2, 2, 3)
case("conv_transpose_dilated", F.conv_transpose2d(x, w, None, dilation=(3, 2), padding=(1, 2)), x, w)
x, w, b = rand(2, 2, 4), rand(2, 3, 3), rand(3)
case("conv_transpose_1d", F.conv_transpose1d(x, w, b, stride=2, padding=1), x, w, b)

# Products
x, w, b = rand(2, 3, 5), rand(4, 5), rand(4)
case("linear", F.linear(x, w, b), x, w, b)
a, c = rand(2, 1, 3, 4), rand(3, 4, 2)
case("matmul_broadcast", a @ c, a, c)
q, k = rand(1, 5, 2, 3), rand(1, 5, 2, 3)
case("matmul_attention", 0.25 * q.permute(0, 2, 1, 3) @ k.permute(0, 2, 3, 1), q, k)

# Pooling
x = rand(1, 2, 7, 6)
case("max_pool", F.max_pool2d(x, (3, 2), stride=(2, 2), padding=(1, 1), ceil_mode=True), x)
case("max_pool_dilated", F.max_pool2d(x, 2, stride=1, dilation=2), x)
case("average_pool", F.avg_pool2d(x, 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), x)
case("average_pool_with_pad", F.avg_pool2d(x, 3, stride=2, padding=1, ceil_mode=True, count_include_pad=True), x)
x = rand(1, 2, 8)
case("max_pool_1d", F.max_pool1d(x, 3, stride=2, ceil_mode=True), x)

# Normalization
x, s, b, m, v = rand(2, 3, 2, 2), rand(3), rand(3), rand(3), rand(3).abs() + 0.1
case("batch_norm", F.batch_norm(x, m, v, s, b, eps=1e-3), x, s, b, m, v)
case("scale_shift", x * s.view(3, 1, 1) + b.view(3, 1, 1), x, s, b)

# Softmax
x = rand(2, 3, 4) * 5
case("softmax", torch.softmax(x, 1), x)
case("log_softmax", torch.log_softmax(x, 2), x)

# Reductions
x = rand(2, 3, 4, 2)
case("reduce_sum", x.sum((1, 2), keepdim=True), x)
case("reduce_mean", x.mean((2, 3)), x)
case("reduce_max", x.amax((0, 2)), x)
case("reduce_min", x.amin(3), x)
case("reduce_prod", x.prod(2, keepdim=True), x)
case("reduce_l1", x.abs().sum((0, 1, 2, 3)), x)
case("reduce_l2", torch.linalg.vector_norm(x, dim=(0, 3), keepdim=True), x)
case("reduce_sum_square", (x * x).sum(1), x)
x = torch.tensor([[1, 5, 5, 2], [7, 7, 0, 0]], dtype=torch.float64)
case("arg_max_first", torch.tensor([1, 0]), x)
case("arg_max_last", torch.tensor([2, 1]), x)
case("arg_min_columns", x.argmin(0, keepdim=True), x)

# Element by element
a, c = rand(2, 3, 4), rand(3, 1)
case("binary_add", a + c, a, c)
case("binary_sub", c - a, c, a)
case("binary_mul", a * c, a, c)
case("binary_div", a / c, a, c)
case("binary_max", torch.maximum(a, c), a, c)
case("binary_min", torch.minimum(a, c), a, c)
case("binary_pow", a.abs() ** c, a.abs(), c)
case("binary_prelu", torch.where(a < 0, a * c, a), a, c)
i, j = torch.tensor([7, -7, 7, -7]), torch.tensor([2, 2, -2, -2])
case("binary_integer_div", torch.div(i, j, rounding_mode="trunc"), i, j)
case("binary_integer_pow", torch.tensor([2, 3, 4]) ** torch.tensor([10, 3, 0]), torch.tensor([2, 3, 4]), torch.tensor([10, 3, 0]))

# Functions, in the order of kernels/function.hpp
x = torch.tensor([-30.0, -7.25, -3.0, -2.5, -1.5, -1.0, -0.5, -0.125, 0.0, 0.125, 0.5, 1.0, 1.5, 2.5, 3.0, 7.25, 30.0])
p = x.abs() + 0.25
for name, result in {
    "Identity": x, "Relu": F.relu(x), "LeakyRelu": F.leaky_relu(x, 0.25), "Clip": x.clamp(-1.5, 2.0), "Sigmoid": torch.sigmoid(x),
    "Tanh": torch.tanh(x), "HardSigmoid": (0.25 * x + 0.5).clamp(0, 1), "HardSwish": F.hardswish(x), "Elu": F.elu(x, 0.5),
    "Selu": 1.25 * F.elu(x, 1.5), "Softplus": F.softplus(x, threshold=100), "Softsign": F.softsign(x), "Mish": x * torch.tanh(F.softplus(x, threshold=100)),
    "Erf": torch.erf(x), "Gelu": F.gelu(x), "GeluTanh": F.gelu(x, approximate="tanh"), "Silu": F.silu(x), "Exp": torch.exp(x),
    "Abs": x.abs(), "Neg": -x, "Floor": x.floor(), "Ceil": x.ceil(), "Round": x.round(),
}.items():
    case("function_" + name, result, x)
for name, result in {"Log": torch.log(p), "Sqrt": torch.sqrt(p), "Reciprocal": 1 / p}.items():
    case("function_" + name, result, p)
