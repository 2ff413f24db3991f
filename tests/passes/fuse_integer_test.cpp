// Residuals of integer layers: PassChecker compares the fused step with the layer and the sum, byte by byte.
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

Quantization scale(float value, int64_t zero_point) {
  return {{value}, {zero_point}, 0};
}

// Graphs of one layer and a sum over images [1, 4, 6, 6] or rows [3, 20], scales and zero points all different.
struct IntegerGraph : GraphBuilder {
  Rounding rounding = Rounding::tflite;
  DType dtype = DType::i8;

  int64_t zero(int64_t value) const { return dtype == DType::i8 ? value : 0; }
  Value* input(const std::string& name, const Shape& shape, float step, int64_t zero_point) {
    return graph.add_input(name, {dtype, shape, scale(step, zero(zero_point))});
  }
  IntegerForm form(float step, int64_t zero_point) const { return {dtype, scale(step, zero(zero_point)), rounding}; }
  Value* integers(const Shape& shape, DType type, double size) {
    const Array drawn = *random(shape, -size, size)->constant;
    Array array = drawn.cast(type);
    if (type == DType::i8) array = array.with_quantization(scale(0.01f, 0));
    return graph.add_constant("c", std::move(array));
  }
  Value* layer(Value* x, int64_t outputs, Activation fused = {}) {
    const Shape& shape = x->shape();
    const DType bias = dtype == DType::i8 ? DType::i32 : DType::i64;
    if (shape.size() == 2) {
      ops::Linear op;
      op.integer = form(0.4f, -7);
      op.fused = fused;
      return add(op, {x, integers({outputs, shape[1]}, DType::i8, 127), integers({outputs}, bias, 9000)}, "linear");
    }
    ops::Conv op;
    op.strides = op.dilations = op.pads_begin = op.pads_end = {1, 1};
    op.integer = form(0.4f, -7);
    op.fused = fused;
    return add(op, {x, integers({outputs, shape[1], 3, 3}, DType::i8, 127), integers({outputs}, bias, 9000)}, "conv");
  }
  Value* sum(Value* a, Value* b, Activation fused = {}) {
    ops::Binary op;
    op.integer = form(0.3f, 11);
    op.fused = fused;
    return add(op, {a, b}, "sum");
  }
};

void legalize_and_fuse(Graph& graph, passes::PassLog& log) {
  passes::legalize_layout(graph, log, false);
  passes::fuse(graph, log);
}

const Shape kShapes[] = {{1, 4, 6, 6}, {3, 20}};

TEST(FuseInteger, ResidualsByBothRulesWithRangesInBothOrders) {
  const Activation relu = {Function::Relu}, relu6 = {Function::Clip, 0.0f, 6.0f};
  for (const Rounding rounding : {Rounding::tflite, Rounding::nearest}) {
    for (const Shape& shape : kShapes) {
      for (const auto& [own, fused] : {std::pair{Activation{}, relu}, {relu, Activation{}}, {relu6, relu}}) {
        for (const bool swapped : {false, true}) {
          IntegerGraph b;
          b.rounding = rounding;
          Value* x = b.input("x", shape, 0.05f, 3);
          Value* y = b.layer(x, shape[1], own);
          b.output(swapped ? b.sum(x, y, fused) : b.sum(y, x, fused));
          run(b.graph, legalize_and_fuse, 0.0);
          ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
          const Node& node = *b.graph.nodes().front();
          EXPECT_TRUE(node.has(3));
          EXPECT_EQ(node.op->activation()->function, fused.function);
          EXPECT_EQ(node.out().type.quantization, scale(0.3f, 11));
        }
      }
    }
  }
}

TEST(FuseInteger, ResidualGoesToTheLaterOfTwoLayers) {
  IntegerGraph b;
  Value* x = b.input("x", {1, 4, 6, 6}, 0.05f, 3);
  Value* early = b.layer(x, 4);
  b.output(b.sum(early, b.layer(b.layer(x, 5), 4)));
  run(b.graph, legalize_and_fuse, 0.0);
  EXPECT_EQ(node_count(b.graph), 3);
  EXPECT_TRUE(b.graph.nodes().back()->has(3));
}

// Layers that something else reads, sums that broadcast, other functions, another rounding, and 16 bits.
TEST(FuseInteger, OtherSumsStay) {
  for (const Shape& shape : kShapes) {
    for (int form = 0; form < 5; ++form) {
      IntegerGraph b;
      if (form == 4) b.dtype = DType::i16;
      Value* x = b.input("x", shape, 0.05f, 3);
      Value* y = b.layer(x, shape[1]);
      if (form == 3) b.rounding = Rounding::nearest;
      Value* other = form == 1 ? b.input("row", Shape(shape.size(), 1), 0.02f, 5) : x;
      Value* result = b.sum(y, other);
      if (form == 2) result->producer->as<ops::Binary>()->function = kernels::BinaryFunction::Sub;
      b.output(result);
      if (form == 0) b.output(y);
      run(b.graph, legalize_and_fuse, 0.0);
      EXPECT_EQ(count<ops::Binary>(b.graph), 1) << "form " << form;
    }
  }
}

TEST(FuseInteger, AResidualNeedsItsSummandAndTheReverse) {
  IntegerGraph b;
  Value* x = b.input("x", {3, 20}, 0.05f, 3);
  Value *weights = b.integers({20, 20}, DType::i8, 127), *bias = b.integers({20}, DType::i32, 9000);
  ops::Linear op;
  op.integer = b.form(0.4f, -7);
  EXPECT_THROW(infer_types(op, {x, weights, bias, x}), Error);
  op.summand = IntegerSummand{scale(0.4f, -7), {}};
  EXPECT_THROW(infer_types(op, {x, weights, bias}), Error);
  EXPECT_NO_THROW(infer_types(op, {x, weights, bias, x}));
  EXPECT_THROW(infer_types(op, {x, weights, bias, b.graph.add_input("f", {DType::f32, {3, 20}})}), Error);
}

}  // namespace
}  // namespace linnet::test
