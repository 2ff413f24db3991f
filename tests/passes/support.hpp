// Graphs for tests of passes: a builder and the comparison of what two graphs compute.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "converter/check_passes.hpp"
#include "converter/ir/graph.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/passes.hpp"
#include "kernels/recurrent/plan.hpp"

namespace linnet::test {

using namespace linnet::ir;

class GraphBuilder {
 public:
  Graph graph;

  Value* input(const Shape& shape, DType dtype = DType::f32) { return graph.add_input("x", {dtype, shape}); }
  Value* constant(const Shape& shape, std::vector<double> values) {
    return graph.add_constant("c", Array::of_doubles(shape, std::move(values)));
  }
  Value* scalar(double value) { return graph.add_constant("c", Array::scalar(value)); }
  // Numbers between low and high, the same in every run.
  Value* random(const Shape& shape, double low = -1.0, double high = 1.0) {
    std::vector<double> values(static_cast<size_t>(element_count(shape)));
    for (double& value : values) value = low + (high - low) * generator_() / std::minstd_rand::max();
    return constant(shape, std::move(values));
  }
  template <class T>
  Value* add(const T& op, std::vector<Value*> inputs, const std::string& name = "node") {
    return graph.add(std::make_unique<T>(op), std::move(inputs), name)->outputs[0];
  }
  Value* unary(Function function, Value* x, float alpha = 0, float beta = 0) {
    ops::Unary op;
    op.function = {function, alpha, beta};
    return add(op, {x}, "unary");
  }
  Value* binary(kernels::BinaryFunction function, Value* a, Value* b) {
    ops::Binary op;
    op.function = function;
    return add(op, {a, b}, "binary");
  }
  Value* plus(Value* a, Value* b) { return binary(kernels::BinaryFunction::Add, a, b); }
  Value* minus(Value* a, Value* b) { return binary(kernels::BinaryFunction::Sub, a, b); }
  Value* times(Value* a, Value* b) { return binary(kernels::BinaryFunction::Mul, a, b); }
  Value* over(Value* a, Value* b) { return binary(kernels::BinaryFunction::Div, a, b); }
  Value* reshape(Value* x, const Shape& shape) {
    ops::Reshape op;
    op.shape = shape;
    return add(op, {x}, "reshape");
  }
  Value* transpose(Value* x, const Permutation& permutation) {
    ops::Transpose op;
    op.permutation = permutation;
    return add(op, {x}, "transpose");
  }
  // A square kernel over x [N, C, H, W] with random weights.
  Value* conv(Value* x, int64_t outputs, int64_t kernel, int64_t pad = 0, int64_t stride = 1, int64_t groups = 1) {
    ops::Conv op;
    op.strides = {stride, stride};
    op.dilations = {1, 1};
    op.pads_begin = op.pads_end = {pad, pad};
    op.groups = groups;
    return add(op, {x, random({outputs, x->shape()[1] / groups, kernel, kernel}), random({outputs})}, "conv");
  }
  Value* linear(Value* x, int64_t outputs) {
    return add(ops::Linear(), {x, random({outputs, x->shape().back()}), random({outputs})}, "linear");
  }
  // The first output of a recurrent layer with sigmoid and tanh gates over x [time, batch, inputs].
  Value* recurrent(ops::Recurrent op, Value* x, int64_t hidden) {
    const int64_t rows = kernels::gate_count(op.kind, false) * hidden;
    op.gate = {op.kind == kernels::RecurrentKind::Rnn ? Function::Tanh : Function::Sigmoid};
    op.cell = op.output = {Function::Tanh};
    return add(op, {x, random({rows, x->shape().back()}), random({rows, hidden}), random({2 * rows})}, "recurrent");
  }
  void output(Value* value) { graph.outputs.push_back(value); }

 private:
  std::minstd_rand generator_{1};
};

template <class T>
int count(const Graph& graph) {
  int result = 0;
  for (const auto& node : graph.nodes()) result += node->as<T>() != nullptr ? 1 : 0;
  return result;
}

inline int node_count(const Graph& graph) {
  return static_cast<int>(graph.nodes().size());
}

// Runs a pass; the graph must stay valid and compute the same.
template <class Pass>
passes::PassLog run(Graph& graph, Pass&& pass, double tolerance = 1e-9) {
  verify(graph, "construction");
  PassChecker checker(graph);
  passes::PassLog log;
  pass(graph, log);
  EXPECT_NO_THROW(verify(graph, "the pass")) << dump(graph);
  EXPECT_NO_THROW(checker.check(graph, "the pass", tolerance)) << dump(graph);
  return log;
}

}  // namespace linnet::test
