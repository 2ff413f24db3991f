#include "converter/treat/weight_set.hpp"

#include <algorithm>
#include <cmath>

namespace linnet::treat {

size_t Levels::groups() const {
  return grid ? steps.size() : entries.size() / static_cast<size_t>(last + 1);
}

int Levels::nearest(size_t group, double number) const {
  if (grid) {
    if (steps[group] == 0) return std::max(first, 0);
    return static_cast<int>(
        std::clamp(std::round((number - offsets[group]) / steps[group]), double(first), double(last)));
  }
  const auto begin = entries.begin() + static_cast<std::ptrdiff_t>(group) * (last + 1), end = begin + last + 1;
  const auto above = std::lower_bound(begin, end, number);
  if (above == begin) return 0;
  if (above == end) return last;
  const bool below = number - *(above - 1) <= *above - number;
  return static_cast<int>(above - begin) - (below ? 1 : 0);
}

Matrix WeightSet::values(int64_t rows, int64_t columns) const {
  Matrix weights = Matrix::Zero(rows, columns);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t index = row * columns + column;
      if (keeps(index))
        weights(row, column) = levels->value(levels->group(row, column), codes[static_cast<size_t>(index)]);
    }
  return weights;
}

bool WeightSet::holds(const Matrix& weights) const {
  const int64_t count = weights.size();
  if (!kept.empty() && static_cast<int64_t>(kept.size()) != count) return false;
  for (int64_t i = 0; i < count; ++i)
    if (!keeps(i) && weights.data()[i] != 0) return false;
  if (!levels) return true;
  if (static_cast<int64_t>(codes.size()) != count) return false;
  const Matrix wanted = values(weights.rows(), weights.cols());
  for (int64_t i = 0; i < count; ++i)
    if (static_cast<float>(wanted.data()[i]) != static_cast<float>(weights.data()[i])) return false;
  return true;
}

}  // namespace linnet::treat
