// Normalizations: shapes and errors, the change of layout, and the ONNX importers. Values are compared with PyTorch's
// in the goldens.
#include <cmath>
#include <functional>

#include "converter/ops/norm.hpp"
#include "tests/ops/onnx_node.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ops;
using kernels::NormKind;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Norm, RowsHaveTheirOwnStatistics) {
  RowNorm op;
  op.axis = 1;
  op.epsilon = 0.0;
  const Array x = Array::of_doubles({2, 2}, {1e4 - 1, 1e4 + 1, 3, 7});
  expect_equal(evaluate(op, {x})[0], Array::of_doubles({2, 2}, {-1, 1, -1, 1}));
  op.kind = NormKind::Rms;
  const double rms = std::sqrt((9.0 + 49.0) / 2);
  expect_equal(evaluate(op, {Array::of_doubles({1, 2}, {3, 7})})[0], Array::of_doubles({1, 2}, {3 / rms, 7 / rms}));
  op.kind = NormKind::L2;
  op.epsilon = 10.0;
  expect_equal(evaluate(op, {Array::of_doubles({2, 2}, {3, 4, 30, 40})})[0],
               Array::of_doubles({2, 2}, {0.3, 0.4, 0.6, 0.8}));
}

TEST(Norm, ChannelsLastGroupNormIsTheSame) {
  Random random(3);
  const Array x = random.array({2, 6, 3, 2}), scale = random.array({6}), shift = random.array({6});
  GroupNorm op;
  op.groups = 3;
  const Array expected = evaluate(op, {x, scale, shift})[0];
  op.channels_last = true;
  const Permutation to_last = {0, 2, 3, 1};
  expect_equal(evaluate(op, {transposed(x, to_last), scale, shift})[0], transposed(expected, to_last));
}

TEST(Norm, ErrorsNameWhatWasGot) {
  const TensorType x{DType::f32, {1, 6, 4}}, six{DType::f32, {6}};
  RowNorm row;
  row.epsilon = -1e-5;
  EXPECT_NE(error_of([&] { row.infer({&x}); }).find("epsilon is -1e-05"), std::string::npos);
  row.epsilon = 0.0;
  row.axis = 2;
  EXPECT_NE(error_of([&] { row.infer({&x, &six}); }).find("gain has shape 6, expected 4"), std::string::npos);
  GroupNorm group;
  group.groups = 4;
  EXPECT_NE(error_of([&] {
              group.infer({&x, &six, &six});
            }).find("4 groups do not divide the 6 channels"),
            std::string::npos);
}

TEST(Norm, ImportersRejectWhatTheyCannotDo) {
  Random random(4);
  const Array six = random.array({6}), three = random.array({3});
  EXPECT_NE(OnnxNode("LayerNormalization", 17)
                .input({2, 6})
                .constant(six)
                .outputs(1)
                .attribute("epsilon", -1.0f)
                .problems()
                .find("epsilon is -1"),
            std::string::npos);
  for (const int outputs : {2, 3}) {
    EXPECT_NE(OnnxNode("LayerNormalization", 17)
                  .input({2, 6})
                  .constant(six)
                  .outputs(outputs)
                  .problems()
                  .find("output 1 (Mean) is used"),
              std::string::npos);
  }
  EXPECT_NE(
      OnnxNode("LayerNormalization", 17).input({2, 6}).constant(three).outputs(1).problems().find("Scale has shape 3"),
      std::string::npos);
  EXPECT_NE(OnnxNode("GroupNormalization", 21)
                .input({2, 6, 3})
                .constant(six)
                .constant(six)
                .attribute("num_groups", 4)
                .outputs(1)
                .problems()
                .find("num_groups is 4"),
            std::string::npos);
  EXPECT_NE(OnnxNode("GroupNormalization", 18)
                .input({2, 6, 3})
                .constant(six)
                .constant(six)
                .attribute("num_groups", 3)
                .outputs(1)
                .problems()
                .find("scale has shape 6, expected 3"),
            std::string::npos);
  EXPECT_NE(OnnxNode("LpNormalization", 7).input({2, 6}).attribute("p", 3).outputs(1).problems().find("p is 3"),
            std::string::npos);
}

}  // namespace
}  // namespace linnet::ops_test
