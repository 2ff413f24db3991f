// Products of integers that become floats, bit by bit: sums in 64 bits, and the same steps of float arithmetic.
#include "kernels/pack_int8.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {
namespace {

struct Case {
  int32_t m, n, k;
  int32_t zero_point = 0;
  int32_t a_gap = 0, c_gap = 0;  // between rows
  bool residual = false;
};

class Problem {
 public:
  explicit Problem(const Case& c)
      : case_(c),
        a_stride_(c.k + c.a_gap),
        c_stride_(c.n + c.c_gap),
        a_(integers(static_cast<size_t>((c.m - 1) * a_stride_ + c.k), 1)),
        w_(integers(static_cast<size_t>(c.n) * c.k, 2)),
        bias_(Random(3).floats(c.n)),
        scales_(Random(5).floats(c.n)),
        before_(Random(4).floats(static_cast<size_t>((c.m - 1) * c_stride_ + c.n))),
        packed_(static_cast<size_t>(panel_int8_bytes(c.n, c.k)), kWeightSlackBytes) {
    std::vector<int32_t> bits(bias_.size());
    std::memcpy(bits.data(), bias_.data(), bits.size() * sizeof(int32_t));
    std::vector<Factor> factors(bias_.size());
    for (size_t i = 0; i < factors.size(); ++i) {
      scales_[i] = std::abs(scales_[i]) / 100;
      std::memcpy(&factors[i].multiplier, &scales_[i], sizeof(int32_t));
    }
    pack_conv2d_int8({w_.data(), c.k, 1, 0, 0, bits.data(), factors.data(), 0, 1, c.k, c.n, 1, 1}, packed_.data());
  }

  void check(const KernelTable& kernels) const {
    Guarded<float> out(before_.values());
    run(kernels, out, 0, case_.m, 0, case_.n);
    EXPECT_TRUE(out.intact());
    for (int32_t r = 0; r < case_.m; ++r) {
      for (int32_t column = 0; column < c_stride_; ++column) {
        const size_t i = static_cast<size_t>(r * c_stride_ + column);
        if (i >= out.size()) continue;
        ASSERT_EQ(out[i], column < case_.n ? wanted(r, column) : before_[i]) << "row " << r << " column " << column;
      }
    }
    Guarded<float> split(before_.values());
    for (int32_t r = 0; r < case_.m; r += 2)
      for (int32_t column = 0; column < case_.n; column += 2 * kPanel)
        run(kernels, split, r, std::min(case_.m, r + 2), column, std::min(case_.n, column + 2 * kPanel));
    EXPECT_EQ(std::memcmp(split.data(), out.data(), out.size() * sizeof(float)), 0);
  }

 private:
  static constexpr float kInputScale = 0.0173f;
  Case case_;
  ptrdiff_t a_stride_, c_stride_;
  Guarded<int8_t> a_;
  std::vector<int8_t> w_;
  std::vector<float> bias_, scales_;
  Guarded<float> before_;
  Guarded<int8_t> packed_;

  static std::vector<int8_t> integers(size_t count, uint64_t seed) {
    Random random(seed);
    std::vector<int8_t> result(count);
    for (int8_t& value : result) value = static_cast<int8_t>(random.integer(-128, 127));
    return result;
  }

  float wanted(int32_t row, int32_t column) const {
    int64_t sum = 0;
    for (int32_t i = 0; i < case_.k; ++i)
      sum += int64_t{a_[row * a_stride_ + i] - case_.zero_point} * w_[static_cast<size_t>(column) * case_.k + i];
    const volatile float scale = kInputScale * scales_[column], product = static_cast<float>(sum) * scale;
    const volatile float y = product + bias_[column];
    return case_.residual ? y + before_[row * c_stride_ + column] : y;
  }

  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row, int32_t row_end, int32_t column,
           int32_t column_end) const {
    Scratch scratch(gemm_dynamic_scratch_bytes(case_.k, traits(kernels.id)));
    GemmDynamicArgs args{};
    args.m = row_end - row;
    args.n = column_end - column;
    args.k = case_.k;
    args.a = a_.data() + row * a_stride_;
    args.a_stride = a_stride_;
    args.input_zero_point = case_.zero_point;
    args.input_scale = kInputScale;
    args.packed = packed_.data() + panel_int8_bytes(column, case_.k);
    args.c = out.data() + row * c_stride_ + column;
    args.c_stride = c_stride_;
    if (case_.residual) {
      args.residual = before_.data() + row * c_stride_ + column;
      args.residual_stride = c_stride_;
    }
    args.scratch = scratch.data();
    kernels.gemm_dynamic(args);
    EXPECT_TRUE(scratch.intact());
  }
};

class GemmDynamic : public KernelTest {
 protected:
  void check(const Case& c) {
    SCOPED_TRACE(::testing::Message() << "m " << c.m << " n " << c.n << " k " << c.k << " zero " << c.zero_point);
    Problem(c).check(kernels());
  }
};

TEST_P(GemmDynamic, EveryColumnTail) {
  for (int32_t n = 1; n <= 150; ++n)
    for (const int32_t m : {1, 7}) check({m, n, 5, -77});
}

TEST_P(GemmDynamic, EveryInputTail) {
  for (int32_t k = 1; k <= 70; ++k) check({4, 24, k, 127});
  check({2, 40, 3001, -128});
}

TEST_P(GemmDynamic, EveryRowTail) {
  for (int32_t m = 1; m <= 15; ++m) check({m, 37, 19, 3, 2, 5, m % 2 == 0});
}

LINNET_INSTANTIATE_ISAS(GemmDynamic);

class RangeOfNumbers : public KernelTest {};

TEST_P(RangeOfNumbers, IsThatOfEveryElementAndZero) {
  for (int32_t columns = 1; columns <= 40; ++columns) {
    for (int32_t place = 0; place < columns; ++place) {
      for (const float value : {-3.5f, 2.25f}) {
        Guarded<float> x(std::vector<float>(static_cast<size_t>(columns) + 3 + columns, value > 0 ? 1.0f : -1.0f));
        x[columns] = value * 9;  // between the rows
        x[columns + 3 + place] = value;
        float range[2];
        kernels().range({2, columns, x.data(), columns + 3, range});
        EXPECT_EQ(range[0], value < 0 ? value : 0.0f);
        EXPECT_EQ(range[1], value > 0 ? value : 0.0f);
      }
    }
  }
}

LINNET_INSTANTIATE_ISAS(RangeOfNumbers);

}  // namespace
}  // namespace linnet::kernels::test
