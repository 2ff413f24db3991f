"""Trains small networks on the digits of train.py, of every kind of normalization, a mobile one and a recurrent one among
them, and writes normalized/NAME.onnx and normalized/NAME_logits.npy, PyTorch's logits of the test images in float64, rounded to
float32 at the end. Deterministic.

    pip install torch onnx onnxscript scikit-learn numpy
    python train_normalized.py [NAME-PART]
"""

import io
import pathlib
import sys

import numpy
import onnx
import torch
from torch import nn

import train

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import norm_modules as m  # noqa: E402
from make_norms import cleaned  # noqa: E402

FOLDER = pathlib.Path(__file__).parent / "normalized"
EPOCHS = {"lstm_gru": 120, "vision_transformer": 240, "vision_transformer_dynamo": 240}
USUAL_EPOCHS = 40
WIDTHS = (12, 16)


def perceptron(wrap=lambda layer: layer, norm=nn.Identity, activation=nn.ReLU):
    return nn.Sequential(
        nn.Flatten(1), wrap(nn.Linear(64, 64)), norm(64), activation(), wrap(nn.Linear(64, 64)), norm(64), activation(), wrap(nn.Linear(64, 10))
    )


def residual(conv, norm):
    return m.NormalizedResNet(conv, norm, 1, WIDTHS, 10, max_pool=False)


def activated(channels, activation):
    return nn.Sequential(nn.BatchNorm2d(channels), activation())


class InvertedResidual(nn.Module):
    """MobileNetV3's block (Howard et al., 2019): 1x1, depthwise, squeeze-and-excitation by a hard sigmoid, 1x1."""

    def __init__(self, inputs, expanded, outputs, kernel, stride, squeezed, activation):
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(inputs, expanded, 1, bias=False), activated(expanded, activation))
        self.depthwise = nn.Sequential(
            nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False), activated(expanded, activation)
        )
        self.factors = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(expanded, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, expanded, 1), nn.Hardsigmoid()
        )
        self.project = nn.Sequential(nn.Conv2d(expanded, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        y = self.project(self.factors(y) * y)
        return x + y if self.residual else y


def squeeze_excite_mobile():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, bias=False), activated(12, nn.Hardswish),
        InvertedResidual(12, 24, 12, 3, 1, 8, nn.ReLU), InvertedResidual(12, 36, 16, 3, 2, 8, nn.Hardswish),
        InvertedResidual(16, 40, 16, 5, 1, 8, nn.Hardswish), InvertedResidual(16, 48, 20, 5, 2, 12, nn.Hardswish),
        nn.Conv2d(20, 48, 1, bias=False), activated(48, nn.Hardswish),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(48, 32), nn.Hardswish(), nn.Linear(32, 10),
    )


class RecurrentRows(nn.Module):
    """Reads an image as a sequence of its rows, by an LSTM and a GRU behind each other."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU())
        self.lstm, self.gru = nn.LSTM(16, 24, batch_first=True), nn.GRU(24, 24, batch_first=True)
        self.classifier = nn.Linear(24, 10)

    def forward(self, image):
        rows, _ = self.gru(self.lstm(self.embed(image[:, 0]))[0])
        return self.classifier(rows[:, -1])


NETWORKS = {  # the network, and the exporter's opset; dynamo from 18 on
    "group_resnet": (lambda: residual(m.StandardizedConv, lambda c: nn.GroupNorm(4, c)), 13),
    "group_resnet_dynamo": (lambda: residual(m.StandardizedConv, lambda c: nn.GroupNorm(2, c)), 21),
    "instance_resnet": (lambda: residual(nn.Conv2d, lambda c: nn.InstanceNorm2d(c, affine=True)), 11),
    "batch_channel_resnet": (lambda: residual(m.StandardizedConv, lambda c: m.batch_channel_norm(c, 4)), 16),
    "layer_perceptron": (lambda: perceptron(norm=nn.LayerNorm, activation=nn.GELU), 11),
    "rms_perceptron": (lambda: perceptron(norm=lambda c: m.Affine(m.Function(m.rms), (c,))), 17),
    "weight_norm_perceptron": (lambda: perceptron(torch.nn.utils.weight_norm), 13),
    "spectral_norm_perceptron": (lambda: perceptron(torch.nn.utils.spectral_norm), 13),
    "vision_transformer": (lambda: m.VisionTransformer(1, 8, 2, 24, 3, 2, 10), 17),
    "vision_transformer_dynamo": (lambda: m.VisionTransformer(1, 8, 2, 24, 3, 1, 10), 18),
    "squeeze_excite_mobile": (squeeze_excite_mobile, 13),
    "squeeze_excite_mobile_dynamo": (squeeze_excite_mobile, 18),
    "lstm_gru": (RecurrentRows, 17),
    "convnext": (lambda: m.conv_next(1, (12, 20), 10), 13),
}


def export(model, image, opset):
    if opset >= 18:
        return torch.onnx.export(model, (image,), dynamo=True, opset_version=opset, verbose=False).model_proto
    stream = io.BytesIO()
    torch.onnx.export(
        model,
        image,
        stream,
        dynamo=False,
        opset_version=opset,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        input_names=["image"],
        dynamic_axes={"image": {0: "batch"}},
    )
    return onnx.load_from_string(stream.getvalue())


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    train_images, test_images, train_labels, test_labels = train.split()
    FOLDER.mkdir(exist_ok=True)
    for name, (build, opset) in NETWORKS.items():
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        torch.manual_seed(train.SEED)
        model = build()
        train.train(model, torch.from_numpy(train_images).float(), torch.from_numpy(train_labels), EPOCHS.get(name, USUAL_EPOCHS), 3e-3 if name.startswith("vision") else 8e-3)
        with torch.no_grad():
            exact = model.double()(torch.from_numpy(test_images).double())
            model.float()
        exported = cleaned(export(model, torch.from_numpy(test_images[:1]).float(), opset))
        (FOLDER / f"{name}.onnx").write_bytes(exported.SerializeToString())
        numpy.save(FOLDER / f"{name}_logits.npy", exact.float().numpy())
        correct = (exact.argmax(1).numpy() == test_labels).sum()
        size = (FOLDER / f"{name}.onnx").stat().st_size
        print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, {size} bytes, {correct} of {len(test_labels)} correct", flush=True)


if __name__ == "__main__":
    main()
