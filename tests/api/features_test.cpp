// A model that needs a feature is opened by a build that has it, and refused, with the step and the feature, by one
// that does not. Compiled twice: with the whole engine, and with one that has Float32, ReduceMean and Relu alone.
#include <gtest/gtest.h>

#include "kernels/pack_sparse.hpp"
#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

#ifdef LINNET_TEST_TWO_FEATURES
constexpr bool kHasAll = false;
#else
constexpr bool kHasAll = true;
#endif

struct FeatureRow {
  const char* name;
  void (*build)(ModelBuilder& b);
  bool always;  // in both builds
  int step;     // of the refusal, as are the following
  size_t kind, number;
};

void unary(ModelBuilder& b, fb::Function function) {
  const fb::Activation activation(function, 0.5f, 0.5f);
  apply(b, fb::CreateUnary(b.fbb(), &activation), {b.input({2, 8}), b.output({2, 8})});
}

void reduce(ModelBuilder& b, fb::ReduceKind kind) {
  apply(b, fb::CreateReduce(b.fbb(), kind, 2, 8, 1), {b.input({2, 8}), b.output({2, 1})});
}

void pointwise(ModelBuilder& b, uint32_t x, uint32_t y) {
  b.step(fb::CreateConv2D(b.fbb(), b.conv_weights(1, 4, 4, 1, 1)), {x}, {y});
}

// Step 0 is in no cascade.
void cascade(ModelBuilder& b) {
  const Shape shape = {1, 6, 5, 4};
  const uint32_t x = b.input(shape), first = b.tensor(shape), middle = b.rolling(shape, 2), y = b.output(shape);
  pointwise(b, x, first);
  pointwise(b, first, middle);
  pointwise(b, middle, y);
  b.cascade(1, 2, 2);
}

void moments(ModelBuilder& b) {
  const uint32_t x = b.input({1, 6, 5, 4}), y = b.output({1, 6, 5, 4}), moments = b.output({1, 3, 3, 4});
  b.step(fb::CreateConv2D(b.fbb(), b.conv_weights(1, 4, 4, 1, 1), 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 2), {x}, {y, moments});
}

void linear(ModelBuilder& b, bool transposed) {
  const uint32_t weights = transposed ? b.gemm_weights(3, 8, 1) : b.gemm_weights(8, 3, 1);
  apply(b, fb::CreateFullyConnected(b.fbb(), weights, nullptr, transposed), {b.input({2, 8}), b.output({2, 3})});
}

void lookup(ModelBuilder& b) {
  b.quantize(0.5f, 1);
  const uint32_t table = b.buffer(std::vector<int8_t>(256));
  apply(b, fb::CreateUnary(b.fbb(), nullptr, 1 + table),
        {b.input({2, 8}, fb::DataType::Int8), b.output({2, 8}, fb::DataType::Int8)});
}

void state(ModelBuilder& b) {
  const uint32_t sum = b.state_tensor({2, 8}), x = b.input({2, 8}), y = b.output({2, 8});
  const fb::Activation none(fb::Function::Relu, 0, 0);
  apply(b, fb::CreateUnary(b.fbb(), &none), {x, y});
  b.state(sum, y);
}

void int16_pool(ModelBuilder& b) {
  b.quantize(0.5f, 0);
  const fb::Requantize whole(fb::Rounding::FixedPoint, -32768, 32767);
  const uint32_t x = b.input({1, 4, 4, 3}, fb::DataType::Int16), y = b.output({1, 4, 4, 3}, fb::DataType::Int16);
  apply(b, fb::CreatePool2D(b.fbb(), fb::PoolKind::Max, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, false, nullptr, &whole), {x, y});
}

void int8_weights(ModelBuilder& b) {
  const std::vector<float> block(8 * (2 * 4 + 4) / 4, 0.0f);
  apply(b, fb::CreateFullyConnected(b.fbb(), b.buffer(block), nullptr, false, 0, fb::WeightLayout::Panel16Float32x8),
        {b.input({2, 4}), b.output({2, 8})});
}

void coded_linear(ModelBuilder& b) {
  std::vector<int32_t> block(16 + 8 * 3, 0);
  block[0] = 4;  // bits
  block[2] = 4;  // inputs of a group
  apply(b, fb::CreateFullyConnected(b.fbb(), b.buffer(block), nullptr, false, 0, fb::WeightLayout::Panel16Codes),
        {b.input({2, 4}), b.output({2, 8})});
}

void dynamic_linear(ModelBuilder& b) {
  const std::vector<float> block(40, 1.0f);
  apply(b, fb::CreateFullyConnected(b.fbb(), b.buffer(block), nullptr, false, 0, fb::WeightLayout::Panel16Dynamic8),
        {b.input({2, 4}), b.output({2, 8})});
}

void sparse_linear(ModelBuilder& b) {
  const std::vector<float> w(32, 1.0f);
  const kernels::ConvWeights source = {w.data(), 4, 1, 0, 0, nullptr, 1, 4, 8, 1, 1};
  std::vector<uint8_t> packed(static_cast<size_t>(kernels::sparse_packed_bytes(source, 1)));
  kernels::pack_sparse(source, 1, packed.data());
  apply(b, fb::CreateFullyConnected(b.fbb(), b.buffer(packed), nullptr, false, 0, fb::WeightLayout::SparseFloat32),
        {b.input({2, 4}), b.output({2, 8})});
}

const FeatureRow kRows[] = {
    {"Cascade", cascade, false, 1, 1, 0},
    {"Moments", moments, false, 0, 1, 1},
    {"States", state, false, -1, 1, 5},
    {"Transposed", [](ModelBuilder& b) { linear(b, true); }, false, 0, 1, 2},
    {"Int8", lookup, false, 0, 1, 4},
    {"Int16", int16_pool, false, 0, 1, 6},
    {"Int8Weights", int8_weights, false, 0, 1, 7},
    {"Codes", coded_linear, false, 0, 1, 11},
    {"DynamicInt8", dynamic_linear, false, 0, 1, 8},
    {"Sparse", sparse_linear, false, 0, 1, 10},
    {"NotTransposed", [](ModelBuilder& b) { linear(b, false); }, true, 0, 0, 0},
    {"Identity", [](ModelBuilder& b) { unary(b, fb::Function::Identity); }, true, 0, 0, 0},
    {"Relu", [](ModelBuilder& b) { unary(b, fb::Function::Relu); }, true, 0, 0, 0},
    {"LeakyRelu", [](ModelBuilder& b) { unary(b, fb::Function::LeakyRelu); }, false, 0, 2, 2},
    {"Round", [](ModelBuilder& b) { unary(b, fb::Function::Round); }, false, 0, 2, 25},
    {"Cos", [](ModelBuilder& b) { unary(b, fb::Function::Cos); }, false, 0, 2, 27},
    {"ReduceSum", [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Sum); }, false, 0, 3, 0},
    {"ReduceMean", [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Mean); }, true, 0, 0, 0},
    {"ReduceSumSquare", [](ModelBuilder& b) { reduce(b, fb::ReduceKind::SumSquare); }, false, 0, 3, 7},
};

class Features : public testing::TestWithParam<FeatureRow> {};

TEST_P(Features, OpensOrRefuses) {
  const FeatureRow& row = GetParam();
  ModelBuilder builder;
  row.build(builder);
  const Bytes model = builder.finish();
  if (kHasAll || row.always) {
    expect_status(model, LINNET_OK, -1, -1);
    return;
  }
  expect_status(model, LINNET_ERROR_OPERATOR, row.step, -1);
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  linnet_options options = LINNET_OPTIONS_INIT;
  options.error = &detail;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  linnet_get_model_info(&options, model.data(), model.size(), &info);
  EXPECT_EQ(detail.wanted, row.kind);
  EXPECT_EQ(detail.got, row.number);
}

INSTANTIATE_TEST_SUITE_P(Each, Features, testing::ValuesIn(kRows), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace linnet::test
