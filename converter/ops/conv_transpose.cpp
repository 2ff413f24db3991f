#include <fmt/format.h>

#include <algorithm>

#include "converter/ops/conv.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/parallel.hpp"
#include "converter/ops/window.hpp"
#include "converter/ops/window_emission.hpp"
#include "engine/check.hpp"

namespace linnet::ops {

namespace {

WindowAttributes window_of(const ConvTranspose& op, const Shape& weights) {
  return {{weights.begin() + 2, weights.end()}, op.strides, op.dilations, op.pads_begin, op.pads_end};
}

// y += weight * x through tap (ky, kx), for every input pixel whose tap falls inside the output.
void scatter_tap(const double* x, const Image& in, double weight, const Window2D& window, int64_t ky, int64_t kx,
                 const Image& out, double* y) {
  const int64_t offset_y = ky * window.dilation_h - window.pad_top, offset_x = kx * window.dilation_w - window.pad_left;
  const Range rows = inside(in.height, window.stride_h, offset_y, out.height);
  const Range columns = inside(in.width, window.stride_w, offset_x, out.width);
  for (int64_t iy = rows.begin; iy < rows.end; ++iy) {
    const double* x_row = x + iy * in.width;
    double* y_row = y + (iy * window.stride_h + offset_y) * out.width + offset_x;
    for (int64_t ix = columns.begin; ix < columns.end; ++ix) y_row[ix * window.stride_w] += weight * x_row[ix];
  }
}

uint32_t packed_weights(const kernels::ConvWeights& weights, const kernels::Window& phases, emit::Context& context) {
  return context.buffer(kernels::conv_transpose2d_packed_floats(weights, phases),
                        [&](float* packed) { kernels::pack_conv_transpose2d(weights, phases, packed); });
}

uint32_t packed_weights(const kernels::ConvFloat32x8Weights& weights, const kernels::Window& phases,
                        emit::Context& context) {
  std::vector<int8_t> packed(static_cast<size_t>(kernels::conv_transpose2d_float32x8_packed_bytes(weights, phases)));
  kernels::pack_conv_transpose2d_float32x8(weights, phases, packed.data());
  return context.buffer(packed);
}

}  // namespace

void ConvTranspose::attributes(AttributeWriter& writer) const {
  writer.add("strides", strides);
  writer.add("dilations", dilations);
  writer.add("pads_begin", pads_begin);
  writer.add("pads_end", pads_end);
  writer.add("output_padding", output_padding);
  writer.add("groups", groups);
  writer.add("channels_last", channels_last);
  writer.add("fused", fused);
  writer.add("integer", integer);
}

std::vector<TensorType> ConvTranspose::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  const TensorType& weights = required(inputs, 1, "weights");
  if (integer) {
    require_integer_layer(x, weights, optional(inputs, 2), 1);
  } else {
    require_floating(x, "x");
    require_real_weights(weights, x, "weights", 1);
  }
  if (weights.shape.size() != x.shape.size() || x.shape.size() < 3) {
    throw Error(fmt::format("weights have shape {} for an input of shape {}, supported are equal ranks of 3 or 4",
                            to_string(weights.shape), to_string(x.shape)));
  }
  const WindowAttributes window = window_of(*this, weights.shape);
  check_window(window, x.shape);
  const int64_t channels = image(x.shape, channels_last).channels;
  if (groups < 1 || groups > channels || channels % groups != 0 || channels != weights.shape[0]) {
    throw Error(fmt::format("weights of shape {} with {} groups do not fit an input of shape {} ({} channels)",
                            to_string(weights.shape), groups, to_string(x.shape), channels));
  }
  const int64_t outputs = weights.shape[1] * groups;
  const std::vector<int64_t> in = spatial_sizes(x.shape, channels_last);
  std::vector<int64_t> spatial = in;
  if (output_padding.size() != spatial.size()) {
    throw Error(
        fmt::format("output_padding has {} values for {} spatial dimensions", output_padding.size(), spatial.size()));
  }
  for (size_t d = 0; d < spatial.size(); ++d) {
    if (output_padding[d] < 0)
      throw Error(fmt::format("output_padding {}, supported are 0 and more", output_padding[d]));
    spatial[d] = (spatial[d] - 1) * strides[d] + window_extent(window.kernel[d], dilations[d]) - pads_begin[d] -
                 pads_end[d] + output_padding[d];
    if (spatial[d] < 1)
      throw Error(fmt::format("the output would have {} pixels in spatial dimension {}", spatial[d], d));
  }
  WindowAttributes unit_stride = window;
  unit_stride.strides.assign(in.size(), 1);
  check_spans(unit_stride, in, spatial);
  const Window2D phases = window_2d(window);
  if (phases.stride_h * phases.stride_w > engine::kMaxPhases) {
    throw Error(fmt::format("strides {}x{} divide the output into {} parts, supported are up to {}", phases.stride_h,
                            phases.stride_w, phases.stride_h * phases.stride_w, engine::kMaxPhases));
  }
  if (const TensorType* bias = optional(inputs, 2)) require_shape(*bias, {outputs}, "bias");
  if (weights.quantization && !weights.quantization->per_tensor() &&
      static_cast<int64_t>(weights.quantization->scales.size()) != outputs)
    throw Error(fmt::format("weights have {} scales for {} outputs", weights.quantization->scales.size(), outputs));
  const Shape shape = image_shape(x.shape[0], outputs, spatial, channels_last);
  return {integer ? integer->type(shape) : TensorType{x.dtype, shape}};
}

std::vector<Array> ConvTranspose::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array &x = *inputs[0], &weights = *inputs[1];
  const Array* bias = optional(inputs, 2);
  const TensorType type = infer(types_of(inputs))[0];
  const Window2D window = window_2d(window_of(*this, weights.shape()));
  const Image in = image(x.shape(), channels_last), out = image(type.shape, channels_last);
  const std::vector<double> image_values = channels_first(x, channels_last);
  // As the layer's outputs come first, so do their scales.
  const std::vector<double> taps = real_weights(outputs_first(weights, groups));
  const int64_t kernel = window.kernel_h * window.kernel_w;
  const int64_t in_channels = in.channels / groups, out_channels = out.channels / groups;
  std::vector<double> y(static_cast<size_t>(element_count(type.shape)));
  parallel_for(out.batch * out.channels, [&](int64_t plane) {
    const int64_t n = plane / out.channels, m = plane % out.channels, group = m / out_channels;
    double* y_plane = y.data() + plane * out.pixels();
    std::fill_n(y_plane, out.pixels(), bias ? bias->number(static_cast<size_t>(m)) : 0.0);
    for (int64_t c = group * in_channels; c < (group + 1) * in_channels; ++c) {
      const double* x_plane = image_values.data() + (n * in.channels + c) * in.pixels();
      const double* tap = taps.data() + (m * in_channels + c % in_channels) * kernel;
      for (int64_t ky = 0; ky < window.kernel_h; ++ky) {
        for (int64_t kx = 0; kx < window.kernel_w; ++kx) scatter_tap(x_plane, in, *tap++, window, ky, kx, out, y_plane);
      }
    }
  });
  y = from_channels_first(std::move(y), out, channels_last);
  return {finish(type.shape, std::move(y), type.dtype, fused)};
}

int64_t ConvTranspose::macs(const Node& node) const {
  const Image in = image(node.in(0).shape(), channels_last);
  return in.batch * in.pixels() * element_count(node.in(1).shape());
}

void ConvTranspose::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_channels_last(channels_last);
  const Array& weights = *constant_input(node, 1, "weights");
  const Window2D window = window_2d(window_of(*this, weights.shape()));

  const std::vector<uint32_t> inputs = {image_tensor(node.in(0), context)};
  const std::vector<uint32_t> outputs = {image_tensor(node.out(), context)};
  const uint32_t buffer =
      with_packed_source(outputs_first(weights, groups), constant_input(node, 2, "bias"), groups,
                         [&](const auto& source) { return packed_weights(source, device_window(window), context); });
  const fb::Activation activation = emit::Context::activation(fused);
  fb::ConvTranspose2DBuilder table(context.builder());
  table.add_weights(buffer);
  table.add_groups(device_int(groups));
  add_window(table, window);
  table.add_activation(&activation);
  if (weights.type().quantization) table.add_weight_layout(fb::WeightLayout::Panel16Float32x8);
  context.step(node, table.Finish(), inputs, outputs);
}

namespace {

// Pads, and more output padding where the covered pixels do not suffice, that give the output these sizes.
void resolve_output_shape(ConvTranspose& op, const WindowAttributes& window, const std::vector<int64_t>& in,
                          const std::vector<int64_t>& out, bool more_at_end) {
  for (size_t d = 0; d < in.size(); ++d) {
    const int64_t covered =
        (in[d] - 1) * op.strides[d] + window_extent(window.kernel[d], op.dilations[d]) + op.output_padding[d];
    const int64_t pads = std::max<int64_t>(0, covered - out[d]);
    op.output_padding[d] += std::max<int64_t>(0, out[d] - covered);
    op.pads_begin[d] = more_at_end ? pads / 2 : pads - pads / 2;
    op.pads_end[d] = pads - op.pads_begin[d];
  }
}

}  // namespace

std::vector<Value*> import_conv_transpose(import::OnnxContext& context) {
  Value *x = context.input(0), *weights = context.input(1), *bias = context.optional_input(2);
  require_image(context, x);
  require_static(context, weights, "input 1 (weights)");
  const size_t rank = x->shape().size() - 2;
  if (weights->shape().size() != rank + 2) {
    context.fail(fmt::format("weights of shape {} for an input of shape {}, the ranks must be equal",
                             to_string(weights->shape()), to_string(x->shape())));
  }
  WindowAttributes window;
  window.kernel.assign(weights->shape().begin() + 2, weights->shape().end());
  const std::vector<int64_t> kernel = context.integers("kernel_shape", window.kernel);
  if (kernel != window.kernel) {
    context.fail(fmt::format("kernel_shape is {}, the weights have {}", to_string(kernel), to_string(window.kernel)));
  }
  const std::string auto_pad = import_window_attributes(context, window);
  auto op = std::make_unique<ConvTranspose>();
  op->strides = window.strides;
  op->dilations = window.dilations;
  op->pads_begin = window.pads_begin;
  op->pads_end = window.pads_end;
  op->groups = context.integer("group", 1);
  op->output_padding = context.integers("output_padding", std::vector<int64_t>(rank, 0));
  if (op->output_padding.size() != rank) {
    context.fail(
        fmt::format("output_padding has {} values for {} spatial dimensions", op->output_padding.size(), rank));
  }
  const std::vector<int64_t> in = spatial_sizes(x->shape(), false);
  std::vector<int64_t> out = context.integers("output_shape");
  if (out.size() == rank + 2) out.erase(out.begin(), out.begin() + 2);
  for (const std::vector<int64_t>& sizes : {in, out, op->output_padding}) {
    for (const int64_t size : sizes) {
      if (size < engine::kWindowLimit && size > -engine::kWindowLimit) continue;
      context.fail(fmt::format("an input, output_shape or output_padding of {} pixels, supported are up to {}", size,
                               engine::kWindowLimit - 1));
    }
  }
  if (!out.empty() && out.size() != rank) {
    context.fail(fmt::format("output_shape has {} values for {} spatial dimensions", out.size(), rank));
  }
  if (out.empty() && auto_pad.starts_with("SAME")) {
    for (size_t d = 0; d < rank; ++d) out.push_back(in[d] * op->strides[d]);
  }
  if (!out.empty()) resolve_output_shape(*op, window, in, out, auto_pad == "SAME_UPPER");
  if (bias == nullptr || context.is_static(bias)) return {context.add(std::move(op), {x, weights, bias})};
  Value* y = context.add(std::move(op), {x, weights});
  Shape per_channel(rank + 1, 1);
  per_channel[0] = y->shape()[1];
  return {binary(context, kernels::BinaryFunction::Add, y, reshape(context, bias, per_channel))};
}

}  // namespace linnet::ops
