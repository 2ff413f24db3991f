#include "converter/weights/batch_of_one.hpp"

#include <cmath>
#include <random>
#include <unordered_map>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::weights {

using namespace ir;
using ops::is_static;

namespace {

constexpr size_t kScale = 1, kBias = 2, kMean = 3, kVariance = 4;

bool is_view_of_rows(const Value* x) {
  const Node* reshape = passes::producer_of<ops::Reshape>(x);
  const Shape& rows = x->shape();
  if (reshape == nullptr || rows.size() < 3 || rows[0] != 1) return false;
  const Shape& from = reshape->in(0).shape();
  return from.size() < 2 || from[0] != rows[0] || from[1] != rows[1];
}

// What a value is for one sample of `variable`; nothing where it depends on other data.
class Trial {
 public:
  Trial(const Value* variable, Array sample) { arrays_[variable] = std::move(sample); }

  const Array* evaluate(const Value* value) {
    if (const auto found = arrays_.find(value); found != arrays_.end()) return &found->second;
    if (value->constant) return &*value->constant;
    const Node* node = value->producer;
    if (node == nullptr) return nullptr;
    std::vector<const Array*> inputs;
    for (const Value* input : node->inputs) {
      inputs.push_back(input != nullptr ? evaluate(input) : nullptr);
      if (input != nullptr && inputs.back() == nullptr) return nullptr;
    }
    std::vector<Array> outputs = node->op->evaluate(inputs);
    for (size_t i = 0; i < outputs.size(); ++i) arrays_[node->outputs[i]] = std::move(outputs[i]);
    return &arrays_.at(value);
  }

 private:
  std::unordered_map<const Value*, Array> arrays_;
};

bool agree(const Array* got, const std::vector<double>& wanted) {
  constexpr double kTolerance = 1e-6;
  if (got == nullptr || got->size() != wanted.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i)
    if (!(std::abs(got->number(i) - wanted[i]) <= kTolerance * (1.0 + std::abs(wanted[i])))) return false;
  return true;
}

bool are_statistics_of_rows(const Node& node) {
  if (!node.has(kMean) && !node.has(kVariance)) return true;
  if (!node.has(kMean) || !node.has(kVariance) || is_static(node.inputs[kMean]) || is_static(node.inputs[kVariance]))
    return false;
  const Shape& shape = node.in(0).shape();
  const auto rows = static_cast<size_t>(shape[1]);
  std::vector<double> sample(static_cast<size_t>(element_count(shape))), mean(rows), variance(rows);
  std::minstd_rand generator(7);
  std::uniform_real_distribution<double> numbers(-1.0, 3.0);
  for (double& value : sample) value = numbers(generator);
  const size_t size = sample.size() / rows;
  for (size_t i = 0; i < sample.size(); ++i) mean[i / size] += sample[i] / static_cast<double>(size);
  for (size_t i = 0; i < sample.size(); ++i)
    variance[i / size] += (sample[i] - mean[i / size]) * (sample[i] - mean[i / size]) / static_cast<double>(size);
  Trial trial(node.inputs[0], Array::of_doubles(shape, sample));
  return agree(trial.evaluate(node.inputs[kMean]), mean) && agree(trial.evaluate(node.inputs[kVariance]), variance);
}

}  // namespace

void replace_batches_of_one(Graph& graph, passes::PassLog& log) {
  passes::sweep(graph, [&](Node* node) {
    const auto* norm = node->as<ops::BatchNorm>();
    if (norm == nullptr || norm->axis != 1 || !is_view_of_rows(node->inputs[0]) || !are_statistics_of_rows(*node))
      return;
    log.add("{} normalizes the rows of {} by their own statistics", node->name, node->in(0).name);
    ops::GroupNorm op;
    op.groups = node->in(0).shape()[1];
    op.epsilon = norm->epsilon;
    passes::replace(graph, node, std::make_unique<ops::GroupNorm>(op),
                    {node->inputs[0], node->inputs[kScale], node->inputs[kBias]});
  });
}

}  // namespace linnet::weights
