// conv2d_s16, linear_s16, depthwise_s16 and conv_transpose2d_s16 against a naive evaluator, byte for byte.
#include "kernels/pack_int16.hpp"
#include "tests/kernels/int8_support.hpp"

namespace linnet::kernels::test {
namespace {

enum class Kind { Conv2D, Linear, Depthwise, Transposed };

struct Int16Case {
  Kind kind;
  Window window;
  int32_t batch, in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t x_gap, y_gap;
  int32_t extreme;  // 0: random numbers; otherwise all inputs and weights are the least or the most
};

std::ostream& operator<<(std::ostream& out, const Int16Case& c) {
  const Window& w = c.window;
  return out << "kind " << static_cast<int>(c.kind) << " " << c.batch << "x" << c.in_h << "x" << c.in_w << " to "
             << c.out_h << "x" << c.out_w << " groups " << c.groups << " channels " << c.in_channels << "->"
             << c.out_channels << " kernel " << w.kernel_h << "x" << w.kernel_w << " stride " << w.stride_h << "x"
             << w.stride_w << " dilation " << w.dilation_h << "x" << w.dilation_w << " pads " << w.pad_top << ","
             << w.pad_left << " gaps " << c.x_gap << "," << c.y_gap << " extreme " << c.extreme;
}

// floor(n / 2^shift)
int64_t shifted(int64_t n, int32_t shift) {
  const int64_t d = int64_t{1} << shift;
  return n / d - (n % d < 0 ? 1 : 0);
}

int64_t scaled(int64_t sum, const SumFactor& f) {
  const uint64_t wrapped =
      static_cast<uint64_t>(sum) * static_cast<uint64_t>(f.multiplier) + (uint64_t{1} << (f.shift - 1));
  return divide_half_away(wrap(shifted(static_cast<int64_t>(wrapped), f.shift)), int64_t{1} << f.divide);
}

class Problem {
 public:
  Problem(const Int16Case& c, uint64_t seed)
      : case_(c), random_(seed), x_stride_(c.groups * c.in_channels + c.x_gap), y_stride_(outputs() + c.y_gap) {
    x_.resize((static_cast<size_t>(c.batch) * c.in_h * c.in_w - 1) * x_stride_ + c.groups * c.in_channels);
    for (int16_t& x : x_) x = static_cast<int16_t>(random_.integer(-32768, 32767));
    w_ = random_.bytes(static_cast<size_t>(outputs()) * c.in_channels * taps());
    if (c.extreme != 0) std::fill(x_.begin(), x_.end(), c.extreme == 1 ? -32768 : 32767);
    if (c.extreme != 0) std::fill(w_.begin(), w_.end(), -128);
    y_.resize((static_cast<size_t>(c.batch) * c.out_h * c.out_w - 1) * y_stride_ + outputs());
    for (int16_t& y : y_) y = static_cast<int16_t>(random_.integer(-32768, 32767));
    low_ = random_.one_in(2) ? -32768 : random_.integer(-32768, 32767);
    high_ = random_.one_in(2) ? 32767 : random_.integer(low_, 32767);
    const bool large = random_.one_in(8);
    const int32_t bits = large ? 46 : 22 + static_cast<int32_t>(std::log2(c.in_channels * taps())) / 2 + 1;
    for (int32_t n = 0; n < outputs(); ++n) {
      bias_.push_back(int64_t{random_.integer(INT32_MIN, INT32_MAX)} << bits >> 32);
      factors_.push_back(factor(bits));
      real_factors_.push_back(random_.one_in(16) ? 0.0 : std::ldexp(random_.integer(1 << 20, 1 << 21), -5 - bits));
    }
    pack();
  }

  void check(const KernelTable& kernels) {
    const int32_t rows = case_.batch * case_.out_h;
    Guarded<int16_t> y(y_);
    run(kernels, y, 0, rows);
    ASSERT_TRUE(y.intact());
    for (size_t i = 0; i < y_.size(); ++i) {
      const auto n = static_cast<int32_t>(i % y_stride_), pixel = static_cast<int32_t>(i / y_stride_);
      const int64_t wanted = n < outputs() ? reference(pixel / case_.out_w, pixel % case_.out_w, n) : y_[i];
      ASSERT_EQ(y[i], wanted) << "pixel " << pixel << " channel " << n;
    }
    const int32_t part = random_.integer(1, rows);
    Guarded<int16_t> split(y_);
    for (int32_t row = 0; row < rows; row += part) run(kernels, split, row, std::min(rows, row + part));
    ASSERT_EQ(std::memcmp(split.data(), y.data(), y.size() * sizeof(int16_t)), 0) << "split every " << part << " rows";
  }

 private:
  int32_t taps() const { return case_.window.kernel_h * case_.window.kernel_w; }
  int32_t outputs() const { return case_.groups * case_.out_channels; }

  // TensorFlow Lite's two kinds of factors, and extremes of what the format allows.
  SumFactor factor(int32_t bits) {
    const auto extreme = [&] { return static_cast<int16_t>(random_.integer(0, 31)); };
    if (random_.one_in(16)) return {0, static_cast<int16_t>(random_.integer(1, 62)), extreme()};
    if (random_.one_in(16))
      return {random_.integer(0, INT32_MAX), static_cast<int16_t>(random_.integer(1, 62)), extreme()};
    const int32_t wanted = bits - 15;  // the exponent that is taken away
    if (random_.one_in(2)) return {random_.integer(1 << 14, (1 << 15) - 1), static_cast<int16_t>(15 + wanted), 0};
    const int32_t multiplier = random_.one_in(4) ? 1 << 30 : random_.integer(1 << 30, INT32_MAX);
    return {multiplier, 31, static_cast<int16_t>(std::min(wanted, 31))};
  }

  // The line or column that a tap of an output meets; -1 outside of the image.
  int32_t met(int32_t out, int32_t tap, int32_t stride, int32_t dilation, int32_t pad, int32_t size) const {
    const int32_t at =
        case_.kind == Kind::Transposed ? out + pad - tap * dilation : out * stride - pad + tap * dilation;
    if (case_.kind == Kind::Transposed) return at < 0 || at % stride != 0 || at / stride >= size ? -1 : at / stride;
    return at < 0 || at >= size ? -1 : at;
  }

  int64_t sum(int32_t row, int32_t ox, int32_t n) const {
    const Window& w = case_.window;
    const int32_t image = row / case_.out_h, oy = row % case_.out_h, group = n / case_.out_channels;
    int64_t acc = bias_[n];
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        const int32_t iy = met(oy, ky, w.stride_h, w.dilation_h, w.pad_top, case_.in_h);
        const int32_t ix = met(ox, kx, w.stride_w, w.dilation_w, w.pad_left, case_.in_w);
        if (iy < 0 || ix < 0) continue;
        const size_t pixel = (static_cast<size_t>(image) * case_.in_h + iy) * case_.in_w + ix;
        for (int32_t c = 0; c < case_.in_channels; ++c) {
          const int64_t weight = w_[(static_cast<size_t>(n) * case_.in_channels + c) * taps() + ky * w.kernel_w + kx];
          acc += weight * x_[pixel * x_stride_ + group * case_.in_channels + c];
        }
      }
    }
    return acc;
  }

  int64_t reference(int32_t row, int32_t ox, int32_t n) const {
    const int64_t total = sum(row, ox, n);
    if (case_.kind != Kind::Linear) return std::clamp<int64_t>(scaled(total, factors_[n]), low_, high_);
    const double real = std::round(static_cast<double>(total) * real_factors_[n]);
    return static_cast<int64_t>(std::clamp<double>(real, low_, high_));
  }

  void pack() {
    const ptrdiff_t taps = this->taps();
    const ConvInt16Weights weights = {w_.data(),
                                      case_.in_channels * taps,
                                      taps,
                                      case_.window.kernel_w,
                                      1,
                                      bias_.data(),
                                      case_.kind == Kind::Linear ? nullptr : factors_.data(),
                                      real_factors_.data(),
                                      case_.groups,
                                      case_.in_channels,
                                      case_.out_channels,
                                      case_.window.kernel_h,
                                      case_.window.kernel_w};
    if (case_.kind == Kind::Transposed) {
      packed_.resize(conv_transpose2d_int16_packed_bytes(weights, case_.window));
      pack_conv_transpose2d_int16(weights, case_.window, packed_.data());
      return;
    }
    const bool depthwise = case_.kind == Kind::Depthwise;
    packed_.resize(depthwise ? depthwise_int16_packed_bytes(weights) : conv2d_int16_packed_bytes(weights));
    (depthwise ? pack_depthwise_int16 : pack_conv2d_int16)(weights, packed_.data());
  }

  void run(const KernelTable& kernels, Guarded<int16_t>& y, int32_t begin, int32_t end) {
    const Guarded<int16_t> x(x_);
    const Guarded<int8_t> packed(packed_, kWeightSlackBytes);
    if (case_.kind == Kind::Depthwise) {
      Scratch scratch(depthwise_int16_scratch_bytes(case_.window, case_.groups, sizeof(void*)));
      kernels.depthwise_s16({case_.window, case_.in_h, case_.in_w, case_.out_h, case_.out_w, case_.groups, begin, end,
                             x.data(), x_stride_, packed.data(), y.data(), y_stride_, low_, high_, scratch.data()});
      EXPECT_TRUE(scratch.intact());
    } else if (case_.kind == Kind::Transposed) {
      Scratch scratch(conv_transpose2d_int16_scratch_bytes(case_.window, case_.in_channels, traits(kernels.id)));
      kernels.conv_transpose2d_s16({case_.window, case_.in_h, case_.in_w, case_.out_h, case_.out_w, case_.groups,
                                    case_.in_channels, case_.out_channels, begin, end, x.data(), x_stride_,
                                    packed.data(), y.data(), y_stride_, low_, high_, scratch.data()});
      EXPECT_TRUE(scratch.intact());
    } else {
      Scratch scratch(conv2d_int16_scratch_bytes(case_.window, case_.in_channels, traits(kernels.id)));
      const auto kernel = case_.kind == Kind::Linear ? kernels.linear_s16 : kernels.conv2d_s16;
      kernel({case_.window, case_.in_h, case_.in_w, case_.out_h, case_.out_w, case_.groups, case_.in_channels,
              case_.out_channels, begin, end, x.data(), x_stride_, packed.data(), y.data(), y_stride_, low_, high_,
              scratch.data()});
      EXPECT_TRUE(scratch.intact());
    }
  }

  Int16Case case_;
  Int8Random random_;
  ptrdiff_t x_stride_, y_stride_;
  std::vector<int16_t> x_, y_;
  std::vector<int8_t> w_, packed_;
  std::vector<int64_t> bias_;
  std::vector<SumFactor> factors_;
  std::vector<double> real_factors_;
  int32_t low_, high_;
};

// Output size and padding of an axis, with at least one output.
struct Axis {
  int32_t in, out, kernel, stride, dilation, pad;
};

Axis random_axis(Int8Random& random, int32_t most_kernel) {
  Axis a;
  a.kernel = random.one_in(3) ? 1 : random.integer(1, most_kernel);
  a.stride = random.integer(1, 3);
  a.dilation = random.one_in(3) ? random.integer(1, 3) : 1;
  const int32_t reach = (a.kernel - 1) * a.dilation + 1;
  a.pad = random.one_in(2) ? 0 : random.integer(0, reach);
  const int32_t after = random.one_in(2) ? 0 : random.integer(0, reach);
  a.in = std::max(1, reach - a.pad - after) + random.integer(0, 12);
  a.out = std::max(1, (a.in + a.pad + after - reach) / a.stride + 1);
  return a;
}

Int16Case random_case(Int8Random& random, Kind kind) {
  const int32_t channels[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 24, 25, 31, 32, 33, 40};
  const auto pick = [&] { return channels[random.integer(0, std::size(channels) - 1)]; };
  const bool depthwise = kind == Kind::Depthwise;
  const Axis h = random_axis(random, depthwise ? 5 : 3), w = random_axis(random, depthwise ? 7 : 4);
  Int16Case c{};
  c.kind = kind;
  c.window = {h.kernel, w.kernel, h.stride, w.stride, h.dilation, w.dilation, h.pad, w.pad};
  c.batch = random.one_in(4) ? 2 : 1;
  c.in_h = h.in;
  c.in_w = w.in;
  const auto transposed = [&](const Axis& a) {
    const int32_t whole = (a.in - 1) * a.stride + (a.kernel - 1) * a.dilation + 1 - a.pad;
    return std::max(1, whole + random.integer(-3, 3));
  };
  c.out_h = kind == Kind::Transposed ? transposed(h) : h.out;
  c.out_w = kind == Kind::Transposed ? transposed(w) : w.out;
  c.groups = depthwise ? pick() : random.one_in(4) ? random.integer(2, 3) : 1;
  c.in_channels = depthwise ? 1 : pick();
  c.out_channels = depthwise ? 1 : pick();
  c.x_gap = random.one_in(3) ? random.integer(1, 9) : 0;
  c.y_gap = random.one_in(3) ? random.integer(1, 9) : 0;
  return c;
}

Int16Case product(Kind kind, int32_t rows, int32_t inputs, int32_t outputs, int32_t extreme = 0) {
  return {kind, {1, 1, 1, 1, 1, 1, 0, 0}, 1, rows, 1, rows, 1, 1, inputs, outputs, 0, 0, extreme};
}

class ConvolutionInt16 : public KernelTest {
 protected:
  void check(const Int16Case& c, uint64_t seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
    Problem(c, seed).check(kernels());
  }
  void check_random(Kind kind, uint64_t first_seed) {
    for (uint64_t seed = first_seed; seed < first_seed + 200 && !HasFatalFailure(); ++seed) {
      Int8Random random(seed);
      check(random_case(random, kind), seed + 1000);
    }
  }
};

TEST_P(ConvolutionInt16, RandomConvolutions) {
  check_random(Kind::Conv2D, 1);
}

TEST_P(ConvolutionInt16, RandomDepthwise) {
  check_random(Kind::Depthwise, 5000);
}

TEST_P(ConvolutionInt16, RandomTransposed) {
  check_random(Kind::Transposed, 9000);
  check({Kind::Transposed, {2, 1, 3, 4, 1, 1, 0, 0}, 1, 4, 5, 9, 16, 1, 3, 9, 0, 0, 0}, 1);  // phases without taps
}

// Matrix products of every number of rows and outputs around a tile's and a panel's.
TEST_P(ConvolutionInt16, ProductTails) {
  uint64_t seed = 1;
  for (const Kind kind : {Kind::Conv2D, Kind::Linear}) {
    for (const int32_t rows : {1, 2, 3, 4, 5, 7, 8, 9}) {
      for (int32_t outputs = 1; outputs <= 50 && !HasFatalFailure(); ++outputs, ++seed)
        check(product(kind, rows, 1 + static_cast<int32_t>(seed * 7 % 37), outputs), seed);
    }
  }
}

// Sums beyond 32 bits, around the number of products that are added up in 32 of them.
TEST_P(ConvolutionInt16, LargeSums) {
  uint64_t seed = 1;
  for (const int32_t extreme : {0, 1, 2}) {
    for (const int32_t inputs : {253, 255, 256, 257, 258, 511, 513, 1000, 3000}) {
      for (const Kind kind : {Kind::Conv2D, Kind::Linear}) check(product(kind, 5, inputs, 19, extreme), ++seed);
    }
    for (const int32_t size : {15, 16, 17, 23, 33}) {
      const Int16Case c = {Kind::Depthwise, {size, size, 1, 1, 1, 1, 2, 2}, 1, size, size, 3, 3, 19, 1, 1, 0, 0,
                           extreme};
      check(c, ++seed);
    }
  }
}

LINNET_INSTANTIATE_ISAS(ConvolutionInt16);

}  // namespace
}  // namespace linnet::kernels::test
