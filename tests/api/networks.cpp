#include "tests/api/networks.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "kernels/dispatch.hpp"

namespace linnet::test {
namespace {

const fb::Activation kRelu(fb::Function::Relu, 0, 0);
const fb::Activation kSilu(fb::Function::Silu, 0, 0);

void conv2d(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 9, 7, 6});
  const uint32_t w = b.conv_weights(2, 3, 10, 3, 1);
  from_to(b, fb::CreateConv2D(b.fbb(), w, 2, 3, 3, 2, 1, 1, 2, 1, 2, &kRelu), x, {2, 5, 7, 20});
}

void conv2d_residual(ModelBuilder& b) {
  const Shape shape = {1, 6, 6, 24};
  const uint32_t x = b.sliced_input({1, 6, 6, 5});
  const uint32_t residual = b.sliced_input(shape);
  const uint32_t w = b.conv_weights(1, 5, 24, 1, 2);
  // In place: the output takes the residual's memory.
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, &kRelu), {x, residual}, {residual});
  b.output_of(residual, shape);
}

// Few lines and many outputs: divided by outputs.
void conv2d_wide(ModelBuilder& b) {
  const Shape shape = {1, 7, 9, 530};
  const uint32_t x = b.sliced_input({1, 14, 18, 20}), residual = b.sliced_input(shape);
  const uint32_t w = b.conv_weights(1, 20, 530, 1, 9);
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 2, 2, 1, 1, 0, 0, &kSilu), {x, residual}, {residual});
  b.output_of(residual, shape);
}

void scaled_conv2d(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 7, 6, 20}), factors = b.sliced_input({2, 1, 1, 20}), y = b.slice({2, 4, 3, 30});
  const uint32_t w = b.conv_weights(1, 20, 30, 3, 3);
  b.step(fb::CreateScaledConv2D(b.fbb(), w, 3, 3, 2, 2, 1, 1, 1, 1, &kSilu), {x, factors}, {y});
  b.output_of(y, {2, 4, 3, 30});
}

void scaled_conv2d_residual(ModelBuilder& b) {
  const Shape shape = {2, 9, 6, 24};
  const uint32_t x = b.sliced_input({2, 9, 6, 5}), factors = b.sliced_input({2, 5}), residual = b.sliced_input(shape);
  const uint32_t w = b.conv_weights(1, 5, 24, 1, 2);
  // In place, as conv2d_residual().
  b.step(fb::CreateScaledConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 0, 0, &kRelu), {x, factors, residual}, {residual});
  b.output_of(residual, shape);
}

// Divided among threads by rows of tiles.
void winograd2d(ModelBuilder& b) {
  const Shape shape = {1, 45, 47, 5};
  const uint32_t x = b.sliced_input({1, 45, 47, 2});
  const uint32_t residual = b.sliced_input(shape);
  const uint32_t w = b.winograd_weights(2, 5, 2, 1);
  b.step(fb::CreateWinograd2D(b.fbb(), w, 2, 1, 1, &kRelu), {x, residual}, {residual});
  b.output_of(residual, shape);
}

// Few tiles and many outputs: divided by outputs.
void winograd2d_wide(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 6, 5, 7});
  const uint32_t w = b.winograd_weights(7, 70, 4, 2);
  from_to(b, fb::CreateWinograd2D(b.fbb(), w, 4, 1, 2, &kSilu), x, {2, 5, 6, 70});
}

void depthwise(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 8, 9, 27});
  const uint32_t w = b.depthwise_weights(27, 3, 3);
  from_to(b, fb::CreateDepthwiseConv2D(b.fbb(), w, 3, 3, 1, 2, 1, 1, 1, 1, &kSilu), x, {1, 8, 5, 27});
}

void conv_transpose(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 4, 5, 6});
  const uint32_t w = b.conv_transpose_weights(2, 3, 9, 3, 2, 4);
  from_to(b, fb::CreateConvTranspose2D(b.fbb(), w, 2, 3, 3, 2, 2, 1, 1, 1, 1), x, {1, 8, 10, 18});
}

void fully_connected(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({7, 33});
  const uint32_t w = b.gemm_weights(33, 40, 5);
  from_to(b, fb::CreateFullyConnected(b.fbb(), w, &kRelu), x, {7, 40});
}

void fully_connected_wide(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 64});
  const uint32_t w = b.gemm_weights(64, 1000, 6);
  from_to(b, fb::CreateFullyConnected(b.fbb(), w), x, {1, 1000});
}

// A matrix and, sharing its block, its transpose.
void fully_connected_transposed(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({3, 33}), y = b.slice({3, 40});
  const uint32_t w = b.gemm_weights(33, 40, 7), bias = b.buffer(random_floats(33, 8));
  b.step(fb::CreateFullyConnected(b.fbb(), w, &kRelu), {x}, {y});
  from_to(b, fb::CreateFullyConnected(b.fbb(), w, &kSilu, true, 1 + bias), y, {3, 33});
}

void matmul(ModelBuilder& b) {
  const Shape a_shape = {3, 5, 11}, b_shape = {11, 37}, c_shape = {3, 5, 37};
  const uint32_t a = b.sliced_input(a_shape), w = b.sliced_input(b_shape), c = b.slice(c_shape);
  const int32_t sa = b.row_stride(a_shape), sb = b.row_stride(b_shape), sc = b.row_stride(c_shape);
  const std::vector<int32_t> batch = {3}, a_strides = {5 * sa}, b_strides = {0}, c_strides = {5 * sc};
  b.step(fb::CreateMatMulDirect(b.fbb(), 5, 37, 11, &batch, &a_strides, &b_strides, &c_strides, sa, 1, sb, 1, sc, 0.5f),
         {a, w}, {c});
  b.output_of(c, c_shape);
}

void max_pool(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 7, 7, 19});
  from_to(b, fb::CreatePool2D(b.fbb(), fb::PoolKind::Max, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1), x, {2, 4, 4, 19});
}

void average_pool(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 7, 7, 19});
  from_to(b, fb::CreatePool2D(b.fbb(), fb::PoolKind::Average, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, true), x, {1, 4, 4, 19});
}

void binary(ModelBuilder& b) {
  const Shape shape = {2, 3, 4, 21}, b_shape = {3, 1, 21};
  const uint32_t x = b.sliced_input(shape), other = b.sliced_input(b_shape), y = b.slice(shape);
  const int32_t s = b.row_stride(shape), sb = b.row_stride(b_shape);
  const std::vector<int32_t> strides = {12 * s, 4 * s, s, 1}, b_strides = {0, sb, 0, 1};
  b.step(fb::CreateBinaryDirect(b.fbb(), fb::BinaryFunction::Mul, &shape, &strides, &b_strides, &strides, &kRelu),
         {x, other}, {y});
  b.output_of(y, shape);
}

void binary_in_place(ModelBuilder& b) {
  const Shape shape = {40, 50};
  const uint32_t x = b.sliced_input(shape), other = b.sliced_input(shape);
  const std::vector<int32_t> strides = {b.row_stride(shape), 1};
  b.step(fb::CreateBinaryDirect(b.fbb(), fb::BinaryFunction::Sub, &shape, &strides, &strides, &strides), {x, other},
         {other});
  b.output_of(other, shape);
}

void unary(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({3, 5, 300});
  from_to(b, fb::CreateUnary(b.fbb(), &kSilu), x, {3, 5, 300});
}

void scale_shift(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({4, 6, 37});
  const uint32_t parameters = b.buffer(random_floats(2 * 37, 7));
  from_to(b, fb::CreateScaleShift(b.fbb(), parameters, &kRelu), x, {4, 6, 37});
}

void softmax(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({12, 43});
  from_to(b, fb::CreateSoftmax(b.fbb(), 12, 43, 1, false), x, {12, 43});
}

// Constant padding: the output is filled, then a flipped copy is put inside it.
void copy_fill(ModelBuilder& b) {
  const Shape x_shape = {5, 6}, y_shape = {7, 9};
  const uint32_t x = b.sliced_input(x_shape), y = b.slice(y_shape);
  const int32_t sx = b.row_stride(x_shape), sy = b.row_stride(y_shape);
  const std::vector<int32_t> in = {-sx, 1}, out = {sy, 1};
  b.step(fb::CreateCopyDirect(b.fbb(), &x_shape, &in, 4 * sx, &out, sy + 2, true, 0x40490fdb), {x}, {y});
  b.output_of(y, y_shape);
}

void copy_bytes(ModelBuilder& b) {
  const Shape x_shape = {8, 12}, y_shape = {12, 8};
  const uint32_t x = b.sliced_input(x_shape, fb::DataType::Int8), y = b.slice(y_shape, fb::DataType::Int8);
  const std::vector<int32_t> in = {1, b.row_stride(x_shape)}, out = {b.row_stride(y_shape), 1};
  b.step(fb::CreateCopyDirect(b.fbb(), &y_shape, &in, 0, &out, 0), {x}, {y});
  b.output_of(y, y_shape, fb::DataType::Int8);
}

void gather(ModelBuilder& b) {
  const std::vector<int32_t> indices = {4, 0, 0, 3};
  // The last dimension is gathered from or is the inner one, as slices allow.
  const uint32_t x = b.input({3, 5, 14});
  from_to(b, fb::CreateGather(b.fbb(), 3, 5, 4, 14, b.buffer(indices)), x, {3, 4, 14});
}

void gather_last(ModelBuilder& b) {
  const std::vector<int32_t> indices = {4, 0, 0, 3, 1, 2};
  const Shape shape = {9, 5};
  const uint32_t x = b.sliced_input(shape), y = b.output({9, 6});
  b.step(fb::CreateGather(b.fbb(), 9, 5, 6, 1, b.buffer(indices)), {x}, {y});
}

void resample(ModelBuilder& b) {
  const uint32_t x = b.input({4, 3, 18});
  const std::vector<int32_t> indices = {0, 0, 0, 1, 0, 1, 1, 2, 1, 2, 2, 2};
  const uint32_t index_block = b.buffer(indices), weights = b.buffer(random_floats(6 * 2 + 6, 8));
  from_to(b, fb::CreateResample(b.fbb(), 4, 3, 6, 18, 2, index_block, weights), x, {4, 6, 18});
}

void reduce(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 30, 70});
  from_to(b, fb::CreateReduce(b.fbb(), fb::ReduceKind::Mean, 2, 30, 70, &kRelu), x, {2, 70});
}

void reduce_last(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({50, 33}), y = b.output({50});
  b.step(fb::CreateReduce(b.fbb(), fb::ReduceKind::L2, 50, 33, 1), {x}, {y});
}

void arg_max(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({17, 40}), y = b.output({17}, fb::DataType::Int32);
  b.step(fb::CreateArgMax(b.fbb(), 17, 40, 1, false, false), {x}, {y});
}

void row_norm(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({5, 7, 43});
  const uint32_t gain = b.buffer(random_floats(43, 20)), shift = b.buffer(random_floats(43, 21));
  from_to(b, fb::CreateRowNorm(b.fbb(), fb::NormKind::Layer, 43, 1e-5f, 1 + gain, 1 + shift, &kSilu), x, {5, 7, 43});
}

// Rows of the last two dimensions of a dense tensor.
void row_norm_of_two_axes(ModelBuilder& b) {
  const uint32_t x = b.input({40, 3, 23}), y = b.output({40, 69});
  const uint32_t gain = b.buffer(random_floats(69, 22));
  b.step(fb::CreateRowNorm(b.fbb(), fb::NormKind::Rms, 69, 1e-5f, 1 + gain), {x}, {y});
}

void row_norm_in_place(ModelBuilder& b) {
  const Shape shape = {33, 50};
  const uint32_t x = b.sliced_input(shape);
  b.step(fb::CreateRowNorm(b.fbb(), fb::NormKind::L2, 50, 1e-12f), {x}, {x});
  b.output_of(x, shape);
}

void group_norm(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 9, 8, 150});
  const uint32_t parameters = b.buffer(random_floats(2 * 150, 23));
  from_to(b, fb::CreateGroupNorm(b.fbb(), 50, 1e-5f, parameters, &kRelu), x, {2, 9, 8, 150});
}

void group_norm_large_groups(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 40, 198});
  const uint32_t parameters = b.buffer(random_floats(2 * 198, 24));
  from_to(b, fb::CreateGroupNorm(b.fbb(), 2, 1e-5f, parameters, &kSilu), x, {1, 40, 198});
}

void instance_norm_in_place(ModelBuilder& b) {
  const Shape shape = {1, 11, 13, 131};
  const uint32_t x = b.sliced_input(shape);
  const uint32_t parameters = b.buffer(random_floats(2 * 131, 25));
  b.step(fb::CreateGroupNorm(b.fbb(), 131, 1e-5f, parameters), {x}, {x});
  b.output_of(x, shape);
}

const fb::Activation kSigmoid(fb::Function::Sigmoid, 0, 0);
const fb::Activation kTanh(fb::Function::Tanh, 0, 0);

void rnn_reversed(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({40, 1, 3}), h = b.slice({1, 7});
  const uint32_t w = b.gemm_weights(3, 7, 40), r = b.gemm_weights(7, 7, 41);
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Rnn, 7, true, false, false, false, false, false, true, false,
                             false, 0.5f, &kTanh, nullptr, nullptr, w, r),
         {x}, {h});
  b.output_of(h, {1, 7});
}

void lstm(ModelBuilder& b) {
  const Shape state = {3, 11}, sequence = {5, 3, 11};
  const uint32_t x = b.sliced_input({3, 5, 6}), h0 = b.sliced_input(state), c0 = b.sliced_input(state);
  const uint32_t y = b.slice(sequence), h = b.slice(state), c = b.slice(state);
  const uint32_t w = b.gemm_weights(6, 44, 42), r = b.gemm_weights(11, 44, 43);
  const uint32_t peepholes = b.buffer(random_floats(33, 44));
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Lstm, 11, false, true, false, true, true, true, true, false,
                             false, 0, &kSigmoid, &kTanh, &kTanh, w, r, 1 + peepholes),
         {x, h0, c0}, {y, h, c});
  b.output_of(y, sequence);
  b.output_of(h, state);
  b.output_of(c, state);
}

void lstm_wide(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({6, 2, 80}), y = b.slice({2, 6, 100}), c = b.slice({2, 100});
  const uint32_t w = b.gemm_weights(80, 400, 45), r = b.gemm_weights(100, 400, 46);
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Lstm, 100, true, false, true, false, false, true, false, false,
                             false, 0, &kSigmoid, &kTanh, &kTanh, w, r),
         {x}, {y, c});
  b.output_of(y, {2, 6, 100});
  b.output_of(c, {2, 100});
}

void gru(ModelBuilder& b, bool linear_before_reset) {
  const uint32_t x = b.sliced_input({9, 2, 4}), h0 = b.sliced_input({2, 5}), y = b.slice({9, 2, 5});
  const uint32_t w = b.gemm_weights(4, 15, 47);
  std::vector<float> recurrent = ModelBuilder::packed_gemm(5, 10, 48);
  const std::vector<float> candidate = ModelBuilder::packed_gemm(5, 5, 49);
  recurrent.insert(recurrent.end(), candidate.begin(), candidate.end());
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Gru, 5, false, false, false, true, false, true, false,
                             linear_before_reset, false, 0, &kSigmoid, &kTanh, nullptr, w, b.buffer(recurrent)),
         {x, h0}, {y});
  b.output_of(y, {9, 2, 5});
}

void gru_reset_before(ModelBuilder& b) {
  gru(b, false);
}

void gru_reset_after(ModelBuilder& b) {
  gru(b, true);
}

// `make` adds the convolution from x and the weights to both tensors.
template <class Make>
void convolution_and_norm(ModelBuilder& b, const Shape& shape, int32_t moment_rows, const Make& make) {
  const int32_t runs = (shape[1] + moment_rows - 1) / moment_rows, channels = shape[3];
  const uint32_t y = b.slice(shape), moments = b.tensor({shape[0], runs, 3, channels}), z = b.slice(shape);
  make(std::vector<uint32_t>{y, moments});
  const uint32_t parameters = b.buffer(random_floats(static_cast<size_t>(2) * channels, 51));
  b.step(fb::CreateGroupNorm(b.fbb(), 5, 1e-5f, parameters, &kRelu, false, moment_rows), {y, moments}, {z});
  b.output_of(z, shape);
}

void conv2d_moments(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 10, 9, 6}), w = b.conv_weights(1, 6, 20, 3, 52);
  convolution_and_norm(b, {2, 10, 9, 20}, 3, [&](const std::vector<uint32_t>& outputs) {
    b.step(fb::CreateConv2D(b.fbb(), w, 1, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 3), {x}, outputs);
  });
}

void depthwise_moments(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 16, 9, 25}), w = b.depthwise_weights(25, 3, 53);
  convolution_and_norm(b, {1, 16, 9, 25}, 4, [&](const std::vector<uint32_t>& outputs) {
    b.step(fb::CreateDepthwiseConv2D(b.fbb(), w, 3, 3, 1, 1, 1, 1, 1, 1, &kSilu, 4), {x}, outputs);
  });
}

void winograd2d_moments(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 14, 9, 6}), w = b.winograd_weights(6, 20, 4, 54);
  convolution_and_norm(b, {2, 14, 9, 20}, 8, [&](const std::vector<uint32_t>& outputs) {
    b.step(fb::CreateWinograd2D(b.fbb(), w, 4, 1, 1, &kRelu, 8), {x}, outputs);
  });
}

void cast(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({6, 100}, fb::DataType::Int8);
  from_to(b, fb::CreateCast(b.fbb()), x, {6, 100});
}

std::vector<OperatorModel> float_operator_models() {
  return {
      {"Conv2D", conv2d},
      {"Conv2D_residual", conv2d_residual},
      {"Conv2D_wide", conv2d_wide},
      {"Conv2D_moments", conv2d_moments},
      {"ScaledConv2D", scaled_conv2d},
      {"ScaledConv2D_residual", scaled_conv2d_residual},
      {"Winograd2D", winograd2d},
      {"Winograd2D_wide", winograd2d_wide},
      {"Winograd2D_moments", winograd2d_moments},
      {"DepthwiseConv2D", depthwise},
      {"DepthwiseConv2D_moments", depthwise_moments},
      {"ConvTranspose2D", conv_transpose},
      {"FullyConnected", fully_connected},
      {"FullyConnected_wide", fully_connected_wide},
      {"FullyConnected_transposed", fully_connected_transposed},
      {"MatMul", matmul},
      {"Pool2D_max", max_pool},
      {"Pool2D_average", average_pool},
      {"Binary", binary},
      {"Binary_in_place", binary_in_place},
      {"Unary", unary},
      {"ScaleShift", scale_shift},
      {"Softmax", softmax},
      {"Copy_fill", copy_fill},
      {"Copy_bytes", copy_bytes},
      {"Gather", gather},
      {"Gather_last", gather_last},
      {"Resample", resample},
      {"Reduce", reduce},
      {"Reduce_last", reduce_last},
      {"ArgMax", arg_max},
      {"Cast", cast},
      {"RowNorm", row_norm},
      {"RowNorm_two_axes", row_norm_of_two_axes},
      {"RowNorm_in_place", row_norm_in_place},
      {"GroupNorm", group_norm},
      {"GroupNorm_large_groups", group_norm_large_groups},
      {"GroupNorm_instance_in_place", instance_norm_in_place},
      {"Recurrent_rnn_reversed", rnn_reversed},
      {"Recurrent_lstm", lstm},
      {"Recurrent_lstm_wide", lstm_wide},
      {"Recurrent_gru_reset_before", gru_reset_before},
      {"Recurrent_gru_reset_after", gru_reset_after},
  };
}

}  // namespace

Bytes small_network(int32_t size) {
  ModelBuilder b;
  const Shape wide = {1, size, size, 16};
  const uint32_t image = b.input({1, size, size, 4});
  const uint32_t features = b.tensor(wide), mixed = b.tensor(wide), pooled = b.tensor({1, 1, 1, 16});
  const uint32_t logits = b.tensor({1, 10}), output = b.output({1, 10});
  const uint32_t conv = b.conv_weights(1, 4, 16, 3, 10), depthwise = b.depthwise_weights(16, 3, 11);
  const uint32_t linear = b.gemm_weights(16, 10, 12);
  const uint64_t pixels = static_cast<uint64_t>(size) * size;
  b.step(fb::CreateConv2D(b.fbb(), conv, 1, 3, 3, 1, 1, 1, 1, 1, 1, &kRelu), {image}, {features}, pixels * 4 * 16 * 9);
  b.step(fb::CreateDepthwiseConv2D(b.fbb(), depthwise, 3, 3, 1, 1, 1, 1, 1, 1, &kSilu), {features, features}, {mixed},
         pixels * 16 * 9);
  b.step(fb::CreateReduce(b.fbb(), fb::ReduceKind::Mean, 1, size * size, 16), {mixed}, {pooled});
  b.step(fb::CreateFullyConnected(b.fbb(), linear), {pooled}, {logits}, 160);
  b.step(fb::CreateSoftmax(b.fbb(), 1, 10, 1, false), {logits}, {output});
  return b.finish();
}

Bytes ring_buffer(const Ring& ring, const std::vector<float>& initial) {
  ModelBuilder b;
  const Shape kept = {ring.kept, ring.columns}, fresh = {ring.fresh, ring.columns},
              all = {ring.kept + ring.fresh, ring.columns};
  const auto row_bytes = static_cast<uint32_t>(ring.columns) * static_cast<uint32_t>(sizeof(float));
  const uint32_t rows = b.state_tensor(all), first = b.tensor_at(kept, 0),
                 last = b.tensor_at(kept, ring.fresh * row_bytes);
  const uint32_t room = b.tensor_at(fresh, ring.newest_first ? 0 : ring.kept * row_bytes);
  b.copy(b.input(fresh), ring.columns, room, ring.columns, fresh);
  b.copy(rows, ring.columns, b.output(all), ring.columns, all);
  b.state(ring.newest_first ? last : first, ring.newest_first ? first : last,
          initial.empty() ? 0 : 1 + b.buffer(initial));
  return b.finish();
}

const std::vector<OperatorModel>& operator_models() {
  static const std::vector<OperatorModel> models = [] {
    std::vector<OperatorModel> all = float_operator_models();
    for (const OperatorModel& model : int8_weight_operator_models()) all.push_back(model);
    for (const OperatorModel& model : sparse_operator_models()) all.push_back(model);
    for (const OperatorModel& model : coded_operator_models()) all.push_back(model);
    for (const OperatorModel& model : int8_operator_models()) all.push_back(model);
    for (const OperatorModel& model : int16_operator_models()) all.push_back(model);
    return all;
  }();
  return models;
}

Bytes operator_model(const OperatorModel& model, int32_t gap) {
  ModelBuilder builder(gap);
  model.build(builder);
  return builder.finish();
}

linnet_model_info model_info(const Bytes& model, const linnet_options* options) {
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  EXPECT_EQ(linnet_get_model_info(options, model.data(), model.size(), &info), LINNET_OK);
  return info;
}

Instance make_instance(const Bytes& model, const linnet_options* options) {
  Instance instance = {Bytes(model_info(model, options).arena_bytes)};
  EXPECT_EQ(
      linnet_init(options, model.data(), model.size(), instance.arena.data(), instance.arena.size(), &instance.session),
      LINNET_OK);
  return instance;
}

std::vector<uint8_t> run(const Instance& instance) {
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  for (int i = 0; linnet_input(instance.session, i, &view) == LINNET_OK; ++i) {
    std::mt19937 engine(static_cast<uint32_t>(i + 1));
    if (view.type == LINNET_FLOAT32) {
      const std::vector<float> values = random_floats(view.bytes / sizeof(float), static_cast<uint32_t>(i + 1));
      memcpy(view.data, values.data(), view.bytes);
    } else {
      for (size_t j = 0; j < view.bytes; ++j) static_cast<uint8_t*>(view.data)[j] = static_cast<uint8_t>(engine());
    }
  }
  EXPECT_EQ(linnet_run(instance.session), LINNET_OK);
  std::vector<uint8_t> outputs;
  for (int i = 0; linnet_output(instance.session, i, &view) == LINNET_OK; ++i) {
    const uint8_t* data = static_cast<const uint8_t*>(view.data);
    outputs.insert(outputs.end(), data, data + view.bytes);
  }
  return outputs;
}

void thread_parallel_for(void*, linnet_task task, void* argument, int count) {
  std::vector<std::thread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(task, argument, i);
  task(argument, 0);
  for (std::thread& thread : threads) thread.join();
}

void expect_the_same_bytes_in_cascades(const Bytes& whole, const Bytes& rolling) {
  linnet_options options = LINNET_OPTIONS_INIT;
  options.isa = "scalar";
  const std::vector<uint8_t> wanted = run(make_instance(whole, &options));
  EXPECT_LT(model_info(rolling).tensor_bytes, model_info(whole).tensor_bytes);
  for (const kernels::IsaTraits& isa : kernels::kIsaTraits) {
    kernels::IsaId id;
    if (!kernels::find_isa(isa.name, &id) || kernels::table(id) == nullptr) continue;
    options.isa = isa.name;
    for (int threads = 1; threads <= 3; ++threads) {
      options.threads = threads;
      options.parallel_for = thread_parallel_for;
      EXPECT_EQ(run(make_instance(whole, &options)), wanted) << isa.name << ", whole, " << threads << " threads";
      EXPECT_EQ(run(make_instance(rolling, &options)), wanted) << isa.name << ", cascade, " << threads << " threads";
    }
  }
}

}  // namespace linnet::test
