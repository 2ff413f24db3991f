"""Prints how exact int8 networks are that linnet, ONNX Runtime and LiteRT make of the same float networks by the same calibration
samples; see quantizers.sh."""
import pathlib
import sys

import numpy as np

from quantizers import linnet, litert, onnx_runtime

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
DIGITS = MODELS / "digits"
MLPERF_TINY = MODELS / "mlperf_tiny"


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def head(*cells):
    row(*cells)
    row(*["---"] + ["---:"] * (len(cells) - 1))


def attempt(name, quantize, *arguments):
    """The outputs, or None where this quantizer cannot."""
    try:
        return quantize(*arguments)
    except Exception as error:  # whatever these libraries throw: the table goes on without the network
        lines = [line for line in str(error).splitlines() if line.strip()]
        print(f"{name}: {type(error).__name__}: {lines[-1] if lines else ''}", file=sys.stderr)
        return None


def digits():
    images = np.load(DIGITS / "test_images.npy").astype(np.float32)
    labels = np.load(DIGITS / "test_labels.npy")
    calibration = np.load(DIGITS / "calibration_images.npy").astype(np.float32)

    def accuracy(logits):
        return f"{100 * (logits.argmax(1) == labels).mean():.2f}"

    def quality(logits, real):
        if logits is None:
            return "-"
        logits = logits.reshape(real.shape)
        return f"{accuracy(logits)}, {10 * np.log10(np.square(real).sum() / np.square(logits - real).sum()):.1f} dB"

    head("accuracy on 450 test images, %; SQNR of the logits", "float", "linnet", "ONNX Runtime", "LiteRT")
    networks = [(DIGITS / "digits.onnx", DIGITS / "test_logits.npy"),
                (MODELS / "digits_gru/digits_gru.onnx", MODELS / "digits_gru/test_logits.npy")]
    networks += [(path, path.with_name(f"{path.stem}_logits.npy")) for path in sorted((DIGITS / "normalized").glob("*.onnx"))]
    for path, logits in networks:
        results = [attempt(f"{path.stem}, {engine.NAME}", engine.of_onnx, path, calibration, images)
                   for engine in (linnet, onnx_runtime, litert)]
        real = np.load(logits)
        row(path.stem, accuracy(real), *(quality(result, real) for result in results))


def mlperf_tiny():
    head("root of the mean squared error of outputs", "linnet", "LiteRT", "the suite's int8 file")
    for path in sorted(MLPERF_TINY.glob("*_inputs.npy")):
        name = path.stem.removesuffix("_inputs")
        samples = np.load(path).astype(np.float32) * (np.float32(1 / 255) if name.startswith("vww") else np.float32(1))
        wanted, suite = np.load(MLPERF_TINY / f"{name}_float.npy"), np.load(MLPERF_TINY / f"{name}_int8.npy")

        def error(outputs):
            return "-" if outputs is None else f"{np.sqrt(np.square(outputs.reshape(wanted.shape) - wanted).mean()):.4f}"

        model = next(folder / f"{name}.tflite" for folder in (MLPERF_TINY, MODELS / "tflite") if (folder / f"{name}.tflite").exists())
        results = [attempt(f"{name}, {engine.NAME}", engine.of_tflite, model, samples, samples) for engine in (linnet, litert)]
        row(name, *map(error, results), error(suite))


digits()
print()
mlperf_tiny()
