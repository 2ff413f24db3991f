// Small helpers of the importers.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "converter/import/context.hpp"

namespace linnet::ops {

// The same as OnnxContext::is_static, of an imported graph: looks at all that the value depends on.
bool is_static(const ir::Value* value);

// Throws the context's Error unless context.is_static(value).
void require_static(import::Context& context, const ir::Value* value, std::string_view what);

// The elements of an input that is_static, or nothing.
std::optional<ir::Array> static_input(import::Context& context, size_t index, std::string_view what);

// Adds the node, or gives `value` back where nothing would change.
ir::Value* reshape(import::Context& context, ir::Value* value, const ir::Shape& shape);
ir::Value* transpose(import::Context& context, ir::Value* value, const ir::Permutation& permutation);
ir::Value* cast(import::Context& context, ir::Value* value, ir::DType dtype);

ir::Value* binary(import::Context& context, kernels::BinaryFunction function, ir::Value* a, ir::Value* b);
ir::Value* unary(import::Context& context, const ir::Activation& function, ir::Value* x);
// A constant of no dimensions of the element type of `like`.
ir::Value* scalar(import::Context& context, double value, const ir::Value* like, std::string_view what);

// Reduces along ascending `axes` and keeps them with size 1, as a chain of steps where the axes are not neighbours (the
// device reduces one run of axes).
ir::Value* reduce(import::Context& context, kernels::ReduceKind kind, ir::Value* x, const std::vector<int64_t>& axes);

}  // namespace linnet::ops
