#!/bin/bash
# clang_tidy.sh BUILD_DIRECTORY: runs clang-tidy with the committed configuration over every source file of kernels, engine,
# converter and targets that the build compiles. A file that passed is not checked again until it, one of the repository's
# headers that it includes, a .clang-tidy or clang-tidy itself changes (BUILD_DIRECTORY/clang-tidy remembers what passed).
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
export build=$1
export results=$build/clang-tidy
mkdir -p "$results"
version=$(clang-tidy --version | sha256sum)
export version
# GCC's commands without what Clang does not know.
sed 's/ -fno-tree-loop-distribute-patterns//g' "$build/compile_commands.json" >"$results/compile_commands.json"

# "SOURCE DEPENDENCY..." of every object, relative to the repository: the first dependency that ninja has recorded for an
# object is its source. With ccache ninja sees relative paths, otherwise absolute ones.
dependencies() {
  ninja -C "$build" -t deps | awk -v root="$root/" -v build="$build/" -v up="$(realpath --relative-to="$build" "$root")/" '
    /^[^ ].*: #deps/ { if (line != "") print line; line = ""; next }
    NF == 1 && index($1, build) != 1 {
      path = index($1, root) == 1 ? substr($1, length(root) + 1) : index($1, up) == 1 ? substr($1, length(up) + 1) : ""
      if (path != "") line = line == "" ? path : line " " path
    }
    END { if (line != "") print line }' | sort -u -k1,1
}

check() {
  local source=$1 key
  key=$({ echo "$version"; cat .clang-tidy */.clang-tidy "$@"; } | sha256sum | cut -c1-32)
  [[ -e $results/$key ]] && return
  echo "clang-tidy $source"
  clang-tidy --quiet -p "$results" --extra-arg=-Wno-unknown-warning-option "$source" 2>"$results/$key.errors" || {
    cat "$results/$key.errors"
    return 1
  }
  rm "$results/$key.errors"
  touch "$results/$key"
}
export -f check

dependencies | grep -E "^(kernels|engine|converter|targets)/[^ ]*\.(c|cpp) " |
  tr '\n' '\0' | xargs -0 -P "$(nproc)" -I '{}' bash -c 'check $1' check '{}'
