#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

template <class Isa>
void argmax_s8_impl(const ArgMaxInt8Args& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const int8_t* const x = args.x + static_cast<ptrdiff_t>(o) * args.size * args.inner;
    int32_t* const y = args.y + static_cast<ptrdiff_t>(o) * args.inner;
    for (int32_t i = 0; i < args.inner; ++i) {
      int32_t best = 0;
      for (int32_t s = 1; s < args.size; ++s) {
        const int32_t value = x[static_cast<ptrdiff_t>(s) * args.inner + i];
        const int32_t other = x[static_cast<ptrdiff_t>(best) * args.inner + i];
        const bool better = args.minimum ? value < other : value > other;
        if (better || (args.select_last && value == other)) best = s;
      }
      y[i] = best;
    }
  }
}

}  // namespace linnet::kernels
