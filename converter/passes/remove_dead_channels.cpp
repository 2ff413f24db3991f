#include <algorithm>
#include <limits>

#include "converter/ops/axes.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/channel_ranges.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

// The elements of some indices along an axis.
Array picked(const Array& array, int64_t axis, const std::vector<int64_t>& indices) {
  const ops::AxisSplit view = ops::split_at(array.shape(), axis);
  Shape shape = array.shape();
  shape[static_cast<size_t>(axis)] = static_cast<int64_t>(indices.size());
  std::vector<int64_t> source;
  source.reserve(static_cast<size_t>(element_count(shape)));
  for (int64_t outer = 0; outer < view.outer; ++outer)
    for (const int64_t index : indices)
      for (int64_t inner = 0; inner < view.inner; ++inner)
        source.push_back((outer * view.size + index) * view.inner + inner);
  std::optional<Quantization> quantization = array.type().quantization;
  if (quantization && !quantization->per_tensor() && quantization->axis == axis) {
    Quantization& all = *quantization;
    for (size_t i = 0; i < indices.size(); ++i) {
      all.scales[i] = all.scales[static_cast<size_t>(indices[i])];
      all.zero_points[i] = all.zero_points[static_cast<size_t>(indices[i])];
    }
    all.scales.resize(indices.size());
    all.zero_points.resize(indices.size());
  }
  return array.with_quantization(std::nullopt).gathered(std::move(shape), source).with_quantization(quantization);
}

// Sets of channels of several tensors that can only be removed together.
class Sets {
 public:
  void add(size_t count) {
    while (count-- > 0) parents_.push_back(parents_.size());
    kept_.resize(parents_.size(), false);
  }
  size_t size() const { return parents_.size(); }
  size_t find(size_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }
  void join(size_t a, size_t b) {
    a = find(a);
    b = find(b);
    parents_[b] = a;
    kept_[a] = kept_[a] || kept_[b];
  }
  void keep(size_t i) { kept_[find(i)] = true; }
  bool kept(size_t i) { return kept_[find(i)]; }

 private:
  std::vector<size_t> parents_;
  std::vector<bool> kept_;
};

// One look at the whole graph: what is known about channels, which can go, and the graph without these.
class Round {
 public:
  explicit Round(Graph& graph) : graph_(graph), channels_(graph), ranges_(graph, channels_) {
    for (const auto& value : graph.values()) {
      if (channels_.axis(value.get()) < 0) continue;
      first_[value.get()] = sets_.size();
      sets_.add(static_cast<size_t>(channels_.count(value.get())));
    }
  }

  // Whether channels were removed.
  bool run() {
    for (const auto& node : graph_.nodes()) read(*node);
    for (const Value* output : graph_.outputs) keep_all(output);
    while (keep_one_of_each()) {
    }
    bool removes = false;
    for (size_t i = 0; i < sets_.size(); ++i) removes = removes || !sets_.kept(i);
    if (!removes) return false;
    for (const auto& node : graph_.nodes()) rewrite(*node);
    for (const auto& node : graph_.nodes()) graph_.infer(node.get());
    return true;
  }

 private:
  Graph& graph_;
  Channels channels_;
  ChannelRanges ranges_;
  std::unordered_map<const Value*, size_t> first_;  // the number of a tensor's first channel among all
  Sets sets_;

  bool has_channels(const Value* value) const { return first_.count(value) > 0; }
  size_t number(const Value* value, int64_t channel) const { return first_.at(value) + static_cast<size_t>(channel); }
  void keep_all(const Value* value) {
    for (int64_t c = 0; c < channels_.count(value); ++c) sets_.keep(number(value, c));
  }

  // ---- what can go ----

  void read(Node& node) {
    if (const Flow* flow = channels_.flow(&node)) {
      read_flow(node, *flow);
    } else if (const std::optional<Layer> layer = dense_layer(node)) {
      read_layer(*layer);
    } else {
      for (const Value* input : node.inputs) keep_all(input);
      for (const Value* output : node.outputs) keep_all(output);
    }
  }

  // A layer each of whose outputs is computed from all inputs.
  std::optional<Layer> dense_layer(Node& node) const {
    const std::optional<Layer> layer = as_layer(&node);
    const bool plain = layer && layer->groups == 1 && !node.has(kResidual) && !node.has(kFactors) &&
                       node.outputs.size() == 1 && channels_.flow(&node) == nullptr;
    return plain ? layer : std::nullopt;
  }

  void read_flow(const Node& node, const Flow& flow) {
    const Value* y = node.outputs[0];
    std::vector<bool> whole(node.inputs.size(), true);  // read as a whole
    for (const Operand& operand : flow.operands) {
      const Value* x = node.inputs[operand.input];
      const bool apart = x->constant || channels_.axis(x) == operand.axis;
      const bool is_part = std::count(operand.source.begin(), operand.source.end(), -1) > 0;
      whole[operand.input] = !apart;
      for (size_t c = 0; c < operand.source.size(); ++c) {
        if (operand.source[c] < 0) continue;
        const size_t out = number(y, static_cast<int64_t>(c));
        if (!apart || (x->constant && is_part && operand.source[c] == 0))
          sets_.keep(out);
        else if (!x->constant)
          sets_.join(out, number(x, operand.source[c]));
      }
    }
    for (size_t i = 0; i < whole.size(); ++i)
      if (whole[i]) keep_all(node.inputs[i]);
  }

  void read_layer(const Layer& layer) {
    const Value* x = layer.node->inputs[0];
    if (!has_channels(x)) return;
    if (channels_.axis(x) != layer.channel_axis()) return keep_all(x);
    // Real numbers times integers may be quantized at run time, by the range of all channels.
    const bool by_range = !x->type.quantization && layer.weights().type.quantization;
    std::vector<bool> read(static_cast<size_t>(layer.inputs()), by_range);
    const std::vector<float> weights = layer.weights().constant->floats();
    for (size_t i = 0; i < weights.size(); ++i)
      if (weights[i] != 0.0f) read[static_cast<size_t>(layer.channels(static_cast<int64_t>(i)).first)] = true;
    const bool folds = bias_holds_constants(layer);
    for (size_t c = 0; c < read.size(); ++c)
      if (read[c] && !(is_zero(x, c) || (folds && ranges_.of(x)[c].constant())))
        sets_.keep(number(x, static_cast<int64_t>(c)));
  }

  static double zero_of(const Value* x) {
    return x->type.quantization ? static_cast<double>(x->type.quantization->zero_point()) : 0.0;
  }
  bool is_zero(const Value* x, size_t channel) const {
    const double zero = zero_of(x);
    return ranges_.of(x)[channel] == Range{zero, zero};
  }

  // What the constant channels of x add to the sums of integers.
  std::vector<int64_t> constant_products(const Layer& layer, const std::vector<bool>& chosen, bool magnitudes) const {
    const Value* x = layer.node->inputs[0];
    const auto zero = static_cast<int64_t>(zero_of(x));
    std::vector<int64_t> sums(static_cast<size_t>(layer.outputs()), 0);
    const std::vector<int64_t> weights = layer.weights().constant->integers();
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto [in, out] = layer.channels(static_cast<int64_t>(i));
      if (!chosen[static_cast<size_t>(in)]) continue;
      const int64_t product = weights[i] * (static_cast<int64_t>(ranges_.of(x)[static_cast<size_t>(in)].low) - zero);
      sums[static_cast<size_t>(out)] += magnitudes ? std::abs(product) : product;
    }
    return sums;
  }

  static int64_t bias_of(const Layer& layer, size_t out) {
    return layer.node->has(kBias) ? layer.node->in(kBias).constant->integer(out) : 0;
  }

  // Whether the constants that x has besides its zero point can be part of the bias: in sums of integers that every
  // output sees whole, and that 32 bits hold.
  bool bias_holds_constants(const Layer& layer) const {
    const Value* x = layer.node->inputs[0];
    if (layer.padded || !x->type.quantization) return false;
    const std::vector<Range>& ranges = ranges_.of(x);
    std::vector<bool> constant(ranges.size());
    for (size_t c = 0; c < ranges.size(); ++c) constant[c] = ranges[c].constant();
    if (std::count(constant.begin(), constant.end(), true) == 0) return false;
    const std::vector<int64_t> sums = constant_products(layer, constant, true);
    for (size_t out = 0; out < sums.size(); ++out)
      if (sums[out] + std::abs(bias_of(layer, out)) > std::numeric_limits<int32_t>::max()) return false;
    return true;
  }

  // Of tensors that would lose all channels the first stays.
  bool keep_one_of_each() {
    bool changed = false;
    for (const auto& value : graph_.values()) {
      if (channels_.count(value.get()) == 0 || !kept(value.get()).empty()) continue;
      sets_.keep(number(value.get(), 0));
      changed = true;
    }
    return changed;
  }

  // ---- the graph without them ----

  // In order.
  std::vector<int64_t> kept(const Value* value) {
    std::vector<int64_t> result;
    for (int64_t c = 0; c < channels_.count(value); ++c)
      if (sets_.kept(number(value, c))) result.push_back(c);
    return result;
  }
  bool loses(const Value* value) {
    return has_channels(value) && static_cast<int64_t>(kept(value).size()) < channels_.count(value);
  }

  void rewrite(Node& node) {
    if (const Flow* flow = channels_.flow(&node)) {
      rewrite_flow(node, *flow);
    } else if (const std::optional<Layer> layer = dense_layer(node)) {
      rewrite_layer(*layer);
    }
  }

  void set_constant(Node& node, size_t index, Array array) {
    Value* old = node.inputs[index];
    graph_.set_input(&node, index, graph_.add_constant(old->name, std::move(array)));
    if (old->uses.empty() && !graph_.is_output(old)) graph_.remove(old);
  }

  void rewrite_layer(const Layer& layer) {
    Node& node = *layer.node;
    const Value *x = node.inputs[0], *y = node.outputs[0];
    if (loses(x)) {
      if (x->type.quantization) fold_constants(layer);
      set_constant(node, kWeights, picked(*layer.weights().constant, layer.transposed ? 0 : 1, kept(x)));
    }
    if (loses(y)) {
      set_constant(node, kWeights, picked(*layer.weights().constant, layer.transposed ? 1 : 0, kept(y)));
      if (node.has(kBias)) set_constant(node, kBias, picked(*node.in(kBias).constant, 0, kept(y)));
    }
  }

  void fold_constants(const Layer& layer) {
    Node& node = *layer.node;
    const Value* x = node.inputs[0];
    std::vector<bool> removed(static_cast<size_t>(layer.inputs()), true);
    for (const int64_t c : kept(x)) removed[static_cast<size_t>(c)] = false;
    std::vector<int64_t> bias = constant_products(layer, removed, false);
    if (std::all_of(bias.begin(), bias.end(), [](int64_t sum) { return sum == 0; })) return;
    for (size_t out = 0; out < bias.size(); ++out) bias[out] += bias_of(layer, out);
    const Shape shape = {layer.outputs()};
    if (node.has(kBias)) {
      const TensorType& type = node.in(kBias).type;
      set_constant(node, kBias,
                   Array::of_integers(shape, std::move(bias), type.dtype).with_quantization(type.quantization));
      return;
    }
    const Value& weights = layer.weights();
    Quantization steps{{}, std::vector<int64_t>(weights.type.quantization->scales.size(), 0), 0};
    for (const float scale : weights.type.quantization->scales)
      steps.scales.push_back(x->type.quantization->scale() * scale);
    const DType dtype = x->type.dtype == DType::i8 ? DType::i32 : DType::i64;
    graph_.set_input(&node, kBias,
                     graph_.add_constant(weights.name + ".bias",
                                         Array::of_integers(shape, std::move(bias), dtype).with_quantization(steps)));
  }

  void rewrite_flow(Node& node, const Flow& flow) {
    Value* y = node.outputs[0];
    const bool loses_output = loses(y);
    const std::vector<int64_t> outputs = kept(y);
    for (const Operand& operand : flow.operands) {
      if (!node.in(operand.input).constant || !loses_output) continue;
      std::vector<int64_t> indices;
      for (const int64_t c : outputs)
        if (operand.source[static_cast<size_t>(c)] >= 0) indices.push_back(operand.source[static_cast<size_t>(c)]);
      set_constant(node, operand.input, picked(*node.in(operand.input).constant, operand.axis, indices));
    }
    const auto axis = static_cast<size_t>(flow.axis);
    const auto count = static_cast<int64_t>(outputs.size());
    const Operand& x = flow.operands[0];
    if (auto* conv = node.as<ops::Conv>()) {
      conv->groups = static_cast<int64_t>(kept(node.inputs[0]).size()) / node.in(kWeights).shape()[1];
    } else if (auto* reshape = node.as<ops::Reshape>()) {
      reshape->shape[axis] = count;
    } else if (auto* slice = node.as<ops::Slice>()) {
      slice->shape[axis] = count;
      slice->starts[axis] = position(node.inputs[0], slice->starts[axis]);
    } else if (auto* gather = node.as<ops::Gather>(); gather != nullptr && gather->axis == x.axis) {
      gather->indices.clear();
      for (const int64_t c : outputs)
        gather->indices.push_back(position(node.inputs[0], x.source[static_cast<size_t>(c)]));
      gather->indices_shape = {count};
    }
  }

  // How many channels before this one are kept.
  int64_t position(const Value* value, int64_t channel) {
    int64_t result = 0;
    for (int64_t c = 0; c < channel; ++c) result += sets_.kept(number(value, c)) ? 1 : 0;
    return result;
  }
};

int64_t macs_of(const Graph& graph) {
  int64_t result = 0;
  for (const auto& node : graph.nodes()) result += node->op->macs(*node);
  return result;
}

// Output channels of every layer, in order.
std::vector<std::pair<Node*, int64_t>> layer_sizes(const Graph& graph) {
  std::vector<std::pair<Node*, int64_t>> result;
  for (const auto& node : graph.nodes())
    if (const std::optional<Layer> layer = as_layer(node.get())) result.emplace_back(node.get(), layer->outputs());
  return result;
}

}  // namespace

report::DeadChannels remove_dead_channels(Graph& graph, PassLog& log) {
  report::DeadChannels result;
  result.macs_before = macs_of(graph);
  const auto sizes = layer_sizes(graph);
  while (Round(graph).run()) {
  }
  result.macs_after = macs_of(graph);
  for (const auto& [node, outputs] : sizes) {
    const int64_t removed = outputs - as_layer(node)->outputs();
    if (removed == 0) continue;
    log.add("{}: {} of {} channels removed", node->name, removed, outputs);
    result.layers.push_back({node->name, removed, outputs});
  }
  if (!result.layers.empty())
    log.add("multiply-accumulates: {} before, {} after", result.macs_before, result.macs_after);
  return result;
}

}  // namespace linnet::passes
