#include "kernels/pack_sparse.hpp"

#include <optional>

#include "tests/kernels/convolution_support.hpp"

namespace linnet::kernels::test {
namespace {

// A convolution of which so many percent of the blocks are other than zeros.
class SparseProblem : public ForwardProblem {
 public:
  SparseProblem(const ConvCase& c, int32_t block, int32_t percent, uint64_t seed)
      : ForwardProblem(c, seed), block_(block) {
    Random random(seed + 5);
    const int32_t inputs = c.in_channels * taps();
    for (int32_t first = 0; first < c.out_channels; first += block) {
      for (int32_t i = 0; i < inputs; ++i) {
        if (random.integer(0, 99) < percent) continue;
        for (int32_t o = first; o < first + block && o < c.out_channels; ++o) w_[o * inputs + i] = 0;
      }
    }
    packed_.emplace(sparse_packed_bytes(weights(), block), kWeightSlackBytes);
    pack_sparse(weights(), block, packed_->data());
  }

  // Outputs that are computed in two parts are the same bits.
  void check_outputs(const KernelTable& kernels) {
    Guarded<float> whole(residual_.values());
    run(kernels, whole, 0, rows());
    for (int32_t first = kPanel; first < case_.out_channels; first += kPanel) {
      Guarded<float> parts(residual_.values());
      run_outputs(kernels, parts, 0, rows(), 0, first);
      run_outputs(kernels, parts, 0, rows(), first, case_.out_channels);
      ASSERT_EQ(std::memcmp(parts.data(), whole.data(), whole.size() * sizeof(float)), 0) << "split at " << first;
    }
  }

 protected:
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    run_outputs(kernels, out, row_begin, row_end, 0, case_.out_channels);
  }

  void run_outputs(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end, int32_t begin,
                   int32_t end) {
    Scratch scratch(sparse_conv2d_scratch_bytes(case_.window, case_.in_channels, case_.out_channels, block_,
                                                case_.batch, out_h_, out_w_, traits(kernels.id), sizeof(void*)));
    auto args = arguments<SparseConv2DArgs>(out, row_begin, row_end, *packed_, scratch.data());
    args.groups = 1;
    args.in_channels = case_.in_channels;
    args.out_channels = case_.out_channels;
    args.block = block_;
    args.output_begin = begin;
    args.output_end = end;
    kernels.sparse_conv2d_f32(args);
    EXPECT_TRUE(scratch.intact());
  }

 private:
  int32_t block_;
  std::optional<Guarded<uint8_t>> packed_;
};

class Sparse : public KernelTest {
 protected:
  void check(const ConvCase& c, uint64_t seed = 1) {
    for (const int32_t block : {1, 4, 16}) {
      for (const int32_t percent : {0, 20, 100}) {
        SCOPED_TRACE(::testing::Message() << c << " seed " << seed << " block " << block << " density " << percent);
        SparseProblem problem(c, block, percent, seed);
        problem.check(kernels());
        problem.check_outputs(kernels());
      }
    }
  }
};

constexpr Window kPointwise = {1, 1, 1, 1, 1, 1, 0, 0};

// Pixels around the tiles of every instruction set.
TEST_P(Sparse, Pixels) {
  for (const int32_t pixels : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 64, 65, 100, 127, 128, 129, 200, 300})
    check({1, pixels, kPointwise, 0, 0, 20, 24});
}

TEST_P(Sparse, Outputs) {
  for (const int32_t outputs : {1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 50}) {
    check({5, 9, kPointwise, 0, 0, 19, outputs});
    check({1, 1, kPointwise, 0, 0, 19, outputs, 1, 2});
  }
}

// Inputs around the runs that one byte counts.
TEST_P(Sparse, Inputs) {
  for (const int32_t inputs : {1, 2, 3, 4, 15, 16, 17, 255, 256, 257, 511, 600}) {
    check({3, 7, kPointwise, 0, 0, inputs, 20});
    check({1, 2, kPointwise, 0, 0, inputs, 20});
  }
}

TEST_P(Sparse, Windows) {
  for (const int32_t channels : {1, 3, 8, 17}) {
    check({7, 13, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, channels, 20});
    check({8, 14, {3, 3, 2, 2, 1, 1, 1, 1}, 1, 1, channels, 20});
    check({9, 11, {1, 1, 2, 2, 1, 1, 0, 0}, 0, 0, channels, 20});
    check({4, 6, {1, 1, 1, 1, 1, 1, 1, 2}, 3, 1, channels, 18});
    check({12, 15, {3, 3, 1, 2, 2, 3, 2, 3}, 2, 3, channels, 12});
    check({2, 3, {5, 7, 1, 1, 1, 1, 2, 3}, 2, 3, channels, 17});
    check({7, 7, {7, 7, 1, 1, 1, 1, 0, 0}, 0, 0, channels, 17});
    check({17, 22, {2, 2, 5, 4, 1, 1, 1, 1}, 0, 0, channels, 20});
  }
  check({5, 6, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 130, 40});
}

TEST_P(Sparse, EveryActivationAndResidual) {
  for (int f = 0; f < kFunctionCount; ++f) {
    if (!is_smooth(static_cast<Function>(f))) continue;
    for (const bool in_place : {false, true})
      check({5, 7, kPointwise, 0, 0, 9, 21, 1, 1, 2, 1, true, in_place, activation_of(static_cast<Function>(f))});
  }
}

TEST_P(Sparse, RandomGeometry) {
  Random random(11);
  for (int i = 0; i < 30; ++i) {
    ConvCase c = random_case(random, false);
    c.groups = 1;
    check(c, static_cast<uint64_t>(i) + 100);
  }
}

LINNET_INSTANTIATE_ISAS(Sparse);

}  // namespace
}  // namespace linnet::kernels::test
