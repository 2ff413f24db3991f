#include "converter/treat/treat.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "converter/ops/recurrent.hpp"
#include "converter/quantize/placement.hpp"
#include "converter/treat/states.hpp"

namespace linnet::treat {

using namespace ir;

namespace {

constexpr const char *kClip = "--clip", *kSparsify = "--sparsify", *kWeightsOption = "--weights",
                     *kCluster = "--cluster";

std::string list_of(const std::vector<Layer>& layers) {
  std::vector<std::string> names;
  for (const Layer& layer : layers)
    if (names.empty() || names.back() != layer.node->name) names.push_back(layer.node->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// Throws where a glob names no layer.
template <class T>
void check_globs(const Rules<T>& rules, const std::vector<Layer>& layers, const char* option) {
  for (const Rule<T>& rule : rules)
    if (!rule.glob.empty() &&
        std::none_of(layers.begin(), layers.end(), [&](const Layer& layer) { return names(rule.glob, *layer.node); }))
      throw Error(fmt::format("{} {}: no layer with float weights has such a name; there are: {}", option, rule.text,
                              list_of(layers)));
}

template <class T>
std::optional<T> treatment_of(const Rules<T>& rules, const Layer& layer, const char* option) {
  const Rule<T>* rule = find_rule(rules, *layer.node, option);
  return rule != nullptr ? rule->treatment : std::nullopt;
}

template <class T>
bool has_treatment(const Rules<T>& rules) {
  return std::any_of(rules.begin(), rules.end(), [](const Rule<T>& rule) { return rule.treatment.has_value(); });
}

bool has_grid(const Rules<Weights>& rules) {
  return std::any_of(rules.begin(), rules.end(), [](const Rule<Weights>& rule) {
    return rule.treatment && rule.treatment->form == WeightForm::grid;
  });
}

Treatment treatment_of(const Options& options, const Layer& layer) {
  Treatment treatment;
  treatment.clip = treatment_of(options.clip, layer, kClip);
  treatment.sparsify = treatment_of(options.sparsify, layer, kSparsify);
  treatment.cluster = treatment_of(options.cluster, layer, kCluster);
  const auto weights = treatment_of(options.weights, layer, kWeightsOption);
  if (weights && weights->form == WeightForm::grid) treatment.grid = weights->grid;
  if (treatment.cluster && weights && weights->form != WeightForm::float32)
    throw Error(fmt::format("--cluster {} and --weights {} contradict each other for layer {}",
                            find_rule(options.cluster, *layer.node, kCluster)->text,
                            find_rule(options.weights, *layer.node, kWeightsOption)->text, layer.node->name));
  return treatment;
}

int64_t nonzeros(const Matrix& weights) {
  return (weights.array() != 0).count();
}

class Treater {
 public:
  Treater(Graph& graph, const Options& options, const std::vector<quantize::Sample>* samples, passes::PassLog& log)
      : graph_(graph), options_(options), log_(log), layers_(find_layers(graph)) {
    if (options.repair) samples = &options.repair->samples;
    samples_ = samples;
  }

  Treated run(const quantize::Progress& progress) {
    check();
    for (const Layer& layer : layers_) treatments_.push_back(treatment_of(options_, layer));
    choose_kept();
    if (samples_ != nullptr) gatherer_.emplace(graph_, *samples_);
    result_.report.repaired = options_.repair.has_value();
    result_.report.samples = options_.repair ? static_cast<int64_t>(samples_->size()) : 0;
    for (size_t i = 0; i < layers_.size(); ++i) {
      progress(static_cast<double>(i) / static_cast<double>(layers_.size()));
      if (!treatments_[i].empty() || refits_all()) treat_layer(i);
    }
    if (result_.report.layers.empty())
      throw Error("the options that treat weights leave every layer as it is: all of them are exempt");
    return std::move(result_);
  }

 private:
  Graph& graph_;
  const Options& options_;
  const std::vector<quantize::Sample>* samples_;
  passes::PassLog& log_;
  std::vector<Layer> layers_;
  std::vector<Treatment> treatments_;
  std::vector<std::vector<uint8_t>> kept_;
  std::optional<Gatherer> gatherer_;
  Treated result_;

  bool has_treatments() const {
    return has_treatment(options_.clip) || has_treatment(options_.sparsify) || has_treatment(options_.cluster) ||
           has_grid(options_.weights);
  }
  bool refits_all() const { return options_.repair && !has_treatments(); }

  void check() {
    if (layers_.empty()) throw Error("no layer of the model has float weights that could be treated");
    check_globs(graph_, options_);
    if (!options_.repair) return;
    if (!has_treatments() && !(options_.repair->options.weight_decay > 0))
      throw Error(
          "--repair: there is nothing to repair; give a treatment (--clip, --sparsify, --weights, --cluster) or "
          "--weight-decay");
    quantize::check_samples(graph_, *samples_, "--repair");
  }

  // Layers of one rule may compete with each other.
  void choose_kept() {
    kept_.resize(layers_.size());
    std::set<const Rule<Sparsify>*> done;
    for (size_t i = 0; i < layers_.size(); ++i) {
      const auto& sparsify = treatments_[i].sparsify;
      if (!sparsify) continue;
      const Rule<Sparsify>* rule = find_rule(options_.sparsify, *layers_[i].node, kSparsify);
      if (!sparsify->all_layers)
        kept_[i] = kept_weights(layers_[i], layers_[i].read(), *sparsify);
      else if (done.insert(rule).second)
        choose_together(rule);
      check_kept(i, *rule);
    }
  }

  void choose_together(const Rule<Sparsify>* rule) {
    std::vector<size_t> indices;
    std::vector<Layer> together;
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (!treatments_[i].sparsify || find_rule(options_.sparsify, *layers_[i].node, kSparsify) != rule) continue;
      indices.push_back(i);
      together.push_back(layers_[i]);
    }
    std::vector<std::vector<uint8_t>> kept = kept_weights(together, *rule->treatment);
    for (size_t i = 0; i < indices.size(); ++i) kept_[indices[i]] = std::move(kept[i]);
  }

  void check_kept(size_t i, const Rule<Sparsify>& rule) const {
    if (options_.allow_empty) return;
    const Matrix weights = layers_[i].read();
    if (!keeps_any(weights, kept_[i]))
      throw Error(
          fmt::format("--sparsify {}: layer {} would be left without weights (its greatest magnitude is {:.3g}); "
                      "--allow-empty allows that",
                      rule.text, layers_[i].name(), weights.cwiseAbs().maxCoeff()));
  }

  void treat_layer(size_t i) {
    const Layer& layer = layers_[i];
    const Treatment& treatment = treatments_[i];
    const Matrix before = layer.read();
    std::vector<Evidence> evidence;
    const bool weighs = treatment.cluster && samples_ != nullptr && layer.columns() <= kMostColumns;
    if (options_.repair || weighs) evidence = gather(layer);
    std::optional<Matrix> energies;
    if (weighs) energies = energies_of(layer, evidence);
    Matrix weights = before;
    WeightSet set = apply(layer, treatment, kept_[i], energies ? &*energies : nullptr, &weights);
    report::TreatedLayer& row = result_.report.layers.emplace_back();
    row.layer = layer.name();
    row.op = layer.node->op->name();
    row.treatment = treatment.empty() ? "weight decay" : to_string(treatment);
    row.weights = weights.size();
    if (options_.repair) {
      const Repaired repaired = repair(layer, before, weights, treatment, evidence, options_.repair->options, &set);
      weights = repaired.weights;
      shift_bias(layer, repaired.bias_shift);
      row.error_before = repaired.before;
      row.error_after = repaired.after;
      row.repair = repaired.method;
    }
    row.nonzero = nonzeros(weights);
    layer.write(graph_, weights);
    log_.add("{}: {}, {} of {} weights are not 0{}", row.layer, row.treatment, row.nonzero, row.weights,
             row.repair.empty() ? "" : fmt::format(", repaired by {}", row.repair));
    if (!treatment.empty()) result_.sets[{quantize::key_of(*layer.node), layer.input}] = std::move(set);
  }

  // What is kept is that of a layer before which none is treated.
  std::vector<Evidence> gather(const Layer& layer) const {
    if (options_.evidence == nullptr || !result_.report.layers.empty()) return gatherer_->gather(graph_, layer);
    KeptEvidence& kept = *options_.evidence;
    if (kept.layer != layer.name()) kept = {layer.name(), gatherer_->gather(graph_, layer)};
    return kept.evidence;
  }

  void shift_bias(const Layer& layer, const Vector& shift) {
    const bool recurrent = is_recurrent(layer);
    const size_t index = recurrent ? size_t{ops::Recurrent::kBias} : 2;
    const int64_t count = recurrent ? 2 * layer.rows : layer.rows,
                  first = recurrent && layer.input == ops::Recurrent::kRecurrentWeights ? layer.rows : 0;
    Node* node = layer.node;
    if (node->has(index) && !node->in(index).constant) return;
    std::vector<double> numbers(static_cast<size_t>(count), 0.0);
    std::string name = node->name + ".bias";
    if (node->has(index)) {
      numbers = node->in(index).constant->doubles();
      name = node->in(index).name;
    }
    for (int64_t row = 0; row < shift.size(); ++row) numbers[static_cast<size_t>(first + row)] += shift[row];
    Value* old = node->has(index) ? node->inputs[index] : nullptr;
    graph_.set_input(node, index, graph_.add_constant(name, Array::of_doubles({count}, std::move(numbers))));
    if (old != nullptr && old->uses.empty() && !graph_.is_output(old)) graph_.remove(old);
  }
};

}  // namespace

bool Options::any() const {
  return has_treatment(clip) || has_treatment(sparsify) || has_treatment(cluster) || has_grid(weights) || repair;
}

bool wants_int8(const Rules<Weights>& rules, const Node& node) {
  const Rule<Weights>* rule = find_rule(rules, node, kWeightsOption);
  return rule != nullptr && rule->treatment && rule->treatment->form == WeightForm::int8;
}

bool wants_int8(const Rules<Weights>& rules) {
  return std::any_of(rules.begin(), rules.end(), [](const Rule<Weights>& rule) {
    return rule.treatment && rule.treatment->form == WeightForm::int8;
  });
}

void check_globs(const Graph& graph, const Options& options) {
  const std::vector<Layer> layers = find_layers(graph);
  check_globs(options.clip, layers, kClip);
  check_globs(options.sparsify, layers, kSparsify);
  check_globs(options.weights, layers, kWeightsOption);
  check_globs(options.cluster, layers, kCluster);
}

Treated treat(Graph& graph, const Options& options, const std::vector<quantize::Sample>* samples,
              const quantize::Progress& progress, passes::PassLog& log) {
  return Treater(graph, options, samples, log).run(progress);
}

}  // namespace linnet::treat
