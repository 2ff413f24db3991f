"""Runs the program graph_check over cases and sorts what it finds."""
import pathlib
import re
import subprocess

import numpy as np

from . import reference

# Problems of conversion that are limits of the converter, each with its reason.
LIMITS = [(r"window \d+ of spatial dimension \d+ lies entirely in the padding", "a pooling window that sees no pixel has no defined value")]

# Noise changes an output by so much less than two correct evaluations may differ: sums have many roundings.
CONDITION = 16
PASS_TOLERANCE = 1e-4
# Of the largest number in a graph: what is left of the double precision of passes where all else cancels.
CANCELLED = 1e-12
# Operators whose results jump where those before them are equal or nearly so.
JUMPS = {"ArgMax", "ArgMin", "Cast", "Ceil", "Floor", "Round"}


class Fault:
    def __init__(self, name, kind, mode, text):
        self.name, self.kind, self.mode, self.text = name, kind, mode, text

    def signature(self):
        """Alike for faults of one kind."""
        if self.kind in ("mismatch", "threads", "crash"):
            return self.kind
        if "refuses" in self.text:
            return f"{self.kind} {self.text.split('(')[0]}"
        text = re.sub(r"'[^']*'|\b[a-z]\w*_\d+\b|\b[a-z]\d+\b", "*", self.text)
        return f"{self.kind} {re.sub(r'[-+.0-9e]*[0-9][-+.0-9ex,]*', '#', text)}"


class Case:
    def __init__(self, name, model, inputs, outputs):
        self.name, self.model, self.inputs, self.outputs = name, model, inputs, outputs

    def write(self, folder):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.onnx").write_bytes(self.model.SerializeToString())
        arrays = {f"in_{i}": self.inputs[v.name] for i, v in enumerate(self.model.graph.input)}
        np.savez(folder / f"{self.name}.npz", **arrays, **{f"out_{i}": v for i, v in enumerate(self.outputs)})


class Checker:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.limits = {reason: 0 for _, reason in LIMITS}
        self.ill_conditioned = 0

    def faults(self, cases):
        """Those of all cases; the files are removed."""
        for case in cases:
            case.write(self.folder)
        found, names = [], [case.name for case in cases]
        while names:
            result = subprocess.run([self.program, self.folder, *names], capture_output=True, text=True, errors="replace")
            done, name = 0, None
            for line in result.stdout.splitlines():
                if line.startswith("begin "):
                    name, done = line[6:], done + 1
                elif line != "end":
                    head, text = line.split(": ", 1)
                    kind, mode = head.split(" ", 1)
                    found.append(Fault(name, kind, mode, text))
            if result.returncode != 0:
                text = (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
                found.append(Fault(name, "crash", "?", text))
            names = names[max(done, 1):]
        for case in cases:
            for kind in ("onnx", "npz"):
                (self.folder / f"{case.name}.{kind}").unlink()
        return self.judged(found, {case.name: case for case in cases})

    def judged(self, found, cases):
        """Without limits, and without differences that rounding explains."""
        kept, spreads = [], {}
        for fault in found:
            if fault.kind == "error" and any(re.search(pattern, fault.text) for pattern, _ in LIMITS):
                self.limits[next(reason for pattern, reason in LIMITS if re.search(pattern, fault.text))] += 1
                continue
            if self.explained(fault, cases[fault.name], spreads):
                self.ill_conditioned += 1
            else:
                kept.append(fault)
        return kept

    def explained(self, fault, case, spreads):
        """Whether rounding makes the difference. Passes are checked on inputs of their own, which may be badly conditioned."""
        changed = re.match(r"pass \w+ changed output .* by (\S+); its largest element is ([^,]+),", fault.text)
        if fault.kind == "pass" and changed:
            jumps = any(node.op_type in JUMPS for node in case.model.graph.node)
            if jumps or float(changed[1]) <= PASS_TOLERANCE * float(changed[2]):
                return True
            tensors = [*reference.all_tensors(case.model, case.inputs).values(), *case.inputs.values()]
            rounding = CANCELLED * max(np.abs(t[np.isfinite(t)]).max(initial=0) for t in tensors if t.dtype.kind == "f")
            if any(node.op_type == "MeanVarianceNormalization" for node in case.model.graph.node):
                return max(float(changed[1]), float(changed[2])) <= rounding / reference.EPSILON  # in rows of equal elements
            return float(changed[1]) <= rounding
        if fault.kind != "mismatch":
            return False
        key = case.name, "winograd" in fault.mode
        if key not in spreads:
            try:
                spreads[key] = reference.spreads(case.model, case.inputs, case.outputs, key[1])
            except reference.Invalid as error:
                fault.text += f" (and ONNX Runtime refuses the graph with noise: {error})"
                return False
        index, relative = re.match(r"output (\d+) differs by (\S+):", fault.text).groups()
        return float(relative) <= CONDITION * spreads[key][int(index)]
