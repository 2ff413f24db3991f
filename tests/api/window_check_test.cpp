// Windows with sizes that do not matter to the result: strides of one output, dilations of kernels of one tap, paddings
// that are far larger than the image. Up to the limit of the format (schema/README.md) the outputs are those of small
// sizes, on every instruction set; beyond it the engine refuses the model.
#include <gtest/gtest.h>

#include <climits>
#include <string>

#include "engine/check.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

using kernels::Window;

constexpr int32_t kSize = 4;  // of the image; the output is one pixel
constexpr Window kUsual = {1, 1, 1, 1, 1, 1, 0, 0};
constexpr int32_t kZeroPoint = 3;
const fb::Requantize kRequantize(fb::Rounding::FixedPoint, -128, 127);

struct Layer {
  std::string name;
  int32_t channels;  // in and out
  Bytes (*build)(int32_t channels, const Window& w);
};

template <class Table>
Bytes finish(ModelBuilder& b, flatbuffers::Offset<Table> table, int32_t channels) {
  const uint32_t x = b.input({1, kSize, kSize, channels});
  std::vector<uint32_t> inputs = {x};
  if (fb::OperatorTraits<Table>::enum_value == fb::Operator::ScaledConv2D) inputs.push_back(b.input({1, channels}));
  b.step(table, inputs, {b.output({1, 1, 1, channels})});
  return b.finish();
}

Bytes conv(int32_t channels, const Window& w) {
  ModelBuilder b;
  const uint32_t weights = b.conv_weights(1, channels, channels, 1, 1);
  return finish(b,
                fb::CreateConv2D(b.fbb(), weights, 1, 1, 1, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w,
                                 w.pad_top, w.pad_left),
                channels);
}

Bytes scaled_conv(int32_t channels, const Window& w) {
  ModelBuilder b;
  const uint32_t weights = b.conv_weights(1, channels, channels, 1, 1);
  return finish(b,
                fb::CreateScaledConv2D(b.fbb(), weights, 1, 1, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w,
                                       w.pad_top, w.pad_left),
                channels);
}

Bytes depthwise(int32_t channels, const Window& w) {
  ModelBuilder b;
  const uint32_t weights = b.depthwise_weights(channels, 1, 1);
  return finish(b,
                fb::CreateDepthwiseConv2D(b.fbb(), weights, 1, 1, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w,
                                          w.pad_top, w.pad_left),
                channels);
}

// A kernel of the usual width, whose other size is 1.
Bytes depthwise_line(int32_t channels, const Window& w) {
  ModelBuilder b;
  const std::vector<float> packed = random_floats(static_cast<size_t>(kernels::panel_floats(channels, 3)), 1);
  return finish(
      b, fb::CreateDepthwiseConv2D(b.fbb(), b.buffer(packed), 1, 3, w.stride_h, 1, w.dilation_h, 1, w.pad_top, 1),
      channels);
}

template <fb::PoolKind kKind>
Bytes pool(int32_t channels, const Window& w) {
  ModelBuilder b;
  return finish(b,
                fb::CreatePool2D(b.fbb(), kKind, 1, 1, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w, w.pad_top,
                                 w.pad_left, 0, 0, kKind == fb::PoolKind::Average),
                channels);
}

Bytes conv_transpose(int32_t channels, const Window& w) {
  ModelBuilder b;
  const std::vector<float> data = random_floats(static_cast<size_t>(channels) * channels, 1);
  const std::vector<float> bias = random_floats(static_cast<size_t>(channels), 2);
  const kernels::ConvWeights weights = {data.data(), channels, 1, 1, 1, bias.data(), 1, channels, channels, 1, 1};
  const bool packable = int64_t{w.stride_h} * w.stride_w <= 2 * engine::kMaxPhases;
  std::vector<float> packed(64);
  if (packable) {
    packed.resize(static_cast<size_t>(kernels::conv_transpose2d_packed_floats(weights, w)));
    kernels::pack_conv_transpose2d(weights, w, packed.data());
  }
  return finish(b,
                fb::CreateConvTranspose2D(b.fbb(), b.buffer(packed), 1, 1, 1, w.stride_h, w.stride_w, w.dilation_h,
                                          w.dilation_w, w.pad_top, w.pad_left),
                channels);
}

template <class Table>
Bytes finish_int8(ModelBuilder& b, flatbuffers::Offset<Table> table, int32_t channels) {
  b.quantize(0.05f, kZeroPoint);
  const uint32_t x = b.input({1, kSize, kSize, channels}, fb::DataType::Int8);
  b.step(table, {x}, {b.output({1, 1, 1, channels}, fb::DataType::Int8)});
  return b.finish();
}

Bytes conv_int8(int32_t channels, const Window& w) {
  ModelBuilder b;
  const uint32_t weights = b.int8_weights(1, channels, channels, 1, kZeroPoint, kRequantize.rounding(), 1);
  return finish_int8(b,
                     fb::CreateConv2D(b.fbb(), weights, 1, 1, 1, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w,
                                      w.pad_top, w.pad_left, nullptr, 0, fb::WeightLayout::Panel16Int8, &kRequantize),
                     channels);
}

Bytes depthwise_int8(int32_t channels, const Window& w) {
  ModelBuilder b;
  const uint32_t weights = b.int8_weights(channels, 0, 0, 1, kZeroPoint, kRequantize.rounding(), 1);
  return finish_int8(
      b,
      fb::CreateDepthwiseConv2D(b.fbb(), weights, 1, 1, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w, w.pad_top,
                                w.pad_left, nullptr, 0, fb::WeightLayout::Depthwise16Int8, &kRequantize),
      channels);
}

template <fb::PoolKind kKind>
Bytes pool_int8(int32_t channels, const Window& w) {
  ModelBuilder b;
  return finish_int8(b,
                     fb::CreatePool2D(b.fbb(), kKind, 1, 1, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w,
                                      w.pad_top, w.pad_left, 0, 0, false, nullptr, &kRequantize),
                     channels);
}

const Layer kLayers[] = {{"Conv2D", 12, conv},
                         {"Conv2DOfFewChannels", 3, conv},
                         {"ScaledConv2D", 12, scaled_conv},
                         {"DepthwiseConv2D", 19, depthwise},
                         {"DepthwiseConv2DOfLines", 19, depthwise_line},
                         {"MaxPool", 7, pool<fb::PoolKind::Max>},
                         {"AveragePool", 7, pool<fb::PoolKind::Average>},
                         {"ConvTranspose2D", 5, conv_transpose},
                         {"Conv2DInt8", 12, conv_int8},
                         {"Conv2DInt8OfFewChannels", 3, conv_int8},
                         {"DepthwiseConv2DInt8", 19, depthwise_int8},
                         {"MaxPoolInt8", 7, pool_int8<fb::PoolKind::Max>},
                         {"AveragePoolInt8", 7, pool_int8<fb::PoolKind::Average>}};

struct Field {
  const char* name;
  int32_t Window::*field;
  int32_t usual;  // another value with the same result
};
const Field kFields[] = {{"StrideH", &Window::stride_h, 1},     {"StrideW", &Window::stride_w, 1},
                         {"DilationH", &Window::dilation_h, 1}, {"DilationW", &Window::dilation_w, 1},
                         {"PadTop", &Window::pad_top, kSize},   {"PadLeft", &Window::pad_left, kSize}};

class Windows : public testing::TestWithParam<std::tuple<Layer, Field>> {};

TEST_P(Windows, OfAnySize) {
  const auto& [layer, field] = GetParam();
  Window usual = kUsual;
  usual.*field.field = field.usual;
  const Bytes expected = layer.build(layer.channels, usual);
  const bool transposed = layer.name == "ConvTranspose2D", line = layer.name == "DepthwiseConv2DOfLines";
  const bool is_stride = field.field == &Window::stride_h || field.field == &Window::stride_w;
  if (line &&
      (field.field == &Window::stride_w || field.field == &Window::dilation_w || field.field == &Window::pad_left)) {
    return;  // is given
  }
  for (const int64_t value :
       {int64_t{2}, int64_t{1} << 15, int64_t{1} << 16, int64_t{1} << 17, int64_t{1} << 28, (int64_t{1} << 30) - 8,
        (int64_t{1} << 30) - 7, (int64_t{1} << 30) - 6, (int64_t{1} << 30) - 5, int64_t{1} << 30, int64_t{INT_MAX}}) {
    if (value < field.usual) continue;
    Window w = kUsual;
    w.*field.field = static_cast<int32_t>(value);
    const Bytes model = layer.build(layer.channels, w);
    // Input, output times stride, kernel times dilation, padding.
    const int64_t others = kSize + (is_stride ? 1 : 2) - (field.name[0] == 'D' ? 1 : 0);
    const bool fits = transposed && is_stride ? value <= 1 << 16 : others + value < 1 << 30;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    ASSERT_EQ(linnet_get_model_info(nullptr, model.data(), model.size(), &info), fits ? LINNET_OK : LINNET_ERROR_SHAPE)
        << value;
    if (!fits) continue;
    for (const kernels::IsaTraits& isa : kernels::kIsaTraits) {
      linnet_options options = LINNET_OPTIONS_INIT;
      options.isa = isa.name;
      if (linnet_get_model_info(&options, model.data(), model.size(), &info) != LINNET_OK) continue;
      EXPECT_EQ(run(make_instance(model, &options)), run(make_instance(expected, &options)))
          << isa.name << ", " << value;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Windows, testing::Combine(testing::ValuesIn(kLayers), testing::ValuesIn(kFields)),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + "_" + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace linnet::test
