// Cases and naive references shared by the tests of conv2d, depthwise and conv_transpose2d.
#pragma once

#include "kernels/pack.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {

struct ConvCase {
  int32_t in_h, in_w;
  Window window;
  int32_t pad_bottom = 0, pad_right = 0;
  int32_t in_channels = 1, out_channels = 1, groups = 1;  // channels per group
  int32_t batch = 1;
  int32_t x_gap = 0, y_gap = 0;  // between pixels
  bool residual = false, in_place = false;
  Activation activation{};
};

inline std::ostream& operator<<(std::ostream& out, const ConvCase& c) {
  const Window& w = c.window;
  return out << "image " << c.batch << "x" << c.in_h << "x" << c.in_w << " groups " << c.groups << " channels "
             << c.in_channels << "->" << c.out_channels << " kernel " << w.kernel_h << "x" << w.kernel_w << " stride "
             << w.stride_h << "x" << w.stride_w << " dilation " << w.dilation_h << "x" << w.dilation_w << " pads "
             << w.pad_top << "," << w.pad_left << "," << c.pad_bottom << "," << c.pad_right << " gaps " << c.x_gap
             << "," << c.y_gap << " residual " << c.residual << c.in_place << " function "
             << static_cast<int>(c.activation.function);
}

inline int32_t conv_output(int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

inline int32_t conv_transpose_output(int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads) {
  return (in - 1) * stride + (kernel - 1) * dilation + 1 - pads;
}

// The tensors of a case, weights as [output][input of the group][kernel_h][kernel_w], and the checks that all three
// share.
class ConvProblem {
 public:
  ConvProblem(const ConvCase& c, int32_t out_h, int32_t out_w, uint64_t seed)
      : case_(c),
        out_h_(out_h),
        out_w_(out_w),
        x_stride_(static_cast<ptrdiff_t>(c.groups) * c.in_channels + c.x_gap),
        y_stride_(static_cast<ptrdiff_t>(c.groups) * c.out_channels + c.y_gap),
        x_(Random(seed).floats((static_cast<size_t>(c.batch) * c.in_h * c.in_w - 1) * x_stride_ +
                               c.groups * c.in_channels)),
        w_(Random(seed + 1).floats(static_cast<size_t>(c.groups) * c.out_channels * c.in_channels * taps())),
        bias_(Random(seed + 2).floats(static_cast<size_t>(c.groups) * c.out_channels)),
        residual_(Random(seed + 3).floats((static_cast<size_t>(c.batch) * out_h * out_w - 1) * y_stride_ +
                                          c.groups * c.out_channels)) {}
  virtual ~ConvProblem() = default;

  int32_t taps() const { return case_.window.kernel_h * case_.window.kernel_w; }
  // What run() counts: all output rows, in units that end with the image.
  int32_t rows() const { return case_.batch * ((out_h_ - 1) / unit() + 1); }

  // Against the reference, then the same bits however the rows are divided.
  void check(const KernelTable& kernels) {
    Guarded<float> out(residual_.values());
    run(kernels, out, 0, rows());
    EXPECT_TRUE(out.intact());
    const int32_t channels = case_.groups * case_.out_channels;
    for (int32_t row = 0; row < case_.batch * out_h_; ++row) {
      for (int32_t ox = 0; ox < out_w_; ++ox) {
        for (int32_t channel = 0; channel < y_stride_; ++channel) {
          const size_t i = static_cast<size_t>((static_cast<ptrdiff_t>(row) * out_w_ + ox) * y_stride_ + channel);
          if (i >= out.size()) continue;
          if (channel >= channels) {
            ASSERT_EQ(out[i], residual_[i]) << "written between pixels, row " << row << " column " << ox;
            continue;
          }
          Sum sum = reference(row / out_h_, row % out_h_, ox, channel);
          sum.add(bias_[channel]);
          if (case_.residual) sum.add(residual_[i]);
          sum.magnitude = tolerance_scale(sum.magnitude, row / out_h_, row % out_h_, ox, channel);
          ASSERT_TRUE(matches(out[i], sum, case_.activation))
              << "row " << row << " column " << ox << " channel " << channel;
        }
      }
    }
    for (int32_t part = 1; part < rows(); part = part * 2 + 1) {
      Guarded<float> split(residual_.values());
      for (int32_t row = 0; row < rows(); row += part) run(kernels, split, row, std::min(rows(), row + part));
      ASSERT_EQ(std::memcmp(split.data(), out.data(), out.size() * sizeof(float)), 0)
          << "split every " << part << " rows";
    }
  }

 protected:
  virtual int32_t unit() const { return 1; }  // output rows
  // What the tolerance of an output is relative to; `magnitude` is the sum of its absolute products.
  virtual double tolerance_scale(double magnitude, int32_t image, int32_t oy, int32_t ox, int32_t channel) const {
    return (void)image, (void)oy, (void)ox, (void)channel, magnitude;
  }
  virtual Sum reference(int32_t image, int32_t oy, int32_t ox, int32_t channel) const = 0;
  virtual void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) = 0;

  // x[image, iy, ix, input] * w, or nothing outside the image.
  void add_tap(Sum* sum, int32_t image, int32_t iy, int32_t ix, int32_t channel, int32_t ky, int32_t kx) const {
    if (iy < 0 || iy >= case_.in_h || ix < 0 || ix >= case_.in_w) return;
    const int32_t group = channel / case_.out_channels;
    const size_t pixel = (static_cast<size_t>(image) * case_.in_h + iy) * case_.in_w + ix;
    for (int32_t input = 0; input < case_.in_channels; ++input) {
      const size_t w =
          (static_cast<size_t>(channel) * case_.in_channels + input) * taps() + ky * case_.window.kernel_w + kx;
      sum->add(static_cast<double>(x_[pixel * x_stride_ + group * case_.in_channels + input]) * w_[w]);
    }
  }

  ConvWeights weights() const {
    return {w_.data(),
            static_cast<ptrdiff_t>(case_.in_channels) * taps(),
            taps(),
            case_.window.kernel_w,
            1,
            bias_.data(),
            case_.groups,
            case_.in_channels,
            case_.out_channels,
            case_.window.kernel_h,
            case_.window.kernel_w};
  }

  Epilogue epilogue(const Guarded<float>& out) const {
    Epilogue e;
    e.activation = case_.activation;
    if (case_.residual) {
      e.residual = case_.in_place ? out.data() : residual_.data();
      e.residual_stride = y_stride_;
    }
    return e;
  }

  // The fields that the argument structs have in common.
  template <class Args, class Weight>
  Args arguments(Guarded<float>& out, int32_t row_begin, int32_t row_end, const Guarded<Weight>& packed,
                 void* scratch) const {
    Args args{};
    args.window = case_.window;
    args.in_h = case_.in_h;
    args.in_w = case_.in_w;
    args.out_h = out_h_;
    args.out_w = out_w_;
    args.row_begin = row_begin;
    args.row_end = row_end;
    args.x = x_.data();
    args.x_stride = x_stride_;
    args.packed = packed.data();
    args.y = out.data();
    args.y_stride = y_stride_;
    args.epilogue = epilogue(out);
    args.scratch = scratch;
    return args;
  }

  ConvCase case_;
  int32_t out_h_, out_w_;
  ptrdiff_t x_stride_, y_stride_;
  Guarded<float> x_;
  std::vector<float> w_, bias_;
  Guarded<float> residual_;
};

// int8 weights that a problem's numbers are replaced by, and their scales: exactly their products.
struct Float32x8Weights {
  // `outputs` of [w.size() / outputs] each.
  Float32x8Weights(std::vector<float>* w, int32_t outputs, uint64_t seed) : integers(w->size()) {
    Random random(seed);
    for (int32_t i = 0; i < outputs; ++i) scales.push_back(static_cast<float>(random.integer(1, 255)) / 16384);
    for (size_t i = 0; i < w->size(); ++i) {
      integers[i] = static_cast<int8_t>(random.integer(-128, 127));
      (*w)[i] = integers[i] * scales[i / (w->size() / static_cast<size_t>(outputs))];
    }
  }

  ConvFloat32x8Weights of(const ConvWeights& w) const {
    return {integers.data(), w.output_stride, w.input_stride, w.y_stride, w.x_stride, w.bias,
            w.groups,        w.in_channels,   w.out_channels, w.kernel_h, w.kernel_w, scales.data()};
  }

  std::vector<int8_t> integers;
  std::vector<float> scales;
};

// A direct convolution's reference.
class ForwardProblem : public ConvProblem {
 public:
  ForwardProblem(const ConvCase& c, uint64_t seed)
      : ConvProblem(c,
                    conv_output(c.in_h, c.window.kernel_h, c.window.stride_h, c.window.dilation_h,
                                c.window.pad_top + c.pad_bottom),
                    conv_output(c.in_w, c.window.kernel_w, c.window.stride_w, c.window.dilation_w,
                                c.window.pad_left + c.pad_right),
                    seed) {}

 protected:
  Sum reference(int32_t image, int32_t oy, int32_t ox, int32_t channel) const override {
    const Window& w = case_.window;
    Sum sum;
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        add_tap(&sum, image, oy * w.stride_h - w.pad_top + ky * w.dilation_h,
                ox * w.stride_w - w.pad_left + kx * w.dilation_w, channel, ky, kx);
      }
    }
    return sum;
  }
};

// A random small geometry with at least one output pixel in each direction.
inline ConvCase random_case(Random& random, bool transposed) {
  while (true) {
    ConvCase c{};
    Window& w = c.window;
    c.in_h = random.integer(1, 9);
    c.in_w = random.integer(1, 20);
    w.kernel_h = random.integer(1, 5);
    w.kernel_w = random.integer(1, 5);
    w.stride_h = random.integer(1, 3);
    w.stride_w = random.integer(1, 3);
    w.dilation_h = random.integer(1, 3);
    w.dilation_w = random.integer(1, 2);
    w.pad_top = random.integer(0, 3);
    w.pad_left = random.integer(0, 4);
    c.pad_bottom = random.integer(0, 3);
    c.pad_right = random.integer(0, 4);
    c.in_channels = random.integer(1, 19);
    c.out_channels = random.integer(1, 35);
    c.groups = random.integer(0, 3) == 0 ? random.integer(2, 3) : 1;
    c.batch = random.integer(1, 2);
    c.x_gap = random.integer(0, 1) * 3;
    c.y_gap = random.integer(0, 1) * 2;
    c.residual = random.integer(0, 1) == 1;
    c.in_place = random.integer(0, 1) == 1;
    do {
      c.activation = activation_of(static_cast<Function>(random.integer(0, kFunctionCount - 1)));
    } while (!is_smooth(c.activation.function));
    const auto fits = [&](int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads) {
      const int32_t room = in + pads - (kernel - 1) * dilation - 1;
      return transposed ? conv_transpose_output(in, kernel, stride, dilation, pads) > 0 : room >= 0;
    };
    if (fits(c.in_h, w.kernel_h, w.stride_h, w.dilation_h, w.pad_top + c.pad_bottom) &&
        fits(c.in_w, w.kernel_w, w.stride_w, w.dilation_w, w.pad_left + c.pad_right)) {
      return c;
    }
  }
}

}  // namespace linnet::kernels::test
