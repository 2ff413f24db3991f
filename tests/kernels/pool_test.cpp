#include <algorithm>

#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

constexpr float kUnwritten = -12345.5f;
constexpr int32_t kBatch = 2;

struct PoolShape {
  Window window;
  int32_t pad_bottom, pad_right, in_h, in_w, out_h, out_w;
};

// kernel, stride, dilation, pad top and left, pad bottom and right, input, output
const PoolShape kShapes[] = {
    {{1, 1, 1, 1, 1, 1, 0, 0}, 0, 0, 3, 4, 3, 4},
    {{2, 2, 2, 2, 1, 1, 0, 0}, 0, 0, 6, 8, 3, 4},
    {{3, 3, 2, 2, 1, 1, 1, 1}, 1, 1, 7, 9, 4, 5},
    {{3, 3, 2, 2, 1, 1, 0, 0}, 0, 0, 6, 8, 3, 4},   // ceil_mode: the last windows stick out of the image
    {{3, 2, 2, 3, 1, 1, 1, 0}, 0, 1, 6, 7, 3, 3},   // asymmetric; ceil_mode beyond the padding
    {{3, 3, 1, 1, 2, 3, 2, 3}, 2, 3, 6, 9, 6, 9},   // dilated
    {{5, 4, 3, 1, 1, 2, 4, 3}, 4, 3, 4, 5, 3, 5},   // paddings as large as the window allows
    {{7, 9, 1, 1, 1, 1, 0, 0}, 0, 0, 7, 9, 1, 1},   // global
    {{1, 3, 1, 2, 1, 1, 0, 1}, 0, 1, 1, 12, 1, 6},  // one-dimensional
    {{2, 2, 2, 2, 1, 1, 0, 0}, 1, 1, 2, 2, 2, 2},   // windows with padding only
};

class PoolTest : public KernelTest {};

double reference(const Pool2DArgs& args, int32_t image, int32_t oy, int32_t ox, int32_t channel) {
  const Window& w = args.window;
  double maximum = -INFINITY, sum = 0;
  int64_t inside = 0, padded = 0;
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
      const int32_t iy = oy * w.stride_h - w.pad_top + ky * w.dilation_h;
      const int32_t ix = ox * w.stride_w - w.pad_left + kx * w.dilation_w;
      padded += iy < args.in_h + args.pad_bottom && ix < args.in_w + args.pad_right;
      if (iy < 0 || ix < 0 || iy >= args.in_h || ix >= args.in_w) continue;
      const double x =
          args.x[((static_cast<ptrdiff_t>(image) * args.in_h + iy) * args.in_w + ix) * args.x_stride + channel];
      maximum = std::isnan(x) || std::isnan(maximum) ? NAN : std::max(maximum, x);
      sum += x;
      ++inside;
    }
  }
  if (args.kind == PoolKind::Max) return activate(args.activation, maximum);
  const int64_t count = args.count_include_pad ? padded : inside;
  return activate(args.activation, count > 0 ? sum / static_cast<double>(count) : 0.0);
}

Pool2DArgs arguments(const PoolShape& shape, PoolKind kind, bool count_include_pad, int32_t channels) {
  Pool2DArgs args{};
  args.kind = kind;
  args.window = shape.window;
  args.pad_bottom = shape.pad_bottom;
  args.pad_right = shape.pad_right;
  args.count_include_pad = count_include_pad;
  args.in_h = shape.in_h;
  args.in_w = shape.in_w;
  args.out_h = shape.out_h;
  args.out_w = shape.out_w;
  args.channels = channels;
  args.row_end = kBatch * shape.out_h;
  args.x_stride = channels + 3;
  args.y_stride = channels + 1;
  return args;
}

void check(const KernelTable& kernels, Pool2DArgs args) {
  const int32_t pixels_in = kBatch * args.in_h * args.in_w, pixels_out = kBatch * args.out_h * args.out_w;
  const Guarded<float> x(Random(31).floats(static_cast<size_t>((pixels_in - 1) * args.x_stride + args.channels)));
  Guarded<float> y(
      std::vector<float>(static_cast<size_t>((pixels_out - 1) * args.y_stride + args.channels), kUnwritten));
  args.x = x.data();
  args.y = y.data();
  kernels.pool2d_f32(args);
  ASSERT_TRUE(y.intact());
  for (size_t i = 0; i < y.size(); ++i) {
    const int32_t channel = static_cast<int32_t>(i % static_cast<size_t>(args.y_stride));
    if (channel >= args.channels) {
      ASSERT_EQ(y[i], kUnwritten);
      continue;
    }
    const int32_t pixel = static_cast<int32_t>(i / static_cast<size_t>(args.y_stride));
    const int32_t ox = pixel % args.out_w, oy = pixel / args.out_w % args.out_h,
                  image = pixel / args.out_w / args.out_h;
    const double tolerance = args.kind == PoolKind::Max && args.activation.function != Function::Tanh ? 0 : 3e-7;
    ASSERT_TRUE(is_close(y[i], reference(args, image, oy, ox, channel), 0, tolerance))
        << "channels " << args.channels << " image " << image << " at " << oy << ", " << ox << ", " << channel;
  }
  // Split over calls: the same bits.
  Guarded<float> parts(std::vector<float>(y.size(), kUnwritten));
  args.y = parts.data();
  for (int32_t row = 0; row < kBatch * args.out_h; ++row) {
    args.row_begin = row;
    args.row_end = row + 1;
    kernels.pool2d_f32(args);
  }
  ASSERT_EQ(parts.values(), y.values());
}

TEST_P(PoolTest, EveryShapeKindAndTail) {
  for (const PoolShape& shape : kShapes) {
    SCOPED_TRACE(&shape - kShapes);
    for (int32_t channels : sizes_with_tails(GetParam())) {
      check(kernels(), arguments(shape, PoolKind::Max, false, channels));
      check(kernels(), arguments(shape, PoolKind::Average, false, channels));
      check(kernels(), arguments(shape, PoolKind::Average, true, channels));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(PoolTest, Activation) {
  for (Function function : {Function::Relu, Function::Clip, Function::Tanh}) {
    for (PoolKind kind : {PoolKind::Max, PoolKind::Average}) {
      Pool2DArgs args = arguments(kShapes[2], kind, false, 21);
      args.activation = activation_of(function);
      check(kernels(), args);
    }
  }
}

TEST_P(PoolTest, MaximumOfSpecialValues) {
  const float x[] = {kNan, 1.0f, 2.0f, -kInf, 3.0f, kInf, -kInf, -kInf};  // 4 windows of 2 pixels, one channel
  float y[4];
  Pool2DArgs args = arguments({{1, 2, 1, 2, 1, 1, 0, 0}, 0, 0, 1, 8, 1, 4}, PoolKind::Max, false, 1);
  args.x_stride = args.y_stride = 1;
  args.row_end = 1;
  args.x = x;
  args.y = y;
  kernels().pool2d_f32(args);
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 2.0f);
  EXPECT_EQ(y[2], kInf);
  EXPECT_EQ(y[3], -kInf);
}

TEST_P(PoolTest, AverageOfALargeImageStaysAccurate) {
  constexpr int32_t kSize = 112;
  std::vector<float> x = Random(32).floats(kBatch * kSize * kSize, 0.9f, 1.1f);
  float y[kBatch];
  Pool2DArgs args =
      arguments({{kSize, kSize, 1, 1, 1, 1, 0, 0}, 0, 0, kSize, kSize, 1, 1}, PoolKind::Average, false, 1);
  args.x_stride = args.y_stride = 1;
  args.x = x.data();
  args.y = y;
  kernels().pool2d_f32(args);
  for (int32_t image = 0; image < kBatch; ++image) {
    EXPECT_TRUE(is_close(y[image], reference(args, image, 0, 0, 0), 1e-6));
  }
}

LINNET_INSTANTIATE_ISAS(PoolTest);

}  // namespace
}  // namespace linnet::kernels::test
