// Any function of one int8 argument.
#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

template <class Isa>
void lookup_s8_impl(const LookupInt8Args& args) {
  const int8_t* const middle = args.table + 128;
  for (int32_t r = 0; r < args.rows; ++r) {
    const int8_t* const x = args.x + r * args.x_stride;
    int8_t* const y = args.y + r * args.y_stride;
    for (int32_t i = 0; i < args.columns; ++i) y[i] = middle[x[i]];
  }
}

}  // namespace linnet::kernels
