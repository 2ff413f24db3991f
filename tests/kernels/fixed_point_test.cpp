// The int8 kernels that compute in fixed point, and resampling: against the definitions in double, within the unit that
// fixed point may cost, and the same bytes as the scalar kernels; sums of integers exactly.
#include "tests/kernels/int8_support.hpp"

namespace linnet::kernels::test {
namespace {

class FixedPointTest : public KernelTest {};

// TensorFlow Lite's factor to numbers with 5 integer bits, its inverse, and the differences whose exp is not zero.
SoftmaxInt8Args log_softmax(double scale) {
  SoftmaxInt8Args args{};
  int shift = 0;
  const double multiplier = std::frexp(scale * (1 << 26), &shift);
  args.factor = {static_cast<int32_t>(std::llround(multiplier * 2147483648.0 - 0.5)), shift};
  args.lowest_difference = -static_cast<int32_t>(std::floor(31.0 * (1 << 26) / std::ldexp(1.0, shift)));
  int reverse_shift = 0;
  const double reverse = std::frexp(std::ldexp(1.0, 31 - shift) / args.factor.multiplier, &reverse_shift);
  args.log = true;
  args.reverse_factor = {static_cast<int32_t>(std::llround(reverse * 2147483648.0 - 0.5)), reverse_shift};
  return args;
}

TEST_P(FixedPointTest, LogSoftmax) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Int8Random random(seed);
    const double scale = std::ldexp(random.random.uniform(0.5f, 1.0f), random.integer(-8, 0));
    SoftmaxInt8Args args = log_softmax(scale);
    args.outer = random.integer(1, 3);
    args.axis = random.one_in(8) ? 1 : random.integer(1, 200);
    args.inner = random.integer(1, 3);
    const Guarded<int8_t> x(random.bytes(args.outer * args.axis * args.inner, random.integer(-128, 100)));
    Guarded<int8_t> y(x.size()), plain(x.size());
    args.x = x.data();
    args.y = y.data();
    kernels().softmax_s8(args);
    args.y = plain.data();
    table(IsaId::scalar)->softmax_s8(args);
    ASSERT_TRUE(y.intact());
    ASSERT_EQ(y.values(), plain.values());
    for (int32_t o = 0; o < args.outer; ++o) {
      for (int32_t i = 0; i < args.inner; ++i) {
        const auto at = [&](int32_t s) { return (o * args.axis + s) * args.inner + i; };
        int32_t largest_x = INT8_MIN;
        for (int32_t s = 0; s < args.axis; ++s) largest_x = std::max<int32_t>(largest_x, x[at(s)]);
        const double largest = scale * largest_x;
        double sum = 0;
        for (int32_t s = 0; s < args.axis; ++s) sum += std::exp(scale * x[at(s)] - largest);
        for (int32_t s = 0; s < args.axis; ++s) {
          const double exact = 16 * (scale * x[at(s)] - largest - std::log(sum)) + 127;
          ASSERT_NEAR(y[at(s)], std::fmax(exact, -128), 1.0) << "seed " << seed << " axis " << args.axis;
        }
      }
    }
  }
}

TEST_P(FixedPointTest, L2Norm) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Int8Random random(seed);
    L2NormInt8Args args{};
    args.rows = random.integer(1, 3);
    args.size = seed <= 40 ? static_cast<int32_t>(seed) : random.integer(1, 3000);
    args.zero_point = random.one_in(3) ? (random.one_in(2) ? -128 : 127) : random.integer(-128, 127);
    args.x_stride = args.size + random.integer(0, 2);
    args.y_stride = args.size + random.integer(0, 2);
    args.requantize = random.requantize(Rounding::FixedPoint);
    args.requantize.zero_point = 0;
    args.left_shift = random.integer(0, 7);
    std::vector<int8_t> values = random.bytes((args.rows - 1) * args.x_stride + args.size, random.integer(-128, 120));
    if (random.one_in(10)) std::fill(values.begin(), values.end(), static_cast<int8_t>(args.zero_point));
    const Guarded<int8_t> x(values);
    Guarded<int8_t> y((args.rows - 1) * args.y_stride + args.size), plain(y.size());
    args.x = x.data();
    args.y = y.data();
    kernels().l2_norm_s8(args);
    args.y = plain.data();
    table(IsaId::scalar)->l2_norm_s8(args);
    ASSERT_TRUE(y.intact());
    ASSERT_EQ(y.values(), plain.values());
    for (int32_t r = 0; r < args.rows; ++r) {
      double sum = 0;
      for (int32_t i = 0; i < args.size; ++i) sum += std::pow(x[r * args.x_stride + i] - args.zero_point, 2);
      for (int32_t i = 0; i < args.size; ++i) {
        const double exact = 128 * (x[r * args.x_stride + i] - args.zero_point) / std::sqrt(std::fmax(sum, 1));
        const double limited = std::clamp<double>(exact, args.requantize.low, args.requantize.high);
        ASSERT_NEAR(y[r * args.y_stride + i], limited, 1.0) << "seed " << seed << " size " << args.size;
      }
    }
  }
}

// Every pair of bytes.
TEST_P(FixedPointTest, Quotients) {
  std::vector<int8_t> all(256);
  for (int32_t i = 0; i < 256; ++i) all[i] = static_cast<int8_t>(i - 128);
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Int8Random random(seed);
    const Rounding rounding = static_cast<Rounding>(random.integer(0, 1));
    const double scale = std::ldexp(random.random.uniform(0.5f, 1.0f), random.integer(-10, 10));
    QuantizedBinary q{};
    q.a_zero_point = random.integer(-128, 127);
    q.b_zero_point = random.integer(-128, 127);
    q.requantize = random.requantize(rounding);
    int shift = 0;
    const double fraction = std::frexp(scale, &shift);
    q.y = rounding == Rounding::Float ? Factor{bits_of(static_cast<float>(scale)), 0}
                                      : Factor{static_cast<int32_t>(fraction * 2147483648.0), shift};
    Guarded<int8_t> c(256 * 256), plain(256 * 256);
    const BinaryInt8Args args = {BinaryFunction::Div, 256, 256, all.data(), 1, 0, all.data(), 0, 1, c.data(), 256, q};
    kernels().binary_s8(args);
    BinaryInt8Args scalar = args;
    scalar.c = plain.data();
    table(IsaId::scalar)->binary_s8(scalar);
    ASSERT_TRUE(c.intact());
    ASSERT_EQ(c.values(), plain.values());
    for (int32_t i = 0; i < 256 * 256; ++i) {
      const int32_t a = i / 256 - 128 - q.a_zero_point, b = i % 256 - 128 - q.b_zero_point;
      const double exact = b == 0 ? 0.0 : scale * a / b;
      const double limited = std::clamp<double>(exact + q.requantize.zero_point, q.requantize.low, q.requantize.high);
      ASSERT_NEAR(c[i], limited, 1.0) << "seed " << seed << " " << a << " / " << b << " times " << scale;
    }
  }
}

template <class T>
std::vector<T> random_numbers(Int8Random& random, size_t count) {
  std::vector<T> values(count);
  const int64_t limit = sizeof(T) == 1 ? 128 : sizeof(T) == 2 ? 32768 : 1 << 17;
  for (T& value : values) value = static_cast<T>(random.integer(-limit, limit - 1));
  return values;
}

template <class From, class To>
void check_resample(const KernelTable& kernels, uint64_t seed) {
  constexpr bool kWords = sizeof(From) == 2 || sizeof(To) == 2;
  Int8Random random(seed);
  ResampleIntArgs args{};
  args.wide_x = sizeof(From) == 4;
  args.wide_y = sizeof(To) == 4;
  args.outer = random.integer(1, 3);
  args.in_size = random.integer(1, 9);
  args.out_size = random.integer(1, 9);
  args.inner = random.one_in(3) ? 1 : random.integer(1, 40);
  args.taps = random.integer(1, 3);
  args.shift = random.one_in(4) ? 0 : random.integer(1, 31);
  const Requantize range = random.requantize(Rounding::FixedPoint);
  args.low = range.low;
  args.high = range.high;
  std::vector<int32_t> indices(args.out_size * args.taps), weights(indices.size());
  for (int32_t& index : indices) index = random.integer(0, args.in_size - 1);
  const int32_t limit = kWords ? 1 << 30 : 2048;
  for (int32_t& weight : weights) weight = random.integer(-limit, limit);
  const Guarded<From> x(random_numbers<From>(random, args.outer * args.in_size * args.inner));
  Guarded<To> y(static_cast<size_t>(args.outer * args.out_size * args.inner));
  args.x = x.data();
  args.indices = indices.data();
  args.weights = weights.data();
  args.y = y.data();
  args.halves_up = !kWords && random.one_in(2);
  (kWords ? kernels.resample_s16 : kernels.resample_s8)(args);
  ASSERT_TRUE(y.intact());
  for (int32_t i = 0; i < static_cast<int32_t>(y.size()); ++i) {
    const int32_t c = i % args.inner, position = i / args.inner % args.out_size, o = i / args.inner / args.out_size;
    int64_t sum = 0;
    for (int32_t t = 0; t < args.taps; ++t) {
      const int32_t tap = position * args.taps + t;
      sum += int64_t{weights[tap]} * x[(o * args.in_size + indices[tap]) * args.inner + c];
    }
    const int64_t dividend = kWords ? sum : wrap(sum), divisor = int64_t{1} << args.shift;
    int64_t wanted = args.halves_up ? divide_half_up(dividend, divisor) : divide_half_away(dividend, divisor);
    if (kWords && args.wide_y) wanted = std::clamp<int64_t>(wanted, INT32_MIN, INT32_MAX);
    if (!args.wide_y) wanted = std::clamp<int64_t>(wanted, args.low, args.high);
    ASSERT_EQ(y[i], wanted) << "seed " << seed << " output " << i << " shift " << args.shift;
  }
}

TEST_P(FixedPointTest, Resample) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    check_resample<int8_t, int8_t>(kernels(), seed);
    check_resample<int8_t, int32_t>(kernels(), seed);
    check_resample<int32_t, int8_t>(kernels(), seed);
    check_resample<int32_t, int32_t>(kernels(), seed);
    check_resample<int16_t, int16_t>(kernels(), seed);
    check_resample<int16_t, int32_t>(kernels(), seed);
    check_resample<int32_t, int16_t>(kernels(), seed);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(FixedPointTest);

}  // namespace
}  // namespace linnet::kernels::test
