"""The results as a table in Markdown and as JSON."""
import datetime
import pathlib
from dataclasses import asdict, dataclass, field

from compare.field import DENSE_PEERS, LINNET, LINNET_DENSE, LINNET_FLOAT, PEERS, TITLES
from compare.zeros import Zeros


@dataclass
class Figures:
    """One contestant on one model. `problem` says why there are no times, or why they do not count; `remark` what else to know."""

    minimum: float = None  # seconds
    median: float = None
    error: float = None  # against the reference's output, of int8 the exact one of the same file, relative to its largest magnitude
    sqnr: float = None  # of int8, against the float network's output, dB
    inexact: bool = False  # outputs.py; such a peer is not compared with
    version: str = ""
    remark: str = ""
    problem: str = ""


@dataclass
class Result:
    model: str
    threads: int
    macs: float
    precision: str
    zeros: Zeros = None
    peak: float = 0.0  # multiply-accumulates per second, measured between the slices
    rounds: int = 0
    discarded: int = 0
    disturbed: bool = False
    figures: dict = field(default_factory=dict)  # contestant: Figures

    def valid_peers(self, inexact=False):
        return {name: self.figures[name] for name in (*PEERS, *DENSE_PEERS)
                if name in self.figures and not self.figures[name].problem and self.figures[name].inexact == inexact}

    def fastest_peer(self):
        peers = self.valid_peers()
        return min(peers, key=lambda name: peers[name].median) if peers else None

    def ratio(self, figure, inexact=False):
        """How many times linnet's speed is that of the fastest exact (or inexact) peer, by `figure` (minimum or median)."""
        return self._ratio(figure, self.valid_peers(inexact).values())

    def ratio_to(self, figure, name):
        """How many times linnet's speed is that of contestant `name`."""
        other = self.figures.get(name)
        return self._ratio(figure, [other] if other and not other.problem else [])

    def _ratio(self, figure, others):
        own = self.figures[LINNET]
        return min(getattr(figures, figure) for figures in others) / getattr(own, figure) if others and not own.problem else None


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
    text = f"{milliseconds(figures.minimum)} / {milliseconds(figures.median)}" + " !" * figures.inexact
    return (f"**{text}**" if bold else text) + mark


def ratio_cell(ratio, *arguments):
    ratios = [ratio(figure, *arguments) for figure in ("minimum", "median")]
    return " / ".join(f"{one:.2f}" for one in ratios) if None not in ratios else ""


def ratio_cells(result):
    exact, inexact = ratio_cell(result.ratio), ratio_cell(result.ratio, True)
    cells = [f"{exact} (! {inexact})".strip() if inexact else exact]
    return cells + [ratio_cell(result.ratio_to, LINNET_FLOAT)] if result.precision == "int8" else cells


def sqnr_cells(result):
    if result.precision != "int8":
        return []
    ratios = [result.figures[name].sqnr for name in (LINNET, *PEERS)]
    return [" / ".join("-" if ratio is None else f"{ratio:.1f}" for ratio in ratios)]


def rounds_cells(result):
    return [f"{result.rounds}{' ~' if result.disturbed else ''} ({result.discarded})"]


SPARSE_COLUMNS = [LINNET, LINNET_DENSE, "onnx_runtime", *(name for pair in DENSE_PEERS.items() for name in reversed(pair))]
SPARSE_RATIOS = [LINNET_DENSE, *DENSE_PEERS.values()]


def sparse_row(result, notes):
    own, fastest = result.figures[LINNET], result.fastest_peer()
    cells = [result.model, str(result.threads), f"{result.macs * 1e-9:.3g}"]
    cells += [time_cell(result.figures.get(name), notes, bold=name == fastest) for name in SPARSE_COLUMNS]
    cells += [ratio_cell(result.ratio_to, name) for name in SPARSE_RATIOS] + [ratio_cell(result.ratio)]
    cells.append(f"{own.error:.1e}" if own.error is not None else "")
    return cells + rounds_cells(result)


def row(result, notes):
    if result.zeros:
        return sparse_row(result, notes)
    own, fastest = result.figures.get(LINNET), result.fastest_peer()
    columns = [LINNET, *([LINNET_FLOAT] if result.precision == "int8" else []), *PEERS]
    cells = [result.model, str(result.threads), f"{result.macs * 1e-9:.3g}"]
    cells += [time_cell(result.figures.get(name), notes, bold=name == fastest) for name in columns]
    cells += ratio_cells(result)
    if own is None or own.problem:
        cells += ["", "", ""]
    else:
        speed = result.macs / own.median
        cells += [f"{speed * 1e-9:.1f}", f"{100 * speed / result.peak:.0f}%", f"{own.error:.1e}" if own.error is not None else ""]
    return cells + sqnr_cells(result) + rounds_cells(result)


HEADINGS = {
    "float32": ["model", "threads", "GMAC", "linnet", *PEERS.values(), "fastest peer / linnet", "GMAC/s", "of peak", "error",
                "rounds (discarded)"],
    "int8": ["model", "threads", "GMAC", TITLES[LINNET], TITLES[LINNET_FLOAT], *PEERS.values(), "fastest peer / linnet", "float32 / int8", "GMAC/s", "of peak", "error",
             f"SQNR, dB: linnet / {' / '.join(PEERS.values())}", "rounds (discarded)"],
    "zeros": ["model", "threads", "GMAC when dense", *(TITLES[name] for name in SPARSE_COLUMNS),
              *(f"{TITLES[name]} / linnet" for name in SPARSE_RATIOS), "fastest peer / linnet", "error", "rounds (discarded)"],
}


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def versions(results):
    found = {}
    for result in results:
        for name, figures in result.figures.items():
            if figures.version and name in (LINNET, *PEERS):
                found[TITLES[name]] = figures.version
    return ", ".join(f"{name} {version}" for name, version in found.items())


def condition(arguments):
    if arguments.zeros:
        return f"{arguments.isa}, {arguments.zeros}"
    return arguments.isa if arguments.precision == "float32" else f"{arguments.isa}, {arguments.precision}"


def markdown(results, arguments):
    notes = Notes()
    rows = [row(result, notes) for result in results]
    peaks = [result.peak * 1e-9 for result in results if result.peak]
    unit = "milliseconds" if arguments.clock == "wall" else "milliseconds of processor time"
    lines = [f"{condition(arguments)} on {processor()}, {datetime.date.today()}; {unit}, minimum / median of all runs of the rounds that count; "
             f"the fastest peer's median is bold. {versions(results)}."]
    if peaks:
        lines[0] += f" Peak measured beside the runs: {min(peaks):.1f} to {max(peaks):.1f} GMAC/s."
    heading = HEADINGS["zeros" if arguments.zeros else arguments.precision]
    lines += ["", "| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    if any(result.disturbed for result in results):
        lines += ["", "~: too few undisturbed rounds; the least disturbed ones were taken."]
    if any(figures.inexact for result in results for figures in result.figures.values()):
        lines += ["", "!: the peer's sums are not exact; linnet is measured by exact peers, and in brackets by inexact ones."]
    lines += [""] * bool(notes.texts) + [f"[{number}] {text}  " for number, text in enumerate(notes.texts, 1)]
    return "\n".join(lines) + "\n"


def as_json(results, arguments):
    models = [asdict(result) | {"fastest_peer": result.fastest_peer(), "ratio_of_minima": result.ratio("minimum"),
                                "ratio_of_medians": result.ratio("median")} for result in results]
    return {"isa": arguments.isa, "precision": arguments.precision, "zeros": str(arguments.zeros or ""), "clock": arguments.clock, "processor": processor(),
            "date": str(datetime.date.today()), "results": models}
