#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "converter/ops/elementwise.hpp"
#include "converter/passes/affine.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

constexpr size_t kLargestSubgraph = 16;
// Exporters write constants with six digits or more; the activations that are told apart differ by over 1e-4 somewhere.
constexpr double kTolerance = 2e-6;
// Of what float32 makes of a subgraph; a subgraph that only repeats its input must do so but for the last digits.
constexpr double kFloatTolerance = 2e-5, kFloatIdentity = 0x1p-21;
constexpr double kUnreached = 1e30;
constexpr double kFar = 1e6;  // where a bounded function has reached its bound

// Points of every region in which an activation could differ from another: around the bends, the tails and far away.
std::vector<double> sample_points() {
  std::vector<double> points = {-kFar, -1.0, 0.0, 1.0, kFar};
  for (int i = -50; i <= 50; ++i) points.push_back(i * 0.237 + 0.01);
  for (double magnitude = 1e-4; magnitude < kFar; magnitude *= 3.1) {
    points.push_back(magnitude);
    points.push_back(-magnitude);
  }
  return points;
}

// An element-wise subgraph of one variable.
struct Candidate {
  Value* variable;
  std::vector<Node*> nodes;  // in the graph's order
};

class Recognizer {
 public:
  Recognizer(Graph& graph, PassLog& log) : graph_(graph), log_(log), points_(sample_points()) {
    int order = 0;
    for (const auto& node : graph.nodes()) order_[node.get()] = order++;
  }

  void visit(Node* node) {
    std::vector<Candidate> candidates = find(node);
    for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
      if (candidate->nodes.size() == 1 && node->as<ops::Binary>() == nullptr) continue;
      const std::optional<Activation> activation = recognise(*candidate);
      if (!activation) continue;
      rewrite(*candidate, node, *activation);
      return;
    }
    square(node);
  }

 private:
  Graph& graph_;
  PassLog& log_;
  std::vector<double> points_;
  std::map<Function, std::vector<double>> values_;  // at the points, of functions without parameters
  std::unordered_map<const Node*, int> order_;

  bool is_elementwise(const Node* node, const Shape& shape) const {
    if (node == nullptr || (node->as<ops::Unary>() == nullptr && node->as<ops::Binary>() == nullptr)) return false;
    if (node->out().shape() != shape || !is_floating(node->out())) return false;
    return mergeable(*node) && std::all_of(node->inputs.begin(), node->inputs.end(), [](const Value* v) {
             return v != nullptr && (!v->constant || is_within_reach(uniform_constant(v)));
           });
  }

  // Bends at larger numbers lie outside of the sample points; beyond any activation there are none.
  static bool is_within_reach(const std::optional<double>& constant) {
    return constant && (std::fabs(*constant) <= kFar / 10 || std::fabs(*constant) >= kUnreached);
  }

  // Every subgraph that ends in `last` and depends on one variable, smallest first.
  std::vector<Candidate> find(Node* last) const {
    std::vector<Candidate> result;
    if (!is_elementwise(last, last->out().shape())) return result;
    std::vector<Node*> nodes = {last};
    std::set<Value*> variables;
    const auto add_inputs = [&](const Node* node) {
      for (Value* value : node->inputs)
        if (!value->constant) variables.insert(value);
    };
    add_inputs(last);
    while (!variables.empty()) {
      if (variables.size() == 1 && (*variables.begin())->shape() == last->out().shape()) {
        result.push_back({*variables.begin(), nodes});
        std::sort(result.back().nodes.begin(), result.back().nodes.end(),
                  [this](const Node* a, const Node* b) { return order_.at(a) < order_.at(b); });
      }
      Value* latest = *std::max_element(variables.begin(), variables.end(),
                                        [this](const Value* a, const Value* b) { return position(a) < position(b); });
      if (nodes.size() == kLargestSubgraph || !is_elementwise(latest->producer, last->out().shape())) break;
      if (graph_.is_output(latest) || !used_only_by(*latest, nodes)) break;
      variables.erase(latest);
      nodes.push_back(latest->producer);
      add_inputs(latest->producer);
    }
    return result;
  }

  int position(const Value* value) const {
    const auto found = order_.find(value->producer);
    return found != order_.end() ? found->second : -1;
  }

  static bool used_only_by(const Value& value, const std::vector<Node*>& nodes) {
    return std::all_of(value.uses.begin(), value.uses.end(),
                       [&](const Use& use) { return std::find(nodes.begin(), nodes.end(), use.node) != nodes.end(); });
  }

  // With `rounded`, every result is rounded to float32, as the device has it.
  std::vector<double> evaluate(const Candidate& candidate, bool rounded) const {
    const DType dtype = candidate.variable->type.dtype;
    const Shape shape = {static_cast<int64_t>(points_.size())};
    std::unordered_map<const Value*, Array> arrays;
    const auto stored = [&](const Array& array) {
      return rounded ? Array::of_floats(array.shape(), array.floats(), array.dtype()) : array;
    };
    arrays[candidate.variable] = stored(Array::of_doubles(shape, points_, dtype));
    for (const Node* node : candidate.nodes) {
      std::vector<const Array*> inputs;
      for (const Value* value : node->inputs) {
        if (value->constant) arrays[value] = stored(Array::scalar(value->constant->number(0), value->type.dtype));
        inputs.push_back(&arrays.at(value));
      }
      arrays[&node->out()] = stored(node->op->evaluate(inputs)[0]);
    }
    return arrays.at(&candidate.nodes.back()->out()).doubles();
  }

  std::vector<double> evaluate(const Activation& activation) const {
    ops::Unary unary;
    unary.function = activation;
    const Array points = Array::of_doubles({static_cast<int64_t>(points_.size())}, points_);
    return unary.evaluate({&points})[0].doubles();
  }

  bool agrees_with(const std::vector<double>& got, const Activation& activation) {
    if (activation.alpha != 0.0f || activation.beta != 0.0f) return agree(got, evaluate(activation));
    std::vector<double>& values = values_[activation.function];
    if (values.empty()) values = evaluate(activation);
    return agree(got, values);
  }

  bool agree(const std::vector<double>& got, const std::vector<double>& wanted) const {
    size_t compared = 0;
    double size = 0.0;  // of the largest result, up to 1
    for (const double y : got)
      if (std::isfinite(y)) size = std::min(std::max(size, std::fabs(y)), 1.0);
    for (size_t i = 0; i < points_.size(); ++i) {
      // Far out the spelled-out form may overflow where the function itself does not, but not the reverse.
      if (!std::isfinite(wanted[i]) && std::isfinite(got[i])) return false;
      if (!std::isfinite(got[i])) continue;
      // Near zero the scale shrinks with x, so that an epsilon added somewhere is not taken for a rounded constant.
      const double x = std::fabs(points_[i]), y = std::fabs(wanted[i]);
      if (std::fabs(got[i] - wanted[i]) >
          kTolerance * size * (x < 1.0 ? std::max(x, y) : std::max(1.0, std::min(x, y))))
        return false;
      ++compared;
    }
    return compared > points_.size() / 4;
  }

  // Whether float32 computes what double does: not where the source rounds on purpose, (x + c) - c.
  bool survives_rounding(const std::vector<double>& rounded, const std::vector<double>& exact) const {
    const bool repeats = std::equal(points_.begin(), points_.end(), exact.begin(),
                                    [](double x, double y) { return std::fabs(x - y) <= 1e-9 * std::fabs(x); });
    for (size_t i = 0; i < points_.size(); ++i) {
      if (!std::isfinite(rounded[i]) || !std::isfinite(exact[i])) continue;
      const double x = std::fabs(points_[i]), y = std::fabs(exact[i]);
      if (std::fabs(rounded[i] - exact[i]) > (repeats ? kFloatIdentity * x : kFloatTolerance * std::max({1.0, x, y})))
        return false;
    }
    return true;
  }

  // The activations, with the parameters that the values at the first five points demand. A root or a reciprocal of
  // several nodes, of which one has a constant, may hold an epsilon that matters at 0 only.
  static std::vector<Activation> hypotheses(const std::vector<double>& at, bool without_epsilon) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const double far_left = at[0], left = at[1], middle = at[2], right = at[3], far_right = at[4];
    const float low = far_left == -kFar ? -kInfinity : static_cast<float>(far_left);
    const float high = far_right == kFar ? kInfinity : static_cast<float>(far_right);
    std::vector<Activation> result = {
        {Function::Relu},     {Function::Sigmoid}, {Function::Tanh}, {Function::HardSwish}, {Function::Softplus},
        {Function::Softsign}, {Function::Mish},    {Function::Gelu}, {Function::GeluTanh},  {Function::Silu}};
    if (without_epsilon)
      result.insert(result.end(), {{Function::Sqrt}, {Function::Reciprocal}, {Function::Rsqrt}, {Function::Abs}});
    result.push_back({Function::Clip, low, high});
    if (left != 1.0) result.push_back({Function::LeakyRelu, static_cast<float>(-left)});
    result.push_back({Function::Elu, static_cast<float>(-far_left)});
    if (right != 0.0)
      result.push_back({Function::Selu, static_cast<float>(-far_left / right), static_cast<float>(right)});
    result.push_back({Function::HardSigmoid, static_cast<float>(right - middle), static_cast<float>(middle)});
    return result;
  }

  std::optional<Activation> recognise(const Candidate& candidate) {
    const std::vector<double> values = evaluate(candidate, false);
    if (!survives_rounding(evaluate(candidate, true), values)) return std::nullopt;
    // 0 x is no constant: it keeps NaN, and makes it of infinities.
    if (std::all_of(values.begin(), values.end(), [&](double y) { return y == values[0]; })) return std::nullopt;
    const bool without_epsilon =
        candidate.nodes.size() == 1 || std::all_of(candidate.nodes.begin(), candidate.nodes.end(),
                                                   [](const Node* node) { return node->as<ops::Unary>() != nullptr; });
    for (const Activation& activation : hypotheses(values, without_epsilon))
      if (std::isfinite(activation.alpha + activation.beta) || activation.function == Function::Clip)
        if (agrees_with(values, activation)) return activation;
    return std::nullopt;
  }

  void rewrite(const Candidate& candidate, Node* last, const Activation& activation) {
    ops::Unary unary;
    unary.function = activation;
    log_.add("{} {}: {}", last->name,
             candidate.nodes.size() > 1 ? fmt::format("and {} nodes before it", candidate.nodes.size() - 1) : "is",
             ir::name(activation.function));
    const int order = order_.at(last);
    Node* replacement = replace(graph_, last, std::make_unique<ops::Unary>(unary), {candidate.variable});
    order_[replacement] = order;
    for (size_t i = candidate.nodes.size() - 1; i-- > 0;) {
      add_sources(replacement, *candidate.nodes[i]);
      order_.erase(candidate.nodes[i]);
      graph_.remove(candidate.nodes[i]);
    }
  }

  // x to the power of 2 is a multiplication.
  void square(Node* node) {
    const auto* binary = node->as<ops::Binary>();
    if (binary == nullptr || binary->function != kernels::BinaryFunction::Pow) return;
    if (uniform_constant(node->inputs[1]) != 2.0 || node->in(0).shape() != node->out().shape()) return;
    ops::Binary product = *binary;
    product.function = kernels::BinaryFunction::Mul;
    const int order = order_.at(node);
    Value* x = node->inputs[0];
    order_[replace(graph_, node, std::make_unique<ops::Binary>(product), {x, x})] = order;
  }
};

}  // namespace

void recognise_activations(Graph& graph, PassLog& log) {
  Recognizer recognizer(graph, log);
  sweep(graph, [&](Node* node) { recognizer.visit(node); });
}

}  // namespace linnet::passes
