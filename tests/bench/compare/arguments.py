"""The command line of compare.sh; needs no package, so that it can be checked before any is installed."""
import argparse
import pathlib

from compare.zeros import parse_zeros

BUILD = pathlib.Path(__file__).resolve().parents[3] / "build"
ISAS = ("avx2", "avxvnni", "avx512", "native")
PRECISIONS = ("float32", "int8")


def thread_counts(text):
    counts = [int(number) for number in text.split(",")]
    if min(counts) < 1:
        raise ValueError
    return counts


def parse_arguments():
    parser = argparse.ArgumentParser(prog="compare.sh", description="Measures linnet beside ONNX Runtime, ncnn, MNN and XNNPACK.")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32",
                        help="int8: the networks quantized, MLPerf Tiny's int8 files, and linnet's float32 beside them")
    parser.add_argument("--zeros", type=parse_zeros, metavar="P%[,block=4x1|16x1]",
                        help="float32 networks of which that part of every layer's weights, the smallest, are zeros: sparse inference "
                             "of linnet, MNN and XNNPACK beside dense")
    parser.add_argument("--isa", choices=ISAS, default="native", help="hide newer instruction sets from every contestant")
    parser.add_argument("--threads", type=thread_counts, default=[1], metavar="N[,N]",
                        help="numbers of threads; each gets a core of its own (default 1)")
    parser.add_argument("--seconds", type=float, default=20, help="to measure each model, at least (default 20)")
    parser.add_argument("--slice", type=float, default=0.1, help="seconds of a contestant's turn in a round (default 0.1)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                        help="cpu: count processor time, for one thread on a machine that is busy otherwise")
    parser.add_argument("--svg", type=pathlib.Path, metavar="FILE", help="draw the results as a bar chart")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD / "desktop", help="CMake's binary folder (default build/desktop)")
    parser.add_argument("--models", type=pathlib.Path, default=BUILD / "bench/models",
                        help="where networks are made and converted (default build/bench/models)")
    parser.add_argument("model", nargs="*", help="default: all")
    arguments = parser.parse_args()
    arguments.build, arguments.models = arguments.build.resolve(), arguments.models.resolve()
    if arguments.zeros and arguments.precision != "float32":
        parser.error("--zeros is measured with float32 only")
    if arguments.clock == "cpu" and arguments.threads != [1]:
        parser.error("--clock cpu adds the threads' times up: it takes one thread only")
    return arguments


if __name__ == "__main__":
    parse_arguments()
