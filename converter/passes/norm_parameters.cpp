#include "converter/passes/norm_parameters.hpp"

#include <algorithm>

#include "converter/ops/batch_norm.hpp"
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

// Its scale or shift as a constant that broadcasts.
Array along_axis(const Value& parameter, const ops::ScaleShift& op, size_t rank) {
  Shape shape(rank, 1);
  shape[static_cast<size_t>(op.axis)] = parameter.shape()[0];
  return parameter.constant->reshaped(shape);
}

std::optional<Operand> as_operand(const Node& node) {
  if (const auto* scale_shift = node.as<ops::ScaleShift>(); scale_shift != nullptr && !has_activation(node)) {
    const size_t rank = node.out().shape().size();
    return Operand{0, along_axis(node.in(1), *scale_shift, rank), along_axis(node.in(2), *scale_shift, rank)};
  }
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
  const Values before = parameter_or(*norm, kGain, size, 1.0);
  Values gain = before, shift = parameter_or(*norm, kShift, size, 0.0);
  for (size_t i = 0; i < gain.size(); ++i) {
    gain[i] *= (*factor)[i];
    shift[i] = shift[i] * (*factor)[i] + (*summand)[i];
  }
  if (!fits_float32(before, gain) || !fits_float32(*summand, shift)) return false;
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
  int64_t channel_axis = 1;
  Values scale, shift;
};

std::optional<ImageNorm> as_image_norm(const Node& node) {
  const Shape& shape = node.out().shape();
  if (shape.size() < 2 || !has_constant_parameters(node)) return std::nullopt;
  if (const auto* norm = node.as<ops::GroupNorm>()) {
    if (has_activation(node)) return std::nullopt;
    const int64_t axis = norm->channels_last ? static_cast<int64_t>(shape.size()) - 1 : 1;
    return ImageNorm{*norm, axis, node.in(kGain).constant->doubles(), node.in(kShift).constant->doubles()};
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
  return ImageNorm{op, 1, *scale, *shift};
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
  const std::optional<Affine> factors = along(affine, image->channel_axis, static_cast<int64_t>(image->scale.size()));
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

// A RowNorm in place of a GroupNorm of one group or of single channels that scales all of them alike; null where there
// is none.
Node* replace_by_row_norm(Graph& graph, Node* node) {
  const auto* group = node->as<ops::GroupNorm>();
  const Shape& shape = node->out().shape();
  if (group == nullptr || group->channels_last || has_activation(*node)) return nullptr;
  if (shape.size() < 3 || (group->groups != 1 && group->groups != shape[1])) return nullptr;
  const auto scale = uniform_constant(node->inputs[kGain]), shift = uniform_constant(node->inputs[kShift]);
  if (!scale || !shift) return nullptr;
  ops::RowNorm op;
  op.axis = group->groups == 1 ? 1 : 2;
  op.epsilon = group->epsilon;
  op.epsilon_outside = group->epsilon_outside;
  const Shape row(shape.begin() + op.axis, shape.end());
  const auto parameter = [&](const char* suffix, double value) {
    return graph.add_constant(node->name + suffix, repeated(Array::scalar(value), row));
  };
  std::vector<Value*> inputs = {node->inputs[0], *scale == 1.0 ? nullptr : parameter(".gain", *scale)};
  if (*shift != 0.0) inputs.push_back(parameter(".shift", *shift));
  while (inputs.back() == nullptr) inputs.pop_back();
  return replace(graph, node, std::make_unique<ops::RowNorm>(op), inputs);
}

bool fits_row(const Operand& operand, const Shape& row) {
  return over_row(operand.factor, row) && over_row(operand.summand, row);
}

// A constant per element of the rows that a GroupNorm without parameters normalizes.
bool merge_into_row_of_group(Graph& graph, PassLog& log, Node* norm, Node* node, const Operand& operand) {
  const auto* group = norm->as<ops::GroupNorm>();
  const Shape& shape = norm->out().shape();
  if (group == nullptr || shape.size() < 3) return false;
  if (!fits_row(operand, {shape.begin() + (group->groups == 1 ? 1 : 2), shape.end()})) return false;
  Node* row = replace_by_row_norm(graph, norm);
  return row != nullptr && merge_into_row(graph, log, row, node, operand);
}

bool is_norm(const Node* node) {
  return node != nullptr && (node->as<ops::RowNorm>() != nullptr || node->as<ops::GroupNorm>() != nullptr);
}

// Images keep one scale and shift per channel.
bool is_image_parameter(const Node& norm, const Affine& affine) {
  return affine.axis >= 0 && norm.out().shape().size() > 3;
}

}  // namespace

Array repeated(const Array& array, const Shape& shape) {
  ops::Expand expand;
  expand.shape = shape;
  return expand.evaluate({&array})[0];
}

bool merge_parameters(Graph& graph, PassLog& log, Node* node, bool channels_first) {
  const std::optional<Operand> operand = as_operand(*node);
  const std::optional<Affine> affine = as_affine(*node);
  Value* x = operand ? node->inputs[operand->x] : affine ? affine->x : nullptr;
  if (x == nullptr || !is_norm(x->producer) || !single_use(graph, x) || !mergeable(*node)) return false;
  Node* norm = x->producer;
  const bool is_row = norm->as<ops::RowNorm>() != nullptr, may_become_image = channels_first || !is_row;
  if (affine && may_become_image && is_image_parameter(*norm, *affine) &&
      merge_into_channels(graph, log, norm, node, *affine))
    return true;
  if (operand && !has_activation(*norm) && has_constant_parameters(*norm)) {
    if (is_row && merge_into_row(graph, log, norm, node, *operand)) return true;
    if (channels_first && (!affine || affine->axis > 1) && merge_into_row_of_group(graph, log, norm, node, *operand))
      return true;
  }
  return affine && may_become_image && merge_into_channels(graph, log, norm, node, *affine);
}

}  // namespace linnet::passes
