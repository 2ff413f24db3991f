// Steps of operators with an integer form. The numbers in them are made by the functions that the reference evaluation
// uses.
#include <fmt/ranges.h>

#include <bit>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/reduce_axes.hpp"
#include "converter/ops/window.hpp"
#include "converter/ops/window_emission.hpp"
#include "kernels/pack_codes.hpp"
#include "kernels/pack_int8.hpp"
#include "kernels/pack_sparse.hpp"

namespace linnet::ops {

namespace {

fb::Rounding device_rounding(Rounding rounding) {
  return rounding == Rounding::tflite ? fb::Rounding::FixedPoint : fb::Rounding::Float;
}

bool rounds_halves_up(const IntegerForm& form) {
  return form.as_uint8 && form.rounding == Rounding::tflite;
}

fb::Requantize requantize_of(const IntegerForm& form, const Activation& fused) {
  const IntegerRange range = output_range(form, fused);
  return {device_rounding(form.rounding), static_cast<int16_t>(range.low), static_cast<int16_t>(range.high)};
}

fb::Factor factor_of(FixedPoint fixed) {
  return {fixed.multiplier, fixed.shift};
}

// A factor of a step that rounds by `rounding`.
fb::Factor factor_of(double factor, Rounding rounding) {
  if (rounding == Rounding::tflite) return factor_of(quantize_multiplier(factor));
  return {std::bit_cast<int32_t>(float_factor(factor)), 0};
}

std::vector<int8_t> bytes_of(const Array& array) {
  std::vector<int8_t> bytes(array.size());
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<int8_t>(array.integer(i));
  return bytes;
}

// What the packing functions read of a layer with weights [outputs of all groups, inputs of a group, kernel...].
struct IntegerSource {
  IntegerSource(const Node& node, std::vector<int8_t> bytes, const IntegerForm& form, const Shape& shape,
                int64_t groups, bool single_precision)
      : values(std::move(bytes)) {
    const auto outputs = static_cast<size_t>(shape[0]);
    if (const Array* bias = constant_input(node, 2, "bias"))
      for (size_t i = 0; i < outputs; ++i) biases.push_back(static_cast<int32_t>(bias->integer(i)));
    const std::vector<double> real = layer_factors(node.in(0).type, node.in(1).type, form, single_precision);
    for (size_t i = 0; i < outputs; ++i) {
      const fb::Factor factor = factor_of(real[real.size() > 1 ? i : 0], form.rounding);
      factors.push_back({factor.multiplier(), factor.shift()});
    }
    const int64_t kernel_w = shape.size() > 2 ? shape.back() : 1, kernel_h = shape.size() > 3 ? shape[2] : 1;
    const int64_t kernel = kernel_h * kernel_w;
    weights = {values.data(),
               static_cast<ptrdiff_t>(shape[1] * kernel),
               static_cast<ptrdiff_t>(kernel),
               static_cast<ptrdiff_t>(kernel_w),
               1,
               biases.empty() ? nullptr : biases.data(),
               factors.data(),
               device_int(node.in(0).type.quantization->zero_point()),
               device_int(groups),
               device_int(shape[1]),
               device_int(shape[0] / groups),
               device_int(kernel_h),
               device_int(kernel_w)};
  }
  IntegerSource(const IntegerSource&) = delete;
  IntegerSource& operator=(const IntegerSource&) = delete;

  std::vector<int8_t> values;
  std::vector<int32_t> biases;
  std::vector<kernels::Factor> factors;
  kernels::ConvInt8Weights weights;
};

std::vector<int8_t> weights_of(const Node& node) {
  return bytes_of(*constant_input(node, 1, "weights"));
}

bool is_int16(const Node& node) {
  return node.in(0).type.dtype == DType::i16;
}

// The device's integer steps are those of int8, and some of int16. `both_inputs`: the second
// has the type of the first.
void require_int8_or_int16(const Node& node, bool both_inputs = false) {
  const DType dtype = node.in(0).type.dtype;
  for (const Value* value : {node.inputs[0], node.inputs[both_inputs ? 1 : 0], node.outputs[0]}) {
    const TensorType& type = value->type;
    const bool words = type.dtype == DType::i16 && type.quantization->zero_point() == 0;
    if (type.dtype != dtype || (dtype != DType::i8 && !words))
      throw Error(fmt::format("computes with {} ({}), the device supports i8, or i16 with a zero point of 0",
                              to_string(type), value->name));
  }
}

// Groups of one input are too narrow for the device's products: several of them become one whose other weights are
// zero, as many as it multiplies together.
struct JoinedGroups {
  std::vector<int8_t> values;
  Shape shape;
  int64_t groups;
};

JoinedGroups join_groups(std::vector<int8_t> values, const Shape& shape, int64_t groups) {
  int64_t joined = shape[1] == 1 ? kernels::kDot : 1;
  while (groups % joined != 0) --joined;
  if (joined == 1) return {std::move(values), shape, groups};
  JoinedGroups result{{}, shape, groups / joined};
  result.shape[1] = joined;
  const int64_t outputs = shape[0] / groups, kernel = static_cast<int64_t>(values.size()) / shape[0];
  result.values.resize(values.size() * static_cast<size_t>(joined));
  for (int64_t output = 0; output < shape[0]; ++output) {
    const int64_t input = output / outputs % joined;
    std::copy_n(values.data() + output * kernel, kernel, result.values.data() + (output * joined + input) * kernel);
  }
  return result;
}

PackedLayer packed_layer(const Node& node, const IntegerForm& form, int64_t groups, LayerKind kind) {
  if (is_int16(node)) return pack_int16_layer(node, form, groups, kind);
  const Shape& shape = node.in(1).shape();
  const bool depthwise = kind == LayerKind::depthwise;
  JoinedGroups weights =
      depthwise ? JoinedGroups{weights_of(node), shape, groups} : join_groups(weights_of(node), shape, groups);
  const IntegerSource source(node, std::move(weights.values), form, weights.shape, weights.groups,
                             kind == LayerKind::linear);
  std::vector<int8_t> packed(static_cast<size_t>(depthwise ? kernels::depthwise_int8_packed_bytes(source.weights)
                                                           : kernels::conv2d_int8_packed_bytes(source.weights)));
  depthwise ? kernels::pack_depthwise_int8(source.weights, packed.data())
            : kernels::pack_conv2d_int8(source.weights, packed.data());
  return {std::move(packed), depthwise ? fb::WeightLayout::Depthwise16Int8 : fb::WeightLayout::Panel16Int8,
          weights.groups};
}

// The same without zeros, of one group.
PackedLayer sparse_layer(const Node& node, const IntegerForm& form, LayerKind kind) {
  const PackedLayer dense = packed_layer(node, form, 1, kind);
  const Shape& shape = node.in(1).shape();
  const int32_t n = device_int(shape[0]), k = device_int(element_count(shape) / shape[0]);
  PackedLayer result{{}, fb::WeightLayout::SparseInt8, 1};
  result.bytes.resize(static_cast<size_t>(kernels::sparse_int8_packed_bytes(dense.bytes.data(), n, k)));
  kernels::pack_sparse_int8(dense.bytes.data(), n, k, reinterpret_cast<uint8_t*>(result.bytes.data()));
  return result;
}

// The same as codes, which stand for the same integers.
PackedLayer coded_layer(const Node& node, const IntegerForm& form, int64_t groups, LayerKind kind,
                        const kernels::CodeFormat& codes) {
  const PackedLayer dense = packed_layer(node, form, groups, kind);
  const Shape& shape = node.in(1).shape();
  const int32_t n = device_int(shape[0] / groups), k = device_int(element_count(shape) / shape[0]);
  PackedLayer result{{}, fb::WeightLayout::Panel16Int8Codes, groups};
  result.bytes.resize(static_cast<size_t>(kernels::int8_codes_packed_bytes(codes, device_int(groups), n, k)));
  kernels::pack_int8_codes(codes, dense.bytes.data(), device_int(groups), n, k, result.bytes.data());
  return result;
}

// By the storage that the layer has been given.
template <class Layer>
PackedLayer stored_layer(const Layer& op, const Node& node, const IntegerForm& form, int64_t groups, LayerKind kind) {
  if (op.sparse != 0) return sparse_layer(node, form, kind);
  if (op.codes) return coded_layer(node, form, groups, kind, op.codes->format);
  return packed_layer(node, form, groups, kind);
}

PackedLayer packed_transposed_layer(const Node& node, const IntegerForm& form, int64_t groups,
                                    const kernels::Window& window) {
  const Array& weights = *constant_input(node, 1, "weights");
  const Shape shape = outputs_first(weights.shape(), groups);
  std::vector<int8_t> bytes = outputs_first(weights, bytes_of(weights), groups);
  if (is_int16(node)) return pack_int16_transposed(node, std::move(bytes), form, shape, groups, window);
  const IntegerSource source(node, std::move(bytes), form, shape, groups, false);
  std::vector<int8_t> packed(static_cast<size_t>(kernels::conv_transpose2d_int8_packed_bytes(source.weights, window)));
  kernels::pack_conv_transpose2d_int8(source.weights, window, packed.data());
  return {std::move(packed), fb::WeightLayout::Panel16Int8, groups};
}

fb::QuantizedBinary quantized_binary(const Binary& op, const TensorType& a, const TensorType& b) {
  const Rounding rounding = op.integer->rounding;
  const float a_scale = a.quantization->scale(), b_scale = b.quantization->scale(),
              scale = op.integer->quantization.scale();
  using kernels::BinaryFunction;
  const bool sum = op.function == BinaryFunction::Add || op.function == BinaryFunction::Sub ||
                   op.function == BinaryFunction::SquaredDifference;
  if (sum && rounding == Rounding::tflite) {
    const IntegerSum factors = integer_sum(op.function, a, b, *op.integer, op.shifts);
    return {factors.left_shift, factor_of(factors.a), factor_of(factors.b), factor_of(factors.y)};
  }
  if (op.function == BinaryFunction::SquaredDifference) {
    const double a_real = static_cast<double>(a_scale), b_real = static_cast<double>(b_scale);
    return {0, factor_of(a_real, rounding), factor_of(b_real, rounding),
            factor_of(1.0 / static_cast<double>(scale), rounding)};
  }
  const double product = product_factor(op.function, a, b, *op.integer);
  return {0, factor_of(static_cast<double>(a_scale / scale), rounding),
          factor_of(static_cast<double>(b_scale / scale), rounding), factor_of(product, rounding)};
}

// What a layer's step makes of its sums, and the residual that is added to that.
template <class Layer>
struct LayerResult {
  LayerResult(const Layer& op, const Node& node) : own(op.summand ? summand_layer(op) : op) {
    requantize = requantize_of(*own.integer, own.fused);
    if (!op.summand) return;
    const IntegerRange range = output_range(*op.integer, op.fused);
    residual.emplace(static_cast<int32_t>(op.summand->quantization.zero_point()), static_cast<int16_t>(range.low),
                     static_cast<int16_t>(range.high),
                     quantized_binary(residual_sum(op), own.integer->type(node.out().shape()), node.in(3).type));
  }
  const fb::QuantizedResidual* residual_or_null() const { return residual ? &*residual : nullptr; }

  Layer own;
  fb::Requantize requantize;
  std::optional<fb::QuantizedResidual> residual;
};

}  // namespace

void emit_integer(const Conv& op, const Node& node, emit::Context& context) {
  require_channels_last(op.channels_last);
  require_int8_or_int16(node);
  const Shape& shape = node.in(1).shape();
  const Window2D window =
      window_2d({{shape.begin() + 2, shape.end()}, op.strides, op.dilations, op.pads_begin, op.pads_end});
  const bool depthwise = op.groups > 1 && op.groups == shape[0] && shape[1] == 1;
  const LayerResult result(op, node);
  const PackedLayer layer =
      stored_layer(op, node, *result.own.integer, op.groups, depthwise ? LayerKind::depthwise : LayerKind::conv);
  std::vector<uint32_t> inputs = {image_tensor(node.in(0), context)};
  if (node.has(3)) inputs.push_back(image_tensor(node.in(3), context));
  const std::vector<uint32_t> outputs = {image_tensor(node.out(), context)};
  const uint32_t buffer = context.buffer(layer.bytes);
  if (depthwise) {
    fb::DepthwiseConv2DBuilder table(context.builder());
    table.add_weights(buffer);
    table.add_weight_layout(layer.layout);
    table.add_requantize(&result.requantize);
    table.add_residual(result.residual_or_null());
    add_window(table, window);
    context.step(node, table.Finish(), inputs, outputs);
    return;
  }
  fb::Conv2DBuilder table(context.builder());
  table.add_weights(buffer);
  table.add_weight_layout(layer.layout);
  table.add_requantize(&result.requantize);
  table.add_residual(result.residual_or_null());
  table.add_groups(device_int(layer.groups));
  add_window(table, window);
  context.step(node, table.Finish(), inputs, outputs);
}

void emit_integer(const ConvTranspose& op, const Node& node, emit::Context& context) {
  require_channels_last(op.channels_last);
  require_int8_or_int16(node);
  const Shape shape = outputs_first(node.in(1).shape(), op.groups);
  const Window2D window =
      window_2d({{shape.begin() + 2, shape.end()}, op.strides, op.dilations, op.pads_begin, op.pads_end});
  const PackedLayer layer = packed_transposed_layer(node, *op.integer, op.groups, device_window(window));
  const std::vector<uint32_t> inputs = {image_tensor(node.in(0), context)};
  const std::vector<uint32_t> outputs = {image_tensor(node.out(), context)};
  const uint32_t buffer = context.buffer(layer.bytes);
  const fb::Requantize requantize = requantize_of(*op.integer, op.fused);
  fb::ConvTranspose2DBuilder table(context.builder());
  table.add_weights(buffer);
  table.add_weight_layout(layer.layout);
  table.add_requantize(&requantize);
  table.add_groups(device_int(op.groups));
  add_window(table, window);
  context.step(node, table.Finish(), inputs, outputs);
}

void emit_integer(const Linear& op, const Node& node, emit::Context& context) {
  require_int8_or_int16(node);
  const LayerResult result(op, node);
  const PackedLayer layer = stored_layer(op, node, *result.own.integer, 1, LayerKind::linear);
  const uint32_t buffer = context.buffer(layer.bytes);
  fb::Requantize requantize = result.requantize;
  if (is_int16(node)) requantize = {fb::Rounding::Float, requantize.low(), requantize.high()};
  std::vector<uint32_t> inputs = {context.tensor(node.in(0))};
  if (node.has(3)) inputs.push_back(context.tensor(node.in(3)));
  const std::vector<uint32_t> outputs = {context.tensor(node.out())};
  fb::FullyConnectedBuilder table(context.builder());
  table.add_weights(buffer);
  table.add_weight_layout(layer.layout);
  table.add_requantize(&requantize);
  table.add_residual(result.residual_or_null());
  context.step(node, table.Finish(), inputs, outputs);
}

void emit_integer(const Pool& op, const Node& node, emit::Context& context) {
  require_channels_last(op.channels_last);
  require_int8_or_int16(node);
  const Window2D window = window_2d({op.kernel, op.strides, op.dilations, op.pads_begin, op.pads_end});
  const std::vector<uint32_t> inputs = {image_tensor(node.in(0), context)};
  const std::vector<uint32_t> outputs = {image_tensor(node.out(), context)};
  const fb::Requantize requantize = requantize_of(*op.integer, op.fused);
  fb::Pool2DBuilder table(context.builder());
  table.add_kind(static_cast<fb::PoolKind>(op.kind));
  add_window(table, window);
  table.add_pad_bottom(device_int(window.pad_bottom));
  table.add_pad_right(device_int(window.pad_right));
  table.add_requantize(&requantize);
  table.add_halves_up(rounds_halves_up(*op.integer) && op.kind == kernels::PoolKind::Average);
  context.step(node, table.Finish(), inputs, outputs);
}

void emit_integer(const Unary& op, const Node& node, emit::Context& context) {
  const TensorType& x = node.in(0).type;
  uint32_t buffer = 0;
  fb::Activation function;  // Identity
  if (x.dtype == DType::i16) {
    const Int16Table table = int16_table(op, x);
    buffer = context.buffer(table.bytes);
    function = emit::Context::activation({table.function});
  } else {
    buffer = context.buffer(std::span<const int8_t>(lookup_table(op, x)));
  }
  const std::vector<uint32_t> inputs = {context.tensor(node.in(0))}, outputs = {context.tensor(node.out())};
  fb::UnaryBuilder step(context.builder());
  step.add_lookup(1 + buffer);
  step.add_activation(&function);
  context.step(node, step.Finish(), inputs, outputs);
}

void emit_integer(const Softmax& op, const Node& node, emit::Context& context) {
  if (op.integer->rounding != Rounding::tflite) throw Error("a softmax of integers that is not TensorFlow Lite's");
  const AxisSplit view = split_at(node.in(0).shape(), op.axis);
  const bool int16 = is_int16(node);
  const IntegerSoftmax parameters = int16 ? IntegerSoftmax{int16_softmax_factor(node.in(0).type, op.beta), 0, {}}
                                          : integer_softmax(node.in(0).type, op.beta);
  const fb::Factor factor = factor_of(parameters.factor), reverse = factor_of(parameters.reverse_factor);
  const std::vector<uint32_t> inputs = {context.tensor(node.in(0))}, outputs = {context.tensor(node.out())};
  fb::SoftmaxBuilder table(context.builder());
  table.add_outer(device_int(view.outer));
  table.add_axis(device_int(view.size));
  table.add_inner(device_int(view.inner));
  table.add_factor(&factor);
  table.add_lowest_difference(parameters.lowest_difference);
  if (op.log) {
    table.add_log(true);
    table.add_reverse_factor(&reverse);
  }
  context.step(node, table.Finish(), inputs, outputs);
}

void emit_integer(const RowNorm& op, const Node& node, emit::Context& context) {
  if (op.integer->rounding != Rounding::tflite) throw Error("an L2 norm of integers that is not TensorFlow Lite's");
  const fb::Requantize requantize = requantize_of(*op.integer, {});
  const std::vector<uint32_t> inputs = {context.tensor(node.in(0))}, outputs = {context.tensor(node.out())};
  const Shape& shape = node.in(0).shape();
  fb::RowNormBuilder table(context.builder());
  table.add_kind(static_cast<fb::NormKind>(op.kind));
  table.add_size(device_int(element_count({shape.begin() + op.axis, shape.end()})));
  table.add_requantize(&requantize);
  table.add_left_shift(l2_left_shift(*op.integer));
  context.step(node, table.Finish(), inputs, outputs);
}

void emit_integer(const Resample& op, const Node& node, emit::Context& context) {
  if (op.integer->rounding != Rounding::tflite) throw Error("a resampling of integers that is not TensorFlow Lite's");
  const AxisSplit split = split_at(node.in(0).shape(), op.axis);
  const std::vector<int32_t> indices(op.indices.begin(), op.indices.end()),
      weights(op.weights.begin(), op.weights.end());
  const bool narrow = op.integer->dtype != DType::i32;  // which has no limits
  const fb::Requantize requantize =
      narrow ? requantize_of(*op.integer, {}) : fb::Requantize(device_rounding(op.integer->rounding), 0, 0);
  const uint32_t index_buffer = context.buffer(std::span(indices)), weight_buffer = context.buffer(std::span(weights));
  const std::vector<uint32_t> inputs = {context.tensor(node.in(0))}, outputs = {context.tensor(node.out())};
  fb::ResampleBuilder table(context.builder());
  table.add_outer(device_int(split.outer));
  table.add_in_size(device_int(split.size));
  table.add_out_size(device_int(node.out().shape()[static_cast<size_t>(op.axis)]));
  table.add_inner(device_int(split.inner));
  table.add_taps(device_int(op.taps));
  table.add_indices(index_buffer);
  table.add_weights(weight_buffer);
  table.add_requantize(&requantize);
  table.add_shift(device_int(op.shift));
  table.add_halves_up(rounds_halves_up(*op.integer));
  context.step(node, table.Finish(), inputs, outputs);
}

void emit_integer(const Reduce& op, const Node& node, emit::Context& context) {
  require_int8_or_int16(node);
  const Shape& shape = node.in(0).shape();
  const auto runs = adjacent_runs(op.axes, shape);
  if (runs.size() > 1)
    throw Error(fmt::format("reduces axes {} of shape {}, the device supports axes that follow one another",
                            fmt::join(op.axes, ", "), to_string(shape)));
  const AxisSplit view = reduced_view(runs[0], shape);
  const fb::Requantize requantize = requantize_of(*op.integer, op.fused);
  const double real = nearest_reduction_factor(op.kind, view.size, node.in(0).type, *op.integer);
  const fb::Factor factor = op.integer->rounding == Rounding::tflite
                                ? factor_of(reduction_factor(op.kind, view.size, node.in(0).type, *op.integer))
                                : factor_of(real, op.integer->rounding);
  const std::vector<uint32_t> inputs = {context.tensor(node.in(0))}, outputs = {context.tensor(node.out())};
  fb::ReduceBuilder table(context.builder());
  table.add_kind(static_cast<fb::ReduceKind>(op.kind));
  table.add_outer(device_int(view.outer));
  table.add_size(device_int(view.size));
  table.add_inner(device_int(view.inner));
  table.add_requantize(&requantize);
  table.add_factor(&factor);
  context.step(node, table.Finish(), inputs, outputs);
}

IntegerProduct integer_product(const MatMul& op, const Node& node) {
  require_int8_or_int16(node, true);
  if (op.scale != 1.0) throw Error("a product of integers with a scale of its own");
  const double factor = layer_factors(node.in(0).type, node.in(1).type, *op.integer, true).front();
  return {requantize_of(*op.integer, op.fused),
          is_int16(node) ? factor_of(wide_factor(factor)) : factor_of(factor, op.integer->rounding)};
}

// In the middle of Binary::emit, which resolves the broadcasting.
void add_integer_form(const Binary& op, const Node& node, fb::BinaryBuilder& table) {
  require_int8_or_int16(node, true);
  const fb::Requantize requantize = requantize_of(*op.integer, op.fused);
  const fb::QuantizedBinary quantized = quantized_binary(op, node.in(0).type, node.in(1).type);
  table.add_requantize(&requantize);
  table.add_quantized(&quantized);
}

void Quantize::emit(const Node& node, emit::Context& context) const {
  const TensorType &x = node.in(0).type, &y = node.out().type;
  for (const TensorType* type : {&x, &y})
    if (type->dtype == DType::i32 || type->dtype == DType::i64)
      throw Error(fmt::format("from {} to {}; the device supports f32, i8, u8 and i16", to_string(x), to_string(y)));
  if (x.quantization) require_quantized(x, "x");
  const IntegerForm form = {to, quantization ? *quantization : *x.quantization, rounding};
  const fb::Requantize requantize =
      quantization ? requantize_of(form, {}) : fb::Requantize(device_rounding(rounding), 0, 0);
  const bool between = x.quantization && y.quantization;
  const fb::Factor factor =
      between ? factor_of(static_cast<double>(x.quantization->scale()) / static_cast<double>(quantization->scale()),
                          rounding)
              : fb::Factor(0, 0);
  const std::vector<uint32_t> inputs = {context.tensor(node.in(0))}, outputs = {context.tensor(node.out())};
  fb::CastBuilder table(context.builder());
  table.add_requantize(&requantize);
  if (between) table.add_factor(&factor);
  context.step(node, table.Finish(), inputs, outputs);
}

}  // namespace linnet::ops
