// Weights of 4 and 2 bits against sums in double of what the codes stand for, and against the dense kernel.
#include "kernels/pack_codes.hpp"

#include <optional>

#include "tests/kernels/convolution_support.hpp"

namespace linnet::kernels::test {
namespace {

constexpr CodeKind kKinds[] = {CodeKind::Grid, CodeKind::OffsetGrid, CodeKind::Table};

// Codes that a problem's weights are replaced by: exactly what they stand for.
struct Codes {
  // `w` are [groups * outputs][inputs][taps].
  Codes(std::vector<float>* w, const CodeFormat& f, int32_t groups, int32_t outputs, int32_t inputs, int32_t taps,
        uint64_t seed)
      : format(f), codes(w->size()) {
    Random random(seed);
    const int32_t k = inputs * taps, all = groups * outputs, entries = 1 << f.bits;
    const int64_t per_output = code_groups(f, k);
    steps = random.floats(static_cast<size_t>(all * per_output), 0.01f, 0.1f);
    offsets = random.floats(static_cast<size_t>(all * per_output));
    const int32_t panels = (outputs - 1) / kPanel + 1;
    tables = random.floats(static_cast<size_t>(groups * panels * entries));
    for (int32_t output = 0; output < all; ++output) {
      for (int32_t i = 0; i < k; ++i) {
        const int code = random.integer(0, entries - 1);
        codes[static_cast<size_t>(output) * k + i] = static_cast<uint8_t>(code);
        const float value = number(output, i, code, outputs, per_output, panels);
        (*w)[(static_cast<size_t>(output) * inputs + i % inputs) * taps + i / inputs] = value;
      }
    }
  }

  CodesSource source(const float* bias, int32_t groups, int32_t outputs, int32_t k) const {
    return {format, codes.data(), steps.data(), offsets.data(), tables.data(), bias, groups, outputs, k};
  }

  CodeFormat format;
  std::vector<uint8_t> codes;
  std::vector<float> steps, offsets, tables;

 private:
  float number(int32_t output, int32_t i, int code, int32_t outputs, int64_t per_output, int32_t panels) const {
    if (format.kind == CodeKind::Table) {
      const int32_t panel = output / outputs * panels + output % outputs / kPanel;
      return tables[static_cast<size_t>((panel << format.bits) + code)];
    }
    const size_t grid = static_cast<size_t>(output * per_output + i / format.group);
    if (format.kind == CodeKind::Grid) return steps[grid] * static_cast<float>(code - format.zero);
    return static_cast<float>(static_cast<double>(steps[grid]) * code + static_cast<double>(offsets[grid]));
  }
};

class CodesProblem : public ForwardProblem {
 public:
  CodesProblem(const ConvCase& c, const CodeFormat& format, uint64_t seed)
      : ForwardProblem(c, seed), codes_(&w_, format, c.groups, c.out_channels, c.in_channels, taps(), seed + 4) {
    const CodesSource source = codes_.source(bias_.data(), c.groups, c.out_channels, c.in_channels * taps());
    packed_.emplace(static_cast<size_t>(codes_packed_bytes(source)), kWeightSlackBytes);
    pack_codes(source, packed_->data());
    dense_.emplace(static_cast<size_t>(conv2d_packed_floats(weights())), kWeightSlackBytes);
    pack_conv2d(weights(), dense_->data());
  }

  // Where decoding rounds once, products are summed as those of floats are; first layers have a tile of their own.
  void check_bits(const KernelTable& kernels) {
    const bool exact = codes_.format.kind != CodeKind::OffsetGrid;
    const bool same_order = case_.in_channels > 8 && !(case_.residual && case_.in_place) && !one_row();
    if (!exact || !same_order) return;
    Guarded<float> out(residual_.values()), wanted(residual_.values());
    run(kernels, out, 0, rows());
    Scratch scratch(conv2d_scratch_bytes(case_.window, case_.in_channels, traits(kernels.id), sizeof(void*)));
    auto args = arguments<Conv2DArgs>(wanted, 0, rows(), *dense_, scratch.data());
    set_channels(&args);
    kernels.conv2d_f32(args);
    ASSERT_EQ(std::memcmp(out.data(), wanted.data(), out.size() * sizeof(float)), 0);
  }

 protected:
  template <class Args>
  void set_channels(Args* args) const {
    args->groups = case_.groups;
    args->in_channels = case_.in_channels;
    args->out_channels = case_.out_channels;
  }
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    Scratch scratch(conv2d_scratch_bytes(case_.window, case_.in_channels, traits(kernels.id), sizeof(void*)));
    auto args = arguments<Conv2DCodesArgs>(out, row_begin, row_end, *packed_, scratch.data());
    set_channels(&args);
    std::memcpy(&args.format, packed_->data(), sizeof(args.format));
    args.packed += kCodesHeaderBytes;
    args.one_row = one_row();
    kernels.conv2d_codes_f32(args);
    EXPECT_TRUE(scratch.intact());
  }

 private:
  bool one_row() const { return case_.batch * case_.in_h * case_.in_w * taps() == 1; }

  Codes codes_;
  std::optional<Guarded<uint8_t>> packed_;
  std::optional<Guarded<float>> dense_;
};

class CodedWeights : public KernelTest {
 protected:
  void check(const ConvCase& c, uint64_t seed = 1) {
    for (const int32_t bits : {4, 2}) {
      for (const CodeKind kind : kKinds) {
        for (const int32_t group : {32, 1 << 30}) {
          if (kind == CodeKind::Table && group == 32) continue;
          SCOPED_TRACE(::testing::Message() << c << " seed " << seed << " bits " << bits << " kind "
                                            << static_cast<int>(kind) << " group " << group);
          CodesProblem problem(c, {bits, kind, group, 1 << (bits - 1)}, seed);
          problem.check(kernels());
          problem.check_bits(kernels());
        }
      }
    }
  }
};

constexpr Window kPointwise = {1, 1, 1, 1, 1, 1, 0, 0};

TEST_P(CodedWeights, Pixels) {
  for (const int32_t pixels : {1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 17, 31, 33, 100})
    check({1, pixels, kPointwise, 0, 0, 20, 24});
}

TEST_P(CodedWeights, Outputs) {
  for (int32_t outputs = 1; outputs <= 90; outputs += outputs < 40 ? 1 : 7) {
    check({1, 7, kPointwise, 0, 0, 11, outputs});
    check({1, 1, kPointwise, 0, 0, 11, outputs, 1, 1, 0, 0, true});
  }
}

// Inputs around words, groups and the runs that are decoded together.
TEST_P(CodedWeights, Inputs) {
  for (const int32_t inputs : {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 255, 256, 257, 600}) {
    for (const bool in_place : {false, true}) {
      check({3, 7, kPointwise, 0, 0, inputs, 20, 1, 1, 0, 0, true, in_place});
      check({1, 1, kPointwise, 0, 0, inputs, 75, 1, 1, 0, 0, true, in_place});
    }
  }
}

TEST_P(CodedWeights, Windows) {
  for (const int32_t channels : {1, 3, 8, 17, 40}) {
    check({7, 13, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, channels, 20});
    check({8, 14, {3, 3, 2, 2, 1, 1, 1, 1}, 1, 1, channels, 41});
    check({9, 11, {1, 1, 2, 2, 1, 1, 0, 0}, 0, 0, channels, 20});
    check({4, 6, {1, 1, 1, 1, 1, 1, 1, 2}, 3, 1, channels, 18});
    check({12, 15, {3, 3, 1, 2, 2, 3, 2, 3}, 2, 3, channels, 12});
    check({2, 3, {5, 7, 1, 1, 1, 1, 2, 3}, 2, 3, channels, 17});
    check({17, 22, {2, 2, 5, 4, 1, 1, 1, 1}, 0, 0, channels, 20});
  }
  for (const bool in_place : {false, true}) {
    check({5, 6, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 130, 40, 1, 1, 0, 0, true, in_place});
    check({3, 4, {3, 1, 1, 1, 1, 1, 1, 0}, 1, 0, 300, 24, 1, 1, 0, 0, true, in_place});
  }
}

TEST_P(CodedWeights, Groups) {
  for (const int32_t outputs : {1, 8, 9, 20}) {
    check({6, 8, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 5, outputs, 3, 2, 2, 3});
    check({6, 8, kPointwise, 0, 0, 12, outputs, 3, 2, 2, 3});
  }
}

TEST_P(CodedWeights, EveryActivationAndResidual) {
  for (int f = 0; f < kFunctionCount; ++f) {
    if (!is_smooth(static_cast<Function>(f))) continue;
    for (const bool in_place : {false, true}) {
      check({5, 7, kPointwise, 0, 0, 9, 21, 1, 1, 2, 1, true, in_place, activation_of(static_cast<Function>(f))});
      check({1, 1, kPointwise, 0, 0, 9, 21, 1, 1, 2, 1, true, in_place, activation_of(static_cast<Function>(f))});
    }
  }
}

TEST_P(CodedWeights, RandomGeometry) {
  Random random(11);
  for (int i = 0; i < 60; ++i) check(random_case(random, false), static_cast<uint64_t>(i) + 100);
}

LINNET_INSTANTIATE_ISAS(CodedWeights);

}  // namespace
}  // namespace linnet::kernels::test
