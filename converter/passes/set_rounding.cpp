#include "converter/ops/quantize.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/passes.hpp"

namespace linnet::passes {

namespace {

using namespace linnet::ir;

// Sums of products with 16 bits do not fit what a float holds.
bool sums_words(const Node& node) {
  if (node.as<ops::Quantize>() != nullptr) return false;
  for (const Value* input : node.inputs)
    if (input != nullptr && input->type.quantization && input->type.dtype == DType::i16) return true;
  return false;
}

}  // namespace

void set_rounding(Graph& graph, Rounding rounding, PassLog& log, std::vector<std::string>& warnings) {
  std::vector<std::string> problems;
  size_t found = 0;
  for (const auto& node : graph.nodes()) {
    Rounding* rule = node->op->rounding_rule();
    if (rule == nullptr) continue;
    ++found;
    if (*rule == rounding) continue;
    if (node->as<ops::Softmax>() != nullptr) {
      warnings.push_back(
          fmt::format("{}: computes in TensorFlow Lite's fixed point, which has no other rounding", to_string(*node)));
      continue;
    }
    if (rounding == Rounding::nearest && !node->op->rounds_to_nearest())
      problems.push_back(fmt::format("{}: has no integer form that rounds as float does", to_string(*node)));
    else if (rounding == Rounding::nearest && sums_words(*node))
      problems.push_back(
          fmt::format("{}: has 16-bit inputs; those are rounded by TensorFlow Lite's rule alone", to_string(*node)));
    *rule = rounding;
    log.add("{} rounds as {} does", node->name, rounding == Rounding::nearest ? "float" : "TensorFlow Lite");
  }
  if (!problems.empty()) throw Problems(std::move(problems));
  if (found == 0) throw Error("a rule of rounding is given; the model computes with real numbers alone");
}

}  // namespace linnet::passes
