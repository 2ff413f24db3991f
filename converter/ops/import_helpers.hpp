// Small helpers of the ONNX importers.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "converter/import/onnx_context.hpp"

namespace linnet::ops {

// The same as OnnxContext::is_static, of an imported graph: looks at all that the value depends on.
bool is_static(const ir::Value* value);

// Throws the context's Error unless context.is_static(value).
void require_static(import::OnnxContext& context, const ir::Value* value, std::string_view what);

// The elements of an input that is_static, or nothing.
std::optional<ir::Array> static_input(import::OnnxContext& context, size_t index, std::string_view what);

// Adds the node, or gives `value` back where nothing would change.
ir::Value* reshape(import::OnnxContext& context, ir::Value* value, const ir::Shape& shape);
ir::Value* transpose(import::OnnxContext& context, ir::Value* value, const ir::Permutation& permutation);
ir::Value* cast(import::OnnxContext& context, ir::Value* value, ir::DType dtype);

ir::Value* binary(import::OnnxContext& context, kernels::BinaryFunction function, ir::Value* a, ir::Value* b);
ir::Value* unary(import::OnnxContext& context, const ir::Activation& function, ir::Value* x);
// A constant of no dimensions of the element type of `like`.
ir::Value* scalar(import::OnnxContext& context, double value, const ir::Value* like, std::string_view what);

// Reduces along ascending `axes` and keeps them with size 1, as a chain of steps where the axes are not neighbours (the
// device reduces one run of axes).
ir::Value* reduce(import::OnnxContext& context, kernels::ReduceKind kind, ir::Value* x,
                  const std::vector<int64_t>& axes);

}  // namespace linnet::ops
