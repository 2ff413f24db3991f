#include <algorithm>
#include <map>
#include <tuple>

#include "converter/ops/cast.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/layout.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using kernels::BinaryFunction;

bool all_equal(const std::vector<int64_t>& values, int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == wanted; });
}

class Simplifier {
 public:
  Simplifier(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  // Returns whether anything changed.
  bool run() {
    changed_ = false;
    sweep(graph_, [this](Node* node) { visit(node); });
    share_equal_nodes();
    remove_dead();
    return changed_;
  }

 private:
  Graph& graph_;
  PassLog& log_;
  bool changed_ = false;

  void visit(Node* node) {
    if (node->outputs.size() != 1) return;
    if (Value* same = repeated_input(node)) {
      const std::string line = fmt::format("removed {} ({}): it changes nothing", node->name, node->op->name());
      if (!bypass(graph_, node, same)) return;
      log_.add("{}", line);
      changed_ = true;
      return;
    }
    merge_reshape(node) || reshape_before_transpose(node) || merge_transpose(node) || merge_slice(node) ||
        slice_before_reshape(node) || gather_to_slice(node) || flatten_concat(node) || reduce_to_reshape(node) ||
        shrink_operands(node) || merge_quantize(node);
  }

  template <class T>
  Node* change(Node* node, T op, std::vector<Value*> inputs, std::string_view what) {
    log_.add("{} ({}): {}", node->name, node->op->name(), what);
    changed_ = true;
    return replace(graph_, node, std::make_unique<T>(std::move(op)), std::move(inputs));
  }

  // The input that the node's output equals element for element, under the same shape.
  static Value* repeated_input(const Node* node) {
    if (node->inputs.empty() || node->inputs[0] == nullptr) return nullptr;
    const bool same_type = node->in(0).type == node->out().type;
    if (const auto* binary = node->as<ops::Binary>()) return neutral_operand(node, *binary);
    if (!same_type) return nullptr;
    Value* x = node->inputs[0];
    if (node->as<ops::Reshape>() || node->as<ops::Expand>() || node->as<ops::Cast>() || node->as<ops::Quantize>())
      return x;
    if (const auto* transpose = node->as<ops::Transpose>()) return is_identity(transpose->permutation) ? x : nullptr;
    if (const auto* slice = node->as<ops::Slice>())
      return all_equal(slice->starts, 0) && all_equal(slice->steps, 1) ? x : nullptr;
    if (const auto* pad = node->as<ops::Pad>())
      return all_equal(pad->pads_begin, 0) && all_equal(pad->pads_end, 0) ? x : nullptr;
    if (const auto* tile = node->as<ops::Tile>()) return all_equal(tile->repeats, 1) ? x : nullptr;
    if (node->as<ops::Concat>()) return node->inputs.size() == 1 ? x : nullptr;
    if (const auto* pool = node->as<ops::Pool>()) return changes_nothing(*pool) ? x : nullptr;
    if (const auto* unary = node->as<ops::Unary>()) return unary_repeats(node, unary->function) ? x : nullptr;
    return nullptr;
  }

  static bool changes_nothing(const ops::Pool& pool) {
    return all_equal(pool.kernel, 1) && all_equal(pool.strides, 1) && all_equal(pool.pads_begin, 0) &&
           all_equal(pool.pads_end, 0) && pool.fused.function == Function::Identity;
  }

  // Identity, and functions that map every value of their own range to itself.
  static bool unary_repeats(const Node* node, const Activation& function) {
    if (function.function == Function::Identity) return true;
    const Node* before = producer_of<ops::Unary>(node->inputs[0]);
    if (before == nullptr) return false;
    const Activation& first = before->as<ops::Unary>()->function;
    switch (function.function) {
      case Function::Relu:
        return first.function == Function::Relu || first.function == Function::Sigmoid ||
               first.function == Function::Softplus || first.function == Function::Abs ||
               (first.function == Function::Clip && first.alpha >= 0.0f && first.beta >= first.alpha);
      case Function::Clip:
        return first.function == Function::Clip && first.alpha >= function.alpha && first.beta <= function.beta &&
               first.alpha <= first.beta;
      case Function::Abs:
      case Function::Floor:
      case Function::Ceil:
      case Function::Round:
        return first.function == function.function;
      default:
        return false;
    }
  }

  static Value* neutral_operand(const Node* node, const ops::Binary& binary) {
    if (binary.fused.function != Function::Identity || binary.integer) return nullptr;
    const auto right = uniform_constant(node->inputs[1]), left = uniform_constant(node->inputs[0]);
    const BinaryFunction f = binary.function;
    const bool right_neutral =
        right &&
        (((f == BinaryFunction::Add || f == BinaryFunction::Sub) && *right == 0.0) ||
         ((f == BinaryFunction::Mul || f == BinaryFunction::Div || f == BinaryFunction::Pow) && *right == 1.0));
    if (right_neutral && node->in(0).type == node->out().type) return node->inputs[0];
    const bool left_neutral =
        left && ((f == BinaryFunction::Add && *left == 0.0) || (f == BinaryFunction::Mul && *left == 1.0));
    return left_neutral && node->in(1).type == node->out().type ? node->inputs[1] : nullptr;
  }

  bool merge_reshape(Node* node) {
    const auto* reshape = node->as<ops::Reshape>();
    const Node* before = producer_of<ops::Reshape>(node->inputs.empty() ? nullptr : node->inputs[0]);
    if (reshape == nullptr || before == nullptr) return false;
    return change(node, *reshape, {before->inputs[0]}, "merged two reshapes");
  }

  // Reshape -> Transpose -> Reshape, where the last splits dimensions that the transposition keeps together, is one
  // Reshape and a Transpose.
  bool reshape_before_transpose(Node* node) {
    const auto* reshape = node->as<ops::Reshape>();
    if (reshape == nullptr || !single_use(graph_, node->inputs[0])) return false;
    const Node* transpose = producer_of<ops::Transpose>(node->inputs[0]);
    const Node* before = transpose != nullptr ? producer_of<ops::Reshape>(transpose->inputs[0]) : nullptr;
    if (before == nullptr) return false;
    const Permutation back = inverse(transpose->as<ops::Transpose>()->permutation);
    const Permutation order = through_reshape(transpose->out().shape(), reshape->shape, back, /*forward=*/true);
    if (order.empty()) return false;
    ops::Reshape view;
    view.shape = permuted(reshape->shape, order);
    Value* x = graph_.add(std::make_unique<ops::Reshape>(view), {before->inputs[0]}, before->name, node)->outputs[0];
    ops::Transpose last;
    last.permutation = inverse(order);
    return change(node, last, {x}, "reshaped before the transposition");
  }

  bool merge_transpose(Node* node) {
    const auto* transpose = node->as<ops::Transpose>();
    if (transpose == nullptr) return false;
    if (const Node* before = producer_of<ops::Transpose>(node->inputs[0])) {
      ops::Transpose merged;
      merged.permutation = compose(before->as<ops::Transpose>()->permutation, transpose->permutation);
      return change(node, merged, {before->inputs[0]}, "merged two transposes");
    }
    if (!keeps_element_order(node->in(0).shape(), transpose->permutation)) return false;
    ops::Reshape reshape;
    reshape.shape = node->out().shape();
    return change(node, reshape, {node->inputs[0]}, "moves only dimensions of size 1: Reshape");
  }

  bool merge_slice(Node* node) {
    const auto* slice = node->as<ops::Slice>();
    const Node* before = slice != nullptr ? producer_of<ops::Slice>(node->inputs[0]) : nullptr;
    if (before == nullptr) return false;
    ops::Slice merged = *slice;
    const auto* first = before->as<ops::Slice>();
    for (size_t d = 0; d < merged.starts.size(); ++d) {
      merged.starts[d] = first->starts[d] + slice->starts[d] * first->steps[d];
      merged.steps[d] = slice->steps[d] * first->steps[d];
    }
    return change(node, merged, {before->inputs[0]}, "merged two slices");
  }

  // Slice -> Reshape -> Slice, where the Reshape adds or removes dimensions of size 1 only: the slices meet before it.
  bool slice_before_reshape(Node* node) {
    const auto* slice = node->as<ops::Slice>();
    const Node* reshape = slice != nullptr ? producer_of<ops::Reshape>(node->inputs[0]) : nullptr;
    if (reshape == nullptr || producer_of<ops::Slice>(reshape->inputs[0]) == nullptr) return false;
    const Shape &from = reshape->in(0).shape(), &to = reshape->out().shape();
    ops::Slice moved;
    moved.shape = from;
    moved.starts.assign(from.size(), 0);
    moved.steps.assign(from.size(), 1);
    size_t d = 0;
    for (size_t i = 0; i < to.size(); ++i) {
      if (to[i] == 1 && slice->shape[i] == 1) continue;
      while (d < from.size() && from[d] == 1) ++d;
      if (d == from.size() || from[d] != to[i]) return false;
      moved.starts[d] = slice->starts[i];
      moved.steps[d] = slice->steps[i];
      moved.shape[d] = slice->shape[i];
      ++d;
    }
    const auto is_one = [](int64_t size) { return size == 1; };
    if (!std::all_of(from.begin() + static_cast<std::ptrdiff_t>(d), from.end(), is_one)) return false;
    Node* part = graph_.add(std::make_unique<ops::Slice>(moved), {reshape->inputs[0]}, node->name, node);
    part->sources = node->sources;
    ops::Reshape view;
    view.shape = node->out().shape();
    return change(node, view, {part->outputs[0]}, "moved before the reshape");
  }

  // Indices in arithmetic progression.
  bool gather_to_slice(Node* node) {
    const auto* gather = node->as<ops::Gather>();
    if (gather == nullptr || gather->indices.empty()) return false;
    const std::vector<int64_t>& indices = gather->indices;
    const int64_t step = indices.size() > 1 ? indices[1] - indices[0] : 1;
    for (size_t i = 1; i < indices.size(); ++i)
      if (indices[i] - indices[i - 1] != step) return false;
    if (step == 0) return false;
    ops::Slice slice;
    slice.shape = node->in(0).shape();
    slice.starts.assign(slice.shape.size(), 0);
    slice.steps.assign(slice.shape.size(), 1);
    slice.starts[gather->axis] = indices[0];
    slice.steps[gather->axis] = step;
    slice.shape[gather->axis] = static_cast<int64_t>(indices.size());
    Node* part = graph_.add(std::make_unique<ops::Slice>(slice), {node->inputs[0]}, node->name, node);
    part->sources = node->sources;
    ops::Reshape reshape;
    reshape.shape = node->out().shape();
    return change(node, reshape, {part->outputs[0]}, "gathers evenly spaced elements: Slice");
  }

  // Whether int8 becomes uint8 or the reverse, with the same scale and the zero point moved alike: no number changes.
  static bool changes_sign_only(const Node& node) {
    const TensorType &from = node.in(0).type, &to = node.out().type;
    if (!from.quantization || !to.quantization) return false;
    const int64_t offset = from.dtype == DType::i8 && to.dtype == DType::u8   ? 128
                           : from.dtype == DType::u8 && to.dtype == DType::i8 ? -128
                                                                              : 0;
    Quantization moved = *from.quantization;
    for (int64_t& zero_point : moved.zero_points) zero_point += offset;
    return offset != 0 && moved == *to.quantization;
  }

  bool merge_quantize(Node* node) {
    const auto* last = node->as<ops::Quantize>();
    const Node* first = last != nullptr ? producer_of<ops::Quantize>(node->inputs[0]) : nullptr;
    if (first == nullptr) return false;
    if (changes_sign_only(*first)) return change(node, *last, {first->inputs[0]}, "reads the integers as they were");
    if (!changes_sign_only(*node) || !single_use(graph_, node->inputs[0])) return false;
    ops::Quantize whole = *first->as<ops::Quantize>();
    whole.to = last->to;
    whole.quantization = last->quantization;
    return change(node, whole, {first->inputs[0]}, "merged with the conversion before");
  }

  bool flatten_concat(Node* node) {
    const auto* concat = node->as<ops::Concat>();
    if (concat == nullptr) return false;
    std::vector<Value*> inputs;
    for (Value* input : node->inputs) {
      const Node* inner = producer_of<ops::Concat>(input);
      if (inner != nullptr && inner->as<ops::Concat>()->axis == concat->axis && single_use(graph_, input))
        inputs.insert(inputs.end(), inner->inputs.begin(), inner->inputs.end());
      else
        inputs.push_back(input);
    }
    return inputs.size() != node->inputs.size() && change(node, *concat, inputs, "merged concatenations");
  }

  // Over dimensions of size 1 there is nothing to reduce.
  bool reduce_to_reshape(Node* node) {
    const auto* reduce = node->as<ops::Reduce>();
    using kernels::ReduceKind;
    if (reduce == nullptr || reduce->integer || reduce->fused.function != Function::Identity ||
        reduce->kind >= ReduceKind::L1)
      return false;
    for (const int64_t axis : reduce->axes)
      if (node->in(0).shape()[axis] != 1) return false;
    ops::Reshape reshape;
    reshape.shape = node->out().shape();
    return change(node, reshape, {node->inputs[0]}, "reduces dimensions of size 1: Reshape");
  }

  // Broadcasting does what an Expand before, or repetition in a constant, does.
  bool shrink_operands(Node* node) {
    if (node->as<ops::Binary>() == nullptr) return false;
    bool shrunk = false;
    for (size_t i = 0; i < 2; ++i) {
      const Value* other = node->inputs[1 - i];
      if (other->shape() != node->out().shape() || other->constant) continue;
      if (const Node* expand = producer_of<ops::Expand>(node->inputs[i])) {
        graph_.set_input(node, i, expand->inputs[0]);
        shrunk = true;
      } else if (node->in(i).constant) {
        shrunk = shrink_constant(node, i) || shrunk;
      }
    }
    changed_ = changed_ || shrunk;
    return shrunk;
  }

  bool shrink_constant(Node* node, size_t input) {
    const Array& array = *node->in(input).constant;
    Shape shape = array.shape();
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] > 1 && repeats_along(array, d)) shape[d] = 1;
    if (shape == array.shape()) return false;
    const std::vector<int64_t> offsets = strided_offsets(shape, row_major_strides(array.shape()));
    graph_.set_input(node, input, graph_.add_constant(node->in(input).name, array.gathered(shape, offsets)));
    return true;
  }

  static bool repeats_along(const Array& array, size_t dimension) {
    const int64_t stride = row_major_strides(array.shape())[dimension], size = array.shape()[dimension];
    for (size_t i = 0; i < array.size(); ++i)
      if ((static_cast<int64_t>(i) / stride) % size > 0 && array.number(i) != array.number(i - stride)) return false;
    return true;
  }

  void share_equal_nodes() {
    std::map<std::tuple<std::string, std::string, std::vector<Value*>>, Node*> seen;
    sweep(graph_, [&](Node* node) {
      AttributeWriter writer;
      node->op->attributes(writer);
      const auto [entry, added] = seen.try_emplace({std::string(node->op->name()), writer.text(), node->inputs}, node);
      if (added || node->outputs.size() != 1) return;
      const std::string line = fmt::format("{} equals {}", node->name, entry->second->name);
      if (!bypass(graph_, node, entry->second->outputs[0])) return;
      log_.add("{}", line);
      changed_ = true;
    });
  }

  void remove_dead() {
    for (auto position = graph_.nodes().end(); position != graph_.nodes().begin();) {
      Node* node = std::prev(position)->get();
      const bool dead = std::all_of(node->outputs.begin(), node->outputs.end(),
                                    [this](const Value* v) { return v->uses.empty() && !graph_.is_output(v); });
      if (!dead) {
        --position;
        continue;
      }
      log_.add("removed {} ({}): nothing depends on it", node->name, node->op->name());
      changed_ = true;
      graph_.remove(node);
    }
    std::vector<Value*> unused;
    for (const auto& value : graph_.values())
      if (value->constant && value->uses.empty() && !graph_.is_output(value.get())) unused.push_back(value.get());
    for (Value* value : unused) graph_.remove(value);
  }
};

}  // namespace

void simplify(Graph& graph, PassLog& log) {
  Simplifier simplifier(graph, log);
  while (simplifier.run()) {
  }
}

}  // namespace linnet::passes
