// Cases of the benchmarks of convolutions, float and int8.
#pragma once

#include <string>

#include "tests/bench/support.hpp"

namespace linnet::bench {

// Square images and kernels, padded so that the output is the input divided by the stride.
struct ImageCase {
  int out, in_channels, out_channels, kernel, stride;
  std::string name() const {
    return std::to_string(out) + "x" + std::to_string(out) + "_" + std::to_string(in_channels) + "to" +
           std::to_string(out_channels) + "_k" + std::to_string(kernel) + "_s" + std::to_string(stride);
  }
};

// The arguments' geometry.
template <class Args>
Args image_arguments(const ImageCase& c) {
  Args args{};
  args.window = {c.kernel, c.kernel, c.stride, c.stride, 1, 1, c.kernel / 2, c.kernel / 2};
  args.in_h = args.in_w = c.out * c.stride;
  args.out_h = args.out_w = args.row_end = c.out;
  args.x_stride = c.in_channels;
  args.y_stride = c.out_channels;
  return args;
}

// Tensors of a case, given to `args`; lives as long as they are used. `packed` counts elements.
template <class Elements>
struct ImageMemory {
  template <class Args>
  ImageMemory(Args* args, size_t packed_elements, int64_t scratch_bytes)
      : x(static_cast<size_t>(args->in_h) * args->in_w * args->x_stride),
        packed(packed_elements + 64),
        y(static_cast<size_t>(args->out_h) * args->out_w * args->y_stride),
        scratch(static_cast<size_t>(scratch_bytes) / 4 + 1) {
    args->x = x.data();
    args->packed = packed.data();
    args->y = y.data();
    args->scratch = scratch.data();
  }
  Elements x, packed, y;
  AlignedFloats scratch;
};

}  // namespace linnet::bench
