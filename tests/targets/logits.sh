#!/bin/bash
# logits.sh FILE.npy: prints a float32 array of ten columns, a row a line. NumPy's format 1.0 has the header's length at
# offset 8 (little endian) and the data behind the header.
set -euo pipefail
length=$(od -A n -t u2 -j 8 -N 2 "$1")
od -A n -v -t f4 -w40 -j $((10 + length)) "$1"
