#!/bin/bash
# compare.sh [--precision float32|int8] [--zeros P%[,block=4x1|16x1]] [--isa avx2|avxvnni|avx512|native] [--threads 1,2] [--seconds S]
#   [--svg FILE] [--json FILE] [MODEL...]
# Measures linnet beside ONNX Runtime, ncnn, MNN and XNNPACK in one run and prints a table; --help explains the options. The
# first run takes long: it installs the engines from PyPI (several gigabytes, most of it PyTorch) into a virtual environment,
# LINNET_BENCH_VENV (default build/bench/venv), and another beside it for a converter; it makes the networks and converts them
# for every engine. x86-64 Linux, Python 3.11 or 3.12.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/bench
folder=$root/build/bench
venv=${LINNET_BENCH_VENV:-$folder/venv}
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
python3 -m compare.arguments "$@"
if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then exit; fi
mkdir -p "$folder"

source "$here/environment.sh"
environment "$venv" "$here/requirements.txt"
environment "$venv-onnx2tf" "$here/requirements-onnx2tf.txt"

build_desktop linnet_cli linnet_contestant peak_contestant cpuid_mask

export LINNET_BENCH_ONNX2TF=$venv-onnx2tf/bin/onnx2tf
exec "$venv/bin/python" -m compare "$@"
