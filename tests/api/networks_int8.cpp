#include <random>

#include "kernels/pack_sparse.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

constexpr fb::DataType kInt8 = fb::DataType::Int8;
constexpr fb::Rounding kFixed = fb::Rounding::FixedPoint, kFloat = fb::Rounding::Float;
constexpr int32_t kZeroPoint = 3;

const fb::Requantize kFixedPoint(kFixed, -128, 127), kFixedPointRelu(kFixed, kZeroPoint, 127);
const fb::Requantize kFloatRule(kFloat, -128, 127), kFloatRelu(kFloat, kZeroPoint, 127);

fb::QuantizedBinary add_of(fb::Rounding rounding) {
  const float y = rounding == kFloat ? 1.0f : 0.7f / (1 << 19);
  return {20, ModelBuilder::factor(rounding, 0.5f), ModelBuilder::factor(rounding, 0.31f),
          ModelBuilder::factor(rounding, y)};
}

uint32_t int8_input(ModelBuilder& b, const Shape& shape) {
  b.quantize(0.05f, kZeroPoint);
  return b.sliced_input(shape, kInt8);
}

void conv2d(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {1, 5, 4, 6});
  const uint32_t w = b.int8_weights(2, 3, 5, 3, kZeroPoint, kFixed, 1);
  from_to<kInt8>(b,
                 fb::CreateConv2D(b.fbb(), w, 2, 3, 3, 2, 1, 1, 2, 1, 2, nullptr, 0, fb::WeightLayout::Panel16Int8,
                                  &kFixedPointRelu),
                 x, {1, 3, 4, 10});
}

void conv2d_residual(ModelBuilder& b) {
  const Shape shape = {1, 3, 4, 9};
  const uint32_t x = int8_input(b, {1, 3, 4, 4}), residual = b.sliced_input(shape, kInt8);
  const uint32_t w = b.int8_weights(1, 4, 9, 1, kZeroPoint, kFloat, 2);
  const fb::QuantizedResidual add(-5, kZeroPoint, 100, add_of(kFloat));
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, nullptr, 0, fb::WeightLayout::Panel16Int8, &kFloatRule,
                          &add),
         {x, residual}, {residual});
  b.output_of(residual, shape, kInt8);
}

// Few lines and many outputs: divided by outputs.
void conv2d_wide(ModelBuilder& b) {
  const Shape shape = {1, 7, 9, 530};
  const uint32_t x = int8_input(b, {1, 14, 18, 20}), residual = b.sliced_input(shape, kInt8);
  const uint32_t w = b.int8_weights(1, 20, 530, 1, kZeroPoint, kFixed, 9);
  const fb::QuantizedResidual add(7, -128, 127, add_of(kFixed));
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 2, 2, 1, 1, 0, 0, nullptr, 0, fb::WeightLayout::Panel16Int8,
                          &kFixedPoint, &add),
         {x, residual}, {residual});
  b.output_of(residual, shape, kInt8);
}

// As ModelBuilder::int8_weights() of one group, with two of every three groups of four inputs zeros.
uint32_t sparse_int8_weights(ModelBuilder& b, int32_t in, int32_t out, int32_t kernel, fb::Rounding rounding,
                             uint32_t seed) {
  const int32_t taps = kernel * kernel, k = in * taps;
  std::mt19937 engine(seed);
  std::vector<int8_t> data(static_cast<size_t>(out) * k, 0);
  for (size_t i = 0; i < data.size(); ++i)
    if (i / kernels::kDot % 3 == 0) data[i] = static_cast<int8_t>(engine());
  std::vector<kernels::Factor> factors(out, ModelBuilder::int8_factor(rounding, 0.004f));
  const std::vector<int32_t> bias(out, 77);
  const kernels::ConvInt8Weights weights = {data.data(), k, 1,  in * kernel, in,     bias.data(), factors.data(),
                                            kZeroPoint,  1, in, out,         kernel, kernel};
  std::vector<int8_t> panels(kernels::conv2d_int8_packed_bytes(weights));
  kernels::pack_conv2d_int8(weights, panels.data());
  std::vector<uint8_t> packed(kernels::sparse_int8_packed_bytes(panels.data(), out, k));
  kernels::pack_sparse_int8(panels.data(), out, k, packed.data());
  return b.buffer(packed);
}

void sparse_conv2d(ModelBuilder& b) {
  const Shape shape = {1, 5, 6, 18};
  const uint32_t x = int8_input(b, {1, 5, 6, 4}), residual = b.sliced_input(shape, kInt8);
  const uint32_t w = sparse_int8_weights(b, 4, 18, 3, kFloat, 31);
  const fb::QuantizedResidual add(-5, kZeroPoint, 100, add_of(kFloat));
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 0, fb::WeightLayout::SparseInt8, &kFloatRule,
                          &add),
         {x, residual}, {residual});
  b.output_of(residual, shape, kInt8);
}

void sparse_linear(ModelBuilder& b) {
  for (const int32_t rows : {1, 70}) {
    const uint32_t x = int8_input(b, {rows, 12}), w = sparse_int8_weights(b, 12, 36, 1, kFixed, 33);
    from_to<kInt8>(b,
                   fb::CreateFullyConnected(b.fbb(), w, nullptr, false, 0, fb::WeightLayout::SparseInt8, &kFixedPoint),
                   x, {rows, 36});
  }
}

void depthwise(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {1, 4, 6, 18});
  const uint32_t w = b.int8_weights(18, 0, 0, 3, kZeroPoint, kFloat, 3);
  from_to<kInt8>(b,
                 fb::CreateDepthwiseConv2D(b.fbb(), w, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 0,
                                           fb::WeightLayout::Depthwise16Int8, &kFloatRelu),
                 x, {1, 4, 6, 18});
}

void depthwise_residual(ModelBuilder& b) {
  const Shape shape = {1, 3, 3, 5};
  const uint32_t x = int8_input(b, shape), residual = b.sliced_input(shape, kInt8);
  const uint32_t w = b.int8_weights(5, 0, 0, 3, kZeroPoint, kFixed, 4);
  const fb::QuantizedResidual add(0, -128, 127, add_of(kFixed));
  b.step(fb::CreateDepthwiseConv2D(b.fbb(), w, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 0, fb::WeightLayout::Depthwise16Int8,
                                   &kFixedPoint, &add),
         {x, residual}, {residual});
  b.output_of(residual, shape, kInt8);
}

void conv_transpose(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {1, 4, 5, 6});
  const uint32_t w = b.int8_weights(2, 3, 9, 3, kZeroPoint, kFixed, 7, 2);
  from_to<kInt8>(b,
                 fb::CreateConvTranspose2D(b.fbb(), w, 2, 3, 3, 2, 2, 1, 1, 1, 1, nullptr,
                                           fb::WeightLayout::Panel16Int8, &kFixedPointRelu),
                 x, {1, 8, 10, 18});
}

// One input of four channels, which is read in place.
void conv_transpose_gaps(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {2, 3, 4, 4});
  const uint32_t w = b.int8_weights(1, 4, 7, 2, kZeroPoint, kFloat, 8, 3);
  from_to<kInt8>(b,
                 fb::CreateConvTranspose2D(b.fbb(), w, 1, 2, 2, 3, 3, 1, 1, 0, 0, nullptr,
                                           fb::WeightLayout::Panel16Int8, &kFloatRule),
                 x, {2, 9, 12, 7});
}

void matmul(ModelBuilder& b, bool transposed, const fb::Requantize& requantize, fb::Rounding rounding) {
  const Shape a_shape = {3, 5, 12}, b_shape = transposed ? Shape{37, 12} : Shape{12, 37}, c_shape = {3, 5, 37};
  const uint32_t x = int8_input(b, a_shape);
  b.quantize(0.1f, -9);
  const uint32_t w = b.sliced_input(b_shape, kInt8), y = b.slice(c_shape, kInt8);
  const int32_t sa = b.row_stride(a_shape), sb = b.row_stride(b_shape), sc = b.row_stride(c_shape);
  const std::vector<int32_t> batch = {3}, a_strides = {5 * sa}, b_strides = {0}, c_strides = {5 * sc};
  const fb::Factor factor = ModelBuilder::factor(rounding, 0.003f);
  b.step(fb::CreateMatMulDirect(b.fbb(), 5, 37, 12, &batch, &a_strides, &b_strides, &c_strides, sa, 1,
                                transposed ? 1 : sb, transposed ? sb : 1, sc, 1, nullptr, &requantize, &factor),
         {x, w}, {y});
  b.output_of(y, c_shape, kInt8);
}

void matmul_rows(ModelBuilder& b) {
  matmul(b, false, kFixedPoint, kFixed);
}

void matmul_columns(ModelBuilder& b) {
  matmul(b, true, kFloatRelu, kFloat);
}

void linear(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {2, 7});
  const uint32_t w = b.int8_weights(1, 7, 19, 1, kZeroPoint, kFixed, 5);
  from_to<kInt8>(b,
                 fb::CreateFullyConnected(b.fbb(), w, nullptr, false, 0, fb::WeightLayout::Panel16Int8, &kFixedPoint),
                 x, {2, 19});
}

// Its outputs are divided among threads.
void linear_wide(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {1, 600});
  const uint32_t w = b.int8_weights(1, 600, 300, 1, kZeroPoint, kFloat, 6);
  from_to<kInt8>(b, fb::CreateFullyConnected(b.fbb(), w, nullptr, false, 0, fb::WeightLayout::Panel16Int8, &kFloatRule),
                 x, {1, 300});
}

void max_pool(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {1, 5, 5, 3});
  from_to<kInt8>(
      b, fb::CreatePool2D(b.fbb(), fb::PoolKind::Max, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, false, nullptr, &kFixedPoint), x,
      {1, 3, 3, 3});
}

void average_pool(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {1, 5, 5, 9});
  from_to<kInt8>(
      b,
      fb::CreatePool2D(b.fbb(), fb::PoolKind::Average, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, false, nullptr, &kFixedPointRelu),
      x, {1, 3, 3, 9});
}

void binary(ModelBuilder& b, fb::BinaryFunction function, const fb::Requantize& requantize,
            const fb::QuantizedBinary& quantized) {
  const uint32_t x = int8_input(b, {3, 17});
  b.quantize(0.1f, -9);
  const uint32_t row = b.input({17}, kInt8), y = b.slice({3, 17}, kInt8);
  const std::vector<int32_t> shape = {3, 17}, a_strides = {b.row_stride({3, 17}), 1}, b_strides = {0, 1};
  b.step(fb::CreateBinaryDirect(b.fbb(), function, &shape, &a_strides, &b_strides, &a_strides, nullptr, &requantize,
                                &quantized),
         {x, row}, {y});
  b.output_of(y, {3, 17}, kInt8);
}

void add(ModelBuilder& b) {
  binary(b, fb::BinaryFunction::Add, kFixedPoint, add_of(kFixed));
}

void multiply(ModelBuilder& b) {
  const fb::Factor one = ModelBuilder::factor(kFloat, 1.0f);
  binary(b, fb::BinaryFunction::Mul, kFloatRule, {0, one, one, ModelBuilder::factor(kFloat, 0.011f)});
}

void prelu(ModelBuilder& b) {
  const fb::Factor one = ModelBuilder::factor(kFixed, 0.999f);
  binary(b, fb::BinaryFunction::PRelu, kFixedPoint, {0, one, one, ModelBuilder::factor(kFixed, 0.011f)});
}

void divide(ModelBuilder& b) {
  const fb::Factor one = ModelBuilder::factor(kFixed, 0.999f);
  binary(b, fb::BinaryFunction::Div, kFixedPoint, {0, one, one, ModelBuilder::factor(kFixed, 0.9f)});
}

void squared_difference(ModelBuilder& b) {
  const fb::Factor half = ModelBuilder::factor(kFixed, 0.5f);
  binary(b, fb::BinaryFunction::SquaredDifference, kFixedPointRelu,
         {7, half, half, ModelBuilder::factor(kFixed, 1e-4f)});
}

void unary(ModelBuilder& b) {
  std::vector<int8_t> table(256);
  for (int32_t i = 0; i < 256; ++i) table[i] = static_cast<int8_t>(i * 37 % 256);
  const uint32_t x = int8_input(b, {3, 7});
  from_to<kInt8>(b, fb::CreateUnary(b.fbb(), nullptr, 1 + b.buffer(table)), x, {3, 7});
}

void softmax(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {3, 11});
  b.quantize(1.0f / 256, -128);
  const fb::Factor factor(1717986918, 22);  // a scale of 0.05
  from_to<kInt8>(b, fb::CreateSoftmax(b.fbb(), 3, 11, 1, false, &factor, -248), x, {3, 11});
}

void log_softmax(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {3, 11});
  b.quantize(1.0f / 16, 127);
  const fb::Factor factor(1717986918, 22), reverse(1342177280, -21);  // a scale of 0.05
  from_to<kInt8>(b, fb::CreateSoftmax(b.fbb(), 3, 11, 1, true, &factor, -248, &reverse), x, {3, 11});
}

void l2_norm(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {2, 3, 21});
  b.quantize(1.0f / 128, 0);
  from_to<kInt8>(b, fb::CreateRowNorm(b.fbb(), fb::NormKind::L2, 21, 0, 0, 0, nullptr, false, &kFixedPoint), x,
                 {2, 3, 21});
}

void resample(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {4, 54}), lines = b.tensor({4, 6, 18}, fb::DataType::Int32);
  std::vector<int32_t> indices, weights;
  for (int32_t i = 0; i < 6; ++i) {
    indices.insert(indices.end(), {i / 3, i / 2});
    weights.insert(weights.end(), {1024 - 170 * i, 170 * i});
  }
  const uint32_t taps = b.buffer(indices), factors = b.buffer(weights);
  b.step(fb::CreateResample(b.fbb(), 4, 3, 6, 18, 2, taps, factors, &kFixedPoint), {x}, {lines});
  const uint32_t few = b.buffer(std::vector<int32_t>{5, 0, 3}), ones = b.buffer(std::vector<int32_t>{1024, 900, -1100});
  from_to<kInt8>(b, fb::CreateResample(b.fbb(), 4, 6, 3, 18, 1, few, ones, &kFixedPointRelu, 20), lines, {4, 3, 18});
}

void mean(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {2, 5, 9});
  const fb::Factor factor = ModelBuilder::factor(kFixed, 0.9f);
  from_to<kInt8>(b, fb::CreateReduce(b.fbb(), fb::ReduceKind::Mean, 2, 5, 9, nullptr, &kFixedPoint, &factor, 5), x,
                 {2, 9});
}

void product(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {2, 5, 9});
  const fb::Factor factor = ModelBuilder::factor(kFixed, 0.05f);
  from_to<kInt8>(b, fb::CreateReduce(b.fbb(), fb::ReduceKind::Prod, 2, 5, 9, nullptr, &kFixedPoint, &factor), x,
                 {2, 9});
}

void sum_of_rows(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {3, 21});
  const fb::Factor factor = ModelBuilder::factor(kFloat, 0.07f);
  from_to<kInt8>(b, fb::CreateReduce(b.fbb(), fb::ReduceKind::Sum, 3, 21, 1, nullptr, &kFloatRule, &factor), x, {3, 1});
}

void arg_max(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {2, 9});
  from_to<fb::DataType::Int32>(b, fb::CreateArgMax(b.fbb(), 2, 9, 1), x, {2, 1});
}

void quantize(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({3, 13});
  b.quantize(0.01f, kZeroPoint);
  from_to<kInt8>(b, fb::CreateCast(b.fbb(), &kFixedPoint), x, {3, 13});
}

void dequantize(ModelBuilder& b) {
  const uint32_t x = int8_input(b, {3, 13});
  from_to<fb::DataType::Float32>(b, fb::CreateCast(b.fbb(), &kFixedPoint), x, {3, 13});
}

void requantize(ModelBuilder& b) {
  b.quantize(0.05f, 128);
  const uint32_t x = b.sliced_input({3, 13}, fb::DataType::UInt8);
  b.quantize(0.001f, -100);
  const fb::Requantize words(kFixed, -32768, 32767);
  const fb::Factor factor(1677721600, 6);
  from_to<fb::DataType::Int16>(b, fb::CreateCast(b.fbb(), &words, &factor), x, {3, 13});
}

}  // namespace

std::vector<OperatorModel> int8_operator_models() {
  return {
      {"Conv2D_int8", conv2d},
      {"Conv2D_int8_residual", conv2d_residual},
      {"Conv2D_int8_wide", conv2d_wide},
      {"Conv2D_int8_sparse", sparse_conv2d},
      {"FullyConnected_int8_sparse", sparse_linear},
      {"DepthwiseConv2D_int8", depthwise},
      {"DepthwiseConv2D_int8_residual", depthwise_residual},
      {"ConvTranspose2D_int8", conv_transpose},
      {"ConvTranspose2D_int8_gaps", conv_transpose_gaps},
      {"MatMul_int8", matmul_rows},
      {"MatMul_int8_transposed", matmul_columns},
      {"FullyConnected_int8", linear},
      {"FullyConnected_int8_wide", linear_wide},
      {"Pool2D_int8_max", max_pool},
      {"Pool2D_int8_average", average_pool},
      {"Binary_int8_add", add},
      {"Binary_int8_multiply", multiply},
      {"Binary_int8_prelu", prelu},
      {"Binary_int8_divide", divide},
      {"Binary_int8_squared_difference", squared_difference},
      {"Unary_int8", unary},
      {"Softmax_int8", softmax},
      {"Softmax_int8_log", log_softmax},
      {"RowNorm_int8", l2_norm},
      {"Resample_int8", resample},
      {"Reduce_int8_mean", mean},
      {"Reduce_int8_rows", sum_of_rows},
      {"Reduce_int8_product", product},
      {"ArgMax_int8", arg_max},
      {"Cast_int8_quantize", quantize},
      {"Cast_int8_dequantize", dequantize},
      {"Cast_int8_requantize", requantize},
  };
}

}  // namespace linnet::test
