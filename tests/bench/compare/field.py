"""Who takes part: how each contestant's model file is made and how its process is started."""
import os
import pathlib
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np

from compare.process import ContestantError, ContestantProcess

PEERS = {  # module in compare.contestants: heading in the table
    "onnx_runtime": "ONNX Runtime",
    "ncnn_net": "ncnn",
    "mnn_net": "MNN",
    "xnnpack": "XNNPACK",
}
REFERENCE = "onnx_runtime"  # whose output the others' must agree with
LINNET = "linnet"
# Largest difference of outputs, relative to the reference's largest magnitude. Above the first the table says so (Winograd with
# large tiles gets there in deep networks), above the second it is another result, and its time does not count.
REMARKABLE = 1e-3
WRONG = 1e-2

# The C library has chosen its string functions before a preloaded library can mask anything.
NO_AVX512_IN_LIBC = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW"


@dataclass
class Setting:
    """One machine state to measure in: folders, instruction set, cores."""

    build: pathlib.Path  # CMake's binary folder
    models: pathlib.Path
    isa: str
    threads: int
    clock: str
    cores: list = field(init=False)

    def __post_init__(self):
        allowed = sorted(os.sched_getaffinity(0))
        if self.threads > len(allowed):
            raise SystemExit(f"compare: {self.threads} threads need as many cores, {len(allowed)} are allowed to this process")
        self.cores = allowed[-self.threads:]  # the first ones serve most interrupts

    def environment(self):
        environment = dict(os.environ, OMP_NUM_THREADS=str(self.threads), LINNET_BENCH_CLOCK=self.clock)
        if self.isa != "native":
            environment.update(LD_PRELOAD=str(self.build / "tests/bench/libcpuid_mask.so"), LINNET_BENCH_ISA=self.isa)
        if self.isa in ("avx2", "avxvnni"):
            environment["GLIBC_TUNABLES"] = NO_AVX512_IN_LIBC
        return environment

    def start(self, name, command):
        log = self.models / f"{name}.log"
        source = pathlib.Path(__file__).parent.parent
        return ContestantProcess([str(word) for word in command], self.environment(), self.cores, log, source)

    def start_peak(self, isa):
        return self.start("peak", [self.build / "bin/peak_contestant", isa, self.threads])


# A converter that takes longer is given up.
CONVERT_SECONDS = 900


def run_converter(command, log):
    with open(log, "wb") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output,
                                   cwd=pathlib.Path(__file__).parent.parent, start_new_session=True)
        try:
            code = process.wait(CONVERT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ContestantError(f"not converted: took more than {CONVERT_SECONDS} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # with the programs that it runs
                process.wait()
    if code != 0:
        raise ContestantError(f"not converted: {reason(log) or f'exit code {code}'}")


def reason(log):
    """The line of a converter's output that tells most: the last exception that is not about its process, or the last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    exceptions = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line) and not line.startswith("subprocess.")]
    return (exceptions or lines or [""])[-1]


def convert_for_linnet(setting, model):
    tool = setting.build / "bin/linnet"
    source, target = setting.models / f"{model}.onnx", setting.models / f"{model}.lnt"
    if not target.exists() or target.stat().st_mtime < max(tool.stat().st_mtime, source.stat().st_mtime):
        run_converter([tool, "convert", source, "-o", target], setting.models / f"{model}.linnet.log")


def convert_for_peer(setting, peer, model):
    """Once for ever: the file `done` says with what result."""
    done = setting.models / f"{model}.{peer}.done"
    if not done.exists():
        log = setting.models / f"{model}.{peer}.log"
        try:
            run_converter([sys.executable, "-m", f"compare.contestants.{peer}", "convert", setting.models, model], log)
            done.write_text("")
        except ContestantError as error:
            done.write_text(str(error))
    if done.read_text():
        raise ContestantError(done.read_text())


def start_contestant(setting, name, model):
    if name == LINNET:
        convert_for_linnet(setting, model)
        command = [setting.build / "bin/linnet_contestant", setting.models / f"{model}.lnt", setting.models / f"{model}.npy",
                   setting.threads]
    else:
        convert_for_peer(setting, name, model)
        command = [sys.executable, "-m", f"compare.contestants.{name}", "serve", setting.models, model, setting.threads]
    return setting.start(f"{model}.{name}", command)


def output_of(setting, process, name, model):
    path = setting.models / f"{model}.{name}.output.npy"
    process.ask(f"output {path}")
    return np.load(path).astype(np.float64)


def relative_error(output, reference):
    if output.size != reference.size:
        raise ContestantError(f"{output.size} outputs instead of {reference.size}")
    return float(np.abs(output - reference).max() / np.abs(reference).max())
