// What passes share: looking around a node and replacing nodes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::passes {

using namespace linnet::ir;

// Calls visit(node) for every node in order. It may add nodes before `node` and remove `node` and nodes before it.
template <class Visitor>
void sweep(Graph& graph, Visitor&& visit) {
  for (auto position = graph.nodes().begin(); position != graph.nodes().end();) {
    Node* node = position->get();
    ++position;
    visit(node);
  }
}

// The node that computes `value` when its operator is a T; else null.
template <class T>
Node* producer_of(const Value* value) {
  return value != nullptr && value->producer != nullptr && value->producer->as<T>() != nullptr ? value->producer
                                                                                               : nullptr;
}

bool is_floating(const Value& value);
// Whether the node reads or gives integers that have a scale; rewrites of real arithmetic leave it alone.
bool is_quantized(const Node& node);
// Read by one node input and not a graph output.
bool single_use(const Graph& graph, const Value* value);
// The number that every element of a constant equals.
std::optional<double> uniform_constant(const Value* value);

// Replaces `node` (of one output) by a node of the same name, sources and output name. Input and output types may
// differ where the uses allow it.
Node* replace(Graph& graph, Node* node, std::unique_ptr<Op> op, std::vector<Value*> inputs);
// Removes `node`, whose result output 0 of `into` computes from now on, under the name of the node's output.
void absorb(Graph& graph, Node* into, Node* node);
// Removes `node`, which only repeats `value`; false where a graph output must stay a tensor of its own.
bool bypass(Graph& graph, Node* node, Value* value);
// Gives `to` the name of `from`, whose elements it holds in another form; a graph output keeps its name.
void take_name(const Graph& graph, Value* to, Value* from);
void add_sources(Node* into, const Node& from);
// Nodes without a result that is read or given, and constants that nothing reads.
void remove_unused(Graph& graph);

Permutation inverse(const Permutation& permutation);
// The permutation of Transpose(Transpose(x, first), second).
Permutation compose(const Permutation& first, const Permutation& second);
Permutation identity_permutation(size_t rank);
bool is_identity(const Permutation& permutation);
Shape permuted(const Shape& shape, const Permutation& permutation);
Array transposed(const Array& array, const Permutation& permutation);
// Whether a Transpose leaves the elements in their order, because it moves no dimension of more than one element past
// another.
bool keeps_element_order(const Shape& shape, const Permutation& permutation);

// Whether the node is a Transpose of the first two of three dimensions, or a Reshape that is one because one of them
// has size 1.
bool swaps_first_two(const Node* node);

// Corresponding runs of dimensions of two shapes of the same elements; one of the runs may be empty where the other
// holds a dimension of size 1.
struct Segment {
  size_t from_begin, from_end, to_begin, to_end;
};
std::vector<Segment> segments(const Shape& from, const Shape& to);

}  // namespace linnet::passes
