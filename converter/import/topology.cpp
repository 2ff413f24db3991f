#include "converter/import/topology.hpp"

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

namespace linnet::import {

namespace {

class Sorter {
 public:
  Sorter(const NodeList& nodes, const Given& given)
      : nodes_(nodes), known_(given), sources_(static_cast<size_t>(nodes.size())) {}

  Topology run() {
    collect_definitions();
    collect_edges();
    sort();
    if (!result_.blocked.empty()) report_cycle();
    return std::move(result_);
  }

 private:
  const NodeList& nodes_;
  const Given& known_;
  Topology result_;
  std::unordered_set<std::string> given_;           // inputs and initializers
  std::unordered_map<std::string, int> producers_;  // tensor to node
  std::vector<std::vector<int>> sources_;           // per node, the nodes that it reads

  void collect_definitions() {
    for (const std::string& initializer : known_.initializers)
      if (!given_.insert(initializer).second) problem("initializer '{}' is defined twice", initializer);
    std::unordered_set<std::string> inputs;
    for (const std::string& input : known_.inputs)
      if (!inputs.insert(input).second) problem("graph input '{}' is listed twice", input);
    given_.merge(inputs);
    for (int i = 0; i < nodes_.size(); ++i)
      for (const std::string& output : nodes_[i].output()) define_output(i, output);
  }

  void define_output(int node, const std::string& output) {
    if (output.empty()) return;
    const std::string name = display_name(nodes_.Get(node));
    if (given_.count(output) != 0)
      return problem("node '{}': output '{}' is already a graph input or an initializer", name, output);
    const auto [entry, added] = producers_.emplace(output, node);
    if (!added)
      problem("node '{}': output '{}' is already computed by node '{}'", name, output,
              display_name(nodes_.Get(entry->second)));
  }

  void collect_edges() {
    for (int i = 0; i < nodes_.size(); ++i) {
      const onnx::NodeProto& node = nodes_[i];
      for (int k = 0; k < node.input_size(); ++k) {
        const std::string& input = node.input(k);
        const auto producer = producers_.find(input);
        if (producer != producers_.end())
          sources_[static_cast<size_t>(i)].push_back(producer->second);
        else if (!input.empty() && given_.count(input) == 0 && !(known_.outside && known_.outside(input)))
          problem(
              "node '{}' ({}): input {} '{}' is not defined: no initializer, graph input or node output has this name",
              display_name(node), node.op_type(), k, input);
      }
      std::unordered_set<std::string> captures;
      collect_captures(node, captures);
      for (const std::string& name : captures)
        if (const auto producer = producers_.find(name); producer != producers_.end())
          sources_[static_cast<size_t>(i)].push_back(producer->second);
    }
  }

  void sort() {
    std::vector<std::vector<int>> readers(sources_.size());
    std::vector<size_t> waiting(sources_.size());
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (size_t i = 0; i < sources_.size(); ++i) {
      waiting[i] = sources_[i].size();
      for (const int source : sources_[i]) readers[static_cast<size_t>(source)].push_back(static_cast<int>(i));
      if (waiting[i] == 0) ready.push(static_cast<int>(i));
    }
    while (!ready.empty()) {
      const int node = ready.top();
      ready.pop();
      result_.order.push_back(node);
      for (const int reader : readers[static_cast<size_t>(node)])
        if (--waiting[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
    for (size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i] > 0) result_.blocked.push_back(static_cast<int>(i));
  }

  // Every blocked node reads a blocked node, so that walking backwards must come around.
  void report_cycle() {
    const std::unordered_set<int> blocked(result_.blocked.begin(), result_.blocked.end());
    std::vector<int> path;
    std::unordered_map<int, size_t> position;
    int node = result_.blocked.front();
    while (position.emplace(node, path.size()).second) {
      path.push_back(node);
      for (const int source : sources_[static_cast<size_t>(node)])
        if (blocked.count(source) != 0) node = source;
    }
    std::string names;
    for (size_t i = path.size(); i-- > position[node];)
      names += fmt::format("'{}' -> ", display_name(nodes_.Get(path[i])));
    problem("the graph has a cycle: {}'{}'", names, display_name(nodes_.Get(path.back())));
  }

  template <class... T>
  void problem(fmt::format_string<T...> text, T&&... arguments) {
    result_.problems.push_back(fmt::format(text, std::forward<T>(arguments)...));
  }
};

}  // namespace

std::string display_name(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  return node.output_size() > 0 ? fmt::format("{}_{}", node.op_type(), node.output(0)) : node.op_type();
}

Given given_by(const onnx::GraphProto& graph) {
  Given given;
  for (const auto& initializer : graph.initializer()) given.initializers.push_back(initializer.name());
  for (const auto& initializer : graph.sparse_initializer()) given.initializers.push_back(initializer.values().name());
  for (const auto& input : graph.input()) given.inputs.push_back(input.name());
  return given;
}

Topology sort_nodes(const NodeList& nodes, const Given& given) {
  return Sorter(nodes, given).run();
}

void collect_captures(const onnx::NodeProto& node, std::unordered_set<std::string>& names) {
  const auto collect = [&](const onnx::GraphProto& graph) {
    for (const onnx::NodeProto& inner : graph.node()) {
      names.insert(inner.input().begin(), inner.input().end());
      collect_captures(inner, names);
    }
    for (const onnx::ValueInfoProto& output : graph.output()) names.insert(output.name());
  };
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.has_g()) collect(attribute.g());
    for (const onnx::GraphProto& graph : attribute.graphs()) collect(graph);
  }
}

}  // namespace linnet::import
