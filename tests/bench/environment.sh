# What compare.sh and quantizers.sh share. They set `root`, the source tree, and `folder`, which logs go to.

# Makes environment $1 from requirements file $2, again where the file has changed. A package that cannot be installed does not
# keep the others away: the table will tell who is missing.
environment() {
  cmp -s "$2" "$1/requirements" && return
  echo "installing $(basename "$2") into $1" >&2
  [[ -x $1/bin/pip ]] || python3 -m venv "$1"
  if ! "$1/bin/pip" install --quiet --requirement "$2" >&2; then
    grep -v '^#' "$2" | while read -r package; do "$1/bin/pip" install --quiet "$package" >&2 || true; done
  fi
  cp "$2" "$1/requirements"
}

# Builds the named targets of the desktop preset.
build_desktop() {
  if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$root
  fi
  (cd "$root" && cmake --preset desktop) >"$folder/cmake.log" || { cat "$folder/cmake.log"; exit 1; }
  cmake --build "$root/build/desktop" --parallel "$(nproc)" --target "$@" >"$folder/build.log" || { cat "$folder/build.log"; exit 1; }
}
