"""Random valid graphs through the converter and the engine, against ONNX Runtime; see graphs.sh."""
import argparse
import collections
import pathlib
import re
import sys
import time

import numpy as np
import onnx

from . import reference
from .check import Case, Checker
from .generate import generate
from .reduce import reduced

BATCH = 100
ENOUGH = 10000  # graphs in which every operator occurs
# ONNX Runtime does not have the first two; behind rounding to integers a difference is a whole step, and quantized networks
# are judged by tests/golden.
UNJUDGED = {"CumProd", "Swish", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}

ROOT = pathlib.Path(__file__).parents[3]


def supported_operators():
    text = (ROOT / "converter/import/onnx_operators.inc").read_text()
    return set(re.findall(r'ONNX_OPERATOR\("(\w+)"', text))



def arguments():
    parser = argparse.ArgumentParser(prog="graphs.sh", description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help="of the run; graph N of a seed is always the same (default 1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first graph (default 0)")
    parser.add_argument("--count", type=int, help="how many graphs (default: as many as --seconds allow)")
    parser.add_argument("--seconds", type=float, help="time to run, where no --count is given (default 60)")
    parser.add_argument("--opset", type=int, help="of all graphs (default: all)")
    parser.add_argument("--most", type=int, default=20, help="end after so many faults of different kinds (default 20)")
    parser.add_argument("--reduce", action="store_true", help="make the first graph of each kind of fault small")
    return parser.parse_args()


class Campaign:
    def __init__(self, options):
        self.options = options
        self.checker = Checker(options.program, options.folder / "now")
        self.graphs, self.invalid, self.not_finite = 0, collections.Counter(), 0
        self.kinds, self.operators = collections.defaultdict(list), collections.Counter()  # graphs of each kind of fault

    def case(self, number):
        """None where ONNX Runtime gives nothing to compare with."""
        model, inputs = generate(f"{self.options.seed}/{number}", self.options.opset)
        try:
            outputs = reference.run(model, inputs)
        except reference.Invalid as error:
            self.invalid[str(error)] += 1
            return None
        if not all(np.isfinite(o).all() for o in outputs if o.dtype.kind == "f"):
            self.not_finite += 1
            return None
        self.operators.update({node.op_type for node in model.graph.node})
        return Case(str(number), model, inputs, outputs)

    def run(self):
        options, start = self.options, time.monotonic()
        last = sys.maxsize if options.count is None else options.first + options.count
        seconds = float("inf") if options.count is not None else options.seconds or 60
        number, told = options.first, start
        while number < last and time.monotonic() - start < seconds and len(self.kinds) < options.most:
            numbers = range(number, min(number + BATCH, last))
            cases = [case for case in map(self.case, numbers) if case is not None]
            for fault in self.checker.faults(cases):
                self.tell(fault, next(case for case in cases if case.name == fault.name))
            self.graphs += len(cases)
            number += len(numbers)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                print(f"{self.graphs} graphs, {self.graphs / (told - start):.0f} a second", file=sys.stderr, flush=True)
        return self.summary(time.monotonic() - start)

    def tell(self, fault, case):
        signature = fault.signature()
        if fault.name in self.kinds[signature]:
            return
        self.kinds[signature].append(fault.name)
        if len(self.kinds[signature]) > 1:
            return
        if self.options.reduce:
            case = reduced(case, self.checker, lambda other: other.signature() == signature)
        case = Case(f"{self.options.seed}_{fault.name}_{fault.kind}", case.model, case.inputs, case.outputs)
        case.write(self.options.folder / "faults")
        print(f"seed {self.options.seed}, graph {fault.name}, opset {case.model.opset_import[0].version}: "
              f"{fault.kind} ({fault.mode}): {fault.text}\n  {self.options.folder}/faults/{case.name}.onnx, inputs and "
              f"expected outputs beside it\n{onnx.printer.to_text(case.model.graph) if self.options.reduce else ''}", flush=True)

    def summary(self, seconds):
        print(f"seed {self.options.seed}: {self.graphs} graphs in {seconds:.0f} s, {sum(map(len, self.kinds.values()))} faults; "
              f"{self.not_finite} more have infinite outputs, {sum(self.invalid.values())} ONNX Runtime refuses; "
              f"{self.checker.ill_conditioned} differences are within what rounding does to the graph")
        for reason, count in self.checker.limits.items():
            print(f"  {count} not converted: {reason}")
        for text, count in self.invalid.most_common(5):
            print(f"  {count} refused by ONNX Runtime: {text}")
        for signature, graphs in self.kinds.items():
            print(f"  {signature}: graphs {', '.join(graphs)}")
        missing = sorted(supported_operators() - UNJUDGED - set(self.operators)) if self.graphs >= ENOUGH and self.options.opset is None else []
        if missing:
            print(f"  no graph has {', '.join(missing)}")
        return 1 if self.kinds or missing else 0


if __name__ == "__main__":
    sys.exit(Campaign(arguments()).run())
