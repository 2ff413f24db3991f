#include <algorithm>

#include "converter/ops/linear.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

constexpr size_t kWeights = 1, kBias = 2, kResidual = 3;

// A run of a layer's outputs that a slice reads.
struct Part {
  Node* slice;
  int64_t begin, size;
};

// The run of the last dimension of `whole` that a slice of `whole`, reshaped to the slice's input, is; nothing where
// the slice cuts another dimension or its elements are not one run.
std::optional<Part> part_of(const Shape& whole, Node* node) {
  const auto* slice = node->as<ops::Slice>();
  if (slice == nullptr) return std::nullopt;
  const Shape& shape = node->in(0).shape();
  const Segment last = segments(whole, shape).back();
  if (last.from_end - last.from_begin != 1 || last.from_end != whole.size() || last.to_end != shape.size())
    return std::nullopt;
  Part part{node, 0, 1};
  bool several = false;  // so far: more than one element, so that what follows must be whole
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool full = slice->shape[d] == shape[d] && (slice->steps[d] == 1 || shape[d] == 1);
    if (!full && (d < last.to_begin || several || (slice->steps[d] != 1 && slice->shape[d] != 1))) return std::nullopt;
    if (d < last.to_begin) continue;
    several = several || slice->shape[d] != 1;
    part.begin = part.begin * shape[d] + slice->starts[d];
    part.size *= slice->shape[d];
  }
  return part;
}

class Splitter {
 public:
  Splitter(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void visit(Node* node) {
    if (is_quantized(*node) || node->has(kResidual) || !node->in(kWeights).constant) return;
    if (node->has(kBias) && !node->in(kBias).constant) return;
    const Value* whole = node->outputs[0];
    if (single_use(graph_, whole) && whole->uses[0].node->as<ops::Reshape>() != nullptr)
      whole = whole->uses[0].node->outputs[0];
    if (graph_.is_output(whole) || graph_.is_output(node->outputs[0]) || whole->uses.size() < 2) return;
    std::vector<Part> parts;
    int64_t outputs = 0;
    for (const Use& use : whole->uses) {
      const std::optional<Part> part = part_of(node->out().shape(), use.node);
      if (!part) return;
      parts.push_back(*part);
      outputs += part->size;
    }
    // No more may be computed than before, and slices along the last dimension are read in place.
    if (outputs > node->out().shape().back() || (whole == node->outputs[0] && !is_reshaped(parts))) return;
    log_.add("split {} into {} layers, one per slice of its output", node->name, parts.size());
    for (const Part& part : parts) make_layer(node, part);
  }

 private:
  Graph& graph_;
  PassLog& log_;

  static bool is_reshaped(const std::vector<Part>& parts) {
    return std::any_of(parts.begin(), parts.end(), [](const Part& part) {
      const auto& uses = part.slice->outputs[0]->uses;
      return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
        return use.node->as<ops::Reshape>() != nullptr && use.node->out().shape().back() != part.size;
      });
    });
  }

  Value* rows(const Value& parameter, const Part& part) {
    Shape shape = parameter.shape();
    shape[0] = part.size;
    const std::vector<int64_t> strides = row_major_strides(parameter.shape());
    Array kept = parameter.constant->gathered(shape, strided_offsets(shape, strides, part.begin * strides[0]));
    return graph_.add_constant(parameter.name, std::move(kept));
  }

  void make_layer(Node* node, const Part& part) {
    std::vector<Value*> inputs = {node->inputs[0], rows(node->in(kWeights), part)};
    if (node->has(kBias)) inputs.push_back(rows(node->in(kBias), part));
    Node* layer = graph_.add(node->op->clone(), std::move(inputs), part.slice->name, part.slice);
    layer->sources = node->sources;
    ops::Reshape reshape;
    reshape.shape = part.slice->out().shape();
    replace(graph_, part.slice, std::make_unique<ops::Reshape>(reshape), {layer->outputs[0]});
  }
};

}  // namespace

void split_linear(Graph& graph, PassLog& log) {
  Splitter splitter(graph, log);
  std::vector<Node*> layers;
  for (const auto& node : graph.nodes())
    if (node->as<ops::Linear>() != nullptr) layers.push_back(node.get());
  for (Node* layer : layers) splitter.visit(layer);
  PassLog details;
  simplify(graph, details);
}

}  // namespace linnet::passes
