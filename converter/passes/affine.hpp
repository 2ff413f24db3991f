// Per-channel multiplications and additions, whichever operator spells them, and their way through reshapes.
#pragma once

#include <optional>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::passes {

// y = scale[i] x + shift[i], i being the coordinate along `axis`.
struct Affine {
  ir::Value* x = nullptr;
  int64_t axis = -1;                 // -1: one scale and shift for all elements
  std::vector<double> scale, shift;  // one per channel
};

// What `node` computes as an Affine of the same output type: BatchNorm, ScaleShift and Binary Add, Sub, Mul and Div
// with a constant that varies along one dimension at most, all without a fused activation.
std::optional<Affine> as_affine(const ir::Node& node);

// The same for the tensor on the other side of a Reshape: `forward` from the Reshape's input to its output. Nothing
// where the factors would vary along more than one dimension there. `x` is left to the caller.
std::optional<Affine> through_reshape(const Affine& affine, const ir::Node& reshape, bool forward);

// One scale and shift for each of `channels` along `axis`; nothing where the factors vary along another axis.
std::optional<Affine> along(const Affine& affine, int64_t axis, int64_t channels);

// first, then second; both vary along the same axis or are uniform.
std::optional<Affine> chained(const Affine& first, const Affine& second);

}  // namespace linnet::passes
