// What inference refuses, and that its message says what was got and what is supported.
#include "converter/ops/batch_norm.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/softmax.hpp"
#include "tests/ops/support.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ops;

std::string message(const Op& op, const std::vector<TensorType>& inputs) {
  std::vector<const TensorType*> pointers;
  for (const TensorType& input : inputs) pointers.push_back(&input);
  try {
    op.infer(pointers);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void expect_message(const Op& op, const std::vector<TensorType>& inputs, const std::string& part) {
  const std::string text = message(op, inputs);
  EXPECT_NE(text.find(part), std::string::npos)
      << op.name() << ": '" << text << "', expected a message with '" << part << "'";
}

TensorType f32(Shape shape) {
  return {DType::f32, std::move(shape)};
}

Conv conv() {
  Conv op;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {0, 0};
  return op;
}

TEST(Infer, Convolution) {
  Conv op = conv();
  EXPECT_EQ(message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3, 3})}), "no error");
  expect_message(op, {f32({1, 2, 3, 3})}, "input 1 (weights) is missing");
  expect_message(op, {f32({1, 2, 3, 3, 3}), f32({4, 2, 3, 3, 3})}, "one and two spatial dimensions");
  expect_message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3})}, "ranks must be equal");
  expect_message(op, {f32({1, 3, 3, 3}), f32({4, 2, 3, 3})}, "do not fit an input of shape 1x3x3x3 (3 channels)");
  expect_message(op, {f32({1, 2, 2, 3}), f32({4, 2, 3, 3})},
                 "a window of 3 pixels does not fit a padded input of 2 pixels");
  expect_message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3, 3}), f32({3})}, "bias has shape 3, expected 4");
  expect_message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3, 3}), f32({4}), f32({1, 4, 2, 1})}, "residual has shape");
  expect_message(op, {{DType::i64, {1, 2, 3, 3}}, f32({4, 2, 3, 3})}, "element type i64");
  op.strides = {0, 1};
  expect_message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3, 3})}, "strides is [0, 1]");
  op = conv();
  op.pads_begin = {-1, 0};
  expect_message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3, 3})}, "pads (begin) is [-1, 0]");
  op.pads_begin = {0};
  expect_message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3, 3})}, "1 values for 2 spatial dimensions");
  op = conv();
  op.groups = 0;
  expect_message(op, {f32({1, 2, 3, 3}), f32({4, 2, 3, 3})}, "0 groups");
}

TEST(Infer, TransposedConvolution) {
  ConvTranspose op;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {2, 2};
  op.output_padding = {0, 0};
  expect_message(op, {f32({1, 2, 2, 2}), f32({2, 4, 1, 1})}, "the output would have -2 pixels");
  op.pads_begin = op.pads_end = {0, 0};
  expect_message(op, {f32({1, 2, 2, 2}), f32({3, 4, 1, 1})}, "do not fit");
  op.output_padding = {-1, 0};
  expect_message(op, {f32({1, 2, 2, 2}), f32({2, 4, 1, 1})}, "output_padding -1");
}

TEST(Infer, Products) {
  expect_message(Linear(), {f32({2, 3}), f32({4, 5})},
                 "weights of shape 4x5 (outputs, inputs) do not fit an input of shape 2x3");
  expect_message(Linear(), {f32({2, 3}), f32({4, 3}), f32({2})}, "bias has shape 2, expected 4");
  expect_message(MatMul(), {f32({2, 3}), f32({4, 5})}, "a of 3 columns and b of 4 rows");
  expect_message(MatMul(), {f32({3}), f32({3, 5})}, "rank 2 and more");
  expect_message(MatMul(), {f32({2, 2, 3}), f32({3, 3, 5})}, "do not broadcast");
}

TEST(Infer, PoolingAndReductions) {
  Pool pool;
  pool.kernel = {2, 2};
  pool.strides = pool.dilations = {1, 1};
  pool.pads_begin = pool.pads_end = {2, 2};
  expect_message(pool, {f32({1, 1, 3, 3})}, "lies entirely in the padding");
  pool.pads_begin = pool.pads_end = {0, 0};
  expect_message(pool, {f32({1, 1, 1, 3})}, "does not fit");
  expect_message(pool, {f32({1, 3})}, "rank 3 and 4");
  pool.kernel = {1 << 16, 1 << 15};
  expect_message(pool, {f32({1, 1, 3, 3})}, "kernel shape [65536, 32768] has too many taps");
  Reduce reduce;
  expect_message(reduce, {f32({2})}, "no axes");
  reduce.axes = {1};
  expect_message(reduce, {f32({2})}, "axis 1 is not in an input of rank 1");
  reduce.axes = {0, 0};
  expect_message(reduce, {f32({2})}, "twice");
  reduce.axes = {0};
  expect_message(reduce, {f32({0})}, "empty");
  Softmax softmax;
  softmax.axis = 2;
  expect_message(softmax, {f32({2, 2})}, "axis 2 is not in an input of rank 2");
  ArgMax arg_max;
  arg_max.axis = 1;
  expect_message(arg_max, {f32({2, 0})}, "empty");
}

TEST(Infer, ElementWise) {
  expect_message(Binary(), {f32({2, 3}), f32({2, 2})}, "shapes 2x3 and 2x2 do not broadcast");
  expect_message(Binary(), {f32({2}), {DType::i64, {2}}}, "element types f32 and i64");
  Unary tanh;
  tanh.function = {Function::Tanh};
  expect_message(tanh, {{DType::i64, {2}}}, "element type i64");
  expect_message(Where(), {f32({2}), f32({2}), f32({2})}, "expected bool");
  expect_message(BatchNorm(), {f32({1, 2}), f32({2}), f32({2}), f32({3}), f32({2})}, "mean has shape 3, expected 2");
  Binary division;
  division.function = kernels::BinaryFunction::Div;
  const Array one = Array::of_integers({1}, {1}), zero = Array::of_integers({1}, {0});
  EXPECT_THROW(division.evaluate({&one, &zero}), Error);
}

}  // namespace
}  // namespace linnet::ops_test
