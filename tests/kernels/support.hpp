// What the kernel tests share: the instruction sets of this machine, fixed pseudo-random data, arrays that fault or
// fail when touched outside, and the tolerance against a reference in double.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/kernels.hpp"

namespace linnet::kernels::test {

inline std::vector<IsaId> available_isas() {
  std::vector<IsaId> ids;
  for (int i = 0; i < kIsaCount; ++i) {
    if (table(static_cast<IsaId>(i)) != nullptr) ids.push_back(static_cast<IsaId>(i));
  }
  return ids;
}

inline std::string isa_name(IsaId id) {
  return traits(id).name;
}

// A suite whose parameter is the instruction set; `kernels()` is its table.
class KernelTest : public ::testing::TestWithParam<IsaId> {
 protected:
  const KernelTable& kernels() const { return *table(GetParam()); }
  const IsaTraits& isa() const { return traits(GetParam()); }
};

#define LINNET_INSTANTIATE_ISAS(suite)                                                                 \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, ::testing::ValuesIn(::linnet::kernels::test::available_isas()), \
                           [](const auto& info) { return ::linnet::kernels::test::isa_name(info.param); })

// A small linear congruential generator (Knuth's MMIX constants): the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed = 1) : state_(seed * 2654435761u + 12345) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state_ >> 32);
  }
  float uniform(float low = -1.0f, float high = 1.0f) {
    return low + (high - low) * static_cast<float>(next() >> 8) * (1.0f / 16777216.0f);
  }
  int32_t integer(int32_t low, int32_t high) {  // both included
    return low + static_cast<int32_t>(next() % static_cast<uint32_t>(high - low + 1));
  }
  std::vector<float> floats(size_t count, float low = -1.0f, float high = 1.0f) {
    std::vector<float> values(count);
    for (float& v : values) v = uniform(low, high);
    return values;
  }

 private:
  uint64_t state_;
};

// An array that ends where an inaccessible page begins, so that reading or writing past its end faults. Before its
// start lie canaries, checked by `intact`. `slack_bytes` extra readable bytes follow the elements (packed weights have
// 64).
template <class T>
class Guarded {
 public:
  explicit Guarded(size_t count, size_t slack_bytes = 0) : count_(count) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = count * sizeof(T) + slack_bytes;
    const size_t pages = (bytes + kCanaryBytes + page - 1) / page;
    mapped_ = (pages + 1) * page;
    base_ =
        static_cast<unsigned char*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(base_, MAP_FAILED);
    mprotect(base_ + pages * page, page, PROT_NONE);
    before_ = pages * page - bytes;
    std::memset(base_, kCanary, before_ + bytes);
  }
  Guarded(const std::vector<T>& values, size_t slack_bytes = 0) : Guarded(values.size(), slack_bytes) {
    if (!values.empty()) std::memcpy(data(), values.data(), values.size() * sizeof(T));
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(base_, mapped_); }

  T* data() { return reinterpret_cast<T*>(base_ + before_); }
  const T* data() const { return reinterpret_cast<const T*>(base_ + before_); }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  std::vector<T> values() const { return std::vector<T>(data(), data() + count_); }
  bool intact() const {
    for (size_t i = 0; i < before_; ++i) {
      if (base_[i] != kCanary) return false;
    }
    return true;
  }

 private:
  static constexpr unsigned char kCanary = 0xcb;
  static constexpr size_t kCanaryBytes = 256;
  size_t count_, mapped_ = 0, before_ = 0;
  unsigned char* base_ = nullptr;
};

constexpr size_t kWeightSlackBytes = 64;

// Scratch memory of exactly `bytes`, 64-byte aligned, ending at a page border up to that alignment.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : bytes_(static_cast<size_t>(bytes)), memory_((bytes_ + 63) / 64 * 64) {
    std::memset(memory_.data() + bytes_, kCanary, memory_.size() - bytes_);
  }
  void* data() { return memory_.data(); }
  bool intact() const {
    for (size_t i = bytes_; i < memory_.size(); ++i) {
      if (memory_[i] != kCanary) return false;
    }
    return memory_.intact();
  }

 private:
  static constexpr unsigned char kCanary = 0xa5;
  size_t bytes_;
  Guarded<unsigned char> memory_;
};

// The function of an activation in double, by its definition in kernels/function.hpp.
inline double activate(const Activation& activation, double x) {
  if (std::isnan(x)) return x;
  const double a = activation.alpha, b = activation.beta;
  const auto limit_at_infinity = [x](double v) { return std::isinf(x) && x < 0 ? 0.0 : v; };
  const auto softplus = [](double v) { return std::log1p(std::exp(-std::fabs(v))) + std::fmax(v, 0.0); };
  switch (activation.function) {
    case Function::Identity:
      return x;
    case Function::Relu:
      return std::fmax(x, 0.0);
    case Function::LeakyRelu:
      return x < 0 ? a * x : x;
    case Function::Clip:
      return std::fmin(std::fmax(x, a), b);
    case Function::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case Function::Tanh:
      return std::tanh(x);
    case Function::HardSigmoid:
      return std::fmin(std::fmax(a * x + b, 0.0), 1.0);
    case Function::HardSwish:
      return x * std::fmin(std::fmax(x / 6 + 0.5, 0.0), 1.0);
    case Function::Elu:
      return x < 0 ? a * std::expm1(x) : x;
    case Function::Selu:
      return b * (x < 0 ? a * std::expm1(x) : x);
    case Function::Softplus:
      return softplus(x);
    case Function::Softsign:
      return x / (1 + std::fabs(x));
    case Function::Mish:
      return limit_at_infinity(x * std::tanh(softplus(x)));
    case Function::Erf:
      return std::erf(x);
    case Function::Gelu:
      return limit_at_infinity(x / 2 * std::erfc(-x / std::sqrt(2.0)));
    case Function::GeluTanh: {
      const double y = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
      return limit_at_infinity(x / (1 + std::exp(-2 * y)));  // x/2 (1 + tanh y) without cancellation
    }
    case Function::Silu:
      return limit_at_infinity(x / (1 + std::exp(-x)));
    case Function::Exp:
      return std::exp(x);
    case Function::Log:
      return std::log(x);
    case Function::Sqrt:
      return std::sqrt(x);
    case Function::Reciprocal:
      return 1 / x;
    case Function::Abs:
      return std::fabs(x);
    case Function::Neg:
      return -x;
    case Function::Floor:
      return std::floor(x);
    case Function::Ceil:
      return std::ceil(x);
    case Function::Round:
      return std::nearbyint(x);
    case Function::Sin:
      return std::sin(x);
    case Function::Cos:
      return std::cos(x);
    case Function::Rsqrt:
      return 1 / std::sqrt(x);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// An activation with the parameters that the tests use.
inline Activation activation_of(Function function) {
  switch (function) {
    case Function::LeakyRelu:
      return {function, 0.1f, 0.0f};
    case Function::Clip:
      return {function, -0.25f, 0.75f};
    case Function::HardSigmoid:
      return {function, 0.2f, 0.5f};
    case Function::Elu:
      return {function, 1.3f, 0.0f};
    case Function::Selu:
      return {function, 1.67326319f, 1.05070102f};
    default:
      return {function, 0.0f, 0.0f};
  }
}

// Functions without a bounded slope (steps, poles, positive arguments only); the others can be compared behind an
// inexact sum.
inline bool is_smooth(Function function) {
  switch (function) {
    case Function::Log:
    case Function::Sqrt:
    case Function::Reciprocal:
    case Function::Rsqrt:
    case Function::Floor:
    case Function::Ceil:
    case Function::Round:
      return false;
    default:
      return true;
  }
}

// A sum of products in double, and the sum of their absolute values, which scales the tolerance.
struct Sum {
  double value = 0, magnitude = 0;
  void add(double x) {
    value += x;
    magnitude += std::fabs(x);
  }
};

// Whether `got` is activation(sum): within 1e-6 of what was summed, times the activation's slope there, plus 1e-6 of
// the result.
inline ::testing::AssertionResult matches(float got, const Sum& sum, const Activation& activation = {}) {
  constexpr double kRelative = 1e-6, kStep = 1e-4;
  const double wanted = activate(activation, sum.value);
  const double rise = activate(activation, sum.value + kStep) - activate(activation, sum.value - kStep);
  const double slope = std::fmax(1.0, std::fabs(rise) / (2 * kStep));
  const double tolerance = kRelative * (slope * sum.magnitude + std::fabs(wanted)) + 1e-37;
  if (std::fabs(got - wanted) <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "got " << got << ", wanted " << wanted << " within " << tolerance;
}

}  // namespace linnet::kernels::test
