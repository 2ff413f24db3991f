#include "converter/quantize/quantize.hpp"

#include <algorithm>
#include <cmath>

#include "converter/ops/quantize.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/quantize/equalize.hpp"
#include "converter/quantize/mixed.hpp"
#include "converter/quantize/quality.hpp"
#include "converter/quantize/trim.hpp"
#include "converter/weights/reparametrize.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

Progress share(const Progress& progress, double begin, double end) {
  return [=](double fraction) { progress(begin + (end - begin) * fraction); };
}

class Quantizer {
 public:
  Quantizer(const Graph& graph, const Options& options) : source_(graph.clone()), graph_(*source_), options_(options) {}

  Graph& graph() { return graph_; }
  const Statistics& statistics() const { return statistics_; }
  void set_equalized(const std::string& change) { report_.equalized = change; }

  // Chooses ranges, int8 steps and biases.
  void tune(const Progress& progress) {
    progress_ = progress;
    split_steps(graph_, log_);
    keep_floats();
    find_ranges();
    integer_ = build_some(reasons_, {});
    if (!options_.samples.empty()) improve();
  }

  // Of all outputs on the samples, in the mean.
  double output_sqnr() const {
    constexpr double kExact = 200;
    double sum = 0, count = 0;
    for (const Value* output : integer_->outputs) {
      const auto found = sqnr_.find(output->name);
      if (found == sqnr_.end()) continue;
      sum += std::min(found->second, kExact);
      ++count;
    }
    return sum / std::max(count, 1.0);
  }

  Quantized run(const Progress& progress, passes::PassLog& log, Graph* result) {
    progress_ = [](double) {};
    while (leave_inexact()) {
      integer_ = build_some(reasons_, corrections_);
      measure_layers();
    }
    progress_ = progress;
    if (options_.labels) keep_accuracy();
    describe();
    report::DeadChannels dead_channels = finish();
    *result = std::move(*integer_);
    for (const std::string& action : log_.actions) log.add("{}", action);
    return {std::move(statistics_.ranges), std::move(report_), std::move(dead_channels), std::move(renamed_)};
  }

 private:
  std::unique_ptr<Graph> source_, integer_;
  Graph& graph_;
  const Options& options_;
  Progress progress_;
  passes::PassLog log_;
  Statistics statistics_;
  FloatReasons reasons_;
  Corrections corrections_;
  std::map<std::string, std::string> renamed_;  // in the graph that was built last
  Sqnr sqnr_;
  report::Quantization report_;

  // Of tune: ranges, then measurements.
  Progress part(double begin, double end) const { return share(progress_, begin, end); }

  // By the names of the source's nodes and of the graph's.
  void keep_floats() {
    for (const std::string& glob : options_.keep_float) {
      bool found = false;
      for (const auto& node : graph_.nodes()) {
        std::vector<std::string> names = node->sources.list();
        names.push_back(node->name);
        const bool matches = std::any_of(names.begin(), names.end(),
                                         [&](const std::string& name) { return weights::matches(glob, name); });
        found = found || matches;
        if (matches) reasons_[key_of(*node)] = fmt::format("--keep-float {}", glob);
      }
      if (!found) throw Error(fmt::format("--keep-float {}: no node has such a name", glob));
    }
  }

  void find_ranges() {
    if (!options_.samples.empty()) {
      statistics_ =
          calibrate(graph_, options_.samples, options_.ranges ? RangeMethod{} : options_.range, part(0.0, 0.4));
      trim_ranges(graph_, &statistics_);
    }
    if (options_.ranges) statistics_.ranges = *options_.ranges;
  }

  // The graph with every node that can as int8 steps; what proves to have none is added to `reasons`. Null where there
  // are none.
  std::unique_ptr<Graph> build(FloatReasons& reasons, const Corrections& corrections) {
    const InsertOptions options{options_.weights, options_.int8_ports};
    for (;;) {
      std::unique_ptr<Graph> copy = graph_.clone();
      FloatReasons chosen_reasons = reasons;
      const std::unordered_set<const Node*> nodes = choose_nodes(*copy, chosen_reasons);
      if (nodes.empty()) return nullptr;
      const Scales scales(*copy, nodes, statistics_.ranges, options_.int8_ports);
      std::vector<std::string> keys;
      for (const Node* node : nodes)
        if (kind_of(*node) != StepKind::moving) keys.push_back(key_of(*node));
      renamed_ = insert_scales(*copy, nodes, scales, options, corrections);
      passes::PassLog details;
      const std::map<std::string, std::string> found = passes::recognise_integers(*copy, details);
      if (left_float(*copy, keys, renamed_, found, reasons) > 0) continue;
      reasons = std::move(chosen_reasons);
      return copy;
    }
  }

  std::unique_ptr<Graph> build_some(FloatReasons& reasons, const Corrections& corrections) {
    std::unique_ptr<Graph> graph = build(reasons, corrections);
    if (graph == nullptr) throw Error("--int8: no step of the model can be one of int8");
    return graph;
  }

  // The nodes among `keys` that compute with real numbers all the same, with their reasons by name in `found`.
  static size_t left_float(const Graph& graph, const std::vector<std::string>& keys,
                           const std::map<std::string, std::string>& renamed,
                           const std::map<std::string, std::string>& found, FloatReasons& reasons) {
    std::map<std::string, const Node*> floats;
    for (const auto& node : graph.nodes())
      if (node->as<ops::Quantize>() == nullptr && passes::is_floating(node->out())) floats[key_of(*node)] = node.get();
    size_t count = 0;
    for (const std::string& key : keys) {
      const auto name = renamed.find(key);
      const auto left = floats.find(name != renamed.end() ? name->second : key);
      if (left == floats.end()) continue;
      const auto reason = found.find(left->second->name);
      reasons[key] = reason != found.end() ? reason->second : "it has no int8 step";
      ++count;
    }
    return count;
  }

  // Corrects biases where that makes the layer more exact.
  void improve() {
    const Sqnr before = measure(graph_, *integer_, options_.samples, statistics_.trimmed, part(0.4, 0.6));
    const Corrections all = bias_shifts(graph_, statistics_, options_.weights);
    FloatReasons reasons = reasons_;
    std::unique_ptr<Graph> corrected = build_some(reasons, all);
    const Sqnr after = measure(graph_, *corrected, options_.samples, statistics_.trimmed, part(0.6, 0.8));
    for (const auto& [key, shifts] : all)
      if (const auto old = before.find(key), now = after.find(key);
          old != before.end() && now != after.end() && now->second > old->second)
        corrections_[key] = shifts;
    log_.add("corrected the biases of {} of {} layers", corrections_.size(), all.size());
    integer_ = build_some(reasons_, corrections_);
    measure_layers();
  }

  void measure_layers() {
    sqnr_ = measure(graph_, *integer_, options_.samples, statistics_.trimmed, part(0.8, 1.0));
    forget_factors();
  }

  // Measures the accuracy, and leaves layers float until it is the wanted one.
  void keep_accuracy() {
    const LabelledSet set(graph_, options_.labelled(), *options_.labels);
    const size_t all_int8 = set.run(*integer_).correct;
    report::Accuracy& accuracy = report_.accuracy.emplace();
    accuracy = {set.size(), set.float_correct(), all_int8, all_int8};
    if (!options_.accuracy) return;
    const std::string option = fmt::format("--mixed {:g}%", 100 * *options_.accuracy);
    const std::vector<std::string> layers = int8_layers();
    const auto wanted = static_cast<size_t>(std::ceil(*options_.accuracy * static_cast<double>(set.size()) - 1e-6));
    size_t trials = 0;
    const TryFloat attempt = [&](const std::set<std::string>& floats) -> std::optional<Trial> {
      const auto done = static_cast<double>(trials++), expected = static_cast<double>(2 * layers.size());
      progress_(std::min(done / expected, 1.0));
      FloatReasons reasons = reasons_;
      for (const std::string& layer : floats) reasons[layer] = option;
      const std::unique_ptr<Graph> graph = build(reasons, corrections_);
      return graph != nullptr ? std::optional(set.run(*graph)) : std::nullopt;
    };
    const FloatLayers found = find_float_layers(layers, wanted, attempt);
    if (found.correct < wanted)
      throw Error(fmt::format(
          "{}: the best accuracy found with int8 layers is {:.2f}% ({} of {} samples); the float "
          "network has {:.2f}%",
          option, accuracy.percent(found.correct), found.correct, set.size(), accuracy.percent(set.float_correct())));
    for (const auto& [layer, correct] : found.correct_without)
      reasons_[layer] = fmt::format("{}: as int8 it leaves {:.2f}%", option, accuracy.percent(correct));
    accuracy.correct = found.correct;
    integer_ = build_some(reasons_, corrections_);
    if (!options_.samples.empty()) measure_layers();
  }

  std::vector<std::string> int8_layers() const {
    std::vector<std::string> layers;
    for (const auto& node : graph_.nodes())
      if (const StepKind kind = kind_of(*node); kind == StepKind::layer || kind == StepKind::weak)
        if (reasons_.count(key_of(*node)) == 0) layers.push_back(key_of(*node));
    return layers;
  }

  // A product whose factor the softmax has is no float tensor.
  void forget_factors() {
    for (const auto& node : graph_.nodes()) {
      const Node* softmax = softmax_of(graph_, *node);
      if (softmax != nullptr && reasons_.count(key_of(*node)) + reasons_.count(key_of(*softmax)) == 0)
        sqnr_.erase(key_of(*node));
    }
  }

  // Of the nodes below the wanted SQNR those that read none; the others may be as they are for that reason.
  bool leave_inexact() {
    if (!options_.min_sqnr) return false;
    std::unordered_map<const Value*, bool> tainted;
    bool changed = false;
    for (const auto& node : graph_.nodes()) {
      const bool reads = std::any_of(node->inputs.begin(), node->inputs.end(),
                                     [&](const Value* input) { return input != nullptr && tainted[input]; });
      const auto found = sqnr_.find(key_of(*node));
      const bool below = found != sqnr_.end() && found->second < *options_.min_sqnr &&
                         reasons_.count(key_of(*node)) == 0 && kind_of(*node) != StepKind::moving;
      for (const Value* output : node->outputs) tainted[output] = reads || below;
      if (reads || !below) continue;
      reasons_[key_of(*node)] = fmt::format("--min-sqnr {}: its SQNR is {:.1f} dB", *options_.min_sqnr, found->second);
      changed = true;
    }
    return changed;
  }

  void describe() {
    report_.range = options_.ranges ? options_.ranges_file : to_string(options_.range);
    report_.samples = static_cast<int64_t>(options_.samples.size());
    report_.float_reasons = reasons_;
    for (const auto& node : graph_.nodes()) {
      const std::string& key = key_of(*node);
      const auto sqnr = sqnr_.find(key);
      if (sqnr != sqnr_.end() && kind_of(*node) != StepKind::moving && reasons_.count(key) == 0)
        report_.layers.push_back({key, std::string(node->op->name()), sqnr->second});
    }
    for (const Value* output : integer_->outputs)
      if (const auto sqnr = sqnr_.find(output->name); sqnr != sqnr_.end())
        report_.outputs.push_back({output->name, "output", sqnr->second});
  }

  // What stays float is as fused as before, and its constants are real numbers.
  report::DeadChannels finish() {
    passes::PassLog details;
    passes::fold_constants(*integer_, details);
    report::DeadChannels dead_channels = passes::remove_dead_channels(*integer_, log_);
    passes::fuse(*integer_, details);
    return dead_channels;
  }
};

void check(const Graph& graph, const Options& options) {
  for (const auto& value : graph.values())
    if (value->type.quantization)
      throw Error(
          fmt::format("--int8: the model is quantized already: tensor {} is {}", value->name, to_string(value->type)));
  if (!options.samples.empty()) check_samples(graph, options.samples);
  check_finite(graph, options.validation, "--validation");
  if (options.labels) check_labels(graph, *options.labels, options.labelled().size());
}

}  // namespace

Quantized quantize(Graph& graph, const Options& options, const Progress& progress, passes::PassLog& log) {
  check(graph, options);
  constexpr double kTuned = 0.4;  // of the time, where layers are tried with labels
  const Progress tuning = share(progress, 0, options.accuracy ? kTuned : 1), trials = share(progress, kTuned, 1);
  // Ranges in a file are those of the network as it is.
  const bool equalizes = options.equalize && !options.samples.empty() && options.ranges_file.empty();
  auto best = std::make_unique<Quantizer>(graph, options);
  best->tune(share(tuning, 0, equalizes ? 1.0 / 3 : 1.0));
  if (!equalizes) return best->run(trials, log, &graph);
  const Magnitudes magnitudes = best->statistics().magnitudes;
  int tried = 1;
  for (const Magnitudes* outputs : {static_cast<const Magnitudes*>(nullptr), &magnitudes}) {
    auto equalized = std::make_unique<Quantizer>(graph, options);
    const int pairs = equalize(equalized->graph(), outputs, options.unequal);
    if (pairs == 0) break;
    equalized->tune(share(tuning, tried / 3.0, (tried + 1) / 3.0));
    ++tried;
    const double before = best->output_sqnr(), after = equalized->output_sqnr();
    const std::string change =
        fmt::format("{} pair{} of layers equalized by {}: SQNR of the outputs {:.1f} dB, otherwise {:.1f} dB", pairs,
                    pairs == 1 ? "" : "s", outputs != nullptr ? "activations" : "weights", after, before);
    log.add("tried {}", change);
    if (after <= before) continue;
    best = std::move(equalized);
    best->set_equalized(change);
  }
  return best->run(trials, log, &graph);
}

}  // namespace linnet::quantize
