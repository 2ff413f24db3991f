#include <algorithm>
#include <unordered_map>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/affine.hpp"
#include "converter/passes/norm_parameters.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using kernels::BinaryFunction;
constexpr size_t kWeights = 1, kBias = 2, kResidual = 3;

bool all_equal(const std::vector<int64_t>& values, int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == wanted; });
}

class Fuser {
 public:
  Fuser(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  bool run() {
    changed_ = false;
    number_nodes();
    sweep(graph_, [this](Node* node) {
      if (is_quantized(*node)) {
        changed_ = fuse_residual(node) || changed_;
        return;
      }
      changed_ = merge_parameters(graph_, log_, node, false) || fuse_activation(node) || fuse_residual(node) ||
                 fuse_scale(node) || fuse_operand_scale(node) || fuse_pad(node) || crop_kernel(node) ||
                 make_scale_shift(node) || make_linear(node) || changed_;
    });
    return changed_;
  }

 private:
  Graph& graph_;
  PassLog& log_;
  bool changed_ = false;
  std::unordered_map<const Node*, int> order_;

  void number_nodes() {
    int order = 0;
    for (const auto& node : graph_.nodes()) order_[node.get()] = order++;
  }

  void substitute(Node* node, std::unique_ptr<Op> op, std::vector<Value*> inputs) {
    const int order = order_.at(node);
    order_.erase(node);
    order_[replace(graph_, node, std::move(op), std::move(inputs))] = order;
  }

  // producer -> [Reshape ...] -> Unary
  bool fuse_activation(Node* node) {
    const auto* unary = node->as<ops::Unary>();
    if (unary == nullptr || !is_floating(node->out())) return false;
    Value* value = node->inputs[0];
    while (single_use(graph_, value) && producer_of<ops::Reshape>(value) != nullptr) value = value->producer->inputs[0];
    Node* producer = value->producer;
    if (producer == nullptr || !single_use(graph_, value)) return false;
    Activation* fused = producer->op->activation();
    if (fused == nullptr || fused->function != Function::Identity || !is_floating(*value)) return false;
    *fused = unary->function;
    log_.add("fused {} ({}) into {}", node->name, ir::name(fused->function), producer->name);
    if (node->inputs[0]->producer != producer) add_sources(producer, *node);
    absorb(graph_, node->inputs[0]->producer, node);
    return true;
  }

  // Whether the layer's epilogue can add to its output what `sum` does. That of integers adds to their range.
  template <class Layer>
  static bool can_add(const Layer* layer, const Node& node, const ops::Binary& sum) {
    if (layer == nullptr || layer->integer.has_value() != sum.integer.has_value()) return false;
    if (!sum.integer) return layer->fused.function == Function::Identity;
    return node.in(0).type.dtype == DType::i8 && node.out().type.dtype == DType::i8 &&
           layer->integer->rounding == sum.integer->rounding;
  }

  Node* adding_layer(const Value* value, const ops::Binary& sum) const {
    Node* node = value->producer;
    if (node == nullptr || !single_use(graph_, value) || node->has(kResidual)) return nullptr;
    const bool can = can_add(node->as<ops::Conv>(), *node, sum) || can_add(node->as<ops::Linear>(), *node, sum);
    return can ? node : nullptr;
  }

  template <class Layer>
  static void set_sum(Layer* layer, const ops::Binary& sum) {
    if (layer == nullptr) return;
    if (sum.integer) {
      layer->summand = IntegerSummand{layer->integer->quantization, layer->fused};
      layer->integer->quantization = sum.integer->quantization;
    }
    layer->fused = sum.fused;
  }

  bool fuse_residual(Node* node) {
    const auto* sum = node->as<ops::Binary>();
    if (sum == nullptr || sum->function != BinaryFunction::Add || node->in(0).shape() != node->in(1).shape())
      return false;
    Node* layers[2] = {adding_layer(node->inputs[0], *sum), adding_layer(node->inputs[1], *sum)};
    if (layers[0] == nullptr && layers[1] == nullptr) return false;
    // The layer that runs later, so that the other summand is there and neither waits long.
    size_t host = layers[0] != nullptr ? 0 : 1;
    if (layers[0] != nullptr && layers[1] != nullptr && order_.at(layers[1]) > order_.at(layers[0])) host = 1;
    Node* layer = layers[host];
    Value* residual = node->inputs[1 - host];
    if (residual->constant) return false;
    std::vector<Value*> inputs = layer->inputs;
    inputs.resize(kResidual + 1, nullptr);
    inputs[kResidual] = residual;
    log_.add("fused {} into {}", node->name, layer->name);
    std::unique_ptr<Op> op = layer->op->clone();
    set_sum(dynamic_cast<ops::Conv*>(op.get()), *sum);
    set_sum(dynamic_cast<ops::Linear*>(op.get()), *sum);
    Node* fused = graph_.add(std::move(op), inputs, layer->name, node);
    fused->sources = layer->sources;
    order_[fused] = order_.at(node);
    absorb(graph_, fused, node);
    graph_.remove(layer);
    return true;
  }

  // The factor by which a Binary scales its operand `x`.
  static std::optional<double> scalar_factor(const Node* node, size_t& x) {
    const auto* binary = node != nullptr ? node->as<ops::Binary>() : nullptr;
    if (binary == nullptr || binary->fused.function != Function::Identity) return std::nullopt;
    for (x = 0; x < 2; ++x) {
      const auto factor = uniform_constant(node->inputs[1 - x]);
      if (!factor || !mergeable_factor(*factor) || node->in(x).type != node->out().type) continue;
      if (binary->function == BinaryFunction::Mul) return factor;
      if (binary->function == BinaryFunction::Div && x == 0 && *factor != 0.0) return 1.0 / *factor;
    }
    return std::nullopt;
  }

  bool fuse_scale(Node* node) {
    size_t x = 0;
    const std::optional<double> factor = scalar_factor(node, x);
    Node* before = factor ? producer_of<ops::MatMul>(node->inputs[x]) : nullptr;
    if (before == nullptr || !single_use(graph_, node->inputs[x])) return false;
    auto* product = before->as<ops::MatMul>();
    if (product->fused.function != Function::Identity || !mergeable_factor(product->scale * *factor)) return false;
    product->scale *= *factor;
    log_.add("fused {} into the scale of {}", node->name, before->name);
    absorb(graph_, before, node);
    return true;
  }

  bool fuse_operand_scale(Node* node) {
    auto* product = node->as<ops::MatMul>();
    if (product == nullptr) return false;
    bool fused = false;
    for (size_t i = 0; i < 2; ++i) {
      size_t x = 0;
      Node* before = node->inputs[i]->producer;
      const std::optional<double> factor = scalar_factor(before, x);
      if (!factor || !single_use(graph_, node->inputs[i]) || !mergeable_factor(product->scale * *factor)) continue;
      product->scale *= *factor;
      log_.add("fused {} into the scale of {}", before->name, node->name);
      add_sources(node, *before);
      graph_.set_input(node, i, before->inputs[x]);
      graph_.remove(before);
      fused = true;
    }
    return fused;
  }

  bool fuse_pad(Node* node) {
    const Node* before = node->inputs.empty() ? nullptr : producer_of<ops::Pad>(node->inputs[0]);
    if (before == nullptr || !single_use(graph_, node->inputs[0])) return false;
    const ops::Pad& pad = *before->as<ops::Pad>();
    const size_t rank = pad.pads_begin.size();
    const auto spatial = [&](const std::vector<int64_t>& pads) {
      return std::vector(pads.begin() + 1, pads.end() - 1);
    };
    const bool outside =
        pad.pads_begin[0] != 0 || pad.pads_end[0] != 0 || pad.pads_begin[rank - 1] != 0 || pad.pads_end[rank - 1] != 0;
    const auto negative = [](int64_t p) { return p < 0; };
    if (pad.mode != ops::PadMode::Constant || outside ||
        std::any_of(pad.pads_begin.begin(), pad.pads_begin.end(), negative) ||
        std::any_of(pad.pads_end.begin(), pad.pads_end.end(), negative))
      return false;
    std::unique_ptr<Op> padded = node->op->clone();
    if (auto* conv = dynamic_cast<ops::Conv*>(padded.get())) {
      if (pad.value != 0.0 || !conv->channels_last) return false;
      widen(conv->pads_begin, conv->pads_end, spatial(pad.pads_begin), spatial(pad.pads_end));
    } else if (auto* pool = dynamic_cast<ops::Pool*>(padded.get())) {
      if (!pads_like(*pool, pad, *before)) return false;
      widen(pool->pads_begin, pool->pads_end, spatial(pad.pads_begin), spatial(pad.pads_end));
      pool->count_include_pad = pool->kind == kernels::PoolKind::Average;
    } else {
      return false;
    }
    std::vector<Value*> inputs = node->inputs;
    inputs[0] = before->inputs[0];
    if (infer_types(*padded, inputs)[0] != node->out().type) return false;
    log_.add("fused {} into the padding of {}", before->name, node->name);
    add_sources(node, *before);
    substitute(node, std::move(padded), inputs);
    return true;
  }

  static void widen(std::vector<int64_t>& begin, std::vector<int64_t>& end, const std::vector<int64_t>& more_begin,
                    const std::vector<int64_t>& more_end) {
    for (size_t d = 0; d < begin.size(); ++d) begin[d] += more_begin[d];
    for (size_t d = 0; d < end.size(); ++d) end[d] += more_end[d];
  }

  // Whether the pool's own padding has the effect of `pad`: zeros that count in an average; in a maximum, values that
  // no element is below, as long as every window has an element.
  static bool pads_like(const ops::Pool& pool, const ops::Pad& pad, const Node& pad_node) {
    if (!pool.channels_last) return false;
    const bool unpadded = all_equal(pool.pads_begin, 0) && all_equal(pool.pads_end, 0);
    if (pool.kind == kernels::PoolKind::Average) return pad.value == 0.0 && (unpadded || pool.count_include_pad);
    for (size_t d = 0; d < pool.kernel.size(); ++d)
      if (pool.dilations[d] != 1 || pool.pads_begin[d] + pad.pads_begin[d + 1] >= pool.kernel[d] ||
          pool.pads_end[d] + pad.pads_end[d + 1] >= pool.kernel[d])
        return false;
    if (pad.value <= -3.4e38) return true;
    const Node* producer = pad_node.inputs[0]->producer;
    const Activation* activation = producer != nullptr ? producer->op->activation() : nullptr;
    return unpadded && pad.value == 0.0 && activation != nullptr && is_never_negative(*activation);
  }

  static bool is_never_negative(const Activation& activation) {
    switch (activation.function) {
      case Function::Relu:
      case Function::Sigmoid:
      case Function::HardSigmoid:
      case Function::Softplus:
      case Function::Exp:
      case Function::Sqrt:
      case Function::Rsqrt:
      case Function::Abs:
        return true;
      case Function::Clip:
        return activation.alpha >= 0.0f && activation.beta >= activation.alpha;
      default:
        return false;
    }
  }

  // On a map of one pixel only one tap of the kernel meets it.
  bool crop_kernel(Node* node) {
    const auto* conv = node->as<ops::Conv>();
    if (conv == nullptr || !conv->channels_last || all_equal(kernel(*node), 1)) return false;
    const Shape &in = node->in(0).shape(), &out = node->out().shape(), &weights = node->in(kWeights).shape();
    std::vector<int64_t> tap;
    for (size_t d = 0; d < conv->strides.size(); ++d) {
      if (in[d + 1] != 1 || out[d + 1] != 1 || conv->pads_begin[d] % conv->dilations[d] != 0) return false;
      tap.push_back(conv->pads_begin[d] / conv->dilations[d]);
      if (tap.back() >= weights[d + 2]) return false;
    }
    if (!node->in(kWeights).constant) return false;
    Shape cropped = {weights[0], weights[1]};
    cropped.resize(weights.size(), 1);
    const std::vector<int64_t> strides = row_major_strides(weights);
    int64_t offset = 0;
    for (size_t d = 0; d < tap.size(); ++d) offset += tap[d] * strides[d + 2];
    Array kept = node->in(kWeights).constant->gathered(cropped, strided_offsets(cropped, strides, offset));
    ops::Conv point = *conv;
    const std::vector<int64_t> zeros(tap.size(), 0), ones(tap.size(), 1);
    point.pads_begin = point.pads_end = zeros;
    point.strides = point.dilations = ones;
    std::vector<Value*> inputs = node->inputs;
    inputs[kWeights] = graph_.add_constant(node->in(kWeights).name, std::move(kept));
    log_.add("{} sees one pixel: only one tap of its kernel remains", node->name);
    substitute(node, std::make_unique<ops::Conv>(point), inputs);
    return true;
  }

  static std::vector<int64_t> kernel(const Node& node) {
    const Shape& weights = node.in(kWeights).shape();
    return {weights.begin() + 2, weights.end()};
  }

  static bool is_pointwise(const Node& node, const ops::Conv& conv) {
    return conv.channels_last && all_equal(kernel(node), 1) && all_equal(conv.strides, 1) &&
           all_equal(conv.pads_begin, 0) && all_equal(conv.pads_end, 0) && node.in(kWeights).constant &&
           (!node.has(kBias) || node.in(kBias).constant);
  }

  // A depthwise convolution of one tap.
  bool make_scale_shift(Node* node) {
    const auto* conv = node->as<ops::Conv>();
    if (conv == nullptr || node->has(kResidual) || !is_pointwise(*node, *conv)) return false;
    const Shape& weights = node->in(kWeights).shape();
    if (weights[0] != conv->groups || weights[1] != 1 || conv->groups == 1) return false;
    ops::ScaleShift scale_shift;
    scale_shift.axis = static_cast<int64_t>(node->out().shape().size()) - 1;
    scale_shift.fused = conv->fused;
    const Shape channels = {weights[0]};
    Value* scale = graph_.add_constant(node->in(kWeights).name, node->in(kWeights).constant->reshaped(channels));
    Value* shift = node->has(kBias)
                       ? node->inputs[kBias]
                       : graph_.add_constant(node->name + ".shift",
                                             Array::of_doubles(channels, std::vector<double>(weights[0], 0.0)));
    log_.add("{} has one tap per channel: scale-shift", node->name);
    substitute(node, std::make_unique<ops::ScaleShift>(scale_shift), {node->inputs[0], scale, shift});
    return true;
  }

  // A convolution of one pixel, or of one window that is the whole image, is a linear layer and needs no scratch
  // memory.
  bool make_linear(Node* node) {
    const auto* conv = node->as<ops::Conv>();
    if (conv == nullptr || !conv->channels_last || conv->groups != 1 || !node->in(kWeights).constant) return false;
    const Shape &in = node->in(0).shape(), &out = node->out().shape();
    const Shape& weights = node->in(kWeights).shape();
    if (!all_equal(conv->pads_begin, 0) || !all_equal(conv->pads_end, 0)) return false;
    for (size_t d = 0; d < conv->strides.size(); ++d)
      if (out[d + 1] != 1 || in[d + 1] != weights[d + 2]) return false;
    Permutation to_last = identity_permutation(weights.size());
    to_last.erase(to_last.begin() + 1);
    to_last.push_back(1);
    Shape row = out;
    row.back() = element_count(weights) / weights[0];
    Array matrix = transposed(*node->in(kWeights).constant, to_last).reshaped({weights[0], row.back()});
    ops::Linear linear;
    linear.fused = conv->fused;
    std::vector<Value*> inputs = node->inputs;
    inputs[kWeights] = graph_.add_constant(node->in(kWeights).name, std::move(matrix));
    if (in != row) {
      ops::Reshape reshape;
      reshape.shape = row;
      inputs[0] = graph_.add(std::make_unique<ops::Reshape>(reshape), {inputs[0]}, node->name, node)->outputs[0];
    }
    log_.add("{} sees its whole input at once: Linear", node->name);
    substitute(node, std::make_unique<ops::Linear>(linear), inputs);
    return true;
  }
};

}  // namespace

void fuse(Graph& graph, PassLog& log) {
  Fuser fuser(graph, log);
  while (fuser.run()) {
  }
  PassLog details;
  simplify(graph, details);
}

}  // namespace linnet::passes
