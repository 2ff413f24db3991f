#include "converter/passes/affine.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using kernels::BinaryFunction;

std::optional<Affine> of_batch_norm(const Node& node, const ops::BatchNorm& norm) {
  for (size_t i = 1; i < 5; ++i)
    if (!node.in(i).constant) return std::nullopt;
  Affine affine{node.inputs[0], norm.axis, node.in(1).constant->doubles(), node.in(2).constant->doubles()};
  const std::vector<double> mean = node.in(3).constant->doubles(), variance = node.in(4).constant->doubles();
  for (size_t c = 0; c < mean.size(); ++c) {
    affine.scale[c] /= std::sqrt(variance[c] + norm.epsilon);
    affine.shift[c] -= mean[c] * affine.scale[c];
  }
  return affine;
}

// The axis along which a constant that is broadcast to `shape` varies: -1 for none; nothing for several.
std::optional<int64_t> varying_axis(const Shape& constant, const Shape& shape) {
  int64_t axis = -1;
  for (size_t d = 0; d < constant.size(); ++d) {
    if (constant[d] == 1) continue;
    if (axis >= 0) return std::nullopt;
    axis = static_cast<int64_t>(shape.size() - constant.size() + d);
  }
  return axis;
}

std::optional<Affine> of_binary(const Node& node, const ops::Binary& binary) {
  const BinaryFunction f = binary.function;
  if (binary.fused.function != Function::Identity || f > BinaryFunction::Div) return std::nullopt;
  const size_t operand = node.in(0).constant ? 0 : 1;
  const Value& x = node.in(1 - operand);
  if (!node.in(operand).constant || x.constant || x.type != node.out().type || !is_floating(x)) return std::nullopt;
  if (f == BinaryFunction::Div && operand == 0) return std::nullopt;
  const std::optional<int64_t> axis = varying_axis(node.in(operand).shape(), x.shape());
  if (!axis) return std::nullopt;
  const std::vector<double> values = node.in(operand).constant->doubles();
  const auto is_normal = [](double value) { return std::isnormal(static_cast<float>(1.0 / value)); };
  if (f == BinaryFunction::Div && !std::all_of(values.begin(), values.end(), is_normal)) return std::nullopt;
  Affine affine{node.inputs[1 - operand], *axis, std::vector<double>(values.size(), 1.0),
                std::vector<double>(values.size(), 0.0)};
  for (size_t c = 0; c < values.size(); ++c) {
    if (f == BinaryFunction::Mul) affine.scale[c] = values[c];
    if (f == BinaryFunction::Div) affine.scale[c] = 1.0 / values[c];
    if (f == BinaryFunction::Add) affine.shift[c] = values[c];
    if (f == BinaryFunction::Sub) affine.shift[c] = operand == 0 ? values[c] : -values[c];
    if (f == BinaryFunction::Sub && operand == 0) affine.scale[c] = -1.0;
  }
  return affine;
}

// Element strides within a run of dimensions: the coordinate along dimension d of element k is k / stride % shape[d].
int64_t stride_within(const Shape& shape, size_t d, size_t end) {
  int64_t stride = 1;
  for (size_t i = d + 1; i < end; ++i) stride *= shape[i];
  return stride;
}

constexpr double kCancelled = 0x1p8, kLargest = 0x1p62, kSmallest = 0x1p-62;

double largest(const std::vector<double>& values) {
  double result = 0.0;
  for (const double value : values) result = std::max(result, std::fabs(value));
  return result;
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

bool is_usual(const Affine& affine) {
  return all_finite(affine.scale) && all_finite(affine.shift) && mergeable_factor(largest(affine.scale)) &&
         largest(affine.shift) <= kLargest;
}

// Whether `second` takes away what `first` adds.
bool cancels(const Affine& first, const Affine& second) {
  const std::optional<Affine> both = chained(first, second);
  if (!both) return false;
  const auto channels = static_cast<int64_t>(both->scale.size());
  const std::optional<Affine> a = along(first, both->axis, channels), b = along(second, both->axis, channels);
  for (size_t c = 0; c < both->scale.size(); ++c)
    if (std::fabs(a->shift[c] * b->scale[c]) > kCancelled * (std::fabs(both->scale[c]) + std::fabs(both->shift[c])))
      return true;
  return false;
}

// Whether `node` takes away what the nearest Affine before it adds.
bool cancels_previous(const Node& node) {
  std::optional<Affine> factors = as_affine(node);
  const Value* value = factors ? factors->x : nullptr;
  while (factors && value->producer != nullptr) {
    if (const auto first = as_affine(*value->producer)) return cancels(*first, *factors);
    factors = before_view(*factors, *value->producer);
    if (factors) value = value->producer->inputs[0];
  }
  return false;
}

bool is_cancelled(const Value& value) {
  return std::any_of(value.uses.begin(), value.uses.end(), [](const Use& use) {
    const bool view = use.node->as<ops::Reshape>() || use.node->as<ops::Transpose>() || use.node->as<ops::Slice>();
    return view ? is_cancelled(use.node->out()) : cancels_previous(*use.node);
  });
}

}  // namespace

bool mergeable_factor(double factor) {
  return factor == 0.0 || (std::fabs(factor) >= kSmallest && std::fabs(factor) <= kLargest);
}

bool mergeable(const Node& node) {
  const std::optional<Affine> affine = as_affine(node);
  return !affine || (is_usual(*affine) && !cancels_previous(node) && !is_cancelled(node.out()));
}

bool fits_float32(const std::vector<double>& before, const std::vector<double>& after) {
  bool vanishes = false;
  for (size_t i = 0; i < after.size(); ++i) {
    if (std::isfinite(before[i]) && !(std::fabs(after[i]) <= FLT_MAX)) return false;
    vanishes = vanishes || (std::fabs(before[i]) >= FLT_MIN && std::fabs(after[i]) < FLT_MIN && after[i] != 0.0);
  }
  return !vanishes || largest(after) >= kSmallest;
}

std::optional<Affine> before_view(const Affine& affine, const Node& view) {
  if (view.as<ops::Reshape>() != nullptr) return through_reshape(affine, view, false);
  Affine result = affine;
  const auto axis = static_cast<size_t>(affine.axis);
  if (const auto* transpose = view.as<ops::Transpose>()) {
    if (affine.axis >= 0) result.axis = transpose->permutation[axis];
    return result;
  }
  const auto* slice = view.as<ops::Slice>();
  if (slice == nullptr) return std::nullopt;
  if (affine.axis < 0) return result;
  result.scale.assign(static_cast<size_t>(view.in(0).shape()[axis]), 1.0);
  result.shift.assign(result.scale.size(), 0.0);
  for (size_t c = 0; c < affine.scale.size(); ++c) {
    const auto source = static_cast<size_t>(slice->starts[axis] + static_cast<int64_t>(c) * slice->steps[axis]);
    result.scale[source] = affine.scale[c];
    result.shift[source] = affine.shift[c];
  }
  return result;
}

std::optional<Affine> behind_view(const Affine& affine, const Node& view) {
  if (view.as<ops::Reshape>() != nullptr) return through_reshape(affine, view, true);
  Affine result = affine;
  if (const auto* transpose = view.as<ops::Transpose>()) {
    const auto& order = transpose->permutation;
    if (affine.axis >= 0) result.axis = std::find(order.begin(), order.end(), affine.axis) - order.begin();
    return result;
  }
  const auto* slice = view.as<ops::Slice>();
  if (slice == nullptr) return std::nullopt;
  if (affine.axis < 0) return result;
  const auto axis = static_cast<size_t>(affine.axis);
  result.scale.clear();
  result.shift.clear();
  for (int64_t c = 0; c < slice->shape[axis]; ++c) {
    const auto source = static_cast<size_t>(slice->starts[axis] + c * slice->steps[axis]);
    result.scale.push_back(affine.scale[source]);
    result.shift.push_back(affine.shift[source]);
  }
  return result;
}

std::optional<Affine> as_affine(const Node& node) {
  if (const auto* norm = node.as<ops::BatchNorm>()) return of_batch_norm(node, *norm);
  if (const auto* binary = node.as<ops::Binary>()) return of_binary(node, *binary);
  const auto* scale_shift = node.as<ops::ScaleShift>();
  if (scale_shift == nullptr || scale_shift->fused.function != Function::Identity) return std::nullopt;
  return Affine{node.inputs[0], scale_shift->axis, node.in(1).constant->doubles(), node.in(2).constant->doubles()};
}

std::optional<Affine> through_reshape(const Affine& affine, const Node& reshape, bool forward) {
  const auto uniform = [](const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
  };
  if (!affine.scale.empty() && uniform(affine.scale) && uniform(affine.shift))
    return Affine{nullptr, -1, {affine.scale[0]}, {affine.shift[0]}};
  const Shape& near = forward ? reshape.in(0).shape() : reshape.out().shape();
  const Shape& far = forward ? reshape.out().shape() : reshape.in(0).shape();
  const size_t axis = static_cast<size_t>(affine.axis);
  for (const Segment& run : segments(near, far)) {
    if (axis < run.from_begin || axis >= run.from_end) continue;
    const int64_t near_stride = stride_within(near, axis, run.from_end);
    int64_t elements = 1;
    for (size_t d = run.from_begin; d < run.from_end; ++d) elements *= near[d];
    for (size_t d = run.to_begin; d < run.to_end; ++d) {
      const int64_t far_stride = stride_within(far, d, run.to_end);
      std::vector<int64_t> source(far[d], -1);
      bool depends_on_d_only = true;
      for (int64_t k = 0; k < elements && depends_on_d_only; ++k) {
        int64_t& channel = source[k / far_stride % far[d]];
        const int64_t wanted = k / near_stride % near[axis];
        depends_on_d_only = channel < 0 || (affine.scale[channel] == affine.scale[wanted] &&
                                            affine.shift[channel] == affine.shift[wanted]);
        channel = wanted;
      }
      if (!depends_on_d_only) continue;
      Affine result{nullptr, static_cast<int64_t>(d), {}, {}};
      for (const int64_t channel : source) {
        result.scale.push_back(affine.scale[channel]);
        result.shift.push_back(affine.shift[channel]);
      }
      return result;
    }
  }
  return std::nullopt;
}

std::optional<Affine> along(const Affine& affine, int64_t axis, int64_t channels) {
  Affine result = affine;
  if (affine.axis < 0) {
    result.axis = axis;
    result.scale.assign(channels, affine.scale[0]);
    result.shift.assign(channels, affine.shift[0]);
  } else if (affine.axis != axis) {
    return std::nullopt;
  }
  return result;
}

std::optional<Affine> chained(const Affine& first, const Affine& second) {
  const Affine& wider = first.axis >= 0 ? first : second;
  const auto channels = static_cast<int64_t>(wider.scale.size());
  const std::optional<Affine> a = along(first, wider.axis, channels), b = along(second, wider.axis, channels);
  if (!a || !b) return std::nullopt;
  Affine result = *a;
  for (size_t c = 0; c < result.scale.size(); ++c) {
    result.scale[c] = a->scale[c] * b->scale[c];
    result.shift[c] = a->shift[c] * b->scale[c] + b->shift[c];
  }
  return result;
}

}  // namespace linnet::passes
