#!/bin/bash
# digits_on_firmware.sh DIGITS_FOLDER COMMAND...: runs the firmware by COMMAND, which sends its console to standard error, and
# compares what it prints with PyTorch's logits.
set -euo pipefail
folder=$1
shift
output=$(timeout 100 "$@" 2>&1) || { head -20 <<<"$output"; exit 1; }
head -2 <<<"$output"
awk '$1 == "image" { for (i = 0; i < 10; ++i) printf "%s ", $(6 + i); print $4 }' <<<"$output" |
  "$(dirname "$0")/compare_logits.sh" "$folder"
