// Shapes and strides of operators that combine several tensors. Strides count elements, one per dimension; 0 repeats.
#pragma once

#include <array>
#include <vector>

#include "converter/ir/array.hpp"

namespace linnet::ops {

// The shape that NumPy broadcasting gives; throws ir::Error naming both shapes.
ir::Shape broadcast(const ir::Shape& a, const ir::Shape& b);

// Whether broadcasting a tensor of shape `from` can give exactly `to`.
bool broadcasts_to(const ir::Shape& from, const ir::Shape& to);

// Strides over `to` of a tensor of shape `from` and strides `strides` that broadcasts to it.
std::vector<int64_t> broadcast_strides(const ir::Shape& from, const std::vector<int64_t>& strides, const ir::Shape& to);

// Of a dense tensor.
std::vector<int64_t> broadcast_strides(const ir::Shape& from, const ir::Shape& to);

// A nest of loops over `shape`, with the strides of every tensor in it.
struct StridedLoop {
  ir::Shape shape;
  std::vector<std::vector<int64_t>> strides;

  // Drops dimensions of size 1 and joins neighbours that every tensor steps through evenly. At least one dimension is
  // left.
  void merge();
};

// Calls body(offsets) for every position of `shape` in row-major order, with each tensor's offset in elements.
template <size_t kTensors, class Body>
void for_each_position(const ir::Shape& shape, const std::array<std::vector<int64_t>, kTensors>& strides, Body body) {
  std::vector<int64_t> position(shape.size(), 0);
  std::array<int64_t, kTensors> offsets{};
  const int64_t count = ir::element_count(shape);
  for (int64_t i = 0; i < count; ++i) {
    body(offsets);
    for (size_t d = shape.size(); d-- > 0;) {
      const bool carry = ++position[d] == shape[d];
      for (size_t t = 0; t < kTensors; ++t) offsets[t] += carry ? strides[t][d] * (1 - shape[d]) : strides[t][d];
      if (!carry) break;
      position[d] = 0;
    }
  }
}

// Position of each old dimension among the new ones: inverse(p)[p[d]] == d.
ir::Permutation inverse(const ir::Permutation& permutation);

// shape[permutation[d]] for every d; works for strides as well.
std::vector<int64_t> permute(const std::vector<int64_t>& values, const ir::Permutation& permutation);

}  // namespace linnet::ops
