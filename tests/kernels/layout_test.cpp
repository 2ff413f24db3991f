// copy and gather move bits: results are compared exactly.
#include <algorithm>
#include <numeric>

#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

class LayoutTest : public KernelTest {};

template <class T>
std::vector<T> pattern(size_t count) {
  std::vector<T> values(count);
  Random random(51);
  for (T& value : values) value = static_cast<T>(random.next());
  return values;
}

struct CopyCase {
  std::vector<int32_t> shape;
  std::vector<ptrdiff_t> x_strides, y_strides;
};

// The lowest and highest offset of all elements.
std::pair<ptrdiff_t, ptrdiff_t> extent(const std::vector<int32_t>& shape, const std::vector<ptrdiff_t>& strides) {
  ptrdiff_t low = 0, high = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    const ptrdiff_t reach = (shape[d] - 1) * strides[d];
    (reach < 0 ? low : high) += reach;
  }
  return {low, high};
}

template <class T>
void check_copy(const KernelTable& kernels, const CopyCase& c) {
  const auto [x_low, x_high] = extent(c.shape, c.x_strides);
  const auto [y_low, y_high] = extent(c.shape, c.y_strides);
  const Guarded<T> x(pattern<T>(static_cast<size_t>(x_high - x_low + 1)));
  Guarded<T> y(std::vector<T>(static_cast<size_t>(y_high - y_low + 1), T{0x5a}));
  std::vector<T> expected = y.values();
  CopyArgs args{};
  args.element_bytes = sizeof(T);
  args.dimensions = static_cast<int32_t>(c.shape.size());
  std::copy(c.shape.begin(), c.shape.end(), args.shape);
  std::copy(c.x_strides.begin(), c.x_strides.end(), args.x_strides);
  std::copy(c.y_strides.begin(), c.y_strides.end(), args.y_strides);
  args.x = x.data() - x_low;
  args.y = y.data() - y_low;
  const int64_t total = std::accumulate(c.shape.begin(), c.shape.end(), int64_t{1}, std::multiplies<>());
  for (int64_t n = 0; n < total; ++n) {
    int64_t rest = n;
    ptrdiff_t from = -x_low, to = -y_low;
    for (size_t d = c.shape.size(); d-- > 0;) {
      from += rest % c.shape[d] * c.x_strides[d];
      to += rest % c.shape[d] * c.y_strides[d];
      rest /= c.shape[d];
    }
    expected[static_cast<size_t>(to)] = x[static_cast<size_t>(from)];
  }
  kernels.copy(args);
  ASSERT_TRUE(y.intact());
  ASSERT_EQ(y.values(), expected);
}

void check_copy(const KernelTable& kernels, const CopyCase& c) {
  check_copy<uint8_t>(kernels, c);
  check_copy<uint16_t>(kernels, c);
  check_copy<uint32_t>(kernels, c);
}

std::vector<ptrdiff_t> dense(const std::vector<int32_t>& shape) {
  std::vector<ptrdiff_t> strides(shape.size());
  ptrdiff_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

TEST_P(LayoutTest, CopyEveryPermutation) {
  const std::vector<int32_t> shape = {3, 5, 19, 17};
  const std::vector<ptrdiff_t> strides = dense(shape);
  std::vector<int> order = {0, 1, 2, 3};
  do {
    CopyCase c{{}, {}, {}};
    for (int d : order) {
      c.shape.push_back(shape[d]);
      c.x_strides.push_back(strides[d]);
    }
    c.y_strides = dense(c.shape);
    check_copy(kernels(), c);
    std::swap(c.x_strides, c.y_strides);
    check_copy(kernels(), c);
    if (HasFatalFailure()) return;
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_P(LayoutTest, CopyEveryRunLength) {
  for (int32_t n : sizes_with_tails(IsaId::avx512)) {
    check_copy(kernels(), {{n}, {1}, {1}});
    check_copy(kernels(), {{3, n}, {n + 2, 1}, {n + 5, 1}});
    check_copy(kernels(), {{n, 3}, {1, n}, {3, 1}});
    check_copy(kernels(), {{n, n}, {1, n}, {n + 1, 1}});
    check_copy(kernels(), {{n, 3}, {1, n + 2}, {4, 1}});
    check_copy(kernels(), {{n, 21}, {1, n + 2}, {23, 1}});
    check_copy(kernels(), {{21, n}, {1, 22}, {n + 3, 1}});
    check_copy(kernels(), {{3, n}, {1, 0}, {n, 1}});    // broadcast
    check_copy(kernels(), {{3, n}, {n, -1}, {n, 1}});   // flipped
    check_copy(kernels(), {{3, n}, {-n, 2}, {n, 1}});   // every second, lines flipped
    check_copy(kernels(), {{3, n}, {n, 1}, {-n, -1}});  // flipped output
    check_copy(kernels(), {{2, n, 2}, {2 * n, 2, 1}, {7 * n, 3, 1}});
    check_copy(kernels(), {{3, n, 2}, {2 * n + 1, 1, n}, {2 * n, 2, 1}});  // channel shuffle of two groups
    check_copy(kernels(), {{n, 2}, {1, n + 3}, {2, 1}});
    if (HasFatalFailure()) return;
  }
}

TEST_P(LayoutTest, CopyRandomStridesOfEightDimensions) {
  Random random(52);
  for (int round = 0; round < 100; ++round) {
    CopyCase c;
    ptrdiff_t y_stride = 1;
    const int dimensions = random.integer(0, kCopyDimensions);
    for (int d = 0; d < dimensions; ++d) {
      c.shape.push_back(random.integer(1, 4));
      c.x_strides.push_back(random.integer(-9, 9));
      c.y_strides.push_back(random.integer(0, 1) ? y_stride : -y_stride);
      y_stride *= c.shape.back() + random.integer(0, 1);
    }
    for (size_t d = c.shape.size(); d > 1; --d) {  // y's dimensions in any order
      const int32_t other = random.integer(0, static_cast<int32_t>(d) - 1);
      std::swap(c.shape[d - 1], c.shape[other]);
      std::swap(c.y_strides[d - 1], c.y_strides[other]);
    }
    check_copy(kernels(), c);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST_P(LayoutTest, CopyOfNothing) {
  CopyArgs args{};
  args.element_bytes = 4;
  args.dimensions = 2;
  args.shape[0] = 3;
  kernels().copy(args);
}

template <class T>
void check_gather(const KernelTable& kernels, int32_t outer, int32_t in_size, int32_t out_size, int32_t inner) {
  const Guarded<T> x(pattern<T>(static_cast<size_t>(outer) * in_size * inner));
  Guarded<T> y(static_cast<size_t>(outer) * out_size * inner);
  Random random(53);
  std::vector<int32_t> indices(static_cast<size_t>(out_size));
  for (int32_t& index : indices) index = random.integer(0, in_size - 1);
  kernels.gather({sizeof(T), outer, in_size, out_size, inner, x.data(), indices.data(), y.data()});
  ASSERT_TRUE(y.intact());
  for (int32_t o = 0; o < outer; ++o) {
    for (int32_t i = 0; i < out_size; ++i) {
      for (int32_t c = 0; c < inner; ++c) {
        ASSERT_EQ(y[(static_cast<size_t>(o) * out_size + i) * inner + c],
                  x[(static_cast<size_t>(o) * in_size + indices[i]) * inner + c]);
      }
    }
  }
}

TEST_P(LayoutTest, GatherEveryRunLength) {
  for (int32_t inner : sizes_with_tails(IsaId::avx512)) {
    check_gather<uint8_t>(kernels(), 3, 5, 7, inner);
    check_gather<uint16_t>(kernels(), 3, 5, 7, inner);
    check_gather<uint32_t>(kernels(), 3, 5, 7, inner);
    check_gather<uint32_t>(kernels(), inner, 9, 2, 1);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(LayoutTest);

}  // namespace
}  // namespace linnet::kernels::test
