// The error of every function of one argument and of Pow, over every exponent, in units of the last place.
#include <cstdio>
#include <cstring>

#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

struct FunctionLimit {
  const char* name;
  Activation activation;
  double max_ulp;
  double conditioning;  // more ULP per unit of |result's exponent argument|, where the definition itself magnifies
                        // rounding
};

const FunctionLimit kFunctions[] = {
    {"Identity", {Function::Identity, 0, 0}, 0, 0},
    {"Relu", {Function::Relu, 0, 0}, 0, 0},
    {"LeakyRelu", {Function::LeakyRelu, 0.01f, 0}, 0.5, 0},
    {"Clip", {Function::Clip, -1.5f, 6.0f}, 0, 0},
    {"Sigmoid", {Function::Sigmoid, 0, 0}, 2.5, 0},
    {"Tanh", {Function::Tanh, 0, 0}, 2, 0},
    {"HardSwish", {Function::HardSwish, 0, 0}, 2.5, 0},
    {"Elu", {Function::Elu, 1.0f, 0}, 2, 0},
    {"Selu", {Function::Selu, 1.67326324f, 1.05070098f}, 2.5, 0},
    {"Softplus", {Function::Softplus, 0, 0}, 2.5, 0},
    {"Softsign", {Function::Softsign, 0, 0}, 1.5, 0},
    {"Mish", {Function::Mish, 0, 0}, 4, 0},
    {"Erf", {Function::Erf, 0, 0}, 2, 0},
    {"Gelu", {Function::Gelu, 0, 0}, 6, 0},
    {"GeluTanh", {Function::GeluTanh, 0, 0}, 3, 3},
    {"Silu", {Function::Silu, 0, 0}, 3, 0},
    {"Exp", {Function::Exp, 0, 0}, 1.5, 0},
    {"Log", {Function::Log, 0, 0}, 1.5, 0},
    {"Sqrt", {Function::Sqrt, 0, 0}, 0.5, 0},
    {"Reciprocal", {Function::Reciprocal, 0, 0}, 0.5, 0},
    {"Abs", {Function::Abs, 0, 0}, 0, 0},
    {"Neg", {Function::Neg, 0, 0}, 0, 0},
    {"Floor", {Function::Floor, 0, 0}, 0, 0},
    {"Ceil", {Function::Ceil, 0, 0}, 0, 0},
    {"Round", {Function::Round, 0, 0}, 0, 0},
    {"Sin", {Function::Sin, 0, 0}, 2.5, 0},
    {"Cos", {Function::Cos, 0, 0}, 2.5, 0},
    {"Rsqrt", {Function::Rsqrt, 0, 0}, 1.5, 0},
};

float float_of_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Every exponent of both signs, denormals, zeros, infinities and NaN among them; more where the functions bend.
std::vector<float> samples() {
  Random random(1);
  std::vector<float> values = {kNan};
  for (uint32_t top = 0; top < 512; ++top) {
    const uint32_t base = top << 23;
    values.push_back(float_of_bits(base));
    if ((top & 255) == 255) continue;
    for (uint32_t significand : {1u, 2u, 0x3504f3u, 0x3504f4u, 0x400000u, 0x7ffffeu, 0x7fffffu}) {
      values.push_back(float_of_bits(base | significand));
    }
    for (int i = 0; i < 120; ++i) values.push_back(float_of_bits(base | (random.next() & 0x7fffff)));
  }
  for (int i = 0; i < 60000; ++i) values.push_back(random.uniform(-20, 20));
  for (int i = 0; i < 20000; ++i) values.push_back(random.uniform(-120, 120));
  for (int i = -200; i < 200; ++i) values.push_back(0.5f * static_cast<float>(i));
  return values;
}

bool is_denormal(double x) {
  return x != 0 && std::fabs(x) < kSmallestNormal;
}

class MathTest : public KernelTest {
 protected:
  // The error of a result, with the flushing of armv7 NEON allowed for.
  double error_of(float got, double expected) const {
    if (flushes_denormals(GetParam()) && std::fabs(expected) <= kSmallestNormal && std::fabs(got) <= kSmallestNormal)
      return 0;
    return ulp_error(got, expected);
  }
};

TEST_P(MathTest, FunctionsOverEveryExponent) {
  const std::vector<float> x = samples();
  std::vector<float> y(x.size());
  for (const FunctionLimit& function : kFunctions) {
    SCOPED_TRACE(function.name);
    kernels().unary_f32({1, static_cast<int32_t>(x.size()), x.data(), 0, y.data(), 0, function.activation});
    double worst = 0;
    float worst_x = 0;
    int failures = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (flushes_denormals(GetParam()) && is_denormal(x[i])) continue;
      const double expected = activate(function.activation, x[i]);
      double limit = function.max_ulp;
      if (function.conditioning > 0 && x[i] < 0)
        limit += function.conditioning * (1.6 * -x[i] * (1 + 0.045 * x[i] * x[i]));
      const double error = error_of(y[i], expected);
      if (error > limit && ++failures <= 5) {
        ADD_FAILURE() << "x " << x[i] << ": got " << y[i] << ", expected " << expected << ", " << error << " ULP";
      }
      if (error > worst && (function.conditioning == 0 || x[i] > -1)) {
        worst = error;
        worst_x = x[i];
      }
    }
    std::printf("%-8s %-12s max %.2f ULP at %g\n", traits(GetParam()).name, function.name, worst, worst_x);
  }
}

TEST_P(MathTest, HardSigmoidWithinTheRoundingOfItsSum) {
  const std::vector<float> x = samples();
  std::vector<float> y(x.size());
  const Activation activation{Function::HardSigmoid, 0.2f, 0.5f};
  kernels().unary_f32({1, static_cast<int32_t>(x.size()), x.data(), 0, y.data(), 0, activation});
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_TRUE(is_close(y[i], activate(activation, x[i]), 0, 1.2e-7)) << "x " << x[i];
  }
}

TEST_P(MathTest, ExponentialUnitScalesItsNegativePart) {
  const std::vector<float> x = samples();
  std::vector<float> y(x.size());
  for (float alpha : {0.3f, -0.7f, 2.0f}) {
    const Activation activation{Function::Elu, alpha, 0};
    kernels().unary_f32({1, static_cast<int32_t>(x.size()), x.data(), 0, y.data(), 0, activation});
    for (size_t i = 0; i < x.size(); ++i) {
      if (flushes_denormals(GetParam()) && is_denormal(x[i])) continue;
      ASSERT_LE(error_of(y[i], activate(activation, x[i])), 3) << "x " << x[i] << " alpha " << alpha;
    }
  }
}

TEST_P(MathTest, PowOverEveryExponent) {
  std::vector<float> a, b;
  Random random(2);
  const std::vector<float> special = {0.0f,        -0.0f,       1.0f,        -1.0f,        2.0f,  -2.0f,  0.5f,  -0.5f,
                                      3.0f,        -3.0f,       1.5f,        -1.5f,        2.5f,  0.333f, 1e-3f, -1e-3f,
                                      100.0f,      -101.0f,     16777215.0f, -16777216.0f, 1e10f, -1e10f, 3e38f, -3e38f,
                                      1.00000012f, 0.99999994f, kInf,        -kInf,        kNan,  1e-45f, 1e-40f};
  for (float x : special) {
    for (float y : special) a.push_back(x), b.push_back(y);
  }
  for (uint32_t exponent = 1; exponent < 255; ++exponent) {
    for (int i = 0; i < 300; ++i) {
      const float x = float_of_bits((exponent << 23) | (random.next() & 0x7fffff));
      const double range = 155.0 / std::max(1e-30, std::fabs(std::log2(static_cast<double>(x))));
      a.push_back(x), b.push_back(static_cast<float>(range * random.uniform(-1, 1)));
      a.push_back(random.integer(0, 1) ? x : -x), b.push_back(static_cast<float>(random.integer(-20, 20)));
    }
  }
  for (int i = 0; i < 50000; ++i) {  // bases next to 1
    const float x = 1.0f + std::ldexp(random.uniform(-1, 1), -random.integer(1, 22));
    const double range = 150.0 / std::max(1e-7, std::fabs(std::log2(static_cast<double>(x))));
    a.push_back(x), b.push_back(static_cast<float>(range * random.uniform(-1, 1)));
  }
  const int32_t n = static_cast<int32_t>(a.size());
  std::vector<float> c(a.size());
  kernels().binary_f32({BinaryFunction::Pow, 1, n, a.data(), 0, 1, b.data(), 0, 1, c.data(), 0, {}});
  double worst = 0;
  for (int32_t i = 0; i < n; ++i) {
    if (flushes_denormals(GetParam()) && (is_denormal(a[i]) || is_denormal(b[i]))) continue;
    const double error = error_of(c[i], std::pow(static_cast<double>(a[i]), static_cast<double>(b[i])));
    ASSERT_LE(error, 4) << "pow(" << a[i] << ", " << b[i] << ") gave " << c[i];
    worst = std::max(worst, error);
  }
  std::printf("%-8s %-12s max %.2f ULP\n", traits(GetParam()).name, "Pow", worst);
}

TEST_P(MathTest, DivisionIsCorrectlyRounded) {
  Random random(3);
  std::vector<float> a, b;
  for (int i = 0; i < 200000; ++i) {
    a.push_back(float_of_bits(random.next()));
    b.push_back(float_of_bits(random.next()));
  }
  std::vector<float> c(a.size());
  kernels().binary_f32(
      {BinaryFunction::Div, 1, static_cast<int32_t>(a.size()), a.data(), 0, 1, b.data(), 0, 1, c.data(), 0, {}});
  for (size_t i = 0; i < a.size(); ++i) {
    if (flushes_denormals(GetParam()) && (is_denormal(a[i]) || is_denormal(b[i]))) continue;
    const float expected = a[i] / b[i];
    ASSERT_TRUE(c[i] == expected || (std::isnan(c[i]) && std::isnan(expected)))
        << a[i] << " / " << b[i] << " gave " << c[i];
  }
}

LINNET_INSTANTIATE_ISAS(MathTest);

}  // namespace
}  // namespace linnet::kernels::test
