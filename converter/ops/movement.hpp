// A strided movement of elements: what every operator that only moves data comes down to, both in the reference
// evaluator and on the device (Copy).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "converter/emit/context.hpp"
#include "converter/ir/graph.hpp"

namespace linnet::ops {

// out[out_offset + sum i_d out_strides[d]] = in[in_offset + sum i_d in_strides[d]] for all 0 <= i_d < shape[d]
struct Movement {
  ir::Shape shape;
  std::vector<int64_t> in_strides, out_strides;
  int64_t in_offset = 0, out_offset = 0;

  void add_dimension(int64_t size, int64_t in_stride, int64_t out_stride);
};

// A dense tensor of `shape` filled from dense `x`; elements that the movement leaves out are `fill`.
ir::Array moved(const ir::Array& x, const ir::Shape& shape, const Movement& movement, double fill = 0.0);

// Adds a Copy from input `index` to output 0; `fill` first sets the whole output. Nothing is added for a movement of no
// elements.
void emit_movement(const ir::Node& node, size_t index, const Movement& movement, emit::Context& context,
                   std::optional<double> fill = std::nullopt);

}  // namespace linnet::ops
