#!/bin/bash
# firmware_budget.sh BUDGET CORE ELF: prints the image's sections and fails where one is above its line in BUDGET
# ("CORE SECTION BYTES").
set -euo pipefail
budget=$1 core=$2 elf=$3
arm-none-eabi-size -A "$elf" | awk -v core="$core" '
  FNR == NR { if ($1 == core) limit[$2] = $3; next }
  $1 in limit {
    verdict = "ok"
    if ($2 > limit[$1]) { verdict = "above the budget"; failed = 1 }
    printf "%s %-6s %7d of %7d bytes: %s\n", core, $1, $2, limit[$1], verdict
    seen[$1] = 1
  }
  END {
    for (section in limit) ++lines
    for (section in limit) if (!(section in seen)) { print core " " section ": not in the image"; failed = 1 }
    if (lines == 0) { print "no line for " core " in the budget"; failed = 1 }
    exit failed
  }' "$budget" -
