#!/bin/bash
# Fails where a C or C++ file is not formatted as .clang-format says.
set -euo pipefail
cd "$(dirname "$0")/../.."
find engine kernels converter targets tests -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.inc' |
  sort | xargs clang-format --dry-run -Werror
