#include "converter/quantize/equalize.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/quantize/placement.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

constexpr size_t kWeights = 1, kBias = 2, kResidual = 3;

bool is_homogeneous(const Activation* activation) {
  return activation == nullptr || activation->function == Function::Identity ||
         activation->function == Function::Relu || activation->function == Function::LeakyRelu;
}

// Whether scaled channels of its input are equally scaled channels of its output.
bool keeps_channels(const Node& node) {
  if (!is_homogeneous(node.op->activation())) return false;
  if (const auto* unary = node.as<ops::Unary>()) return is_homogeneous(&unary->function);
  if (node.as<ops::Pool>() != nullptr) return true;
  const Shape& shape = node.in(0).shape();
  if (node.as<ops::Reshape>() != nullptr) return shape.back() == node.out().shape().back();
  const auto* reduce = node.as<ops::Reduce>();
  if (reduce == nullptr) return false;
  const bool linear = reduce->kind == kernels::ReduceKind::Mean || reduce->kind == kernels::ReduceKind::Sum ||
                      reduce->kind == kernels::ReduceKind::Max || reduce->kind == kernels::ReduceKind::Min;
  const auto last = static_cast<int64_t>(shape.size()) - 1;
  return linear && std::find(reduce->axes.begin(), reduce->axes.end(), last) == reduce->axes.end();
}

// The layer's weights by channel.
class Weights {
 public:
  explicit Weights(const Node& layer) : numbers_(layer.in(kWeights).constant->doubles()) {
    const Shape& shape = layer.in(kWeights).shape();
    transposed_ = layer.as<ops::ConvTranspose>() != nullptr;
    const auto* conv = layer.as<ops::Conv>();
    groups_ = static_cast<size_t>(transposed_ ? layer.as<ops::ConvTranspose>()->groups : conv ? conv->groups : 1);
    rows_ = static_cast<size_t>(shape[0]);
    columns_ = static_cast<size_t>(shape[1]);
    taps_ = numbers_.size() / std::max<size_t>(rows_ * columns_, 1);
  }

  std::vector<double>& numbers() { return numbers_; }
  size_t output(size_t i) const { return transposed_ ? column(i) : row(i); }
  size_t input(size_t i) const { return transposed_ ? row(i) : column(i); }

  template <class Channel>
  std::vector<double> magnitudes(size_t channels, Channel&& channel) const {
    std::vector<double> result(channels);
    for (size_t i = 0; i < numbers_.size(); ++i)
      result[channel(i)] = std::max(result[channel(i)], std::abs(numbers_[i]));
    return result;
  }

 private:
  std::vector<double> numbers_;
  bool transposed_;
  size_t groups_, rows_, columns_, taps_;

  size_t row(size_t i) const { return i / (columns_ * taps_); }
  size_t column(size_t i) const { return row(i) / (rows_ / groups_) * columns_ + i / taps_ % columns_; }
};

struct Pair {
  Node *first, *second;
  std::vector<Value*> between;                 // tensors that are divided
  std::optional<std::vector<double>> outputs;  // magnitudes of what `first` gives
};

std::vector<Pair> find_pairs(const Graph& graph) {
  std::vector<Pair> pairs;
  for (const auto& node : graph.nodes()) {
    const bool scalable =
        kind_of(*node) == StepKind::layer && !node->has(kResidual) && is_homogeneous(node->op->activation());
    Value* value = scalable ? node->outputs[0] : nullptr;
    std::vector<Value*> between;
    while (value != nullptr && passes::single_use(graph, value)) {
      const Use use = value->uses.front();
      between.push_back(value);
      if (use.input == 0 && kind_of(*use.node) == StepKind::layer) {
        if (value->shape().back() == node->out().shape().back())
          pairs.push_back({node.get(), use.node, std::move(between), {}});
        break;
      }
      value = use.input == 0 && keeps_channels(*use.node) ? use.node->outputs[0] : nullptr;
    }
  }
  return pairs;
}

void set_constant(Graph& graph, Node* node, size_t index, std::vector<double> numbers) {
  const Value& old = node->in(index);
  graph.set_input(node, index,
                  graph.add_constant(old.name, Array::of_doubles(old.shape(), std::move(numbers), old.type.dtype)));
}

// Returns the largest change of a logarithm.
double equalize(Graph& graph, Pair& pair) {
  Weights first(*pair.first), second(*pair.second);
  const auto channels = static_cast<size_t>(outputs_of(*pair.first));
  const auto output = [&](size_t i) { return first.output(i); };
  const auto input = [&](size_t i) { return second.input(i); };
  const std::vector<double> r1 = pair.outputs ? *pair.outputs : first.magnitudes(channels, output),
                            r2 = second.magnitudes(channels, input);
  std::vector<double> s(channels, 1.0);
  double change = 0;
  for (size_t c = 0; c < channels; ++c) {
    if (r1[c] == 0 || r2[c] == 0) continue;
    s[c] = std::sqrt(r1[c] * r2[c]) / r2[c];
    change = std::max(change, std::abs(std::log(s[c])));
    if (pair.outputs) (*pair.outputs)[c] /= s[c];
  }
  for (size_t i = 0; i < first.numbers().size(); ++i) first.numbers()[i] /= s[output(i)];
  for (size_t i = 0; i < second.numbers().size(); ++i) second.numbers()[i] *= s[input(i)];
  set_constant(graph, pair.first, kWeights, std::move(first.numbers()));
  set_constant(graph, pair.second, kWeights, std::move(second.numbers()));
  if (pair.first->has(kBias)) {
    std::vector<double> bias = pair.first->in(kBias).constant->doubles();
    for (size_t c = 0; c < channels; ++c) bias[c] /= s[c];
    set_constant(graph, pair.first, kBias, std::move(bias));
  }
  return change;
}

}  // namespace

int equalize(Graph& graph, const Magnitudes* outputs, const std::set<std::string>& unequal) {
  constexpr int kMostRounds = 20;
  constexpr double kSmallChange = 1e-2;
  std::vector<Pair> pairs = find_pairs(graph);
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(),
                             [&](const Pair& pair) {
                               return unequal.count(key_of(*pair.first)) + unequal.count(key_of(*pair.second)) > 0;
                             }),
              pairs.end());
  if (outputs != nullptr)
    for (Pair& pair : pairs)
      if (const auto found = outputs->find(key_of(*pair.first)); found != outputs->end()) pair.outputs = found->second;
  double change = 1;
  for (int round = 0; round < kMostRounds && change > kSmallChange; ++round) {
    change = 0;
    for (Pair& pair : pairs) change = std::max(change, equalize(graph, pair));
  }
  for (const Pair& pair : pairs)
    for (Value* value : pair.between) graph.rename(value, graph.unique_name(value->name + "_equalized"));
  return static_cast<int>(pairs.size());
}

}  // namespace linnet::quantize
