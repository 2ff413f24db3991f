"""Trains a recurrent digits network, of the kind that spots keywords in sound, and writes digits_gru.onnx and test_logits.npy
beside this file. Data and training are those of ../digits (see train.py there); an image is read as a sequence of its 8 rows.

    pip install torch onnx scikit-learn numpy
    python train_gru.py
"""

import pathlib
import sys

import numpy
import onnx
import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "digits"))
import train  # noqa: E402


class RecurrentDigits(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.rows = nn.GRU(16, 24, num_layers=2, batch_first=True)
        self.classifier = nn.Linear(24, 10)

    def forward(self, image):
        rows, _ = self.rows(torch.relu(self.embed(image[:, 0] / 16)))
        return self.classifier(rows[:, -1])


def main():
    torch.manual_seed(train.SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    train_images, test_images, train_labels, test_labels = train.split()
    model = RecurrentDigits()
    train.train(model, torch.from_numpy(train_images).float(), torch.from_numpy(train_labels))

    # The shipped logits are PyTorch's in float64, rounded to float32 at the end.
    with torch.no_grad():
        exact = model.double()(torch.from_numpy(test_images).double())
        model.float()
    correct = (exact.argmax(1).numpy() == test_labels).sum()
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {correct} of {len(test_labels)} correct")
    torch.onnx.export(
        model, torch.from_numpy(test_images[:1]).float(), str(FOLDER / "digits_gru.onnx"), dynamo=False, opset_version=17,
        input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )
    print(" ".join(node.op_type for node in onnx.load(FOLDER / "digits_gru.onnx").graph.node))
    numpy.save(FOLDER / "test_logits.npy", exact.float().numpy())


if __name__ == "__main__":
    main()
