#!/bin/bash
# compare.sh [--isa avx2|avxvnni|avx512|native] [--threads 1,2] [--seconds S] [--svg FILE] [--json FILE] [MODEL...]
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

# Makes environment $1 from requirements file $2, again where the file has changed. A package that cannot be installed does not
# keep the others away: the table will tell who is missing.
environment() {
  cmp -s "$2" "$1/requirements" && return
  echo "installing $(basename "$2") into $1" >&2
  [[ -x $1/bin/pip ]] || python3 -m venv "$1"
  if ! "$1/bin/pip" install --quiet --requirement "$2" >&2; then
    grep -v '^#' "$2" | while read -r package; do "$1/bin/pip" install --quiet "$package" >&2 || true; done
  fi
  cp "$2" "$1/requirements"
}

environment "$venv" "$here/requirements.txt"
environment "$venv-onnx2tf" "$here/requirements-onnx2tf.txt"

if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$root
fi
(cd "$root" && cmake --preset desktop) >"$folder/cmake.log" || { cat "$folder/cmake.log"; exit 1; }
cmake --build "$root/build/desktop" --parallel "$(nproc)" \
  --target linnet_cli linnet_contestant peak_contestant cpuid_mask >"$folder/build.log" || { cat "$folder/build.log"; exit 1; }

export LINNET_BENCH_ONNX2TF=$venv-onnx2tf/bin/onnx2tf
exec "$venv/bin/python" -m compare "$@"
