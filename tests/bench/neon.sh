#!/bin/bash
# neon.sh [--xnnpack CHECKOUT] [--loops] [--counts] [--network FLOAT.lnt SAMPLE.npy INT8.lnt SAMPLE.npy]...: how linnet's NEON
# kernels fit Arm's cores, without one at hand. Prints
# - what the inner loops of the 64-bit and 32-bit kernels take on Cortex-A53, A55, A72 and A76, by llvm-mca and, for the A53, whose
#   model in LLVM does not fit it, by rules of issue (tests/bench/neon/cores.py);
# - how many instructions whole layers take under qemu-user.
# --loops or --counts prints one of both; --network prints instead how many instructions a network takes with float32 and with
# int8. With a checkout of https://github.com/google/XNNPACK the layers are also printed for the kernels that XNNPACK chooses for
# these cores. LLVM_MCA names llvm-mca; the model that fits the A76 came with LLVM 16. Needs the packages of
# targets/linux-aarch64 and linux-armv7, llvm, qemu-user and Python 3.9.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
xnnpack= loops= counts= networks=()
while (($#)); do
  case $1 in
    --xnnpack) xnnpack=$(cd "$2" && pwd); shift ;;
    --loops) loops=1 ;;
    --counts) counts=1 ;;
    --network) for file in "${@:2:4}"; do networks+=("$(realpath "$file")"); done; shift 4 ;;
    *) sed -n '2,/^set/s/^# \?//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
if [[ -z $loops$counts && ${#networks[@]} -eq 0 ]]; then loops=1 counts=1; fi

# The newest one that is installed.
mca=${LLVM_MCA:-$(compgen -c llvm-mca | grep -E '^llvm-mca(-[0-9]+)?$' | sort -t- -k3 -n | tail -1 || true)}
[[ -n $mca ]] || { echo "neon.sh: llvm-mca is missing (package llvm), and LLVM_MCA does not name it" >&2; exit 1; }
export PYTHONPATH=$root/tests/bench PYTHONDONTWRITEBYTECODE=1
folder=$root/build/bench/neon
mkdir -p "$folder"
cd "$root"

if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$root
fi
# build PRESET: the kernels and what runs them.
build() {
  { cmake --preset "$1" && cmake --build --preset "$1" --target neon_layers linnet-run; } >"$folder/$1.log" 2>&1 ||
    { cat "$folder/$1.log"; exit 1; }
}

# XNNPACK's kernels for a 64-bit core and the program that runs layers on them. Their headers want the name of a type of pthreadpool.
build_xnnpack() {
  local compiler=aarch64-linux-gnu-g++ source objects=()
  echo 'typedef struct pthreadpool* pthreadpool_t;' >"$folder/pthreadpool.h"
  for source in f32-gemm/gen/f32-gemm-{6x8-minmax-asm-aarch64-neonfma-cortex-a{53-prfm,55,75-prfm},4x8-minmax-asm-aarch64-neonfma-cortex-a75-prfm}.S \
    f32-igemm/{gen/f32-igemm-{6x8-minmax-asm-aarch64-neonfma-cortex-a{53-prfm,75-prfm},4x8-minmax-asm-aarch64-neonfma-cortex-a75-prfm},f32-igemm-6x8-minmax-asm-aarch64-neonfma-cortex-a55}.S \
    f32-dwconv/{gen/f32-dwconv-9p8c-minmax-neonfma.c,f32-dwconv-9p4c-minmax-asm-aarch64-neonfma-cortex-a55.S}; do
    objects+=("$folder/$(basename "$source").o")
    "${compiler/g++/gcc}" -O2 -DNDEBUG -I"$xnnpack" -I"$xnnpack/include" -I"$folder" -c "$xnnpack/src/$source" -o "${objects[-1]}"
  done
  "$compiler" -std=c++20 -O2 -I"$root" tests/bench/neon_layers.cpp tests/bench/neon_layers_xnnpack.cpp "${objects[@]}" \
    -o "$folder/neon_layers_xnnpack"
}

peer_objects=() peer=()
if [[ -n $xnnpack ]]; then
  build_xnnpack
  peer_objects=("$folder"/f32-gemm-*.o) peer=(--peer "$folder/neon_layers_xnnpack")
fi
build linux-aarch64
build linux-armv7
if [[ -n $loops ]]; then
  objects=kernels/CMakeFiles/linnet_kernels_neon
  python3 -m neon --bits 64 loops --mca "$mca" --objdump aarch64-linux-gnu-objdump \
    "build/linux-aarch64/${objects}64.dir/instantiate.cpp.o" "${peer_objects[@]}"
  python3 -m neon --bits 32 loops --mca "$mca" --objdump arm-linux-gnueabihf-objdump \
    "build/linux-armv7/${objects}32.dir/instantiate.cpp.o"
fi
if [[ -n $counts ]]; then
  python3 -m neon --bits 64 counts --emulator "qemu-aarch64;-L;/usr/aarch64-linux-gnu" "${peer[@]}" build/linux-aarch64/bin/neon_layers
  python3 -m neon --bits 32 counts --emulator "qemu-arm;-L;/usr/arm-linux-gnueabihf" build/linux-armv7/bin/neon_layers
fi
if ((${#networks[@]})); then
  python3 -m neon --bits 64 networks --emulator "qemu-aarch64;-L;/usr/aarch64-linux-gnu" build/linux-aarch64/bin/linnet-run "${networks[@]}"
  python3 -m neon --bits 32 networks --emulator "qemu-arm;-L;/usr/arm-linux-gnueabihf" build/linux-armv7/bin/linnet-run "${networks[@]}"
fi
