#include <algorithm>
#include <cmath>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/affine.hpp"
#include "converter/passes/layer.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

std::optional<Layer> float_layer(Node* node) {
  return node != nullptr && !is_quantized(*node) ? as_layer(node) : std::nullopt;
}

class Folder {
 public:
  Folder(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  bool fold_behind_layers() {
    return sweep_affine([this](Node* node, const Affine& affine) { return fold_into_producer(node, affine); });
  }
  bool fold_before_layers() {
    return sweep_affine([this](Node* node, const Affine& affine) { return fold_into_consumers(node, affine); });
  }
  bool merge_chains() {
    return sweep_affine([this](Node* node, const Affine& affine) { return merge_with_previous(node, affine); });
  }

  // Reshape -> affine -> Reshape back: the factors in the shape outside.
  bool move_out_of_reshapes() {
    bool changed = false;
    sweep(graph_, [&](Node* node) { changed = move_out_of_reshapes(node) || changed; });
    return changed;
  }

  void replace_batch_norms() {
    sweep(graph_, [this](Node* node) {
      if (node->as<ops::BatchNorm>() == nullptr) return;
      const std::optional<Affine> affine = as_affine(*node);
      if (!affine) throw Error(fmt::format("{} (BatchNorm): its parameters must be constant", node->name));
      log_.add("{} becomes one scale-shift", node->name);
      make_scale_shift(node, *affine);
    });
  }

 private:
  Graph& graph_;
  PassLog& log_;

  template <class Fold>
  bool sweep_affine(Fold&& fold) {
    bool changed = false;
    sweep(graph_, [&](Node* node) {
      const std::optional<Affine> affine = as_affine(*node);
      if (affine && mergeable(*node)) changed = fold(node, *affine) || changed;
    });
    return changed;
  }

  static bool all_zero(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return v == 0.0; });
  }

  struct Target {
    Layer layer;
    Affine factors;
  };
  struct Parameters {
    std::optional<std::vector<double>> weights;  // absent: they stay
    std::vector<double> bias;
  };

  // layers -> [Reshape, Transpose, Slice or Concat ...] -> affine
  bool fold_into_producer(Node* node, const Affine& affine) {
    std::vector<Target> sources;
    if (!find_sources(affine.x, affine, sources) || !fold(node, sources, scaled_outputs)) return false;
    for (const Target& source : sources)
      if (source.layer.node != affine.x->producer) add_sources(source.layer.node, *node);
    absorb(graph_, affine.x->producer, node);
    return true;
  }

  bool find_sources(Value* value, const Affine& affine, std::vector<Target>& sources) {
    Node* producer = value->producer;
    if (producer == nullptr || !single_use(graph_, value)) return false;
    if (producer->as<ops::Concat>() != nullptr) return find_parts(*producer, affine, sources);
    if (const std::optional<Affine> outer = before_view(affine, *producer))
      return find_sources(producer->inputs[0], *outer, sources);
    const std::optional<Layer> layer = float_layer(producer);
    if (!layer || producer->has(kResidual) || producer->op->activation()->function != Function::Identity) return false;
    const std::optional<Affine> factors = along(affine, layer->channel_axis(), layer->outputs());
    if (factors) sources.push_back({*layer, *factors});
    return factors.has_value();
  }

  bool find_parts(const Node& concat, const Affine& affine, std::vector<Target>& sources) {
    const int64_t axis = concat.as<ops::Concat>()->axis;
    int64_t start = 0;
    for (Value* input : concat.inputs) {
      const int64_t size = input->shape()[static_cast<size_t>(axis)];
      Affine part = affine;
      if (affine.axis == axis) {
        part.scale = {affine.scale.begin() + start, affine.scale.begin() + start + size};
        part.shift = {affine.shift.begin() + start, affine.shift.begin() + start + size};
      }
      if (!find_sources(input, part, sources)) return false;
      start += size;
    }
    return true;
  }

  // Gives every layer the weights and bias that `scaled` computes, if float32 holds them all.
  bool fold(const Node* node, const std::vector<Target>& targets, Parameters (*scaled)(const Layer&, const Affine&)) {
    std::vector<Parameters> parameters;
    for (const Target& target : targets) {
      parameters.push_back(scaled(target.layer, target.factors));
      const auto& [weights, bias] = parameters.back();
      if (!fits_float32(bias_of(target.layer), bias)) return false;
      if (weights && !fits_float32(target.layer.weights().constant->doubles(), *weights)) return false;
    }
    for (size_t i = 0; i < targets.size(); ++i) {
      log_.add("folded {} into {}", node->name, targets[i].layer.node->name);
      set_bias(targets[i].layer, std::move(parameters[i].bias));
      if (parameters[i].weights) set_weights(targets[i].layer, std::move(*parameters[i].weights));
    }
    return true;
  }

  static bool all_one(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return v == 1.0; });
  }

  static Parameters scaled_outputs(const Layer& layer, const Affine& factors) {
    Parameters result{std::nullopt, bias_of(layer)};
    for (size_t m = 0; m < result.bias.size(); ++m)
      result.bias[m] = result.bias[m] * factors.scale[m] + factors.shift[m];
    if (all_one(factors.scale)) return result;
    std::vector<double>& weights = result.weights.emplace(layer.weights().constant->doubles());
    for (size_t i = 0; i < weights.size(); ++i)
      weights[i] *= factors.scale[static_cast<size_t>(layer.channels(static_cast<int64_t>(i)).second)];
    return result;
  }

  // affine -> [Reshape, Transpose or Slice ...] -> layer, for every use
  bool fold_into_consumers(Node* node, const Affine& affine) {
    std::vector<Target> targets;
    if (affine.x->constant || !find_targets(node->outputs[0], affine, targets) || targets.empty()) return false;
    if (!fold(node, targets, scaled_inputs)) return false;
    for (const Target& target : targets) add_sources(target.layer.node, *node);
    const std::vector<Use> uses = node->outputs[0]->uses;
    for (const Use& use : uses) graph_.set_input(use.node, use.input, affine.x);
    graph_.remove(node);
    return true;
  }

  bool find_targets(Value* value, const Affine& affine, std::vector<Target>& targets) {
    if (graph_.is_output(value)) return false;
    for (const Use& use : value->uses) {
      if (const std::optional<Affine> beyond = behind_view(affine, *use.node)) {
        if (!find_targets(use.node->outputs[0], *beyond, targets)) return false;
        continue;
      }
      const std::optional<Layer> layer = float_layer(use.node);
      if (!layer || use.input != 0 || (layer->padded && !all_zero(affine.shift))) return false;
      const std::optional<Affine> factors = along(affine, layer->channel_axis(), layer->inputs());
      if (!factors) return false;
      targets.push_back({*layer, *factors});
    }
    return true;
  }

  static Parameters scaled_inputs(const Layer& layer, const Affine& factors) {
    std::vector<double> weights = layer.weights().constant->doubles(), bias = bias_of(layer);
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto [in, out] = layer.channels(static_cast<int64_t>(i));
      bias[static_cast<size_t>(out)] += weights[i] * factors.shift[static_cast<size_t>(in)];
      weights[i] *= factors.scale[static_cast<size_t>(in)];
    }
    if (all_one(factors.scale)) return {std::nullopt, std::move(bias)};
    return {std::move(weights), std::move(bias)};
  }

  static std::vector<double> bias_of(const Layer& layer) {
    return layer.node->has(kBias) ? layer.node->in(kBias).constant->doubles()
                                  : std::vector<double>(layer.outputs(), 0.0);
  }

  void set_weights(const Layer& layer, std::vector<double> weights) {
    Value* old = layer.node->inputs[kWeights];
    Array array = Array::of_doubles(old->shape(), std::move(weights), old->type.dtype);
    graph_.set_input(layer.node, kWeights, graph_.add_constant(old->name, std::move(array)));
    if (old->uses.empty() && !graph_.is_output(old)) graph_.remove(old);
  }

  void set_bias(const Layer& layer, std::vector<double> bias) {
    if (!layer.node->has(kBias) && all_zero(bias)) return;
    const Shape shape = {static_cast<int64_t>(bias.size())};
    const Value& weights = layer.weights();
    const std::string name = layer.node->has(kBias) ? layer.node->in(kBias).name : weights.name + ".bias";
    graph_.set_input(layer.node, kBias,
                     graph_.add_constant(name, Array::of_doubles(shape, std::move(bias), weights.type.dtype)));
  }

  bool move_out_of_reshapes(Node* after) {
    if (after->as<ops::Reshape>() == nullptr || !single_use(graph_, after->inputs[0])) return false;
    Node* node = after->inputs[0]->producer;
    const std::optional<Affine> affine = node != nullptr ? as_affine(*node) : std::nullopt;
    const Node* before = affine ? producer_of<ops::Reshape>(affine->x) : nullptr;
    if (before == nullptr || after->out().shape() != before->in(0).shape()) return false;
    std::optional<Affine> outside = through_reshape(*affine, *before, false);
    if (outside && outside->axis < 0) {  // the channels are where layers have them
      const Shape& shape = before->in(0).shape();
      if (shape.size() < 2) return false;
      outside = along(*outside, 1, shape[1]);
    }
    if (!outside) return false;
    log_.add("{} scales in the shape before {}", node->name, before->name);
    outside->x = before->inputs[0];
    absorb(graph_, make_scale_shift(node, *outside), after);
    return true;
  }

  bool merge_with_previous(Node* node, const Affine& affine) {
    if (affine.x->producer == nullptr || !single_use(graph_, affine.x)) return false;
    const std::optional<Affine> first = as_affine(*affine.x->producer);
    if (!first || !mergeable(*affine.x->producer)) return false;
    std::optional<Affine> both = chained(*first, affine);
    if (!both) return false;
    const Shape& shape = node->out().shape();
    if (both->axis < 0) {  // the channels are where layers have them
      if (shape.empty()) return false;
      const int64_t axis = shape.size() > 1 ? 1 : 0;
      both = along(*both, axis, shape[axis]);
    }
    Node* previous = affine.x->producer;
    log_.add("merged {} and {}", previous->name, node->name);
    Node* merged = make_scale_shift(node, *both);
    add_sources(merged, *previous);
    graph_.remove(previous);
    return true;
  }

  Node* make_scale_shift(Node* node, const Affine& affine) {
    ops::ScaleShift op;
    op.axis = affine.axis;
    const Shape shape = {static_cast<int64_t>(affine.scale.size())};
    Value* scale = graph_.add_constant(node->name + ".scale", Array::of_doubles(shape, affine.scale));
    Value* shift = graph_.add_constant(node->name + ".shift", Array::of_doubles(shape, affine.shift));
    return replace(graph_, node, std::make_unique<ops::ScaleShift>(op), {affine.x, scale, shift});
  }
};

}  // namespace

void fold_batch_norm(Graph& graph, PassLog& log) {
  Folder folder(graph, log);
  while (folder.fold_behind_layers() || folder.merge_chains() || folder.fold_before_layers() ||
         folder.move_out_of_reshapes()) {
  }
  folder.replace_batch_norms();
}

}  // namespace linnet::passes
