// If, whose condition must be constant: the branch that it takes becomes part of the graph around it.
#include <fmt/format.h>

#include "converter/import/onnx_context.hpp"

namespace linnet::ops {

std::vector<ir::Value*> import_if(import::OnnxContext& context) {
  const ir::Array& condition = context.constant(0, "condition");
  if (condition.dtype() != ir::DType::boolean || condition.size() != 1)
    context.fail(fmt::format("input 0 (condition) is {}, wanted one bool", to_string(condition.type())));
  const bool taken = condition.integer(0) != 0;
  for (const char* branch : {"then_branch", "else_branch"})
    if (!context.has(branch)) context.fail(fmt::format("attribute {} is missing", branch));
  std::vector<ir::Value*> outputs = context.branch(taken ? "then_branch" : "else_branch");
  if (outputs.size() != context.output_count())
    context.fail(
        fmt::format("has {} outputs, the branch that is taken has {}", context.output_count(), outputs.size()));
  return outputs;
}

}  // namespace linnet::ops
