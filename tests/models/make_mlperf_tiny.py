#!/usr/bin/env python3
"""Writes the goldens of mlperf_tiny/: of every NAME_inputs.npy there, NAME_float.npy and NAME_int8.npy, the outputs of the float network
and of the suite's own int8 file, as real numbers, by LiteRT's reference kernels.

Not part of the test command. Needs: pip install numpy ai-edge-litert. Usage: make_mlperf_tiny.py"""
import pathlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "mlperf_tiny"
NETWORKS = {  # float, int8; what inputs are multiplied by
    "ad01_fp32": ("mlperf_tiny/ad01_fp32", "tflite_int8/ad01_int8", 1),
    "kws_ref_model_float32_dequantized": ("tflite/kws_ref_model_float32_dequantized", "tflite_int8/kws_ref_model", 1),
    "pretrainedResnet": ("tflite/pretrainedResnet", "tflite_int8/pretrainedResnet_quant", 1),
    "vww_96_float": ("mlperf_tiny/vww_96_float", "tflite_int8/vww_96_int8", 1 / 255),
}


def real(integers, port):
    scale, zero_point = port["quantization"]
    return np.float32(scale) * (integers.astype(np.float32) - np.float32(zero_point)) if scale else integers


def integer(numbers, port):
    scale, zero_point = port["quantization"]
    if not scale:
        return numbers
    steps = numbers / np.float32(scale)
    return np.clip(np.copysign(np.floor(np.abs(steps) + np.float32(0.5)), steps) + zero_point, -128, 127).astype(np.int8)


def outputs(model, inputs):
    interpreter = Interpreter(str(HERE / f"{model}.tflite"), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    port, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    results = []
    for sample in inputs:
        interpreter.set_tensor(port["index"], integer(sample[None], port))
        interpreter.invoke()
        results.append(real(interpreter.get_tensor(output["index"]), output))
    return np.concatenate(results)


for name, (float_model, int8_model, factor) in NETWORKS.items():
    samples = np.load(FOLDER / f"{name}_inputs.npy").astype(np.float32) * np.float32(factor)
    np.save(FOLDER / f"{name}_float.npy", outputs(float_model, samples))
    np.save(FOLDER / f"{name}_int8.npy", outputs(int8_model, samples))
