#include "kernels/pack.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {
namespace {

struct GemmCase {
  int32_t m, n, k;
  int32_t a_gap = 0, c_gap = 0;  // between rows
  bool residual = false, in_place = false;
  Activation activation{};
};

size_t extent(int32_t rows, ptrdiff_t stride, int32_t columns) {
  return static_cast<size_t>((rows - 1) * stride + columns);
}

class GemmProblem {
 public:
  explicit GemmProblem(const GemmCase& c)
      : case_(c),
        a_stride_(c.k + c.a_gap),
        c_stride_(c.n + c.c_gap),
        a_(Random(1).floats(extent(c.m, a_stride_, c.k))),
        w_(Random(2).floats(static_cast<size_t>(c.n) * c.k)),
        bias_(Random(3).floats(c.n)),
        residual_(Random(4).floats(extent(c.m, c_stride_, c.n))),
        packed_(panel_floats(c.n, c.k), kWeightSlackBytes) {
    pack_gemm(w_.data(), c.n, 1, bias_.data(), c.n, c.k, packed_.data());
  }

  // Rows [begin, end) into `out`, which holds the residual before.
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t begin, int32_t end) const {
    GemmArgs args{};
    args.m = end - begin;
    args.n = case_.n;
    args.k = case_.k;
    args.a = a_.data() + begin * a_stride_;
    args.a_stride = a_stride_;
    args.packed = packed_.data();
    args.c = out.data() + begin * c_stride_;
    args.c_stride = c_stride_;
    args.epilogue.activation = case_.activation;
    if (case_.residual) {
      args.epilogue.residual = (case_.in_place ? out.data() : residual_.data()) + begin * c_stride_;
      args.epilogue.residual_stride = c_stride_;
    }
    kernels.gemm_f32(args);
  }

  void check(const KernelTable& kernels) const {
    Guarded<float> out(residual_.values());
    run(kernels, out, 0, case_.m);
    for (int32_t r = 0; r < case_.m; ++r) {
      for (int32_t column = 0; column < c_stride_; ++column) {
        const size_t i = static_cast<size_t>(r * c_stride_ + column);
        if (column >= case_.n) {
          if (i < out.size()) {
            ASSERT_EQ(out[i], residual_[i]) << "written between rows " << r;
          }
          continue;
        }
        Sum sum;
        sum.add(bias_[column]);
        for (int32_t k = 0; k < case_.k; ++k) {
          sum.add(static_cast<double>(a_[r * a_stride_ + k]) * w_[static_cast<size_t>(k) * case_.n + column]);
        }
        if (case_.residual) sum.add(residual_[i]);
        ASSERT_TRUE(matches(out[i], sum, case_.activation)) << "row " << r << " column " << column;
      }
    }
    EXPECT_TRUE(out.intact());
    for (int32_t rows = 1; rows < case_.m; rows = rows * 2 + 1) {
      Guarded<float> split(residual_.values());
      for (int32_t r = 0; r < case_.m; r += rows) run(kernels, split, r, std::min(case_.m, r + rows));
      ASSERT_EQ(std::memcmp(split.data(), out.data(), out.size() * sizeof(float)), 0) << "split every " << rows;
    }
  }

 private:
  GemmCase case_;
  ptrdiff_t a_stride_, c_stride_;
  Guarded<float> a_;
  std::vector<float> w_, bias_;
  Guarded<float> residual_;
  Guarded<float> packed_;
};

class Gemm : public KernelTest {
 protected:
  void check(const GemmCase& c) {
    SCOPED_TRACE(::testing::Message() << "m " << c.m << " n " << c.n << " k " << c.k << " residual " << c.residual
                                      << " function " << static_cast<int>(c.activation.function));
    GemmProblem(c).check(kernels());
  }
};

TEST_P(Gemm, EveryRowTail) {
  for (int32_t m = 1; m <= 2 * isa().tile_rows + 1; ++m) {
    for (const int32_t n : {5, 16, 24, 37}) check({m, n, 9});
  }
}

TEST_P(Gemm, EveryColumnTail) {
  for (int32_t n = 1; n <= 50; ++n) {
    for (const int32_t m : {1, isa().tile_rows, isa().tile_rows + 1}) check({m, n, 6});
  }
}

TEST_P(Gemm, EveryInputTail) {
  for (int32_t k = 1; k <= 19; ++k) check({isa().tile_rows + 2, 40, k});
}

TEST_P(Gemm, LargeEnoughForEveryBlock) {
  check({300, 33, 64});
  check({70, 80, 1025});
  check({5000, 9, 3});
}

// Several runs of inputs, of which every one but the first goes on from the output.
TEST_P(Gemm, RunsOfInputs) {
  for (const int32_t k : {512, 513, 1024, 1030, 1537}) {
    check({isa().tile_rows + 1, 43, k, 1, 2});
    check({isa().tile_rows + 1, 27, k, 0, 1, true, false, {Function::Relu}});
    check({isa().tile_rows + 1, 27, k, 0, 1, true, true, {Function::Silu}});
  }
}

TEST_P(Gemm, RowsApart) {
  for (const int32_t n : {3, 8, 20, 32}) check({isa().tile_rows * 2 - 1, n, 7, 3, 5});
}

TEST_P(Gemm, Residual) {
  for (const bool in_place : {false, true}) {
    for (int32_t n = 1; n <= 40; n += 3) {
      check({isa().tile_rows + 1, n, 5, 0, 2, true, in_place, {Function::Relu}});
      check({isa().tile_rows + 1, n, 5, 0, 2, true, in_place, {Function::Silu}});
    }
  }
}

TEST_P(Gemm, EveryActivation) {
  for (int f = 0; f < kFunctionCount; ++f) {
    const auto function = static_cast<Function>(f);
    if (!is_smooth(function)) continue;
    for (const int32_t n : {7, 16, 27, 35})
      check({isa().tile_rows + 1, n, 4, 1, 1, true, false, activation_of(function)});
  }
}

TEST_P(Gemm, NanReachesTheOutput) {
  for (const Function function : {Function::Identity, Function::Relu, Function::Clip}) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> a = {1, nan, 2, 3}, w = Random(5).floats(34);
    std::vector<float> packed(panel_floats(17, 2) + 16), c(34);
    pack_gemm(w.data(), 17, 1, nullptr, 17, 2, packed.data());
    kernels().gemm_f32({2, 17, 2, a.data(), 2, packed.data(), c.data(), 17, {nullptr, 0, activation_of(function)}});
    for (int i = 0; i < 34; ++i) EXPECT_EQ(std::isnan(c[i]), i < 17);
  }
}

LINNET_INSTANTIATE_ISAS(Gemm);

}  // namespace
}  // namespace linnet::kernels::test
