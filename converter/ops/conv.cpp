#include "converter/ops/conv.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/moments.hpp"
#include "converter/ops/parallel.hpp"
#include "converter/ops/sparse_emission.hpp"
#include "converter/ops/window.hpp"
#include "converter/ops/window_emission.hpp"

namespace linnet::ops {

namespace {

WindowAttributes window_of(const Conv& conv, const Shape& weights) {
  return {{weights.begin() + 2, weights.end()}, conv.strides, conv.dilations, conv.pads_begin, conv.pads_end};
}

// y += w * x over all output pixels that see the image through tap (ky, kx).
void accumulate_tap(const double* x, const Image& in, double weight, const Window2D& window, int64_t ky, int64_t kx,
                    const Image& out, double* y) {
  const int64_t offset_y = ky * window.dilation_h - window.pad_top, offset_x = kx * window.dilation_w - window.pad_left;
  const Range rows = inside(out.height, window.stride_h, offset_y, in.height);
  const Range columns = inside(out.width, window.stride_w, offset_x, in.width);
  for (int64_t oy = rows.begin; oy < rows.end; ++oy) {
    const double* x_row = x + (oy * window.stride_h + offset_y) * in.width + offset_x;
    double* y_row = y + oy * out.width;
    if (window.stride_w == 1) {
      for (int64_t ox = columns.begin; ox < columns.end; ++ox) y_row[ox] += weight * x_row[ox];
    } else {
      for (int64_t ox = columns.begin; ox < columns.end; ++ox) y_row[ox] += weight * x_row[ox * window.stride_w];
    }
  }
}

void scale_planes(std::vector<double>& values, const Image& in, const Array& factors) {
  for (size_t i = 0; i < values.size(); ++i) values[i] *= factors.number(i / static_cast<size_t>(in.pixels()));
}

uint32_t packed_weights(const kernels::ConvWeights& weights, bool depthwise, int64_t winograd, int64_t sparse,
                        emit::Context& context) {
  if (sparse != 0) return sparse_buffer(weights, sparse, context);
  if (winograd != 0) {
    const int32_t tile = device_int(winograd), outputs = weights.out_channels;
    const int32_t rows = kernels::winograd2d_rows(tile, weights.in_channels);
    std::vector<float> matrix(static_cast<size_t>(rows) * static_cast<size_t>(outputs));
    kernels::winograd2d_matrix(weights, tile, matrix.data());
    return context.buffer(kernels::panel_floats(outputs, rows), [&](float* packed) {
      kernels::pack_gemm(matrix.data(), outputs, 1, weights.bias, outputs, rows, packed);
    });
  }
  if (depthwise) {
    return context.buffer(kernels::depthwise_packed_floats(weights),
                          [&](float* packed) { kernels::pack_depthwise(weights, packed); });
  }
  return context.buffer(kernels::conv2d_packed_floats(weights),
                        [&](float* packed) { kernels::pack_conv2d(weights, packed); });
}

uint32_t packed_weights(const kernels::ConvFloat32x8Weights& weights, bool depthwise, int64_t, int64_t,
                        emit::Context& context) {
  std::vector<int8_t> packed;
  if (depthwise) {
    packed.resize(static_cast<size_t>(kernels::depthwise_float32x8_packed_bytes(weights)));
    kernels::pack_depthwise_float32x8(weights, packed.data());
  } else {
    packed.resize(static_cast<size_t>(kernels::conv2d_float32x8_packed_bytes(weights)));
    kernels::pack_conv2d_float32x8(weights, packed.data());
  }
  return context.buffer(packed);
}

}  // namespace

void Conv::attributes(AttributeWriter& writer) const {
  writer.add("strides", strides);
  writer.add("dilations", dilations);
  writer.add("pads_begin", pads_begin);
  writer.add("pads_end", pads_end);
  writer.add("groups", groups);
  writer.add("channels_last", channels_last);
  if (moment_rows > 0) writer.add("moment_rows", moment_rows);
  if (sparse != 0) writer.add("sparse", sparse);
  if (codes) writer.add("code_bits", int64_t{codes->format.bits});
  if (winograd != 0) writer.add("winograd", winograd);
  writer.add("fused", fused);
  writer.add("integer", integer);
  writer.add("summand", summand);
}

std::vector<TensorType> Conv::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  const TensorType& weights = required(inputs, 1, "weights");
  if (integer) {
    require_integer_layer(x, weights, optional(inputs, 2));
    if (optional(inputs, 4) != nullptr || winograd != 0 || moment_rows > 0)
      throw Error("integers with factors, moments or Winograd's algorithm");
  } else {
    require_floating(x, "x");
    require_real_weights(weights, x, "weights");
    if (weights.quantization && (optional(inputs, 4) != nullptr || winograd != 0))
      throw Error("int8 weights with factors or Winograd's algorithm");
  }
  if (weights.shape.size() != x.shape.size()) {
    throw Error(fmt::format("weights have shape {} for an input of shape {}, the ranks must be equal",
                            to_string(weights.shape), to_string(x.shape)));
  }
  if (weights.shape.size() < 3)
    throw Error(fmt::format("weights have shape {}, expected rank 3 or 4", to_string(weights.shape)));
  const WindowAttributes window = window_of(*this, weights.shape);
  check_window(window, x.shape);
  const int64_t channels = image(x.shape, channels_last).channels, outputs = weights.shape[0];
  if (groups < 1 || groups > channels || outputs % groups != 0 || channels != weights.shape[1] * groups) {
    throw Error(fmt::format("weights of shape {} with {} groups do not fit an input of shape {} ({} channels)",
                            to_string(weights.shape), groups, to_string(x.shape), channels));
  }
  const std::vector<int64_t> in = spatial_sizes(x.shape, channels_last);
  std::vector<int64_t> spatial = in;
  for (size_t d = 0; d < spatial.size(); ++d) {
    const int64_t padded = spatial[d] + pads_begin[d] + pads_end[d];
    const int64_t extent = window_extent(window.kernel[d], dilations[d]);
    if (padded < extent) {
      throw Error(fmt::format("a window of {} pixels does not fit a padded input of {} pixels", extent, padded));
    }
    spatial[d] = (padded - extent) / strides[d] + 1;
  }
  check_spans(window, in, spatial);
  const Shape shape = image_shape(x.shape[0], outputs, spatial, channels_last);
  const TensorType output = integer ? integer->type(shape) : TensorType{x.dtype, shape};
  if (const TensorType* bias = optional(inputs, 2)) require_shape(*bias, {outputs}, "bias");
  if (const TensorType* residual = optional(inputs, 3)) require_shape(*residual, output.shape, "residual");
  require_summand(*this, x, optional(inputs, 3));
  if (const TensorType* factors = optional(inputs, 4)) {
    require_shape(*factors, {x.shape[0], 1, 1, channels}, "factors");
    if (groups != 1 || winograd != 0 || moment_rows > 0)
      throw Error("factors of the input with groups, Winograd's algorithm or moments");
  }
  if (moment_rows > 0) return {output, {x.dtype, moments_shape(output.shape, moment_rows)}};
  return {output};
}

std::vector<Array> Conv::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array &x = *inputs[0], &weights = *inputs[1];
  const Array *bias = optional(inputs, 2), *residual = optional(inputs, 3);
  const TensorType type = infer(types_of(inputs))[0];
  Window2D window = window_2d(window_of(*this, weights.shape()));
  Image in = image(x.shape(), channels_last), out = image(type.shape, channels_last);
  if (window.kernel_h * window.kernel_w == 1 && in.pixels() == out.pixels() && window.stride_h * window.stride_w == 1 &&
      window.pad_top + window.pad_left == 0) {
    in.width = out.width = in.pixels();
    in.height = out.height = 1;
  }
  std::vector<double> image_values = channels_first(x, channels_last);
  const std::vector<double> taps = real_weights(weights);
  if (const Array* factors = optional(inputs, 4)) scale_planes(image_values, in, *factors);
  const int64_t kernel = window.kernel_h * window.kernel_w;
  const int64_t in_channels = in.channels / groups, out_channels = out.channels / groups;
  std::vector<double> y(static_cast<size_t>(element_count(type.shape)));
  parallel_for(out.batch * out.channels, [&](int64_t plane) {
    const int64_t n = plane / out.channels, m = plane % out.channels;
    double* y_plane = y.data() + plane * out.pixels();
    std::fill_n(y_plane, out.pixels(), bias ? bias->number(static_cast<size_t>(m)) : 0.0);
    const double* x_planes = image_values.data() + (n * in.channels + m / out_channels * in_channels) * in.pixels();
    const double* tap = taps.data() + m * in_channels * kernel;
    for (int64_t c = 0; c < in_channels; ++c, x_planes += in.pixels()) {
      for (int64_t ky = 0; ky < window.kernel_h; ++ky) {
        for (int64_t kx = 0; kx < window.kernel_w; ++kx)
          accumulate_tap(x_planes, in, *tap++, window, ky, kx, out, y_plane);
      }
    }
  });
  y = from_channels_first(std::move(y), out, channels_last);
  if (residual) {
    for (size_t i = 0; i < y.size(); ++i) y[i] += residual->number(i);
  }
  Array output = finish(type.shape, std::move(y), type.dtype, fused);
  if (moment_rows > 0) return {output, moments_of(output, moment_rows)};
  return {std::move(output)};
}

int64_t Conv::macs(const Node& node) const {
  const Shape& weights = node.in(1).shape();
  return element_count(node.out().shape()) * (element_count(weights) / weights[0]);
}

bool Conv::in_place(const Node& node, size_t index) const {
  return index == 3 && node.has(3);
}

void Conv::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_channels_last(channels_last);
  const Array& weights = *constant_input(node, 1, "weights");
  const Array* bias = constant_input(node, 2, "bias");
  const Window2D window = window_2d(window_of(*this, weights.shape()));
  const bool depthwise = groups > 1 && groups == weights.shape()[0] && weights.shape()[1] == 1;
  std::vector<uint32_t> inputs = {image_tensor(node.in(0), context)};
  if (node.has(4)) inputs.push_back(image_tensor(node.in(4), context));
  if (node.has(3)) inputs.push_back(image_tensor(node.in(3), context));
  std::vector<uint32_t> outputs = {image_tensor(node.out(), context)};
  if (moment_rows > 0) outputs.push_back(context.tensor(node.out(1)));
  const uint32_t buffer = with_packed_source(weights, bias, groups, [&](const auto& source) {
    if (codes) return codes_buffer(*codes, source.bias, context);
    return packed_weights(source, depthwise, winograd, sparse, context);
  });
  const bool int8 = weights.type().quantization.has_value();
  const fb::WeightLayout layout =
      depthwise     ? (int8 ? fb::WeightLayout::Depthwise16Float32x8 : fb::WeightLayout::Depthwise16)
      : codes       ? fb::WeightLayout::Panel16Codes
      : sparse != 0 ? sparse_layout(sparse)
                    : (int8 ? fb::WeightLayout::Panel16Float32x8 : fb::WeightLayout::Panel16);
  const fb::Activation activation = emit::Context::activation(fused);
  if (winograd != 0) {
    fb::Winograd2DBuilder table(context.builder());
    table.add_weights(buffer);
    table.add_tile(device_int(winograd));
    table.add_pad_top(device_int(window.pad_top));
    table.add_pad_left(device_int(window.pad_left));
    table.add_activation(&activation);
    table.add_moment_rows(device_int(moment_rows));
    context.step(node, table.Finish(), inputs, outputs);
  } else if (depthwise) {
    fb::DepthwiseConv2DBuilder table(context.builder());
    table.add_weights(buffer);
    add_window(table, window);
    table.add_activation(&activation);
    table.add_moment_rows(device_int(moment_rows));
    table.add_weight_layout(layout);
    context.step(node, table.Finish(), inputs, outputs);
  } else if (node.has(4)) {
    fb::ScaledConv2DBuilder table(context.builder());
    table.add_weights(buffer);
    add_window(table, window);
    table.add_activation(&activation);
    context.step(node, table.Finish(), inputs, outputs);
  } else {
    fb::Conv2DBuilder table(context.builder());
    table.add_weights(buffer);
    table.add_groups(device_int(groups));
    add_window(table, window);
    table.add_activation(&activation);
    table.add_moment_rows(device_int(moment_rows));
    table.add_weight_layout(layout);
    context.step(node, table.Finish(), inputs, outputs);
  }
}

std::vector<Value*> import_conv(import::OnnxContext& context) {
  Value *x = context.input(0), *weights = context.input(1), *bias = context.optional_input(2);
  require_image(context, x);
  require_static(context, weights, "input 1 (weights)");
  if (weights->shape().size() != x->shape().size()) {
    context.fail(fmt::format("weights of shape {} for an input of shape {}, the ranks must be equal",
                             to_string(weights->shape()), to_string(x->shape())));
  }
  WindowAttributes window;
  window.kernel.assign(weights->shape().begin() + 2, weights->shape().end());
  const std::vector<int64_t> kernel = context.integers("kernel_shape", window.kernel);
  if (kernel != window.kernel) {
    context.fail(fmt::format("kernel_shape is {}, the weights have {}", to_string(kernel), to_string(window.kernel)));
  }
  import_window(context, window, spatial_sizes(x->shape(), false));
  auto op = std::make_unique<Conv>();
  op->strides = window.strides;
  op->dilations = window.dilations;
  op->pads_begin = window.pads_begin;
  op->pads_end = window.pads_end;
  op->groups = context.integer("group", 1);
  if (bias == nullptr || context.is_static(bias)) return {context.add(std::move(op), {x, weights, bias})};
  Value* y = context.add(std::move(op), {x, weights});
  Shape per_channel(x->shape().size() - 1, 1);
  per_channel[0] = weights->shape()[0];
  return {binary(context, kernels::BinaryFunction::Add, y, reshape(context, bias, per_channel))};
}

}  // namespace linnet::ops
