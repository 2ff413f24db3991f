// The graph: values (tensors) and nodes in topological order. A graph owns both; pointers stay valid until the node or
// value is removed. Uses are kept up to date by the functions below, which are the only way to connect nodes.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converter/ir/op.hpp"
#include "converter/ir/source_names.hpp"

namespace linnet::ir {

struct Use {
  Node* node;
  size_t input;
};

// Produced by a node, or a graph input, or a constant.
struct Value {
  // From the source model where it has one. Unique in the graph, except that an output may have the name of an input.
  std::string name;
  TensorType type;
  Node* producer = nullptr;  // null for graph inputs and constants
  size_t output_index = 0;
  std::optional<Array> constant;
  std::vector<Use> uses;
  // Graph inputs and outputs only: source dimension of each dimension, when the layout was changed (else empty).
  Permutation source_permutation;

  const Shape& shape() const { return type.shape; }
};

struct Node {
  std::unique_ptr<Op> op;
  std::vector<Value*> inputs;  // null: optional input that is absent
  std::vector<Value*> outputs;
  std::string name;     // of the first source node
  SourceNames sources;  // every source node that became this one
  std::string origin;   // the first source node's operator: "Greater, opset 13"
  std::list<std::unique_ptr<Node>>::iterator position;

  template <class T>
  T* as() {
    return dynamic_cast<T*>(op.get());
  }
  template <class T>
  const T* as() const {
    return dynamic_cast<const T*>(op.get());
  }
  const Value& in(size_t index) const { return *inputs[index]; }
  bool has(size_t index) const { return index < inputs.size() && inputs[index] != nullptr; }
  const Value& out(size_t index = 0) const { return *outputs[index]; }
};

// As importers speak of nodes: "node 'conv1' (Conv, opset 13)"; one that a pass made has the name of its op.
std::string to_string(const Node& node);

// A tensor that keeps its value from one run to the next: graph input `input` holds `initial` in the first run, and
// what graph output `output` was in the run before from then on.
struct State {
  size_t input, output;
  Array initial;  // in the source's order of dimensions
};

class Graph {
 public:
  Graph() = default;
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;
  std::unique_ptr<Graph> clone() const;  // deep; constants' elements are shared

  std::string name;
  std::vector<Value*> inputs;
  std::vector<Value*> outputs;  // a value may be an output and have uses as well, and may appear twice
  std::vector<State> states;
  const std::list<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  const std::list<std::unique_ptr<Value>>& values() const { return values_; }

  Value* add_input(const std::string& name, TensorType type);
  Value* add_constant(const std::string& name, Array array);
  // Appends a node, or inserts it before `before`; infers its output types. Output values are named after the node
  // unless `output_names` gives names. Throws Error (the operator's, with the node's name in front) when inference
  // fails.
  Node* add(std::unique_ptr<Op> op, std::vector<Value*> inputs, std::string name, Node* before = nullptr,
            const std::vector<std::string>& output_names = {});

  void set_input(Node* node, size_t index, Value* value);  // grows node->inputs with absent inputs if needed
  // Also where `from` is a graph output; then the two swap names, so that the output keeps its name, unless `to` is a
  // graph input or output itself.
  void replace_all_uses(Value* from, Value* to);
  void remove(Node* node);                      // its outputs must have no uses
  void remove(Value* value);                    // a constant or input without uses
  void infer(Node* node);                       // again, after attributes or inputs changed
  void rename(Value* value, std::string name);  // `name` comes from unique_name()
  bool is_input(const Value* value) const;
  bool is_output(const Value* value) const;
  std::string unique_name(std::string_view stem);

 private:
  std::list<std::unique_ptr<Node>> nodes_;
  std::list<std::unique_ptr<Value>> values_;
  std::unordered_map<const Value*, std::list<std::unique_ptr<Value>>::iterator> positions_;
  std::unordered_map<std::string, size_t> names_;  // every name given out, with the last number appended to it

  Value* add_value(std::string name, TensorType type);
  void drop_uses(Node* node);
};

// Output types of `op` for these inputs (null: absent): what op.infer() says, which must fit the device: no dimension
// is negative, no tensor has more than kMaximumElements elements. Throws Error without naming a node.
inline constexpr int64_t kMaximumElements = 0x7fffffff;
std::vector<TensorType> infer_types(const Op& op, const std::vector<Value*>& inputs);

// Structural checks: names unique, uses consistent, topological order, types equal to what infer() says, outputs
// reachable. Throws Error naming the pass and the first inconsistency.
void verify(const Graph& graph, std::string_view after_pass);

// Readable text, one line per node: "%out: f32[1x8x8x16] = Conv(%x, %w) strides=1,1 ... # source".
std::string dump(const Graph& graph);

// Reference evaluation of the whole graph; one array per graph input, in order. `tap` is called with every node's
// outputs.
using Tap = std::function<void(const Node&, const std::vector<Array>&)>;
std::vector<Array> evaluate(const Graph& graph, const std::vector<Array>& inputs, const Tap& tap = nullptr);

}  // namespace linnet::ir
