#!/usr/bin/env python3
"""Makes the network goldens in networks/: architectures of torchvision at reduced width and size with He weights, exported by
PyTorch's exporters. NAME.onnx, and NAME.npz with an input (in_0) and the outputs of the same module in double precision (out_0).

Not part of the test command. Needs: pip install numpy onnx onnxscript torch torchvision. Weights are rounded to half precision, and
stored so with a Cast behind them, which keeps the files small and changes nothing in the comparison. Usage: make_networks.py [NAME-PART]"""
import io
import pathlib
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torchvision.models import EfficientNet, MobileNetV2, MobileNetV3, ResNet, ShuffleNetV2, SqueezeNet, VisionTransformer
from torchvision.models.efficientnet import _efficientnet_conf
from torchvision.models.mobilenetv3 import _mobilenet_v3_conf
from torchvision.models.resnet import BasicBlock

OUT = pathlib.Path(__file__).parent / "networks"


class NarrowResNet(ResNet):
    """ResNet-18 with `width` instead of 64 channels in the first stage."""

    def __init__(self, width, classes):
        nn.Module.__init__(self)
        self._norm_layer, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, 1, 1, 64
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(BasicBlock, width, 2)
        self.layer2 = self._make_layer(BasicBlock, width * 2, 2, stride=2)
        self.layer3 = self._make_layer(BasicBlock, width * 4, 2, stride=2)
        self.layer4 = self._make_layer(BasicBlock, width * 8, 2, stride=2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(width * 8, classes)


NETWORKS = {  # module, image size, opset, dynamo exporter
    "mobilenet_v2": (lambda: MobileNetV2(num_classes=10, width_mult=0.25), 64, 13, False),
    "mobilenet_v3_small": (lambda: MobileNetV3(*_mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.35), num_classes=10), 64, 17, False),
    "resnet18": (lambda: NarrowResNet(12, 10), 64, 11, False),
    "shufflenet_v2": (lambda: ShuffleNetV2([4, 8, 4], [24, 24, 48, 96, 128], num_classes=10), 64, 13, False),
    "squeezenet": (lambda: SqueezeNet("1_1", num_classes=10), 64, 9, False),
    "efficientnet_b0": (lambda: EfficientNet(_efficientnet_conf("efficientnet_b0", width_mult=0.25, depth_mult=1.0)[0], 0.2, num_classes=10), 64, 14, False),
    "vit": (lambda: VisionTransformer(32, 8, 3, 4, 48, 96, num_classes=10), 32, 16, False),
    "resnet18_dynamo": (lambda: NarrowResNet(8, 10), 64, 18, True),
    "mobilenet_v3_small_dynamo": (lambda: MobileNetV3(*_mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.25), num_classes=10), 64, 18, True),
}


def halve_initializers(model):
    """Stores large float initializers as float16 followed by a Cast."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= 256:
            array, name = numpy_helper.to_array(tensor), tensor.name
            half = array.astype(np.float16)
            if (half.astype(np.float32) != array).any():  # an exporter that folds has changed it
                continue
            tensor.CopyFrom(numpy_helper.from_array(half, name + "_half"))
            casts.append(helper.make_node("Cast", [name + "_half"], [name], name="cast_" + name, to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)


def make(name, build, size, opset, dynamo):
    torch.manual_seed(1)
    net = build()
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.1, 0.1)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            nn.init.uniform_(module.weight, 0.5, 1.5), nn.init.uniform_(module.bias, -0.2, 0.2)
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        net.train()
        for _ in range(4):  # running statistics that fit the weights
            net(torch.randn(8, 3, size, size))
        net.eval()
        for tensor in list(net.parameters()) + list(net.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())
    x = torch.randn(1, 3, size, size)
    if dynamo:
        net.eval()
        program = torch.onnx.export(net, (x,), dynamo=True, opset_version=opset, verbose=False)
        model = program.model_proto
    else:
        buffer = io.BytesIO()
        torch.onnx.export(net, (x,), buffer, opset_version=opset, dynamo=False, do_constant_folding=False,
                          training=torch.onnx.TrainingMode.PRESERVE, input_names=["image"], output_names=["logits"])
        model = onnx.load_from_string(buffer.getvalue())
    halve_initializers(model)
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    with torch.no_grad():
        y = net.double()(x.double())
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())
    np.savez(OUT / f"{name}.npz", in_0=x.numpy(), out_0=y.numpy())
    import onnxruntime as ort
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    got = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    print(f"{name}: {sum(p.numel() for p in net.parameters())} parameters, {(OUT / f'{name}.onnx').stat().st_size // 1024} KiB, opset {model.opset_import[0].version},"
          f" ops {sorted({n.op_type for n in model.graph.node})}, ONNX Runtime differs by {np.abs(got - y.numpy()).max() / np.abs(y.numpy()).max():.1e} of the largest output {np.abs(y.numpy()).max():.2f}")


for name, row in NETWORKS.items():
    if len(sys.argv) < 2 or sys.argv[1] in name:
        make(name, *row)
