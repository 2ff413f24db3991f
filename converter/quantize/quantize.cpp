#include "converter/quantize/quantize.hpp"

#include <algorithm>
#include <cmath>

#include "converter/ops/quantize.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/quantize/quality.hpp"
#include "converter/weights/reparametrize.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

class Quantizer {
 public:
  Quantizer(Graph& graph, const Options& options, const Progress& progress, passes::PassLog& log)
      : graph_(graph), options_(options), progress_(progress), log_(log) {}

  Quantized run() {
    require_floats();
    if (!options_.samples.empty()) check_samples(graph_, options_.samples);
    split_steps(graph_, log_);
    keep_floats();
    find_ranges();
    std::unique_ptr<Graph> integer = build(reasons_, {});
    if (!options_.samples.empty()) integer = improve(std::move(integer));
    describe(*integer);
    report::DeadChannels dead_channels = finish(*integer);
    graph_ = std::move(*integer);
    return {std::move(statistics_.ranges), std::move(report_), std::move(dead_channels)};
  }

 private:
  Graph& graph_;
  const Options& options_;
  const Progress& progress_;
  passes::PassLog& log_;
  Statistics statistics_;
  FloatReasons reasons_;
  Sqnr sqnr_;
  report::Quantization report_;

  // Shares of the time: ranges, then measurements.
  Progress part(double begin, double end) const {
    return [this, begin, end](double fraction) { progress_(begin + (end - begin) * fraction); };
  }

  void require_floats() const {
    for (const auto& value : graph_.values())
      if (value->type.quantization)
        throw Error(fmt::format("--int8: the model is quantized already: tensor {} is {}", value->name,
                                to_string(value->type)));
  }

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
    if (!options_.samples.empty())
      statistics_ =
          calibrate(graph_, options_.samples, options_.ranges ? RangeMethod{} : options_.range, part(0.0, 0.4));
    if (options_.ranges) statistics_.ranges = *options_.ranges;
  }

  // The graph with every node that can as int8 steps; what proves to have none is added to `reasons`.
  std::unique_ptr<Graph> build(FloatReasons& reasons, const Corrections& corrections) {
    const InsertOptions options{options_.weights, options_.int8_ports};
    for (;;) {
      std::unique_ptr<Graph> copy = graph_.clone();
      FloatReasons chosen_reasons = reasons;
      const std::unordered_set<const Node*> nodes = choose_nodes(*copy, chosen_reasons);
      if (nodes.empty()) throw Error("--int8: no step of the model can be one of int8");
      const Scales scales(*copy, nodes, statistics_.ranges, options_.int8_ports);
      std::vector<std::string> keys;
      for (const Node* node : nodes)
        if (kind_of(*node) != StepKind::moving) keys.push_back(key_of(*node));
      const auto renamed = insert_scales(*copy, nodes, scales, options, corrections);
      passes::PassLog details;
      const std::map<std::string, std::string> found = passes::recognise_integers(*copy, details);
      if (left_float(*copy, keys, renamed, found, reasons) > 0) continue;
      reasons = std::move(chosen_reasons);
      return copy;
    }
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

  // Corrects biases where that makes the layer more exact, and leaves layers below the wanted SQNR float.
  std::unique_ptr<Graph> improve(std::unique_ptr<Graph> integer) {
    const Sqnr before = measure(graph_, *integer, options_.samples, part(0.4, 0.6));
    const Corrections all = bias_shifts(graph_, statistics_, options_.weights);
    FloatReasons reasons = reasons_;
    std::unique_ptr<Graph> corrected = build(reasons, all);
    const Sqnr after = measure(graph_, *corrected, options_.samples, part(0.6, 0.8));
    Corrections kept;
    for (const auto& [key, shifts] : all)
      if (const auto old = before.find(key), now = after.find(key);
          old != before.end() && now != after.end() && now->second > old->second)
        kept[key] = shifts;
    log_.add("corrected the biases of {} of {} layers", kept.size(), all.size());
    for (;;) {
      integer = build(reasons_, kept);
      sqnr_ = measure(graph_, *integer, options_.samples, part(0.8, 1.0));
      forget_factors();
      if (!leave_inexact()) return integer;
    }
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

  void describe(const Graph& integer) {
    report_.range = options_.ranges ? options_.ranges_file : to_string(options_.range);
    report_.samples = static_cast<int64_t>(options_.samples.size());
    report_.float_reasons = reasons_;
    for (const auto& node : graph_.nodes()) {
      const std::string& key = key_of(*node);
      const auto sqnr = sqnr_.find(key);
      if (sqnr != sqnr_.end() && kind_of(*node) != StepKind::moving && reasons_.count(key) == 0)
        report_.layers.push_back({key, std::string(node->op->name()), sqnr->second});
    }
    for (const Value* output : integer.outputs)
      if (const auto sqnr = sqnr_.find(output->name); sqnr != sqnr_.end())
        report_.outputs.push_back({output->name, "output", sqnr->second});
  }

  // What stays float is as fused as before, and its constants are real numbers.
  report::DeadChannels finish(Graph& integer) {
    passes::PassLog details;
    passes::fold_constants(integer, details);
    report::DeadChannels dead_channels = passes::remove_dead_channels(integer, log_);
    passes::fuse(integer, details);
    return dead_channels;
  }
};

}  // namespace

Quantized quantize(Graph& graph, const Options& options, const Progress& progress, passes::PassLog& log) {
  return Quantizer(graph, options, progress, log).run();
}

}  // namespace linnet::quantize
