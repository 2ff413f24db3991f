#!/bin/bash
# unpack_packages.sh ARCHITECTURE FOLDER PACKAGE...: unpacks Debian packages of another architecture into FOLDER, for a cross
# compiler. Nothing is installed and the system's package lists stay as they are; apt checks signatures as always.
set -euo pipefail
architecture=$1 folder=$2
shift 2
rm -rf "$folder"
mkdir -p "$folder/apt/state/lists/partial" "$folder/apt/cache/archives/partial"
cd "$folder/apt"
touch status
apt() {
  apt-get --quiet -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" -o APT::Sandbox::User="$(id -un)" \
    -o Dir::State="$PWD/state" -o Dir::State::status="$PWD/status" -o Dir::Cache="$PWD/cache" "$@"
}
apt update || true  # a source without this architecture is no reason to give up: what cannot be had fails below
apt download "$@"
for package in *.deb; do dpkg-deb --extract "$package" "$folder"; done
rm -r "$folder/apt"
