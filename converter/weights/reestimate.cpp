#include "converter/weights/reestimate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "converter/import/constants.hpp"
#include "converter/ir/evaluate.hpp"
#include "converter/ops/batch_norm.hpp"
#include "converter/weights/layers.hpp"

namespace linnet::weights {

using namespace ir;

namespace {

constexpr size_t kMean = 3, kVariance = 4;

// One batch of the graph's input per run.
std::vector<std::vector<Array>> runs_of(const Graph& graph, const Array& samples, const std::string& file) {
  const auto fail = [&](const std::string& message) {
    throw Error(fmt::format("--reestimate-bn {}: {}", file, message));
  };
  if (!graph.states.empty()) fail("the model has states; supported are models without");
  if (graph.inputs.size() != 1)
    fail(fmt::format("the model has {} inputs; supported is one, which the data set is for", graph.inputs.size()));
  const TensorType& wanted = graph.inputs[0]->type;
  const Shape& shape = samples.shape();
  const auto same_sample = [&] {
    return std::equal(shape.begin() + 1, shape.end(), wanted.shape.begin() + 1, wanted.shape.end());
  };
  if (wanted.shape.empty() || shape.empty() || shape[0] == 0 || shape[0] % wanted.shape[0] != 0 || !same_sample())
    fail(fmt::format("has shape {}; wanted is a multiple of the input's {} along the first dimension", to_string(shape),
                     to_string(wanted.shape)));
  const size_t batch = static_cast<size_t>(element_count(wanted.shape));
  const std::vector<double> values = samples.doubles();
  const auto bad = std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    const auto index = static_cast<size_t>(bad - values.begin()),
               sample = values.size() / static_cast<size_t>(shape[0]);
    fail(fmt::format("element {} of sample {} is {}; supported are finite numbers", index % sample, index / sample,
                     *bad));
  }
  std::vector<std::vector<Array>> runs;
  for (size_t begin = 0; begin < values.size(); begin += batch) {
    const auto first = values.begin() + static_cast<int64_t>(begin);
    const Array run = Array::of_doubles(wanted.shape, {first, first + static_cast<int64_t>(batch)}, DType::f32);
    runs.push_back({run.cast(wanted.dtype)});
  }
  return runs;
}

// Exporters write the mean and variance of the batch, computed from the input, where there are no running averages.
bool has_statistics(const Node& node) {
  return node.has(kMean) && node.has(kVariance) && is_static(node.inputs[kMean]) && is_static(node.inputs[kVariance]);
}

struct Statistics {
  std::vector<double> mean, variance;
};

// In two passes, so that a large mean costs no digits.
Statistics statistics_of(const std::vector<const Array*>& runs, int64_t axis) {
  const Shape& shape = runs[0]->shape();
  const auto channels = static_cast<size_t>(shape[static_cast<size_t>(axis)]);
  const auto inner = static_cast<size_t>(element_count({shape.begin() + axis + 1, shape.end()}));
  const size_t count_per_channel = runs.size() * runs[0]->size() / channels;
  const double count = static_cast<double>(count_per_channel);
  Statistics result{std::vector<double>(channels), std::vector<double>(channels)};
  for (const Array* x : runs)
    for (size_t i = 0; i < x->size(); ++i) result.mean[i / inner % channels] += x->number(i);
  for (double& mean : result.mean) mean /= count;
  for (const Array* x : runs) {
    for (size_t i = 0; i < x->size(); ++i) {
      const size_t c = i / inner % channels;
      const double centered = x->number(i) - result.mean[c];
      result.variance[c] += centered * centered;
    }
  }
  for (double& variance : result.variance) variance /= count;
  return result;
}

report::StatisticsChange change_of(const Node& node, const Statistics& now, double epsilon) {
  report::StatisticsChange change;
  change.layer = node.name;
  change.channels = static_cast<int64_t>(now.mean.size());
  if (!has_statistics(node)) {
    change.largest_mean_shift = change.smallest_variance_ratio = change.largest_variance_ratio = NAN;
    return change;
  }
  const Array mean = import::Constants().get(&node.in(kMean)), variance = import::Constants().get(&node.in(kVariance));
  change.smallest_variance_ratio = std::numeric_limits<double>::infinity();
  for (size_t c = 0; c < now.mean.size(); ++c) {
    const double before = variance.number(c) + epsilon;
    const double shift = std::abs(now.mean[c] - mean.number(c)) / std::sqrt(before);
    const double ratio = (now.variance[c] + epsilon) / before;
    change.largest_mean_shift = std::max(change.largest_mean_shift, shift);
    change.smallest_variance_ratio = std::min(change.smallest_variance_ratio, ratio);
    change.largest_variance_ratio = std::max(change.largest_variance_ratio, ratio);
  }
  return change;
}

}  // namespace

std::vector<report::StatisticsChange> reestimate_batch_norms(Graph& graph, const Array& samples,
                                                             const std::string& file, passes::PassLog& log) {
  std::unordered_set<const Node*> norms;
  for (const auto& node : graph.nodes())
    if (node->as<ops::BatchNorm>() != nullptr && !is_static(node->inputs[0])) norms.insert(node.get());
  if (norms.empty()) throw Error(fmt::format("--reestimate-bn {}: the model has no batch normalization", file));
  std::vector<report::StatisticsChange> changes;
  evaluate_runs(graph, runs_of(graph, samples, file), [&](Node& node, const std::vector<const Array*>& x) {
    if (norms.count(&node) == 0) return;
    const auto& norm = *node.as<ops::BatchNorm>();
    const Statistics now = statistics_of(x, norm.axis);
    const report::StatisticsChange& change = changes.emplace_back(change_of(node, now, norm.epsilon));
    if (std::isnan(change.largest_mean_shift))
      log.add("{}: statistics where there were none", node.name);
    else
      log.add("{}: means move by up to {:.3g} standard deviations, variances change by factors of {:.3g} to {:.3g}",
              node.name, change.largest_mean_shift, change.smallest_variance_ratio, change.largest_variance_ratio);
    const Shape channels = {change.channels};
    for (const auto& [index, what, values] :
         {std::tuple{kMean, "mean", &now.mean}, std::tuple{kVariance, "variance", &now.variance}}) {
      const std::string name = node.has(index) ? node.in(index).name : fmt::format("{}_{}", node.name, what);
      graph.set_input(&node, index,
                      graph.add_constant(name, Array::of_doubles(channels, *values, node.in(0).type.dtype)));
    }
  });
  remove_unused_constants(graph);
  return changes;
}

namespace {

// What is wrong with the statistics of a batch normalization; empty where nothing is.
std::string problem_of(const Node& node, double epsilon) {
  if (!has_statistics(node))
    return "has no running mean and variance; give samples to take them from (--reestimate-bn calib.npy)";
  const Array variance = import::Constants().get(&node.in(kVariance));
  for (size_t c = 0; c < variance.size(); ++c) {
    if (!(variance.number(c) + epsilon > 0.0))
      return fmt::format(
          "channel {} has the variance {}, supported are numbers whose sum with epsilon, {}, is positive", c,
          variance.number(c), epsilon);
  }
  return "";
}

}  // namespace

void require_statistics(const Graph& graph) {
  std::vector<std::string> problems;
  for (const auto& node : graph.nodes()) {
    const auto* norm = node->as<ops::BatchNorm>();
    const std::string problem = norm != nullptr ? problem_of(*node, norm->epsilon) : "";
    if (!problem.empty()) problems.push_back(fmt::format("node '{}' (BatchNormalization): {}", node->name, problem));
  }
  if (!problems.empty()) throw Problems(std::move(problems));
}

}  // namespace linnet::weights
