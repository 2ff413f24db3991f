"""Whether contestants compute the same.

float32: outputs must agree with ONNX Runtime's of the same network.

int8: engines that quantize by themselves give other numbers, and a rounding that falls the other way shifts what comes behind it, in
deep networks as far as quantizing itself did. Hence two measures, as signal to noise ratios (SQNR):
- of every output beside the float network's. At 0 dB it is as far from it as no output at all: it does not count.
- of an output beside what exact sums give of the same file: linnet's and ONNX Runtime's of the QDQ file beside ONNX Runtime's without
  saturation, XNNPACK's beside LiteRT's reference kernels. An engine whose exact way has the same roundings ("bits") must give the
  same bits. Otherwise 30 dB agree, some steps of an output of 8 bits, and so does what independent roundings of one network give, twice
  the noise that each has beside the float network (3 dB). What is farther is another result.
A peer that fails the latter is inexact: its time is shown, but linnet is not measured by it. linnet's does not count then, nor where
one bit of MLPerf Tiny's networks differs from what TensorFlow Lite Micro computes."""
from contextlib import closing
from dataclasses import replace
from functools import cached_property

import numpy as np

from compare.field import LINNET, LINNET_DENSE, LINNET_FLOAT, REFERENCE, SUITE_PEER, TITLES, output_of, start_peer
from compare.make_int8 import SUITE
from compare.process import ContestantError

# Largest difference of float outputs, relative to the reference's largest magnitude. Above the first the table says so (Winograd
# with large tiles gets there in deep networks), above the second it is another result, and its time does not count.
REMARKABLE = 1e-3
WRONG = 1e-2
AGREEMENT = 30  # dB
INDEPENDENT_ROUNDINGS = 10 * np.log10(2)


def difference(output, reference):
    if output.size != reference.size:
        raise ContestantError(f"{output.size} outputs instead of {reference.size}")
    return output - reference


def relative_error(output, reference):
    return float(np.abs(difference(output, reference)).max() / np.abs(reference).max())


def sqnr(output, reference):
    noise = np.square(difference(output, reference)).sum()
    return float(10 * np.log10(np.square(reference).sum() / noise)) if noise else np.inf


def judge_float(network, name, output, reference, figures):
    figures.error = relative_error(output, reference)
    text = f"{network}: the output of {TITLES[name]} differs by {figures.error:.1e}"
    if not figures.error <= WRONG:
        figures.problem = text + "; not counted"
    elif figures.error > REMARKABLE:
        figures.remark = text


class FloatOutputs:
    """Tells in the figures of contestants how their outputs compare."""

    def __init__(self, network):
        self._network, self._reference = network, None

    def judge(self, name, _, output, figures):
        if name == REFERENCE:  # the first
            self._reference = output
        if self._reference is not None:
            judge_float(self._network, name, output, self._reference, figures)


class PrunedOutputs(FloatOutputs):
    """The same of pruned networks, and of linnet with the network that has all its weights."""

    def __init__(self, setting, network):
        super().__init__(network)
        self._setting = replace(setting, zeros=None)

    def judge(self, name, exactness, output, figures):
        if name != LINNET_DENSE:
            return super().judge(name, exactness, output, figures)
        with closing(start_peer(self._setting, REFERENCE, self._network)) as process:
            reference = output_of(self._setting, process, REFERENCE, self._network)
        judge_float(self._network, name, output, reference, figures)


class Int8Outputs:
    """The same of int8."""

    def __init__(self, setting, network):
        self._setting, self._network = setting, network
        self._exact = {}  # peer: output, exactness

    @cached_property
    def _real(self):
        """The float network's."""
        peer = SUITE_PEER if self._network in SUITE else REFERENCE
        return self._run(replace(self._setting, precision="float32"), peer, "serve")[0]

    def _exact_output(self, name):
        """And its exactness."""
        if name == LINNET and self._network in SUITE:
            return np.load(self._setting.models / f"{self._setting.model(self._network)}.exact.npy"), "bits"
        peer = REFERENCE if name == LINNET else name
        if peer not in self._exact:
            self._exact[peer] = self._run(self._setting, peer, "serve_exactly")
        output, exactness = self._exact[peer]
        return output, "steps" if name == LINNET else exactness

    def _run(self, setting, peer, action):
        with closing(start_peer(setting, peer, self._network, action)) as process:
            return output_of(setting, process, f"{peer}.{action}", self._network), process.facts["exactness"]

    def judge(self, name, exactness, output, figures):
        figures.sqnr = sqnr(output, self._real)
        if name == LINNET_FLOAT:
            judge_float(self._network, name, output, self._real, figures)
            return
        if not figures.sqnr > 0:
            text = f"{self._network}: the output of {TITLES[name]} is {figures.sqnr:.1f} dB from the float network's"
            figures.problem = text + "; not counted"
        elif name == LINNET or exactness:
            self._judge_exactness(name, output, figures)

    def _judge_exactness(self, name, output, figures):
        exact, exactness = self._exact_output(name)
        figures.error, apart = relative_error(output, exact), sqnr(output, exact)
        if apart >= (np.inf if exactness == "bits" else min(AGREEMENT, sqnr(exact, self._real) - INDEPENDENT_ROUNDINGS)):
            return
        text = f"{self._network}: the output of {TITLES[name]} is {apart:.1f} dB from the exact one of its file"
        if name == LINNET:
            figures.problem = text + "; not counted"
        else:
            figures.inexact, figures.remark = True, text


def judge_of(setting, network):
    if setting.zeros:
        return PrunedOutputs(setting, network)
    return Int8Outputs(setting, network) if setting.precision == "int8" else FloatOutputs(network)
