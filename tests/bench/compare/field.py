"""Who takes part: how each contestant's model file is made and how its process is started."""
import os
import pathlib
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np

from compare.calibration import int8_name
from compare.make_int8 import SUITE
from compare.process import ContestantError, ContestantProcess, UnableError
from compare.zeros import Zeros

PEERS = {  # module in compare.contestants: heading in the table
    "onnx_runtime": "ONNX Runtime",
    "ncnn_net": "ncnn",
    "mnn_net": "MNN",
    "xnnpack": "XNNPACK",
}
REFERENCE = "onnx_runtime"  # whose output the others' must agree with
LINNET = "linnet"
LINNET_FLOAT = "linnet_float32"  # beside int8
LINNET_DENSE = "linnet_dense"  # the network with all its weights, beside a pruned one
DENSE_PEERS = {"mnn_net_dense": "mnn_net", "xnnpack_dense": "xnnpack"}  # the pruned network as any other, beside sparse inference
TITLES = {LINNET: "linnet", LINNET_FLOAT: "linnet float32", LINNET_DENSE: "linnet dense", **PEERS,
          **{name: f"{PEERS[peer]} dense" for name, peer in DENSE_PEERS.items()}}

WITHOUT_INT8 = {"ncnn_net": "neither its package nor pnnx makes int8 networks"}
SUITE_PEER = "xnnpack"  # reads MLPerf Tiny's files

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
    precision: str
    zeros: Zeros = None  # of float32
    cores: list = field(init=False)

    def __post_init__(self):
        allowed = sorted(os.sched_getaffinity(0))
        if self.threads > len(allowed):
            raise SystemExit(f"compare: {self.threads} threads need as many cores, {len(allowed)} are allowed to this process")
        self.cores = allowed[-self.threads:]  # the first ones serve most interrupts

    def model(self, network):
        """The name of the network's files."""
        if self.zeros:
            return self.zeros.name(network)
        return int8_name(network) if self.precision == "int8" else network

    def contestants(self):
        if self.precision == "int8":
            return [LINNET, LINNET_FLOAT, *PEERS]
        if self.zeros:
            return [REFERENCE, LINNET, LINNET_DENSE, *(name for pair in DENSE_PEERS.items() for name in reversed(pair))]
        return [REFERENCE, LINNET, *(peer for peer in PEERS if peer != REFERENCE)]

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
        return self.start("peak", [self.build / "bin/peak_contestant", isa, self.precision, self.threads])


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
    if code < 0:
        raise ContestantError(f"not converted: ended with signal {signal.Signals(-code).name}")
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
    if not source.exists():
        source = setting.models / f"{model}.tflite"  # the suite's
    if not target.exists() or target.stat().st_mtime < max(tool.stat().st_mtime, source.stat().st_mtime):
        run_converter([tool, "convert", source, "-o", target], setting.models / f"{model}.linnet.log")


def peer_command(peer, action, setting, *arguments):
    return [sys.executable, "-m", f"compare.contestants.{peer}", action, setting.models, *arguments]


def make_once(setting, peer, action, network, model):
    """Once for ever: the file `done` says with what result."""
    done = setting.models / f"{model}.{peer}.done"
    if not done.exists():
        try:
            run_converter(peer_command(peer, action, setting, network), setting.models / f"{model}.{peer}.log")
            done.write_text("")
        except ContestantError as error:
            done.write_text(str(error))
    if done.read_text():
        raise ContestantError(done.read_text())


def convert_for_peer(setting, peer, network, action):
    if setting.precision == "int8" and peer in WITHOUT_INT8:
        raise UnableError(WITHOUT_INT8[peer])
    if setting.zeros:
        model = setting.model(network)
        make_once(setting, peer, "convert", model, model)
        if action == "serve_sparse":
            make_once(setting, peer, "sparsify", model, f"{model}.sparse")
        return
    if network in SUITE:
        if peer != SUITE_PEER:
            raise UnableError("it does not read LiteRT's files")
        return
    make_once(setting, peer, "convert", network, network)
    if setting.precision == "int8":
        make_once(setting, peer, "quantize", network, setting.model(network))


def start_linnet(setting, name, model):
    convert_for_linnet(setting, model)
    return setting.start(f"{model}.{name}", [setting.build / "bin/linnet_contestant", setting.models / f"{model}.lnt",
                                             setting.models / f"{model}.npy", setting.threads])


def start_peer(setting, peer, network, action="serve"):
    convert_for_peer(setting, peer, network, action)
    model = setting.model(network)
    return setting.start(f"{model}.{peer}.{action}", peer_command(peer, action, setting, model, setting.threads))


def start_contestant(setting, name, network):
    if name in (LINNET_FLOAT, LINNET_DENSE):
        return start_linnet(setting, name, network)
    if name == LINNET:
        return start_linnet(setting, name, setting.model(network))
    if name in DENSE_PEERS:
        return start_peer(setting, DENSE_PEERS[name], network)
    return start_peer(setting, name, network, "serve_sparse" if setting.zeros and name != REFERENCE else "serve")


def output_of(setting, process, name, network):
    path = setting.models / f"{setting.model(network)}.{name}.output.npy"
    process.ask(f"output {path}")
    return np.load(path).astype(np.float64)
