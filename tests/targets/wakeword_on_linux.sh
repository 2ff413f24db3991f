#!/bin/bash
# wakeword_on_linux.sh FEATURES.npy EXPECTED.npy MODEL LINNET_RUN...: runs a wake word's network over its recording with
# linnet-run (a command with the emulator in front, where it needs one); every byte must be the expected one.
# 77: this CPU has not the instruction set that LINNET_ISA names.
set -euo pipefail
features=$1 expected=$2 model=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data() { tail -c +$((11 + $(od -A n -t u2 -j 8 -N 2 "$1"))) "$1"; }
timeout 500 "$@" run "$model" --input "$features" --raw --output "$work/output.npy" 2>"$work/errors" || {
  cat "$work/errors"
  if grep -q "instruction set is not" "$work/errors"; then exit 77; fi
  exit 1
}
cmp <(data "$work/output.npy") <(data "$expected")
echo "$(data "$expected" | wc -c) runs, every byte equal"
timeout 500 "$@" run "$model" --input "$features" --raw --output "$work/independent.npy" --independent
if cmp -s <(data "$work/independent.npy") <(data "$expected"); then
  echo "the network does not listen to earlier runs"
  exit 1
fi
