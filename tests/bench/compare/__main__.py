"""python -m compare: measures linnet beside other engines. tests/bench/compare.sh prepares what this needs."""
import json
import sys
import textwrap

from compare import chart, report
from compare.arguments import parse_arguments
from compare.field import LINNET, REFERENCE, TITLES, Setting, output_of, start_contestant
from compare.make_models import make_missing
from compare.outputs import judge_of
from compare.process import ContestantError, UnableError
from compare.rounds import measure

LONGEST_REASON = 200  # characters of what an engine says


def start_all(setting, model, result):
    """Starts who can run the model and compares the outputs; who cannot gets a problem in `result`."""
    processes, outputs = {}, judge_of(setting, model)
    for name in setting.contestants():
        figures = result.figures[name] = report.Figures()
        try:
            process = start_contestant(setting, name, model)
            processes[name] = process
            figures.version = process.facts["version"]
            outputs.judge(name, process.facts.get("exactness"), output_of(setting, process, name, model), figures)
        except ContestantError as error:
            subject = TITLES[name] if isinstance(error, UnableError) else f"{model}, {TITLES[name]}"
            figures.problem = f"{subject}: {textwrap.shorten(str(error), LONGEST_REASON)}"
            if name in processes:
                processes.pop(name).close()
    return processes


def check_instruction_set(setting, processes, result):
    if setting.isa not in ("avx2", "avxvnni"):
        return
    for name, process in processes.items():
        if process.used_avx512():
            result.figures[name].problem = f"{result.model}: {TITLES[name]} used AVX-512 in spite of the mask; not counted"


def compare_model(setting, model, arguments):
    facts = json.loads((setting.models / f"{setting.model(model)}.json").read_text())
    result = report.Result(model, setting.threads, facts["macs"], setting.precision, setting.zeros)
    processes, peak = start_all(setting, model, result), None
    try:
        isa = processes[LINNET].facts["isa"] if LINNET in processes else "avx2"
        peak = setting.start_peak(isa)
        measurement = measure(processes, peak, arguments.seconds, arguments.slice)
        check_instruction_set(setting, processes, result)
        for name in processes:
            result.figures[name].minimum, result.figures[name].median = measurement.minimum(name), measurement.median(name)
        result.peak, result.rounds = measurement.peak(), len(measurement.rounds)
        result.discarded, result.disturbed = measurement.discarded, measurement.disturbed
    finally:
        for process in [*processes.values(), *([peak] if peak else [])]:
            process.close()
    return result


def progress(result):
    parts = [f"{name} {report.milliseconds(figures.median)} ms" if figures.median else f"{name} no"
             for name, figures in result.figures.items()]
    errors = [f"{name} {figures.error:.1e}" for name, figures in result.figures.items()
              if figures.error is not None and (name != REFERENCE or result.precision == "int8")]
    print(f"{result.model}, {result.threads} thread(s): {', '.join(parts)}; outputs differ by: {', '.join(errors)}", file=sys.stderr,
          flush=True)


def main():
    arguments = parse_arguments()
    models = make_missing(arguments.models, arguments.model, arguments.precision, arguments.zeros)
    results = []
    for threads in arguments.threads:
        setting = Setting(arguments.build, arguments.models, arguments.isa, threads, arguments.clock, arguments.precision,
                          arguments.zeros)
        for model in models:
            results.append(compare_model(setting, model, arguments))
            progress(results[-1])
    print(report.markdown(results, arguments), end="")
    if arguments.svg:
        arguments.svg.write_text(chart.svg(results, report.condition(arguments)))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(results, arguments), indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except ContestantError as failed:
        raise SystemExit(f"compare: {failed}") from None
