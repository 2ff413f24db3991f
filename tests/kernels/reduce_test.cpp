#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

class ReduceTest : public KernelTest {};

double reference(ReduceKind kind, const std::vector<double>& values) {
  double sum = 0, absolute = 0, squares = 0, product = 1, maximum = -INFINITY, minimum = INFINITY;
  bool has_nan = false;
  for (double x : values) {
    sum += x;
    absolute += std::fabs(x);
    squares += x * x;
    product *= x;
    maximum = std::max(maximum, x);
    minimum = std::min(minimum, x);
    has_nan = has_nan || std::isnan(x);
  }
  if (has_nan) return NAN;
  switch (kind) {
    case ReduceKind::Sum:
      return sum;
    case ReduceKind::Mean:
      return sum / static_cast<double>(values.size());
    case ReduceKind::Max:
      return maximum;
    case ReduceKind::Min:
      return minimum;
    case ReduceKind::Prod:
      return product;
    case ReduceKind::L1:
      return absolute;
    case ReduceKind::L2:
      return std::sqrt(squares);
    case ReduceKind::SumSquare:
      return squares;
  }
  return NAN;
}

struct ReduceShape {
  int32_t outer, size, inner;
  ptrdiff_t x_stride;
};

void check(const KernelTable& kernels, ReduceKind kind, const ReduceShape& shape, const Activation& activation,
           const std::vector<float>& data, double relative) {
  const Guarded<float> x(data);
  Guarded<float> y(static_cast<size_t>(shape.outer) * shape.inner);
  kernels.reduce_f32({kind, shape.outer, shape.size, shape.inner, x.data(), shape.x_stride, y.data(), activation});
  ASSERT_TRUE(y.intact());
  for (int32_t o = 0; o < shape.outer; ++o) {
    for (int32_t i = 0; i < shape.inner; ++i) {
      std::vector<double> values;
      double magnitude = 0;
      for (int32_t s = 0; s < shape.size; ++s) {
        values.push_back(x[static_cast<size_t>((static_cast<ptrdiff_t>(o) * shape.size + s) * shape.x_stride + i)]);
        magnitude += std::fabs(values.back());
      }
      if (kind == ReduceKind::Mean) magnitude /= shape.size;
      const bool cancels = kind == ReduceKind::Sum || kind == ReduceKind::Mean;
      const double expected = activate(activation, reference(kind, values));
      ASSERT_TRUE(
          is_close(y[static_cast<size_t>(o) * shape.inner + i], expected, relative, cancels ? relative * magnitude : 0))
          << "kind " << static_cast<int>(kind) << " size " << shape.size << " inner " << shape.inner << " at " << o
          << ", " << i;
    }
  }
}

size_t data_size(const ReduceShape& shape) {
  return static_cast<size_t>((static_cast<ptrdiff_t>(shape.outer) * shape.size - 1) * shape.x_stride + shape.inner);
}

// An error of a few units in the last place, and of one per factor of a product.
double tolerance_of(ReduceKind kind, int32_t size) {
  if (kind == ReduceKind::Max || kind == ReduceKind::Min) return 0;
  return kind == ReduceKind::Prod ? 6e-8 * size + 1e-7 : 1e-6;
}

TEST_P(ReduceTest, EveryKindAndTail) {
  for (int k = 0; k < kReduceKindCount; ++k) {
    const ReduceKind kind = static_cast<ReduceKind>(k);
    for (int32_t n : sizes_with_tails(GetParam())) {
      for (const ReduceShape& shape : {ReduceShape{3, n, 1, 1}, ReduceShape{2, n, 1, 4}, ReduceShape{2, 6, n, n},
                                       ReduceShape{2, 6, n, n + 3}, ReduceShape{1, n, 3, 3}}) {
        const float low = kind == ReduceKind::Prod ? 0.9f : -1.0f;
        check(kernels(), kind, shape, {}, Random(71).floats(data_size(shape), low, 1.1f),
              tolerance_of(kind, shape.size));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(ReduceTest, LongSumsStayAccurate) {
  for (ReduceKind kind : {ReduceKind::Sum, ReduceKind::Mean, ReduceKind::L1, ReduceKind::L2, ReduceKind::SumSquare}) {
    for (const ReduceShape& shape :
         {ReduceShape{1, 300007, 1, 1}, ReduceShape{1, 300007, 1, 2}, ReduceShape{1, 50001, 5, 5}}) {
      check(kernels(), kind, shape, {}, Random(72).floats(data_size(shape), 0.5f, 1.0f), 2e-6);
    }
  }
}

TEST_P(ReduceTest, Activation) {
  for (Function function : {Function::Relu, Function::Sigmoid, Function::Exp}) {
    for (const ReduceShape& shape : {ReduceShape{21, 5, 1, 1}, ReduceShape{2, 5, 19, 20}}) {
      check(kernels(), ReduceKind::Mean, shape, activation_of(function), Random(73).floats(data_size(shape)), 2e-6);
    }
  }
}

TEST_P(ReduceTest, NormOfTinyAndHugeValues) {
  for (float scale : {1e-30f, 1e-22f, 1e-15f, 1e15f, 1e25f, 1e36f}) {
    for (const ReduceShape& shape : {ReduceShape{2, 37, 1, 1}, ReduceShape{2, 37, 9, 9}}) {
      std::vector<float> data = Random(74).floats(data_size(shape));
      for (float& value : data) value *= scale;
      check(kernels(), ReduceKind::L2, shape, {}, data, 1e-6);
    }
  }
  const std::vector<float> zeros(12, 0.0f), infinite = {1.0f, -kInf, 2.0f}, overflowing(4, kLargest);
  check(kernels(), ReduceKind::L2, {3, 4, 1, 1}, {}, zeros, 0);
  check(kernels(), ReduceKind::L2, {1, 3, 1, 1}, {}, infinite, 0);
  check(kernels(), ReduceKind::L2, {1, 4, 1, 1}, {}, overflowing, 0);
}

TEST_P(ReduceTest, SpecialValues) {
  for (float special : {kNan, kInf, -kInf}) {
    for (int32_t size : sizes_with_tails(GetParam())) {
      for (int32_t at : {0, size - 1}) {
        std::vector<float> data(static_cast<size_t>(size), 0.5f), columns(data.size() * 3, 0.5f);
        data[at] = columns[at * 3 + 1] = special;
        for (int k = 0; k < kReduceKindCount; ++k) {
          if (k == static_cast<int>(ReduceKind::Prod) && size > 64) continue;
          check(kernels(), static_cast<ReduceKind>(k), {1, size, 1, 1}, {}, data, 1e-6);
          check(kernels(), static_cast<ReduceKind>(k), {1, size, 3, 3}, {}, columns, 1e-6);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

int32_t reference_position(const std::vector<float>& values, bool select_last, bool minimum) {
  int32_t best = 0;
  for (int32_t s = 1; s < static_cast<int32_t>(values.size()); ++s) {
    const bool better = minimum ? values[s] < values[best] : values[s] > values[best];
    if (better || (select_last && values[s] == values[best])) best = s;
  }
  return best;
}

TEST_P(ReduceTest, ArgMaxEveryTailWithTies) {
  for (int32_t n : sizes_with_tails(GetParam())) {
    for (int mode = 0; mode < 4; ++mode) {
      for (const ReduceShape& shape : {ReduceShape{5, n, 1, 1}, ReduceShape{2, 7, n, n}, ReduceShape{2, n, 3, 3}}) {
        std::vector<float> data = Random(75).floats(data_size(shape), -3, 3);
        for (float& value : data) value = std::round(value);  // ties
        if (n == 5) std::fill(data.begin(), data.end(), -kInf);
        const Guarded<float> x(data);
        Guarded<int32_t> y(static_cast<size_t>(shape.outer) * shape.inner);
        const bool select_last = mode & 1, minimum = mode & 2;
        kernels().argmax_f32({shape.outer, shape.size, shape.inner, select_last, minimum, x.data(), y.data()});
        ASSERT_TRUE(y.intact());
        for (int32_t o = 0; o < shape.outer; ++o) {
          for (int32_t i = 0; i < shape.inner; ++i) {
            std::vector<float> values;
            for (int32_t s = 0; s < shape.size; ++s)
              values.push_back(x[(static_cast<size_t>(o) * shape.size + s) * shape.inner + i]);
            ASSERT_EQ(y[static_cast<size_t>(o) * shape.inner + i], reference_position(values, select_last, minimum))
                << "size " << shape.size << " inner " << shape.inner << " mode " << mode << " at " << o << ", " << i;
          }
        }
      }
    }
  }
}

TEST_P(ReduceTest, ArgMaxPassesOverNan) {
  for (int32_t size : sizes_with_tails(GetParam())) {
    if (size < 3) continue;
    std::vector<float> x(static_cast<size_t>(size), kNan);
    x[size - 2] = 1.0f;
    int32_t y = -1;
    kernels().argmax_f32({1, size, 1, false, false, x.data(), &y});
    EXPECT_EQ(y, size - 2);
  }
}

LINNET_INSTANTIATE_ISAS(ReduceTest);

}  // namespace
}  // namespace linnet::kernels::test
