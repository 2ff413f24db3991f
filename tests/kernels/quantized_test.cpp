// The element-wise, pooling and reducing int8 kernels against a naive evaluator, byte for byte.
#include "tests/kernels/int8_support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

class Quantized : public KernelTest {};

int32_t random_rounding(Int8Random& random) {
  return random.integer(0, 1);
}

int32_t binary_reference(BinaryFunction function, int32_t a, int32_t b, const QuantizedBinary& q) {
  const auto product = [&] {
    return requantized(wrap(int64_t{a - q.a_zero_point} * (b - q.b_zero_point)), q.y, q.requantize);
  };
  switch (function) {
    case BinaryFunction::Add:
      return quantized_add(a, b, q);
    case BinaryFunction::Sub:
      return quantized_add(a, b, q, true);
    case BinaryFunction::Mul:
      return product();
    case BinaryFunction::Max:
      return clamped(std::max(a, b), q.requantize);
    case BinaryFunction::Min:
      return clamped(std::min(a, b), q.requantize);
    case BinaryFunction::SquaredDifference:
      return quantized_squared_difference(a, b, q);
    default:
      return a < q.a_zero_point ? product() : requantized(a - q.a_zero_point, q.a, q.requantize);
  }
}

// Every pair of bytes, by random factors.
TEST_P(Quantized, BinaryOfEveryPair) {
  const BinaryFunction functions[] = {BinaryFunction::Add,
                                      BinaryFunction::Sub,
                                      BinaryFunction::Mul,
                                      BinaryFunction::Max,
                                      BinaryFunction::Min,
                                      BinaryFunction::PRelu,
                                      BinaryFunction::SquaredDifference};
  std::vector<int8_t> all(256);
  for (int32_t i = 0; i < 256; ++i) all[i] = static_cast<int8_t>(i - 128);
  for (uint64_t seed = 1; seed <= 48; ++seed) {
    Int8Random random(seed);
    const Rounding rounding = static_cast<Rounding>(random_rounding(random));
    const BinaryFunction function = functions[seed % 7];
    const bool squares = function == BinaryFunction::SquaredDifference;
    QuantizedBinary q = random.binary(rounding, squares ? 7 : random.one_in(4) ? 15 : 20);
    if (function == BinaryFunction::Mul || function == BinaryFunction::PRelu) q.y = random.factor(rounding, 16);
    Guarded<int8_t> c(256 * 256);
    kernels().binary_s8({function, 256, 256, all.data(), 1, 0, all.data(), 0, 1, c.data(), 256, q});
    ASSERT_TRUE(c.intact());
    for (int32_t i = 0; i < 256 * 256; ++i) {
      ASSERT_EQ(c[i], binary_reference(function, i / 256 - 128, i % 256 - 128, q))
          << "function " << static_cast<int>(function) << " seed " << seed << " a " << i / 256 - 128 << " b "
          << i % 256 - 128;
    }
  }
}

TEST_P(Quantized, BinaryTailsAndStrides) {
  Int8Random random(7);
  for (int32_t columns = 1; columns <= 150; ++columns) {
    const Rounding rounding = static_cast<Rounding>(random_rounding(random));
    const BinaryFunction function = random.one_in(2) ? BinaryFunction::Add : BinaryFunction::Mul;
    QuantizedBinary q = random.binary(rounding);
    if (function == BinaryFunction::Mul) q.y = random.factor(rounding, 16);
    const ptrdiff_t stride = columns % 4;  // of a's columns: 0, 1, 2 or 3
    const Guarded<int8_t> a(random.bytes((columns - 1) * stride + 2)), b(random.bytes(2 * columns + 3));
    Guarded<int8_t> c(random.bytes(2 * columns + 5));
    const std::vector<int8_t> before = c.values();
    kernels().binary_s8(
        {function, 2, columns, a.data(), 1, stride, b.data(), columns + 3, 1, c.data(), columns + 5, q});
    ASSERT_TRUE(c.intact());
    for (int32_t i = 0; i < static_cast<int32_t>(c.size()); ++i) {
      const int32_t row = i / (columns + 5), column = i % (columns + 5);
      const int32_t wanted =
          column >= columns ? before[i]
                            : binary_reference(function, a[row + column * stride], b[row * (columns + 3) + column], q);
      ASSERT_EQ(c[i], wanted) << "columns " << columns << " row " << row << " column " << column;
    }
  }
}

TEST_P(Quantized, Lookup) {
  Int8Random random(3);
  const std::vector<int8_t> table = random.bytes(256);
  for (const int32_t gap : {0, 1}) {
    for (int32_t columns = 1; columns <= 150; ++columns) {
      const int32_t x_stride = columns + gap, y_stride = columns + 2 * gap;
      const Guarded<int8_t> x(random.bytes(static_cast<size_t>(2 * x_stride)));
      Guarded<int8_t> y(random.bytes(static_cast<size_t>(2 * y_stride)));
      const std::vector<int8_t> before = y.values();
      kernels().lookup_s8({2, columns, x.data(), x_stride, y.data(), y_stride, table.data()});
      for (int32_t i = 0; i < 2 * y_stride; ++i) {
        const int32_t row = i / y_stride, column = i % y_stride;
        ASSERT_EQ(y[i], column >= columns ? before[i] : table[x[row * x_stride + column] + 128]);
      }
    }
  }
}

TEST_P(Quantized, LookupOfEveryArgumentInPlace) {
  Int8Random random(4);
  const std::vector<int8_t> table = random.bytes(256);
  std::vector<int8_t> arguments(1024);
  for (size_t i = 0; i < arguments.size(); ++i) arguments[i] = static_cast<int8_t>(i + i / 256);
  Guarded<int8_t> x(arguments);
  kernels().lookup_s8({1, 1024, x.data(), 1024, x.data(), 1024, table.data()});
  for (size_t i = 0; i < arguments.size(); ++i) ASSERT_EQ(x[i], table[arguments[i] + 128]);
}

TEST_P(Quantized, Pool) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Int8Random random(seed);
    Pool2DInt8Args args{};
    args.kind = random.one_in(2) ? PoolKind::Max : PoolKind::Average;
    args.window = {random.integer(1, 5),
                   random.integer(1, 5),
                   random.integer(1, 3),
                   random.integer(1, 3),
                   random.integer(1, 2),
                   random.integer(1, 2),
                   0,
                   0};
    args.window.pad_top = random.integer(0, args.window.kernel_h - 1) * args.window.dilation_h / 2;
    args.window.pad_left = random.integer(0, args.window.kernel_w - 1) * args.window.dilation_w / 2;
    args.in_h = random.integer(args.window.kernel_h, 12);
    args.in_w = random.integer(args.window.kernel_w, 12);
    args.out_h = (args.in_h - 1) / args.window.stride_h + 1;
    args.out_w = (args.in_w - 1) / args.window.stride_w + 1;
    args.channels = random.integer(1, 37);
    args.row_end = args.out_h;
    args.requantize = random.requantize(static_cast<Rounding>(random_rounding(random)));
    args.requantize.zero_point = 0;
    const Guarded<int8_t> x(random.bytes(args.in_h * args.in_w * args.channels));
    Guarded<int8_t> y(args.out_h * args.out_w * args.channels);
    args.x = x.data();
    args.x_stride = args.channels;
    args.y = y.data();
    args.y_stride = args.channels;
    args.halves_up = args.requantize.rounding == Rounding::FixedPoint && random.one_in(2);
    kernels().pool2d_s8(args);
    ASSERT_TRUE(y.intact());
    for (int32_t i = 0; i < static_cast<int32_t>(y.size()); ++i) {
      const int32_t c = i % args.channels, ox = i / args.channels % args.out_w, oy = i / args.channels / args.out_w;
      int32_t count = 0, sum = 0, largest = -128;
      for (int32_t ky = 0; ky < args.window.kernel_h; ++ky) {
        for (int32_t kx = 0; kx < args.window.kernel_w; ++kx) {
          const int32_t iy = oy * args.window.stride_h - args.window.pad_top + ky * args.window.dilation_h;
          const int32_t ix = ox * args.window.stride_w - args.window.pad_left + kx * args.window.dilation_w;
          if (iy < 0 || iy >= args.in_h || ix < 0 || ix >= args.in_w) continue;
          const int32_t value = x[(iy * args.in_w + ix) * args.channels + c];
          ++count;
          sum += value;
          largest = std::max(largest, value);
        }
      }
      int32_t wanted = clamped(largest, args.requantize);
      if (args.kind == PoolKind::Average && args.requantize.rounding == Rounding::FixedPoint) {
        wanted = clamped(
            args.halves_up ? divide_half_up(sum, std::max(count, 1)) : divide_half_away(sum, std::max(count, 1)),
            args.requantize);
      } else if (args.kind == PoolKind::Average) {
        const volatile float reciprocal = 1.0f / static_cast<float>(std::max(count, 1));
        wanted = finish_float(static_cast<float>(sum) * reciprocal, args.requantize);
      }
      ASSERT_EQ(y[i], wanted) << "seed " << seed << " line " << oy << " column " << ox << " channel " << c;
    }
  }
}

TEST_P(Quantized, ReduceProducts) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Int8Random random(seed);
    ReduceInt8Args args{};
    args.kind = ReduceKind::Prod;
    args.outer = random.integer(1, 3);
    args.size = random.integer(1, 12);
    args.inner = random.one_in(2) ? 1 : random.integer(1, 40);
    args.x_stride = args.inner + (args.inner > 1 && random.one_in(2) ? 5 : 0);
    args.zero_point = random.integer(-128, 127);
    args.divisor = 1;
    args.requantize = random.requantize(Rounding::FixedPoint);
    args.factor = {random.one_in(8) ? random.integer(0, 1) * INT32_MAX : random.integer(1 << 30, INT32_MAX),
                   random.one_in(4) ? random.integer(-31, 14) : random.integer(-8, -3)};
    const Guarded<int8_t> x(random.bytes((args.outer * args.size - 1) * args.x_stride + args.inner));
    Guarded<int8_t> y(std::vector<int8_t>(args.outer * args.inner));
    args.x = x.data();
    args.y = y.data();
    kernels().reduce_s8(args);
    ASSERT_TRUE(y.intact());
    for (int32_t i = 0; i < args.outer * args.inner; ++i) {
      int32_t product = 0;
      for (int32_t s = 0; s < args.size; ++s) {
        const int32_t value = x[(i / args.inner * args.size + s) * args.x_stride + i % args.inner] - args.zero_point;
        product = s == 0 ? value : multiply_wide(int64_t{product} * value, args.factor);
      }
      const int32_t wanted =
          clamped(wrap(int64_t{multiply_wide(product, args.factor)} + args.requantize.zero_point), args.requantize);
      ASSERT_EQ(y[i], wanted) << "seed " << seed << " output " << i;
    }
  }
}

TEST_P(Quantized, Reduce) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Int8Random random(seed);
    const ReduceKind kinds[] = {ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max, ReduceKind::Min};
    ReduceInt8Args args{};
    args.kind = kinds[seed % 4];
    args.outer = random.integer(1, 3);
    args.size = random.integer(1, 60);
    args.inner = random.one_in(2) ? 1 : random.integer(1, 37);
    args.x_stride = args.inner + (random.one_in(3) ? 2 : 0);
    args.zero_point = random.integer(-128, 127);
    args.requantize = random.requantize(static_cast<Rounding>(random_rounding(random)));
    args.factor = random.factor(args.requantize.rounding, 11);
    args.divisor = args.requantize.rounding == Rounding::FixedPoint && random.one_in(2) ? args.size : 1;
    const Guarded<int8_t> x(random.bytes((args.outer * args.size - 1) * args.x_stride + args.inner));
    Guarded<int8_t> y(args.outer * args.inner);
    args.x = x.data();
    args.y = y.data();
    kernels().reduce_s8(args);
    ASSERT_TRUE(y.intact());
    for (int32_t i = 0; i < args.outer * args.inner; ++i) {
      int32_t sum = 0, low = 127, high = -128;
      for (int32_t s = 0; s < args.size; ++s) {
        const int32_t value = x[(i / args.inner * args.size + s) * args.x_stride + i % args.inner];
        sum += value - args.zero_point;
        low = std::min(low, value);
        high = std::max(high, value);
      }
      int32_t wanted = requantized(sum, args.factor, args.requantize);
      if (args.divisor > 1) {
        const int64_t quotient = divide_half_away(fixed_point(sum, args.factor), args.divisor);
        wanted = clamped(quotient + args.requantize.zero_point, args.requantize);
      }
      if (args.kind == ReduceKind::Max) wanted = clamped(high, args.requantize);
      if (args.kind == ReduceKind::Min) wanted = clamped(low, args.requantize);
      ASSERT_EQ(y[i], wanted) << "seed " << seed << " kind " << static_cast<int>(args.kind) << " output " << i;
    }
  }
}

TEST_P(Quantized, ArgMax) {
  Int8Random random(5);
  const std::vector<int8_t> x = random.bytes(2 * 9 * 4, 120);  // few values: many are equal
  for (const bool last : {false, true}) {
    for (const bool minimum : {false, true}) {
      std::vector<int32_t> y(2 * 4);
      kernels().argmax_s8({2, 9, 4, last, minimum, x.data(), y.data()});
      for (int32_t i = 0; i < 8; ++i) {
        int32_t best = 0;
        for (int32_t s = 0; s < 9; ++s) {
          const int32_t value = x[(i / 4 * 9 + s) * 4 + i % 4], so_far = x[(i / 4 * 9 + best) * 4 + i % 4];
          if (value != so_far ? (value < so_far) == minimum : last) best = s;
        }
        EXPECT_EQ(y[i], best);
      }
    }
  }
}

// Between all types, to every number that rounds to an integer of the type and beyond.
TEST_P(Quantized, FromFloat) {
  Int8Random random(11);
  for (const Rounding rounding : {Rounding::FixedPoint, Rounding::Float}) {
    for (const float scale : {0.25f, 0.0235f, 3.0f, 1e-30f}) {
      const Requantize r = {rounding, random.integer(-128, 127), -128, 127};
      std::vector<float> x;
      for (int32_t i = -1200; i <= 1200; ++i) x.push_back(static_cast<float>(i) * 0.25f * scale);
      for (const float special : {0.0f, -0.0f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN, 1e-45f}) x.push_back(special);
      const Guarded<float> in(x);
      Guarded<int8_t> y(x.size());
      const int32_t n = static_cast<int32_t>(x.size());
      kernels().quantize({NumberType::Float32, NumberType::Int8, 1, n, in.data(), n, y.data(), n, scale, 0, {}, r});
      for (int32_t i = 0; i < n; ++i) {
        volatile float quotient = std::isnan(x[i]) ? 0.0f : x[i] / scale;
        if (flushes_denormals(GetParam()) && std::fabs(x[i]) < 1.2e-38f) quotient = 0.0f;
        const double limited = std::clamp<double>(quotient, -1e6, 1e6);
        const double rounded = rounding == Rounding::Float ? std::nearbyint(limited) : std::round(limited);
        ASSERT_EQ(y[i], clamped(static_cast<int64_t>(rounded) + r.zero_point, r)) << x[i] << " by " << scale;
      }
    }
  }
}

TEST_P(Quantized, AmongIntegers) {
  std::vector<int16_t> words;
  for (int32_t i = -32768; i < 32768; i += 13) words.push_back(static_cast<int16_t>(i));
  std::vector<uint8_t> bytes(256);
  for (int32_t i = 0; i < 256; ++i) bytes[i] = static_cast<uint8_t>(i);
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Int8Random random(seed);
    const Rounding rounding = static_cast<Rounding>(random_rounding(random));
    const Requantize to_int8 = random.requantize(rounding);
    const Factor factor = random.factor(rounding, 16);
    const int32_t n = static_cast<int32_t>(words.size());
    Guarded<int8_t> y(words.size());
    kernels().quantize(
        {NumberType::Int16, NumberType::Int8, 1, n, words.data(), n, y.data(), n, 0, 5, factor, to_int8});
    for (int32_t i = 0; i < n; ++i) ASSERT_EQ(y[i], requantized(words[i] - 5, factor, to_int8)) << words[i];

    const Requantize to_int16 = {rounding, random.integer(-300, 300), -32768, 32767};
    const Factor larger = random.factor(rounding, 2);
    Guarded<int16_t> wide(256);
    kernels().quantize(
        {NumberType::UInt8, NumberType::Int16, 1, 256, bytes.data(), 256, wide.data(), 256, 0, 128, larger, to_int16});
    for (int32_t i = 0; i < 256; ++i) ASSERT_EQ(wide[i], requantized(i - 128, larger, to_int16)) << i;
  }
}

TEST_P(Quantized, ToFloat) {
  std::vector<int16_t> words;
  for (int32_t i = -32768; i < 32768; i += 11) words.push_back(static_cast<int16_t>(i));
  const int32_t n = static_cast<int32_t>(words.size());
  Guarded<float> y(words.size());
  kernels().quantize({NumberType::Int16, NumberType::Float32, 1, n, words.data(), n, y.data(), n, 0.0235f, -7, {}, {}});
  for (int32_t i = 0; i < n; ++i) {
    ASSERT_EQ(y[i], static_cast<float>(static_cast<double>(0.0235f) * (words[i] + 7)));
  }
}

// Within a unit of the exact one, and the same on every instruction set.
TEST_P(Quantized, Softmax) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Int8Random random(seed);
    const int32_t axis = random.integer(1, 200), inner = random.integer(1, 3), outer = random.integer(1, 3);
    const double scale = std::ldexp(random.random.uniform(0.5f, 1.0f), random.integer(-8, 0));
    // TensorFlow Lite's factor: to 5 integer bits, and differences whose exp is not zero.
    int shift = 0;
    const double multiplier = std::frexp(std::fmin(scale * (1 << 26), 2147483647.0), &shift);
    const Factor factor = {static_cast<int32_t>(std::llround(multiplier * 2147483648.0 - 0.5)), shift};
    const int32_t lowest = -static_cast<int32_t>(std::floor(31.0 * (1 << 26) / std::ldexp(1.0, shift)));
    const Guarded<int8_t> x(random.bytes(outer * axis * inner, random.integer(-128, 100)));
    Guarded<int8_t> y(x.size());
    kernels().softmax_s8({outer, axis, inner, x.data(), y.data(), factor, lowest, false, {}});
    Guarded<int8_t> plain(x.size());
    table(IsaId::scalar)->softmax_s8({outer, axis, inner, x.data(), plain.data(), factor, lowest, false, {}});
    ASSERT_EQ(y.values(), plain.values());
    for (int32_t o = 0; o < outer; ++o) {
      for (int32_t i = 0; i < inner; ++i) {
        double sum = 0;
        for (int32_t s = 0; s < axis; ++s) sum += std::exp(scale * x[(o * axis + s) * inner + i]);
        for (int32_t s = 0; s < axis; ++s) {
          const double exact = 256 * std::exp(scale * x[(o * axis + s) * inner + i]) / sum - 128;
          ASSERT_NEAR(y[(o * axis + s) * inner + i], std::fmin(exact, 127), 1.0) << "seed " << seed;
        }
      }
    }
  }
}

LINNET_INSTANTIATE_ISAS(Quantized);

}  // namespace
}  // namespace linnet::kernels::test
