"""Trains the digits network and writes digits.onnx, test_images.npy, test_labels.npy, test_logits.npy and calibration_images.npy
beside this file.

The data are scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set: 1797 images of 8x8 pixels,
0 (white) to 16 (black). The network takes the pixels as they are, as float32 [N, 1, 8, 8].

    pip install torch onnx scikit-learn numpy
    python train.py
"""

import pathlib

import numpy
import onnx
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

FOLDER = pathlib.Path(__file__).parent
SEED = 2024
CALIBRATION_IMAGES = 200  # the first training images
EPOCHS = 120


def conv_bn(inputs, outputs, kernel, stride=1, groups=1, relu=True):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU()) if relu else nn.Sequential(*layers)


class SeparableBlock(nn.Module):
    """Depthwise 3x3 then pointwise 1x1, with a residual connection where the shapes allow one."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        self.depthwise = conv_bn(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = conv_bn(inputs, outputs, 1, relu=not self.residual)
        self.activation = nn.ReLU()

    def forward(self, x):
        y = self.pointwise(self.depthwise(x))
        return self.activation(x + y) if self.residual else y


class DigitsNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(1, 24, 3)
        self.blocks = nn.Sequential(
            SeparableBlock(24, 32),
            SeparableBlock(32, 32),
            SeparableBlock(32, 64, stride=2),
            SeparableBlock(64, 64),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(64, 10)

    def forward(self, image):
        return self.classifier(torch.flatten(self.pool(self.blocks(self.stem(image))), 1))


def shifted(images, generator):
    """Each batch is moved by -1, 0 or 1 pixel in each direction."""
    dy, dx = torch.randint(-1, 2, (2,), generator=generator).tolist()
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    return padded[:, :, 1 + dy : 9 + dy, 1 + dx : 9 + dx]


def train(model, images, labels, epochs=EPOCHS, largest_rate=8e-3):
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
    batches = (len(images) + 63) // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, largest_rate, epochs=epochs, steps_per_epoch=batches)
    loss_function = nn.CrossEntropyLoss(label_smoothing=0.05)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(images), generator=generator).split(64):
            optimizer.zero_grad()
            loss_function(model(shifted(images[batch], generator)), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    model.eval()


def split():
    """Training images, test images, training labels, test labels."""
    data = load_digits()
    images = data.images.astype(numpy.uint8)[:, None]
    return train_test_split(images, data.target, test_size=450, random_state=SEED, stratify=data.target)


def main():
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    train_images, test_images, train_labels, test_labels = split()
    model = DigitsNet()
    train(model, torch.from_numpy(train_images).float(), torch.from_numpy(train_labels))

    # The shipped logits are PyTorch's in float64, rounded to float32 at the end.
    with torch.no_grad():
        logits = model(torch.from_numpy(test_images).float())
        exact = model.double()(torch.from_numpy(test_images).double())
        model.float()
    correct = (exact.argmax(1).numpy() == test_labels).sum()
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {correct} of {len(test_labels)} correct")
    print(f"float32 against float64: max abs {(logits - exact).abs().max():.2e}")

    # PRESERVE keeps batch normalization as its own node although the model is in eval mode.
    torch.onnx.export(
        model,
        torch.from_numpy(test_images[:1]).float(),
        str(FOLDER / "digits.onnx"),
        dynamo=False,
        opset_version=17,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )
    nodes = onnx.load(FOLDER / "digits.onnx").graph.node
    print(" ".join(node.op_type for node in nodes))

    numpy.save(FOLDER / "calibration_images.npy", train_images[:CALIBRATION_IMAGES])
    numpy.save(FOLDER / "test_images.npy", test_images)
    numpy.save(FOLDER / "test_labels.npy", test_labels.astype(numpy.int32))
    numpy.save(FOLDER / "test_logits.npy", exact.float().numpy())


if __name__ == "__main__":
    main()
