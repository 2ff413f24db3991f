"""MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications (arXiv 1704.04861), table 1."""
from torch import nn

# Output channels and stride of each depthwise-separable block at width 1.
BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def convolution(inputs, outputs, kernel, stride, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class MobileNetV1(nn.Module):
    def __init__(self, width=1.0, classes=1000):
        super().__init__()
        channels = int(32 * width)
        layers = [convolution(3, channels, 3, 2)]
        for outputs, stride in BLOCKS:
            outputs = int(outputs * width)
            layers += [convolution(channels, channels, 3, stride, groups=channels), convolution(channels, outputs, 1, 1)]
            channels = outputs
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        return self.classifier(self.features(x))
