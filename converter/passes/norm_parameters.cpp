#include "converter/passes/norm_parameters.hpp"

#include <algorithm>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/affine.hpp"

namespace linnet::passes {

namespace {

using kernels::BinaryFunction;
using kernels::NormKind;
using Values = std::vector<double>;

constexpr size_t kGain = 1, kShift = 2;

bool has_activation(const Node& node) {
  return node.op->activation()->function != Function::Identity;
}

// The elements of a parameter, one number per element where it is absent.
Values parameter_or(const Node& node, size_t index, int64_t size, double absent) {
  return node.has(index) ? node.in(index).constant->doubles() : Values(static_cast<size_t>(size), absent);
}

bool has_constant_parameters(const Node& node) {
  return (!node.has(kGain) || node.in(kGain).constant) && (!node.has(kShift) || node.in(kShift).constant);
}

// y = factor * x + summand, element-wise with broadcasting.
struct Operand {
  size_t x = 0;  // input of the node
  Array factor, summand;
};

std::optional<Operand> as_operand(const Node& node) {
  const auto* binary = node.as<ops::Binary>();
  if (binary == nullptr || binary->function > BinaryFunction::Div || has_activation(node)) return std::nullopt;
  const size_t x = node.in(0).constant ? 1 : 0;
  const bool divided = binary->function == BinaryFunction::Div;
  if (!node.in(1 - x).constant || node.in(x).type != node.out().type || (divided && x == 1)) return std::nullopt;
  const Array& constant = *node.in(1 - x).constant;
  Values factor(constant.size(), 1.0), summand(constant.size(), 0.0);
  for (size_t i = 0; i < constant.size(); ++i) {
    const double value = constant.number(i);
    if (binary->function == BinaryFunction::Mul) factor[i] = value;
    if (divided) factor[i] = 1.0 / value;
    if (binary->function == BinaryFunction::Add) summand[i] = value;
    if (binary->function == BinaryFunction::Sub) summand[i] = x == 0 ? -value : value;
    if (binary->function == BinaryFunction::Sub && x == 1) factor[i] = -1.0;
  }
  Operand operand{x, Array::of_doubles(constant.shape(), std::move(factor)),
                  Array::of_doubles(constant.shape(), std::move(summand))};
  return operand.factor.all_finite() ? std::optional(operand) : std::nullopt;
}

Value* add_parameter(Graph& graph, const Node& norm, size_t index, const char* suffix, const Shape& shape,
                     Values values) {
  const std::string name = norm.has(index) ? norm.in(index).name : norm.name + suffix;
  return graph.add_constant(name, Array::of_doubles(shape, std::move(values)));
}

// The constant of a RowNorm whose leading dimensions have size 1, repeated over the row.
std::optional<Values> over_row(const Array& array, const Shape& row) {
  Shape shape = array.shape();
  while (shape.size() > row.size()) {
    if (shape.front() != 1) return std::nullopt;
    shape.erase(shape.begin());
  }
  return repeated(array.reshaped(shape), row).doubles();
}

bool merge_into_row(Graph& graph, PassLog& log, Node* norm, Node* node, const Operand& operand) {
  const Shape& shape = norm->out().shape();
  const Shape row(shape.begin() + norm->as<ops::RowNorm>()->axis, shape.end());
  const std::optional<Values> factor = over_row(operand.factor, row), summand = over_row(operand.summand, row);
  if (!factor || !summand) return false;
  const auto size = static_cast<int64_t>(factor->size());
  Values gain = parameter_or(*norm, kGain, size, 1.0), shift = parameter_or(*norm, kShift, size, 0.0);
  for (size_t i = 0; i < gain.size(); ++i) {
    gain[i] *= (*factor)[i];
    shift[i] = shift[i] * (*factor)[i] + (*summand)[i];
  }
  log.add("merged {} into {}", node->name, norm->name);
  const auto differs = [](const Values& values, double from) {
    return std::any_of(values.begin(), values.end(), [from](double v) { return v != from; });
  };
  if (norm->has(kGain) || differs(gain, 1.0))
    graph.set_input(norm, kGain, add_parameter(graph, *norm, kGain, ".gain", row, std::move(gain)));
  if (norm->has(kShift) || differs(shift, 0.0))
    graph.set_input(norm, kShift, add_parameter(graph, *norm, kShift, ".shift", row, std::move(shift)));
  absorb(graph, norm, node);
  return true;
}

// The parameters of a RowNorm per channel, where they are alike within each row.
std::optional<Values> uniform_parameter(const Node& norm, size_t index, int64_t channels, double absent) {
  if (!norm.has(index)) return Values(static_cast<size_t>(channels), absent);
  const std::optional<double> value = uniform_constant(norm.inputs[index]);
  return value ? std::optional(Values(static_cast<size_t>(channels), *value)) : std::nullopt;
}

// A GroupNorm that computes what the RowNorm does; null where there is none. It is not connected.
struct ImageNorm {
  ops::GroupNorm op;
  Values scale, shift;
};

std::optional<ImageNorm> as_image_norm(const Node& node) {
  const Shape& shape = node.out().shape();
  if (shape.size() < 2 || !has_constant_parameters(node)) return std::nullopt;
  if (const auto* norm = node.as<ops::GroupNorm>()) {
    if (norm->channels_last || has_activation(node)) return std::nullopt;
    return ImageNorm{*norm, node.in(kGain).constant->doubles(), node.in(kShift).constant->doubles()};
  }
  const auto* row = node.as<ops::RowNorm>();
  if (row == nullptr || row->kind != NormKind::Layer || shape.size() < 3 || row->axis < 1 || row->axis > 2 ||
      has_activation(node))
    return std::nullopt;
  const auto scale = uniform_parameter(node, kGain, shape[1], 1.0),
             shift = uniform_parameter(node, kShift, shape[1], 0.0);
  if (!scale || !shift) return std::nullopt;
  ops::GroupNorm op;
  op.groups = row->axis == 1 ? 1 : shape[1];
  op.epsilon = row->epsilon;
  op.epsilon_outside = row->epsilon_outside;
  return ImageNorm{op, *scale, *shift};
}

// Replaces `node` by the normalization of `x`.
Node* replace_by(Graph& graph, Node* node, const Node& norm, const ImageNorm& image, Value* x) {
  const Shape channels = {static_cast<int64_t>(image.scale.size())};
  Value* scale = graph.add_constant(norm.name + ".scale", Array::of_doubles(channels, image.scale));
  Value* shift = graph.add_constant(norm.name + ".shift", Array::of_doubles(channels, image.shift));
  Node* result = replace(graph, node, std::make_unique<ops::GroupNorm>(image.op), {x, scale, shift});
  add_sources(result, norm);
  return result;
}

bool merge_into_channels(Graph& graph, PassLog& log, Node* norm, Node* node, const Affine& affine) {
  std::optional<ImageNorm> image = as_image_norm(*norm);
  if (!image) return false;
  const std::optional<Affine> factors = along(affine, 1, static_cast<int64_t>(image->scale.size()));
  if (!factors) return false;
  for (size_t c = 0; c < image->scale.size(); ++c) {
    image->scale[c] *= factors->scale[c];
    image->shift[c] = image->shift[c] * factors->scale[c] + factors->shift[c];
  }
  log.add("merged {} into {}", node->name, norm->name);
  replace_by(graph, node, *norm, *image, norm->inputs[0]);
  graph.remove(norm);
  return true;
}

bool is_norm(const Node* node) {
  return node != nullptr && (node->as<ops::RowNorm>() != nullptr || node->as<ops::GroupNorm>() != nullptr);
}

}  // namespace

Array repeated(const Array& array, const Shape& shape) {
  ops::Expand expand;
  expand.shape = shape;
  return expand.evaluate({&array})[0];
}

bool merge_parameters(Graph& graph, PassLog& log, Node* node) {
  const std::optional<Operand> operand = as_operand(*node);
  if (operand) {
    Node* norm = producer_of<ops::RowNorm>(node->inputs[operand->x]);
    if (norm != nullptr && single_use(graph, norm->outputs[0]) && !has_activation(*norm) &&
        has_constant_parameters(*norm) && merge_into_row(graph, log, norm, node, *operand))
      return true;
  }
  const std::optional<Affine> affine = as_affine(*node);
  if (!affine || !is_norm(affine->x->producer) || !single_use(graph, affine->x)) return false;
  return merge_into_channels(graph, log, affine->x->producer, node, *affine);
}

bool merge_reshapes(Graph& graph, PassLog& log, Node* node) {
  if (node->as<ops::Reshape>() == nullptr || !is_norm(node->inputs[0]->producer)) return false;
  Node* norm = node->inputs[0]->producer;
  Node* before = producer_of<ops::Reshape>(norm->inputs[0]);
  if (before == nullptr || !single_use(graph, norm->outputs[0])) return false;
  std::optional<ImageNorm> image = as_image_norm(*norm);
  if (!image) return false;
  const Shape &from = before->in(0).shape(), &grouped = norm->out().shape(), &to = node->out().shape();
  if (to.size() < 2 || from.empty() || from[0] != grouped[0] || to[0] != grouped[0]) return false;
  const int64_t rows = grouped[1], channels = to[1];
  if (channels % rows != 0 || (channels != rows && image->op.groups != rows)) return false;
  // Of rows alone, groups are made where they are groups of something.
  if (norm->as<ops::RowNorm>() != nullptr && channels == rows && (from != to || to.size() < 4)) return false;
  if (norm->as<ops::RowNorm>() != nullptr && norm->as<ops::RowNorm>()->axis != 2) return false;
  log.add("{} is in groups between {} and {}", norm->name, before->name, node->name);
  const auto per_channel = [&](const Values& values) {
    Values result;
    for (const double value : values) result.insert(result.end(), static_cast<size_t>(channels / rows), value);
    return result;
  };
  image->scale = per_channel(image->scale);
  image->shift = per_channel(image->shift);
  Value* x = before->inputs[0];
  if (from != to) {
    ops::Reshape reshape;
    reshape.shape = to;
    x = graph.add(std::make_unique<ops::Reshape>(reshape), {x}, before->name, node)->outputs[0];
  }
  replace_by(graph, node, *norm, *image, x);
  graph.remove(norm);
  if (before->outputs[0]->uses.empty() && !graph.is_output(before->outputs[0])) graph.remove(before);
  return true;
}

}  // namespace linnet::passes
