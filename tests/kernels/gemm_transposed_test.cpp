#include "kernels/pack.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {
namespace {

struct TransposedCase {
  int32_t m, n, k;
  int32_t a_gap = 0, c_gap = 0;  // between rows
  bool bias = true, residual = false, in_place = false;
  Activation activation{};
};

class GemmTransposed : public KernelTest {
 protected:
  // The layer that the matrix is packed for has k outputs, n inputs and biases of its own.
  void check(const TransposedCase& c) {
    SCOPED_TRACE(::testing::Message() << "m " << c.m << " n " << c.n << " k " << c.k << " function "
                                      << static_cast<int>(c.activation.function));
    const ptrdiff_t a_stride = c.k + c.a_gap, c_stride = c.n + c.c_gap;
    const Guarded<float> a(Random(1).floats(static_cast<size_t>((c.m - 1) * a_stride + c.k)));
    const Guarded<float> residual(Random(2).floats(static_cast<size_t>((c.m - 1) * c_stride + c.n)));
    const Guarded<float> bias(Random(3).floats(c.n));
    const std::vector<float> w = Random(4).floats(static_cast<size_t>(c.n) * c.k), other = Random(5).floats(c.k);
    Guarded<float> packed(panel_floats(c.k, c.n), kWeightSlackBytes);
    pack_gemm(w.data(), c.k, 1, other.data(), c.k, c.n, packed.data());

    GemmTransposedArgs args{};
    args.m = c.m;
    args.n = args.n_end = c.n;
    args.k = c.k;
    args.a = a.data();
    args.a_stride = a_stride;
    args.packed = packed.data();
    args.bias = c.bias ? bias.data() : nullptr;
    args.c_stride = c_stride;
    args.epilogue.residual_stride = c_stride;
    args.epilogue.activation = c.activation;
    const auto run = [&](Guarded<float>& out, int32_t step) {
      args.c = out.data();
      if (c.residual) args.epilogue.residual = c.in_place ? out.data() : residual.data();
      for (args.n_begin = 0; args.n_begin < c.n; args.n_begin = args.n_end) {
        args.n_end = std::min(c.n, args.n_begin + step);
        kernels().gemm_transposed_f32(args);
      }
      ASSERT_TRUE(out.intact());
    };
    Guarded<float> out(residual.values());
    run(out, c.n);
    for (int32_t r = 0; r < c.m; ++r) {
      for (int32_t column = 0; column < c_stride; ++column) {
        const auto i = static_cast<size_t>(r * c_stride + column);
        if (i >= out.size()) break;
        if (column >= c.n) {
          ASSERT_EQ(out[i], residual[i]) << "written between rows " << r;
          continue;
        }
        Sum sum;
        if (c.bias) sum.add(bias[column]);
        for (int32_t k = 0; k < c.k; ++k)
          sum.add(static_cast<double>(a[r * a_stride + k]) * w[static_cast<size_t>(column) * c.k + k]);
        if (c.residual) sum.add(residual[i]);
        ASSERT_TRUE(matches(out[i], sum, c.activation)) << "row " << r << " column " << column;
      }
    }
    for (const int32_t step : {1, 3, 6}) {
      Guarded<float> split(residual.values());
      run(split, step);
      ASSERT_EQ(std::memcmp(split.data(), out.data(), out.size() * sizeof(float)), 0) << "split every " << step;
    }
  }
};

TEST_P(GemmTransposed, EveryTail) {
  for (int32_t k = 1; k <= 50; ++k) {
    for (const int32_t n : {1, 4, 7}) {
      for (const int32_t m : {1, 2, 5}) check({m, n, k});
      if (HasFatalFailure()) return;
    }
  }
  for (int32_t n = 1; n <= 20; ++n) check({3, n, 37, 1, 2});
}

TEST_P(GemmTransposed, LongSums) {
  check({2, 9, 1000});
  check({5, 33, 264, 3, 1, false});
}

TEST_P(GemmTransposed, ResidualAndActivation) {
  for (const bool in_place : {false, true}) {
    for (const Function function : {Function::Identity, Function::Relu, Function::Clip, Function::Silu})
      check({3, 11, 21, 0, 2, true, true, in_place, activation_of(function)});
  }
}

LINNET_INSTANTIATE_ISAS(GemmTransposed);

}  // namespace
}  // namespace linnet::kernels::test
