#include <algorithm>

#include "converter/ops/recurrent.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using ops::Recurrent;

class RecurrentFitter {
 public:
  RecurrentFitter(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void visit(Node* node) {
    read_swapped(node);
    write_swapped(node);
    keep_what_is_used(node);
  }

 private:
  Graph& graph_;
  PassLog& log_;

  void read_swapped(Node* node) {
    while (swaps_first_two(node->in(Recurrent::kX).producer)) {
      bool& batch_first = node->as<Recurrent>()->x_batch_first;
      batch_first = !batch_first;
      graph_.set_input(node, Recurrent::kX, node->in(Recurrent::kX).producer->inputs[0]);
      log_.add("{} reads {} {} first", node->name, node->in(Recurrent::kX).name, batch_first ? "batch" : "time");
    }
  }

  // Where only such transposes read the sequence, it is written transposed.
  void write_swapped(Node* node) {
    auto* layer = node->as<Recurrent>();
    Value* y = node->outputs[0];
    if (!layer->sequence || y->uses.empty() || graph_.is_output(y)) return;
    std::vector<Node*> transposes;
    size_t graph_outputs = 0;
    for (const Use& use : y->uses) {
      if (!swaps_first_two(use.node)) return;
      transposes.push_back(use.node);
      if (graph_.is_output(use.node->outputs[0])) ++graph_outputs;
    }
    if (graph_outputs > 1) return;
    layer->y_batch_first = !layer->y_batch_first;
    graph_.infer(node);
    for (Node* transpose : transposes) bypass(graph_, transpose, y);
    log_.add("{} writes {} {} first", node->name, y->name, layer->y_batch_first ? "batch" : "time");
  }

  bool used(const Value* value) const { return !value->uses.empty() || graph_.is_output(value); }

  // Positions in the sequence's memory of the state computed last.
  static std::vector<int64_t> last_positions(const Recurrent& layer, const Shape& y) {
    const int64_t batch = y[layer.y_batch_first ? 0 : 1], steps = y[layer.y_batch_first ? 1 : 0], hidden = y[2];
    const int64_t last = layer.reverse ? 0 : steps - 1;
    const int64_t entry = layer.y_batch_first ? steps * hidden : hidden,
                  time = layer.y_batch_first ? hidden : batch * hidden;
    return strided_offsets({batch, hidden}, {entry, 1}, last * time);
  }

  static std::vector<int64_t> positions(const Node& node, const ops::Slice& slice) {
    std::vector<int64_t> strides = row_major_strides(node.in(0).shape());
    int64_t offset = 0;
    for (size_t d = 0; d < strides.size(); ++d) {
      offset += strides[d] * slice.starts[d];
      strides[d] *= slice.steps[d];
    }
    return strided_offsets(slice.shape, strides, offset);
  }

  // Collects what reads the sequence, through views as well; false where something reads more than those positions.
  bool collect_readers(const Value& value, const std::vector<int64_t>& wanted, std::vector<Node*>& readers) const {
    if (graph_.is_output(&value)) return false;
    for (const Use& use : value.uses) {
      if (std::find(readers.begin(), readers.end(), use.node) != readers.end()) continue;
      readers.push_back(use.node);
      const auto* slice = use.node->as<ops::Slice>();
      if (slice != nullptr && positions(*use.node, *slice) == wanted) continue;
      if (use.node->as<ops::Reshape>() == nullptr || !collect_readers(use.node->out(), wanted, readers)) return false;
    }
    return true;
  }

  // The sequence is not kept where only its last state is read.
  void keep_what_is_used(Node* node) {
    const Recurrent before = *node->as<Recurrent>();
    Recurrent layer = before;
    std::vector<Node*> readers;
    if (before.sequence)
      layer.sequence = !collect_readers(node->out(), last_positions(before, node->out().shape()), readers);
    layer.last = !layer.sequence || (before.last && used(node->outputs[before.last_output()]));
    if (layer.sequence == before.sequence && layer.last == before.last) return;
    log_.add("{} keeps {}", node->name, layer.sequence ? "the sequence" : "the last state");
    Node* changed = graph_.add(std::make_unique<Recurrent>(layer), node->inputs, node->name, node);
    changed->sources = node->sources;
    connect(node, before, changed, layer);
    if (!layer.sequence) replace_readers(readers, changed->outputs[0]);
    graph_.remove(node);
  }

  // Slices become views of the last state; nothing reads the views between them and the sequence then.
  void replace_readers(const std::vector<Node*>& readers, Value* last) {
    std::vector<Node*> views;
    for (Node* reader : readers) {
      if (reader->as<ops::Slice>() == nullptr) {
        views.push_back(reader);
        continue;
      }
      ops::Reshape reshape;
      reshape.shape = reader->out().shape();
      replace(graph_, reader, std::make_unique<ops::Reshape>(reshape), {last});
    }
    for (auto view = views.rbegin(); view != views.rend(); ++view) graph_.remove(*view);
  }

  void connect(Node* from, const Recurrent& before, Node* to, const Recurrent& layer) {
    const auto move = [&](size_t old_output, size_t new_output) {
      Value *value = from->outputs[old_output], *replacement = to->outputs[new_output];
      const bool output = graph_.is_output(value);
      graph_.replace_all_uses(value, replacement);
      if (!output) std::swap(value->name, replacement->name);
    };
    if (before.sequence && layer.sequence) move(0, 0);
    if (before.last && layer.last) move(before.last_output(), layer.last_output());
    if (layer.kind == ops::RecurrentKind::Lstm) move(before.cell_output(), layer.cell_output());
  }
};

}  // namespace

void fit_recurrent(Graph& graph, PassLog& log) {
  std::vector<Node*> layers;
  for (const auto& node : graph.nodes())
    if (node->as<Recurrent>() != nullptr) layers.push_back(node.get());
  if (layers.empty()) return;
  RecurrentFitter fitter(graph, log);
  for (Node* layer : layers) fitter.visit(layer);
  PassLog details;
  simplify(graph, details);
}

}  // namespace linnet::passes
