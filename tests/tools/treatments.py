"""Accuracy of the digits networks with treated weights, alone and repaired, on the 450 test images, as Markdown.

python3 tests/tools/treatments.py LINNET [NETWORK...]     LINNET: the program, as build/desktop/bin/linnet
"""

import pathlib
import re
import struct
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "models" / "digits"
TREATMENTS = [
    ("50% zeros", ["--sparsify", "50%"]),
    ("80% zeros", ["--sparsify", "80%"]),
    ("90% zeros", ["--sparsify", "90%"]),
    ("8 bits", ["--weights", "bits=8"]),
    ("4 bits", ["--weights", "bits=4"]),
    ("3 bits", ["--weights", "bits=3"]),
    ("2 bits", ["--weights", "bits=2"]),
    ("256 clusters", ["--cluster", "256"]),
    ("16 clusters", ["--cluster", "16"]),
]


def numbers(path, kind):
    data = path.read_bytes()
    begin = 10 + struct.unpack("<H", data[8:10])[0]
    return [value[0] for value in struct.iter_unpack("<" + kind, data[begin:])]


def accuracy(linnet, network, options, scratch):
    """In percent."""
    model, logits = scratch / "m.lnt", scratch / "y.npy"
    subprocess.run([linnet, "convert", network, "-o", model, "--quiet", *options], check=True)
    images = FOLDER / "test_images.npy"
    subprocess.run([linnet, "run", model, "--input", images, "--output", logits], check=True, stdout=subprocess.DEVNULL)
    outputs, labels = numbers(logits, "f"), LABELS
    classes = len(outputs) // len(labels)
    right = 0
    for i, label in enumerate(labels):
        row = outputs[i * classes : (i + 1) * classes]
        right += row.index(max(row)) == label
    return 100 * right / len(labels)


header = (FOLDER / "test_labels.npy").read_bytes()[10:120].decode("latin-1")
LABELS = numbers(FOLDER / "test_labels.npy", {"1": "b", "2": "h", "4": "i", "8": "q"}[re.search(r"'[<|][iu](\d)'", header)[1]])


def main():
    linnet = sys.argv[1]
    names = sys.argv[2:] or ["digits"] + sorted(p.stem for p in (FOLDER / "normalized").glob("*.onnx"))
    repair = ["--repair", FOLDER / "calibration_images.npy"]
    print("| % right, alone / repaired | float | " + " | ".join(name for name, _ in TREATMENTS) + " |")
    print("| --- | " + " | ".join(["---:"] * (1 + len(TREATMENTS))) + " |")
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            network = FOLDER / f"{name}.onnx"
            if not network.exists():
                network = FOLDER / "normalized" / f"{name}.onnx"
            real = accuracy(linnet, network, [], pathlib.Path(folder))
            cells = [f"{real:.2f}"]
            for treatment, options in TREATMENTS:
                alone, repaired = (
                    accuracy(linnet, network, options + more, pathlib.Path(folder)) for more in ([], repair)
                )
                cells.append(f"{alone:.2f} / {repaired:.2f}")
                if real - alone > 1 and repaired - alone < (real - alone) / 2:
                    missed.append(f"{name}, {treatment}")
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print("\nless than half of more than a point won back: " + ("; ".join(missed) or "nowhere"))


if __name__ == "__main__":
    main()
