#!/bin/bash
# digits_on_linux.sh DIGITS_FOLDER MODEL LINNET_RUN...: runs the digits network over all test images with linnet-run (a command
# with the emulator in front, where it needs one) and compares the outputs with PyTorch's logits.
set -euo pipefail
folder=$1 model=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
timeout 500 "$@" run "$model" --input "$folder/test_images.npy" --output "$work/logits.npy"
"$(dirname "$0")/logits.sh" "$work/logits.npy" | "$(dirname "$0")/compare_logits.sh" "$folder"
