# To be sourced: install_packages PACKAGE... installs the Debian packages that are missing, as root or with sudo and without
# questions. Without apt-get or without the right to use it, it names what is missing and fails.
install_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system: nothing is installed; needed are, by Debian's names: $*" >&2
    return 0
  fi
  for package in "$@"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local root=()
  if ((EUID != 0)); then root=(sudo); fi
  if ! command -v apt-get >/dev/null || ! command -v "${root[@]:-apt-get}" >/dev/null; then
    echo "missing packages: ${missing[*]}" >&2
    echo "install them as root: apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "installing ${missing[*]}"
  local install=(apt-get install --yes --no-install-recommends "${missing[@]}")
  if ! { "${root[@]}" apt-get update --quiet && "${root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}"; } >/dev/null; then
    echo "apt-get could not install: ${missing[*]}" >&2
    return 1
  fi
}
