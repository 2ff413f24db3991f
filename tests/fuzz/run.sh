#!/bin/bash
# run.sh [SECONDS] [TARGET...]: runs the fuzz targets, all or those named, one after the other for so many seconds each (3600),
# from their seeds and the corpus that earlier runs left in build/sanitize/tests/fuzz/corpus/TARGET. Exits with 1 where a target
# found something; the input that shows it lies where its last lines say.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=build/sanitize/tests/fuzz

seconds=3600
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$PWD
fi
mkdir -p build
cmake --preset sanitize >build/sanitize.log || { cat build/sanitize.log; exit 1; }
targets=("$@")
if ((${#targets[@]} == 0)); then
  for script in "$folder"/*.sh; do targets+=("$(basename "$script" .sh)"); done
fi
cmake --build --preset sanitize --parallel "$(nproc)" --target fuzz_seeds fuzz_tool_seeds "${targets[@]/#/fuzz_}"
ctest --test-dir build/sanitize --tests-regex '^sanitize\.fuzz_(onnx_|tflite_|tool_)?seeds$' --output-on-failure

status=0
for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  if ! bash "$folder/$target.sh" -max_total_time="$seconds" 2>"$folder/$target.log"; then
    status=1
    tail -n 40 "$folder/$target.log"
  fi
  grep -E "^stat::|cov:" "$folder/$target.log" | tail -n 6
done
exit $status
