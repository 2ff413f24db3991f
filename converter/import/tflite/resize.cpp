// Resizing of images. Positions are computed in single precision as TensorFlow Lite's reference kernels do: where an
// output lies between two inputs or on the border of two, the rounding decides.
#include <cmath>

#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/resample.hpp"

namespace linnet::import::from_tflite {

namespace {

constexpr int64_t kMaximumSize = 1 << 20;  // of a side; the tables have as many entries

struct ResizeOptions {
  bool align_corners, half_pixel_centers;
};

float scale_of(const ResizeOptions& options, int64_t in, int64_t out) {
  return options.align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                          : static_cast<float>(in) / static_cast<float>(out);
}

ops::Resample bilinear_table(const ResizeOptions& options, int64_t in, int64_t out) {
  ops::Resample table;
  table.taps = 2;
  const float scale = scale_of(options, in, out);
  for (int64_t i = 0; i < out; ++i) {
    const auto x = static_cast<float>(i);
    const float position = options.half_pixel_centers ? (x + 0.5f) * scale - 0.5f : x * scale;
    const auto lower = std::max<int64_t>(static_cast<int64_t>(std::floor(position)), 0);
    const auto upper = std::min<int64_t>(static_cast<int64_t>(std::ceil(position)), in - 1);
    const double weight = position - static_cast<float>(lower);
    table.indices.insert(table.indices.end(), {std::min(lower, in - 1), upper});
    table.weights.insert(table.weights.end(), {1.0 - weight, weight});
  }
  return table;
}

// The same of integers, whose positions have 10 bits of fraction.
ops::Resample integer_bilinear_table(const ResizeOptions& options, int64_t in, int64_t out) {
  constexpr int64_t kOne = 1 << 10;
  ops::Resample table;
  table.taps = 2;
  const bool aligned = options.align_corners && out > 1;
  const int64_t intervals = aligned ? out - 1 : out, length = aligned ? in - 1 : in;
  const int64_t scale = (kOne * length + intervals / 2) / intervals;
  for (int64_t i = 0; i < out; ++i) {
    const int64_t position = i * scale + (options.half_pixel_centers ? scale / 2 - kOne / 2 : 0);
    const int64_t lower = std::clamp<int64_t>(position / kOne, 0, in - 1);
    const int64_t upper = std::clamp<int64_t>((position + kOne - 1) / kOne, 0, in - 1);
    const auto weight = static_cast<double>(position - kOne * lower);
    table.indices.insert(table.indices.end(), {lower, upper});
    table.weights.insert(table.weights.end(), {static_cast<double>(kOne) - weight, weight});
  }
  return table;
}

std::vector<int64_t> nearest_indices(const ResizeOptions& options, int64_t in, int64_t out) {
  std::vector<int64_t> indices;
  const float scale = scale_of(options, in, out), offset = options.half_pixel_centers ? 0.5f : 0.0f;
  for (int64_t i = 0; i < out; ++i) {
    const float position = (static_cast<float>(i) + offset) * scale;
    const auto nearest = static_cast<int64_t>(options.align_corners ? std::round(position) : std::floor(position));
    indices.push_back(std::clamp<int64_t>(nearest, 0, in - 1));
  }
  return indices;
}

// Height and width of the output.
std::vector<int64_t> output_size(TfliteContext& context, const Value* x) {
  require_rank(context, x, 4, "input 0");
  const std::vector<int64_t> size = constant_list(context, 1, "size", 2);
  for (size_t d = 0; d < 2; ++d)
    if (size[d] < 1 || size[d] > kMaximumSize || x->shape()[d + 1] < 1)
      context.fail(fmt::format("resizes {} to {}; supported are sides of 1 to {}", to_string(x->shape()),
                               to_string(size), kMaximumSize));
  return size;
}

template <class Options>
ResizeOptions checked_options(TfliteContext& context) {
  const auto& options = context.options<Options>();
  if (options.align_corners() && options.half_pixel_centers())
    context.fail("has align_corners and half_pixel_centers; supported is one of them");
  return {options.align_corners(), options.half_pixel_centers()};
}

}  // namespace

namespace {

// Bits of fraction that hold the weights in single precision where they are those in fixed point.
std::optional<int> common_fraction(const ResizeOptions& options, int64_t in, int64_t out) {
  constexpr int kMostBits = 10;
  const ops::Resample real = bilinear_table(options, in, out), fixed = integer_bilinear_table(options, in, out);
  int bits = 0;
  for (size_t i = 0; i < real.weights.size(); ++i) {
    const bool read = real.weights[i] != 0.0;
    if (std::ldexp(real.weights[i], kMostBits) != fixed.weights[i] || (read && real.indices[i] != fixed.indices[i]))
      return std::nullopt;
    while (std::ldexp(real.weights[i], bits) != std::floor(std::ldexp(real.weights[i], bits))) ++bits;
  }
  return bits;
}

// Whether sums of uint8 times both axes' weights, which are below 2, are exact in single precision.
bool is_exact_in_float(const ResizeOptions& options, const Shape& shape, const std::vector<int64_t>& size) {
  constexpr int kNumberBits = 10, kFloatBits = 24;
  const std::optional<int> lines = common_fraction(options, shape[1], size[0]),
                           columns = common_fraction(options, shape[2], size[1]);
  return lines && columns && kNumberBits + *lines + *columns <= kFloatBits;
}

// Sums are rounded once, after the last axis.
Value* resize_integers(TfliteContext& context, const ResizeOptions& options, Value* x,
                       const std::vector<int64_t>& size) {
  constexpr int64_t kFraction = 10;  // of the weights, in bits
  const std::optional<IntegerForm> form = context.integer_form();
  std::vector<size_t> axes;
  for (size_t d = 0; d < 2; ++d)
    if (x->shape()[d + 1] != size[d]) axes.push_back(d);
  if (form->as_uint8 && !is_exact_in_float(options, x->shape(), size))
    context.warn("TensorFlow Lite's kernel for uint8 computes in single precision: results can differ by 1");
  for (const size_t d : axes) {
    const bool last = d == axes.back();
    auto op = std::make_unique<ops::Resample>(integer_bilinear_table(options, x->shape()[d + 1], size[d]));
    op->axis = static_cast<int64_t>(d) + 1;
    op->integer = form;
    if (last) op->shift = kFraction * static_cast<int64_t>(axes.size());
    if (!last) op->integer->dtype = DType::i32;
    x = context.add(std::move(op), {x});
  }
  return x;
}

}  // namespace

std::vector<Value*> import_resize_bilinear(TfliteContext& context) {
  const ResizeOptions options = checked_options<tfl::ResizeBilinearOptions>(context);
  Value* x = context.input(0);
  const std::vector<int64_t> size = output_size(context, x);
  if (context.integer_form()) return {resize_integers(context, options, x, size)};
  for (size_t d = 0; d < 2; ++d) {
    const int64_t in = x->shape()[d + 1];
    if (in == size[d]) continue;
    auto op = std::make_unique<ops::Resample>(bilinear_table(options, in, size[d]));
    op->axis = static_cast<int64_t>(d) + 1;
    x = context.add(std::move(op), {x});
  }
  return {x};
}

std::vector<Value*> import_resize_nearest_neighbor(TfliteContext& context) {
  const ResizeOptions options = checked_options<tfl::ResizeNearestNeighborOptions>(context);
  Value* x = context.input(0);
  const std::vector<int64_t> size = output_size(context, x);
  for (size_t d = 0; d < 2; ++d) {
    if (x->shape()[d + 1] == size[d]) continue;
    auto op = std::make_unique<ops::Gather>();
    op->axis = static_cast<int64_t>(d) + 1;
    op->indices = nearest_indices(options, x->shape()[d + 1], size[d]);
    op->indices_shape = {size[d]};
    x = context.add(std::move(op), {x});
  }
  return {x};
}

}  // namespace linnet::import::from_tflite
