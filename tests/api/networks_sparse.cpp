#include "kernels/pack_sparse.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

const fb::Activation kRelu(fb::Function::Relu, 0, 0);
const fb::Activation kSilu(fb::Function::Silu, 0, 0);

void sparse_conv2d(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 9, 7, 3}), w = sparse_weights(b, 3, 3, 18, 1, 211);
  from_to(b, fb::CreateConv2D(b.fbb(), w, 1, 3, 3, 2, 1, 1, 2, 1, 2, &kRelu, 0, fb::WeightLayout::SparseFloat32), x,
          {2, 5, 7, 18});
}

void sparse_pointwise(ModelBuilder& b) {
  const Shape shape = {1, 6, 11, 37};
  const uint32_t x = b.sliced_input({1, 6, 11, 270}), residual = b.sliced_input(shape);
  const uint32_t w = sparse_weights(b, 1, 270, 37, 4, 213);
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, &kSilu, 0, fb::WeightLayout::Sparse4Float32),
         {x, residual}, {residual});
  b.output_of(residual, shape);
}

// As conv2d_wide(): threads divide the outputs.
void sparse_wide(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 3, 2, 8}), w = sparse_weights(b, 1, 8, 520, 16, 215);
  from_to(b, fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, &kRelu, 0, fb::WeightLayout::Sparse16Float32), x,
          {1, 3, 2, 520});
}

// One row, whose outputs threads divide, and many, which they divide.
void sparse_linear(ModelBuilder& b) {
  for (const int32_t rows : {1, 70}) {
    const uint32_t x = b.sliced_input({rows, 9}), w = sparse_weights(b, 1, 9, 36, 1, 217);
    from_to(b, fb::CreateFullyConnected(b.fbb(), w, &kRelu, false, 0, fb::WeightLayout::SparseFloat32), x, {rows, 36});
  }
}

}  // namespace

uint32_t sparse_weights(ModelBuilder& b, int32_t kernel, int32_t in, int32_t out, int32_t block, uint32_t seed) {
  const int32_t inputs = kernel * kernel * in;
  std::vector<float> w = random_floats(static_cast<size_t>(inputs) * out, seed);
  const std::vector<float> bias = random_floats(out, seed + 1), kept = random_floats(w.size(), seed + 2);
  for (int32_t o = 0; o < out; ++o) {
    for (int32_t i = 0; i < inputs; ++i) {
      if (kept[o / block * inputs + i] < 0.4f) w[o * inputs + i] = 0;
    }
  }
  const kernels::ConvWeights source = {w.data(), inputs, kernel * kernel, kernel, 1, bias.data(), 1,
                                       in,       out,    kernel,          kernel};
  std::vector<uint8_t> packed(static_cast<size_t>(kernels::sparse_packed_bytes(source, block)));
  kernels::pack_sparse(source, block, packed.data());
  return b.buffer(packed);
}

std::vector<OperatorModel> sparse_operator_models() {
  return {{"SparseConv2D", sparse_conv2d},
          {"Sparse4_wide", sparse_pointwise},
          {"Sparse16_wide", sparse_wide},
          {"SparseLinear", sparse_linear}};
}

}  // namespace linnet::test
