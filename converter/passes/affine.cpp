#include "converter/passes/affine.hpp"

#include <algorithm>
#include <cmath>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/elementwise.hpp"
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
  if (f == BinaryFunction::Div && std::find(values.begin(), values.end(), 0.0) != values.end()) return std::nullopt;
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

}  // namespace

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
