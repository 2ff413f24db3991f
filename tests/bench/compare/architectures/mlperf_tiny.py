"""The four networks of MLPerf Tiny (Banbury et al., MLPerf Tiny Benchmark, arXiv 2106.07597) in float.

TensorFlow's asymmetric padding of strided convolutions is written as symmetric padding of the same output size, so that the
number of operations stays the same and no exporter needs a separate Pad."""
import torch
from torch import nn
from torch.nn import functional

from compare.architectures.mobilenet_v1 import MobileNetV1, convolution


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


class ResNet8(nn.Module):
    """Image classification, 32x32 (CIFAR-10)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(convolution(3, 16, 3, 1), ResidualBlock(16, 16, 1), ResidualBlock(16, 32, 2),
                                      ResidualBlock(32, 64, 2), nn.AvgPool2d(8), nn.Flatten())
        self.classifier = nn.Linear(64, 10)

    def forward(self, x):
        return torch.softmax(self.classifier(self.features(x)), 1)


class DsCnn(nn.Module):
    """Keyword spotting: 49 frames of 10 mel-frequency coefficients."""

    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(1, 64, (10, 4), 2, (5, 1), bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
        for _ in range(4):
            layers += [convolution(64, 64, 3, 1, groups=64), convolution(64, 64, 1, 1)]
        self.features = nn.Sequential(*layers, nn.AvgPool2d((25, 5)), nn.Flatten())
        self.classifier = nn.Linear(64, 12)

    def forward(self, x):
        return torch.softmax(self.classifier(self.features(x)), 1)


class Classifier(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return torch.softmax(self.network(x), 1)


def visual_wake_words():
    """Person or not: MobileNetV1 at a quarter of its width, 96x96."""
    return Classifier(MobileNetV1(width=0.25, classes=2))


class Autoencoder(nn.Sequential):
    """Anomaly detection on 5 frames of 128 mel bands."""

    def __init__(self):
        sizes = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:-1]):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)]
        super().__init__(*layers, nn.Linear(sizes[-2], sizes[-1]))
