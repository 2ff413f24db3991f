"""python -m neon loops|counts|networks: the tables of neon.sh."""
import argparse
import os

from neon import counts
from neon.cores import cores, cycles, llvm_cycles, llvm_version
from neon.loops import functions, hottest_loop

DEPTHWISE = ("depthwise_walk<linnet::kernels::isa::{0}, float, "
             "linnet::kernels::depthwise_strip<linnet::kernels::isa::{0}, 3, 1, 7, float>(")
DEPTHWISE_INT8 = "depthwise_strip_int8<linnet::kernels::DepthwiseLanes<linnet::kernels::isa::{}>, {}, true>("
TILE_INT8 = "tile_int8<linnet::kernels::isa::{}, {}>("
WINOGRAD_INT8 = "WinogradInt8<linnet::kernels::isa::{}>::multiply("
PEER_INT8 = "xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_"
PEER_DEPTHWISE_INT8 = ("XNNPACK's depthwise 3x3", "xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64")
# What to show of an object: a function's name contains the text.
KERNELS = {
    ("neon64", "float"): [
        ("GEMM, convolution, Winograd: 8 rows x 8", "tile<linnet::kernels::isa::neon64, 8, 2, 16, float>("),
        ("7 rows x 8", "tile<linnet::kernels::isa::neon64, 7, 2, 16, float>("),
        ("5 rows x 8", "tile<linnet::kernels::isa::neon64, 5, 2, 16, float>("),
        ("4 rows x 16", "tile<linnet::kernels::isa::neon64, 4, 4, 16, float>("),
        ("8 rows x 8 of a narrow panel", "tile<linnet::kernels::isa::neon64, 8, 2, 8, float>("),
        ("1 row x 64", "tile<linnet::kernels::isa::neon64, 1, 16, 16, float>("),
        ("depthwise 3x3, 7 pixels", DEPTHWISE.format("neon64"))],
    ("neon32", "float"): [
        ("GEMM, convolution, Winograd: 4 rows x 8", "tile<linnet::kernels::isa::neon32, 4, 2, 16, float>("),
        ("3 rows x 8", "tile<linnet::kernels::isa::neon32, 3, 2, 16, float>("),
        ("4 rows x 8 of a narrow panel", "tile<linnet::kernels::isa::neon32, 4, 2, 8, float>("),
        ("depthwise 3x3, 7 pixels", DEPTHWISE.format("neon32"))],
    ("neon64", "int8"): [
        ("GEMM, convolution: 3 rows x 8", TILE_INT8.format("neon64", "3, 2")),
        ("1 row x 32", TILE_INT8.format("neon64", "1, 4")),
        ("Winograd: 5 rows x 16", WINOGRAD_INT8.format("neon64")),
        ("depthwise 3x3", DEPTHWISE_INT8.format("neon64", "3, 1, 1")),
        ("depthwise 3x3, every second pixel", DEPTHWISE_INT8.format("neon64", "3, 2, 1")),
        ("depthwise 5x5", DEPTHWISE_INT8.format("neon64", "5, 1, 1"))],
    ("neon64dot", "int8"): [
        ("GEMM, convolution: 6 rows x 16", TILE_INT8.format("neon64dot", "6, 2")),
        ("6 rows x 8", TILE_INT8.format("neon64dot", "6, 1")),
        ("1 row x 64", TILE_INT8.format("neon64dot", "1, 8")),
        ("depthwise 3x3, 2 lines", DEPTHWISE_INT8.format("neon64dot", "3, 1, 2")),
        ("depthwise 3x3, every second pixel", DEPTHWISE_INT8.format("neon64dot", "3, 2, 1")),
        ("depthwise 5x5, 2 lines", DEPTHWISE_INT8.format("neon64dot", "5, 1, 2"))],
    ("neon32", "int8"): [
        ("GEMM, convolution: 2 rows x 8", TILE_INT8.format("neon32", "2, 1")),
        ("1 row x 16", TILE_INT8.format("neon32", "1, 2")),
        ("Winograd: 3 rows x 16", WINOGRAD_INT8.format("neon32")),
        ("depthwise 3x3", DEPTHWISE_INT8.format("neon32", "3, 1, 1")),
        ("depthwise 5x5", DEPTHWISE_INT8.format("neon32", "5, 1, 1"))],
}
PEERS = {
    ("neon64", "float"): [
        ("XNNPACK's 6x8 for Cortex-A53", "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm"),
        ("XNNPACK's 6x8 for Cortex-A55", "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55"),
        ("XNNPACK's 4x8 for Cortex-A72", "xnn_f32_gemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm"),
        ("XNNPACK's 6x8 for Cortex-A76", "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm")],
    ("neon64", "int8"): [
        ("XNNPACK's 4x16 for Cortex-A53", PEER_INT8 + "4x16__asm_aarch64_neon_mlal_lane_cortex_a53_prfm"),
        ("XNNPACK's 2x8 for Cortex-A72", PEER_INT8 + "2x8c8__asm_aarch64_neon_mlal_prfm"),
        PEER_DEPTHWISE_INT8],
    ("neon64dot", "int8"): [
        ("XNNPACK's 4x16 for Cortex-A55", PEER_INT8 + "4x16c4__asm_aarch64_neondot_cortex_a55"),
        ("XNNPACK's 4x16 for Cortex-A76", PEER_INT8 + "4x16c4__asm_aarch64_neondot_ld128"),
        PEER_DEPTHWISE_INT8],
}
# The cores whose kernels of XNNPACK an instruction set is set beside.
PEER_CORES = {
    (64, "float"): {"neon64": ("cortex-a53", "cortex-a55", "cortex-a72", "cortex-a76")},
    (64, "int8"): {"neon64": ("cortex-a53", "cortex-a72"), "neon64dot": ("cortex-a55", "cortex-a76")},
    (32, "float"): {"neon32": ()},
    (32, "int8"): {"neon32": ("cortex-a53", "cortex-a72")},
}
# Of one instruction.
MOST_MULTIPLY_ADDS = {"float": 4, "int8": 16}


def row(cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def header(cells):
    row(cells)
    print("|" + "---|" * len(cells))


def loops(arguments):
    isa, integers = arguments.isa, arguments.element == "int8"
    columns = cores(arguments.mca, isa, integers)
    a53_of_llvm = isa == "neon64" and not integers
    print(f"Inner loops of {isa}, {arguments.element}, LLVM {llvm_version(arguments.mca)}: cycles of an iteration and "
          "multiplies as a fraction of the core's rate ("
          + ", ".join(f"{name} {rate}" for name, rate in {core.name.split()[0]: core.rate for core in columns}.items())
          + " a cycle).\n")
    header(["loop", "instructions", "of them multiplies", *["multiply-adds", "additions of products"] * integers, "stack accesses",
            *(core.name for core in columns), *["A53 by LLVM"] * a53_of_llvm])
    found = {}
    for path in arguments.objects:
        found.update(functions(arguments.objdump, path))
    peers = PEERS.get((isa, arguments.element), [])
    for title, part in KERNELS[isa, arguments.element] + peers:
        name = next((name for name in found if part == name or (part.endswith("(") and part in name)), None)
        if name is None:
            if (title, part) in peers:
                continue
            raise SystemExit(f"no function {part}...) in {', '.join(arguments.objects)}")
        loop = hottest_loop(found[name])
        cells = [title, len(loop.instructions), loop.multiplies, *[loop.multiply_adds, loop.additions] * integers, loop.spills]
        for core in columns:
            taken = cycles(arguments.mca, loop, isa, core)
            cells.append(f"{taken:.1f}, {loop.multiplies / core.rate / taken:.0%}")
        if a53_of_llvm:
            cells.append(f"{loop.multiplies / llvm_cycles(arguments.mca, loop, isa, 'cortex-a53'):.0%}")
        row(cells)
    print()


def count(arguments):
    emulator, element, most = arguments.emulator.split(";"), arguments.element, MOST_MULTIPLY_ADDS[arguments.element]
    print(f"Executed instructions of a layer with bias and ReLU6, {element}, {arguments.bits} bits; in brackets for {most} "
          "multiply-adds.\n")
    groups = {isa: peers if arguments.peer else () for isa, peers in PEER_CORES[arguments.bits, element].items()}
    header(["layer", *(title for isa, peers in groups.items() for title in (
        isa, *(f"XNNPACK for {core}" for core in peers), *[f"{isa} / XNNPACK"] * bool(peers)))])
    for layer, macs in counts.layers(emulator, arguments.program, element):
        cells = [layer.replace("_", " ")]
        for isa, peers in groups.items():
            mine = counts.instructions(emulator, arguments.program, element, layer, isa)
            theirs = [counts.instructions(emulator, arguments.peer, element, layer, core) for core in peers]
            cells += [*(f"{n:,} ({most * n / macs:.2f})" for n in [mine, *theirs]),
                      *[", ".join(f"{mine / n:.2f}" for n in theirs)] * bool(peers)]
        row(cells)
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
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("loops")
    command.add_argument("--isa", choices=("neon64", "neon64dot", "neon32"), required=True)
    command.add_argument("--element", choices=("float", "int8"), required=True)
    command.add_argument("--mca", required=True, help="llvm-mca")
    command.add_argument("--objdump", required=True)
    command.add_argument("objects", nargs="+")
    command.set_defaults(run=loops)
    command = commands.add_parser("counts")
    command.add_argument("--bits", type=int, choices=(32, 64), required=True)
    command.add_argument("--element", choices=("float", "int8"), required=True)
    command.add_argument("--emulator", required=True, help="its words separated by semicolons")
    command.add_argument("--peer", help="neon_layers of XNNPACK")
    command.add_argument("program", help="neon_layers of linnet")
    command.set_defaults(run=count)
    command = commands.add_parser("networks")
    command.add_argument("--bits", type=int, choices=(32, 64), required=True)
    command.add_argument("--emulator", required=True, help="its words separated by semicolons")
    command.add_argument("program", help="linnet-run")
    command.add_argument("files", nargs="+", help="for each network FLOAT.lnt SAMPLE.npy INT8.lnt SAMPLE.npy")
    command.set_defaults(run=networks)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
