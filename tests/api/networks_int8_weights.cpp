#include <cstring>

#include "kernels/pack_int8.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

const fb::Activation kRelu(fb::Function::Relu, 0, 0);
const fb::Activation kSilu(fb::Function::Silu, 0, 0);
const fb::Activation kSigmoid(fb::Function::Sigmoid, 0, 0);
const fb::Activation kTanh(fb::Function::Tanh, 0, 0);

// Behind what `packed` holds.
void add_float32x8(int32_t k, int32_t n, uint32_t seed, std::vector<int8_t>& packed) {
  std::vector<int8_t> w(static_cast<size_t>(k) * n);
  const std::vector<float> drawn = random_floats(w.size(), seed), bias = random_floats(n, seed + 1);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<int8_t>(127 * drawn[i]);
  const std::vector<float> scales(n, 1.0f / 127);
  const size_t begin = packed.size();
  packed.resize(begin + static_cast<size_t>(kernels::panel_float32x8_bytes(n, k)));
  kernels::pack_gemm_float32x8(w.data(), n, 1, scales.data(), bias.data(), n, k, packed.data() + begin);
}

void lstm_float32x8(ModelBuilder& b) {
  std::vector<int8_t> w, r;
  add_float32x8(6, 80, 52, w);
  add_float32x8(20, 80, 54, r);
  const uint32_t x = b.sliced_input({6, 2, 6}), y = b.slice({6, 2, 20}), c = b.slice({2, 20});
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Lstm, 20, false, false, false, false, false, true, false,
                             false, false, 0, &kSigmoid, &kTanh, &kTanh, b.buffer(w), b.buffer(r), 0,
                             fb::WeightLayout::Panel16Float32x8),
         {x}, {y, c});
  b.output_of(y, {6, 2, 20});
  b.output_of(c, {2, 20});
}

void gru_float32x8(ModelBuilder& b) {
  std::vector<int8_t> w, r;
  add_float32x8(4, 15, 56, w);
  add_float32x8(5, 10, 58, r);
  add_float32x8(5, 5, 60, r);
  const uint32_t x = b.sliced_input({3, 9, 4}), h = b.slice({3, 5});
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Gru, 5, true, true, false, false, false, false, true, true,
                             false, 0, &kSigmoid, &kTanh, nullptr, b.buffer(w), b.buffer(r), 0,
                             fb::WeightLayout::Panel16Float32x8),
         {x}, {h});
  b.output_of(h, {3, 5});
}

uint32_t float32x8_weights(ModelBuilder& b, int32_t groups, int32_t k, int32_t n, uint32_t seed) {
  std::vector<int8_t> packed;
  for (int32_t group = 0; group < groups; ++group) add_float32x8(k, n, seed + 2 * static_cast<uint32_t>(group), packed);
  return b.buffer(packed);
}

void conv2d_float32x8(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 9, 7, 6}), w = float32x8_weights(b, 2, 27, 10, 71);
  from_to(b, fb::CreateConv2D(b.fbb(), w, 2, 3, 3, 2, 1, 1, 2, 1, 2, &kRelu, 0, fb::WeightLayout::Panel16Float32x8), x,
          {2, 5, 7, 20});
}

// As conv2d_wide().
void conv2d_wide_float32x8(ModelBuilder& b) {
  const Shape shape = {1, 3, 2, 520};
  const uint32_t x = b.sliced_input({1, 3, 2, 4}), residual = b.sliced_input(shape);
  const uint32_t w = float32x8_weights(b, 1, 4, 520, 75);
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, &kSilu, 0, fb::WeightLayout::Panel16Float32x8),
         {x, residual}, {residual});
  b.output_of(residual, shape);
}

void depthwise_float32x8(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 9, 7, 30}), w = float32x8_weights(b, 1, 9, 30, 81);
  from_to(
      b,
      fb::CreateDepthwiseConv2D(b.fbb(), w, 3, 3, 2, 1, 1, 1, 1, 1, &kRelu, 0, fb::WeightLayout::Depthwise16Float32x8),
      x, {2, 5, 7, 30});
}

// Two groups, phases without taps.
void conv_transpose_float32x8(ModelBuilder& b) {
  std::vector<int8_t> packed;
  for (uint32_t group = 0; group < 2; ++group)
    for (const int32_t taps : {1, 1, 0, 1, 1, 0}) add_float32x8(3 * taps, 10, 111 + 2 * group, packed);
  const uint32_t x = b.sliced_input({2, 4, 5, 6});
  from_to(b,
          fb::CreateConvTranspose2D(b.fbb(), b.buffer(packed), 2, 2, 2, 2, 3, 1, 1, 0, 1, &kRelu,
                                    fb::WeightLayout::Panel16Float32x8),
          x, {2, 8, 14, 20});
}

void fully_connected_float32x8(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({5, 10}), tall = b.slice({5, 100}), y = b.slice({5, 7});
  const auto add = [&](uint32_t w, uint32_t from, uint32_t to) {
    b.step(fb::CreateFullyConnected(b.fbb(), w, &kRelu, false, 0, fb::WeightLayout::Panel16Float32x8), {from}, {to});
  };
  add(float32x8_weights(b, 1, 10, 100, 77), x, tall);
  add(float32x8_weights(b, 1, 100, 7, 79), tall, y);
  b.output_of(y, {5, 7});
}

// Section of a Panel16Dynamic8, behind what `packed` holds.
void add_dynamic(int32_t k, int32_t n, uint32_t seed, std::vector<int8_t>& packed) {
  const std::vector<float> drawn = random_floats(static_cast<size_t>(k) * n, seed), biases = random_floats(n, seed + 1);
  std::vector<int8_t> w;
  for (const float value : drawn) w.push_back(static_cast<int8_t>(127 * value));
  std::vector<int32_t> bits(biases.size());
  memcpy(bits.data(), biases.data(), bits.size() * sizeof(int32_t));
  const float scale = 1.0f / 127;
  std::vector<kernels::Factor> factors(biases.size());
  for (kernels::Factor& factor : factors) memcpy(&factor.multiplier, &scale, sizeof(scale));
  const kernels::ConvInt8Weights weights = {w.data(), k, 1, 0, 0, bits.data(), factors.data(), 0, 1, k, n, 1, 1};
  const size_t begin = packed.size();
  packed.resize(begin + static_cast<size_t>(kernels::conv2d_int8_packed_bytes(weights)));
  kernels::pack_conv2d_int8(weights, packed.data() + begin);
}

uint32_t dynamic_weights(ModelBuilder& b, int32_t k, int32_t n, uint32_t seed) {
  std::vector<int8_t> packed;
  add_dynamic(k, n, seed, packed);
  return b.buffer(packed);
}

void lstm_dynamic(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({6, 2, 6}), y = b.slice({6, 2, 20}), c = b.slice({2, 20});
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Lstm, 20, true, false, false, false, false, true, false, false,
                             false, 0, &kSigmoid, &kTanh, &kTanh, dynamic_weights(b, 6, 80, 91),
                             dynamic_weights(b, 20, 80, 93), 0, fb::WeightLayout::Panel16Dynamic8),
         {x}, {y, c});
  b.output_of(y, {6, 2, 20});
  b.output_of(c, {2, 20});
}

void gru_dynamic(ModelBuilder& b, bool linear_before_reset) {
  std::vector<int8_t> r;
  add_dynamic(5, 10, 97, r);
  add_dynamic(5, 5, 99, r);
  const uint32_t x = b.sliced_input({3, 9, 4}), h = b.slice({3, 5});
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Gru, 5, false, true, false, false, false, false, true,
                             linear_before_reset, false, 0, &kSigmoid, &kTanh, nullptr, dynamic_weights(b, 4, 15, 95),
                             b.buffer(r), 0, fb::WeightLayout::Panel16Dynamic8),
         {x}, {h});
  b.output_of(h, {3, 5});
}

void gru_dynamic_reset_before(ModelBuilder& b) {
  gru_dynamic(b, false);
}

void gru_dynamic_reset_after(ModelBuilder& b) {
  gru_dynamic(b, true);
}

void rnn_dynamic_clipped(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({7, 2, 4}), y = b.slice({7, 2, 33});
  b.step(fb::CreateRecurrent(b.fbb(), fb::RecurrentKind::Rnn, 33, false, false, false, false, false, true, false, false,
                             false, 0.7f, &kTanh, nullptr, nullptr, dynamic_weights(b, 4, 33, 101),
                             dynamic_weights(b, 33, 33, 103), 0, fb::WeightLayout::Panel16Dynamic8),
         {x}, {y});
  b.output_of(y, {7, 2, 33});
}

void fully_connected_dynamic(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({9, 10}), wide = b.sliced_input({9, 100}), y = b.slice({9, 7});
  b.step(fb::CreateFullyConnected(b.fbb(), dynamic_weights(b, 10, 100, 83), &kSilu, false, 0,
                                  fb::WeightLayout::Panel16Dynamic8),
         {x, wide}, {wide});
  b.step(fb::CreateFullyConnected(b.fbb(), dynamic_weights(b, 100, 7, 85), nullptr, false, 0,
                                  fb::WeightLayout::Panel16Dynamic8),
         {wide}, {y});
  b.output_of(y, {9, 7});
}

}  // namespace

std::vector<OperatorModel> int8_weight_operator_models() {
  return {
      {"Recurrent_lstm_float32x8", lstm_float32x8},
      {"Recurrent_gru_float32x8", gru_float32x8},
      {"Recurrent_lstm_dynamic", lstm_dynamic},
      {"Recurrent_gru_dynamic_reset_before", gru_dynamic_reset_before},
      {"Recurrent_gru_dynamic_reset_after", gru_dynamic_reset_after},
      {"Recurrent_rnn_dynamic_clipped", rnn_dynamic_clipped},
      {"Conv2D_float32x8", conv2d_float32x8},
      {"Conv2D_wide_float32x8", conv2d_wide_float32x8},
      {"DepthwiseConv2D_float32x8", depthwise_float32x8},
      {"FullyConnected_dynamic", fully_connected_dynamic},
      {"FullyConnected_float32x8", fully_connected_float32x8},
      {"ConvTranspose2D_float32x8", conv_transpose_float32x8},
  };
}

}  // namespace linnet::test
