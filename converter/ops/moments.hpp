// The moments of an image [N, H, W, C] per run of `rows` lines, [N, ceil(H / rows), 3, C]: the form of
// kernels::MomentsArgs with the mean itself as the point, so that the second of the three is 0.
#pragma once

#include "converter/ir/array.hpp"

namespace linnet::ops {

// Throws Error where `image` is not of rank 4.
ir::Shape moments_shape(const ir::Shape& image, int64_t rows);
ir::Array moments_of(const ir::Array& image, int64_t rows);

}  // namespace linnet::ops
