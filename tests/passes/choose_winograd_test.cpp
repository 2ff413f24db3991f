#include "converter/passes/winograd_cost.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

// The tile that the pass gives a channels-last convolution.
int64_t tile_of(const Shape& x, int64_t outputs, int64_t kernel, std::optional<int64_t> tile, bool strict,
                const std::function<void(ops::Conv&)>& edit = {}) {
  GraphBuilder b;
  ops::Conv op;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {kernel / 2, kernel / 2};
  op.channels_last = true;
  if (edit) edit(op);
  Value* y = b.add(op, {b.input(x), b.random({outputs, x.back() / op.groups, kernel, kernel}), b.random({outputs})});
  b.output(y);
  passes::PassLog log;
  passes::choose_winograd(b.graph, log, tile, strict);
  verify(b.graph, "choose_winograd");
  const int64_t chosen = y->producer->as<ops::Conv>()->winograd;
  EXPECT_EQ(log.actions.size(), chosen == 0 ? 0u : 1u);
  return chosen;
}

TEST(ChooseWinograd, ByTheCostModel) {
  EXPECT_EQ(tile_of({1, 56, 56, 64}, 64, 3, {}, false), 4);
  EXPECT_EQ(tile_of({1, 56, 56, 64}, 64, 3, {}, true), 2);
  EXPECT_EQ(tile_of({1, 32, 32, 16}, 16, 3, {}, false), 4);
  EXPECT_EQ(tile_of({1, 32, 32, 1}, 16, 3, {}, false), 0) << "the transforms cost more than the products save";
  EXPECT_EQ(tile_of({1, 4, 4, 512}, 512, 3, {}, false), 0) << "more weights to read than arithmetic to save";
}

TEST(ChooseWinograd, OnRequest) {
  for (const int64_t tile : {2, 4, 6}) EXPECT_EQ(tile_of({1, 4, 4, 3}, 5, 3, tile, false), tile);
  EXPECT_EQ(tile_of({1, 56, 56, 64}, 64, 3, 0, false), 0);
}

TEST(ChooseWinograd, RefusesOtherTiles) {
  for (const int64_t tile : {-1, 1, 3, 8}) EXPECT_THROW(tile_of({1, 8, 8, 3}, 5, 3, tile, false), Error) << tile;
  for (const int64_t tile : {4, 6}) EXPECT_THROW(tile_of({1, 8, 8, 3}, 5, 3, tile, true), Error) << tile;
  EXPECT_EQ(tile_of({1, 8, 8, 3}, 5, 3, 2, true), 2);
}

TEST(ChooseWinograd, OtherConvolutionsStayDirect) {
  const Shape x = {1, 28, 28, 64};
  EXPECT_EQ(tile_of(x, 64, 3, 4, false), 4);
  EXPECT_EQ(tile_of(x, 64, 5, 4, false), 0);
  EXPECT_EQ(tile_of(x, 64, 1, 4, false), 0);
  EXPECT_EQ(tile_of(x, 64, 3, 4, false, [](ops::Conv& conv) { conv.strides = {1, 2}; }), 0);
  EXPECT_EQ(tile_of(x, 64, 3, 4, false, [](ops::Conv& conv) { conv.dilations = {2, 1}; }), 0);
  EXPECT_EQ(tile_of(x, 64, 3, 4, false, [](ops::Conv& conv) { conv.groups = 2; }), 0);
  EXPECT_EQ(tile_of(x, 64, 3, 4, false, [](ops::Conv& conv) { conv.groups = 64; }), 0);
}

TEST(ChooseWinograd, OneDimensionalConvolutionsStayDirect) {
  GraphBuilder b;
  ops::Conv op;
  op.strides = op.dilations = op.pads_begin = op.pads_end = {1};
  op.channels_last = true;
  Value* y = b.add(op, {b.input({1, 100, 64}), b.random({64, 64, 3})});
  b.output(y);
  passes::PassLog log;
  passes::choose_winograd(b.graph, log, 4, false);
  EXPECT_EQ(y->producer->as<ops::Conv>()->winograd, 0);
}

// Ratios measured by winograd_bench on AVX2.
TEST(ChooseWinograd, CostModelFitsTheMeasurement) {
  struct Row {
    int64_t size, in_channels, out_channels, tile;
    double measured;
  };
  constexpr Row kRows[] = {
      {56, 64, 64, 2, 1.70},    {56, 64, 64, 4, 2.90},    {28, 128, 128, 2, 1.94}, {28, 128, 128, 4, 3.02},
      {14, 256, 256, 2, 1.95},  {14, 256, 256, 4, 1.73},  {7, 512, 512, 2, 1.13},  {7, 512, 512, 4, 0.69},
      {224, 64, 64, 2, 1.69},   {224, 64, 64, 4, 2.66},   {112, 64, 128, 2, 1.70}, {112, 64, 128, 4, 2.85},
      {112, 128, 128, 2, 1.86}, {112, 128, 128, 4, 2.82}, {56, 256, 256, 2, 1.94}, {56, 256, 256, 4, 2.74},
      {28, 512, 512, 2, 1.94},  {28, 512, 512, 4, 2.81},  {14, 512, 512, 2, 1.81}, {14, 512, 512, 4, 1.71},
      {55, 16, 64, 2, 1.25},    {55, 16, 64, 4, 2.05},    {27, 32, 128, 2, 1.43},  {27, 32, 128, 4, 2.39},
      {13, 48, 192, 2, 1.46},   {13, 48, 192, 4, 1.72},   {13, 64, 256, 2, 1.56},  {13, 64, 256, 4, 1.75},
      {32, 16, 16, 2, 1.19},    {32, 16, 16, 4, 2.09},    {16, 32, 32, 2, 1.41},   {16, 32, 32, 4, 2.38},
      {8, 64, 64, 2, 1.73},     {8, 64, 64, 4, 2.25},
  };
  for (const Row& row : kRows) {
    const passes::Convolution3x3 layer{1, row.size, row.size, row.in_channels, row.out_channels};
    EXPECT_NEAR(passes::direct_cost(layer) / passes::winograd_cost(layer, row.tile) / row.measured, 1, 0.15)
        << row.size << " " << row.in_channels << " F" << row.tile;
  }
}

}  // namespace
}  // namespace linnet::test
