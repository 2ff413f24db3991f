#!/bin/bash
# run.sh [LABEL...]: installs what is missing, builds every preset and runs all tests with one ctest. With labels (unit, golden,
# api, target, sanitize, aarch64, armv7, cortex-m, lint) only the tests that carry one of them run, and only what they need is
# built; clang-tidy is among them only where lint is named. A second run reuses the builds. Exits with 0 only where everything built
# and every test passed.
set -euo pipefail
cd "$(dirname "$0")/.."
source targets/desktop/install.sh
install_packages $(cat targets/desktop/packages.txt tests/packages.txt)

if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$PWD
fi
jobs=$(nproc)

build() {
  local begin=$SECONDS
  cmake --preset "$@" >"build/$1.log" || { cat "build/$1.log"; return 1; }
  cmake --build --preset "$1" --parallel "$jobs"
  echo "built $1 in $((SECONDS - begin)) s"
}

# board_model FOLDER SOURCE: what the boards' and the firmware's tests run, for the latter as a C array, in build/desktop/FOLDER;
# written again only where the model or the converter changed it.
board_model() {
  local folder=build/desktop/$1 name
  name=$(basename "${2%.*}")
  mkdir -p "$folder/new"
  build/desktop/bin/linnet convert "$2" -o "$folder/new/$name.lnt" --c-array "$folder/new/${name}_model.c" >"$folder/$name.txt"
  for file in "$name.lnt" "${name}_model.h" "${name}_model.c"; do
    cmp -s "$folder/new/$file" "$folder/$file" || cp "$folder/new/$file" "$folder/$file"
  done
}

# Whether a label was named, or none at all.
labels=$*
wanted() { [[ -z $labels || " $labels " == *" $1 "* ]]; }

presets=(desktop)
if wanted sanitize; then presets+=(sanitize); fi
if wanted aarch64; then presets+=(linux-aarch64); fi
if wanted armv7; then presets+=(linux-armv7); fi
if wanted cortex-m; then presets+=(cortex-m{4,7}{,-wakeword,-int8}); fi
tidy=OFF
if [[ " $labels " == *" lint "* ]]; then tidy=ON; fi

mkdir -p build/all
build desktop -DLINNET_CLANG_TIDY=$tidy
board_model digits tests/models/digits/digits.onnx
for network in hey_jarvis alexa ad01_int8 kws_ref_model pretrainedResnet_quant vww_96_int8; do
  board_model int8 "tests/models/tflite_int8/$network.tflite"
done
for preset in "${presets[@]:1}"; do build "$preset"; done

# One ctest over the tests of every build, so that one summary counts them all.
for preset in "${presets[@]}"; do
  echo "subdirs(\"$PWD/build/$preset\")"
done >build/all/CTestTestfile.cmake
selection=()
if (($#)); then selection=(--label-regex "^($(IFS='|'; echo "$*"))\$"); fi
ctest --test-dir build/all --output-on-failure --no-tests=error --parallel "$jobs" "${selection[@]}"
