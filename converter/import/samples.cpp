#include "converter/import/samples.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "converter/import/shell.hpp"
#include "converter/ops/batch_norm.hpp"
#include "converter/ops/cast.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/depth_to_space.hpp"
#include "converter/ops/dynamic_quantize.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/ops/softmax.hpp"

namespace linnet::import {

namespace {

using namespace ir;

constexpr int64_t kTwo = 2, kThree = 3;

// Dimension `dim` has outer * samples * inner elements, in this order. Along it no element depends on another sample.
struct Batch {
  int64_t dim, inner;
  friend bool operator==(const Batch&, const Batch&) = default;
};
using Rule = std::optional<Batch>;

bool contains(const std::vector<int64_t>& axes, int64_t axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

int64_t rank(const Value& value) {
  return static_cast<int64_t>(value.shape().size());
}

int64_t size(const Value& value, int64_t dim) {
  return value.shape()[static_cast<size_t>(dim)];
}

// The only dimension in which the shapes differ, as samples do.
std::optional<int64_t> batch_dimension(const Shape& two, const Shape& three) {
  if (two.size() != three.size()) return std::nullopt;
  std::optional<int64_t> result;
  for (size_t d = 0; d < two.size(); ++d) {
    if (two[d] == three[d]) continue;
    if (result || two[d] * kThree != three[d] * kTwo) return std::nullopt;
    result = static_cast<int64_t>(d);
  }
  return result;
}

bool equal(const Array& a, const Array& b) {
  if (a.type() != b.type()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a.number(i) != b.number(i) && !(std::isnan(a.number(i)) && std::isnan(b.number(i)))) return false;
  return true;
}

// Where `dim` of `x` is cut into `count` parts, the first one, if the others are equal to it.
std::optional<Array> repeated_part(const Array& x, int64_t dim, int64_t count) {
  const std::vector<int64_t> strides = row_major_strides(x.shape());
  const auto d = static_cast<size_t>(dim);
  Shape shape = x.shape();
  shape[d] /= count;
  std::vector<Array> parts;
  for (int64_t part = 0; part < count; ++part)
    parts.push_back(x.gathered(shape, strided_offsets(shape, strides, part * shape[d] * strides[d])));
  const auto same = [&](const Array& part) { return equal(part, parts[0]); };
  return std::all_of(parts.begin(), parts.end(), same) ? std::optional(parts[0]) : std::nullopt;
}

std::string attributes(const Node& node) {
  AttributeWriter writer;
  node.op->attributes(writer);
  return writer.text();
}

class Samples {
 public:
  Samples(const Graph& two, const Graph& three, const std::unordered_set<std::string>& initializers)
      : two_(two), three_(three), initializers_(initializers) {}

  std::optional<std::string> run() {
    for (size_t i = 0; i < three_.inputs.size(); ++i)
      if (const auto dim = batch_dimension(two_.inputs[i]->shape(), three_.inputs[i]->shape()))
        batches_[three_.inputs[i]] = {*dim, size(*three_.inputs[i], *dim) / kThree};
    if (two_.nodes().size() != three_.nodes().size()) return "the graph depends on its size";
    auto other = two_.nodes().begin();
    for (const auto& node : three_.nodes()) {
      std::string reason = inherited_reason(*node);
      if (reason.empty() && !follow(**other, *node))
        reason = fmt::format("{} ({}) mixes its elements", node->name, node->op->name());
      for (const Value* output : node->outputs)
        if (!reason.empty()) mixed_[output] = reason;
      ++other;
    }
    for (const Value* output : three_.outputs) {
      if (mixed_.count(output) > 0) return mixed_.at(output);
      const Batch* batch = find(output);
      if (batch != nullptr && !(*batch == Batch{0, size(*output, 0) / kThree}))
        return fmt::format("output '{}' does not have it as its first dimension", output->name);
    }
    return std::nullopt;
  }

 private:
  const Graph &two_, &three_;
  const std::unordered_set<std::string>& initializers_;
  std::unordered_map<const Value*, Batch> batches_;  // of `three_`; others are the same for all samples

  std::unordered_map<const Value*, std::string> mixed_;  // and the node that did it

  std::string inherited_reason(const Node& node) const {
    for (const Value* input : node.inputs)
      if (const auto found = mixed_.find(input); found != mixed_.end()) return found->second;
    return {};
  }

  const Batch* find(const Value* value) const {
    const auto found = batches_.find(value);
    return found != batches_.end() ? &found->second : nullptr;
  }

  bool follow(const Node& two, const Node& three) {
    if (two.op->name() != three.op->name() || two.inputs.size() != three.inputs.size()) return false;
    for (size_t i = 0; i < three.inputs.size(); ++i)
      if (two.has(i) != three.has(i) || (three.has(i) && !follow_constant(two.in(i), three.in(i)))) return false;
    // Shapes hold the number of samples; the parameters of other operators must not depend on it.
    const bool shaped = three.as<ops::Reshape>() != nullptr || three.as<ops::Expand>() != nullptr ||
                        three.as<ops::Tile>() != nullptr || three.as<ops::Slice>() != nullptr;
    if (!shaped && attributes(two) != attributes(three)) return false;
    const bool batched =
        std::any_of(three.inputs.begin(), three.inputs.end(), [&](const Value* v) { return find(v) != nullptr; });
    const std::vector<Rule> rules = batched ? outputs(two, three) : repeated(two, three);
    for (size_t i = 0; i < three.outputs.size(); ++i) {
      const Shape &small = two.out(i).shape(), &large = three.out(i).shape();
      const Rule rule = i < rules.size() ? rules[i] : std::nullopt;
      // A scale that is that of all samples together is a sample's own where there is one.
      const bool common = i > 0 && three.as<ops::DynamicQuantize>() != nullptr;
      if (batched && !common ? !rule : small == large && attributes(two) != attributes(three)) return false;
      if (rule ? batch_dimension(small, large) != rule->dim : small != large) return false;
      if (rule) batches_[three.outputs[i]] = *rule;
    }
    return true;
  }

  // A constant that depends on the number of samples is the same for each of them, repeated.
  bool follow_constant(const Value& two, const Value& three) {
    if (!three.constant || find(&three) != nullptr) return two.constant.has_value() == three.constant.has_value();
    if (!two.constant) return false;
    if (initializers_.count(three.name) > 0 || equal(*two.constant, *three.constant)) return true;
    const auto dim = batch_dimension(two.shape(), three.shape());
    if (!dim) return false;
    const auto small = repeated_part(*two.constant, *dim, kTwo), large = repeated_part(*three.constant, *dim, kThree);
    if (!small || !large || !equal(*small, *large)) return false;
    batches_[&three] = {*dim, size(three, *dim) / kThree};
    return true;
  }

  // What is the same for all samples, once for each.
  static std::vector<Rule> repeated(const Node& two, const Node& three) {
    const auto dim = batch_dimension(two.out().shape(), three.out().shape());
    const bool repeats = three.as<ops::Expand>() != nullptr || three.as<ops::Tile>() != nullptr;
    if (!dim || !repeats) return {};
    const int64_t before = *dim - (rank(three.out()) - rank(three.in(0)));
    const int64_t part = before < 0 ? 1 : size(three.in(0), before), all = size(three.out(), *dim);
    if (part != 1 && (all / kThree) % part != 0) return {};
    return {Batch{*dim, all / kThree}};
  }

  std::vector<Rule> outputs(const Node& two, const Node& node) const {
    if (const auto* recurrent = node.as<ops::Recurrent>()) return of_recurrent(node, *recurrent);
    if (node.as<ops::DynamicQuantize>() != nullptr) return {of_elementwise(node)};
    return {output(two, node)};
  }

  Rule output(const Node& two, const Node& node) const {
    if (node.as<ops::Unary>() || node.as<ops::Binary>() || node.as<ops::Cast>() || node.as<ops::Where>() ||
        node.as<ops::Quantize>() || node.as<ops::Compare>() || node.as<ops::Logical>() || node.as<ops::Mod>() ||
        node.as<ops::Expand>())
      return of_elementwise(node);
    if (node.as<ops::MatMul>() != nullptr) return of_matmul(node);
    if (const auto* concat = node.as<ops::Concat>()) return of_concat(node, concat->axis);
    if (find(node.inputs[0]) == nullptr) return std::nullopt;
    const Batch batch = *find(node.inputs[0]);
    if (const auto* norm = node.as<ops::BatchNorm>()) return of_channels(node, batch, norm->axis);
    for (size_t i = 1; i < node.inputs.size(); ++i)
      if (find(node.inputs[i]) != nullptr) return std::nullopt;
    return of_first(two, node, batch);
  }

  // Operators of one variable.
  static Rule of_first(const Node& two, const Node& node, const Batch& batch) {
    const int64_t dim = batch.dim;
    const auto kept_if = [&](bool kept) { return kept ? Rule(batch) : std::nullopt; };
    if (node.as<ops::Conv>() || node.as<ops::ConvTranspose>() || node.as<ops::Pool>() || node.as<ops::GroupNorm>() ||
        node.as<ops::DepthToSpace>())
      return kept_if(dim == 0);
    if (node.as<ops::Linear>() != nullptr) return kept_if(dim + 1 < rank(node.in(0)));
    if (const auto* softmax = node.as<ops::Softmax>()) return kept_if(dim != softmax->axis);
    if (const auto* norm = node.as<ops::RowNorm>()) return kept_if(dim < norm->axis);
    if (const auto* resample = node.as<ops::Resample>()) return kept_if(dim != resample->axis);
    if (const auto* pad = node.as<ops::Pad>()) return kept_if(!contains(pad->padded_axes(), dim));
    if (node.as<ops::Tile>() != nullptr) return kept_if(attributes(two) == attributes(node));
    if (const auto* reduce = node.as<ops::Reduce>()) return of_reduction(batch, reduce->axes, reduce->keep_dims);
    if (const auto* arg_max = node.as<ops::ArgMax>()) return of_reduction(batch, {arg_max->axis}, arg_max->keep_dims);
    if (const auto* slice = node.as<ops::Slice>()) return of_slice(*two.as<ops::Slice>(), node, *slice, batch);
    if (const auto* gather = node.as<ops::Gather>()) {
      const auto added = static_cast<int64_t>(gather->indices_shape.size()) - 1;
      if (dim == gather->axis) return std::nullopt;
      return Batch{dim < gather->axis ? dim : dim + added, batch.inner};
    }
    if (const auto* transpose = node.as<ops::Transpose>()) {
      const auto& order = transpose->permutation;
      return Batch{std::find(order.begin(), order.end(), dim) - order.begin(), batch.inner};
    }
    if (node.as<ops::Reshape>() != nullptr) return of_reshape(node, batch);
    return std::nullopt;
  }

  Rule of_elementwise(const Node& node) const {
    Rule result;
    for (const Value* input : node.inputs) {
      const Batch* batch = find(input);
      if (batch == nullptr) continue;
      const Batch aligned{batch->dim + rank(node.out()) - rank(*input), batch->inner};
      if (result && !(*result == aligned)) return std::nullopt;
      result = aligned;
    }
    for (const Value* input : node.inputs) {
      const int64_t dim = result->dim - rank(node.out()) + rank(*input);
      if (dim >= 0 && size(*input, dim) != (find(input) != nullptr ? size(node.out(), result->dim) : 1))
        return std::nullopt;
    }
    return result;
  }

  // Of a product of matrices the samples are either one of the dimensions before, of both operands or of one, or rows
  // of the first or columns of the second operand.
  Rule of_matmul(const Node& node) const {
    const auto* product = node.as<ops::MatMul>();
    if (!product->a_permutation.empty() || !product->b_permutation.empty() || !product->c_permutation.empty())
      return std::nullopt;
    const int64_t rows = rank(node.out()) - 2, columns = rank(node.out()) - 1;
    const auto aligned = [&](size_t i) -> Rule {
      const Batch* batch = find(node.inputs[i]);
      return batch != nullptr ? Rule(Batch{batch->dim + rank(node.out()) - rank(node.in(i)), batch->inner})
                              : std::nullopt;
    };
    const Rule a = aligned(0), b = aligned(1);
    if (a && a->dim >= rows) return !b && a->dim == rows ? a : std::nullopt;
    if (b && b->dim >= rows) return !a && b->dim == columns ? b : std::nullopt;
    if (a && b) return *a == *b ? a : std::nullopt;
    const size_t other = a ? 1 : 0;
    const Rule result = a ? a : b;
    const int64_t dim = result->dim - rank(node.out()) + rank(node.in(other));
    return dim < 0 || size(node.in(other), dim) == 1 ? result : std::nullopt;
  }

  Rule of_concat(const Node& node, int64_t axis) const {
    Rule result;
    for (const Value* input : node.inputs) {
      const Batch* batch = find(input);
      if (batch == nullptr || (result && !(*result == *batch))) return std::nullopt;
      result = *batch;
    }
    return result->dim != axis ? result : std::nullopt;
  }

  // Statistics and factors per channel, where every sample may have channels of its own.
  Rule of_channels(const Node& node, const Batch& batch, int64_t axis) const {
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (!node.has(i)) continue;
      const Batch* parameter = find(node.inputs[i]);
      if (batch.dim == axis ? parameter == nullptr || !(*parameter == Batch{0, batch.inner}) : parameter != nullptr)
        return std::nullopt;
    }
    return batch;
  }

  static Rule of_reduction(const Batch& batch, const std::vector<int64_t>& axes, bool keep_dims) {
    if (contains(axes, batch.dim)) return std::nullopt;
    const auto before = std::count_if(axes.begin(), axes.end(), [&](int64_t axis) { return axis < batch.dim; });
    return Batch{keep_dims ? batch.dim : batch.dim - before, batch.inner};
  }

  static Rule of_slice(const ops::Slice& two, const Node& node, const ops::Slice& slice, const Batch& batch) {
    const auto d = static_cast<size_t>(batch.dim);
    const bool whole = slice.starts[d] == 0 && slice.steps[d] == 1 && slice.shape[d] == node.in(0).shape()[d];
    return whole && two.starts == slice.starts && two.steps == slice.steps ? Rule(batch) : std::nullopt;
  }

  // The distance between the samples' elements stays.
  static Rule of_reshape(const Node& node, const Batch& batch) {
    if (element_count(node.out().shape()) == 0) return std::nullopt;
    const int64_t stride = batch.inner * row_major_strides(node.in(0).shape())[static_cast<size_t>(batch.dim)];
    const std::vector<int64_t> strides = row_major_strides(node.out().shape());
    for (size_t d = 0; d < strides.size(); ++d) {
      const int64_t extent = strides[d] * node.out().shape()[d];
      if (stride % strides[d] == 0 && extent % (kThree * stride) == 0)
        return Batch{static_cast<int64_t>(d), stride / strides[d]};
    }
    return std::nullopt;
  }

  std::vector<Rule> of_recurrent(const Node& node, const ops::Recurrent& recurrent) const {
    const Batch* x = find(node.inputs[ops::Recurrent::kX]);
    if (x == nullptr || x->dim != (recurrent.x_batch_first ? 0 : 1)) return {};
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      const bool state = i == ops::Recurrent::kInitialH || i == ops::Recurrent::kInitialC;
      const Batch* other = find(node.inputs[i]);
      if (node.has(i) && (state ? other == nullptr || !(*other == Batch{0, x->inner}) : other != nullptr)) return {};
    }
    std::vector<Rule> result(node.outputs.size(), Batch{0, x->inner});
    if (recurrent.sequence) result[0] = Batch{recurrent.y_batch_first ? 0 : 1, x->inner};
    return result;
  }
};

}  // namespace

std::optional<std::string> why_not_samples(const Graph& two, const Graph& three,
                                           const std::unordered_set<std::string>& initializers) {
  return Samples(two, three, initializers).run();
}

void require_samples(const Graph& one, const std::vector<std::string>& open_inputs,
                     const std::unordered_set<std::string>& initializers, const Import& import) {
  std::map<std::string, Shape> shapes;
  std::vector<std::string> options;
  for (const Value* input : one.inputs) {
    if (std::find(open_inputs.begin(), open_inputs.end(), input->name) == open_inputs.end()) continue;
    shapes[input->name] = input->shape();
    options.push_back("--shape " + shell_word(fmt::format("{}={}", input->name, fmt::join(input->shape(), ","))));
  }
  std::unique_ptr<Graph> two, three;
  try {
    for (auto& [name, shape] : shapes) shape[0] = kTwo;
    two = import(shapes);
    for (auto& [name, shape] : shapes) shape[0] = kThree;
    three = import(shapes);
  } catch (const Error&) {
    return;
  }
  if (const std::optional<std::string> reason = why_not_samples(*two, *three, initializers))
    throw Problems({fmt::format(
        "the first dimension of {} is open, and is no batch of independent samples: {}. Give its size ({})",
        fmt::join(open_inputs, ", "), *reason, fmt::join(options, " "))});
}

}  // namespace linnet::import
