// The graph itself: element types, connections, verification, text and evaluation.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "converter/ir/graph.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::passes_test {
namespace {

using namespace linnet::ir;

std::unique_ptr<Op> relu() {
  auto op = std::make_unique<ops::Unary>();
  op->function.function = Function::Relu;
  return op;
}

std::unique_ptr<Op> add() {
  return std::make_unique<ops::Binary>();
}

// x -> relu -> (a) -> add(a, c) -> sum
struct Network {
  Graph graph;
  Value *x, *c;
  Node *first, *second;
  Network() {
    graph.name = "net";
    x = graph.add_input("x", {DType::f32, {2}});
    c = graph.add_constant("c", Array::of_floats({2}, {1.0f, 2.0f}));
    first = graph.add(relu(), {x}, "relu1", nullptr, {"a"});
    second = graph.add(add(), {first->outputs[0], c}, "add1", nullptr, {"sum"});
    graph.outputs = {second->outputs[0]};
  }
  std::string error() const {
    try {
      verify(graph, "test");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  Value* mutable_value(const Value* value) { return const_cast<Value*>(value); }
};

TEST(Array, StridedKeepsWhatTheElementsAre) {
  const Shape shape = {2, 3};
  const std::vector<int64_t> strides = {1, 2};  // the transpose of [3, 2]
  const std::vector<double> wanted = {0.1, 2.1, 4.1, 1.1, 3.1, 5.1};
  EXPECT_EQ(Array::of_doubles({3, 2}, {0.1, 1.1, 2.1, 3.1, 4.1, 5.1}).strided(shape, strides).doubles(), wanted);
  const Array integers = Array::of_integers({3, 2}, {0, 1, 2, 3, 4, 5}).strided(shape, strides);
  EXPECT_EQ(integers.type(), (TensorType{DType::i64, shape}));
  EXPECT_EQ(integers.integers(), (std::vector<int64_t>{0, 2, 4, 1, 3, 5}));
  EXPECT_EQ(Array::of_floats({2, 0}, {}).strided({0, 2}, {1, 0}).size(), 0u);
}

TEST(SourceNames, EachOnceInOrder) {
  ir::SourceNames a("a"), b("b"), both = a;
  both.add(b);
  both.add(a);
  a.add(both);
  EXPECT_EQ(a.list(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(b.list(), (std::vector<std::string>{"b"}));
  b.add(a);
  EXPECT_EQ(b.list(), (std::vector<std::string>{"b", "a"}));
  b.clear();
  EXPECT_TRUE(b.list().empty());
  b.add(a);
  EXPECT_EQ(b.list(), a.list());
}

TEST(SourceNames, ManyNamesAreFreedWithoutRecursion) {
  constexpr int kNames = 1'000'000;
  ir::SourceNames behind("first"), before("first");
  for (int i = 0; i < kNames; ++i) {
    behind.add(ir::SourceNames(std::to_string(i)));
    ir::SourceNames next(std::to_string(i));
    next.add(before);
    before = next;
  }
  EXPECT_EQ(behind.list().size(), kNames + 1u);
  EXPECT_EQ(before.list().back(), "first");
}

TEST(Array, HalfPrecisionRoundTrips) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float half = half_to_float(static_cast<uint16_t>(bits));
    if (std::isnan(half)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(half))));
    } else {
      ASSERT_EQ(float_to_half(half), bits);
    }
    const float brain = bfloat16_to_float(static_cast<uint16_t>(bits));
    if (!std::isnan(brain)) {
      ASSERT_EQ(float_to_bfloat16(brain), bits);
    }
  }
}

TEST(Array, HalfPrecisionRoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = half_to_float(static_cast<uint16_t>(bits)),
                 high = half_to_float(static_cast<uint16_t>(bits + 1));
    const double middle = (low + high) / 2;
    ASSERT_EQ(float_to_half(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(float_to_half(std::nextafter(middle, 0.0)), bits);
    ASSERT_EQ(float_to_half(std::nextafter(middle, high)), bits + 1);
  }
  EXPECT_EQ(float_to_half(65519.9), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0), 0x7c00);
  EXPECT_EQ(float_to_half(-1e300), 0xfc00);
  EXPECT_EQ(float_to_bfloat16(1.0 + 1.0 / 256), 0x3f80);
  EXPECT_EQ(float_to_bfloat16(1.0 + 3.0 / 256), 0x3f82);
  EXPECT_EQ(float_to_bfloat16(1e39), 0x7f80);
}

TEST(Array, Casts) {
  const Array x = Array::of_doubles({5}, {1.9, -1.9, 300.0, std::nan(""), 1e30}, DType::f64);
  EXPECT_EQ(x.cast(DType::i8).integers(), (std::vector<int64_t>{1, -1, 127, 0, 127}));
  EXPECT_EQ(x.cast(DType::u8).integers(), (std::vector<int64_t>{1, 0, 255, 0, 255}));
  EXPECT_EQ(x.cast(DType::i64).integer(4), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(x.cast(DType::boolean).integers(), (std::vector<int64_t>{1, 1, 1, 1, 1}));
  EXPECT_EQ(x.cast(DType::f32).number(0), 1.9f);
  EXPECT_EQ(Array::of_integers({2}, {257, -1}).cast(DType::u8).integers(), (std::vector<int64_t>{1, 255}));
  EXPECT_EQ(Array::of_integers({1}, {16777217}).cast(DType::f32).number(0), 16777216.0);
  EXPECT_EQ(Array::of_integers({1}, {-1}, DType::u64).number(0), 18446744073709551616.0);
}

TEST(Array, CountsAndOverflow) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({int64_t{1} << 62, 0, 8}), 0);
  EXPECT_THROW(element_count({int64_t{1} << 62, 8}), Error);
  EXPECT_THROW(element_count({2, -1}), Error);
  EXPECT_THROW(Array::of_floats({3}, {1.0f}), Error);
  EXPECT_EQ(to_string(TensorType{DType::f32, {1, 3}}), "f32[1x3]");
}

TEST(AttributeWriter, EqualTextMeansEqualAttributes) {
  AttributeWriter writer;
  writer.add("axis", int64_t{-1});
  writer.add("scale", 0.1);
  writer.add("log", true);
  writer.add("pads", std::vector<int64_t>{1, 2});
  writer.add("fused", Activation{});
  writer.add("next", Activation{Function::Clip, 0.0f, 6.0f});
  EXPECT_EQ(writer.text(), "axis=-1 scale=0.1 log=true pads=1,2 next=Clip(0,6)");
}

TEST(Graph, NamesAreUnique) {
  Graph graph;
  EXPECT_EQ(graph.unique_name("a"), "a");
  EXPECT_EQ(graph.unique_name("a_1"), "a_1");
  EXPECT_EQ(graph.unique_name("a"), "a_2");
  EXPECT_EQ(graph.unique_name("a"), "a_3");
}

TEST(Graph, ReplacesUsesAndKeepsOutputNames) {
  Network net;
  Node* twice = net.graph.add(add(), {net.x, net.x}, "twice");
  EXPECT_EQ(net.x->uses.size(), 3u);
  net.graph.replace_all_uses(net.second->outputs[0], twice->outputs[0]);
  EXPECT_EQ(net.graph.outputs[0], twice->outputs[0]);
  EXPECT_EQ(twice->outputs[0]->name, "sum");
  net.graph.remove(net.second);
  EXPECT_TRUE(net.c->uses.empty());
  net.graph.remove(net.c);
  EXPECT_EQ(net.error(), "");
  EXPECT_THROW(net.graph.remove(twice), Error);
  EXPECT_THROW(net.graph.remove(net.x), Error);

  Network other;
  other.graph.replace_all_uses(other.second->outputs[0], other.x);
  EXPECT_EQ(other.x->name, "x");
  EXPECT_EQ(other.graph.outputs[0], other.x);
}

TEST(Graph, InsertsBeforeAndSetsInputs) {
  Network net;
  Node* inserted = net.graph.add(relu(), {net.x}, "inserted", net.first);
  EXPECT_EQ(net.graph.nodes().front().get(), inserted);
  net.graph.set_input(net.first, 0, inserted->outputs[0]);
  EXPECT_EQ(net.error(), "");
  net.graph.set_input(net.first, 3, net.c);
  EXPECT_EQ(net.first->inputs.size(), 4u);
  EXPECT_FALSE(net.first->has(2));
  EXPECT_EQ(net.c->uses.size(), 2u);
}

TEST(Graph, RefusesWhatInferenceRefuses) {
  Network net;
  Value* odd = net.graph.add_constant("odd", Array::of_floats({3}, {1, 2, 3}));
  const size_t values = net.graph.values().size();
  EXPECT_THROW(net.graph.add(add(), {net.x, odd}, "bad"), Error);
  EXPECT_EQ(net.graph.values().size(), values);
  EXPECT_TRUE(odd->uses.empty());
  auto expand = std::make_unique<ops::Expand>();
  expand->shape = {65536, 65536, 2};
  EXPECT_THROW(net.graph.add(std::move(expand), {net.x}, "huge"), Error);
}

TEST(Graph, ClonesAreIndependent) {
  Network net;
  const std::unique_ptr<Graph> copy = net.graph.clone();
  verify(*copy, "clone");
  EXPECT_EQ(dump(*copy), dump(net.graph));
  net.graph.replace_all_uses(net.second->outputs[0], net.first->outputs[0]);
  net.graph.remove(net.second);
  verify(*copy, "clone");
  EXPECT_EQ(copy->nodes().size(), 2u);
  EXPECT_EQ(copy->unique_name("sum"), "sum_2");
}

TEST(Verify, EveryInconsistencyIsNamed) {
  using Break = void (*)(Network&);
  const std::pair<Break, const char*> cases[] = {
      {[](Network& n) { n.graph.rename(n.c, "x"); }, "tensor name x is used twice"},
      {[](Network& n) { n.graph.rename(n.c, ""); }, "has no name"},
      {[](Network& n) { n.x->uses.clear(); }, "2 uses are listed"},
      {[](Network& n) {
         n.x->uses.push_back({n.second, 0});
       },
       "which reads another tensor"},
      {[](Network& n) {
         n.x->uses.push_back({n.first, 0});
       },
       "lists node relu1 input 0 twice"},
      {[](Network& n) { n.graph.set_input(n.first, 0, n.second->outputs[0]); }, "node relu1 reads sum before add1"},
      {[](Network& n) { n.first->outputs[0]->type.shape = {3}; }, "infers"},
      {[](Network& n) { n.first->outputs[0]->type.dtype = DType::f64; }, "infers"},
      {[](Network& n) {
         n.c->type.shape = {1, 2};
       },
       "constant c has type f32[1x2], its elements f32[2]"},
      {[](Network& n) { n.c->constant.reset(); }, "tensor c is neither a graph input, nor constant, nor computed"},
      {[](Network& n) {
         n.x->constant = Array::of_floats({2}, {1, 2});
       },
       "graph input x is also computed or constant"},
      {[](Network& n) {
         n.first->outputs[0]->constant = Array::of_floats({2}, {1, 2});
       },
       "is constant and also computed"},
      {[](Network& n) { n.first->outputs[0]->producer = n.second; }, "is not output 0 of its producer add1"},
      {[](Network& n) { n.first->outputs[0]->output_index = 1; }, "is not output 1 of its producer relu1"},
      {[](Network& n) { n.graph.inputs.push_back(n.x); }, "tensor x is a graph input twice"},
      {[](Network& n) { n.graph.inputs.clear(); }, "tensor x is neither a graph input"},
      {[](Network& n) { n.first->op.reset(); }, "node relu1 has no operator"},
      {[](Network& n) { n.first->outputs.push_back(n.c); }, "output c of node relu1 does not name it as producer"},
      {[](Network& n) { n.first->position = n.second->position; }, "does not know its place"},
      {[](Network& n) {
         static Value foreign;
         foreign.name = "foreign";
         n.graph.outputs.push_back(&foreign);
       },
       "a graph output is not a tensor of the graph"},
      {[](Network& n) {
         static Value foreign;
         n.graph.inputs.push_back(&foreign);
       },
       "a graph input is not a tensor of the graph"},
      {[](Network& n) {
         static Value foreign;
         n.first->inputs[0] = &foreign;
       },
       "input 0 of node relu1 is not a tensor of the graph"},
  };
  EXPECT_EQ(Network().error(), "");
  for (const auto& [breaks, message] : cases) {
    Network net;
    breaks(net);
    const std::string error = net.error();
    EXPECT_EQ(error.find("the graph is inconsistent after pass test: "), 0u) << message;
    EXPECT_NE(error.find(message), std::string::npos) << error << "\nwanted: " << message;
  }
}

TEST(Dump, IsReadable) {
  Network net;
  EXPECT_EQ(dump(net.graph),
            "graph net\n"
            "input %x: f32[2]\n"
            "constant %c: f32[2] = 1, 2\n"
            "%a: f32[2] = Unary(%x) function=Relu  # relu1\n"
            "%sum: f32[2] = Binary(%a, %c) function=Add  # add1\n"
            "output %sum: f32[2]\n");
}

TEST(Evaluate, RunsTapsAndChecksInputs) {
  Network net;
  std::vector<std::string> tapped;
  const auto tap = [&](const Node& node, const std::vector<Array>& outputs) {
    tapped.push_back(node.name);
    EXPECT_EQ(outputs.size(), 1u);
  };
  net.graph.outputs.push_back(net.x);
  net.graph.outputs.push_back(net.c);
  const auto outputs = evaluate(net.graph, {Array::of_floats({2}, {-1.0f, 3.0f})}, tap);
  EXPECT_EQ(outputs[0].doubles(), (std::vector<double>{1.0, 5.0}));
  EXPECT_EQ(outputs[1].doubles(), (std::vector<double>{-1.0, 3.0}));
  EXPECT_EQ(outputs[2].doubles(), (std::vector<double>{1.0, 2.0}));
  EXPECT_EQ(tapped, (std::vector<std::string>{"relu1", "add1"}));
  EXPECT_THROW(evaluate(net.graph, {}), Error);
  EXPECT_THROW(evaluate(net.graph, {Array::of_floats({3}, {1, 2, 3})}), Error);
}

}  // namespace
}  // namespace linnet::passes_test
