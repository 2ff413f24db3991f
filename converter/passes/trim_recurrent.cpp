#include <algorithm>
#include <limits>

#include "converter/ops/concat.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using ops::Recurrent;

bool is_sequence(const Value* value) {
  const Node* layer = producer_of<Recurrent>(value);
  return layer != nullptr && value->output_index == 0 && layer->as<Recurrent>()->sequence;
}

// Slices of joined directions become slices of each, so that a direction computes no more than is read of it.
class Splitter {
 public:
  Splitter(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void visit(Node* concat) {
    if (!std::all_of(concat->inputs.begin(), concat->inputs.end(), is_sequence)) return;
    std::vector<Reader> readers;
    if (!collect(concat->out(), false, readers)) return;
    for (const Reader& reader : readers) split(*concat, reader);
  }

 private:
  struct Reader {
    Node* slice;
    bool swapped;  // reads the first two dimensions in the other order
  };

  Graph& graph_;
  PassLog& log_;

  // False where anything but slices reads the value.
  bool collect(const Value& value, bool swapped, std::vector<Reader>& readers) const {
    if (graph_.is_output(&value)) return false;
    for (const Use& use : value.uses) {
      if (use.node->as<ops::Slice>() != nullptr) {
        readers.push_back({use.node, swapped});
      } else if (!swaps_first_two(use.node) || !collect(use.node->out(), !swapped, readers)) {
        return false;
      }
    }
    return true;
  }

  void split(const Node& concat, const Reader& reader) {
    ops::Slice slice = *reader.slice->as<ops::Slice>();
    const auto axis = static_cast<size_t>(concat.as<ops::Concat>()->axis);
    if (reader.swapped) {
      for (std::vector<int64_t>* values : {&slice.starts, &slice.steps, &slice.shape})
        std::swap((*values)[0], (*values)[1]);
    }
    if (axis < 2 || (slice.steps[axis] != 1 && slice.shape[axis] != 1)) return;
    slice.steps[axis] = 1;
    std::vector<Value*> parts;
    int64_t position = 0;
    for (Value* input : concat.inputs) {
      const int64_t begin = std::max(slice.starts[axis], position);
      const int64_t end = std::min(slice.starts[axis] + slice.shape[axis], position + input->shape()[axis]);
      if (begin < end) {
        ops::Slice part = slice;
        part.starts[axis] = begin - position;
        part.shape[axis] = end - begin;
        parts.push_back(add(part, {input}, reader.slice));
      }
      position += input->shape()[axis];
    }
    log_.add("{} reads the directions of {} one by one", reader.slice->name, concat.name);
    ops::Concat joined = *concat.as<ops::Concat>();
    Value* result = parts.size() == 1 ? parts.front() : add(joined, parts, reader.slice);
    ops::Transpose order;
    order.permutation = reader.swapped ? Permutation{1, 0, 2} : Permutation{0, 1, 2};
    replace(graph_, reader.slice, std::make_unique<ops::Transpose>(order), {result});
  }

  template <class T>
  Value* add(const T& op, const std::vector<Value*>& inputs, Node* before) {
    Node* node = graph_.add(std::make_unique<T>(op), inputs, before->name, before);
    node->sources = before->sources;
    return node->outputs[0];
  }
};

// Leaves out the time steps behind the last one that is read, in the order of computation.
class Trimmer {
 public:
  Trimmer(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void visit(Node* node) {
    const Recurrent& layer = *node->as<Recurrent>();
    // The range of x is that of all time steps.
    if (layer.dynamic || !layer.sequence || states_are_read(*node)) return;
    const Value& y = node->out();
    const size_t time = layer.y_batch_first ? 1 : 0;
    const Range read = range(y, time);
    const int64_t steps = y.shape()[time];
    if (read.begin >= read.end || (layer.reverse ? read.begin == 0 : read.end == steps)) return;
    trim(node, layer.reverse ? Range{read.begin, steps} : Range{0, read.end});
  }

 private:
  struct Range {
    int64_t begin, end;
  };

  Graph& graph_;
  PassLog& log_;

  bool states_are_read(const Node& node) const {
    return std::any_of(node.outputs.begin() + 1, node.outputs.end(),
                       [&](const Value* state) { return !state->uses.empty() || graph_.is_output(state); });
  }

  // The time steps that slices take; all where anything else reads the sequence.
  Range range(const Value& y, size_t time) const {
    const Range all = {0, y.shape()[time]};
    if (graph_.is_output(&y)) return all;
    Range result = {all.end, 0};
    for (const Use& use : y.uses) {
      const auto* slice = use.node->as<ops::Slice>();
      if (slice == nullptr) return all;
      const int64_t first = slice->starts[time];
      const int64_t last = first + (slice->shape[time] - 1) * slice->steps[time];
      result = {std::min({result.begin, first, last}), std::max({result.end, first + 1, last + 1})};
    }
    return result;
  }

  void trim(Node* node, const Range& kept) {
    const auto& layer = *node->as<Recurrent>();
    const size_t time = layer.x_batch_first ? 1 : 0, y_time = layer.y_batch_first ? 1 : 0;
    ops::Slice slice;
    slice.shape = node->in(Recurrent::kX).shape();
    slice.starts.assign(slice.shape.size(), 0);
    slice.steps.assign(slice.shape.size(), 1);
    slice.starts[time] = kept.begin;
    slice.shape[time] = kept.end - kept.begin;
    log_.add("{} computes time steps {} to {} only", node->name, kept.begin, kept.end - 1);
    Node* part = graph_.add(std::make_unique<ops::Slice>(slice), {node->inputs[Recurrent::kX]}, node->name, node);
    part->sources.clear();
    std::vector<Value*> inputs = node->inputs;
    inputs[Recurrent::kX] = part->outputs[0];
    Node* shorter = graph_.add(layer.clone(), inputs, node->name, node);
    shorter->sources = node->sources;
    std::swap(shorter->outputs[0]->name, node->outputs[0]->name);
    const std::vector<Use> readers = node->outputs[0]->uses;
    for (const Use& use : readers) {
      ops::Slice reader = *use.node->as<ops::Slice>();
      reader.starts[y_time] -= kept.begin;
      replace(graph_, use.node, std::make_unique<ops::Slice>(reader), {shorter->outputs[0]});
    }
    graph_.remove(node);
  }
};

template <class T>
std::vector<Node*> nodes_of(const Graph& graph) {
  std::vector<Node*> result;
  for (const auto& node : graph.nodes())
    if (node->as<T>() != nullptr) result.push_back(node.get());
  return result;
}

}  // namespace

void trim_recurrent(Graph& graph, PassLog& log) {
  std::vector<Node*> layers = nodes_of<Recurrent>(graph);
  if (layers.empty()) return;
  PassLog details;
  Splitter splitter(graph, log);
  for (Node* concat : nodes_of<ops::Concat>(graph)) splitter.visit(concat);
  simplify(graph, details);
  Trimmer trimmer(graph, log);
  layers = nodes_of<Recurrent>(graph);
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) trimmer.visit(*layer);
  simplify(graph, details);
}

}  // namespace linnet::passes
