"""What treatments of weights cost, alone and repaired, as Markdown: the digits networks' accuracy on the 450 test images,
and how far the outputs of MLPerf Tiny's float networks and of face detectors are from those of the float network.

python3 tests/tools/treatments.py LINNET [NETWORK...]     LINNET: the program, as build/desktop/bin/linnet
"""

import math
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zipfile

MODELS = pathlib.Path(__file__).resolve().parents[1] / "models"
DIGITS = MODELS / "digits"
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
MLPERF = {  # and what the inputs are multiplied by
    "mlperf_tiny/ad01_fp32": 1,
    "tflite/kws_ref_model_float32_dequantized": 1,
    "tflite/pretrainedResnet": 1,
    "mlperf_tiny/vww_96_float": 1 / 255,
}
FACES = ["tflite/face_detection_short_range", "tflite/face_detection_full_range_sparse"]


def array(data):
    """Shape and numbers of a .npy file."""
    begin = 10 + struct.unpack("<H", data[8:10])[0]
    header = data[10:begin].decode("latin-1")
    kind = re.search(r"'[<|]([iuf]\d)'", header)[1]
    kind = {"f2": "e", "f4": "f", "u1": "B", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}[kind]
    shape = [int(size) for size in re.search(r"\(([^)]*)\)", header)[1].split(",") if size.strip()]
    return shape, [value[0] for value in struct.iter_unpack("<" + kind, data[begin:])]


def write(path, shape, numbers):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }" % ", ".join(map(str, shape))
    header = header.ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    path.write_bytes(data + struct.pack(f"<{len(numbers)}f", *numbers))


def outputs(linnet, network, options, images, scratch, count=1):
    """Of the network's first `count` outputs, the numbers for all images."""
    model, files = scratch / "m.lnt", [scratch / f"y{i}.npy" for i in range(count)]
    subprocess.run([linnet, "convert", network, "-o", model, "--quiet", *options], check=True)
    arguments = [argument for file in files for argument in ("--output", file)]
    subprocess.run([linnet, "run", model, "--input", images, *arguments], check=True, stdout=subprocess.DEVNULL)
    return [array(file.read_bytes())[1] for file in files]


def accuracy(logits, labels):
    """In percent."""
    classes = len(logits) // len(labels)
    right = 0
    for i, label in enumerate(labels):
        row = logits[i * classes : (i + 1) * classes]
        right += row.index(max(row)) == label
    return 100 * right / len(labels)


def sqnr(wanted, given):
    """In dB; of several outputs the least."""
    decibels = []
    for want, get in zip(wanted, given):
        noise = sum((a - b) ** 2 for a, b in zip(want, get))
        decibels.append(10 * math.log10(sum(a * a for a in want) / noise) if noise > 0 else math.inf)
    return min(decibels)


def mlperf_inputs(name, scratch):
    """Every second of its six inputs for the repair, the others for the table."""
    shape, numbers = array((MODELS / "mlperf_tiny" / (name.split("/")[1] + "_inputs.npy")).read_bytes())
    size, factor = math.prod(shape[1:]), MLPERF[name]
    samples = [[factor * n for n in numbers[i * size : (i + 1) * size]] for i in range(shape[0])]
    return (
        write_samples(scratch / "repair.npy", shape[1:], samples[0::2]),
        write_samples(scratch / "x.npy", shape[1:], samples[1::2]),
    )


def face_inputs(name, scratch):
    """The picture mirrored and upside down for the repair, as it is for the table."""
    with zipfile.ZipFile(MODELS / f"{name}.npz") as file:
        shape, numbers = array(file.read("in_0.npy"))
    _, height, width, channels = shape
    pixels = [numbers[i : i + channels] for i in range(0, len(numbers), channels)]
    rows = [pixels[i : i + width] for i in range(0, len(pixels), width)]
    flat = lambda image: [number for row in image for pixel in row for number in pixel]
    flipped = [flat([row[::-1] for row in rows]), flat(rows[::-1])]
    return (
        write_samples(scratch / "repair.npy", shape[1:], flipped),
        write_samples(scratch / "x.npy", shape[1:], [numbers]),
    )


def write_samples(path, shape, samples):
    write(path, [len(samples), *shape], [number for sample in samples for number in sample])
    return path


def table(corner, names, rows):
    print(f"| {corner} | " + " | ".join(names) + " |")
    print("| --- | " + " | ".join(["---:"] * len(names)) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def digits_rows(linnet, networks, scratch, missed):
    labels = array((DIGITS / "test_labels.npy").read_bytes())[1]
    repair = ["--repair", DIGITS / "calibration_images.npy"]
    for network in networks:
        measure = lambda options: accuracy(
            outputs(linnet, network, options, DIGITS / "test_images.npy", scratch)[0], labels
        )
        real = measure([])
        cells = [f"{real:.2f}"]
        for treatment, options in TREATMENTS:
            alone, repaired = measure(options), measure(options + repair)
            cells.append(f"{alone:.2f} / {repaired:.2f}")
            if real - alone > 1 and repaired - alone < (real - alone) / 2:
                missed.append(f"{network.stem}, {treatment}")
        yield [network.stem, *cells]


def float_rows(linnet, names, scratch):
    for name in names:
        count = 1 if name in MLPERF else 2
        repair, images = (mlperf_inputs if name in MLPERF else face_inputs)(name, scratch)
        network = MODELS / f"{name}.tflite"
        wanted = outputs(linnet, network, [], images, scratch, count)
        cells = []
        for _, options in TREATMENTS:
            alone, repaired = (
                sqnr(wanted, outputs(linnet, network, options + more, images, scratch, count))
                for more in ([], ["--repair", repair])
            )
            cells.append(f"{alone:.1f} / {repaired:.1f}")
        yield [network.stem, *cells]


def main():
    linnet, wanted = sys.argv[1], sys.argv[2:]
    digits = [DIGITS / "digits.onnx", *sorted((DIGITS / "normalized").glob("*.onnx"))]
    digits.append(MODELS / "digits_gru" / "digits_gru.onnx")
    digits = [network for network in digits if not wanted or network.stem in wanted]
    floats = [name for name in [*MLPERF, *FACES] if not wanted or name.split("/")[1] in wanted]
    columns = [name for name, _ in TREATMENTS]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        if digits:
            table("% right, alone / repaired", ["float", *columns], digits_rows(linnet, digits, scratch, missed))
            print("\nless than half of more than a point won back: " + ("; ".join(missed) or "nowhere") + "\n")
        if floats:
            table("SQNR in dB, alone / repaired", columns, float_rows(linnet, floats, scratch))


if __name__ == "__main__":
    main()
