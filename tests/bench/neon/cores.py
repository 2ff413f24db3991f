"""Cycles of a loop on a core, by llvm-mca or by rules of issue.

LLVM's models up to version 19 at least, as far as these loops are concerned:
- cortex-a53: every instruction waits until its result would not be written before an earlier one's, so that a load stops
  behind a multiply-add for six cycles. The core does not do so.
- cortex-a55: two 128-bit multiply-adds may start in a cycle, and a 128-bit load beside one. The core starts one, which here
  is the rate that figures refer to, and loads 64 bits beside it. So it is with multiplies of int8.
- cortex-a72: Cortex-A57's; one 128-bit multiply-add a cycle.
- cortex-a76: Cortex-A57's as well. neoverse-n1, the same core for servers, has a model of its own from LLVM 16 on.
- 32 bits: cortex-a72 only (Cortex-A57's, with a rate of two that the 64-bit model does not have).
Therefore A53 and A55 are also judged by the rules below.
"""
import re
import subprocess
import tempfile
from dataclasses import dataclass

ITERATIONS = 200


A53, A55 = "A53 by rules", "A55 by rules"


@dataclass(frozen=True)
class Core:
    name: str
    rate: int  # 128-bit multiplies a cycle
    cpu: str = ""  # llvm-mca's; none: by the rules of issue of `name`


def llvm_version(mca):
    text = subprocess.run([mca, "--version"], check=True, capture_output=True, text=True).stdout
    return int(re.search(r"version (\d+)", text)[1])


def cores(mca, isa, integers):
    a72 = Core("A72 by LLVM", 1, "cortex-a72")
    if isa == "neon32":
        return [a72]
    a55 = [Core(A55, 1), Core("A55 by LLVM", 1, "cortex-a55")]
    if llvm_version(mca) >= 16:
        a76 = Core("A76 by LLVM", 2, "neoverse-n1")
    else:
        a76 = Core("A76 by LLVM (as A57)", 2 if integers else 1, "cortex-a76")
    if not integers:
        return [Core(A53, 1), *a55, a72, a76]
    return [*a55, a76] if isa == "neon64dot" else [Core(A53, 1), a72]


def llvm_cycles(mca, loop, isa, cpu):
    bits = 32 if isa == "neon32" else 64
    with tempfile.NamedTemporaryFile("w", suffix=".s") as file:
        file.write(".syntax unified\n.thumb\n.fpu neon-vfpv4\n" * (bits == 32) + loop.text())
        file.flush()
        triple = "aarch64-linux-gnu" if bits == 64 else "thumbv7-linux-gnueabihf"
        text = subprocess.run([mca, f"-mtriple={triple}", f"-mcpu={cpu}", f"-iterations={ITERATIONS}", "-instruction-info=0",
                               "-resource-pressure=0", file.name], check=True, capture_output=True, text=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", text)[1]) / ITERATIONS


# ---- Rules of issue ------------------------------------------------------------------------------------------------
# Two instructions a cycle, in order. What pairs with what and what takes how long follows measurements by others:
# https://github.com/Tencent/ncnn/blob/master/docs/developer-guide/arm-a53-a55-dual-issue.md
VECTOR_LOADS = ("load_d", "load_q", "load_qq")
LATENCY = {"fmla": 8, "multiply": 4, "load_d": 4, "load_q": 5, "load_qq": 6, "load_x": 3, "insert": 2, "vector": 4, "store": 1, "other": 1}
ACCUMULATE_LATENCY = 4  # from an accumulator to the same one
ISSUE_CYCLES = {"load_q": 2, "load_qq": 4}
ACCUMULATE_STAGE = 4  # cycles after an fmla no vector load issues (A53)
# Of int8: as LLVM's A55 has their latencies and as XNNPACK counts its kernels for the A53, one a cycle, a vector load between
# them a cycle more, wherever it stands.
INTEGER_MULTIPLIES = ("smull", "smlal", "sdot", "sadalp", "saddw")


def registers(text):
    return [("v" if name[0] in "vqds" else "x") + name[1:] for name in re.findall(r"\b([vqdsxw]\d+)\b", text)]


@dataclass
class Issue:
    kind: str
    reads: list
    writes: list
    accumulates: str = ""


def classify(instruction):
    operation, _, operands = instruction.partition(" ")
    parts = re.split(r",(?![^\[]*\])\s*", operands)
    first, others = registers(parts[0]), registers(",".join(parts[1:]))
    if operation == "fmla":
        return Issue("fmla", others, first, first[0])
    if operation.rstrip("2") in INTEGER_MULTIPLIES:
        return Issue("multiply", others, first, first[0] if operation[:4] in ("smla", "sdot", "sada") else "")
    if operation in ("ldr", "ldur"):
        kind = {"q": "load_q", "d": "load_d", "s": "load_d"}.get(parts[0][0], "load_x")
        return Issue(kind, others, first)
    if operation == "ldp":
        kind = {"q": "load_qq", "d": "load_q", "s": "load_q"}.get(parts[0][0], "load_x")
        return Issue(kind, registers(parts[2]), first + registers(parts[1]))
    if operation == "ld1r":
        return Issue("load_d", others, first)
    if operation == "ld1":
        return Issue("load_d" if "d}[" in operands or "s}[" in operands else "load_q", others + first, first)
    if operation in ("ins", "fmov") or (operation == "mov" and "[" in parts[0]):
        return Issue("insert", others + first * (operation != "fmov"), first)
    if operation.startswith("st"):
        return Issue("store", first + others, [])
    if operation == "prfm":
        return Issue("load_x", others, [])
    if operation.startswith(("b.", "cb", "tb")) or operation in ("cmp", "nop", "b"):
        return Issue("other", first + others, [])
    return Issue("vector" if first and first[0][0] == "v" else "other", others, first)


def pairs(core, first, second):
    """Whether two neighbouring instructions issue together."""
    kinds = (first.kind, second.kind)
    if any(kind in ("load_q", "load_qq", "vector", "store") for kind in kinds):
        return False
    if all(kind in ("load_d", "load_x") for kind in kinds):
        return False
    multiplies = [kind in ("fmla", "multiply") for kind in kinds]
    if core == A55:
        return not all(multiplies)
    if multiplies[0]:
        return second.kind in ("load_x", "other")
    if multiplies[1]:
        return first.kind == "other"
    return first.kind != "insert" or second.kind != "insert" or first.writes != second.writes


def in_order_cycles(core, loop):
    program = [classify(instruction) for instruction in loop.instructions]
    ready, accumulated, started = {}, {}, set()
    cycle, waiting, ends = 0, None, []  # `waiting`: what has issued in this cycle, with room for one more
    for _ in range(20):
        for issue in program:
            at = max([cycle] + [ready.get(name, 0) for name in issue.reads])
            if issue.accumulates:
                at = max(at, accumulated.get(issue.accumulates, ready.get(issue.accumulates, 0)))
            together = at == cycle and waiting is not None and pairs(core, waiting, issue)
            if at == cycle and not together:
                at += bool(ends) or cycle > 0
            while core == A53 and issue.kind in VECTOR_LOADS and at - ACCUMULATE_STAGE in started:
                at, together = at + 1, False
            cycle, waiting = at, None if together else issue
            if issue.kind == "fmla":
                started.add(at)
            for name in issue.writes:
                ready[name] = at + LATENCY[issue.kind]
                accumulated.pop(name, None)
            if issue.accumulates:
                accumulated[issue.accumulates] = at + ACCUMULATE_LATENCY
            if issue.kind in ISSUE_CYCLES:
                cycle, waiting = at + ISSUE_CYCLES[issue.kind] - 1, None
        ends.append(cycle)
    return (ends[-1] - ends[9]) / 10


def cycles(mca, loop, isa, core):
    found = llvm_cycles(mca, loop, isa, core.cpu) if core.cpu else in_order_cycles(core.name, loop)
    return max(found, loop.multiplies / core.rate)
