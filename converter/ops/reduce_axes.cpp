#include "converter/ops/reduce_axes.hpp"

#include <algorithm>

namespace linnet::ops {

using namespace linnet::ir;

namespace {

size_t index(int64_t axis) {
  return static_cast<size_t>(axis);
}

}  // namespace

std::vector<std::vector<int64_t>> adjacent_runs(const std::vector<int64_t>& axes, const Shape& shape) {
  std::vector<std::vector<int64_t>> runs;
  const auto large = [&](int64_t axis) { return shape[index(axis)] != 1; };
  for (const int64_t axis : axes) {
    bool separated = runs.empty();
    if (!runs.empty() && large(axis)) {
      const auto last = std::find_if(runs.back().rbegin(), runs.back().rend(), large);
      separated = last != runs.back().rend() &&
                  std::any_of(shape.begin() + *last + 1, shape.begin() + axis, [](int64_t size) { return size != 1; });
    }
    if (separated) runs.emplace_back();
    runs.back().push_back(axis);
  }
  return runs;
}

AxisSplit reduced_view(const std::vector<int64_t>& run, const Shape& shape) {
  AxisSplit view;
  const auto large = [&](int64_t axis) { return shape[index(axis)] != 1; };
  const auto first = std::find_if(run.begin(), run.end(), large);
  const auto last = std::find_if(run.rbegin(), run.rend(), large);
  const int64_t begin = first == run.end() ? static_cast<int64_t>(shape.size()) : *first;
  const int64_t end = last == run.rend() ? begin : *last + 1;
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d) {
    (d < begin ? view.outer : d < end ? view.size : view.inner) *= shape[index(d)];
  }
  return view;
}

}  // namespace linnet::ops
