// The element-wise, pooling, reduction, product and softmax kernels of int16 against a naive evaluator, byte for byte.
#include "tests/kernels/int8_support.hpp"

namespace linnet::kernels::test {
namespace {

class QuantizedInt16 : public KernelTest {};

std::vector<int16_t> random_words(Int8Random& random, size_t count) {
  std::vector<int16_t> values(count);
  for (int16_t& value : values)
    value =
        static_cast<int16_t>(random.one_in(8) ? (random.one_in(2) ? -32768 : 32767) : random.integer(-32768, 32767));
  return values;
}

Requantize random_range(Int8Random& random) {
  const int32_t low = random.one_in(2) ? -32768 : random.integer(-32768, 32767);
  return {Rounding::FixedPoint, 0, low, random.one_in(2) ? 32767 : random.integer(low, 32767)};
}

TEST_P(QuantizedInt16, Binary) {
  const BinaryFunction functions[] = {BinaryFunction::Add, BinaryFunction::Sub, BinaryFunction::Mul,
                                      BinaryFunction::Max, BinaryFunction::Min, BinaryFunction::PRelu};
  for (uint64_t seed = 1; seed <= 250; ++seed) {
    Int8Random random(seed);
    const BinaryFunction function = functions[seed % 6];
    const int32_t columns = 1 + static_cast<int32_t>(seed % 41), left = random.integer(0, 15);
    const ptrdiff_t stride = random.integer(0, 3);  // of a's columns
    const QuantizedBinary q = {
        0,
        0,
        left,
        random.factor(Rounding::FixedPoint, 8),
        random.factor(Rounding::FixedPoint, 8),
        random.factor(Rounding::FixedPoint,
                      function == BinaryFunction::Mul || function == BinaryFunction::PRelu ? 22 : left + 8),
        random_range(random)};
    const Guarded<int16_t> a(random_words(random, (columns - 1) * stride + 2)),
        b(random_words(random, 2 * columns + 3));
    Guarded<int16_t> c(random_words(random, 2 * columns + 5));
    const std::vector<int16_t> before = c.values();
    kernels().binary_s16(
        {function, 2, columns, a.data(), 1, stride, b.data(), columns + 3, 1, c.data(), columns + 5, q});
    ASSERT_TRUE(c.intact());
    for (int32_t i = 0; i < static_cast<int32_t>(c.size()); ++i) {
      const int32_t row = i / (columns + 5), column = i % (columns + 5);
      int32_t wanted = before[i];
      if (column < columns) {
        const int32_t p = a[row + column * stride], s = b[row * (columns + 3) + column];
        wanted = function == BinaryFunction::Add   ? quantized_add(p, s, q)
                 : function == BinaryFunction::Sub ? quantized_add(p, s, q, true)
                 : function == BinaryFunction::Mul ? requantized(p * s, q.y, q.requantize)
                 : function == BinaryFunction::PRelu
                     ? (p < 0 ? requantized(p * s, q.y, q.requantize) : requantized(p, q.a, q.requantize))
                 : function == BinaryFunction::Max ? clamped(std::max(p, s), q.requantize)
                                                   : clamped(std::min(p, s), q.requantize);
      }
      ASSERT_EQ(c[i], wanted) << "seed " << seed << " row " << row << " column " << column;
    }
  }
}

TEST_P(QuantizedInt16, Pool) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Int8Random random(seed);
    Pool2DInt16Args args{};
    const int32_t most = random.one_in(4) ? 20 : 5;
    args.kind = random.one_in(2) ? PoolKind::Max : PoolKind::Average;
    args.window = {
        random.integer(1, most), random.integer(1, most), random.integer(1, 3), random.integer(1, 3), 1, 1, 0, 0};
    args.window.pad_top = random.integer(0, args.window.kernel_h - 1) / 2;
    args.window.pad_left = random.integer(0, args.window.kernel_w - 1) / 2;
    args.in_h = random.integer(args.window.kernel_h, 20);
    args.in_w = random.integer(args.window.kernel_w, 20);
    args.out_h = (args.in_h - 1) / args.window.stride_h + 1;
    args.out_w = (args.in_w - 1) / args.window.stride_w + 1;
    args.channels = random.integer(1, 37);
    args.row_end = args.out_h;
    args.requantize = random_range(random);
    const Guarded<int16_t> x(random_words(random, args.in_h * args.in_w * args.channels));
    Guarded<int16_t> y(args.out_h * args.out_w * args.channels);
    args.x = x.data();
    args.x_stride = args.channels;
    args.y = y.data();
    args.y_stride = args.channels;
    kernels().pool2d_s16(args);
    ASSERT_TRUE(y.intact());
    for (int32_t i = 0; i < static_cast<int32_t>(y.size()); ++i) {
      const int32_t c = i % args.channels, ox = i / args.channels % args.out_w, oy = i / args.channels / args.out_w;
      int32_t count = 0, sum = 0, largest = -32768;
      for (int32_t ky = 0; ky < args.window.kernel_h; ++ky) {
        for (int32_t kx = 0; kx < args.window.kernel_w; ++kx) {
          const int32_t iy = oy * args.window.stride_h - args.window.pad_top + ky;
          const int32_t ix = ox * args.window.stride_w - args.window.pad_left + kx;
          if (iy < 0 || iy >= args.in_h || ix < 0 || ix >= args.in_w) continue;
          const int32_t value = x[(iy * args.in_w + ix) * args.channels + c];
          ++count;
          sum += value;
          largest = std::max(largest, value);
        }
      }
      const int64_t result = args.kind == PoolKind::Max ? largest : divide_half_away(sum, std::max(count, 1));
      ASSERT_EQ(y[i], clamped(result, args.requantize)) << "seed " << seed << " line " << oy << " column " << ox;
    }
  }
}

// Sums of numbers of one sign do not fit into 32 bits where `size` is large.
TEST_P(QuantizedInt16, Reduce) {
  const ReduceKind kinds[] = {ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max, ReduceKind::Min, ReduceKind::Prod};
  for (uint64_t seed = 1; seed <= 250; ++seed) {
    Int8Random random(seed);
    ReduceInt16Args args{};
    args.kind = kinds[seed % 5];
    args.outer = random.integer(1, 3);
    args.size = random.one_in(40) ? 66000 : random.integer(1, args.kind == ReduceKind::Prod ? 12 : 60);
    args.inner = random.one_in(2) ? 1 : random.integer(1, 37);
    args.x_stride = args.inner + (random.one_in(3) ? 2 : 0);
    args.requantize = random_range(random);
    args.factor = args.kind == ReduceKind::Prod
                      ? Factor{random.integer(1 << 30, INT32_MAX), random.integer(-16, random.one_in(4) ? 14 : -12)}
                      : random.factor(Rounding::FixedPoint, 11);
    args.divisor = args.size <= 60 && random.one_in(2) ? args.size : 1;
    std::vector<int16_t> words = random_words(random, (args.outer * args.size - 1) * args.x_stride + args.inner);
    if (args.size > 60000) std::fill(words.begin(), words.end(), INT16_MIN);
    const Guarded<int16_t> x(words);
    Guarded<int16_t> y(args.outer * args.inner);
    args.x = x.data();
    args.y = y.data();
    kernels().reduce_s16(args);
    ASSERT_TRUE(y.intact());
    for (int32_t i = 0; i < args.outer * args.inner; ++i) {
      int32_t sum = 0, low = INT16_MAX, high = INT16_MIN, product = 0;
      for (int32_t s = 0; s < args.size; ++s) {
        const int32_t value = x[(i / args.inner * args.size + s) * args.x_stride + i % args.inner];
        sum = wrap(int64_t{sum} + value);
        low = std::min(low, value);
        high = std::max(high, value);
        if (args.kind == ReduceKind::Prod)
          product = s == 0 ? value : multiply_wide(int64_t{product} * value, args.factor);
      }
      int64_t wanted = args.kind == ReduceKind::Prod ? multiply_wide(product, args.factor)
                                                     : divide_half_away(fixed_point(sum, args.factor), args.divisor);
      if (args.kind == ReduceKind::Max) wanted = high;
      if (args.kind == ReduceKind::Min) wanted = low;
      ASSERT_EQ(y[i], clamped(wanted, args.requantize)) << "seed " << seed << " output " << i;
    }
  }
}

TEST_P(QuantizedInt16, MatMul) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Int8Random random(seed);
    const int32_t m = random.integer(1, 7), n = random.integer(1, 40),
                  k = random.integer(1, random.one_in(8) ? 900 : 40);
    const bool a_transposed = random.one_in(2), b_transposed = random.one_in(2);
    const ptrdiff_t c_stride = n + random.integer(0, 3);
    const Guarded<int16_t> a(random.one_in(8) ? std::vector<int16_t>(m * k, INT16_MIN) : random_words(random, m * k));
    const Guarded<int16_t> b(random_words(random, k * n));
    Guarded<int16_t> c(random_words(random, (m - 1) * c_stride + n));
    const std::vector<int16_t> before = c.values();
    const Factor factor = {random.one_in(16) ? 0 : random.integer(1 << 30, INT32_MAX),
                           random.one_in(8) ? random.integer(-31, 14) : random.integer(-20, -14)};
    const Requantize range = random_range(random);
    MatMulInt16Args args = {m,
                            n,
                            k,
                            0,
                            n,
                            a.data(),
                            a_transposed ? 1 : k,
                            a_transposed ? m : 1,
                            b.data(),
                            b_transposed ? 1 : n,
                            b_transposed ? k : 1,
                            c.data(),
                            c_stride,
                            factor,
                            range};
    const int32_t half = n / kPanel / 2 * kPanel;
    args.n_end = half;
    kernels().matmul_s16(args);
    args.n_begin = half;
    args.n_end = n;
    kernels().matmul_s16(args);
    ASSERT_TRUE(c.intact());
    for (int32_t i = 0; i < static_cast<int32_t>(c.size()); ++i) {
      const int32_t row = static_cast<int32_t>(i / c_stride), column = static_cast<int32_t>(i % c_stride);
      int64_t sum = 0;
      for (int32_t j = 0; column < n && j < k; ++j)
        sum +=
            int64_t{a[row * args.a_stride_m + j * args.a_stride_k]} * b[j * args.b_stride_k + column * args.b_stride_n];
      ASSERT_EQ(c[i], column < n ? clamped(multiply_wide(sum, factor), range) : before[i])
          << "seed " << seed << " row " << row << " column " << column;
    }
  }
}

// Every number, in two rows with gaps.
std::vector<int16_t> apply_to_all(const KernelTable& kernels, Function function, const void* table) {
  constexpr int32_t kColumns = 32768;
  std::vector<int16_t> x(65536 + 3), y(65536 + 5);
  for (int32_t i = 0; i < 65536; ++i) x[i + i / kColumns * 3] = static_cast<int16_t>(i - 32768);
  kernels.unary_s16({2, kColumns, x.data(), kColumns + 3, y.data(), kColumns + 5, function, table});
  y.erase(y.begin() + kColumns, y.begin() + kColumns + 5);
  return y;
}

TEST_P(QuantizedInt16, SidedScale) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Int8Random random(seed);
    const Requantize range = random_range(random);
    const SidedScale scale = {random.factor(Rounding::FixedPoint, 8), random.factor(Rounding::FixedPoint, 9), range.low,
                              range.high};
    const std::vector<int16_t> y = apply_to_all(kernels(), Function::LeakyRelu, &scale);
    for (int32_t i = 0; i < 65536; ++i) {
      const int32_t x = i - 32768;
      ASSERT_EQ(y[i], requantized(x, x < 0 ? scale.negative : scale.positive, range)) << "seed " << seed << " of " << x;
    }
  }
}

// Any table, by the definition in 64 bits.
TEST_P(QuantizedInt16, Sigmoid) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Int8Random random(seed);
    SigmoidTable table = {random.one_in(4) ? 65535 : random.integer(0, 32767), random.integer(0, 31), {}};
    for (uint16_t& value : table.values) value = static_cast<uint16_t>(random.integer(0, 65535));
    for (const Function function : {Function::Sigmoid, Function::Tanh}) {
      const int32_t bits = function == Function::Sigmoid ? 9 : 8;
      const std::vector<int16_t> y = apply_to_all(kernels(), function, &table);
      for (int32_t i = 0; i < 65536; ++i) {
        const int64_t half = table.shift > 0 ? int64_t{1} << (table.shift - 1) : 0;
        const int64_t scaled = wrap(int64_t{i - 32768} * table.multiplier + half) >> table.shift;
        const int64_t magnitude = std::abs(scaled), index = magnitude >> bits, rest = magnitude % (1 << bits);
        const int64_t inner = index < 255 ? (int64_t{table.values[index]} << bits) +
                                                rest * (table.values[index + 1] - table.values[index])
                              : bits == 9 ? 0x7fff << 10
                                          : 0xffff << 8;
        int64_t wanted = (scaled >= 0 ? inner + 512 : (1 << 25) - inner + 511) >> 10;
        if (bits == 8) wanted = (scaled >= 0 ? inner - (1 << 23) + 128 : -inner + (1 << 23) + 127) >> 8;
        ASSERT_EQ(y[i], static_cast<int16_t>(wanted)) << "seed " << seed << " of " << i - 32768;
      }
    }
  }
}

TEST_P(QuantizedInt16, Interpolation) {
  Int8Random random(1);
  for (int32_t run = 0; run < 4; ++run) {
    InterpolationTable table;
    const std::vector<int16_t> values = random_words(random, kInterpolationSize);
    std::copy(values.begin(), values.end(), table.values);
    const std::vector<int16_t> y = apply_to_all(kernels(), Function::Identity, &table);
    for (int32_t i = 0; i < 65536; ++i) {
      const double slope = table.values[i / 128 + 1] - table.values[i / 128];
      const double wanted = table.values[i / 128] + std::floor(slope * (i % 128) / 128 + 0.5);
      ASSERT_EQ(y[i], static_cast<int16_t>(wanted)) << i - 32768;
    }
  }
}

// As near to the exact one as exponentials of 15 bits are, and the same on every instruction set.
TEST_P(QuantizedInt16, Softmax) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Int8Random random(seed);
    const int32_t axis = random.integer(1, 200), inner = random.integer(1, 3), outer = random.integer(1, 3);
    const double scale = std::ldexp(random.random.uniform(0.5f, 1.0f), random.integer(-16, -6));
    int shift = 0;
    const double multiplier = std::frexp(scale * 6553.5, &shift);
    const Factor factor = {static_cast<int32_t>(std::llround(multiplier * 2147483648.0 - 0.5)), shift};
    const Guarded<int16_t> x(random_words(random, outer * axis * inner));
    Guarded<int16_t> y(x.size()), plain(x.size());
    kernels().softmax_s16({outer, axis, inner, x.data(), y.data(), factor});
    table(IsaId::scalar)->softmax_s16({outer, axis, inner, x.data(), plain.data(), factor});
    ASSERT_TRUE(y.intact());
    ASSERT_EQ(y.values(), plain.values());
    for (int32_t o = 0; o < outer; ++o) {
      for (int32_t i = 0; i < inner; ++i) {
        double sum = 0;
        for (int32_t s = 0; s < axis; ++s) sum += std::exp(scale * x[(o * axis + s) * inner + i]);
        for (int32_t s = 0; s < axis; ++s) {
          const double exact = 32768 * std::exp(scale * x[(o * axis + s) * inner + i]) / sum;
          ASSERT_NEAR(y[(o * axis + s) * inner + i], std::fmin(exact, 32767), 4.0 + exact * 2 * axis / 32768)
              << "seed " << seed;
        }
      }
    }
  }
}

LINNET_INSTANTIATE_ISAS(QuantizedInt16);

}  // namespace
}  // namespace linnet::kernels::test
