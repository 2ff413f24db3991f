#include "converter/ops/pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/parallel.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/window.hpp"
#include "converter/ops/window_emission.hpp"

namespace linnet::ops {

using import::OnnxContext;
using kernels::PoolKind;

namespace {

WindowAttributes window_of(const Pool& op) {
  return {op.kernel, op.strides, op.dilations, op.pads_begin, op.pads_end};
}

// Along one dimension: the number of windows, none of them starting beyond the input.
int64_t output_size(const Pool& op, size_t d, int64_t size) {
  const int64_t extent = window_extent(op.kernel[d], op.dilations[d]);
  const int64_t padded = size + op.pads_begin[d] + op.pads_end[d];
  if (padded < extent) {
    throw Error(fmt::format("a window of {} pixels does not fit a padded input of {} pixels", extent, padded));
  }
  const int64_t stride = op.strides[d], last = padded - extent;
  int64_t out = (op.ceil_mode ? (last + stride - 1) / stride : last / stride) + 1;
  if (op.ceil_mode && (out - 1) * stride >= size + op.pads_begin[d]) --out;
  return out;
}

// Padding has no value: a window that sees nothing else has no result. One that begins inside of the image sees a
// pixel; of those that begin before it the first is the furthest, and taps no further apart than the image is large do
// not step over it.
void require_pixels(const Pool& op, size_t d, int64_t size, int64_t out) {
  const auto require = [&](int64_t o) {
    const Range taps = inside(op.kernel[d], op.dilations[d], o * op.strides[d] - op.pads_begin[d], size);
    if (taps.begin < taps.end) return;
    throw Error(
        fmt::format("window {} of spatial dimension {} lies entirely in the padding, supported are windows that see "
                    "at least one pixel",
                    o, d));
  };
  const int64_t before = std::min(out, (op.pads_begin[d] + op.strides[d] - 1) / op.strides[d]);
  for (int64_t o = 0; o < (op.dilations[d] <= size ? std::min<int64_t>(before, 1) : before); ++o) require(o);
  if (out > 0) require(out - 1);
}

double pool_window(const Pool& op, const Window2D& window, const double* plane, const Image& in, int64_t oy,
                   int64_t ox) {
  const int64_t top = oy * window.stride_h - window.pad_top, left = ox * window.stride_w - window.pad_left;
  const Range rows = inside(window.kernel_h, window.dilation_h, top, in.height);
  const Range columns = inside(window.kernel_w, window.dilation_w, left, in.width);
  double maximum = -std::numeric_limits<double>::infinity(), sum = 0.0;
  for (int64_t ky = rows.begin; ky < rows.end; ++ky) {
    const double* row = plane + (top + ky * window.dilation_h) * in.width + left;
    for (int64_t kx = columns.begin; kx < columns.end; ++kx) {
      const double value = row[kx * window.dilation_w];
      maximum = std::max(maximum, value);
      sum += value;
    }
  }
  if (op.kind == PoolKind::Max) return maximum;
  if (!op.count_include_pad) return sum / static_cast<double>((rows.end - rows.begin) * (columns.end - columns.begin));
  const Range padded_rows =
      inside(window.kernel_h, window.dilation_h, top + window.pad_top, in.height + window.pad_top + window.pad_bottom);
  const Range padded_columns =
      inside(window.kernel_w, window.dilation_w, left + window.pad_left, in.width + window.pad_left + window.pad_right);
  return sum / static_cast<double>((padded_rows.end - padded_rows.begin) * (padded_columns.end - padded_columns.begin));
}

}  // namespace

void Pool::attributes(AttributeWriter& writer) const {
  writer.add("kind", ops::name(kind));
  writer.add("kernel", kernel);
  writer.add("strides", strides);
  writer.add("dilations", dilations);
  writer.add("pads_begin", pads_begin);
  writer.add("pads_end", pads_end);
  writer.add("ceil_mode", ceil_mode);
  if (kind == PoolKind::Average) writer.add("count_include_pad", count_include_pad);
  writer.add("channels_last", channels_last);
  writer.add("fused", fused);
  writer.add("integer", integer);
}

std::vector<TensorType> Pool::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  if (integer) {
    require_quantized(x, "x");
    if (integer->type(x.shape) != x || count_include_pad)
      throw Error(fmt::format("pools {} to another type, or its padding", to_string(x)));
  } else {
    require_floating(x, "x");
  }
  check_window(window_of(*this), x.shape);
  const std::vector<int64_t> in = spatial_sizes(x.shape, channels_last);
  std::vector<int64_t> out(in.size());
  for (size_t d = 0; d < in.size(); ++d) out[d] = output_size(*this, d, in[d]);
  check_spans(window_of(*this), in, out);
  for (size_t d = 0; d < in.size(); ++d) {
    if (kind == PoolKind::Max || !count_include_pad) require_pixels(*this, d, in[d], out[d]);
  }
  TensorType output = x;
  output.shape = image_shape(x.shape[0], image(x.shape, channels_last).channels, out, channels_last);
  return {output};
}

std::vector<Array> Pool::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array& x = *inputs[0];
  const TensorType type = infer(types_of(inputs))[0];
  const Window2D window = window_2d(window_of(*this));
  const Image in = image(x.shape(), channels_last), out = image(type.shape, channels_last);
  const std::vector<double> image_values = channels_first(x, channels_last);
  std::vector<double> y(static_cast<size_t>(element_count(type.shape)));
  parallel_for(out.batch * out.channels, [&](int64_t plane) {
    double* y_plane = y.data() + plane * out.pixels();
    for (int64_t oy = 0; oy < out.height; ++oy) {
      for (int64_t ox = 0; ox < out.width; ++ox) {
        *y_plane++ = pool_window(*this, window, image_values.data() + plane * in.pixels(), in, oy, ox);
      }
    }
  });
  return {finish(type.shape, from_channels_first(std::move(y), out, channels_last), type.dtype, fused)};
}

void Pool::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_channels_last(channels_last);
  require_float_arithmetic(node);
  const Window2D window = window_2d(window_of(*this));
  const std::vector<uint32_t> inputs = {image_tensor(node.in(0), context)};
  const std::vector<uint32_t> outputs = {image_tensor(node.out(), context)};
  const fb::Activation activation = emit::Context::activation(fused);
  fb::Pool2DBuilder table(context.builder());
  table.add_kind(static_cast<fb::PoolKind>(kind));
  add_window(table, window);
  table.add_pad_bottom(device_int(window.pad_bottom));
  table.add_pad_right(device_int(window.pad_right));
  table.add_count_include_pad(count_include_pad);
  table.add_activation(&activation);
  context.step(node, table.Finish(), inputs, outputs);
}

namespace {

std::unique_ptr<Pool> import_pool(OnnxContext& context, PoolKind kind) {
  const Value* x = context.input(0);
  require_image(context, x);
  WindowAttributes window;
  window.kernel = context.integers("kernel_shape");
  if (window.kernel.size() != x->shape().size() - 2) {
    context.fail(fmt::format("kernel_shape has {} values for an input of shape {}", window.kernel.size(),
                             to_string(x->shape())));
  }
  import_window(context, window, spatial_sizes(x->shape(), false));
  auto op = std::make_unique<Pool>();
  op->kind = kind;
  op->kernel = window.kernel;
  op->strides = window.strides;
  op->dilations = window.dilations;
  op->pads_begin = window.pads_begin;
  op->pads_end = window.pads_end;
  op->ceil_mode = context.integer("ceil_mode", 0) != 0;
  return op;
}

std::vector<Value*> import_global_pool(OnnxContext& context, kernels::ReduceKind kind) {
  Value* x = context.input(0);
  if (x->shape().size() < 3) {
    context.fail(fmt::format("input of shape {}, supported are rank 3 and more", to_string(x->shape())));
  }
  std::vector<int64_t> axes;
  for (size_t d = 2; d < x->shape().size(); ++d) axes.push_back(static_cast<int64_t>(d));
  return {reduce(context, kind, x, axes)};
}

}  // namespace

std::vector<Value*> import_max_pool(OnnxContext& context) {
  if (context.output_used(1)) context.fail("output 1 (Indices) is used, supported is the pooled output alone");
  context.integer("storage_order", 0);  // the order of Indices
  auto op = import_pool(context, PoolKind::Max);
  if (const TensorType& x = context.input(0)->type; x.quantization)
    op->integer = {x.dtype, *x.quantization, Rounding::nearest};
  return {context.add(std::move(op), {context.input(0)})};
}

std::vector<Value*> import_average_pool(OnnxContext& context) {
  auto op = import_pool(context, PoolKind::Average);
  op->count_include_pad = context.integer("count_include_pad", 0) != 0;
  return {context.add(std::move(op), {context.input(0)})};
}

std::vector<Value*> import_global_max_pool(OnnxContext& context) {
  return import_global_pool(context, kernels::ReduceKind::Max);
}

std::vector<Value*> import_global_average_pool(OnnxContext& context) {
  return import_global_pool(context, kernels::ReduceKind::Mean);
}

}  // namespace linnet::ops
