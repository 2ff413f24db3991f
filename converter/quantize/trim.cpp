#include "converter/quantize/trim.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

// How far from `from` towards `to` the function stays within `tolerance` of what it is there.
double flat_end(const Activation& function, double from, double to, double tolerance) {
  constexpr int kPoints = 1024;
  double end = from, least = ops::apply(function, from), most = least;
  for (int i = 1; i < kPoints; ++i) {
    const double x = from + (to - from) * i / kPoints, y = ops::apply(function, x);
    least = std::min(least, y);
    most = std::max(most, y);
    if (std::max(most - y, y - least) <= tolerance) end = x;
  }
  return end;
}

Range trimmed(const Range& range, const Activation& function, const Range& outputs) {
  const double tolerance = static_cast<double>(int8_quantization(outputs).scale()) / 2;
  const double low = flat_end(function, range.low, range.high, tolerance),
               high = flat_end(function, range.high, range.low, tolerance);
  return {std::max(range.low, std::min(low, 0.0)), std::min(range.high, std::max(high, 0.0))};
}

// Of a softmax: all of a row but its greatest number, when they are at the lower end, have half a step together.
Range trimmed(const Range& range, double least_row_maximum, int64_t columns) {
  const double distance = std::log(512.0 * static_cast<double>(columns));
  return {std::max(range.low, std::min(least_row_maximum - distance, range.high)), range.high};
}

std::optional<Range> trimmed(const Node& node, const Statistics& statistics) {
  const std::string& name = node.in(0).name;
  const auto range = statistics.ranges.find(name), outputs = statistics.ranges.find(node.out().name);
  if (range == statistics.ranges.end() || outputs == statistics.ranges.end()) return std::nullopt;
  if (const auto* unary = node.as<ops::Unary>()) return trimmed(range->second, unary->function, outputs->second);
  const auto* softmax = node.as<ops::Softmax>();
  if (softmax == nullptr || softmax->log || softmax->axis + 1 != static_cast<int64_t>(node.in(0).shape().size()))
    return std::nullopt;
  return trimmed(range->second, statistics.least_row_maxima.at(name), node.in(0).shape().back());
}

}  // namespace

void trim_ranges(const Graph& graph, Statistics* statistics) {
  for (const auto& node : graph.nodes()) {
    if (node->inputs.empty() || node->inputs[0] == nullptr || !passes::single_use(graph, node->inputs[0])) continue;
    const std::optional<Range> range = trimmed(*node, *statistics);
    const std::string& name = node->in(0).name;
    if (range && *range != statistics->ranges.at(name)) statistics->ranges[name] = statistics->trimmed[name] = *range;
  }
}

}  // namespace linnet::quantize
