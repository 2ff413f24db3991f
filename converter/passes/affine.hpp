// Per-channel multiplications and additions, whichever operator spells them, and their way through reshapes.
//
// What may be merged. Passes compute with constants in double and round once, so that a merged constant is at most as
// inexact as the arithmetic of the source. That holds for numbers as networks have them, but not where the source means
// float32's limits:
// - (x + c) - c rounds x to a multiple of c's last place. An addition that a later one takes away, so that the rounding
//   between them is coarser than 2^-16 of the result's factors, is not merged with anything; nor is the later one.
// - Products must stay in float32's normal range. Factors and summands beyond 2^62, factors all below 2^-62, infinities
//   and NaN stay steps of their own, and so does what would make a constant overflow or a whole tensor vanish. Single
//   weights may underflow beside larger ones, as those of channels do that training has switched off.
// - A subgraph is an activation if it computes it in float32 as well as in double.
// `mergeable` and `fits_float32` decide for all passes.
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

// Whether float32 allows to merge the constants of `node` with those of other nodes; true of nodes that are no Affine.
bool mergeable(const ir::Node& node);
bool mergeable_factor(double factor);
// Whether constants that were `before` may become `after`.
bool fits_float32(const std::vector<double>& before, const std::vector<double>& after);

// The same for the input or output of a Reshape, Transpose or Slice, given for the other; elements that a Slice leaves
// out keep their value. Nothing for any other node, and where the factors would vary along more than one dimension. `x`
// is left to the caller.
std::optional<Affine> before_view(const Affine& affine, const ir::Node& view);
std::optional<Affine> behind_view(const Affine& affine, const ir::Node& view);

// The same for the tensor on the other side of a Reshape: `forward` from the Reshape's input to its output. Nothing
// where the factors would vary along more than one dimension there. `x` is left to the caller.
std::optional<Affine> through_reshape(const Affine& affine, const ir::Node& reshape, bool forward);

// One scale and shift for each of `channels` along `axis`; nothing where the factors vary along another axis.
std::optional<Affine> along(const Affine& affine, int64_t axis, int64_t channels);

// first, then second; both vary along the same axis or are uniform.
std::optional<Affine> chained(const Affine& first, const Affine& second);

}  // namespace linnet::passes
