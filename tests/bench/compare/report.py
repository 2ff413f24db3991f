"""The results as a table in Markdown and as JSON."""
import datetime
import pathlib
from dataclasses import asdict, dataclass, field

from compare.field import LINNET, PEERS


@dataclass
class Figures:
    """One contestant on one model. `problem` says why there are no times, or why they do not count; `remark` what else to know."""

    minimum: float = None  # seconds
    median: float = None
    error: float = None  # against the reference's output, relative to its largest magnitude
    version: str = ""
    remark: str = ""
    problem: str = ""


@dataclass
class Result:
    model: str
    threads: int
    macs: float
    peak: float = 0.0  # multiply-accumulates per second, measured between the slices
    rounds: int = 0
    discarded: int = 0
    disturbed: bool = False
    figures: dict = field(default_factory=dict)  # contestant: Figures

    def valid_peers(self):
        return {name: self.figures[name] for name in PEERS if name in self.figures and not self.figures[name].problem}

    def fastest_peer(self):
        peers = self.valid_peers()
        return min(peers, key=lambda name: peers[name].median) if peers else None

    def ratio(self, figure):
        """How many times linnet's speed is that of the fastest peer, by `figure` (minimum or median)."""
        peers = [getattr(figures, figure) for figures in self.valid_peers().values()]
        own = self.figures[LINNET]
        return min(peers) / getattr(own, figure) if peers and not own.problem else None


def milliseconds(seconds):
    return f"{seconds * 1e3:#.4g}".rstrip(".")


class Notes:
    """Footnotes below the table."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return f"[{self.texts.index(text) + 1}]"


def time_cell(figures, notes, bold=False):
    if figures is None:
        return "not run"
    mark = "".join(f" {notes.mark(text)}" for text in (figures.problem, figures.remark) if text)
    if figures.median is None:
        return f"no{mark}"
    text = f"{milliseconds(figures.minimum)} / {milliseconds(figures.median)}"
    return (f"**{text}**" if bold else text) + mark


def row(result, notes):
    own, fastest = result.figures.get(LINNET), result.fastest_peer()
    cells = [result.model, str(result.threads), f"{result.macs * 1e-9:.3g}", time_cell(own, notes)]
    cells += [time_cell(result.figures.get(peer), notes, bold=peer == fastest) for peer in PEERS]
    if own is None or own.problem:
        cells += ["", "", "", ""]
    else:
        speed = result.macs / own.median
        ratios = [result.ratio(figure) for figure in ("minimum", "median")]
        cells += [" / ".join(f"{ratio:.2f}" for ratio in ratios) if fastest else "", f"{speed * 1e-9:.1f}",
                  f"{100 * speed / result.peak:.0f}%", f"{own.error:.1e}" if own.error is not None else ""]
    return cells + [f"{result.rounds}{' ~' if result.disturbed else ''} ({result.discarded})"]


HEADING = ["model", "threads", "GMAC", "linnet", *PEERS.values(), "fastest peer / linnet", "GMAC/s", "of peak", "error",
           "rounds (discarded)"]


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def versions(results):
    found = {}
    for result in results:
        for name, figures in result.figures.items():
            if figures.version:
                found[PEERS.get(name, name)] = figures.version
    return ", ".join(f"{name} {version}" for name, version in found.items())


def markdown(results, arguments):
    notes = Notes()
    rows = [row(result, notes) for result in results]
    peaks = [result.peak * 1e-9 for result in results if result.peak]
    unit = "milliseconds" if arguments.clock == "wall" else "milliseconds of processor time"
    lines = [f"{arguments.isa} on {processor()}, {datetime.date.today()}; {unit}, minimum / median of all runs of the rounds that count; "
             f"the fastest peer's median is bold. {versions(results)}."]
    if peaks:
        lines[0] += f" Peak measured beside the runs: {min(peaks):.1f} to {max(peaks):.1f} GMAC/s."
    lines += ["", "| " + " | ".join(HEADING) + " |", "|" + "---|" * len(HEADING)]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    if any(result.disturbed for result in results):
        lines += ["", "~: too few undisturbed rounds; the least disturbed ones were taken."]
    lines += [""] * bool(notes.texts) + [f"[{number}] {text}  " for number, text in enumerate(notes.texts, 1)]
    return "\n".join(lines) + "\n"


def as_json(results, arguments):
    models = [asdict(result) | {"fastest_peer": result.fastest_peer(), "ratio_of_minima": result.ratio("minimum"),
                                "ratio_of_medians": result.ratio("median")} for result in results]
    return {"isa": arguments.isa, "clock": arguments.clock, "processor": processor(), "date": str(datetime.date.today()), "results": models}
