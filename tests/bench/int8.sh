#!/bin/bash
# int8.sh [--runs R] [FLOAT.tflite|.onnx INT8.tflite|.onnx]...: the time of networks with float32 and with int8, on one thread and
# every instruction set of this machine, as the smallest of alternating runs of `linnet bench`; without networks, MLPerf Tiny's.
# The last column is the int8 network's part of the machine's peak of exact int8 products. Needs build/desktop.
set -euo pipefail
cd "$(dirname "$0")/../.."
linnet=$PWD/build/desktop/bin/linnet
runs=300
if [[ ${1:-} == --runs ]]; then
  runs=$2
  shift 2
fi
if (($# == 0)); then
  suite=tests/models/mlperf_tiny int8=tests/models/tflite_int8
  set -- $suite/ad01_fp32.tflite $int8/ad01_int8.tflite tests/models/tflite/kws_ref_model_float32.tflite $int8/kws_ref_model.tflite \
    tests/models/tflite/pretrainedResnet.tflite $int8/pretrainedResnet_quant.tflite $suite/vww_96_float.tflite $int8/vww_96_int8.tflite
fi
(($# % 2 == 0)) || { echo "int8.sh: networks come in pairs, float and int8" >&2; exit 2; }
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT

# bench MODEL ISA: "milliseconds fraction" of one measurement.
bench() {
  taskset -c 0 "$linnet" bench "$1" --isa "$2" --runs "$runs" |
    sed -nE 's/^minimum ([0-9.]+) ms.*/\1/p; s/.* ([0-9.]+%) of the (measured )?peak.*/\1/p' | paste -sd ' '
}

printf '| network | instruction set | float32, ms | int8, ms | float32 / int8 | of the int8 peak |\n|---|---|---|---|---|---|\n'
while (($#)); do
  "$linnet" convert "$1" -o "$models/float.lnt" >/dev/null
  "$linnet" convert "$2" -o "$models/int8.lnt" >/dev/null
  for pair in "avx2 avx2" "avx2 avxvnni" "avx512 avx512" "avx512 avx512vnni" "neon32 neon32" "neon64 neon64" "neon64 neon64dot"; do
    read -r float_isa int8_isa <<<"$pair"
    "$linnet" bench "$models/int8.lnt" --isa "$int8_isa" --runs 1 >/dev/null 2>&1 || continue
    for _ in 1 2 3 4 5; do
      echo "$(bench "$models/float.lnt" "$float_isa") $(bench "$models/int8.lnt" "$int8_isa")"
    done | awk -v name="$(basename "${2%.*}")" -v isa="$int8_isa" '
      NR == 1 || $1 < f { f = $1 }
      NR == 1 || $3 < q { q = $3; part = $4 }
      END { printf "| %s | %s | %.4f | %.4f | %.2f | %s |\n", name, isa, f, q, f / q, part }'
  done
  shift 2
done
