"""Normalizations as PyTorch modules: PyTorch's own and written out in the ways that are found in public code. make_norms.py exports
them."""
import torch
import torch.nn.functional as F
from torch import nn


class Affine(nn.Module):
    """y = gain * normalized(x) + shift; each of the shapes may be None."""

    def __init__(self, normalized, gain=None, shift=None):
        super().__init__()
        self.normalized = normalized
        self.gain = None if gain is None else nn.Parameter(torch.rand(gain) + 0.5)
        self.shift = None if shift is None else nn.Parameter(torch.rand(shift) - 0.5)

    def forward(self, x):
        y = self.normalized(x)
        if self.gain is not None:
            y = self.gain * y
        return y if self.shift is None else y + self.shift


# ---- statistics over `dim`, written out ------------------------------------------------------------------------------------
def centred(x, dim, eps=1e-5):
    d = x - x.mean(dim, keepdim=True)
    return d / torch.sqrt((d * d).mean(dim, keepdim=True) + eps)


def centred_pow_rsqrt(x, dim, eps=1e-5):
    d = x - x.mean(dim, keepdim=True)
    return d * torch.rsqrt(d.pow(2).mean(dim, keepdim=True) + eps)


def raw_moments(x, dim, eps=1e-5):
    mean = x.mean(dim, keepdim=True)
    variance = (x**2).mean(dim, keepdim=True) - mean**2
    return (x - mean) / torch.sqrt(variance + eps)


def raw_moments_outside(x, dim, eps=1e-3):
    mean = x.mean(dim, keepdim=True)
    variance = (x * x).mean(dim, keepdim=True) - mean * mean
    return (x - mean) / (torch.sqrt(variance) + eps)


def variance_biased(x, dim, eps=1e-5):
    return (x - x.mean(dim, keepdim=True)) / torch.sqrt(x.var(dim, unbiased=False, keepdim=True) + eps)


def variance_unbiased(x, dim, eps=1e-5):
    return (x - x.mean(dim, keepdim=True)) / torch.sqrt(x.var(dim, keepdim=True) + eps)


def deviation_biased(x, dim, eps=1e-3):
    return (x - x.mean(dim, keepdim=True)) / (x.std(dim, unbiased=False, keepdim=True) + eps)


def deviation_unbiased(x, dim, eps=1e-3):
    return (x - x.mean(dim, keepdim=True)) / (x.std(dim, keepdim=True) + eps)


def deviation_without_epsilon(x, dim):
    return (x - x.mean(dim, keepdim=True)) / x.std(dim, keepdim=True)


def variance_and_mean(x, dim, eps=1e-5):
    variance, mean = torch.var_mean(x, dim, unbiased=False, keepdim=True)
    return (x - mean) * (variance + eps) ** -0.5


STATISTICS = {f.__name__: f for f in (centred, centred_pow_rsqrt, raw_moments, raw_moments_outside, variance_biased, variance_unbiased,
                                      deviation_biased, deviation_unbiased, deviation_without_epsilon, variance_and_mean)}


class Over(nn.Module):
    """Statistics over dimensions."""

    def __init__(self, statistics, dim):
        super().__init__()
        self.statistics, self.dim = statistics, dim

    def forward(self, x):
        return self.statistics(x, self.dim)


class ChannelsFirst(nn.Module):
    """A module over the last dimension, applied to the channels of images."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Viewed(nn.Module):
    """Statistics of a view of x [N, C, ...]; `form` says which."""

    def __init__(self, statistics, groups, form):
        super().__init__()
        self.statistics, self.groups, self.form = statistics, groups, form

    def forward(self, x):
        n, c = x.shape[:2]
        if self.form == "groups":
            return self.statistics(x.view(n, self.groups, -1), -1).view(x.shape)
        if self.form == "rows":
            return self.statistics(x.reshape(n * self.groups, -1), 1).reshape(x.shape)
        if self.form == "images":
            return self.statistics(x.view(n, self.groups, c // self.groups, *x.shape[2:]), tuple(range(2, x.dim() + 1))).view(x.shape)
        raise ValueError(self.form)


class BatchOfOne(nn.Module):
    """Group norm through F.batch_norm with the statistics of the batch, images and groups being channels of one image."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, x):
        rows = x.reshape(1, x.shape[0] * self.groups, -1)
        return F.batch_norm(rows, None, None, training=True, momentum=0.0, eps=1e-5).reshape(x.shape)


class ViewedParameters(nn.Module):
    """Group norm whose gain and shift are applied to the view [N, C, H W], as annotated implementations have it."""

    def __init__(self, channels, groups):
        super().__init__()
        self.channels, self.groups = channels, groups
        self.scale, self.shift = nn.Parameter(torch.rand(channels) + 0.5), nn.Parameter(torch.rand(channels) - 0.5)

    def forward(self, x):
        shape = x.shape
        y = raw_moments(x.view(shape[0], self.groups, -1), [-1])
        y = y.view(shape[0], self.channels, -1)
        return (self.scale.view(1, -1, 1) * y + self.shift.view(1, -1, 1)).view(shape)


class PixelView(nn.Module):
    """Instance norm in the view [N, C, H W], back to images behind the parameters."""

    def __init__(self, channels, statistics=raw_moments):
        super().__init__()
        self.statistics = statistics
        self.scale, self.shift = nn.Parameter(torch.rand(channels) + 0.5), nn.Parameter(torch.rand(channels) - 0.5)

    def forward(self, x):
        shape = x.shape
        y = self.statistics(x.view(shape[0], shape[1], -1), [-1])
        return (self.scale.view(1, -1, 1) * y + self.shift.view(1, -1, 1)).view(shape)


class StyleNorm(nn.Module):
    """Instance norm whose statistics are taken in the view [N, C, H W] (Huang, Belongie: Arbitrary Style Transfer, 2017)."""

    def forward(self, x):
        n, c = x.shape[:2]
        deviation = (x.view(n, c, -1).var(dim=2) + 1e-5).sqrt().view(n, c, 1, 1)
        return (x - x.view(n, c, -1).mean(dim=2).view(n, c, 1, 1)) / deviation


class MeanOfMeans(nn.Module):
    """Instance norm whose means are taken over one dimension after the other."""

    def forward(self, x):
        d = x - x.mean(3, keepdim=True).mean(2, keepdim=True)
        return d / (d.pow(2).mean(3, keepdim=True).mean(2, keepdim=True) + 1e-5).sqrt()


class ChannelNorm(nn.Module):
    """Group norm with one scale and shift per group (Qiao et al., Rethinking Normalization and Elimination Singularity, 2019)."""

    def __init__(self, groups, statistics=raw_moments):
        super().__init__()
        self.groups, self.statistics = groups, statistics
        self.scale, self.shift = nn.Parameter(torch.rand(groups) + 0.5), nn.Parameter(torch.rand(groups) - 0.5)

    def forward(self, x):
        y = self.statistics(x.reshape(x.shape[0], self.groups, -1), [-1])
        return (y * self.scale.view(1, -1, 1) + self.shift.view(1, -1, 1)).view(x.shape)


class EstimatedBatchNorm(nn.Module):
    """Batch norm by running estimates, in the view [N, C, H W]; the first half of a batch-channel norm."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.scale, self.shift = nn.Parameter(torch.rand(channels) + 0.5), nn.Parameter(torch.rand(channels) - 0.5)

    def forward(self, x):
        flat = x.view(x.shape[0], x.shape[1], -1)
        y = (flat - self.running_mean.view(1, -1, 1)) / torch.sqrt(self.running_var + 1e-5).view(1, -1, 1)
        return (self.scale.view(1, -1, 1) * y + self.shift.view(1, -1, 1)).view(x.shape)


def batch_channel_norm(channels, groups, estimated=False):
    return nn.Sequential(EstimatedBatchNorm(channels) if estimated else nn.BatchNorm2d(channels), ChannelNorm(groups))


# ---- root mean squares and lengths -----------------------------------------------------------------------------------------
class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


def rms(x, dim=-1, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(dim, keepdim=True) + eps)


def rms_by_division(x, dim=-1, eps=1e-6):
    return x / torch.sqrt((x**2).mean(dim, keepdim=True) + eps)


def rms_by_length(x, dim=-1, eps=1e-3):
    return x / (x.norm(2, dim=dim, keepdim=True) * x.shape[dim] ** -0.5 + eps)


def rms_by_normalize(x, dim=-1):
    return F.normalize(x, dim=dim) * x.shape[dim] ** 0.5


def l2_by_norm(x, dim):
    return x / x.norm(p=2, dim=dim, keepdim=True)


def l2_epsilon_added(x, dim, eps=1e-3):
    return x / (x.norm(p=2, dim=dim, keepdim=True) + eps)


def l2_sum_of_squares(x, dim, eps=1e-10):
    return x / torch.sqrt(x.pow(2).sum(dim, keepdim=True) + eps)


def l2_root_added(x, dim, eps=1e-3):
    return x / (x.pow(2).sum(dim=dim, keepdim=True).sqrt() + eps)


# ---- blocks and networks ---------------------------------------------------------------------------------------------------
class StandardizedConv(nn.Conv2d):
    """Weight standardization (Qiao et al., 2019)."""

    def forward(self, x):
        w = self.weight - self.weight.mean(dim=(1, 2, 3), keepdim=True)
        w = w / torch.sqrt(w.var(dim=(1, 2, 3), unbiased=False, keepdim=True) + 1e-5)
        return F.conv2d(x, w, self.bias, self.stride, self.padding, self.dilation, self.groups)


class NormalizedBlock(nn.Module):
    """Two convolutions with a normalization behind each, and the shortcut."""

    def __init__(self, conv, norm, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.norm1 = conv(inputs, outputs, 3, stride, 1, bias=False), norm(outputs)
        self.conv2, self.norm2 = conv(outputs, outputs, 3, 1, 1, bias=False), norm(outputs)
        self.relu = nn.ReLU()
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x):
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


class NormalizedResNet(nn.Module):
    """A residual network of convolutions and normalizations of any kind."""

    def __init__(self, conv, norm, inputs, widths, classes, max_pool=True):
        super().__init__()
        stem = [conv(inputs, widths[0], 3, 1, 1, bias=False), norm(widths[0]), nn.ReLU()]
        self.stem = nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1)) if max_pool else nn.Sequential(*stem)
        pairs = zip([widths[0], *widths[:-1]], widths)
        self.blocks = nn.Sequential(*[NormalizedBlock(conv, norm, i, o, 1 if n == 0 else 2) for n, (i, o) in enumerate(pairs)])
        self.pool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(widths[-1], classes)

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


class ChannelsFirstLayerNorm(nn.Module):
    """ConvNeXt's layer norm over the channels of [N, C, H, W], written out."""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight, self.bias, self.eps = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels)), eps

    def forward(self, x):
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNeXtBlock(nn.Module):
    """Liu et al., A ConvNet for the 2020s (2022): the form with permutes and linear layers."""

    def __init__(self, channels):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand, self.activation, self.project = nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.project(self.activation(self.expand(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXtBlockChannelsFirst(nn.Module):
    """The same by 1x1 convolutions and a channels-first layer norm."""

    def __init__(self, channels):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = ChannelsFirstLayerNorm(channels)
        self.expand, self.activation, self.project = nn.Conv2d(channels, 2 * channels, 1), nn.GELU(), nn.Conv2d(2 * channels, channels, 1)
        self.gamma = nn.Parameter(torch.full((channels, 1, 1), 0.5))

    def forward(self, x):
        return x + self.gamma * self.project(self.activation(self.expand(self.norm(self.depthwise(x)))))


def conv_next(inputs, widths, classes, patch=2, block=ConvNeXtBlock):
    layers = [nn.Conv2d(inputs, widths[0], patch, patch), ChannelsFirstLayerNorm(widths[0]), block(widths[0])]
    for before, width in zip(widths, widths[1:]):
        layers += [ChannelsFirstLayerNorm(before), nn.Conv2d(before, width, 2, 2), block(width)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.LayerNorm(widths[-1], eps=1e-6), nn.Linear(widths[-1], classes))


class Attention(nn.Module):
    """Scaled dot products of all heads by one product for queries, keys and values."""

    def __init__(self, width, heads, mask=None, fused=False):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("mask", mask)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)
        else:
            scores = (q @ k.transpose(-2, -1)) * (c // self.heads) ** -0.5
            if self.mask is not None:
                scores = scores + self.mask
            y = scores.softmax(dim=-1) @ v
        return self.out(y.transpose(1, 2).reshape(n, t, c))


class SeparateAttention(nn.Module):
    """Queries, keys and values by layers of their own, of x and another sequence; the mask is an input."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x, memory, mask):
        q, k, v = self.split(self.q(x)), self.split(self.k(memory)), self.split(self.v(memory))
        scores = torch.matmul(q, k.transpose(2, 3)) / (q.shape[-1] ** 0.5) + mask
        y = torch.matmul(torch.softmax(scores, -1), v)
        return self.out(y.transpose(1, 2).contiguous().view(x.shape[0], x.shape[1], -1))


class SelfAttention(nn.Module):
    """nn.MultiheadAttention of x with itself."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class EncoderBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Dosovitskiy et al., An Image is Worth 16x16 Words (2020), with the mean of all tokens in place of a class token."""

    def __init__(self, inputs, size, patch, width, heads, depth, classes):
        super().__init__()
        self.patches = nn.Conv2d(inputs, width, patch, patch)
        self.position = nn.Parameter(torch.randn(1, (size // patch) ** 2, width) * 0.1)
        self.blocks = nn.Sequential(*[EncoderBlock(width, heads) for _ in range(depth)])
        self.norm, self.classifier = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        return self.classifier(self.norm(self.blocks(x)).mean(1))
