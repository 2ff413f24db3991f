// Weights and tables of steps with int16 activations. The numbers in them are made by the functions that the reference
// evaluation uses.
#include <algorithm>
#include <cstring>

#include "converter/ops/emission.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "kernels/pack_int16.hpp"

namespace linnet::ops {

namespace {

kernels::Factor device_factor(FixedPoint fixed) {
  return {fixed.multiplier, fixed.shift};
}

// As multiply_wide() and multiply() do it.
kernels::SumFactor sum_factor(double factor, SumKind kind) {
  constexpr int32_t kMost = 0x7fff;
  const FixedPoint fixed = kind == SumKind::int64 ? wide_factor(factor) : quantize_multiplier(factor);
  if (kind == SumKind::int64) {
    const int32_t reduced = fixed.multiplier < kMost << 16 ? (fixed.multiplier + (1 << 15)) >> 16 : kMost;
    return {reduced, static_cast<int16_t>(15 - fixed.shift), 0};
  }
  return {fixed.multiplier, static_cast<int16_t>(31 - std::max(fixed.shift, int32_t{0})),
          static_cast<int16_t>(std::max(-fixed.shift, int32_t{0}))};
}

// What the packing functions read of a layer with weights [outputs of all groups, inputs of a group, kernel...].
struct Int16Source {
  Int16Source(const Node& node, std::vector<int8_t> bytes, const IntegerForm& form, const Shape& shape, int64_t groups,
              bool linear)
      : values(std::move(bytes)) {
    if (form.rounding != Rounding::tflite) throw Error("a layer of i16 that does not round as TensorFlow Lite does");
    const Array* bias = constant_input(node, 2, "bias");
    if (bias != nullptr) biases = bias->integers();
    const SumKind sums = sum_kind(node.in(0).type, bias != nullptr ? &bias->type() : nullptr, linear);
    real = layer_factors(node.in(0).type, node.in(1).type, form, false);
    real.resize(static_cast<size_t>(shape[0]), real[0]);
    if (!linear)
      for (const double factor : real) factors.push_back(sum_factor(factor, sums));
    const int64_t kernel_w = shape.size() > 2 ? shape.back() : 1, kernel_h = shape.size() > 3 ? shape[2] : 1;
    weights = {values.data(),
               static_cast<ptrdiff_t>(shape[1] * kernel_h * kernel_w),
               static_cast<ptrdiff_t>(kernel_h * kernel_w),
               static_cast<ptrdiff_t>(kernel_w),
               1,
               biases.empty() ? nullptr : biases.data(),
               linear ? nullptr : factors.data(),
               real.data(),
               device_int(groups),
               device_int(shape[1]),
               device_int(shape[0] / groups),
               device_int(kernel_h),
               device_int(kernel_w)};
  }
  Int16Source(const Int16Source&) = delete;
  Int16Source& operator=(const Int16Source&) = delete;

  std::vector<int8_t> values;
  std::vector<int64_t> biases;
  std::vector<double> real;
  std::vector<kernels::SumFactor> factors;
  kernels::ConvInt16Weights weights;
};

template <class Table>
std::vector<int8_t> bytes_of(const Table& table) {
  std::vector<int8_t> bytes(sizeof(table));
  std::memcpy(bytes.data(), &table, sizeof(table));
  return bytes;
}

}  // namespace

PackedLayer pack_int16_layer(const Node& node, const IntegerForm& form, int64_t groups, LayerKind kind) {
  const Array& array = *constant_input(node, 1, "weights");
  std::vector<int8_t> values(array.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int8_t>(array.integer(i));
  const bool depthwise = kind == LayerKind::depthwise;
  const Int16Source source(node, std::move(values), form, array.shape(), groups, kind == LayerKind::linear);
  std::vector<int8_t> packed(static_cast<size_t>(depthwise ? kernels::depthwise_int16_packed_bytes(source.weights)
                                                           : kernels::conv2d_int16_packed_bytes(source.weights)));
  (depthwise ? kernels::pack_depthwise_int16 : kernels::pack_conv2d_int16)(source.weights, packed.data());
  return {std::move(packed), depthwise ? fb::WeightLayout::Depthwise16Int16x8 : fb::WeightLayout::Panel16Int16x8,
          groups};
}

PackedLayer pack_int16_transposed(const Node& node, std::vector<int8_t> bytes, const IntegerForm& form,
                                  const Shape& shape, int64_t groups, const kernels::Window& window) {
  const Int16Source source(node, std::move(bytes), form, shape, groups, false);
  std::vector<int8_t> packed(static_cast<size_t>(kernels::conv_transpose2d_int16_packed_bytes(source.weights, window)));
  kernels::pack_conv_transpose2d_int16(source.weights, window, packed.data());
  return {std::move(packed), fb::WeightLayout::Panel16Int16x8, groups};
}

Int16Table int16_table(const Unary& op, const TensorType& x) {
  const IntegerForm& form = *op.integer;
  const Function function = op.function.function;
  if (const auto factors = sided_factors(op.function, x, form)) {
    const bool is_range = function == Function::Relu || function == Function::Clip;
    const IntegerRange range = output_range(form, is_range ? op.function : Activation{});
    return {bytes_of(kernels::SidedScale{device_factor(factors->positive), device_factor(factors->negative),
                                         static_cast<int32_t>(range.low), static_cast<int32_t>(range.high)}),
            Function::LeakyRelu};
  }
  if (function == Function::Sigmoid || function == Function::Tanh) {
    const SigmoidScale scale = sigmoid_scale(op.function, x);
    kernels::SigmoidTable table = {scale.multiplier, scale.shift, {}};
    std::ranges::copy(sigmoid_table(), table.values);
    return {bytes_of(table), function};
  }
  kernels::InterpolationTable table = {};
  std::ranges::copy(interpolation_table(op.function, x, form), table.values);
  return {bytes_of(table), Function::Identity};
}

}  // namespace linnet::ops
