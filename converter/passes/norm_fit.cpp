#include "converter/passes/norm_fit.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <unordered_map>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::passes {

namespace {

using namespace linnet::ir;
using kernels::NormKind;
using Values = std::vector<double>;

constexpr double kTolerance = 1e-6;  // of verification, relative to the largest element
constexpr double kRounding = 1e-8;   // below it, differences of fitted parameters are rounding
constexpr double kLarge = 1e3;       // samples of this size see no epsilon, or little of it
constexpr double kSmallest = 1e-18;  // samples of this size see an epsilon of 1e-30 still
constexpr double kScaleStep = 1e-2;  // from one sample of falling size to the next
constexpr int64_t kSampledElements = 4096, kLeastLength = 4;

double largest(const Values& values) {
  double result = 0.0;
  for (const double value : values) result = std::max(result, std::abs(value));
  return result;
}

bool all_finite(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

bool agree(const Values& a, const Values& b, double tolerance) {
  if (!all_finite(a) || !all_finite(b)) return false;
  const double scale = std::max(largest(a), largest(b));
  for (size_t i = 0; i < a.size(); ++i)
    if (std::abs(a[i] - b[i]) > tolerance * scale) return false;
  return true;
}

// The subgraph on tensors that keep only one element of every dimension along which it treats all elements alike, and
// fewer of long dimensions that it reduces: kSampledElements together, where that can be. Sums over fewer elements are
// scaled to those over all. With whole constants, dimensions along which constants vary keep all of their elements.
class SampledSubgraph {
 public:
  SampledSubgraph(const ReductionSubgraph& subgraph, bool whole_constants)
      : subgraph_(subgraph), axes_(reduced_axes(subgraph)), shape_(subgraph.variable->shape()) {
    for (size_t d = 0; d < shape_.size(); ++d)
      if (!is_reduced(d) && !constants_vary(d)) shape_[d] = 1;
    if (multiplies()) return;
    int64_t longest = *std::max_element(shape_.begin(), shape_.end());
    while (element_count(shape_) > kSampledElements && longest > kLeastLength) {
      longest /= 2;
      for (size_t d = 0; d < shape_.size(); ++d)
        if (!whole_constants || !constants_vary(d)) shape_[d] = std::min(shape_[d], longest);
    }
  }

  // Elements that are normalized together in the subgraph itself.
  int64_t reduced_count() const {
    int64_t count = 1;
    for (const int64_t axis : axes_) count *= subgraph_.variable->shape()[static_cast<size_t>(axis)];
    return count;
  }
  // Whether an array of these sizes, with 1 where nothing varies, holds for the whole tensor.
  bool holds_for_all(const Shape& sizes) const {
    for (size_t d = 0; d < shape_.size(); ++d) {
      const bool shortened = (is_reduced(d) || constants_vary(d)) && shape_[d] != subgraph_.variable->shape()[d];
      if (shortened && (constants_vary(d) || sizes[d] > 1)) return false;
    }
    return true;
  }
  const Shape& shape() const { return shape_; }
  const std::vector<int64_t>& axes() const { return axes_; }

  Values evaluate(const Values& sample) const {
    std::unordered_map<const Value*, Array> arrays;
    const Value& result = subgraph_.nodes.back()->out();
    arrays[subgraph_.variable] = Array::of_doubles(shape_, sample, subgraph_.variable->type.dtype);
    for (const Node* node : subgraph_.nodes) {
      std::vector<const Array*> inputs;
      for (const Value* value : node->inputs) {
        if (value->constant) arrays[value] = sampled(*value->constant);
        inputs.push_back(&arrays.at(value));
      }
      arrays[&node->out()] = evaluated(*node, inputs);
    }
    const Array& y = arrays.at(&result);
    return y.shape() == shape_ ? y.doubles() : expanded(y).doubles();
  }

 private:
  const ReductionSubgraph& subgraph_;
  std::vector<int64_t> axes_;
  Shape shape_;

  bool is_reduced(size_t dimension) const {
    return std::binary_search(axes_.begin(), axes_.end(), static_cast<int64_t>(dimension));
  }

  bool constants_vary(size_t dimension) const {
    const size_t from_last = shape_.size() - dimension;
    for (const Node* node : subgraph_.nodes) {
      for (const Value* value : node->inputs) {
        const Shape& shape = value->shape();
        if (value->constant && shape.size() >= from_last && shape[shape.size() - from_last] > 1) return true;
      }
    }
    return false;
  }

  bool multiplies() const {
    return std::any_of(subgraph_.nodes.begin(), subgraph_.nodes.end(), [](const Node* node) {
      const auto* reduce = node->as<ops::Reduce>();
      return reduce != nullptr && reduce->kind == kernels::ReduceKind::Prod;
    });
  }

  // Evenly spaced elements of a constant.
  Array sampled(const Array& constant) const {
    const Shape& whole = subgraph_.variable->shape();
    Shape shape = constant.shape();
    const std::vector<int64_t> strides = row_major_strides(shape);
    if (shape.size() > shape_.size()) return constant;
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] > 1) shape[d] = shape_[d + shape_.size() - shape.size()];
    if (shape == constant.shape()) return constant;
    std::vector<int64_t> source(static_cast<size_t>(element_count(shape)));
    for (size_t i = 0; i < source.size(); ++i) {
      auto rest = static_cast<int64_t>(i);
      for (size_t d = shape.size(); d-- > 0; rest /= shape[d]) {
        const int64_t size = shape[d] > 1 ? whole[d + shape_.size() - shape.size()] : 1;
        source[i] += rest % shape[d] * size / shape[d] * strides[d];
      }
    }
    return constant.gathered(shape, source);
  }

  Array evaluated(const Node& node, const std::vector<const Array*>& inputs) const {
    if (node.as<ops::Expand>() != nullptr) return expanded(*inputs[0]);
    Array output = node.op->evaluate(inputs)[0];
    const auto* reduce = node.as<ops::Reduce>();
    if (reduce == nullptr || inputs[0]->shape() == node.in(0).shape()) return output;
    double ratio = 1.0;
    for (const int64_t axis : reduce->axes) {
      const auto d = static_cast<size_t>(axis);
      ratio *= static_cast<double>(node.in(0).shape()[d]) / static_cast<double>(inputs[0]->shape()[d]);
    }
    using kernels::ReduceKind;
    if (reduce->kind == ReduceKind::L2) ratio = std::sqrt(ratio);
    const bool sums = reduce->kind == ReduceKind::Sum || reduce->kind == ReduceKind::L1 ||
                      reduce->kind == ReduceKind::L2 || reduce->kind == ReduceKind::SumSquare;
    if (!sums || ratio == 1.0) return output;
    Values values = output.doubles();
    for (double& value : values) value *= ratio;
    return Array::of_doubles(output.shape(), std::move(values), output.dtype());
  }

  Array expanded(const Array& array) const {
    ops::Expand expand;
    expand.shape = shape_;
    return expand.evaluate({&array})[0];
  }
};

// Differences from the mean over the axes (Layer) or the elements themselves, and the mean of their squares at every
// element.
struct Centred {
  Values difference, variance;
};

Values mean_over(const Values& x, const Shape& shape, const std::vector<int64_t>& axes) {
  ops::Reduce mean;
  mean.axes = axes;
  const Array array = Array::of_doubles(shape, x);
  const Array reduced = mean.evaluate({&array})[0];
  ops::Expand expand;
  expand.shape = shape;
  return expand.evaluate({&reduced})[0].doubles();
}

Centred centred(const Values& x, const Shape& shape, const std::vector<int64_t>& axes, NormKind kind) {
  Centred result{x, {}};
  if (kind == NormKind::Layer) {
    const Values mean = mean_over(x, shape, axes);
    for (size_t i = 0; i < x.size(); ++i) result.difference[i] -= mean[i];
  }
  Values squares = result.difference;
  for (double& value : squares) value *= value;
  result.variance = mean_over(squares, shape, axes);
  return result;
}

class Fitter {
 public:
  Fitter(const ReductionSubgraph& subgraph, bool whole_constants)
      : graph_(subgraph, whole_constants), generator_(20), count_(graph_.reduced_count()) {
    unit_ = sample();
  }

  // Whether what was fitted to a part of the elements is known of all.
  bool holds_for_all(const FittedNorm& norm) const {
    return graph_.holds_for_all(norm.gain.shape()) && graph_.holds_for_all(norm.shift.shape());
  }

  std::optional<FittedNorm> run() {
    if (count_ < 2) return std::nullopt;
    large_ = odd_part(kLarge);
    // Every normalization forgets the size of large inputs.
    if (!agree(large_, odd_part(kLarge * 10.0), 1e-4) || largest(large_) == 0.0) return std::nullopt;
    const bool layer =
        agree(graph_.evaluate(scaled(unit_, kLarge)), graph_.evaluate(scaled(unit_, kLarge, kLarge)), 1e-7);
    if (!find_saturated()) return std::nullopt;
    if (layer) return fit(NormKind::Layer);
    std::optional<FittedNorm> rms = fit(NormKind::Rms);
    if (rms && needs_no_gain(*rms)) return rms;
    std::optional<FittedNorm> l2 = fit(NormKind::L2);
    return l2 && (!rms || needs_no_gain(*l2)) ? l2 : rms;
  }

 private:
  SampledSubgraph graph_;
  std::minstd_rand generator_;
  int64_t count_;  // elements that are normalized together
  Values unit_, large_, shift_;
  double small_ = 0.0;  // size of the sample whose variance is far below epsilon; 0: there is no epsilon
  Values saturated_;    // its odd part

  Values sample() {
    Values values(static_cast<size_t>(element_count(graph_.shape())));
    std::uniform_real_distribution<double> magnitude(0.25, 2.0);
    for (double& value : values) value = generator_() % 2 == 0 ? magnitude(generator_) : -magnitude(generator_);
    return values;
  }

  static Values scaled(Values values, double factor, double offset = 0.0) {
    for (double& value : values) value = value * factor + offset;
    return values;
  }

  Values odd_part(double size) {
    Values odd = graph_.evaluate(scaled(unit_, size));
    const Values mirrored = graph_.evaluate(scaled(unit_, -size));
    shift_.resize(odd.size());
    for (size_t i = 0; i < odd.size(); ++i) {
      shift_[i] = (odd[i] + mirrored[i]) / 2.0;
      odd[i] = (odd[i] - mirrored[i]) / 2.0;
    }
    return odd;
  }

  // Far below epsilon the output is proportional to the input; without one it is always that of the large sample. False
  // where neither is seen: what is added to the input, as its mean, may hide an epsilon.
  bool find_saturated() {
    const Values shift = shift_;
    Values before = odd_part(1.0);
    for (double size = kScaleStep; size >= kSmallest; size *= kScaleStep) {
      const Values odd = odd_part(size);
      if (!all_finite(odd)) return false;
      if (largest(odd) > 0.0 && agree(scaled(odd, 1.0 / kScaleStep), before, 1e-5) &&
          largest(odd) < 1e-3 * largest(large_)) {
        small_ = size;
        saturated_ = odd;
        break;
      }
      before = odd;
    }
    shift_ = shift;
    return small_ > 0.0 || agree(before, large_, 1e-3);
  }

  static bool needs_no_gain(const FittedNorm& norm) {
    return norm.gain.size() == 1 && std::abs(norm.gain.number(0) - 1.0) <= kRounding;
  }

  std::optional<FittedNorm> fit(NormKind kind) {
    std::optional<FittedNorm> inside = fit(kind, false);
    return inside || small_ == 0.0 ? inside : fit(kind, true);
  }

  std::optional<FittedNorm> fit(NormKind kind, bool epsilon_outside) {
    const Centred x = centred(unit_, graph_.shape(), graph_.axes(), kind);
    FittedNorm norm{kind, epsilon(kind, epsilon_outside, x), epsilon_outside, {}, {}};
    if (!std::isfinite(norm.epsilon) || norm.epsilon < 0.0) return std::nullopt;
    Values gain(large_.size());
    for (size_t i = 0; i < gain.size(); ++i)
      gain[i] = large_[i] / (normalize(kLarge * x.difference[i], kLarge * kLarge * x.variance[i], norm));
    if (!all_finite(gain)) return std::nullopt;
    if (!verify(norm, gain)) return std::nullopt;
    norm.gain = without_repetition(gain, largest(gain));
    norm.shift = without_repetition(shift_, std::max(largest(shift_), largest(gain)));
    return norm;
  }

  // The length of a row or its root mean square, from the mean of the squares.
  double size_of(NormKind kind, double variance) const {
    return std::sqrt(kind == NormKind::L2 ? variance * static_cast<double>(count_) : variance);
  }

  double normalize(double difference, double variance, const FittedNorm& norm) const {
    const double size = size_of(norm.kind, variance);
    if (norm.epsilon_outside) return difference / (size + norm.epsilon);
    if (norm.kind == NormKind::L2) return difference / std::max(size, norm.epsilon);
    return difference / std::sqrt(variance + norm.epsilon);
  }

  // From the ratio of the outputs of the large and the tiny sample, at the element that the gain makes largest.
  double epsilon(NormKind kind, bool outside, const Centred& x) const {
    if (small_ == 0.0) return 0.0;
    const auto i = static_cast<size_t>(
        std::max_element(large_.begin(), large_.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }) -
        large_.begin());
    const double ratio = saturated_[i] / large_[i], variance = x.variance[i], size = size_of(kind, variance);
    if (outside) return size * small_ * kLarge * (1.0 - ratio) / (ratio * kLarge - small_);
    if (kind == NormKind::L2) return size * small_ / ratio;
    const double squared = ratio * ratio, large = kLarge * kLarge, small = small_ * small_;
    return variance * small * large * (1.0 - squared) / (squared * large - small);
  }

  bool verify(const FittedNorm& norm, const Values& gain) {
    const bool of_variance = norm.kind != NormKind::L2 && !norm.epsilon_outside;
    const double threshold = of_variance ? std::sqrt(norm.epsilon) : norm.epsilon;
    std::vector<std::pair<double, double>> samples = {{1.0, 0.0}, {37.0, 0.0}};  // size and offset
    if (threshold > 0.0) {
      for (const double size : {0.3, 1.0, 4.0}) samples.emplace_back(size * threshold, 0.0);
    }
    if (norm.kind == NormKind::Layer) {
      samples.emplace_back(1.0, 5.0);
      samples.emplace_back(1.0, 1e3);
    } else {
      samples.emplace_back(1.0, 0.5);
    }
    return std::all_of(samples.begin(), samples.end(), [&](const std::pair<double, double>& size_and_offset) {
      const Values x = scaled(sample(), size_and_offset.first, size_and_offset.second);
      const Centred parts = centred(x, graph_.shape(), graph_.axes(), norm.kind);
      Values wanted(x.size());
      for (size_t i = 0; i < x.size(); ++i)
        wanted[i] = normalize(parts.difference[i], parts.variance[i], norm) * gain[i] + shift_[i];
      return agree(graph_.evaluate(x), wanted, kTolerance);
    });
  }

  // Only one element of every dimension along which the values do not vary.
  Array without_repetition(const Values& values, double scale) const {
    const Shape& full = graph_.shape();
    const std::vector<int64_t> strides = row_major_strides(full);
    Shape shape = full;
    for (size_t d = 0; d < full.size(); ++d) {
      bool varies = false;
      for (size_t i = 0; i < values.size() && !varies; ++i) {
        const size_t stride = static_cast<size_t>(strides[d]);
        const size_t first = i - i / stride % static_cast<size_t>(full[d]) * stride;
        varies = std::abs(values[i] - values[first]) > kRounding * scale;
      }
      if (!varies) shape[d] = 1;
    }
    return Array::of_doubles(full, values).gathered(shape, strided_offsets(shape, strides));
  }
};

}  // namespace

std::vector<int64_t> reduced_axes(const ReductionSubgraph& subgraph) {
  std::set<int64_t> axes;
  const size_t rank = subgraph.variable->shape().size();
  for (const Node* node : subgraph.nodes) {
    const auto* reduce = node->as<ops::Reduce>();
    if (reduce == nullptr) continue;
    for (const int64_t axis : reduce->axes) axes.insert(axis + static_cast<int64_t>(rank - node->in(0).shape().size()));
  }
  return {axes.begin(), axes.end()};
}

std::optional<FittedNorm> fit_norm(const ReductionSubgraph& subgraph) {
  for (const bool whole_constants : {false, true}) {
    Fitter fitter(subgraph, whole_constants);
    std::optional<FittedNorm> norm = fitter.run();
    if (!norm || fitter.holds_for_all(*norm)) return norm;
  }
  return std::nullopt;
}

}  // namespace linnet::passes
