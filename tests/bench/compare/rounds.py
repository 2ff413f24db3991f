"""Measures contestants alternately and sorts out the rounds in which the machine was disturbed.

A round is one slice of every contestant. Between slices the machine's peak is measured, by runs of a fixed piece of work. The
fastest of these runs tells the peak, their sum whether something else took the processor or slowed its clock: a round counts where
no sum is more than DISTURBED slower than the best peak seen with this model."""
import statistics
import time
from dataclasses import dataclass, field

DISTURBED = 0.07
PEAK_SECONDS = 0.005
WANTED_ROUNDS = 5  # undisturbed ones
PATIENCE = 2.0  # times the wanted duration, to get them


@dataclass
class Peak:
    """Multiply-accumulates per second."""

    best: float
    average: float


@dataclass
class Round:
    nanoseconds: dict  # contestant: the times of its runs
    peaks: list

    def worst(self):
        return min(peak.average for peak in self.peaks)


@dataclass
class Measurement:
    rounds: list = field(default_factory=list)
    discarded: int = 0
    disturbed: bool = False  # fewer undisturbed rounds than wanted: the best of all were taken instead

    def times(self, name):
        return [time for one in self.rounds for time in one.nanoseconds[name]]

    def minimum(self, name):
        return min(self.times(name)) * 1e-9

    def median(self, name):
        return statistics.median(self.times(name)) * 1e-9

    def peak(self):
        return statistics.median(peak.best for one in self.rounds for peak in one.peaks)


def measure_peak(process):
    times = process.ask(f"run {PEAK_SECONDS} 1")["nanoseconds"]
    macs = process.facts["macs"] * 1e9
    return Peak(macs / min(times), macs * len(times) / sum(times))


def play_round(processes, peak_process, slice_seconds):
    nanoseconds, peaks = {}, [measure_peak(peak_process)]
    for name, process in processes.items():
        nanoseconds[name] = process.ask(f"run {slice_seconds} 1")["nanoseconds"]
        peaks.append(measure_peak(peak_process))
    return Round(nanoseconds, peaks)


def undisturbed(rounds):
    best = max(peak.best for one in rounds for peak in one.peaks)
    return [one for one in rounds if one.worst() >= best * (1 - DISTURBED)]


def measure(processes, peak_process, seconds, slice_seconds):
    """processes: name -> ContestantProcess."""
    begin, rounds = time.monotonic(), []
    while True:
        rounds.append(play_round(processes, peak_process, slice_seconds))
        spent, kept = time.monotonic() - begin, undisturbed(rounds)
        if len(kept) >= WANTED_ROUNDS and spent >= seconds:
            return Measurement(kept, len(rounds) - len(kept))
        if len(rounds) >= WANTED_ROUNDS and spent >= seconds * PATIENCE:
            best = sorted(rounds, key=Round.worst, reverse=True)[:WANTED_ROUNDS]
            return Measurement(best, len(rounds) - len(best), disturbed=True)
