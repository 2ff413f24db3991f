// int8 steps besides convolutions; `peak` is relative to the ceiling of int8 products.
#include "tests/bench/micro.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

using Bytes = std::vector<int8_t>;

constexpr Factor kFactor = {1 << 30, -3};
constexpr Requantize kRequantize = {Rounding::FixedPoint, -5, -128, 127};

Bytes ramp(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<int8_t>(i * 37);
  return bytes;
}

void matmul(benchmark::State& state, const KernelTable& kernels, const Rows& tokens_by_head) {
  const int tokens = tokens_by_head.rows, head = tokens_by_head.columns;
  const Bytes q = ramp(tokens_by_head.size()), k = ramp(tokens_by_head.size());
  Bytes scores(static_cast<size_t>(tokens) * tokens);
  AlignedFloats scratch(static_cast<size_t>(matmul_int8_scratch_bytes(tokens, head, traits(kernels.id))) / 4 + 1);
  MatMulInt8Args args{};
  args.m = args.n = args.n_end = tokens;
  args.k = head;
  args.a = q.data();
  args.a_stride_m = head;
  args.a_stride_k = 1;
  args.b = k.data();
  args.b_stride_k = 1;
  args.b_stride_n = head;
  args.c = scores.data();
  args.c_stride_m = tokens;
  args.a_zero_point = 3;
  args.factor = kFactor;
  args.requantize = kRequantize;
  args.scratch = scratch.data();
  measure_multiply_adds(
      state, kernels, static_cast<double>(tokens) * tokens * head, [&] { kernels.matmul_s8(args); },
      tools::PeakType::int8);
}

struct BinaryCase {
  const char* function_name;
  BinaryFunction function;
  Rows a;
  bool by_row;  // one row is combined with every row of a
  std::string name() const { return std::string(function_name) + "_" + a.name() + (by_row ? "_by_row" : ""); }
};

void binary(benchmark::State& state, const KernelTable& kernels, const BinaryCase& c) {
  const Bytes a = ramp(c.a.size()), b = ramp(c.a.size());
  Bytes y(c.a.size());
  const ptrdiff_t columns = c.a.columns;
  const bool is_sum = c.function == BinaryFunction::Add;
  const QuantizedBinary quantized = {3,          -7, is_sum ? 20 : 0, kFactor, kFactor, {1 << 30, is_sum ? -17 : -6},
                                     kRequantize};
  const BinaryInt8Args args{c.function, c.a.rows, c.a.columns, a.data(), columns, 1, b.data(), c.by_row ? 0 : columns,
                            1,          y.data(), columns,     quantized};
  const double bytes = static_cast<double>(2 * c.a.size() + (c.by_row ? static_cast<size_t>(columns) : c.a.size()));
  measure_bytes(state, kernels, bytes, [&] { kernels.binary_s8(args); });
}

void lookup(benchmark::State& state, const KernelTable& kernels, const Rows& shape) {
  const Bytes x = ramp(shape.size()), table = ramp(256);
  Bytes y(shape.size());
  const LookupInt8Args args{shape.rows, shape.columns, x.data(), shape.columns, y.data(), shape.columns, table.data()};
  measure_bytes(state, kernels, 2.0 * static_cast<double>(shape.size()), [&] { kernels.lookup_s8(args); });
}

void quantize(benchmark::State& state, const KernelTable& kernels, const Rows& shape) {
  AlignedFloats x(shape.size());
  Bytes y(shape.size());
  const QuantizeArgs args{NumberType::Float32,
                          NumberType::Int8,
                          shape.rows,
                          shape.columns,
                          x.data(),
                          shape.columns,
                          y.data(),
                          shape.columns,
                          0.02f,
                          0,
                          kFactor,
                          kRequantize};
  measure_bytes(state, kernels, 5.0 * static_cast<double>(shape.size()), [&] { kernels.quantize(args); });
}

void softmax(benchmark::State& state, const KernelTable& kernels, const Rows& shape) {
  const Bytes x = ramp(shape.size());
  Bytes y(shape.size());
  const SoftmaxInt8Args args{shape.rows, shape.columns, 1, x.data(), y.data(), {1 << 30, 24}, -124, false, {}};
  measure_bytes(state, kernels, 2.0 * static_cast<double>(shape.size()), [&] { kernels.softmax_s8(args); });
}

void pool(benchmark::State& state, const KernelTable& kernels, const PoolCase& c) {
  const Bytes x = ramp(static_cast<size_t>(c.in) * c.in * c.channels);
  Bytes y(static_cast<size_t>(c.out()) * c.out() * c.channels);
  Pool2DInt8Args args{};
  args.kind = c.kind;
  args.window = {c.kernel, c.kernel, c.stride, c.stride, 1, 1, c.pad, c.pad};
  args.in_h = args.in_w = c.in;
  args.out_h = args.out_w = args.row_end = c.out();
  args.channels = c.channels;
  args.x = x.data();
  args.y = y.data();
  args.x_stride = args.y_stride = c.channels;
  args.requantize = {Rounding::FixedPoint, 0, -128, 127};
  measure_bytes(state, kernels, static_cast<double>(x.size() + y.size()), [&] { kernels.pool2d_s8(args); });
}

}  // namespace

void add_quantized(const KernelTable& kernels) {
  const std::vector<BinaryCase> binaries = {{"add", BinaryFunction::Add, {3136, 256}, false},
                                            {"add", BinaryFunction::Add, {196, 1024}, false},
                                            {"mul", BinaryFunction::Mul, {784, 120}, true},
                                            {"mul", BinaryFunction::Mul, {3136, 96}, true}};
  add_benchmarks(kernels, "matmul_s8", std::vector<Rows>{{197, 64}, {49, 32}}, matmul);
  add_benchmarks(kernels, "binary_s8", binaries, binary);
  add_benchmarks(kernels, "lookup_s8", std::vector<Rows>{{784, 240}, {1, 1152}}, lookup);
  add_benchmarks(kernels, "quantize", std::vector<Rows>{{50176, 3}, {784, 240}}, quantize);
  add_benchmarks(kernels, "softmax_s8", std::vector<Rows>{{2364, 197}, {1, 1000}, {1, 12}}, softmax);
  add_benchmarks(kernels, "pool_s8",
                 std::vector<PoolCase>{{PoolKind::Max, 112, 64, 3, 2, 1},
                                       {PoolKind::Average, 7, 1024, 7, 1, 0},
                                       {PoolKind::Average, 28, 128, 3, 1, 1}},
                 pool);
}

}  // namespace linnet::bench
