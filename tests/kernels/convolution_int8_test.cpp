// conv2d_s8 and depthwise_s8 against a naive evaluator, byte for byte.
#include "kernels/pack_codes.hpp"
#include "kernels/pack_sparse.hpp"
#include "tests/kernels/int8_support.hpp"

namespace linnet::kernels::test {
namespace {

struct Int8Case {
  bool depthwise;
  Window window;
  int32_t batch, in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t x_gap, y_gap;
  Rounding rounding;
  bool residual, in_place;
  bool sparse = false;    // with SparseInt8 weights
  CodeFormat codes = {};  // with Panel16Int8Codes where it has bits
};

std::ostream& operator<<(std::ostream& out, const Int8Case& c) {
  const Window& w = c.window;
  return out << (c.depthwise ? "depthwise " : "conv2d ") << c.batch << "x" << c.in_h << "x" << c.in_w << " to "
             << c.out_h << "x" << c.out_w << " groups " << c.groups << " channels " << c.in_channels << "->"
             << c.out_channels << " kernel " << w.kernel_h << "x" << w.kernel_w << " stride " << w.stride_h << "x"
             << w.stride_w << " dilation " << w.dilation_h << "x" << w.dilation_w << " pads " << w.pad_top << ","
             << w.pad_left << " gaps " << c.x_gap << "," << c.y_gap << " rounding " << static_cast<int>(c.rounding)
             << " residual " << c.residual << c.in_place << (c.sparse ? " sparse" : "") << " bits " << c.codes.bits
             << " kind " << static_cast<int>(c.codes.kind);
}

class Problem {
 public:
  Problem(const Int8Case& c, uint64_t seed)
      : case_(c), random_(seed), x_stride_(c.groups * c.in_channels + c.x_gap), y_stride_(outputs() + c.y_gap) {
    x_ = random_.bytes((static_cast<size_t>(c.batch) * c.in_h * c.in_w - 1) * x_stride_ + c.groups * c.in_channels);
    w_ = random_.bytes(static_cast<size_t>(outputs()) * c.in_channels * taps());
    const int32_t kind = random_.integer(0, 3);
    for (int8_t& weight : w_) {
      if (kind > 0) weight = std::max<int8_t>(weight, -127);  // as quantizers make them
      // Two of these are just what 16 bits hold beside any inputs; now and then one is larger.
      if (kind > 1 && (kind == 2 || !random_.one_in(64))) weight = std::clamp<int8_t>(weight, -64, 64);
    }
    if (c.sparse) remove_groups();
    if (c.codes.bits != 0) take_few_numbers();
    if (random_.one_in(4)) {
      for (int8_t& x : x_) x = x < 0 ? -128 : 127;
    }
    residual_ = random_.bytes((static_cast<size_t>(c.batch) * c.out_h * c.out_w - 1) * y_stride_ + outputs());
    const bool large = random_.one_in(8);
    const int32_t bits = large ? 31 : 14 + static_cast<int32_t>(std::log2(c.in_channels * taps())) / 2 + 1;
    // A whole layer has ordinary factors, or all but one, or any.
    const bool ordinary = random_.one_in(2);
    const int32_t other = random_.integer(0, 2 * outputs());
    for (int32_t n = 0; n < outputs(); ++n) {
      const int32_t limit = large ? 1 << 30 : 1 << bits;
      bias_.push_back(random_.integer(-limit, limit));
      factors_.push_back(ordinary && n != other ? random_.ordinary_factor(c.rounding, bits)
                                                : random_.factor(c.rounding, bits));
    }
    zero_point_ = random_.integer(-128, 127);
    epilogue_.requantize = random_.requantize(c.rounding);
    epilogue_.add = random_.binary(random_.one_in(2) ? Rounding::Float : Rounding::FixedPoint);
    epilogue_.add.a_zero_point = epilogue_.requantize.zero_point;
    pack();
  }

  void check(const KernelTable& kernels) {
    const int32_t rows = case_.batch * case_.out_h;
    Guarded<int8_t> y(residual_), residual(residual_);
    run(kernels, y, residual, 0, rows);
    ASSERT_TRUE(y.intact());
    for (int32_t row = 0; row < rows; ++row) {
      for (int32_t ox = 0; ox < case_.out_w; ++ox) {
        for (int32_t n = 0; n < y_stride_; ++n) {
          const size_t i = (static_cast<size_t>(row) * case_.out_w + ox) * y_stride_ + n;
          if (i >= residual_.size()) break;
          const int32_t wanted = n < outputs() ? reference(row, ox, n, residual_[i]) : residual_[i];
          ASSERT_EQ(y[i], wanted) << "row " << row << " column " << ox << " channel " << n << " sum "
                                  << sum(row, ox, n);
        }
      }
    }
    const int32_t part = random_.integer(1, rows);
    Guarded<int8_t> split(residual_);
    for (int32_t row = 0; row < rows; row += part) run(kernels, split, residual, row, std::min(rows, row + part));
    ASSERT_EQ(std::memcmp(split.data(), y.data(), y.size()), 0) << "split every " << part << " rows";
  }

 private:
  int32_t taps() const { return case_.window.kernel_h * case_.window.kernel_w; }
  int32_t outputs() const { return case_.groups * case_.out_channels; }

  // Some, most or all groups of four inputs.
  void remove_groups() {
    const int32_t kept = random_.integer(0, 2) * 25;
    for (size_t first = 0; first < w_.size(); first += kDot * taps()) {
      for (int32_t tap = 0; tap < taps(); ++tap) {
        if (random_.integer(0, 99) < kept) continue;
        for (int32_t i = 0; i < kDot; ++i) w_[first + i * taps() + tap] = 0;
      }
    }
  }

  // Weights are those of a table, in every panel or output.
  void take_few_numbers() {
    std::vector<int8_t> table;
    const int32_t k = case_.in_channels * taps();
    for (int32_t n = 0; n < outputs(); ++n) {
      const int32_t in_group = n % case_.out_channels;
      if (case_.codes.kind == CodeKind::OutputTable || in_group % kPanel == 0)
        table.assign(w_.begin() + int64_t{n} * k, w_.begin() + int64_t{n} * k + std::min(k, 1 << case_.codes.bits));
      for (int32_t i = 0; i < k; ++i)
        w_[static_cast<size_t>(n) * k + i] = table[random_.integer(0, static_cast<int32_t>(table.size()) - 1)];
    }
  }

  int32_t sum(int32_t row, int32_t ox, int32_t n) const {
    const Window& w = case_.window;
    const int32_t image = row / case_.out_h, oy = row % case_.out_h, group = n / case_.out_channels;
    int64_t acc = bias_[n];
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        const int32_t iy = oy * w.stride_h - w.pad_top + ky * w.dilation_h;
        const int32_t ix = ox * w.stride_w - w.pad_left + kx * w.dilation_w;
        if (iy < 0 || iy >= case_.in_h || ix < 0 || ix >= case_.in_w) continue;
        const size_t pixel = (static_cast<size_t>(image) * case_.in_h + iy) * case_.in_w + ix;
        for (int32_t c = 0; c < case_.in_channels; ++c) {
          const int32_t weight = w_[(static_cast<size_t>(n) * case_.in_channels + c) * taps() + ky * w.kernel_w + kx];
          acc += weight * (x_[pixel * x_stride_ + group * case_.in_channels + c] - zero_point_);
        }
      }
    }
    return wrap(acc);
  }

  int32_t reference(int32_t row, int32_t ox, int32_t n, int32_t residual) const {
    const int32_t q = requantized(sum(row, ox, n), factors_[n], epilogue_.requantize);
    return case_.residual ? quantized_add(q, residual, epilogue_.add) : q;
  }

  void pack() {
    const ptrdiff_t taps = this->taps();
    const ConvInt8Weights weights = {w_.data(),
                                     case_.in_channels * taps,
                                     taps,
                                     case_.window.kernel_w,
                                     1,
                                     bias_.data(),
                                     factors_.data(),
                                     zero_point_,
                                     case_.groups,
                                     case_.in_channels,
                                     case_.out_channels,
                                     case_.window.kernel_h,
                                     case_.window.kernel_w};
    packed_.resize(case_.depthwise ? depthwise_int8_packed_bytes(weights) : conv2d_int8_packed_bytes(weights));
    (case_.depthwise ? pack_depthwise_int8 : pack_conv2d_int8)(weights, packed_.data());
    if (case_.codes.bits == 0) return;
    const int32_t n = case_.out_channels, k = case_.in_channels * case_.window.kernel_h * case_.window.kernel_w;
    std::vector<int8_t> coded(int8_codes_packed_bytes(case_.codes, case_.groups, n, k));
    pack_int8_codes(case_.codes, packed_.data(), case_.groups, n, k, coded.data());
    packed_.assign(coded.begin() + kCodesHeaderBytes, coded.end());
  }

  void run(const KernelTable& kernels, Guarded<int8_t>& y, const Guarded<int8_t>& residual, int32_t begin,
           int32_t end) {
    const Guarded<int8_t> x(x_), packed(packed_, kWeightSlackBytes);
    EpilogueInt8 epilogue = epilogue_;
    epilogue.residual = !case_.residual ? nullptr : case_.in_place ? y.data() : residual.data();
    epilogue.residual_stride = y_stride_;
    if (case_.depthwise) {
      Scratch scratch(depthwise_int8_scratch_bytes(case_.window, case_.groups, sizeof(void*)));
      kernels.depthwise_s8({case_.window, case_.in_h, case_.in_w, case_.out_h, case_.out_w, case_.groups, begin, end,
                            x.data(), x_stride_, zero_point_, packed.data(), y.data(), y_stride_, epilogue,
                            scratch.data()});
      EXPECT_TRUE(scratch.intact());
    } else if (case_.sparse) {
      run_sparse(kernels, x, epilogue, y, begin, end);
    } else {
      const int64_t lines = int64_t{case_.batch} * case_.out_h;
      Scratch scratch(conv2d_int8_scratch_bytes(case_.window, case_.in_channels, lines, case_.out_w, traits(kernels.id),
                                                sizeof(void*), case_.codes.bits != 0));
      kernels.conv2d_s8({case_.window, case_.in_h, case_.in_w, case_.out_h, case_.out_w, case_.groups,
                         case_.in_channels, case_.out_channels, begin, end, x.data(), x_stride_, zero_point_,
                         packed.data(), y.data(), y_stride_, epilogue, scratch.data(), case_.codes});
      EXPECT_TRUE(scratch.intact());
    }
  }

  // Outputs in two parts, where there are panels for them.
  void run_sparse(const KernelTable& kernels, const Guarded<int8_t>& x, const EpilogueInt8& epilogue,
                  Guarded<int8_t>& y, int32_t begin, int32_t end) {
    const int32_t k = case_.in_channels * taps(), n = case_.out_channels;
    Guarded<uint8_t> packed(sparse_int8_packed_bytes(packed_.data(), n, k), kWeightSlackBytes);
    pack_sparse_int8(packed_.data(), n, k, packed.data());
    Scratch scratch(sparse_conv2d_int8_scratch_bytes(case_.window, case_.in_channels, n,
                                                     int64_t{case_.batch} * case_.out_h * case_.out_w,
                                                     traits(kernels.id), sizeof(void*)));
    SparseConv2DInt8Args args{
        {case_.window, case_.in_h, case_.in_w, case_.out_h, case_.out_w, 1, case_.in_channels, n, begin, end, x.data(),
         x_stride_, zero_point_, reinterpret_cast<const int8_t*>(packed.data()), y.data(), y_stride_, epilogue,
         scratch.data()},
        0,
        std::min(n, kPanel)};
    kernels.sparse_conv2d_s8(args);
    args.output_begin = args.output_end;
    args.output_end = n;
    if (args.output_begin < n) kernels.sparse_conv2d_s8(args);
    EXPECT_TRUE(scratch.intact());
  }

  Int8Case case_;
  Int8Random random_;
  ptrdiff_t x_stride_, y_stride_;
  std::vector<int8_t> x_, w_, residual_, packed_;
  std::vector<int32_t> bias_;
  std::vector<Factor> factors_;
  int32_t zero_point_ = 0;
  EpilogueInt8 epilogue_{};
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

Int8Case random_case(Int8Random& random, bool depthwise) {
  const int32_t channels[] = {1,  2,  3,  4,  5,  7,  8,  9,  12, 15, 16, 17, 20,
                              24, 25, 31, 32, 33, 40, 47, 48, 56, 64, 65, 80, 96};
  const auto pick = [&] { return channels[random.integer(0, std::size(channels) - 1)]; };
  const Axis h = random_axis(random, depthwise ? 5 : 3), w = random_axis(random, depthwise ? 7 : 4);
  Int8Case c{};
  c.depthwise = depthwise;
  c.window = {h.kernel, w.kernel, h.stride, w.stride, h.dilation, w.dilation, h.pad, w.pad};
  c.batch = random.one_in(4) ? 2 : 1;
  c.in_h = h.in;
  c.in_w = w.in;
  c.out_h = h.out;
  c.out_w = w.out;
  c.groups = depthwise ? pick() : random.one_in(4) ? random.integer(2, 3) : 1;
  c.in_channels = depthwise ? 1 : pick();
  c.out_channels = depthwise ? 1 : pick();
  c.x_gap = random.one_in(3) ? random.integer(1, 9) : 0;
  c.y_gap = random.one_in(3) ? random.integer(1, 9) : 0;
  c.rounding = random.one_in(2) ? Rounding::Float : Rounding::FixedPoint;
  c.residual = random.one_in(3);
  c.in_place = random.one_in(2);
  return c;
}

class ConvolutionInt8 : public KernelTest {
 protected:
  void check_random(bool depthwise, int32_t cases, uint64_t first_seed) {
    for (uint64_t seed = first_seed; seed < first_seed + cases; ++seed) {
      Int8Random random(seed);
      const Int8Case c = random_case(random, depthwise);
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
      Problem(c, seed + 1000).check(kernels());
      if (HasFatalFailure()) return;
    }
  }
};

TEST_P(ConvolutionInt8, RandomConvolutions) {
  check_random(false, 300, 1);
}

TEST_P(ConvolutionInt8, RandomSparse) {
  for (uint64_t seed = 3000; seed < 3300; ++seed) {
    Int8Random random(seed);
    Int8Case c = random_case(random, false);
    c.groups = 1;
    c.sparse = true;
    c.in_channels = random.one_in(8) ? 1100 : (c.in_channels + kDot - 1) / kDot * kDot;
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
    Problem(c, seed + 1000).check(kernels());
    if (HasFatalFailure()) return;
  }
}

TEST_P(ConvolutionInt8, RandomDepthwise) {
  check_random(true, 300, 5000);
}

// Images large enough for Winograd's way, whose tiles do not fit them, and for several blocks of lines.
TEST_P(ConvolutionInt8, UsualConvolutions) {
  uint64_t seed = 7000;
  for (const int32_t kernel : {3, 3, 3, 5}) {
    for (const int32_t stride : {1, 2}) {
      for (int32_t i = 0; i < 25; ++i) {
        Int8Random random(++seed);
        Int8Case c = random_case(random, false);
        const int32_t pad = random.integer(0, kernel / 2);
        c.window = {kernel, kernel, stride, stride, 1, 1, pad, pad};
        c.in_channels = random.one_in(4) ? random.integer(1, 5) : 4 * random.integer(1, 20);
        c.in_h = kernel + random.integer(0, 20);
        c.in_w = kernel + random.integer(0, random.one_in(4) ? 150 : 20);
        c.out_h = (c.in_h + 2 * pad - kernel) / stride + 1;
        c.out_w = (c.in_w + 2 * pad - kernel) / stride + 1;
        SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
        Problem(c, seed + 1000).check(kernels());
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The windows of most networks, over lines of more and fewer outputs than are computed together.
TEST_P(ConvolutionInt8, UsualDepthwise) {
  uint64_t seed = 9000;
  for (const int32_t kernel : {3, 5, 7}) {
    for (const int32_t stride : {1, 2}) {
      for (int32_t i = 0; i < 20; ++i) {
        Int8Random random(++seed);
        Int8Case c = random_case(random, true);
        const int32_t pad = random.integer(0, kernel - 1);
        c.window = {kernel, kernel, stride, stride, random.one_in(4) ? 2 : 1, 1, random.integer(0, kernel), pad};
        c.in_h = random.integer(1, 9);
        c.in_w = std::max(1, kernel - 2 * pad) + random.integer(0, random.one_in(3) ? 80 : 12);
        c.out_h = std::max(1, (c.in_h + 2 * c.window.pad_top - (kernel - 1) * c.window.dilation_h - 1) / stride + 1);
        c.out_w = std::max(1, (c.in_w + 2 * pad - kernel) / stride + 1);
        SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
        Problem(c, seed + 1000).check(kernels());
        if (HasFatalFailure()) return;
      }
    }
  }
}

// Matrix products of every number of rows and outputs around a tile's and a panel's.
TEST_P(ConvolutionInt8, ProductTails) {
  uint64_t seed = 1;
  for (const int32_t rows : {1, 2, 3, 5, 6, 7, 11, 12, 13}) {
    for (int32_t outputs = 1; outputs <= 81; outputs += outputs < 34 ? 1 : 7) {
      const int32_t inputs = 1 + static_cast<int32_t>(seed * 7 % 37);
      const Int8Case c = {false,
                          {1, 1, 1, 1, 1, 1, 0, 0},
                          1,
                          rows,
                          1,
                          rows,
                          1,
                          1,
                          inputs,
                          outputs,
                          0,
                          0,
                          seed % 2 == 0 ? Rounding::Float : Rounding::FixedPoint,
                          seed % 3 == 0,
                          false};
      SCOPED_TRACE(::testing::Message() << c);
      Problem(c, ++seed).check(kernels());
      if (HasFatalFailure()) return;
    }
  }
}

// Rows of several panels, whose sums are stored together.
TEST_P(ConvolutionInt8, SingleRows) {
  for (const int32_t outputs : {47, 48, 63, 64, 65, 127, 128, 130, 200, 641}) {
    for (uint64_t seed = 1; seed <= 24; ++seed) {
      const Int8Case c = {false,
                          {1, 1, 1, 1, 1, 1, 0, 0},
                          1,
                          1,
                          1,
                          1,
                          1,
                          1,
                          static_cast<int32_t>(seed),
                          outputs,
                          0,
                          0,
                          seed % 2 == 0 ? Rounding::Float : Rounding::FixedPoint,
                          seed % 8 == 0,
                          false};
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
      Problem(c, seed + static_cast<uint64_t>(outputs)).check(kernels());
      if (HasFatalFailure()) return;
    }
  }
}

// More inputs than there are marks for groups of their weights.
TEST_P(ConvolutionInt8, ManyInputs) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Int8Random random(seed);
    const int32_t inputs = 4096 + random.integer(-3, 9000), rows = seed % 2 == 0 ? random.integer(1, 3) : 9;
    const Int8Case c = {false, {1, 1, 1, 1, 1, 1, 0, 0}, 1,     rows, 1, rows, 1, 1, inputs, 19, 0,
                        0,     Rounding::FixedPoint,     false, false};
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
    Problem(c, seed + 1000).check(kernels());
    if (HasFatalFailure()) return;
  }
}

constexpr CodeFormat kCodeFormats[] = {{4, CodeKind::Table, 0, 0},
                                       {4, CodeKind::OutputTable, 0, 0},
                                       {2, CodeKind::Table, 0, 0},
                                       {2, CodeKind::OutputTable, 0, 0}};

// Windows of more inputs than are decoded together among them, in one tap and over several.
TEST_P(ConvolutionInt8, RandomCodes) {
  for (uint64_t seed = 11000; seed < 11400; ++seed) {
    Int8Random random(seed);
    Int8Case c = random_case(random, false);
    c.codes = kCodeFormats[seed % 4];
    if (random.one_in(6)) c.in_channels = random.integer(0, 1) * 1000 + 4 * random.integer(1, 100);
    if (random.one_in(6)) c.out_channels = random.integer(60, 150);
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
    Problem(c, seed + 1000).check(kernels());
    if (HasFatalFailure()) return;
  }
}

// Every number of inputs around blocks of codes, of rows around tiles, and of outputs around those decoded together.
TEST_P(ConvolutionInt8, ProductsOfCodes) {
  uint64_t seed = 13000;
  for (const int32_t rows : {1, 2, 3, 7, 16, 17, 40, 150}) {
    for (const int32_t inputs : {1, 3, 4, 15, 16, 17, 20, 64, 65, 255, 260, 530, 1024, 1100, 2100}) {
      for (const int32_t outputs : {5, 16, 23, 40, 64, 79}) {
        if (rows * inputs > 20000 && outputs > 23) continue;
        Int8Case c = {false,
                      {1, 1, 1, 1, 1, 1, 0, 0},
                      1,
                      rows,
                      1,
                      rows,
                      1,
                      1,
                      inputs,
                      outputs,
                      0,
                      0,
                      Rounding::Float,
                      seed % 3 == 0,
                      false};
        c.codes = kCodeFormats[++seed % 4];
        SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << c);
        Problem(c, seed).check(kernels());
        if (HasFatalFailure()) return;
      }
    }
  }
}

LINNET_INSTANTIATE_ISAS(ConvolutionInt8);

}  // namespace
}  // namespace linnet::kernels::test
