#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "targets/desktop/commands/commands.hpp"
#include "targets/desktop/lib/bench.hpp"
#include "targets/desktop/lib/model_facts.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "targets/desktop/lib/peak.hpp"
#include "targets/desktop/lib/samples.hpp"
#include "targets/desktop/lib/table.hpp"

namespace linnet::tools {
namespace {

struct Arguments {
  SessionArguments session;
  std::vector<std::string> inputs;
  int runs = 50, warmup = 5;
  bool profile = false, json = false;
};

struct StepResult {
  double seconds = 0, macs = 0;
};

// The steps that compute with floats or with integers (int8, and int16 with int8 weights).
struct Share {
  PeakType type;
  const char* name;
  double macs = 0, peak = 0;  // peak: MACs per second; 0: not known
};

struct Result {
  Timing timing;
  double macs = 0;
  std::vector<Share> shares;  // those that the model has
  double session_seconds = 0;
  std::vector<StepResult> steps;

  const Share* share(const StepFacts& step) const {
    for (const Share& one : shares)
      if (type_of(step) == one.type) return &one;
    return nullptr;
  }
  static PeakType type_of(const StepFacts& step) {
    return step.arithmetic == "int8" || step.arithmetic == "int16" ? PeakType::int8 : PeakType::float32;
  }
  // The time that the multiply-accumulates take at the peaks, as a fraction of `seconds`; 0: not known.
  double fraction(double seconds) const {
    double least = 0;
    for (const Share& one : shares) {
      if (one.peak == 0) return 0;
      least += one.macs / one.peak;
    }
    return seconds > 0 ? least / seconds : 0;
  }
};

// Of which the fastest is printed: the first one may read the file from a disk.
constexpr int kSessionsMade = 5;

std::vector<InputSamples> samples_of(const Device& device, const Arguments& arguments) {
  return arguments.inputs.empty() ? random_samples(device) : read_samples(device, arguments.inputs, SampleOptions());
}

// Inputs may be overwritten by a run: they are filled again each time, outside the measured time. Calls
// measure(seconds, whether it counts) after every run.
template <class Measure>
void repeat(Device& device, const Arguments& arguments, const std::vector<InputSamples>& samples,
            const Measure& measure) {
  for (int run = -arguments.warmup; run < arguments.runs; ++run) {
    store_sample(device, samples, static_cast<size_t>(run + arguments.warmup) % run_count(samples));
    const double start = now();
    device.run();
    measure(now() - start, run >= 0);
  }
}

std::vector<StepResult> profile(const Arguments& arguments) {
  StepTimes times;
  DeviceOptions options = arguments.session.device_options();
  options.profile = [&](int step, bool finished) { times.hook(step, finished); };
  Device device(arguments.session.model, options);
  repeat(device, arguments, samples_of(device, arguments), [&](double, bool counts) { times.end_run(counts); });
  std::vector<StepResult> steps;
  steps.reserve(static_cast<size_t>(device.info().steps));
  for (int step = 0; step < device.info().steps; ++step) {
    steps.push_back({times.median(step), linnet_step_macs(device.session(), step)});
  }
  return steps;
}

void print_profile(const ModelFacts& model, const Result& result) {
  double total = 0;
  for (const StepResult& step : result.steps) total += step.seconds;
  Table table({">step", "operator", "parameters", "name", "output", ">ms", ">% of time", ">GMAC/s", ">% of peak"});
  for (size_t s = 0; s < result.steps.size(); ++s) {
    const StepFacts& facts = model.steps[s];
    const double seconds = result.steps[s].seconds, speed = seconds > 0 ? result.steps[s].macs / seconds : 0;
    const bool counts = facts.macs > 0;
    const Share* share = result.share(facts);
    table.add({fmt::format("{}", s), facts.op, facts.attributes, shown_name(facts.name),
               facts.outputs.empty() ? "" : shape_text(model.tensors[facts.outputs[0]].shape),
               fmt::format("{:.4f}", seconds * 1e3), fmt::format("{:.1f}", total > 0 ? 100 * seconds / total : 0),
               counts ? fmt::format("{:.2f}", speed / 1e9) : "",
               counts && share != nullptr && share->peak > 0 ? fmt::format("{:.1f}", 100 * speed / share->peak) : ""});
  }
  fmt::print("\nMedian time of each step, measured with the clock read around every step\n{}", table.text());
  fmt::print("sum {:.4f} ms\n", total * 1e3);
}

void print_text(const Device& device, const Arguments& arguments, const ModelFacts& model, const Result& result) {
  fmt::print("{}: {}, {} thread{}, {} runs after {} to warm up\n", arguments.session.model, device.info().isa,
             device.threads(), device.threads() == 1 ? "" : "s", arguments.runs, arguments.warmup);
  fmt::print("minimum {:.4f} ms, median {:.4f} ms, 90th percentile {:.4f} ms\n", result.timing.minimum * 1e3,
             result.timing.median * 1e3, result.timing.p90 * 1e3);
  fmt::print("session made in {:.3f} ms (the file mapped and checked, nothing copied)\n", result.session_seconds * 1e3);
  const double speed = result.macs / result.timing.median;
  fmt::print("{} MACs: {:.2f} GMAC/s at the median", with_thousands(model.macs), speed / 1e9);
  if (const double fraction = result.fraction(result.timing.median); fraction > 0) {
    fmt::print(", {:.1f}% of the measured peak", 100 * fraction);
    if (result.shares.size() == 1) {
      fmt::print(" of {:.2f} GMAC/s with {}", result.shares[0].peak / 1e9, result.shares[0].name);
    } else {
      std::vector<std::string> peaks;
      for (const Share& one : result.shares) {
        peaks.push_back(fmt::format("{} MACs of {} at {:.2f} GMAC/s", with_thousands(static_cast<int64_t>(one.macs)),
                                    one.name, one.peak / 1e9));
      }
      fmt::print("s: {}", fmt::join(peaks, ", "));
    }
  }
  fmt::print("\n");
  if (arguments.profile) print_profile(model, result);
}

void print_json(const Device& device, const Arguments& arguments, const ModelFacts& model, const Result& result) {
  JsonWriter json;
  json.begin_object().field("model", arguments.session.model).field("isa", device.info().isa);
  json.field("threads", device.threads()).field("runs", arguments.runs).field("warmup", arguments.warmup);
  json.field("session_ms", result.session_seconds * 1e3);
  json.field("minimum_ms", result.timing.minimum * 1e3).field("median_ms", result.timing.median * 1e3);
  json.field("p90_ms", result.timing.p90 * 1e3).field("macs", model.macs);
  json.field("gmacs_per_second", result.macs / result.timing.median / 1e9);
  for (const Share& one : result.shares) {
    json.field(fmt::format("{}_macs", one.name), one.macs);
    json.field(fmt::format("{}_peak_gmacs_per_second", one.name), one.peak / 1e9);
  }
  if (const double fraction = result.fraction(result.timing.median); fraction > 0) {
    json.field("peak_gmacs_per_second", result.macs / result.timing.median / fraction / 1e9);
    json.field("fraction_of_peak", fraction);
  }
  json.key("steps").begin_array();
  for (size_t s = 0; s < result.steps.size(); ++s) {
    json.begin_object().field("name", model.steps[s].name).field("operator", model.steps[s].op);
    if (!model.steps[s].arithmetic.empty()) json.field("arithmetic", model.steps[s].arithmetic);
    json.field("median_ms", result.steps[s].seconds * 1e3).field("macs", model.steps[s].macs).end_object();
  }
  json.end_array().end_object();
  fmt::print("{}", json.text());
}

std::vector<Share> measure_shares(Device& device, const ModelFacts& model) {
  std::vector<Share> shares;
  for (Share share : {Share{PeakType::float32, "float32"}, Share{PeakType::int8, "int8"}}) {
    for (const StepFacts& step : model.steps) {
      if (Result::type_of(step) == share.type) share.macs += static_cast<double>(step.macs);
    }
    if (share.macs == 0) continue;
    share.peak = measure_peak(device.info().isa, share.type, device.pool());
    shares.push_back(share);
  }
  return shares;
}

int bench(const Arguments& arguments) {
  double session_seconds = 0;
  for (int i = 0; i < kSessionsMade; ++i) {
    const double start = now();
    const Device made(arguments.session.model, arguments.session.device_options());
    session_seconds = i == 0 ? now() - start : std::min(session_seconds, now() - start);
  }
  Device device(arguments.session.model, arguments.session.device_options());
  const ModelFacts model = read_facts(device.file().data());
  Result result;
  std::vector<double> seconds;
  repeat(device, arguments, samples_of(device, arguments), [&](double time, bool counts) {
    if (counts) seconds.push_back(time);
  });
  result.timing = summarize(std::move(seconds));
  result.session_seconds = session_seconds;
  result.macs = static_cast<double>(model.macs);
  result.shares = measure_shares(device, model);
  if (arguments.profile) result.steps = profile(arguments);
  (arguments.json ? print_json : print_text)(device, arguments, model, result);
  return 0;
}

}  // namespace

void add_bench_command(CLI::App& app, Action* action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("bench", "Measures the time of a model, whole and step by step.");
  add_session_arguments(command, &arguments->session);
  command->add_option("--runs", arguments->runs, "Measured runs")
      ->check(CLI::Range(1, 1000000))
      ->type_name("R")
      ->capture_default_str();
  command->add_option("--warmup", arguments->warmup, "Runs before them that are not measured")
      ->check(CLI::Range(0, 1000000))
      ->type_name("W")
      ->capture_default_str();
  command->add_option("--input", arguments->inputs, "Inputs, as for `run` (default: random values)")
      ->allow_extra_args(false)
      ->type_name("[NAME=]FILE");
  command->add_flag("--profile", arguments->profile,
                    "Measure as many runs again with a clock around every step, and print the time, share, GMAC/s and "
                    "fraction of the peak of each step");
  command->add_flag("--json", arguments->json, "Print the figures as JSON instead of text");
  command->footer(footer(
      "Prints minimum, median and 90th percentile of the time of one run, GMAC/s (10^9 multiply-accumulates per "
      "second) "
      "at the median, and the fraction of this machine's peak, which is measured on as many threads with "
      "multiply-accumulates from registers alone: with floats, with int8 (exact products and sums of 32 bits), or "
      "both where a model has steps of both; then the fraction is the time at the peaks by the time of a run.",
      "  " + app.get_name() + " bench digits.lnt --threads 2 --runs 200 --profile"));
  command->callback([=] { *action = [=] { return bench(*arguments); }; });
}

}  // namespace linnet::tools
