// matmul_s8 against its definition, byte for byte.
#include "tests/kernels/int8_support.hpp"

namespace linnet::kernels::test {
namespace {

// Where the elements of a matrix lie.
struct Strides {
  ptrdiff_t row, column;
  size_t extent;
};

// Dense rows, dense columns, or neither, with gaps.
Strides random_strides(Int8Random& random, int32_t rows, int32_t columns) {
  const int32_t gap = random.one_in(2) ? 0 : random.integer(1, 5), order = random.integer(0, 2);
  Strides s{};
  if (order == 0) s = {columns + gap, 1, 0};
  if (order == 1) s = {1, rows + gap, 0};
  if (order == 2) s = {2 * columns + gap, 2, 0};
  s.extent = static_cast<size_t>((rows - 1) * s.row + (columns - 1) * s.column + 1);
  return s;
}

class MatMulInt8 : public KernelTest {
 protected:
  void check(int32_t m, int32_t n, int32_t k, uint64_t seed) {
    Int8Random random(seed);
    const Rounding rounding = random.one_in(2) ? Rounding::Float : Rounding::FixedPoint;
    const Strides as = random_strides(random, m, k), bs = random_strides(random, k, n);
    const ptrdiff_t c_stride = n + (random.one_in(2) ? 0 : random.integer(1, 9));
    SCOPED_TRACE(::testing::Message() << "m " << m << " n " << n << " k " << k << " strides " << as.row << ","
                                      << as.column << " " << bs.row << "," << bs.column << " rounding "
                                      << static_cast<int>(rounding) << " seed " << seed);
    const int32_t lowest = random.one_in(4) ? 127 : -128;  // the largest sums
    const Guarded<int8_t> a(random.bytes(as.extent, lowest)), b(random.bytes(bs.extent, lowest));
    const std::vector<int8_t> before = random.bytes(static_cast<size_t>((m - 1) * c_stride + n));
    const Factor factor = random.factor(rounding, 15 + static_cast<int32_t>(std::log2(k)) / 2);
    const Requantize requantize = random.requantize(rounding);
    const auto zero_point = [&] {
      return random.one_in(3) ? (random.one_in(2) ? -128 : 0) : random.integer(-128, 127);
    };
    const int32_t a_zero = zero_point(), b_zero = zero_point();
    const auto run = [&](Guarded<int8_t>& c, int32_t begin, int32_t end) {
      Scratch scratch(matmul_int8_scratch_bytes(m, k, isa()));
      kernels().matmul_s8({m, n, k, begin, end, a.data(), as.row, as.column, b.data(), bs.row, bs.column, c.data(),
                           c_stride, a_zero, b_zero, factor, requantize, scratch.data()});
      EXPECT_TRUE(scratch.intact());
    };
    Guarded<int8_t> c(before);
    run(c, 0, n);
    ASSERT_TRUE(c.intact());
    for (size_t i = 0; i < before.size(); ++i) {
      const auto row = static_cast<int32_t>(i / c_stride), column = static_cast<int32_t>(i % c_stride);
      int64_t sum = 0;
      for (int32_t j = 0; column < n && j < k; ++j) {
        sum += (a[row * as.row + j * as.column] - a_zero) * (b[j * bs.row + column * bs.column] - b_zero);
      }
      const int32_t wanted = column < n ? requantized(wrap(sum), factor, requantize) : before[i];
      ASSERT_EQ(c[i], wanted) << "row " << row << " column " << column << " sum " << sum;
    }
    Guarded<int8_t> split(before);
    for (int32_t begin = 0; begin < n; begin += kPanel) run(split, begin, std::min(n, begin + kPanel));
    ASSERT_EQ(std::memcmp(split.data(), c.data(), c.size()), 0) << "panel by panel";
  }
};

TEST_P(MatMulInt8, EveryTail) {
  uint64_t seed = 1;
  for (int32_t m = 1; m <= 2 * isa().int8_rows + 1; ++m) check(m, 19, 5, ++seed);
  for (int32_t n = 1; n <= 50; ++n) check(3, n, 12, ++seed);
  for (int32_t k = 1; k <= 40; ++k) check(4, 20, k, ++seed);
}

// The largest products, in one column alone.
TEST_P(MatMulInt8, LowestColumn) {
  const int32_t m = 2 * isa().int8_rows, n = 2 * kPanel, k = 4 * kDot;
  for (int32_t lowest = 0; lowest < n; ++lowest) {
    std::vector<int8_t> weights(static_cast<size_t>(k) * n, 1);
    for (int32_t i = 0; i < k; ++i) weights[static_cast<size_t>(i) * n + lowest] = -128;
    const Guarded<int8_t> a(std::vector<int8_t>(static_cast<size_t>(m) * k, -128)), b(weights);
    Guarded<int8_t> c(static_cast<size_t>(m) * n);
    Scratch scratch(matmul_int8_scratch_bytes(m, k, isa()));
    const Factor factor = {1 << 30, -11};  // 2^-12
    const Requantize requantize = {Rounding::FixedPoint, 0, -128, 127};
    kernels().matmul_s8(
        {m, n, k, 0, n, a.data(), k, 1, b.data(), n, 1, c.data(), n, 0, 0, factor, requantize, scratch.data()});
    for (int32_t i = 0; i < m * n; ++i)
      ASSERT_EQ(c[i], i % n == lowest ? 64 : -1) << "lowest " << lowest << " at " << i;
  }
}

// More rows than are copied together.
TEST_P(MatMulInt8, ManyRows) {
  for (uint64_t seed = 1; seed <= 4; ++seed) check(90, 33, 250, seed);
}

TEST_P(MatMulInt8, RandomShapes) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Int8Random random(seed);
    check(random.integer(1, 30), random.integer(1, 70), random.integer(1, random.one_in(4) ? 600 : 70), seed);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(MatMulInt8);

}  // namespace
}  // namespace linnet::kernels::test
