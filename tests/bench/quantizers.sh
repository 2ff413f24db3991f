#!/bin/bash
# quantizers.sh: float networks as int8 by linnet, by ONNX Runtime's static quantizer (QDQ, weights per channel) and by LiteRT's
# (ai-edge-quantizer, weights per channel), from the same calibration samples. Prints the accuracy of the digits networks on all test
# images, calibrated on 200 training images, and the signal to noise ratio of their logits beside PyTorch's; and how far outputs of MLPerf Tiny's networks are from the float networks' on the samples
# that are there, which also calibrate, beside the suite's own int8 files. "-": this quantizer cannot; why goes to standard error. The
# first run installs packages from PyPI into LINNET_BENCH_QUANTIZERS (default build/bench/venv-quantizers) and, for the converter of
# ONNX files to LiteRT's format, LINNET_BENCH_VENV-onnx2tf, as compare.sh does (2 gigabytes). ONNX Runtime is exact on CPUs with
# AVX-VNNI or AVX-512 VNNI. x86-64 Linux, Python 3.11 or 3.12.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/bench
folder=$root/build/bench
venv=${LINNET_BENCH_QUANTIZERS:-$folder/venv-quantizers}
onnx2tf=${LINNET_BENCH_VENV:-$folder/venv}-onnx2tf
source "$here/environment.sh"
mkdir -p "$folder"
environment "$venv" "$here/requirements-quantizers.txt"
environment "$onnx2tf" "$here/requirements-onnx2tf.txt"
build_desktop linnet_cli

export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
export LINNET=$root/build/desktop/bin/linnet LINNET_BENCH_ONNX2TF=$onnx2tf/bin/onnx2tf
exec "$venv/bin/python" -m quantizers
