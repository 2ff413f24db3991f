"""What every Python contestant does: converts a model for its engine, or loads it and obeys commands until its input ends.

    python -m compare.contestants.NAME convert FOLDER MODEL
    python -m compare.contestants.NAME quantize FOLDER MODEL
    python -m compare.contestants.NAME sparsify FOLDER MODEL
    python -m compare.contestants.NAME serve FOLDER MODEL THREADS
    python -m compare.contestants.NAME serve_exactly FOLDER MODEL THREADS
    python -m compare.contestants.NAME serve_sparse FOLDER MODEL THREADS

quantize makes the int8 network MODEL_int8. serve_exactly runs a quantized model by arithmetic that is exact on every processor,
however slow it is. sparsify makes of a pruned network what serve_sparse runs without multiplying its zeros.

A serving contestant is a process with one model loaded, which is told over its standard input what to do, one command a
line, and answers each with one line of JSON. The programs in C++ (contestant.hpp) speak the same protocol:

    (start)             {"ready": true, "version": "...", "exactness": "..."}
    output FILE         {"ok": true}; one run, whose output, flat, is in FILE (.npy)
    run SECONDS RUNS    {"nanoseconds": [...]}; after one run that does not count, runs until SECONDS have passed and at
                        least RUNS have been measured

Anything that goes wrong is answered with {"error": "..."} and ends the contestant; lines that do not begin with a brace are
the engine's own. The input is written anew before every run and the output read after none: neither is in the measured
time. With LINNET_BENCH_CLOCK=cpu that is the process's processor time, otherwise the time that passed."""
import json
import os
import pathlib
import sys
import time

import numpy as np


class Engine:
    """A loaded model, made from (model file, input array, threads, exact). fill() writes the input, run() is what is measured,
    output() reads the result after a run. Inputs and outputs are real numbers."""

    suffix = ""  # of the converted model's file, behind the model's name
    # What serve_exactly gives beside serve: "bits", the same wherever sums of products do not saturate; "steps", roundings differ;
    # "": there is no such way.
    exactness = ""
    version = ""

    @staticmethod
    def convert(folder, name):
        """Makes folder / (name + suffix) from folder / name.onnx or folder / name.torchscript."""

    @staticmethod
    def quantize(folder, name):
        """Makes folder / (int8_name(name) + suffix), int8, from what convert has made or from folder / (int8_name(name) + ".onnx")."""

    @staticmethod
    def sparsify(folder, name):
        """Makes folder / (name + ".sparse" + suffix) from what convert has made it from or has made."""

    def fill(self):
        raise NotImplementedError

    def run(self):
        raise NotImplementedError

    def output(self):
        raise NotImplementedError


def measure(engine, seconds, runs):
    fill, run = engine.fill, engine.run
    clock = time.process_time_ns if os.environ.get("LINNET_BENCH_CLOCK") == "cpu" else time.monotonic_ns
    fill()
    run()
    times = []
    end = time.monotonic() + seconds
    while len(times) < runs or time.monotonic() < end:
        fill()
        start = clock()
        run()
        times.append(clock() - start)
    return times


def obey(engine, words):
    if words[0] == "output":
        engine.fill()
        engine.run()
        np.save(words[1], np.asarray(engine.output(), np.float32).reshape(-1))
        return {"ok": True}
    if words[0] == "run":
        return {"nanoseconds": measure(engine, float(words[1]), int(words[2]))}
    raise ValueError(f"unknown command {words[0]}")


def serve(engine_class, folder, name, threads, action):
    # Engines print to the standard output as they like; the answers go where it led.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(reply):
        answers.write(json.dumps(reply) + "\n")
        answers.flush()

    try:
        model = name + (".sparse" if action == "serve_sparse" else "") + engine_class.suffix
        engine = engine_class(str(folder / model), np.load(folder / f"{name}.npy"), threads, action == "serve_exactly")
        answer({"ready": True, "version": engine.version, "exactness": engine.exactness})
        for line in sys.stdin:
            answer(obey(engine, line.split()))
    except Exception as error:  # whatever the engine raises belongs in the table's cell
        answer({"error": f"{type(error).__name__}: {error}"})


def main(engine_class):
    action, folder, name = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    if action in ("convert", "quantize", "sparsify"):
        getattr(engine_class, action)(folder, name)
    else:
        serve(engine_class, folder, name, int(sys.argv[4]), action)
