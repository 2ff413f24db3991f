// What the tests of operators share: random arrays, comparison, nodes built alone in a graph.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::ops_test {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int64_t between(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(engine_); }
  ir::Array array(const ir::Shape& shape, double least = -2.0, double most = 2.0);
  ir::Permutation permutation(size_t rank);
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_;
};

// Same type, and every element within `tolerance` relative to max(1, |expected|).
void expect_equal(const ir::Array& actual, const ir::Array& expected, double tolerance = 1e-12);

ir::Array transposed(const ir::Array& array, const ir::Permutation& permutation);

std::vector<ir::Array> evaluate(const ir::Op& op, const std::vector<ir::Array>& inputs);

// A graph of one node; `constants` tells which inputs are constants, the others are graph inputs.
struct SingleNode {
  ir::Graph graph;
  ir::Node* node;
};
std::unique_ptr<SingleNode> single_node(const ir::Op& op, const std::vector<ir::Array>& inputs,
                                        const std::vector<size_t>& constants = {});

template <class T>
std::unique_ptr<ir::Op> make(T op) {
  return std::make_unique<T>(std::move(op));
}

}  // namespace linnet::ops_test
