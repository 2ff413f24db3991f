// Steps of integers that together are a function of one number: PassChecker compares the table with them byte by byte.
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

const Shape kShape = {2, 8, 4, 4};  // every number: PassChecker draws them

struct TableGraph : GraphBuilder {
  Rounding rounding = Rounding::nearest;

  static Quantization scale(float value, int64_t zero_point) { return {{value}, {zero_point}, 0}; }
  Value* input(const std::string& name, const Shape& shape = kShape, DType dtype = DType::i8) {
    return graph.add_input(name, {dtype, shape, scale(0.05f, dtype == DType::i8 ? 3 : 0)});
  }
  Value* number(int64_t value) {
    Array array = Array::of_integers({1, 1, 1, 1}, {value}, DType::i8);
    return graph.add_constant("c", array.with_quantization(scale(0.04f, -5)));
  }
  Value* unary(Value* x, Function function, float step = 0.02f, int64_t zero_point = -100) {
    ops::Unary op;
    op.function = {function};
    op.integer = {x->type.dtype, scale(step, x->type.dtype == DType::i8 ? zero_point : 0), rounding};
    return add(op, {x}, "unary");
  }
  Value* binary(kernels::BinaryFunction function, Value* a, Value* b) {
    ops::Binary op;
    op.function = function;
    op.fused = {Function::Relu};
    op.integer = {a->type.dtype, scale(0.03f, a->type.dtype == DType::i8 ? -20 : 0), rounding};
    return add(op, {a, b}, "binary");
  }
  // The nodes that stay.
  int64_t merged() {
    run(graph, passes::merge_tables, 0.0);
    return node_count(graph);
  }
};

constexpr kernels::BinaryFunction kFunctions[] = {kernels::BinaryFunction::Add, kernels::BinaryFunction::Sub,
                                                  kernels::BinaryFunction::Mul, kernels::BinaryFunction::Div};

TEST(MergeTables, FunctionsOfOneNumberByBothRules) {
  for (const Rounding rounding : {Rounding::tflite, Rounding::nearest}) {
    for (const auto function : kFunctions) {
      for (int form = 0; form < 5; ++form) {
        TableGraph b;
        b.rounding = rounding;
        Value* x = b.input("x");
        Value* f = b.unary(x, Function::Sigmoid);
        Value* const operands[][2] = {
            {x, f}, {f, x}, {b.unary(x, Function::Tanh), f}, {f, b.number(77)}, {b.number(-3), f}};
        b.output(b.binary(function, operands[form][0], operands[form][1]));
        EXPECT_EQ(b.merged(), 1) << form;
        EXPECT_NE(b.graph.nodes().front()->as<ops::Unary>(), nullptr);
      }
    }
  }
}

TEST(MergeTables, FunctionsOfFunctions) {
  TableGraph b;
  Value* x = b.input("x");
  Value* y = b.unary(b.unary(x, Function::Tanh), Function::Abs, 0.01f, 5);
  b.output(b.binary(kernels::BinaryFunction::Mul, y, b.unary(y, Function::Sigmoid)));
  EXPECT_EQ(b.merged(), 2);  // y, which two steps read, and the product
}

TEST(MergeTables, AStepThatIsReadStays) {
  TableGraph b;
  Value* x = b.input("x");
  Value* f = b.unary(x, Function::Sigmoid);
  b.output(f);
  b.output(b.binary(kernels::BinaryFunction::Mul, x, f));
  b.output(b.unary(f, Function::Tanh));
  EXPECT_EQ(b.merged(), 3);
  for (const auto& node : b.graph.nodes()) EXPECT_NE(node->as<ops::Unary>(), nullptr);
}

TEST(MergeTables, TwoNumbersStayTwo) {
  TableGraph b;
  Value *x = b.input("x"), *y = b.input("y"), *channel = b.input("z", {2, 8, 1, 1}),
        *wide = b.input("w", kShape, DType::i16);
  b.output(b.binary(kernels::BinaryFunction::Mul, b.unary(x, Function::Sigmoid), b.unary(y, Function::Sigmoid)));
  b.output(b.binary(kernels::BinaryFunction::Mul, x, channel));
  b.output(b.binary(kernels::BinaryFunction::Mul, wide, b.unary(wide, Function::Tanh, 1.0f / 32768.0f)));
  b.rounding = Rounding::tflite;
  EXPECT_EQ(b.merged(), 6);
}

}  // namespace
}  // namespace linnet::test
