// Steps that move data.
#include <algorithm>

#include "tests/bench/micro.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

// A dense source whose dimensions are written in the order `to`.
struct Permutation {
  const char* use;
  std::vector<int> shape, to;
  std::string name() const { return std::string(use) + "_" + shape_name(shape); }
};

void copy(benchmark::State& state, const KernelTable& kernels, const Permutation& p) {
  const int dimensions = static_cast<int>(p.shape.size());
  CopyArgs args{};
  args.element_bytes = 4;
  args.dimensions = dimensions;
  ptrdiff_t elements = 1;
  for (int d = dimensions - 1; d >= 0; --d) {
    args.shape[d] = p.shape[static_cast<size_t>(d)];
    args.x_strides[d] = elements;
    elements *= args.shape[d];
  }
  ptrdiff_t stride = 1;
  for (int d = dimensions - 1; d >= 0; --d) {
    const int source = p.to[static_cast<size_t>(d)];
    args.y_strides[source] = stride;
    stride *= args.shape[source];
  }
  AlignedFloats x(static_cast<size_t>(elements)), y(static_cast<size_t>(elements));
  args.x = x.data();
  args.y = y.data();
  measure_bytes(state, kernels, 8.0 * static_cast<double>(elements), [&] { kernels.copy(args); });
}

// Along the middle dimension of [outer, size, inner].
struct Axis {
  int outer, in_size, out_size, inner;
  std::string name() const { return shape_name({outer, in_size, inner}) + "_to_" + std::to_string(out_size); }
  size_t in_floats() const { return static_cast<size_t>(outer) * in_size * inner; }
  size_t out_floats() const { return static_cast<size_t>(outer) * out_size * inner; }
};

void gather(benchmark::State& state, const KernelTable& kernels, const Axis& axis) {
  AlignedFloats x(axis.in_floats()), y(axis.out_floats());
  std::vector<int32_t> indices(static_cast<size_t>(axis.out_size));
  for (int i = 0; i < axis.out_size; ++i) indices[static_cast<size_t>(i)] = i * 7 % axis.in_size;
  const GatherArgs args{4, axis.outer, axis.in_size, axis.out_size, axis.inner, x.data(), indices.data(), y.data()};
  const size_t read = std::min(axis.in_floats(), axis.out_floats());
  measure_bytes(state, kernels, 4.0 * static_cast<double>(read + axis.out_floats()), [&] { kernels.gather(args); });
}

// Two taps for each position: linear interpolation.
void resample(benchmark::State& state, const KernelTable& kernels, const Axis& axis) {
  constexpr int kTaps = 2;
  AlignedFloats x(axis.in_floats()), y(axis.out_floats()), weights(static_cast<size_t>(kTaps) * axis.out_size),
      bias(static_cast<size_t>(axis.out_size));
  std::vector<int32_t> indices;
  for (int i = 0; i < axis.out_size; ++i) {
    const int first = i * (axis.in_size - 1) / axis.out_size;
    indices.insert(indices.end(), {first, first + 1});
  }
  const ResampleArgs args{axis.outer, axis.in_size,   axis.out_size,  axis.inner,  kTaps,
                          x.data(),   indices.data(), weights.data(), bias.data(), y.data()};
  const auto bytes = 4.0 * static_cast<double>(axis.in_floats() + axis.out_floats());
  measure_bytes(state, kernels, bytes, [&] { kernels.resample_f32(args); });
}

}  // namespace

void add_movement(const KernelTable& kernels) {
  const std::vector<Permutation> permutations = {{"image", {3, 224 * 224}, {1, 0}},
                                                 {"shuffle", {784, 2, 58}, {0, 2, 1}},
                                                 {"shuffle", {196, 2, 116}, {0, 2, 1}},
                                                 {"flatten", {49, 512}, {1, 0}},
                                                 {"dense", {3136, 64}, {0, 1}},
                                                 {"heads", {197, 12, 64}, {1, 0, 2}},
                                                 {"windows", {8, 7, 8, 7, 96}, {0, 2, 1, 3, 4}}};
  add_benchmarks(kernels, "copy", permutations, copy);
  add_benchmarks(kernels, "gather", std::vector<Axis>{{1, 197, 1, 768}, {784, 116, 58, 1}, {1, 56, 112, 3584}}, gather);
  add_benchmarks(kernels, "resample", std::vector<Axis>{{28, 28, 56, 128}, {1, 28, 56, 7168}}, resample);
}

}  // namespace linnet::bench
