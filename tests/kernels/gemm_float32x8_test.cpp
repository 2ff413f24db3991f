// Products of floats with int8 weights against sums in double.
#include "kernels/pack.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {
namespace {

struct Case {
  int32_t m, n, k;
  int32_t a_gap = 0, c_gap = 0;  // between rows
  bool residual = false, in_place = false;
  Activation activation{};
};

class Problem {
 public:
  explicit Problem(const Case& c)
      : case_(c),
        a_stride_(c.k + c.a_gap),
        c_stride_(c.n + c.c_gap),
        a_(Random(1).floats(extent(a_stride_, c.k))),
        w_(static_cast<size_t>(c.n) * c.k),
        bias_(Random(3).floats(c.n)),
        scales_(Random(5).floats(c.n)),
        before_(Random(4).floats(extent(c_stride_, c.n))),
        packed_(static_cast<size_t>(panel_float32x8_bytes(c.n, c.k)), kWeightSlackBytes) {
    const std::vector<float> drawn = Random(2).floats(w_.size());
    for (size_t i = 0; i < w_.size(); ++i) w_[i] = static_cast<int8_t>(std::clamp(drawn[i] * 128, -128.0f, 127.0f));
    for (float& scale : scales_) scale = std::abs(scale) / 100;
    pack_gemm_float32x8(w_.data(), c.n, 1, scales_.data(), bias_.data(), c.n, c.k, packed_.data());
  }

  void check(const KernelTable& kernels) const {
    Guarded<float> out(before_.values());
    run(kernels, out, 0, case_.m, 0, case_.n);
    for (int32_t r = 0; r < case_.m; ++r) {
      for (int32_t column = 0; column < case_.n; ++column) {
        const size_t i = static_cast<size_t>(r * c_stride_ + column);
        Sum sum;
        sum.add(bias_[column]);
        for (int32_t k = 0; k < case_.k; ++k)
          sum.add(static_cast<double>(a_[r * a_stride_ + k]) * w_[static_cast<size_t>(k) * case_.n + column] *
                  static_cast<double>(scales_[column]));
        if (case_.residual) sum.add(before_[i]);
        ASSERT_TRUE(matches(out[i], sum, case_.activation)) << "row " << r << " column " << column;
      }
      for (size_t i = static_cast<size_t>(r * c_stride_ + case_.n); i < out.size() && i % c_stride_ != 0; ++i)
        ASSERT_EQ(out[i], before_[i]) << "written between rows " << r;
    }
    EXPECT_TRUE(out.intact());
    for (int32_t rows = 1; rows < case_.m; rows = rows * 2 + 1) {
      Guarded<float> split(before_.values());
      for (int32_t r = 0; r < case_.m; r += rows) run(kernels, split, r, std::min(case_.m, r + rows), 0, case_.n);
      expect_same(split, out);
    }
    for (int32_t panels = 1; panels * kPanel < case_.n; ++panels) {
      Guarded<float> split(before_.values());
      for (int32_t c = 0; c < case_.n; c += panels * kPanel)
        run(kernels, split, 0, case_.m, c, std::min(case_.n, c + panels * kPanel));
      expect_same(split, out);
    }
  }

 private:
  Case case_;
  ptrdiff_t a_stride_, c_stride_;
  Guarded<float> a_;
  std::vector<int8_t> w_;
  std::vector<float> bias_, scales_;
  Guarded<float> before_;
  Guarded<int8_t> packed_;

  size_t extent(ptrdiff_t stride, int32_t columns) const {
    return static_cast<size_t>((case_.m - 1) * stride + columns);
  }

  static void expect_same(const Guarded<float>& split, const Guarded<float>& whole) {
    EXPECT_EQ(std::memcmp(split.data(), whole.data(), whole.size() * sizeof(float)), 0);
  }

  // Rows row .. row_end and columns column .. column_end, `column` a multiple of kPanel, into `out`, which holds the
  // residual before.
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row, int32_t row_end, int32_t column,
           int32_t column_end) const {
    const ptrdiff_t first = row * c_stride_ + column;
    GemmFloat32x8Args args{};
    args.m = row_end - row;
    args.n = column_end - column;
    args.k = case_.k;
    args.a = a_.data() + row * a_stride_;
    args.a_stride = a_stride_;
    args.packed = packed_.data() + panel_float32x8_bytes(column, case_.k);
    args.c = out.data() + first;
    args.c_stride = c_stride_;
    args.epilogue.activation = case_.activation;
    if (case_.residual) {
      args.epilogue.residual = (case_.in_place ? out.data() : before_.data()) + first;
      args.epilogue.residual_stride = c_stride_;
    }
    kernels.gemm_f32x8(args);
  }
};

class GemmFloat32x8 : public KernelTest {
 protected:
  void check(const Case& c) {
    SCOPED_TRACE(::testing::Message() << "m " << c.m << " n " << c.n << " k " << c.k << " residual " << c.residual
                                      << " function " << static_cast<int>(c.activation.function));
    Problem(c).check(kernels());
  }
};

TEST_P(GemmFloat32x8, EveryRowTail) {
  for (int32_t m = 1; m <= 9; ++m) {
    for (const int32_t n : {5, 16, 24, 37, 75, 100}) check({m, n, 9});
  }
}

TEST_P(GemmFloat32x8, EveryColumnTail) {
  for (int32_t n = 1; n <= 90; ++n) {
    for (const int32_t m : {1, 5}) check({m, n, 6});
  }
}

TEST_P(GemmFloat32x8, EveryInputTail) {
  for (int32_t k = 1; k <= 19; ++k) check({5, 40, k});
  check({3, 70, 517});
}

TEST_P(GemmFloat32x8, RowsApart) {
  for (const int32_t n : {3, 8, 20, 32}) check({7, n, 7, 3, 5});
}

TEST_P(GemmFloat32x8, ResidualsAndActivations) {
  for (const bool in_place : {false, true}) {
    for (int32_t n = 1; n <= 40; n += 3) {
      check({5, n, 5, 0, 2, true, in_place});
      check({5, n, 5, 1, 2, true, in_place, {Function::Clip, -0.5f, 0.5f}});
      check({1, n, 5, 1, 2, true, in_place, {Function::Silu}});
    }
  }
}

LINNET_INSTANTIATE_ISAS(GemmFloat32x8);

}  // namespace
}  // namespace linnet::kernels::test
