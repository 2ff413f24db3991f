// Steps of int16 arithmetic with one wrong value each, and int16 in a cascade.
#include <cmath>
#include <limits>

#include "kernels/pack_int16.hpp"
#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

constexpr fb::DataType kInt16 = fb::DataType::Int16;
constexpr fb::Rounding kFixed = fb::Rounding::FixedPoint, kFloat = fb::Rounding::Float;
constexpr fb::WeightLayout kPanels = fb::WeightLayout::Panel16Int16x8;
const fb::Requantize kWhole(kFixed, -32768, 32767), kReal(kFloat, -32768, 32767);
const fb::Factor kHalf(1 << 30, 0);
const fb::QuantizedBinary kHalves(15, kHalf, kHalf, kHalf);

struct Layer {
  const fb::Requantize* requantize = &kWhole;
  fb::WeightLayout layout = kPanels;
  int32_t inputs = 8;  // of the weights
  int32_t zero_point = 0, y_zero_point = 0;
  fb::DataType y_type = kInt16;
  bool residual = false;
  fb::Function function = fb::Function::Identity;
};

// A 1x1 convolution, tensor 0 [1, 2, 2, 8] to the last one.
void conv(ModelBuilder& b, const Layer& l) {
  b.quantize(0.5f, l.zero_point);
  std::vector<uint32_t> tensors = {b.input({1, 2, 2, 8}, kInt16)};
  if (l.residual) tensors.push_back(b.input({1, 2, 2, 20}, kInt16));
  b.quantize(0.5f, l.y_zero_point);
  tensors.push_back(b.output({1, 2, 2, 20}, l.y_type));
  const uint32_t w = int16_weights(b, 1, l.inputs, 20, 1, Int16Factors::sums, 1);
  const fb::Activation activation(l.function, 0, 0);
  apply(b, fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, &activation, 0, l.layout, l.requantize), tensors);
}

// With the factor of output 17, which is in the second panel, that is 8 wide.
template <class Factor>
void layer_with(ModelBuilder& b, const Factor& factor) {
  constexpr bool kLinear = std::is_same_v<Factor, double>;
  std::vector<int8_t> weights(8 * 20);
  const std::vector<kernels::SumFactor> factors(20, {1 << 14, 20, 0});
  const std::vector<double> real(20, 0.01);
  const kernels::ConvInt16Weights w = {weights.data(), 8, 1, 1,  1, nullptr, kLinear ? nullptr : factors.data(),
                                       real.data(),    1, 8, 20, 1, 1};
  std::vector<int8_t> packed(kernels::conv2d_int16_packed_bytes(w));
  kernels::pack_conv2d_int16(w, packed.data());
  const size_t panel = static_cast<size_t>(kernels::panel_int16_bytes(16, 8));
  memcpy(packed.data() + panel + 9 * sizeof(factor), &factor, sizeof(factor));
  b.quantize(0.5f, 0);
  const uint32_t buffer = b.buffer(packed), x = b.input({1, 1, 1, 8}, kInt16), y = b.output({1, 1, 1, 20}, kInt16);
  if constexpr (kLinear) {
    apply(b, fb::CreateFullyConnected(b.fbb(), buffer, nullptr, false, 0, kPanels, &kReal), {x, y});
  } else {
    apply(b, fb::CreateConv2D(b.fbb(), buffer, 1, 1, 1, 1, 1, 1, 1, 0, 0, nullptr, 0, kPanels, &kWhole), {x, y});
  }
}

void with_sum_factor(ModelBuilder& b, int32_t multiplier, int16_t shift, int16_t divide) {
  layer_with(b, kernels::SumFactor{multiplier, shift, divide});
}

void depthwise(ModelBuilder& b, fb::WeightLayout layout, int32_t channels) {
  b.quantize(0.5f, 0);
  const uint32_t x = b.input({1, 4, 4, 18}, kInt16), y = b.output({1, 4, 4, 18}, kInt16);
  const uint32_t w = int16_weights(b, channels, 0, 0, 3, Int16Factors::sums, 1);
  apply(b, fb::CreateDepthwiseConv2D(b.fbb(), w, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 0, layout, &kWhole), {x, y});
}

void binary(ModelBuilder& b, fb::BinaryFunction function, const fb::QuantizedBinary* quantized,
            const fb::Requantize& requantize = kWhole, int32_t zero_point = 0) {
  b.quantize(0.5f, 0);
  const std::vector<int32_t> shape = {8}, strides = {1};
  const uint32_t x = b.input({8}, kInt16);
  b.quantize(0.5f, zero_point);
  const uint32_t other = b.input({8}, kInt16);
  b.quantize(0.5f, 0);
  apply(
      b,
      fb::CreateBinaryDirect(b.fbb(), function, &shape, &strides, &strides, &strides, nullptr, &requantize, quantized),
      {x, other, b.output({8}, kInt16)});
}

template <class Table>
void unary(ModelBuilder& b, fb::Function function, const Table& table, size_t bytes = sizeof(Table),
           fb::DataType y_type = kInt16) {
  const int8_t* const data = reinterpret_cast<const int8_t*>(&table);
  b.quantize(0.5f, 0);
  const uint32_t buffer = b.buffer(std::vector<int8_t>(data, data + bytes)), x = b.input({8}, kInt16);
  const fb::Activation activation(function, 0, 0);
  apply(b, fb::CreateUnary(b.fbb(), &activation, 1 + buffer), {x, b.output({8}, y_type)});
}

void sided(ModelBuilder& b, int32_t low, int32_t high, int32_t shift) {
  unary(b, fb::Function::LeakyRelu, kernels::SidedScale{{1 << 30, 0}, {1 << 30, shift}, low, high});
}

void sigmoid(ModelBuilder& b, int32_t multiplier, int32_t shift, size_t bytes = sizeof(kernels::SigmoidTable)) {
  unary(b, fb::Function::Sigmoid, kernels::SigmoidTable{multiplier, shift, {}}, bytes);
}

void softmax(ModelBuilder& b, bool log, const fb::Factor& factor, int32_t zero_point) {
  b.quantize(0.5f, 0);
  const uint32_t x = b.input({2, 8}, kInt16);
  b.quantize(1.0f / 32768, zero_point);
  apply(b, fb::CreateSoftmax(b.fbb(), 2, 8, 1, log, &factor), {x, b.output({2, 8}, kInt16)});
}

void pool(ModelBuilder& b, const fb::Requantize& requantize, int32_t zero_point) {
  b.quantize(0.5f, zero_point);
  const uint32_t x = b.input({1, 4, 4, 3}, kInt16);
  apply(b, fb::CreatePool2D(b.fbb(), fb::PoolKind::Average, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0, false, nullptr, &requantize),
        {x, b.output({1, 2, 2, 3}, kInt16)});
}

// By weights of `inputs` of its 8 channels.
void transposed(ModelBuilder& b, int32_t inputs, const fb::Requantize& requantize, fb::WeightLayout layout) {
  b.quantize(0.5f, 0);
  const uint32_t x = b.input({1, 3, 3, 8}, kInt16), y = b.output({1, 3, 3, 20}, kInt16);
  const uint32_t w = int16_weights(b, 1, inputs, 20, 3, Int16Factors::sums, 1);
  apply(b, fb::CreateConvTranspose2D(b.fbb(), w, 1, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, layout, &requantize), {x, y});
}

void matmul(ModelBuilder& b, const fb::Requantize& requantize, const fb::Factor* factor, int32_t zero_point = 0) {
  b.quantize(0.5f, 0);
  const uint32_t x = b.input({2, 3}, kInt16);
  b.quantize(0.5f, zero_point);
  const uint32_t other = b.input({3, 4}, kInt16);
  b.quantize(0.5f, 0);
  apply(b, fb::CreateMatMul(b.fbb(), 2, 4, 3, 0, 0, 0, 0, 3, 1, 4, 1, 4, 1, nullptr, &requantize, factor),
        {x, other, b.output({2, 4}, kInt16)});
}

void resample(ModelBuilder& b, fb::DataType from, const fb::Requantize& requantize, int32_t shift) {
  b.quantize(0.5f, 0);
  const uint32_t indices = b.buffer(std::vector<int32_t>{0, 1, 0}), weights = b.buffer(std::vector<int32_t>{1, 2, 3});
  apply(b, fb::CreateResample(b.fbb(), 1, 2, 3, 4, 1, indices, weights, &requantize, shift),
        {b.input({2, 4}, from), b.output({3, 4}, kInt16)});
}

void reduce(ModelBuilder& b, fb::ReduceKind kind, const fb::Requantize& requantize, int32_t zero_point) {
  b.quantize(0.5f, zero_point);
  apply(b, fb::CreateReduce(b.fbb(), kind, 2, 8, 1, nullptr, &requantize),
        {b.input({2, 8}, kInt16), b.output({2, 1}, kInt16)});
}

const Wrong kWrong[] = {
    {"Good", LINNET_OK, [](ModelBuilder& b) { conv(b, {}); }, -1},
    {"GoodFactor", LINNET_OK, [](ModelBuilder& b) { with_sum_factor(b, INT32_MAX, 62, 31); }, -1},
    {"GoodRealFactor", LINNET_OK, [](ModelBuilder& b) { layer_with(b, 3e38); }, -1},
    {"GoodSigmoid", LINNET_OK, [](ModelBuilder& b) { sigmoid(b, 65535, 31); }, -1},
    {"GoodSided", LINNET_OK, [](ModelBuilder& b) { sided(b, -32768, -32768, 30); }, -1},
    {"WeightsTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       conv(b, {&kWhole, kPanels, 2});
     }},
    {"LayoutOfInt8", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       conv(b, {&kWhole, fb::WeightLayout::Panel16Int8});
     }},
    {"WithoutRequantize", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { conv(b, {nullptr}); }, 0, 0},
    {"ConvFloatRule", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { conv(b, {&kReal}); }},
    {"ZeroPoint", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {&kWhole, kPanels, 8, 1});
     },
     0, 0},
    {"OutputZeroPoint", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {&kWhole, kPanels, 8, 0, 1});
     },
     0, 1},
    {"OutputType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {&kWhole, kPanels, 8, 0, 0, fb::DataType::Int8});
     },
     0, 1},
    {"Residual", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {&kWhole, kPanels, 8, 0, 0, kInt16, true});
     }},
    {"Activation", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {&kWhole, kPanels, 8, 0, 0, kInt16, false, fb::Function::Relu});
     }},
    {"Range", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Requantize empty(kFixed, 5, 4);
       conv(b, {&empty});
     },
     0, 1},
    {"Multiplier", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { with_sum_factor(b, -1, 20, 0); }},
    {"ShiftZero", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { with_sum_factor(b, 1, 0, 0); }},
    {"ShiftTooLarge", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { with_sum_factor(b, 1, 63, 0); }},
    {"DivideNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { with_sum_factor(b, 1, 1, -1); }},
    {"DivideTooLarge", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { with_sum_factor(b, 1, 1, 32); }},
    {"RealFactorNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { layer_with(b, -1.0); }},
    {"RealFactorNan", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { layer_with(b, std::nan("")); }},
    {"RealFactorInfinite", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { layer_with(b, std::numeric_limits<double>::infinity()); }},
    {"DepthwiseLayout", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { depthwise(b, fb::WeightLayout::Panel16Int16x8, 18); }},
    {"DepthwiseTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) { depthwise(b, fb::WeightLayout::Depthwise16Int16x8, 8); }},
    {"BinaryDiv", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { binary(b, fb::BinaryFunction::Div, &kHalves); }},
    {"TransposedTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { transposed(b, 7, kWhole, kPanels); }},
    {"TransposedFloatRule", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { transposed(b, 8, kReal, kPanels); }},
    {"TransposedLayout", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { transposed(b, 8, kWhole, fb::WeightLayout::Panel16Int8); }},
    {"MatMulFloatRule", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { matmul(b, kReal, &kHalf); }},
    {"MatMulShift", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Factor large(1 << 30, 15);
       matmul(b, kWhole, &large);
     }},
    {"MatMulNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Factor negative(-1, 0);
       matmul(b, kWhole, &negative);
     }},
    {"MatMulWithoutFactor", LINNET_ERROR_MODEL_CORRUPT, [](ModelBuilder& b) { matmul(b, kWhole, nullptr); }},
    {"MatMulZeroPoint", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { matmul(b, kWhole, &kHalf, 1); }, 0, 1},
    {"ResampleFromInt8", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { resample(b, fb::DataType::Int8, kWhole, 0); }, 0, 0},
    {"ResampleShift", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { resample(b, fb::DataType::Int32, kWhole, 32); }},
    {"ResampleFloatRule", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { resample(b, kInt16, kReal, 0); }},
    {"BinaryFloatRule", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { binary(b, fb::BinaryFunction::Add, &kHalves, kReal); }},
    {"BinaryWithoutFactors", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { binary(b, fb::BinaryFunction::Add, nullptr); }},
    {"BinaryZeroPoint", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { binary(b, fb::BinaryFunction::Add, &kHalves, kWhole, 1); }, 0, 1},
    {"InterpolationTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) { unary(b, fb::Function::Identity, kernels::InterpolationTable{}, 1024); }},
    {"SigmoidTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { sigmoid(b, 3, 0, 519); }},
    {"SigmoidMultiplier", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { sigmoid(b, 65536, 0); }},
    {"SigmoidNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { sigmoid(b, -1, 0); }},
    {"SigmoidShift", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { sigmoid(b, 3, 32); }},
    {"SidedShift", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { sided(b, 0, 1, 31); }},
    {"SidedRange", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { sided(b, 2, 1, 0); }},
    {"SidedHigh", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { sided(b, 2, 32768, 0); }},
    {"UnaryFunction", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { unary(b, fb::Function::Exp, kernels::InterpolationTable{}); }},
    {"UnaryType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       unary(b, fb::Function::Identity, kernels::InterpolationTable{}, sizeof(kernels::InterpolationTable),
             fb::DataType::Int8);
     },
     0, 1},
    {"SoftmaxLog", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { softmax(b, true, kHalf, 0); }},
    {"SoftmaxShift", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       softmax(b, false, {1 << 30, 31}, 0);
     }},
    {"SoftmaxZeroPoint", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { softmax(b, false, kHalf, 1); }, 0, 1},
    {"PoolFloatRule", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { pool(b, kReal, 0); }},
    {"PoolZeroPoint", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { pool(b, kWhole, 3); }, 0, 0},
    {"ReduceFloatRule", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Max, kReal, 0); }},
    {"ReduceZeroPoint", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Max, kWhole, 3); }, 0, 0},
    {"ReduceWithoutFactor", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Mean, kWhole, 0); }},
};

class Int16Checks : public testing::TestWithParam<Wrong> {};

TEST_P(Int16Checks, GetsItsStatus) {
  expect_status(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, Int16Checks, testing::ValuesIn(kWrong),
                         [](const auto& info) { return info.param.name; });

// Pointwise, depthwise, pool; as a cascade the tensors between them hold a few lines.
Bytes cascade(bool rolling) {
  ModelBuilder b;
  b.quantize(0.0005f, 0);
  const Shape shape = {1, 23, 9, 20};
  const auto between = [&](int32_t lines) {
    return rolling ? b.rolling(shape, lines, kInt16) : b.tensor(shape, kInt16);
  };
  const uint32_t x = b.input({1, 23, 9, 7}, kInt16), first = between(8), second = between(8);
  const uint32_t y = b.output({1, 12, 5, 20}, kInt16);
  b.step(fb::CreateConv2D(b.fbb(), int16_weights(b, 1, 7, 20, 1, Int16Factors::sums, 1), 1, 1, 1, 1, 1, 1, 1, 0, 0,
                          nullptr, 0, kPanels, &kWhole),
         {x}, {first});
  b.step(fb::CreateDepthwiseConv2D(b.fbb(), int16_weights(b, 20, 0, 0, 3, Int16Factors::sums, 2), 3, 3, 1, 1, 1, 1, 1,
                                   1, nullptr, 0, fb::WeightLayout::Depthwise16Int16x8, &kWhole),
         {first}, {second});
  b.step(fb::CreatePool2D(b.fbb(), fb::PoolKind::Max, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, false, nullptr, &kWhole), {second},
         {y});
  if (rolling) b.cascade(0, 3, 2);
  return b.finish();
}

TEST(Int16, EveryInstructionSetGivesTheSameBytesInCascadesToo) {
  expect_the_same_bytes_in_cascades(cascade(false), cascade(true));
}

}  // namespace
}  // namespace linnet::test
