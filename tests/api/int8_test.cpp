// Integer steps through the API: a network whose numbers are computed by hand, tensors' scales, cascades.
#include <gtest/gtest.h>

#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

constexpr fb::DataType kInt8 = fb::DataType::Int8;
constexpr fb::Rounding kFixed = fb::Rounding::FixedPoint;

// 0.5 quantized to 16 at scale 1/32 and so on; a linear layer with weights 2 and -1 (scale 1/4), bias 3, scale 1/8 and
// zero point -10 of the result; and back.
TEST(Int8, NumbersByHand) {
  ModelBuilder b;
  const uint32_t x = b.input({1, 2});
  b.quantize(1.0f / 32, 4);
  const uint32_t q = b.tensor({1, 2}, kInt8);
  const fb::Requantize whole(kFixed, -128, 127), relu(kFixed, -10, 127);
  b.step(fb::CreateCast(b.fbb(), &whole), {x}, {q});
  const int8_t w[] = {8, -4, 4, 4};              // two outputs of two inputs: 2 and -1, 1 and 1
  const int32_t bias[] = {3 * 128, -3 * 128};    // at scale 1/128
  const kernels::Factor factor = {1 << 30, -3};  // 1/16, from 1/128 to 1/8
  const kernels::Factor factors[] = {factor, factor};
  const kernels::ConvInt8Weights weights = {w, 2, 1, 1, 1, bias, factors, 4, 1, 2, 2, 1, 1};
  std::vector<int8_t> packed(kernels::conv2d_int8_packed_bytes(weights));
  kernels::pack_conv2d_int8(weights, packed.data());
  b.quantize(1.0f / 8, -10);
  const uint32_t y = b.tensor({1, 2}, kInt8), z = b.output({1, 2});
  b.step(fb::CreateFullyConnected(b.fbb(), b.buffer(packed), nullptr, false, 0, fb::WeightLayout::Panel16Int8, &relu),
         {q}, {y});
  b.step(fb::CreateCast(b.fbb(), &whole), {y}, {z});
  const Bytes model = b.finish();
  const Instance instance = make_instance(model);
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  ASSERT_EQ(linnet_input(instance.session, 0, &view), LINNET_OK);
  static_cast<float*>(view.data)[0] = 0.5f;
  static_cast<float*>(view.data)[1] = -1.25f;
  ASSERT_EQ(linnet_run(instance.session), LINNET_OK);
  ASSERT_EQ(linnet_output(instance.session, 0, &view), LINNET_OK);
  EXPECT_EQ(static_cast<float*>(view.data)[0], 5.25f);  // 1 + 1.25 + 3
  EXPECT_EQ(static_cast<float*>(view.data)[1], 0.0f);   // 0.5 - 1.25 - 3, cut off
}

TEST(Int8, ViewsHaveScales) {
  ModelBuilder b;
  b.quantize(0.25f, -7);
  const uint32_t x = b.input({1, 8}, kInt8), y = b.output({1, 8}, kInt8);
  b.step(fb::CreateUnary(b.fbb(), nullptr, 1 + b.buffer(std::vector<int8_t>(256))), {x}, {y});
  const Bytes model = b.finish();
  const Instance instance = make_instance(model);
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  ASSERT_EQ(linnet_input(instance.session, 0, &view), LINNET_OK);
  EXPECT_EQ(view.type, LINNET_INT8);
  EXPECT_EQ(view.scale, 0.25f);
  EXPECT_EQ(view.zero_point, -7);
  EXPECT_EQ(view.bytes, 8u);
}

// Pointwise, depthwise with a residual, pool; as a cascade the tensors between them hold a few lines.
Bytes cascade(bool rolling) {
  ModelBuilder b;
  b.quantize(0.05f, 3);
  const Shape shape = {1, 23, 9, 20};
  const auto between = [&](int32_t lines) { return rolling ? b.rolling(shape, lines, kInt8) : b.tensor(shape, kInt8); };
  const uint32_t x = b.input({1, 23, 9, 7}, kInt8), first = between(8), second = between(8);
  const uint32_t y = b.output({1, 12, 5, 20}, kInt8);
  const fb::Requantize whole(kFixed, -128, 127);
  const fb::Factor half(1 << 30, 0), small(1 << 30, -18);
  const fb::QuantizedResidual add(3, -128, 127, fb::QuantizedBinary(20, half, half, small));
  b.step(fb::CreateConv2D(b.fbb(), b.int8_weights(1, 7, 20, 1, 3, kFixed, 1), 1, 1, 1, 1, 1, 1, 1, 0, 0, nullptr, 0,
                          fb::WeightLayout::Panel16Int8, &whole),
         {x}, {first});
  b.step(fb::CreateDepthwiseConv2D(b.fbb(), b.int8_weights(20, 0, 0, 3, 3, kFixed, 2), 3, 3, 1, 1, 1, 1, 1, 1, nullptr,
                                   0, fb::WeightLayout::Depthwise16Int8, &whole, &add),
         {first, first}, {second});
  b.step(fb::CreatePool2D(b.fbb(), fb::PoolKind::Max, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, false, nullptr, &whole), {second},
         {y});
  if (rolling) b.cascade(0, 3, 2);
  return b.finish();
}

TEST(Int8, CascadesGiveTheSameBytes) {
  expect_the_same_bytes_in_cascades(cascade(false), cascade(true));
}

}  // namespace
}  // namespace linnet::test
