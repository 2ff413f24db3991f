#include "converter/weights/written_out.hpp"

#include <algorithm>
#include <cmath>

#include "converter/import/constants.hpp"
#include "converter/ops/batch_norm.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::weights {

using namespace ir;
using kernels::BinaryFunction;
using ops::is_static;

namespace {

constexpr double kUsualEpsilon = 1e-5;

// A Binary of data and a static operand that is one number, or one per channel.
struct Step {
  Node* node;
  size_t x;  // input that is data
  std::vector<double> operand;

  Value* data() const { return node->inputs[x]; }
  const Value* other() const { return node->inputs[1 - x]; }
};

std::optional<std::vector<double>> per_channel(const Value* value, const Shape& shape) {
  const Array array = import::Constants().get(value);
  const auto channels = static_cast<size_t>(shape[1]);
  for (size_t d = 0; d < array.shape().size(); ++d)
    if (array.shape()[d] != 1 && d + shape.size() != array.shape().size() + 1) return std::nullopt;
  std::vector<double> values = array.doubles();
  if (values.size() == 1) values.resize(channels, values[0]);
  return values.size() == channels ? std::optional(values) : std::nullopt;
}

std::optional<Step> as_step(Node* node, BinaryFunction function) {
  const auto* binary = node != nullptr ? node->as<ops::Binary>() : nullptr;
  if (binary == nullptr || binary->function != function || node->out().shape().size() < 2) return std::nullopt;
  const size_t x = is_static(node->inputs[0]) ? 1 : 0;
  const bool ordered = function == BinaryFunction::Sub || function == BinaryFunction::Div;
  if (is_static(node->inputs[x]) || !is_static(node->inputs[1 - x]) || (ordered && x == 1)) return std::nullopt;
  if (node->in(x).shape() != node->out().shape()) return std::nullopt;
  auto operand = per_channel(node->inputs[1 - x], node->out().shape());
  return operand ? std::optional(Step{node, x, std::move(*operand)}) : std::nullopt;
}

// The step that alone reads the node's output.
std::optional<Step> next(const Graph& graph, const Node* node, BinaryFunction function) {
  if (!passes::single_use(graph, node->outputs[0])) return std::nullopt;
  return as_step(node->outputs[0]->uses[0].node, function);
}

bool is_graph_input(const Graph& graph, const Value* value) {
  while (const Node* reshape = passes::producer_of<ops::Reshape>(value)) value = reshape->inputs[0];
  return graph.is_input(value);
}

// The epsilon of sqrt(variance + epsilon), before any reshapes.
double epsilon_of(const Value* deviation) {
  while (const Node* reshape = passes::producer_of<ops::Reshape>(deviation)) deviation = reshape->inputs[0];
  const Node* root = passes::producer_of<ops::Unary>(deviation);
  if (root == nullptr || root->as<ops::Unary>()->function.function != Function::Sqrt) return kUsualEpsilon;
  const Node* sum = passes::producer_of<ops::Binary>(root->inputs[0]);
  if (sum == nullptr || sum->as<ops::Binary>()->function != BinaryFunction::Add) return kUsualEpsilon;
  for (const Value* summand : sum->inputs) {
    const Array array = import::Constants().get(summand);
    if (array.size() == 1) return array.number(0);
  }
  return kUsualEpsilon;
}

class Gatherer {
 public:
  Gatherer(Graph& graph, passes::PassLog& log) : graph_(graph), log_(log) {}

  // `last` ends a batch norm that nothing continues.
  void visit(Node* last) {
    const std::optional<Step> bias = as_step(last, BinaryFunction::Add);
    Node* before_bias = bias ? bias->data()->producer : last;
    const std::optional<Step> scale = sole(before_bias, last, BinaryFunction::Mul);
    Node* before_scale = scale ? scale->data()->producer : before_bias;
    const std::optional<Step> deviation = sole(before_scale, last, BinaryFunction::Div);
    const std::optional<Step> mean =
        deviation ? sole(deviation->data()->producer, last, BinaryFunction::Sub) : std::nullopt;
    if (!mean || is_graph_input(graph_, mean->data()) || is_continued(last, bias.has_value(), scale.has_value()))
      return;
    const size_t channels = mean->operand.size();
    ops::BatchNorm op;
    op.epsilon = epsilon_of(deviation->other());
    std::vector<double> variance = deviation->operand;
    for (double& value : variance) value = value * value - op.epsilon;
    if (std::any_of(variance.begin(), variance.end(), [&](double v) { return v + op.epsilon <= 0.0; })) return;
    const auto parameter = [&](const char* suffix, std::vector<double> values) {
      return graph_.add_constant(last->name + suffix, Array::of_doubles({static_cast<int64_t>(channels)},
                                                                        std::move(values), last->out().type.dtype));
    };
    log_.add("{} is the end of a batch norm", last->name);
    std::vector<Node*> replaced;
    for (const auto& step : {scale, deviation, mean})
      if (step && step->node != last) replaced.push_back(step->node);
    Value* x = mean->data();
    Node* norm = passes::replace(graph_, last, std::make_unique<ops::BatchNorm>(op),
                                 {x, parameter(".scale", scale ? scale->operand : std::vector(channels, 1.0)),
                                  parameter(".bias", bias ? bias->operand : std::vector(channels, 0.0)),
                                  parameter(".mean", mean->operand), parameter(".variance", variance)});
    for (Node* node : replaced) {
      passes::add_sources(norm, *node);
      graph_.remove(node);
    }
  }

 private:
  Graph& graph_;
  passes::PassLog& log_;

  // The step that `node` is, where it is `last` or nothing but the next step reads it.
  std::optional<Step> sole(Node* node, const Node* last, BinaryFunction function) const {
    if (node == nullptr || (node != last && !passes::single_use(graph_, node->outputs[0]))) return std::nullopt;
    return as_step(node, function);
  }

  bool is_continued(const Node* last, bool has_bias, bool has_scale) const {
    if (has_bias) return false;
    return next(graph_, last, BinaryFunction::Add) || (!has_scale && next(graph_, last, BinaryFunction::Mul));
  }
};

}  // namespace

void gather_batch_norms(Graph& graph, passes::PassLog& log) {
  Gatherer gatherer(graph, log);
  passes::sweep(graph, [&](Node* node) { gatherer.visit(node); });
}

}  // namespace linnet::weights
