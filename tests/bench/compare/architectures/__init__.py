"""The networks that are compared: name -> how to build the PyTorch module, and the shape of its input."""
from dataclasses import dataclass
from typing import Callable

from torch import nn
from torchvision import models as torchvision

from compare.architectures import group_norm_resnet, mlperf_tiny, mobilenet_v1


@dataclass(frozen=True)
class Architecture:
    build: Callable[[], nn.Module]
    input_shape: tuple  # N, C, H, W, or N, features

    @property
    def has_image_input(self):
        return len(self.input_shape) == 4


def vision_transformer():
    network = torchvision.vit_b_16()
    nn.init.normal_(network.heads.head.weight, std=0.02)  # zero, where training starts
    return network


IMAGE = (1, 3, 224, 224)

ARCHITECTURES = {
    "mobilenet_v1": Architecture(mobilenet_v1.MobileNetV1, IMAGE),
    "mobilenet_v2": Architecture(torchvision.mobilenet_v2, IMAGE),
    "mobilenet_v3_small": Architecture(torchvision.mobilenet_v3_small, IMAGE),
    "mobilenet_v3_large": Architecture(torchvision.mobilenet_v3_large, IMAGE),
    "resnet18": Architecture(torchvision.resnet18, IMAGE),
    "resnet50": Architecture(torchvision.resnet50, IMAGE),
    "resnet50_gn_ws": Architecture(group_norm_resnet.build, IMAGE),
    "convnext_tiny": Architecture(lambda: torchvision.convnext_tiny(layer_scale=0.1, stochastic_depth_prob=0.0), IMAGE),
    "shufflenet_v2_x1_0": Architecture(torchvision.shufflenet_v2_x1_0, IMAGE),
    "squeezenet1_1": Architecture(torchvision.squeezenet1_1, IMAGE),
    "efficientnet_b0": Architecture(torchvision.efficientnet_b0, IMAGE),
    "mnasnet1_0": Architecture(torchvision.mnasnet1_0, IMAGE),
    "vgg16": Architecture(torchvision.vgg16, IMAGE),
    "vit_b_16": Architecture(vision_transformer, IMAGE),
    "tiny_resnet8": Architecture(mlperf_tiny.ResNet8, (1, 3, 32, 32)),
    "tiny_ds_cnn": Architecture(mlperf_tiny.DsCnn, (1, 1, 49, 10)),
    "tiny_vww": Architecture(mlperf_tiny.visual_wake_words, (1, 3, 96, 96)),
    "tiny_autoencoder": Architecture(mlperf_tiny.Autoencoder, (1, 640)),
}
