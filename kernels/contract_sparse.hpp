// The contract of the kernels with sparse weights: argument structs only. As in contract.hpp and contract_int8.hpp.
#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

// As Conv2DArgs of one group, with a section SparseFloat32, Sparse4Float32 or Sparse16Float32 of [kernel_h * kernel_w *
// in_channels, out_channels]: blocks of 1, 4 or 16 outputs. A product is a convolution of 1x1 of an image one pixel
// wide. Only outputs output_begin <= n < output_end, both multiples of kPanel but for out_channels.
struct SparseConv2DArgs : Conv2DArgsOf<uint8_t> {
  int32_t block;
  int32_t output_begin, output_end;
};

// As Conv2DInt8Args of one group, with a SparseInt8 section; in_channels is a multiple of kDot.
struct SparseConv2DInt8Args : Conv2DInt8Args {
  int32_t output_begin, output_end;
};

}  // namespace linnet::kernels
