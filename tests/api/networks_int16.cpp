#include <cmath>

#include "kernels/pack_int16.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

constexpr fb::DataType kInt16 = fb::DataType::Int16;
const fb::Requantize kWhole(fb::Rounding::FixedPoint, -32768, 32767), kRelu(fb::Rounding::FixedPoint, 0, 32767);
const fb::Requantize kReal(fb::Rounding::Float, -32768, 20000);

fb::Factor fixed(float value) {
  return ModelBuilder::factor(fb::Rounding::FixedPoint, value);
}

uint32_t int16_input(ModelBuilder& b, const Shape& shape) {
  b.quantize(0.0005f, 0);
  return b.sliced_input(shape, kInt16);
}

void conv2d(ModelBuilder& b) {
  const uint32_t x = int16_input(b, {1, 5, 4, 6});
  const uint32_t w = int16_weights(b, 2, 3, 5, 3, Int16Factors::sums, 1);
  from_to<kInt16>(
      b, fb::CreateConv2D(b.fbb(), w, 2, 3, 3, 2, 1, 1, 2, 1, 2, nullptr, 0, fb::WeightLayout::Panel16Int16x8, &kRelu),
      x, {1, 3, 4, 10});
}

void conv_transpose(ModelBuilder& b) {
  const uint32_t x = int16_input(b, {1, 4, 5, 6});
  const uint32_t w = int16_weights(b, 2, 3, 9, 3, Int16Factors::sums, 7, 2);
  from_to<kInt16>(b,
                  fb::CreateConvTranspose2D(b.fbb(), w, 2, 3, 3, 2, 2, 1, 1, 1, 1, nullptr,
                                            fb::WeightLayout::Panel16Int16x8, &kRelu),
                  x, {1, 8, 10, 18});
}

void matmul(ModelBuilder& b, bool transposed) {
  const Shape a_shape = {3, 5, 12}, b_shape = transposed ? Shape{37, 12} : Shape{12, 37}, c_shape = {3, 5, 37};
  const uint32_t x = int16_input(b, a_shape);
  const uint32_t w = b.sliced_input(b_shape, kInt16), y = b.slice(c_shape, kInt16);
  const int32_t sa = b.row_stride(a_shape), sb = b.row_stride(b_shape), sc = b.row_stride(c_shape);
  const std::vector<int32_t> batch = {3}, a_strides = {5 * sa}, b_strides = {0}, c_strides = {5 * sc};
  const fb::Factor factor = fixed(0.00002f);
  b.step(fb::CreateMatMulDirect(b.fbb(), 5, 37, 12, &batch, &a_strides, &b_strides, &c_strides, sa, 1,
                                transposed ? 1 : sb, transposed ? sb : 1, sc, 1, nullptr, &kWhole, &factor),
         {x, w}, {y});
  b.output_of(y, c_shape, kInt16);
}

void resample(ModelBuilder& b) {
  const uint32_t x = int16_input(b, {4, 54}), lines = b.tensor({4, 6, 18}, fb::DataType::Int32);
  std::vector<int32_t> indices, weights;
  for (int32_t i = 0; i < 6; ++i) {
    indices.insert(indices.end(), {i / 3, i / 2});
    weights.insert(weights.end(), {1024 - 170 * i, 170 * i});
  }
  const uint32_t taps = b.buffer(indices), factors = b.buffer(weights);
  b.step(fb::CreateResample(b.fbb(), 4, 3, 6, 18, 2, taps, factors, &kWhole), {x}, {lines});
  const uint32_t few = b.buffer(std::vector<int32_t>{5, 0, 3}), ones = b.buffer(std::vector<int32_t>{1024, 900, -1100});
  from_to<kInt16>(b, fb::CreateResample(b.fbb(), 4, 6, 3, 18, 1, few, ones, &kRelu, 20), lines, {4, 3, 18});
}

void reduce(ModelBuilder& b, fb::ReduceKind kind) {
  const uint32_t x = int16_input(b, {2, 5, 9});
  const fb::Factor factor = fixed(0.2f);
  from_to<kInt16>(b, fb::CreateReduce(b.fbb(), kind, 2, 5, 9, nullptr, &kRelu, &factor), x, {2, 9});
}

// Few lines and many outputs: divided by outputs.
void conv2d_wide(ModelBuilder& b) {
  const uint32_t x = int16_input(b, {1, 14, 18, 20});
  const uint32_t w = int16_weights(b, 1, 20, 530, 1, Int16Factors::sums, 9);
  from_to<kInt16>(
      b, fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 2, 2, 1, 1, 0, 0, nullptr, 0, fb::WeightLayout::Panel16Int16x8, &kWhole),
      x, {1, 7, 9, 530});
}

void depthwise(ModelBuilder& b) {
  const uint32_t x = int16_input(b, {1, 4, 6, 18});
  const uint32_t w = int16_weights(b, 18, 0, 0, 3, Int16Factors::sums, 3);
  from_to<kInt16>(b,
                  fb::CreateDepthwiseConv2D(b.fbb(), w, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 0,
                                            fb::WeightLayout::Depthwise16Int16x8, &kWhole),
                  x, {1, 4, 6, 18});
}

void linear(ModelBuilder& b, const Shape& x_shape, const Shape& y_shape) {
  const uint32_t x = int16_input(b, x_shape);
  const uint32_t w = int16_weights(b, 1, x_shape[1], y_shape[1], 1, Int16Factors::real, 5);
  from_to<kInt16>(b, fb::CreateFullyConnected(b.fbb(), w, nullptr, false, 0, fb::WeightLayout::Panel16Int16x8, &kReal),
                  x, y_shape);
}

void pool(ModelBuilder& b, fb::PoolKind kind) {
  const uint32_t x = int16_input(b, {1, 5, 5, 9});
  from_to<kInt16>(b, fb::CreatePool2D(b.fbb(), kind, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, false, nullptr, &kRelu), x,
                  {1, 3, 3, 9});
}

void binary(ModelBuilder& b, fb::BinaryFunction function, const fb::QuantizedBinary& quantized) {
  const uint32_t x = int16_input(b, {3, 17});
  const uint32_t row = b.input({17}, kInt16), y = b.slice({3, 17}, kInt16);
  const std::vector<int32_t> shape = {3, 17}, a_strides = {b.row_stride({3, 17}), 1}, b_strides = {0, 1};
  b.step(fb::CreateBinaryDirect(b.fbb(), function, &shape, &a_strides, &b_strides, &a_strides, nullptr, &kWhole,
                                &quantized),
         {x, row}, {y});
  b.output_of(y, {3, 17}, kInt16);
}

template <class Table>
void unary(ModelBuilder& b, fb::Function function, const Table& table) {
  const int8_t* const bytes = reinterpret_cast<const int8_t*>(&table);
  const uint32_t buffer = b.buffer(std::vector<int8_t>(bytes, bytes + sizeof(table)));
  const uint32_t x = int16_input(b, {3, 7});
  const fb::Activation activation(function, 0, 0);
  from_to<kInt16>(b, fb::CreateUnary(b.fbb(), &activation, 1 + buffer), x, {3, 7});
}

kernels::SigmoidTable sigmoid_table() {
  kernels::SigmoidTable table = {12345, 11, {}};
  for (int32_t i = 0; i < 256; ++i) table.values[i] = static_cast<uint16_t>(32768 + i * 128);
  return table;
}

void interpolation(ModelBuilder& b) {
  kernels::InterpolationTable table;
  for (int32_t i = 0; i < kernels::kInterpolationSize; ++i) table.values[i] = static_cast<int16_t>(i * i / 9 - 9000);
  unary(b, fb::Function::Identity, table);
}

void softmax(ModelBuilder& b) {
  const uint32_t x = int16_input(b, {3, 11});
  b.quantize(1.0f / 32768, 0);
  const fb::Factor factor(1717986918, 2);
  from_to<kInt16>(b, fb::CreateSoftmax(b.fbb(), 3, 11, 1, false, &factor), x, {3, 11});
}

void requantize(ModelBuilder& b) {
  const uint32_t x = int16_input(b, {3, 13});
  b.quantize(0.001f, 0);
  const fb::Factor factor = fixed(0.5f);
  from_to<kInt16>(b, fb::CreateCast(b.fbb(), &kWhole, &factor), x, {3, 13});
}

}  // namespace

uint32_t int16_weights(ModelBuilder& b, int32_t groups, int32_t in, int32_t out, int32_t kernel, Int16Factors kind,
                       uint32_t seed, int32_t transposed_stride) {
  const bool depthwise = in == 0;
  const int32_t taps = kernel * kernel, inputs = depthwise ? 1 : in, outputs = depthwise ? 1 : out;
  std::mt19937 engine(seed);
  std::vector<int8_t> data(static_cast<size_t>(groups) * outputs * inputs * taps);
  for (int8_t& value : data) value = static_cast<int8_t>(engine());
  std::vector<int64_t> bias(static_cast<size_t>(groups) * outputs);
  std::vector<kernels::SumFactor> factors(bias.size());
  std::vector<double> real(bias.size());
  for (size_t i = 0; i < bias.size(); ++i) {
    bias[i] = static_cast<int64_t>(engine() % 2000001) - 1000000;
    real[i] = 1.0 / (200.0 + static_cast<double>(engine() % 200));
    const int32_t narrow = static_cast<int32_t>(real[i] * (1 << 22)), wide = narrow << 9;
    factors[i] = i % 2 == 0 ? kernels::SumFactor{narrow, 22, 0} : kernels::SumFactor{wide, 25, 6};
  }
  const kernels::ConvInt16Weights weights = {data.data(),
                                             static_cast<ptrdiff_t>(inputs) * taps,
                                             taps,
                                             kernel,
                                             1,
                                             bias.data(),
                                             kind == Int16Factors::real ? nullptr : factors.data(),
                                             real.data(),
                                             groups,
                                             inputs,
                                             outputs,
                                             kernel,
                                             kernel};
  if (transposed_stride > 0) {
    const kernels::Window window = {kernel, kernel, transposed_stride, transposed_stride, 1, 1, 0, 0};
    std::vector<int8_t> sections(kernels::conv_transpose2d_int16_packed_bytes(weights, window));
    kernels::pack_conv_transpose2d_int16(weights, window, sections.data());
    return b.buffer(sections);
  }
  std::vector<int8_t> packed(depthwise ? kernels::depthwise_int16_packed_bytes(weights)
                                       : kernels::conv2d_int16_packed_bytes(weights));
  (depthwise ? kernels::pack_depthwise_int16 : kernels::pack_conv2d_int16)(weights, packed.data());
  return b.buffer(packed);
}

std::vector<OperatorModel> int16_operator_models() {
  return {
      {"Conv2D_int16", conv2d},
      {"Conv2D_int16_wide", conv2d_wide},
      {"DepthwiseConv2D_int16", depthwise},
      {"FullyConnected_int16",
       [](ModelBuilder& b) {
         linear(b, {2, 7}, {2, 19});
       }},
      // Its outputs are divided among threads.
      {"FullyConnected_int16_wide",
       [](ModelBuilder& b) {
         linear(b, {1, 600}, {1, 300});
       }},
      {"Pool2D_int16_max", [](ModelBuilder& b) { pool(b, fb::PoolKind::Max); }},
      {"Pool2D_int16_average", [](ModelBuilder& b) { pool(b, fb::PoolKind::Average); }},
      {"ConvTranspose2D_int16", conv_transpose},
      {"MatMul_int16", [](ModelBuilder& b) { matmul(b, false); }},
      {"MatMul_int16_transposed", [](ModelBuilder& b) { matmul(b, true); }},
      {"Resample_int16", resample},
      {"Binary_int16_prelu",
       [](ModelBuilder& b) {
         binary(b, fb::BinaryFunction::PRelu, {0, fixed(0.9f), fixed(0.5f), fixed(0.00004f)});
       }},
      {"Reduce_int16_mean", [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Mean); }},
      {"Reduce_int16_product", [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Prod); }},
      {"Binary_int16_add",
       [](ModelBuilder& b) {
         binary(b, fb::BinaryFunction::Add, {15, fixed(0.5f), fixed(0.31f), fixed(0.7f / (1 << 14))});
       }},
      {"Binary_int16_multiply",
       [](ModelBuilder& b) {
         binary(b, fb::BinaryFunction::Mul, {0, fixed(0.5f), fixed(0.5f), fixed(0.00005f)});
       }},
      {"Unary_int16_sided",
       [](ModelBuilder& b) {
         unary(b, fb::Function::LeakyRelu, kernels::SidedScale{{1717986918, 0}, {1717986918, -3}, -32768, 32767});
       }},
      {"Unary_int16_sigmoid", [](ModelBuilder& b) { unary(b, fb::Function::Sigmoid, sigmoid_table()); }},
      {"Unary_int16_tanh", [](ModelBuilder& b) { unary(b, fb::Function::Tanh, sigmoid_table()); }},
      {"Unary_int16_interpolation", interpolation},
      {"Softmax_int16", softmax},
      {"Cast_int16_requantize", requantize},
  };
}

}  // namespace linnet::test
