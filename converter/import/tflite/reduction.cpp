// Reductions and normalizations along axes.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/softmax.hpp"

namespace linnet::import::from_tflite {

using kernels::ReduceKind;

namespace {

ReduceKind kind_of(tfl::BuiltinOperator op) {
  switch (op) {
    case tfl::BuiltinOperator::SUM:
      return ReduceKind::Sum;
    case tfl::BuiltinOperator::REDUCE_MAX:
      return ReduceKind::Max;
    case tfl::BuiltinOperator::REDUCE_MIN:
      return ReduceKind::Min;
    case tfl::BuiltinOperator::REDUCE_PROD:
      return ReduceKind::Prod;
    default:
      return ReduceKind::Mean;
  }
}

Value* softmax(TfliteContext& context, Value* x, bool log, double beta = 1.0) {
  auto op = std::make_unique<ops::Softmax>();
  op->axis = ops::normalized_axis(-1, x->shape().size());
  op->log = log;
  op->beta = beta;
  op->integer = context.integer_form();
  return context.add(std::move(op), {x});
}

}  // namespace

// An axis may be named twice.
std::vector<Value*> import_reduction(TfliteContext& context) {
  Value* x = context.input(0);
  std::vector<int64_t> axes = constant_list(context, 1, "axes");
  for (int64_t& axis : axes) axis = ops::normalized_axis(axis, x->shape().size());
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  if (axes.empty()) return {x};
  Value* y = nullptr;
  if (const auto form = context.integer_form()) {
    auto op = std::make_unique<ops::Reduce>();
    op->kind = kind_of(context.op_type());
    op->axes = axes;
    op->integer = form;
    y = context.add(std::move(op), {x});
  } else {
    y = ops::reduce(context, kind_of(context.op_type()), x, axes);
  }
  if (context.options<tfl::ReducerOptions>().keep_dims()) return {y};
  Shape shape;
  for (size_t d = 0; d < x->shape().size(); ++d)
    if (!std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(d))) shape.push_back(x->shape()[d]);
  return {ops::reshape(context, y, shape)};
}

std::vector<Value*> import_arg_max(TfliteContext& context) {
  Value* x = context.input(0);
  auto op = std::make_unique<ops::ArgMax>();
  op->axis = ops::normalized_axis(constant_list(context, 1, "axis", 1)[0], x->shape().size());
  op->keep_dims = false;
  op->minimum = context.op_type() == tfl::BuiltinOperator::ARG_MIN;
  Value* y = context.add(std::move(op), {x});
  return {ops::cast(context, y, dtype_of(context.output_tensor(0).type()))};
}

std::vector<Value*> import_softmax(TfliteContext& context) {
  Value* x = context.input(0);
  const float beta = context.options<tfl::SoftmaxOptions>().beta();
  if (context.integer_form()) return {softmax(context, x, false, static_cast<double>(beta))};
  if (beta != 1.0f) x = ops::binary(context, kernels::BinaryFunction::Mul, x, ops::scalar(context, beta, x, "beta"));
  return {softmax(context, x, false)};
}

std::vector<Value*> import_log_softmax(TfliteContext& context) {
  return {softmax(context, context.input(0), true)};
}

std::vector<Value*> import_l2_normalization(TfliteContext& context) {
  Value* x = context.input(0);
  auto op = std::make_unique<ops::RowNorm>();
  op->kind = kernels::NormKind::L2;
  op->axis = ops::normalized_axis(-1, x->shape().size());
  op->epsilon = 1e-6;  // TensorFlow Lite's
  const auto* options = context.optional_options<tfl::L2NormOptions>();
  return {add_activated(context, std::move(op), {x},
                        options != nullptr ? options->fused_activation_function() : tfl::ActivationFunctionType::NONE)};
}

}  // namespace linnet::import::from_tflite
