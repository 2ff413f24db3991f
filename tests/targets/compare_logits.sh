#!/bin/bash
# compare_logits.sh DIGITS_FOLDER: reads one line per test image, its ten logits and behind them, where the device made it,
# its prediction. Every prediction must be PyTorch's and no logit may differ by more than the tolerance.
set -euo pipefail
here=$(dirname "$0")
awk -v tolerance=1e-4 '
  function largest_of_first_ten(   i, best) {
    best = 1
    for (i = 2; i <= 10; ++i) if ($i + 0 > $best + 0) best = i
    return best - 1
  }
  BEGIN { images = 0; largest = 0 }
  function fail(message) { print "image " image ": " message; failed = 1 }
  FNR == NR {
    for (i = 1; i <= 10; ++i) expected[images, i] = $i
    label[images++] = largest_of_first_ten()
    next
  }
  {
    image = FNR - 1
    prediction = NF > 10 ? $11 : largest_of_first_ten()
    if (image < images && prediction != label[image]) fail("predicted " prediction ", PyTorch " label[image])
    for (i = 1; i <= 10; ++i) {
      difference = $i - expected[image, i]
      if (difference < 0) difference = -difference
      if ($i !~ /^-?[0-9]/ || difference > tolerance) fail("logit " i - 1 " is " $i ", PyTorch " expected[image, i])
      if (difference > largest) largest = difference
    }
    ++lines
  }
  END {
    if (lines != images) { print lines + 0 " images ran, " images " expected"; failed = 1 }
    if (!failed) print lines " images, the same predictions, largest difference of a logit " largest
    exit failed
  }' <("$here/logits.sh" "$1/test_logits.npy") -
