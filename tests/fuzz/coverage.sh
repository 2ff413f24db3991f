#!/bin/bash
# coverage.sh [BUILD-FOLDER]: how much of the engine and the kernels of this machine's instruction sets the fuzz target `engine`
# reaches: builds it with clang's source coverage, replays seeds, corpus and regressions, and prints llvm-cov's summary of
# every file and the totals.
set -euo pipefail
cd "$(dirname "$0")/../.."
corpus=build/sanitize/tests/fuzz
build=${1:-build/coverage}

cmake --preset sanitize -B "$build" -DLINNET_SANITIZE= -DLINNET_CONVERTER=OFF -DLINNET_TEST_PREFIX=coverage. \
  -DCMAKE_C_FLAGS="-O1 -fprofile-instr-generate -fcoverage-mapping" \
  -DCMAKE_CXX_FLAGS="-O1 -fprofile-instr-generate -fcoverage-mapping" >"$build.log" || { cat "$build.log"; exit 1; }
cmake --build "$build" --parallel "$(nproc)" --target fuzz_engine
LLVM_PROFILE_FILE=$build/engine.profraw "$build/bin/fuzz_engine" "$corpus"/seeds/models "$corpus"/corpus/engine \
  tests/fuzz/regressions/models >/dev/null
llvm-profdata merge -sparse "$build/engine.profraw" -o "$build/engine.profdata"
llvm-cov report "$build/bin/fuzz_engine" -instr-profile="$build/engine.profdata" -ignore-filename-regex='(tests|schema|flatbuffers)/'
