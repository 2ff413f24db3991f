"""What the integers of LiteRT's quantized inputs and outputs stand for."""
import numpy as np


def integers(x, port):
    scale, zero_point = port["quantization"]
    return np.clip(np.rint(x / np.float32(scale)) + zero_point, -128, 127).astype(np.int8) if scale else x


def numbers(q, port):
    scale, zero_point = port["quantization"]
    return np.float32(scale) * (q.astype(np.float32) - np.float32(zero_point)) if scale else q
