// Functions of one element, or of one row at a time.
#include "tests/bench/micro.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

// `b_rows` is 1 where one row of b is combined with every row of a (squeeze-and-excite).
struct BinaryCase {
  const char* function_name;
  BinaryFunction function;
  Rows a;
  int b_rows;
  std::string name() const { return std::string(function_name) + "_" + a.name() + (b_rows == 1 ? "_by_row" : ""); }
};

void binary(benchmark::State& state, const KernelTable& kernels, const BinaryCase& c) {
  AlignedFloats a(c.a.size()), b(c.a.size()), result(c.a.size());
  const ptrdiff_t columns = c.a.columns, b_stride = c.b_rows == 1 ? 0 : columns;
  const BinaryArgs args{c.function, c.a.rows, c.a.columns, a.data(),      columns, 1,
                        b.data(),   b_stride, 1,           result.data(), columns, {}};
  const double b_bytes = 4.0 * c.b_rows * c.a.columns;
  measure_bytes(state, kernels, 2 * c.a.bytes() + b_bytes, [&] { kernels.binary_f32(args); });
}

struct UnaryCase {
  const char* function_name;
  Function function;
  Rows x;
  std::string name() const { return std::string(function_name) + "_" + x.name(); }
};

void unary(benchmark::State& state, const KernelTable& kernels, const UnaryCase& c) {
  AlignedFloats x(c.x.size()), y(c.x.size());
  const UnaryArgs args{c.x.rows, c.x.columns, x.data(), c.x.columns, y.data(), c.x.columns, {c.function, 0.1f, 6.0f}};
  measure_bytes(state, kernels, 2 * c.x.bytes(), [&] { kernels.unary_f32(args); });
}

void scale_shift(benchmark::State& state, const KernelTable& kernels, const Rows& shape) {
  AlignedFloats x(shape.size()), y(shape.size()), scale(shape.columns), shift(shape.columns);
  const ScaleShiftArgs args{shape.rows,   shape.columns, x.data(),      shape.columns,   scale.data(),
                            shift.data(), y.data(),      shape.columns, {Function::Relu}};
  measure_bytes(state, kernels, 2 * shape.bytes(), [&] { kernels.scale_shift_f32(args); });
}

void softmax(benchmark::State& state, const KernelTable& kernels, const Rows& shape) {
  AlignedFloats x(shape.size()), y(shape.size());
  const SoftmaxArgs args{shape.rows, shape.columns, 1, x.data(), y.data(), false};
  measure_bytes(state, kernels, 2 * shape.bytes(), [&] { kernels.softmax_f32(args); });
}

}  // namespace

void add_elementwise(const KernelTable& kernels) {
  const std::vector<BinaryCase> binaries = {
      {"add", BinaryFunction::Add, {3136, 256}, 3136}, {"add", BinaryFunction::Add, {49, 2048}, 49},
      {"add", BinaryFunction::Add, {197, 768}, 197},   {"mul", BinaryFunction::Mul, {784, 120}, 1},
      {"mul", BinaryFunction::Mul, {3136, 96}, 1},     {"mul", BinaryFunction::Mul, {49, 1152}, 1}};
  const std::vector<UnaryCase> unaries = {
      {"relu", Function::Relu, {3136, 64}},  {"hardswish", Function::HardSwish, {784, 240}},
      {"silu", Function::Silu, {3136, 96}},  {"sigmoid", Function::Sigmoid, {1, 1152}},
      {"gelu", Function::Gelu, {197, 3072}}, {"gelu", Function::Gelu, {3136, 384}},
      {"tanh", Function::Tanh, {784, 128}},  {"exp", Function::Exp, {197, 197}},
      {"clip", Function::Clip, {3136, 144}}};
  add_benchmarks(kernels, "binary", binaries, binary);
  add_benchmarks(kernels, "unary", unaries, unary);
  add_benchmarks(kernels, "scale_shift", std::vector<Rows>{{3136, 64}, {784, 256}, {49, 1024}}, scale_shift);
  add_benchmarks(kernels, "softmax", std::vector<Rows>{{2364, 197}, {1, 1000}, {1, 12}}, softmax);
}

}  // namespace linnet::bench
