// ScaledConv2D: its checks, and that it computes what a convolution behind a product does.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/api/check_support.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

struct Fields {
  Shape x = {2, 5, 5, 4}, factors = {2, 1, 1, 4}, y = {2, 5, 5, 8};
  int32_t kernel = 3, pad = 1;
  int function = 0;
};

void scaled(ModelBuilder& b, const Fields& f) {
  const fb::Activation activation(static_cast<fb::Function>(f.function), 0, 0);
  const uint32_t w = b.conv_weights(1, 4, 8, 3, 1);
  apply(b, fb::CreateScaledConv2D(b.fbb(), w, f.kernel, f.kernel, 1, 1, 1, 1, f.pad, f.pad, &activation),
        {b.input(f.x), b.input(f.factors), b.output(f.y)});
}

const Wrong kWrong[] = {
    {"NoFactors", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       apply(b, fb::CreateScaledConv2D(b.fbb(), b.conv_weights(1, 4, 8, 1, 1)),
             {b.input({1, 5, 5, 4}), b.output({1, 5, 5, 8})});
     }},
    {"FactorsOfFewerImages", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       scaled(b, {.factors = {1, 1, 1, 4}});
     },
     0, 1},
    {"FactorsOfMoreChannels", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       scaled(b, {.factors = {2, 1, 1, 5}});
     },
     0, 1},
    {"FactorsOfPixels", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       scaled(b, {.factors = {2, 5, 5, 4}});
     },
     0, 1},
    {"FactorsType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({1, 5, 5, 4}), factors = b.input({1, 1, 1, 4}, fb::DataType::Int32);
       apply(b, fb::CreateScaledConv2D(b.fbb(), b.conv_weights(1, 4, 8, 1, 1)), {x, factors, b.output({1, 5, 5, 8})});
     },
     0, 1},
    {"Rank", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       scaled(b, {.x = {50, 4}});
     },
     0, 0},
    {"Batch", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       scaled(b, {.y = {1, 5, 5, 8}});
     },
     0, 2},
    {"WeightsTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { scaled(b, {.kernel = 5, .pad = 2}); }},
    {"WeightsOfFewerOutputs", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       scaled(b, {.y = {2, 5, 5, 17}});
     }},
    {"KernelZero", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { scaled(b, {.kernel = 0}); }},
    {"PadNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { scaled(b, {.pad = -1}); }},
    {"Activation", LINNET_ERROR_MODEL_CORRUPT, [](ModelBuilder& b) { scaled(b, {.function = 127}); }},
    {"ResidualChannels", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({1, 5, 5, 4}), factors = b.input({1, 1, 1, 4}), residual = b.input({1, 5, 5, 4});
       apply(b, fb::CreateScaledConv2D(b.fbb(), b.conv_weights(1, 4, 8, 1, 1)),
             {x, factors, residual, b.output({1, 5, 5, 8})});
     },
     0, 2},
};

class ScaledConvChecks : public testing::TestWithParam<Wrong> {};

TEST_P(ScaledConvChecks, GetsItsStatus) {
  expect_status(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, ScaledConvChecks, testing::ValuesIn(kWrong),
                         [](const auto& info) { return info.param.name; });

// With factors that are powers of two both orders of the products round alike.
TEST(ScaledConv2D, IsAConvolutionOfTheProduct) {
  const Shape image = {2, 9, 7, 20}, factors = {2, 1, 1, 20}, out = {2, 5, 4, 37};
  std::vector<float> powers(40);
  for (size_t i = 0; i < powers.size(); ++i) powers[i] = std::ldexp(1.0f, static_cast<int>(i * 7 % 5) - 2);
  const auto outputs = [&](bool together) {
    ModelBuilder b;
    const uint32_t x = b.input(image), s = b.constant(factors, powers), y = b.output(out);
    const uint32_t w = b.conv_weights(1, 20, 37, 3, 5);
    if (together) {
      b.step(fb::CreateScaledConv2D(b.fbb(), w, 3, 3, 2, 2, 1, 1, 1, 1), {x, s}, {y});
    } else {
      const uint32_t product = b.tensor(image);
      const Shape shape = {2, 63, 20}, whole = {1260, 20, 1}, repeated = {20, 0, 1};
      b.step(fb::CreateBinaryDirect(b.fbb(), fb::BinaryFunction::Mul, &shape, &whole, &repeated, &whole), {x, s},
             {product});
      b.step(fb::CreateConv2D(b.fbb(), w, 1, 3, 3, 2, 2, 1, 1, 1, 1), {product}, {y});
    }
    const Bytes model = b.finish();
    return run(make_instance(model));
  };
  EXPECT_EQ(outputs(true), outputs(false));
}

}  // namespace
}  // namespace linnet::test
