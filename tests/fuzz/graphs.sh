#!/bin/bash
# graphs.sh [--count N] [--seconds S] [--seed N] [--reduce] ...
# Converts random valid graphs in every mode and compares what the engine computes with ONNX Runtime; --help explains the options.
# Graph N of a seed is always the same one. The first run installs ONNX Runtime from PyPI into a virtual environment,
# LINNET_FUZZ_VENV (default build/fuzz/venv); --program names the graph_check of a build, otherwise that of the preset desktop is
# built. Ends with 0 only where no graph shows a fault; those that do are in build/fuzz/graphs/faults.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/fuzz
folder=$root/build/fuzz
venv=${LINNET_FUZZ_VENV:-$folder/venv}
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
mkdir -p "$folder"

if ! cmp -s "$here/requirements.txt" "$venv/requirements"; then
  [[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$venv/requirements"
fi

program=()
if [[ " $* " != *" --program "* ]]; then
  (cd "$root" && cmake --preset desktop) >"$folder/cmake.log" || { cat "$folder/cmake.log"; exit 1; }
  cmake --build "$root/build/desktop" --parallel "$(nproc)" --target graph_check >"$folder/build.log" || { cat "$folder/build.log"; exit 1; }
  program=(--program "$root/build/desktop/bin/graph_check")
fi
exec "$venv/bin/python" -m graphs --folder "$folder/graphs" "${program[@]}" "$@"
