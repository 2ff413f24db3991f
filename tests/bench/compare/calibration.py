"""What int8 networks are quantized by: every quantizer gets the same samples, of the distribution that the input is from."""
import json

import numpy as np

SEED = 2
SAMPLES = 8


def int8_name(name):
    """Of the int8 network that is made of network `name`."""
    return f"{name}_int8"


def calibration_samples(folder, name):
    shape = json.loads((folder / f"{name}.json").read_text())["input_shape"]
    return np.random.default_rng(SEED).standard_normal((SAMPLES, *shape[1:]), np.float32)
