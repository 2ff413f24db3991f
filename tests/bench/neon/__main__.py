"""python -m neon loops|counts|networks: the tables of neon.sh."""
import argparse
import os

from neon import counts
from neon.cores import cores, cycles, llvm_cycles, llvm_version
from neon.loops import functions, hottest_loop

DEPTHWISE = ("depthwise_walk<linnet::kernels::isa::{0}, float, "
             "linnet::kernels::depthwise_strip<linnet::kernels::isa::{0}, 3, 1, 7, float>(")
# What to show of an object: a function's name contains the text.
KERNELS = {
    64: [("GEMM, convolution, Winograd: 8 rows x 8", "tile<linnet::kernels::isa::neon64, 8, 2, 16, float>("),
         ("7 rows x 8", "tile<linnet::kernels::isa::neon64, 7, 2, 16, float>("),
         ("5 rows x 8", "tile<linnet::kernels::isa::neon64, 5, 2, 16, float>("),
         ("4 rows x 16", "tile<linnet::kernels::isa::neon64, 4, 4, 16, float>("),
         ("8 rows x 8 of a narrow panel", "tile<linnet::kernels::isa::neon64, 8, 2, 8, float>("),
         ("1 row x 64", "tile<linnet::kernels::isa::neon64, 1, 16, 16, float>("),
         ("depthwise 3x3, 7 pixels", DEPTHWISE.format("neon64"))],
    32: [("GEMM, convolution, Winograd: 4 rows x 8", "tile<linnet::kernels::isa::neon32, 4, 2, 16, float>("),
         ("3 rows x 8", "tile<linnet::kernels::isa::neon32, 3, 2, 16, float>("),
         ("4 rows x 8 of a narrow panel", "tile<linnet::kernels::isa::neon32, 4, 2, 8, float>("),
         ("depthwise 3x3, 7 pixels", DEPTHWISE.format("neon32"))],
}
PEER = [("XNNPACK's 6x8 for Cortex-A53", "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm"),
        ("XNNPACK's 6x8 for Cortex-A55", "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55"),
        ("XNNPACK's 4x8 for Cortex-A72", "xnn_f32_gemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm"),
        ("XNNPACK's 6x8 for Cortex-A76", "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm")]
PEER_CORES = ("cortex-a53", "cortex-a55", "cortex-a72", "cortex-a76")


def row(cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def header(cells):
    row(cells)
    print("|" + "---|" * len(cells))


def loops(arguments):
    columns = cores(arguments.mca, arguments.bits)
    a53_of_llvm = arguments.bits == 64
    print(f"Inner loops, {arguments.bits} bits, LLVM {llvm_version(arguments.mca)}: cycles of an iteration and "
          "multiply-adds as a fraction of the core's rate ("
          + ", ".join(f"{core.name.split()[0]} {core.rate}" for core in columns if "LLVM" in core.name) + " a cycle).\n")
    header(["loop", "instructions", "of them multiply-adds", "stack accesses",
            *(core.name for core in columns), *["A53 by LLVM"] * a53_of_llvm])
    found = {}
    for path in arguments.objects:
        found.update(functions(arguments.objdump, path))
    for title, part in KERNELS[arguments.bits] + PEER:
        name = next((name for name in found if part == name or (part.endswith("(") and part in name)), None)
        if name is None:
            if (title, part) in PEER:
                continue
            raise SystemExit(f"no function {part}...) in {', '.join(arguments.objects)}")
        loop = hottest_loop(found[name])
        cells = [title, len(loop.instructions), loop.multiply_adds, loop.spills]
        for core in columns:
            taken = cycles(arguments.mca, loop, arguments.bits, core)
            cells.append(f"{taken:.1f}, {loop.multiply_adds / core.rate / taken:.0%}")
        if a53_of_llvm:
            cells.append(f"{loop.multiply_adds / llvm_cycles(arguments.mca, loop, 64, 'cortex-a53'):.0%}")
        row(cells)
    print()


def count(arguments):
    emulator = arguments.emulator.split(";")
    print(f"Executed instructions of a layer with bias and ReLU6, {arguments.bits} bits; in brackets for a vector of four "
          "multiply-adds.\n")
    peers = PEER_CORES if arguments.peer else ()
    header(["layer", "linnet", *(f"XNNPACK for {core}" for core in peers), *["linnet / XNNPACK"] * bool(peers)])
    for layer, macs in counts.layers(emulator, arguments.program):
        mine = counts.instructions(emulator, arguments.program, layer)
        theirs = [counts.instructions(emulator, arguments.peer, layer, core) for core in peers]
        row([layer.replace("_", " "), *(f"{n:,} ({4 * n / macs:.2f})" for n in [mine, *theirs]),
             *[", ".join(f"{mine / n:.2f}" for n in theirs)] * bool(peers)])
    print()


def networks(arguments):
    isas = {64: ("neon64", "neon64dot"), 32: ("neon32",)}[arguments.bits]
    print(f"Executed instructions of a network with float32 and with int8, {arguments.bits} bits.\n")
    header(["network", f"{isas[0]} float32", *(f"{isa} int8 (float32 / int8)" for isa in isas)])
    emulator, files = arguments.emulator.split(";"), arguments.files
    for floats, float_sample, integers, integer_sample in zip(*[iter(files)] * 4):
        base = counts.network_instructions(emulator, arguments.program, floats, isas[0], float_sample)
        found = [counts.network_instructions(emulator, arguments.program, integers, isa, integer_sample) for isa in isas]
        row([os.path.splitext(os.path.basename(integers))[0], f"{base:,}", *(f"{n:,} ({base / n:.2f})" for n in found)])
    print()


def main():
    parser = argparse.ArgumentParser(prog="neon")
    parser.add_argument("--bits", type=int, choices=(32, 64), required=True)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("loops")
    command.add_argument("--mca", required=True, help="llvm-mca")
    command.add_argument("--objdump", required=True)
    command.add_argument("objects", nargs="+")
    command.set_defaults(run=loops)
    command = commands.add_parser("counts")
    command.add_argument("--emulator", required=True, help="its words separated by semicolons")
    command.add_argument("--peer", help="neon_layers of XNNPACK")
    command.add_argument("program", help="neon_layers of linnet")
    command.set_defaults(run=count)
    command = commands.add_parser("networks")
    command.add_argument("--emulator", required=True, help="its words separated by semicolons")
    command.add_argument("program", help="linnet-run")
    command.add_argument("files", nargs="+", help="for each network FLOAT.lnt SAMPLE.npy INT8.lnt SAMPLE.npy")
    command.set_defaults(run=networks)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
