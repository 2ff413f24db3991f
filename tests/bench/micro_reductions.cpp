// Pooling, reductions and searches.
#include "tests/bench/micro.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

void pool(benchmark::State& state, const KernelTable& kernels, const PoolCase& c) {
  const size_t in = static_cast<size_t>(c.in) * c.in * c.channels,
               out = static_cast<size_t>(c.out()) * c.out() * c.channels;
  AlignedFloats x(in), y(out);
  Pool2DArgs args{};
  args.kind = c.kind;
  args.window = {c.kernel, c.kernel, c.stride, c.stride, 1, 1, c.pad, c.pad};
  args.pad_bottom = args.pad_right = c.pad;
  args.in_h = args.in_w = c.in;
  args.out_h = args.out_w = args.row_end = c.out();
  args.channels = c.channels;
  args.x = x.data();
  args.y = y.data();
  args.x_stride = args.y_stride = c.channels;
  measure_bytes(state, kernels, 4.0 * static_cast<double>(in + out), [&] { kernels.pool2d_f32(args); });
}

// The middle dimension of [outer, size, inner].
struct Middle {
  int outer, size, inner;
  std::string name() const { return shape_name({outer, size, inner}); }
  size_t in_floats() const { return static_cast<size_t>(outer) * size * inner; }
  size_t out_floats() const { return static_cast<size_t>(outer) * inner; }
  double bytes() const { return 4.0 * static_cast<double>(in_floats() + out_floats()); }
};

void reduce(benchmark::State& state, const KernelTable& kernels, const Middle& shape) {
  AlignedFloats x(shape.in_floats()), y(shape.out_floats());
  const ReduceArgs args{ReduceKind::Mean, shape.outer, shape.size, shape.inner, x.data(), shape.inner, y.data(), {}};
  measure_bytes(state, kernels, shape.bytes(), [&] { kernels.reduce_f32(args); });
}

void argmax(benchmark::State& state, const KernelTable& kernels, const Middle& shape) {
  AlignedFloats x(shape.in_floats());
  std::vector<int32_t> y(shape.out_floats());
  const ArgMaxArgs args{shape.outer, shape.size, shape.inner, false, false, x.data(), y.data()};
  measure_bytes(state, kernels, shape.bytes(), [&] { kernels.argmax_f32(args); });
}

}  // namespace

void add_reductions(const KernelTable& kernels) {
  const std::vector<PoolCase> pools = {{PoolKind::Max, 112, 64, 3, 2, 1},   {PoolKind::Max, 111, 64, 3, 2, 0},
                                       {PoolKind::Max, 224, 64, 2, 2, 0},   {PoolKind::Max, 14, 512, 2, 2, 0},
                                       {PoolKind::Average, 8, 64, 8, 8, 0}, {PoolKind::Average, 28, 256, 3, 1, 1}};
  const std::vector<Middle> means = {{1, 49, 1024}, {1, 49, 2048}, {1, 784, 72}, {1, 196, 480}, {1, 3136, 96}};
  add_benchmarks(kernels, "pool", pools, pool);
  add_benchmarks(kernels, "reduce", means, reduce);
  add_benchmarks(kernels, "argmax", std::vector<Middle>{{1, 1000, 1}, {1, 21, 12544}}, argmax);
}

}  // namespace linnet::bench
