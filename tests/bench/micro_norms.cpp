// Normalizations with statistics of the data.
#include "tests/bench/micro.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

void row_norm(benchmark::State& state, const KernelTable& kernels, const Rows& shape) {
  const size_t elements = shape.size();
  AlignedFloats x(elements), y(elements), gain(shape.columns), shift(shape.columns);
  RowNormArgs args{};
  args.kind = NormKind::Layer;
  args.rows = shape.rows;
  args.size = shape.columns;
  args.epsilon = 1e-5f;
  args.x = x.data();
  args.gain = gain.data();
  args.shift = shift.data();
  args.y = y.data();
  args.x_stride = args.y_stride = shape.columns;
  measure_bytes(state, kernels, 8.0 * static_cast<double>(elements), [&] { kernels.row_norm_f32(args); });
}

struct Groups {
  int pixels, channels, groups;
  std::string name() const { return shape_name({pixels, channels}) + "_g" + std::to_string(groups); }
};

void group_norm(benchmark::State& state, const KernelTable& kernels, const Groups& shape) {
  const size_t elements = static_cast<size_t>(shape.pixels) * shape.channels;
  AlignedFloats x(elements), y(elements), scale(shape.channels), shift(shape.channels),
      scratch(static_cast<size_t>(group_norm_scratch_bytes(shape.channels)) / 4 + 1);
  GroupNormArgs args{};
  args.image_end = 1;
  args.pixels = args.pixel_end = shape.pixels;
  args.channels = shape.channels;
  args.groups = shape.groups;
  args.epsilon = 1e-5f;
  args.x = x.data();
  args.scale = scale.data();
  args.shift = shift.data();
  args.y = y.data();
  args.x_stride = args.y_stride = shape.channels;
  args.activation.function = Function::Relu;
  args.scratch = scratch.data();
  measure_bytes(state, kernels, 8.0 * static_cast<double>(elements), [&] { kernels.group_norm_f32(args); });
}

void moments(benchmark::State& state, const KernelTable& kernels, const Groups& shape) {
  const size_t elements = static_cast<size_t>(shape.pixels) * shape.channels;
  AlignedFloats x(elements), result(3 * static_cast<size_t>(shape.channels));
  const MomentsArgs args{shape.pixels, shape.channels, x.data(), shape.channels, result.data(), shape.channels};
  measure_bytes(state, kernels, 4.0 * static_cast<double>(elements), [&] { kernels.moments_f32(args); });
}

}  // namespace

void add_norms(const KernelTable& kernels) {
  const std::vector<Rows> layers = {{3136, 96}, {784, 192}, {196, 384}, {49, 768}, {197, 768}};
  const std::vector<Groups> groups = {{12544, 64, 32}, {3136, 64, 32}, {3136, 256, 32}, {784, 128, 32},
                                      {784, 512, 32},  {196, 256, 32}, {196, 1024, 32}, {49, 512, 32},
                                      {49, 2048, 32},  {3136, 64, 64}};
  add_benchmarks(kernels, "row_norm", layers, row_norm);
  add_benchmarks(kernels, "group_norm", groups, group_norm);
  add_benchmarks(kernels, "moments", groups, moments);
}

}  // namespace linnet::bench
