#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {
namespace {

enum class Order { kRows, kColumns, kApart };  // the last dimension is dense, the first is, none is

struct Strides {
  ptrdiff_t row, column;
  size_t extent;
};

Strides strides(Order order, int32_t rows, int32_t columns) {
  Strides s{};
  switch (order) {
    case Order::kRows:
      s = {columns + 2, 1, 0};
      break;
    case Order::kColumns:
      s = {1, rows + 3, 0};
      break;
    case Order::kApart:
      s = {2 * static_cast<ptrdiff_t>(columns) + 1, 2, 0};
      break;
  }
  s.extent = static_cast<size_t>((rows - 1) * s.row + (columns - 1) * s.column + 1);
  return s;
}

class MatMul : public KernelTest {
 protected:
  void check(int32_t m, int32_t n, int32_t k, Order a_order, Order b_order, float scale, Activation activation = {}) {
    SCOPED_TRACE(::testing::Message() << "m " << m << " n " << n << " k " << k << " orders "
                                      << static_cast<int>(a_order) << static_cast<int>(b_order) << " function "
                                      << static_cast<int>(activation.function));
    const Strides as = strides(a_order, m, k), bs = strides(b_order, k, n);
    const ptrdiff_t c_stride = n + 3;
    const Guarded<float> a(Random(1).floats(as.extent)), b(Random(2).floats(bs.extent));
    const size_t c_extent = static_cast<size_t>((m - 1) * c_stride + n);
    const auto run = [&](Guarded<float>& c, int32_t begin, int32_t end) {
      Scratch scratch(matmul_scratch_bytes(m, n, k, isa()));
      kernels().matmul_f32({m, n, k, begin, end, a.data(), as.row, as.column, b.data(), bs.row, bs.column, c.data(),
                            c_stride, scale, activation, scratch.data()});
      EXPECT_TRUE(scratch.intact());
    };
    Guarded<float> c(std::vector<float>(c_extent, 99.0f));
    run(c, 0, n);
    EXPECT_TRUE(c.intact());
    for (int32_t r = 0; r < m; ++r) {
      for (int32_t column = 0; column < c_stride; ++column) {
        const size_t i = static_cast<size_t>(r * c_stride + column);
        if (i >= c_extent) continue;
        if (column >= n) {
          ASSERT_EQ(c[i], 99.0f);
          continue;
        }
        Sum sum;
        for (int32_t j = 0; j < k; ++j) {
          sum.add(static_cast<double>(scale) * a[r * as.row + j * as.column] * b[j * bs.row + column * bs.column]);
        }
        ASSERT_TRUE(matches(c[i], sum, activation)) << "row " << r << " column " << column;
      }
    }
    for (int32_t part = kPanel; part < n; part += kPanel) {
      Guarded<float> split(std::vector<float>(c_extent, 99.0f));
      for (int32_t begin = 0; begin < n; begin += part) run(split, begin, std::min(n, begin + part));
      ASSERT_EQ(std::memcmp(split.data(), c.data(), c_extent * sizeof(float)), 0) << "split every " << part;
    }
  }
};

constexpr Order kOrders[] = {Order::kRows, Order::kColumns, Order::kApart};

TEST_P(MatMul, EveryOrder) {
  for (const Order a : kOrders) {
    for (const Order b : kOrders) {
      for (const int32_t n : {1, 8, 9, 16, 31, 70}) check(isa().tile_rows + 2, n, 7, a, b, 0.3f);
    }
  }
}

TEST_P(MatMul, EveryTail) {
  for (int32_t m = 1; m <= 2 * isa().tile_rows + 1; ++m) check(m, 19, 5, Order::kColumns, Order::kRows, 1.0f);
  for (int32_t n = 1; n <= 50; ++n) check(3, n, 4, Order::kRows, Order::kColumns, 1.0f);
  for (int32_t k = 1; k <= 9; ++k) check(4, 20, k, Order::kRows, Order::kRows, -2.0f);
}

TEST_P(MatMul, EveryActivation) {
  for (int f = 0; f < kFunctionCount; ++f) {
    if (is_smooth(static_cast<Function>(f)))
      check(5, 27, 6, Order::kRows, Order::kRows, 0.5f, activation_of(static_cast<Function>(f)));
  }
}

LINNET_INSTANTIATE_ISAS(MatMul);

}  // namespace
}  // namespace linnet::kernels::test
