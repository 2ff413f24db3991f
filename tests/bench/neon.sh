#!/bin/bash
# neon.sh [--xnnpack CHECKOUT] [--loops] [--counts] [--network FLOAT.lnt SAMPLE.npy INT8.lnt SAMPLE.npy]...: how linnet's NEON
# kernels fit Arm's cores, without one at hand. Prints
# - what the inner loops of the 64-bit and 32-bit kernels for float32 and for int8 take on Cortex-A53, A55, A72 and A76, by llvm-mca
#   and, for those whose models in LLVM do not fit them, by rules of issue (tests/bench/neon/cores.py);
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

# build_xnnpack BITS COMPILER FLAGS SOURCE...: XNNPACK's kernels and the program that runs layers on them. Their headers want the
# name of a type of pthreadpool.
build_xnnpack() {
  local to=$folder/xnnpack$1 compiler=$2 flags=$3 source objects=()
  mkdir -p "$to"
  echo 'typedef struct pthreadpool* pthreadpool_t;' >"$to/pthreadpool.h"
  for source in "${@:4}"; do
    objects+=("$to/$(basename "$source").o")
    "$compiler-gcc" -O2 -DNDEBUG $flags -I"$xnnpack" -I"$xnnpack/include" -I"$to" -c "$xnnpack/src/$source" -o "${objects[-1]}"
  done
  "$compiler-g++" -std=c++20 -O2 -I"$root" tests/bench/neon_layers.cpp tests/bench/neon_layers_xnnpack.cpp "${objects[@]}" \
    -o "$to/neon_layers"
}

peer_objects=() peer64=() peer32=()
if [[ -n $xnnpack ]]; then
  depthwise="qs8-qc8w-dwconv/gen/qs8-qc8w-dwconv-9p16c-minmax-fp32-neonv8-mla8-ld64.c"
  build_xnnpack 64 aarch64-linux-gnu -march=armv8.2-a+dotprod \
    f32-gemm/gen/f32-gemm-{6x8-minmax-asm-aarch64-neonfma-cortex-a{53-prfm,55,75-prfm},4x8-minmax-asm-aarch64-neonfma-cortex-a75-prfm}.S \
    f32-igemm/{gen/f32-igemm-{6x8-minmax-asm-aarch64-neonfma-cortex-a{53-prfm,75-prfm},4x8-minmax-asm-aarch64-neonfma-cortex-a75-prfm},f32-igemm-6x8-minmax-asm-aarch64-neonfma-cortex-a55}.S \
    f32-dwconv/{gen/f32-dwconv-9p8c-minmax-neonfma.c,f32-dwconv-9p4c-minmax-asm-aarch64-neonfma-cortex-a55.S} \
    qs8-qc8w-gemm/gen/qs8-qc8w-gemm-{4x16-minmax-fp32-asm-aarch64-neon-mlal-lane-cortex-a53-prfm,2x8c8-minmax-fp32-asm-aarch64-neon-mlal-prfm,4x16c4-minmax-fp32-asm-aarch64-neondot-{cortex-a55,ld128}}.S \
    qs8-qc8w-igemm/gen/qs8-qc8w-igemm-{4x16-minmax-fp32-asm-aarch64-neon-mlal-lane-cortex-a53-prfm,2x8c8-minmax-fp32-asm-aarch64-neon-mlal-prfm,4x16c4-minmax-fp32-asm-aarch64-neondot-{cortex-a55,ld128}}.S "$depthwise"
  build_xnnpack 32 arm-linux-gnueabihf "-marm -march=armv8-a -mfpu=neon-fp-armv8" \
    qs8-qc8w-gemm/gen/qs8-qc8w-gemm-{4x8-minmax-fp32-asm-aarch32-neonv8-mlal-lane-cortex-a53-prfm.S,2x8c2s4-minmax-fp32-neonv8-mlal.c} \
    qs8-qc8w-igemm/gen/qs8-qc8w-igemm-{4x8-minmax-fp32-asm-aarch32-neonv8-mlal-lane-cortex-a53-prfm.S,2x8c2s4-minmax-fp32-neonv8-mlal.c} "$depthwise"
  peer_objects=("$folder"/xnnpack64/*-gemm-*.o "$folder"/xnnpack64/*-dwconv-*.o)
  peer64=(--peer "$folder/xnnpack64/neon_layers") peer32=(--peer "$folder/xnnpack32/neon_layers")
fi
build linux-aarch64
build linux-armv7
# loops_of ISA ELEMENT BUILD OBJECT... by the tools of the target TRIPLE.
loops_of() {
  python3 -m neon loops --isa "$1" --element "$2" --mca "$mca" --objdump "$triple-objdump" "build/$3/kernels/CMakeFiles/linnet_kernels_$4" \
    "${@:5}"
}
if [[ -n $loops ]]; then
  triple=aarch64-linux-gnu
  loops_of neon64 float linux-aarch64 neon64.dir/instantiate.cpp.o "${peer_objects[@]}"
  loops_of neon64 int8 linux-aarch64 int8_neon64.dir/instantiate_int8.cpp.o "${peer_objects[@]}"
  loops_of neon64dot int8 linux-aarch64 int8_neon64dot.dir/instantiate_int8.cpp.o "${peer_objects[@]}"
  triple=arm-linux-gnueabihf
  loops_of neon32 float linux-armv7 neon32.dir/instantiate.cpp.o
  loops_of neon32 int8 linux-armv7 int8_neon32.dir/instantiate_int8.cpp.o
fi
if [[ -n $counts ]]; then
  for element in float int8; do
    python3 -m neon counts --bits 64 --element $element --emulator "qemu-aarch64;-L;/usr/aarch64-linux-gnu" "${peer64[@]}" \
      build/linux-aarch64/bin/neon_layers
    python3 -m neon counts --bits 32 --element $element --emulator "qemu-arm;-L;/usr/arm-linux-gnueabihf" "${peer32[@]}" \
      build/linux-armv7/bin/neon_layers
  done
fi
if ((${#networks[@]})); then
  python3 -m neon networks --bits 64 --emulator "qemu-aarch64;-L;/usr/aarch64-linux-gnu" build/linux-aarch64/bin/linnet-run "${networks[@]}"
  python3 -m neon networks --bits 32 --emulator "qemu-arm;-L;/usr/arm-linux-gnueabihf" build/linux-armv7/bin/linnet-run "${networks[@]}"
fi
