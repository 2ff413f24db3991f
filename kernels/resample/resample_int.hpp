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
  const V shift = V::set(args.shift), low = V::set(args.low), high = V::set(args.high), zero = V::set(0);
  const V towards_zero = V::set(args.halves_up && args.shift > 0 ? 1 : 0);  // of negative numbers that end in a half
  for (int32_t c = 0; c < args.inner; c += V::width) {
    const int n = args.inner - c;
    V sum = V::set(0);
    for (int32_t t = 0; t < args.taps; ++t) {
      const From* const line = x + static_cast<ptrdiff_t>(indices[t]) * args.inner + c;
      sum = sum + Int<Isa>::multiply(V::set(weights[t]), load_element<Isa>(line, n));
    }
    const V nudged = sum + select(Int<Isa>::less(sum, zero), towards_zero, zero);
    V result = Int<Isa>::rounding_shift_right(nudged, shift);
    if constexpr (sizeof(To) == 1) result = clamp<Isa>(result, low, high);
    store_element<Isa>(result, y + c, n);
  }
}

// The same with sums of 64 bits.
template <class From, class To>
LINNET_INLINE void resample_position_wide(const ResampleIntArgs& args, const From* x, const int32_t* indices,
                                          const int32_t* weights, To* y) {
  const uint64_t mask = (uint64_t{1} << args.shift) - 1;
  const int64_t low = sizeof(To) == 2 ? args.low : INT32_MIN, high = sizeof(To) == 2 ? args.high : INT32_MAX;
  for (int32_t c = 0; c < args.inner; ++c) {
    uint64_t products = 0;
    for (int32_t t = 0; t < args.taps; ++t) {
      const int64_t element = x[static_cast<ptrdiff_t>(indices[t]) * args.inner + c];
      products += static_cast<uint64_t>(element * weights[t]);
    }
    const int64_t sum = static_cast<int64_t>(products);
    const bool up = (products & mask) > (mask >> 1) + (sum < 0 ? 1 : 0);
    const int64_t result = (sum >> args.shift) + (up ? 1 : 0);
    y[c] = static_cast<To>(result < low ? low : result > high ? high : result);
  }
}

template <class Isa, class From, class To>
void resample_rows_int(const ResampleIntArgs& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const From* const x = static_cast<const From*>(args.x) + static_cast<ptrdiff_t>(o) * args.in_size * args.inner;
    To* const y = static_cast<To*>(args.y) + static_cast<ptrdiff_t>(o) * args.out_size * args.inner;
    for (int32_t i = 0; i < args.out_size; ++i) {
      const int32_t* const indices = args.indices + static_cast<ptrdiff_t>(i) * args.taps;
      const int32_t* const weights = args.weights + static_cast<ptrdiff_t>(i) * args.taps;
      To* const position = y + static_cast<ptrdiff_t>(i) * args.inner;
      if constexpr (sizeof(From) == 2 || sizeof(To) == 2) {
        resample_position_wide(args, x, indices, weights, position);
      } else {
        resample_position<Isa>(args, x, indices, weights, position);
      }
    }
  }
}

template <class Isa, class Narrow>
LINNET_INLINE void resample_integers(const ResampleIntArgs& args) {
  if (args.wide_x) {
    args.wide_y ? resample_rows_int<Isa, int32_t, int32_t>(args) : resample_rows_int<Isa, int32_t, Narrow>(args);
  } else {
    args.wide_y ? resample_rows_int<Isa, Narrow, int32_t>(args) : resample_rows_int<Isa, Narrow, Narrow>(args);
  }
}

template <class Isa>
void resample_s8_impl(const ResampleIntArgs& args) {
  resample_integers<Isa, int8_t>(args);
}

template <class Isa>
void resample_s16_impl(const ResampleIntArgs& args) {
  resample_integers<Isa, int16_t>(args);
}

}  // namespace linnet::kernels
