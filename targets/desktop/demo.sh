#!/bin/bash
# demo.sh: installs what is missing, builds linnet, converts the digits network from ONNX, reads 450 handwritten digits with it
# and shows how well, how fast and with how much memory.
set -euo pipefail
cd "$(dirname "$0")/../.."
source targets/desktop/install.sh
install_packages $(cat targets/desktop/packages.txt)

section() { printf '\n== %s ==\n' "$1"; }
run() {
  printf '$ %s\n' "$*"
  "$@"
}

digits=tests/models/digits
output=build/desktop/demo
model=$output/digits.lnt
mkdir -p "$output"
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$PWD
fi

section "Build (a few minutes the first time)"
run cmake --preset desktop >"$output/configure.log" || { cat "$output/configure.log"; exit 1; }
run cmake --build --preset desktop --parallel "$(nproc)" --target linnet_cli linnet-run digits_demo

section "Convert the digits network"
run build/desktop/bin/linnet convert "$digits/digits.onnx" -o "$model"

section "Read $digits/test_images.npy"
run build/desktop/bin/digits_demo "$model" "$digits" "$output/digits.png"

section "Memory"
run build/desktop/bin/linnet inspect "$model" --svg "$output/memory.svg"

section "Speed"
run build/desktop/bin/linnet bench "$model" --runs 200 --profile

section "Accuracy of every step against the reference evaluator"
run build/desktop/bin/linnet compare "$digits/digits.onnx" "$model" --input "$digits/test_images.npy" --samples 4

section "Written"
ls -1 "$PWD/$model" "$PWD/$output/digits.png" "$PWD/$output/memory.svg"
