#!/bin/bash
# Fails where a file names a folder of one particular machine: the repository must work wherever it is cloned.
set -euo pipefail
cd "$(dirname "$0")/../.."
if grep -rnIE --exclude-dir=build --exclude-dir=.cache --exclude-dir=.git --exclude=.git '(^|[^A-Za-z0-9_.}])/(work|opt|home|root)/' .; then
  echo "the paths above exist on one machine only"
  exit 1
fi
