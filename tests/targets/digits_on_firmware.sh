#!/bin/bash
# digits_on_firmware.sh MODEL_FOLDER COMMAND...: runs the firmware by COMMAND and compares what it prints with PyTorch's
# logits (the emulator sends the console to standard error): every prediction is the same, no logit differs by more than the tolerance.
set -euo pipefail
folder=$1
shift
output=$(timeout 100 "$@" 2>&1)
head -3 <<<"$output"

# The float32 values of a .npy file, one a line; format 1.0 has the header's length at offset 8.
npy_floats() {
  local length
  length=$(od -A n -t u2 -j 8 -N 2 "$1")
  od -A n -v -t f4 -w4 -j $((10 + length)) "$1"
}

awk -v tolerance=1e-4 '
  function prediction(values, first, count,   i, best) {
    best = 0
    for (i = 1; i < count; ++i) if (values[first + i] > values[first + best]) best = i
    return best
  }
  FNR == NR { expected[wanted_values++] = $1 + 0; next }
  $1 == "image" {
    classes = NF - 5
    first = images * classes
    if ($2 != images) { print "image " images " is missing"; failed = 1; exit }
    if ($4 != prediction(expected, first, classes)) {
      print "image " images ": predicted " $4 ", PyTorch " prediction(expected, first, classes)
      failed = 1
    }
    for (i = 0; i < classes; ++i) {
      difference = $(6 + i) - expected[first + i]
      if (difference < 0) difference = -difference
      if (!(difference <= tolerance)) { print "image " images " logit " i ": " $(6 + i) ", PyTorch " expected[first + i]; failed = 1 }
      if (difference > largest) largest = difference
    }
    ++images
  }
  END {
    if (images == 0 || images * classes != wanted_values) { print images + 0 " images ran, expected " wanted_values " logits"; failed = 1 }
    print images + 0 " images, largest difference of a logit " largest + 0 ", tolerance " tolerance
    exit failed
  }' <(npy_floats "$folder/test_logits.npy") - <<<"$output"
