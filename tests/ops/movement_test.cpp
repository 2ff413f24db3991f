// Operators that move data, in every ONNX form of opsets 7 to 21, against values that can be checked by hand.
#include <cmath>
#include <numeric>

#include "converter/ops/concat.hpp"
#include "converter/ops/depth_to_space.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/slice.hpp"
#include "tests/ops/onnx_node.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ir;
using onnx::TensorProto;

Array counting(const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0f);
  return Array::of_floats(shape, std::move(values));
}

Array integers(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Array::of_integers({count}, std::move(values));
}

void expect(const Array& actual, const Shape& shape, const std::vector<double>& values) {
  EXPECT_EQ(to_string(actual.shape()), to_string(shape));
  EXPECT_EQ(actual.doubles(), values);
}

constexpr auto kInt64 = TensorProto::INT64;

TEST(Concat, AlongEveryAxis) {
  for (const int axis : {0, -2}) {
    expect(OnnxNode("Concat", 13)
               .input({1, 2})
               .input({2, 2})
               .attribute("axis", axis)
               .run({counting({1, 2}), counting({2, 2})}),
           {3, 2}, {0, 1, 0, 1, 2, 3});
  }
  expect(
      OnnxNode("Concat", 13).input({2, 1}).input({2, 2}).attribute("axis", 1).run({counting({2, 1}), counting({2, 2})}),
      {2, 3}, {0, 0, 1, 1, 2, 3});
  EXPECT_NE(OnnxNode("Concat", 13).input({2, 1}).input({1, 2}).attribute("axis", 1).problems().find("cannot follow"),
            std::string::npos);
}

TEST(Split, EqualGivenAndUnevenParts) {
  const Array x = counting({1, 5});
  EXPECT_NE(OnnxNode("Split", 11).input({1, 5}).attribute("axis", 1).outputs(2).problems().find("2 equal parts"),
            std::string::npos);
  expect(OnnxNode("Split", 11).input({1, 5}).attribute("axis", 1).attribute("split", {2, 3}).outputs(2).run({x}),
         {1, 2}, {0, 1});
  expect(
      OnnxNode("Split", 13).input({1, 5}).constant(integers({3, 2}), kInt64).attribute("axis", -1).outputs(2).run({x}),
      {1, 3}, {0, 1, 2});
  expect(OnnxNode("Split", 18).input({1, 5}).attribute("axis", 1).attribute("num_outputs", 2).outputs(2).run({x}),
         {1, 3}, {0, 1, 2});
}

struct SliceCase {
  int64_t start, end, step;
  std::vector<double> values;
};

TEST(Slice, StartsEndsAndSteps) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kLeast = std::numeric_limits<int64_t>::min();
  const SliceCase cases[] = {
      {0, 6, 1, {0, 1, 2, 3, 4, 5}},
      {1, -1, 2, {1, 3}},
      {-3, kMost, 1, {3, 4, 5}},
      {kMost, kLeast, -1, {5, 4, 3, 2, 1, 0}},
      {4, 0, -3, {4, 1}},
      {5, kLeast, -5, {5, 0}},
      {2, 3, kMost, {2}},
      {3, kLeast, kLeast, {3}},
      {-1, -7, -1, {5, 4, 3, 2, 1, 0}},
      {0, kMost, 7, {0}},
  };
  for (const SliceCase& c : cases) {
    const auto count = static_cast<int64_t>(c.values.size());
    expect(OnnxNode("Slice", 13)
               .input({1, 6})
               .constant(integers({c.start}), kInt64)
               .constant(integers({c.end}), kInt64)
               .constant(integers({1}), kInt64)
               .constant(integers({c.step}), kInt64)
               .run({counting({1, 6})}),
           {1, count}, c.values);
    if (c.step != 1) continue;
    expect(OnnxNode("Slice", 7)
               .input({1, 6})
               .attribute("starts", std::vector<int64_t>{c.start})
               .attribute("ends", std::vector<int64_t>{c.end})
               .attribute("axes", std::vector<int64_t>{-1})
               .run({counting({1, 6})}),
           {1, count}, c.values);
  }
  EXPECT_NE(OnnxNode("Slice", 13)
                .input({6})
                .constant(integers({0}), kInt64)
                .constant(integers({1}), kInt64)
                .constant(integers({0}), kInt64)
                .constant(integers({0}), kInt64)
                .problems()
                .find("step 0"),
            std::string::npos);
}

struct PadCase {
  const char* mode;
  std::vector<int64_t> pads;
  std::vector<double> values;
};

TEST(Pad, ModesOnOneAxis) {
  const PadCase cases[] = {
      {"constant", {1, 2}, {9, 0, 1, 2, 9, 9}}, {"constant", {-1, 1}, {1, 2, 9}},
      {"reflect", {2, 1}, {2, 1, 0, 1, 2, 1}},  {"reflect", {4, 0}, {0, 1, 2, 1, 0, 1, 2}},
      {"edge", {2, 1}, {0, 0, 0, 1, 2, 2}},     {"wrap", {2, 4}, {1, 2, 0, 1, 2, 0, 1, 2, 0}},
      {"edge", {-1, 2}, {1, 2, 2, 2}},
  };
  for (const PadCase& c : cases) {
    const Shape shape{static_cast<int64_t>(c.values.size())};
    const Array nine = Array::scalar(9);
    expect(OnnxNode("Pad", 19)
               .input({3})
               .constant(integers(c.pads), kInt64)
               .constant(nine)
               .attribute("mode", c.mode)
               .run({counting({3})}),
           shape, c.values);
    if (std::string_view(c.mode) == "wrap") continue;
    expect(OnnxNode("Pad", 7)
               .input({3})
               .attribute("pads", c.pads)
               .attribute("value", 9.0f)
               .attribute("mode", c.mode)
               .run({counting({3})}),
           shape, c.values);
  }
  EXPECT_NE(OnnxNode("Pad", 13)
                .input({3})
                .constant(integers({1, 1}), kInt64)
                .attribute("mode", "wrap")
                .problems()
                .find("mode 'wrap'"),
            std::string::npos);
}

TEST(Pad, SeveralAxesAndTheAxesInput) {
  expect(OnnxNode("Pad", 13)
             .input({2, 2})
             .constant(integers({1, 0, 0, 1}), kInt64)
             .attribute("mode", "edge")
             .run({counting({2, 2})}),
         {3, 3}, {0, 1, 1, 0, 1, 1, 2, 3, 3});
  expect(OnnxNode("Pad", 18)
             .input({2, 2})
             .constant(integers({1, 0}), kInt64)
             .absent()
             .constant(integers({-1}), kInt64)
             .run({counting({2, 2})}),
         {2, 3}, {0, 0, 1, 0, 2, 3});
}

TEST(Reshape, ZeroMinusOneAndAllowZero) {
  const Array x = counting({2, 3});
  expect(OnnxNode("Reshape", 13).input({2, 3}).constant(integers({0, -1, 1}), kInt64).run({x}), {2, 3, 1},
         {0, 1, 2, 3, 4, 5});
  for (const auto& shape : std::vector<std::vector<int64_t>>{{-1, -1}, {4, -1}, {2, 2}, {0, 0, 0}, {-2}}) {
    EXPECT_NE(OnnxNode("Reshape", 13).input({2, 3}).constant(integers(shape), kInt64).problems(), "");
  }
  EXPECT_NE(
      OnnxNode("Reshape", 14).input({2, 3}).constant(integers({0, -1}), kInt64).attribute("allowzero", 1).problems(),
      "");
}

TEST(Reshape, FlattenSqueezeUnsqueeze) {
  const std::pair<int, Shape> flattened[] = {{0, {1, 24}}, {1, {2, 12}}, {-1, {6, 4}}, {3, {24, 1}}};
  for (const auto& [axis, shape] : flattened)
    EXPECT_EQ(OnnxNode("Flatten", 13).input({2, 3, 4}).attribute("axis", axis).run({counting({2, 3, 4})}).shape(),
              shape);
  const Array x = counting({1, 3, 1});
  EXPECT_EQ(OnnxNode("Squeeze", 7).input({1, 3, 1}).run({x}).shape(), (Shape{3}));
  EXPECT_EQ(OnnxNode("Squeeze", 7).input({1, 3, 1}).attribute("axes", std::vector<int64_t>{-1}).run({x}).shape(),
            (Shape{1, 3}));
  EXPECT_EQ(OnnxNode("Squeeze", 13).input({1, 3, 1}).constant(integers({0}), kInt64).run({x}).shape(), (Shape{3, 1}));
  EXPECT_NE(OnnxNode("Squeeze", 13).input({1, 3, 1}).constant(integers({1}), kInt64).problems().find("has not size 1"),
            std::string::npos);
  EXPECT_EQ(OnnxNode("Unsqueeze", 7).input({3}).attribute("axes", {0, 2}).run({counting({3})}).shape(),
            (Shape{1, 3, 1}));
  EXPECT_EQ(OnnxNode("Unsqueeze", 13).input({3}).constant(integers({-1}), kInt64).run({counting({3})}).shape(),
            (Shape{3, 1}));
  EXPECT_NE(OnnxNode("Unsqueeze", 13).input({3}).constant(integers({0, 0}), kInt64).problems().find("twice"),
            std::string::npos);
}

TEST(Transpose, GivenAndReversed) {
  const std::vector<double> reversed{0, 3, 1, 4, 2, 5};
  expect(OnnxNode("Transpose", 13).input({2, 3}).run({counting({2, 3})}), {3, 2}, reversed);
  expect(OnnxNode("Transpose", 13).input({1, 2, 3}).attribute("perm", {2, 0, 1}).run({counting({1, 2, 3})}), {3, 1, 2},
         reversed);
  EXPECT_NE(OnnxNode("Transpose", 13).input({2, 3}).attribute("perm", {0, 0}).problems().find("permutation"),
            std::string::npos);
}

TEST(Expand, BroadcastsBothWays) {
  expect(OnnxNode("Expand", 13).input({2, 1}).constant(integers({2, 1, 2}), kInt64).run({counting({2, 1})}), {2, 2, 2},
         {0, 0, 1, 1, 0, 0, 1, 1});
  expect(OnnxNode("Expand", 13).input({2, 2}).constant(integers({1}), kInt64).run({counting({2, 2})}), {2, 2},
         {0, 1, 2, 3});
  EXPECT_NE(OnnxNode("Expand", 13).input({2}).constant(integers({3}), kInt64).problems(), "");
}

TEST(Tile, RepeatsEveryAxis) {
  expect(OnnxNode("Tile", 13).input({1, 2}).constant(integers({2, 2}), kInt64).run({counting({1, 2})}), {2, 4},
         {0, 1, 0, 1, 0, 1, 0, 1});
  EXPECT_NE(OnnxNode("Tile", 13).input({1, 2}).constant(integers({2}), kInt64).problems(), "");
}

TEST(Gather, IndicesOfAnyRank) {
  const Array scalar = Array::of_integers({}, {-1});
  expect(OnnxNode("Gather", 13).input({2, 3}).constant(scalar, kInt64).attribute("axis", 1).run({counting({2, 3})}),
         {2}, {2, 5});
  const Array matrix = Array::of_integers({1, 2}, {1, 0});
  expect(OnnxNode("Gather", 13).input({2, 3}).constant(matrix, kInt64).run({counting({2, 3})}), {1, 2, 3},
         {3, 4, 5, 0, 1, 2});
  EXPECT_NE(OnnxNode("Gather", 13).input({2, 3}).constant(integers({2}), kInt64).problems().find("index 2"),
            std::string::npos);
  EXPECT_NE(OnnxNode("Gather", 13).input({2, 3}).constant(integers({-3}), kInt64).problems().find("index -1"),
            std::string::npos);
}

TEST(DepthToSpace, BothModesAndTheInverse) {
  const Array x = counting({1, 8, 1, 1});
  expect(OnnxNode("DepthToSpace", 13).input({1, 8, 1, 1}).attribute("blocksize", 2).run({x}), {1, 2, 2, 2},
         {0, 2, 4, 6, 1, 3, 5, 7});
  expect(OnnxNode("DepthToSpace", 13).input({1, 8, 1, 1}).attribute("blocksize", 2).attribute("mode", "CRD").run({x}),
         {1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  expect(OnnxNode("SpaceToDepth", 13).input({1, 2, 2, 2}).attribute("blocksize", 2).run({counting({1, 2, 2, 2})}),
         {1, 8, 1, 1}, {0, 4, 1, 5, 2, 6, 3, 7});
  for (const int block : {0, -1, 3, 1 << 30}) {
    EXPECT_NE(OnnxNode("DepthToSpace", 13).input({1, 8, 1, 1}).attribute("blocksize", block).problems(), "");
  }
}

TEST(DepthToSpace, ChannelsLastIsTheSamePermuted) {
  const Permutation to_last{0, 2, 3, 1};
  Random random(3);
  for (const bool crd : {false, true}) {
    for (const bool inverse : {false, true}) {
      ops::DepthToSpace op;
      op.block = 2;
      op.crd = crd;
      op.inverse = inverse;
      const Array x = random.array({2, 8, 4, 6});
      const Array expected = evaluate(op, {x})[0];
      op.channels_last = true;
      expect_equal(evaluate(op, {transposed(x, to_last)})[0], transposed(expected, to_last));
    }
  }
}

// Every operator of this file with a permuted form gives the permuted output.
TEST(Movement, PermutedOperators) {
  Random random(4);
  for (int round = 0; round < 50; ++round) {
    const Permutation permutation = random.permutation(3);
    const Array x = random.array({3, 4, 5});
    ops::Slice slice;
    slice.starts = {2, 0, 1};
    slice.steps = {-2, 1, 2};
    slice.shape = {2, 3, 2};
    ops::Pad pad;
    pad.mode = static_cast<ops::PadMode>(round % 4);
    pad.pads_begin = {1, 0, 2};
    pad.pads_end = {0, 1, 1};
    ops::Gather gather;
    gather.axis = 1;
    gather.indices = {3, 0, 0};
    gather.indices_shape = {3};
    ops::Resample resample;
    resample.axis = 2;
    resample.taps = 2;
    resample.indices = {0, 1, 3, 4};
    resample.weights = {0.25, 0.75, 0.5, 0.5};
    resample.bias = {0.0, 1.0};
    const Op* operators[] = {&slice, &pad, &gather, &resample};
    for (const Op* op : operators) {
      const auto single = single_node(*op, {x});
      const std::unique_ptr<Op> permuted = op->permuted(permutation, *single->node);
      ASSERT_NE(permuted, nullptr);
      expect_equal(evaluate(*permuted, {transposed(x, permutation)})[0],
                   transposed(evaluate(*op, {x})[0], permutation));
    }
    ops::Concat concat;
    concat.axis = 1;
    const Array y = random.array({3, 2, 5});
    const auto single = single_node(concat, {x, y});
    expect_equal(evaluate(*concat.permuted(permutation, *single->node),
                          {transposed(x, permutation), transposed(y, permutation)})[0],
                 transposed(evaluate(concat, {x, y})[0], permutation));
  }
}

TEST(Resize, NearestAndLinear) {
  const Array x = counting({1, 1, 1, 2});
  const Array doubled = Array::of_floats({4}, {1, 1, 1, 2});
  expect(OnnxNode("Upsample", 9).input({1, 1, 1, 2}).constant(doubled).run({x}), {1, 1, 1, 4}, {0, 0, 1, 1});
  expect(OnnxNode("Resize", 10).input({1, 1, 1, 2}).constant(doubled).run({x}), {1, 1, 1, 4}, {0, 0, 1, 1});
  const auto resize = [&](const char* mode, const char* coordinates) {
    return OnnxNode("Resize", 13)
        .input({1, 1, 1, 2})
        .absent()
        .constant(doubled)
        .attribute("mode", mode)
        .attribute("coordinate_transformation_mode", coordinates)
        .run({x});
  };
  expect(resize("nearest", "asymmetric"), {1, 1, 1, 4}, {0, 0, 1, 1});
  expect(resize("linear", "half_pixel"), {1, 1, 1, 4}, {0, 0.25, 0.75, 1});
  expect(resize("linear", "asymmetric"), {1, 1, 1, 4}, {0, 0.5, 1, 1});
  expect_equal(resize("linear", "align_corners"), Array::of_doubles({1, 1, 1, 4}, {0, 1.0 / 3, 2.0 / 3, 1}), 1e-7);
  EXPECT_NE(OnnxNode("Resize", 13)
                .input({1, 1, 1, 2})
                .absent()
                .constant(doubled)
                .attribute("mode", "area")
                .problems()
                .find("mode 'area'"),
            std::string::npos);
}

TEST(Cast, ChangesTheType) {
  const Array x = Array::of_floats({3}, {1.75f, -1.75f, 0.0f});
  expect(OnnxNode("Cast", 13).input({3}).attribute("to", TensorProto::INT32).run({x}), {3}, {1, -1, 0});
  expect(OnnxNode("Cast", 13).input({3}).attribute("to", TensorProto::BOOL).run({x}), {3}, {1, 1, 0});
  EXPECT_NE(OnnxNode("Cast", 13).input({3}).attribute("to", TensorProto::STRING).problems().find("element type STRING"),
            std::string::npos);
}

TEST(Constants, ShapesRangesAndNonZero) {
  expect(OnnxNode("Shape", 15).input({2, 3, 4}).attribute("start", 1).attribute("end", -1).run({counting({2, 3, 4})}),
         {1}, {3});
  expect(OnnxNode("Shape", 13).input({2, 3, 4}).run({counting({2, 3, 4})}), {3}, {2, 3, 4});
  const auto scalar = [](int64_t value) { return Array::of_integers({}, {value}); };
  const auto range = [&](int64_t start, int64_t limit, int64_t delta) {
    return OnnxNode("Range", 13)
        .constant(scalar(start), kInt64)
        .constant(scalar(limit), kInt64)
        .constant(scalar(delta), kInt64);
  };
  expect(range(1, 8, 3).run({}), {3}, {1, 4, 7});
  expect(range(3, 0, -2).run({}), {2}, {3, 1});
  EXPECT_NE(range(0, 1, 0).problems().find("delta is 0"), std::string::npos);
  EXPECT_NE(range(0, int64_t{1} << 60, 1).problems().find("elements"), std::string::npos);
  expect(OnnxNode("NonZero", 13).constant(Array::of_floats({2, 2}, {0, 1, 1, 0})).run({}), {2, 2}, {0, 1, 1, 0});
  EXPECT_NE(OnnxNode("ConstantOfShape", 13).constant(integers({1 << 20, 1 << 20}), kInt64).problems(), "");
  EXPECT_NE(OnnxNode("Dropout", 13).input({2}).outputs(1).run({counting({2})}).size(), 0u);
}

}  // namespace
}  // namespace linnet::ops_test
