#include "converter/ops/broadcast.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "converter/ir/error.hpp"

namespace linnet::ops {

using namespace linnet::ir;

Shape broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape result(rank);
  for (size_t d = 0; d < rank; ++d) {
    const int64_t a_size = d + a.size() < rank ? 1 : a[d + a.size() - rank];
    const int64_t b_size = d + b.size() < rank ? 1 : b[d + b.size() - rank];
    if (a_size != b_size && a_size != 1 && b_size != 1) {
      throw Error(
          fmt::format("shapes {} and {} do not broadcast: dimensions must be equal or 1", to_string(a), to_string(b)));
    }
    result[d] = a_size == 1 ? b_size : a_size;
  }
  return result;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.size() > to.size()) return false;
  return std::equal(from.rbegin(), from.rend(), to.rbegin(), [](int64_t a, int64_t b) { return a == b || a == 1; });
}

std::vector<int64_t> broadcast_strides(const Shape& from, const std::vector<int64_t>& strides, const Shape& to) {
  std::vector<int64_t> result(to.size(), 0);
  const size_t missing = to.size() - from.size();
  for (size_t d = 0; d < from.size(); ++d) result[d + missing] = from[d] == 1 ? 0 : strides[d];
  return result;
}

std::vector<int64_t> broadcast_strides(const Shape& from, const Shape& to) {
  return broadcast_strides(from, row_major_strides(from), to);
}

void StridedLoop::merge() {
  size_t kept = 0;
  const auto move = [&](size_t to, size_t from) {
    shape[to] = shape[from];
    for (auto& tensor : strides) tensor[to] = tensor[from];
  };
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    const bool even = kept > 0 && std::all_of(strides.begin(), strides.end(), [&](const std::vector<int64_t>& tensor) {
                        return tensor[kept - 1] == tensor[d] * shape[d];
                      });
    if (even) {
      const int64_t outer = shape[kept - 1];
      move(kept - 1, d);
      shape[kept - 1] *= outer;
    } else {
      move(kept++, d);
    }
  }
  shape.resize(kept);
  for (auto& tensor : strides) tensor.resize(kept);
  if (kept > 0) return;
  shape = {1};
  for (auto& tensor : strides) tensor = {1};
}

Permutation inverse(const Permutation& permutation) {
  Permutation result(permutation.size());
  for (size_t d = 0; d < permutation.size(); ++d) result[static_cast<size_t>(permutation[d])] = static_cast<int64_t>(d);
  return result;
}

std::vector<int64_t> permute(const std::vector<int64_t>& values, const Permutation& permutation) {
  std::vector<int64_t> result(permutation.size());
  for (size_t d = 0; d < permutation.size(); ++d) result[d] = values[static_cast<size_t>(permutation[d])];
  return result;
}

}  // namespace linnet::ops
