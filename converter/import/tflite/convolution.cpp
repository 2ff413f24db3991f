// Convolutions and pooling.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/import/tflite/weights.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/pool.hpp"

namespace linnet::import::from_tflite {

namespace {

// Sets strides, dilations and pads of an operator with a sliding window over channels-last images.
template <class Op>
void set_window(Op& op, tfl::Padding padding, const Shape& x, const std::vector<int64_t>& kernel,
                std::vector<int64_t> strides, std::vector<int64_t> dilations) {
  op.channels_last = true;
  for (size_t d = 0; d < 2; ++d) {
    const Padding1D pads = window_padding(padding, x[d + 1], kernel[d], strides[d], dilations[d]);
    op.pads_begin.push_back(pads.begin);
    op.pads_end.push_back(pads.end);
  }
  op.strides = std::move(strides);
  op.dilations = std::move(dilations);
}

// Adds the layer, whose bias may depend on data unless it is one of integers, and its activation.
template <class Op>
Value* with_bias(TfliteContext& context, std::unique_ptr<Op> op, Value* x, Value* weights, Value* bias,
                 tfl::ActivationFunctionType activation, size_t input) {
  if (bias == nullptr || ops::is_static(bias))
    return add_activated(context, std::move(op), {x, weights, bias}, activation, input);
  if (context.integer_form(input)) context.fail("the bias depends on the model's inputs");
  Value* sum = ops::binary(context, kernels::BinaryFunction::Add, context.add(std::move(op), {x, weights}), bias);
  return activated(context, sum, activation);
}

// Adds the convolution, its bias and its activation; `weights` are in the order of ops::Conv.
template <class Options>
Value* add_conv(TfliteContext& context, const Options& options, Value* weights, int64_t groups) {
  Value *x = context.input(0), *bias = context.parameter(2);
  weights = symmetric_weights(context, weights, groups, 3, x);
  auto op = std::make_unique<ops::Conv>();
  op->groups = groups;
  set_window(*op, options.padding(), x->shape(), {weights->shape()[2], weights->shape()[3]},
             {options.stride_h(), options.stride_w()}, {options.dilation_h_factor(), options.dilation_w_factor()});
  return with_bias(context, std::move(op), x, weights, bias, options.fused_activation_function(), 0);
}

Value* image_weights(TfliteContext& context, size_t index, size_t input = 0) {
  Value* weights = context.parameter(index, input);
  if (weights == nullptr) context.fail("has no weights");
  require_rank(context, weights, 4, "input 1 (weights)");
  ops::require_static(context, weights, "input 1 (weights)");
  return weights;
}

}  // namespace

// Weights [M, kernel_h, kernel_w, C / groups].
std::vector<Value*> import_conv(TfliteContext& context) {
  const Value* x = context.input(0);
  require_rank(context, x, 4, "input 0");
  Value* weights = permuted_weights(context, image_weights(context, 1), {0, 3, 1, 2});
  const int64_t channels = x->shape()[3], per_group = weights->shape()[1];
  if (per_group < 1 || channels % per_group != 0)
    context.fail(fmt::format("weights of {} channels do not divide an input of {} channels", per_group, channels));
  return {add_conv(context, context.options<tfl::Conv2DOptions>(), weights, channels / per_group)};
}

// Weights [1, kernel_h, kernel_w, C * multiplier]; the multiplier in the options follows from them.
std::vector<Value*> import_depthwise_conv(TfliteContext& context) {
  const Value* x = context.input(0);
  require_rank(context, x, 4, "input 0");
  Value* weights = permuted_weights(context, image_weights(context, 1), {3, 0, 1, 2});
  if (weights->shape()[1] != 1)
    context.fail(fmt::format("weights have a first dimension of {}; supported is 1", weights->shape()[1]));
  return {add_conv(context, context.options<tfl::DepthwiseConv2DOptions>(), weights, x->shape()[3])};
}

// Inputs: the output's shape, weights [M, kernel_h, kernel_w, C], x, bias.
std::vector<Value*> import_transpose_conv(TfliteContext& context) {
  const auto& options = context.options<tfl::TransposeConvOptions>();
  const std::vector<int64_t> shape = constant_list(context, 0, "output shape", 4);
  Value* x = context.input(2);
  require_rank(context, x, 4, "input 2");
  Value* weights = permuted_weights(context, image_weights(context, 1, 2), {3, 0, 1, 2});
  Value* bias = layer_bias(context, context.parameter(3, 2), options.quantized_bias_type(), weights->shape()[1], 2);
  auto op = std::make_unique<ops::ConvTranspose>();
  op->channels_last = true;
  op->strides = {options.stride_h(), options.stride_w()};
  op->dilations = {1, 1};
  for (size_t d = 0; d < 2; ++d) {
    const int64_t kernel = weights->shape()[d + 2], stride = op->strides[d];
    if (shape[d + 1] < 1 || shape[d + 1] > kMaximumElements || stride < 1)
      context.fail(fmt::format("output shape {} with stride {}", to_string(shape), stride));
    const int64_t begin = window_padding(options.padding(), shape[d + 1], kernel, stride, 1).begin;
    const int64_t behind = (x->shape()[d + 1] - 1) * stride + kernel - begin - shape[d + 1];
    op->pads_begin.push_back(begin);
    op->pads_end.push_back(std::max<int64_t>(behind, 0));
    op->output_padding.push_back(std::max<int64_t>(-behind, 0));
  }
  Value* y = with_bias(context, std::move(op), x, weights, bias, options.fused_activation_function(), 2);
  if (y->shape() != shape)
    context.fail(fmt::format("output shape {}, the convolution gives {}", to_string(shape), to_string(y->shape())));
  return {y};
}

std::vector<Value*> import_pool(TfliteContext& context) {
  const auto& options = context.options<tfl::Pool2DOptions>();
  const bool l2 = context.op_type() == tfl::BuiltinOperator::L2_POOL_2D;
  Value* x = context.input(0);
  require_rank(context, x, 4, "input 0");
  auto op = std::make_unique<ops::Pool>();
  op->kind =
      context.op_type() == tfl::BuiltinOperator::MAX_POOL_2D ? kernels::PoolKind::Max : kernels::PoolKind::Average;
  op->kernel = {options.filter_height(), options.filter_width()};
  set_window(*op, options.padding(), x->shape(), op->kernel, {options.stride_h(), options.stride_w()}, {1, 1});
  if (!l2) return {add_activated(context, std::move(op), {x}, options.fused_activation_function())};
  Value* mean = context.add(std::move(op), {ops::binary(context, kernels::BinaryFunction::Mul, x, x)});
  return {activated(context, ops::unary(context, {Function::Sqrt}, mean), options.fused_activation_function())};
}

}  // namespace linnet::import::from_tflite
