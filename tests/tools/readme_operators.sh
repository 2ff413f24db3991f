#!/bin/bash
# readme_operators.sh LINNET README: the operator table of the README is what the tool prints.
set -euo pipefail
diff <("$1" operators) <(sed -n '/^<!-- linnet operators -->$/,/^<!-- end -->$/p' "$2" | sed '1d;$d') ||
  { echo "$2: replace the table by the output of: linnet operators"; exit 1; }
