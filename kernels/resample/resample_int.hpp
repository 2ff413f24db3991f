// Resampling of integers along one axis.
#pragma once

#include "kernels/contract_int8.hpp"
#include "kernels/simd/words.hpp"

namespace linnet::kernels {

// One output position: `inner` sums of elements that lie one behind the other.
template <class Isa, class From, class To>
LINNET_INLINE void resample_position(const ResampleIntArgs& args, const From* x, const int32_t* indices,
                                     const int32_t* weights, To* y) {
  using V = I32<Isa>;
  const V shift = V::set(args.shift), low = V::set(args.low), high = V::set(args.high);
  for (int32_t c = 0; c < args.inner; c += V::width) {
    const int n = args.inner - c;
    V sum = V::set(0);
    for (int32_t t = 0; t < args.taps; ++t) {
      const From* const line = x + static_cast<ptrdiff_t>(indices[t]) * args.inner + c;
      sum = sum + Int<Isa>::multiply(V::set(weights[t]), load_element<Isa>(line, n));
    }
    V result = Int<Isa>::rounding_shift_right(sum, shift);
    if constexpr (sizeof(To) == 1) result = clamp<Isa>(result, low, high);
    store_element<Isa>(result, y + c, n);
  }
}

template <class Isa, class From, class To>
void resample_rows_int(const ResampleIntArgs& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const From* const x = static_cast<const From*>(args.x) + static_cast<ptrdiff_t>(o) * args.in_size * args.inner;
    To* const y = static_cast<To*>(args.y) + static_cast<ptrdiff_t>(o) * args.out_size * args.inner;
    for (int32_t i = 0; i < args.out_size; ++i) {
      const ptrdiff_t first = static_cast<ptrdiff_t>(i) * args.taps;
      resample_position<Isa>(args, x, args.indices + first, args.weights + first,
                             y + static_cast<ptrdiff_t>(i) * args.inner);
    }
  }
}

template <class Isa>
void resample_int_impl(const ResampleIntArgs& args) {
  if (args.wide_x) {
    args.wide_y ? resample_rows_int<Isa, int32_t, int32_t>(args) : resample_rows_int<Isa, int32_t, int8_t>(args);
  } else {
    args.wide_y ? resample_rows_int<Isa, int8_t, int32_t>(args) : resample_rows_int<Isa, int8_t, int8_t>(args);
  }
}

}  // namespace linnet::kernels
