// NaN is passed over; where nothing else is left, the position is that of some element.
#pragma once

#include <cstring>

#include "kernels/contract.hpp"
#include "kernels/simd/math.hpp"

namespace linnet::kernels {

// The best value of every lane and its position, whose bits ride in a float vector.
template <class Isa>
struct BestOfLanes {
  bool select_last, minimum;
  F32<Isa> value = F32<Isa>::set(-kInfinity);
  F32<Isa> position = from_bits(I32<Isa>::set(0));

  LINNET_INLINE void add(F32<Isa> x, int32_t at) {
    if (minimum) x = negate(x);
    const F32<Isa> at_bits = from_bits(I32<Isa>::set(at));
    if (select_last) {
      position = select(value <= x, at_bits, position);
      value = select(value <= x, x, value);
    } else {
      position = select(value < x, at_bits, position);
      value = select(value < x, x, value);
    }
  }
};

template <class Isa>
int32_t argmax_row(const float* x, int32_t size, bool select_last, bool minimum) {
  constexpr int32_t kWidth = F32<Isa>::width;
  BestOfLanes<Isa> lanes{select_last, minimum};
  int32_t s = 0;
  for (; s + kWidth <= size; s += kWidth) lanes.add(F32<Isa>::load(x + s), s);

  alignas(64) float values[kWidth];
  alignas(64) float position_bits[kWidth];
  int32_t positions[kWidth];
  lanes.value.store(values);
  lanes.position.store(position_bits);
  std::memcpy(positions, position_bits, sizeof(positions));
  float best = values[0];
  int32_t best_position = positions[0];
  for (int32_t lane = 1; lane < kWidth && s > 0; ++lane) {
    const int32_t position = positions[lane] + lane;
    const bool wins_tie = select_last ? position > best_position : position < best_position;
    if (best < values[lane] || (best == values[lane] && wins_tie)) {
      best = values[lane];
      best_position = position;
    }
  }
  for (; s < size; ++s) {
    const float value = minimum ? -x[s] : x[s];
    if (best < value || (select_last && best == value)) {
      best = value;
      best_position = s;
    }
  }
  return best_position;
}

template <class Isa>
LINNET_INLINE void argmax_columns(const float* x, int32_t* y, const ArgMaxArgs& args, int count) {
  BestOfLanes<Isa> lanes{args.select_last, args.minimum};
  for (int32_t s = 0; s < args.size; ++s) {
    lanes.add(F32<Isa>::load_n(x + static_cast<ptrdiff_t>(s) * args.inner, count), s);
  }
  alignas(64) float position_bits[F32<Isa>::width];
  lanes.position.store(position_bits);
  std::memcpy(y, position_bits, static_cast<size_t>(count) * sizeof(int32_t));
}

template <class Isa>
void argmax_f32_impl(const ArgMaxArgs& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const float* x = args.x + static_cast<ptrdiff_t>(o) * args.size * args.inner;
    int32_t* y = args.y + static_cast<ptrdiff_t>(o) * args.inner;
    if (args.inner == 1) {
      *y = argmax_row<Isa>(x, args.size, args.select_last, args.minimum);
    } else {
      for_each_vector<Isa>(args.inner, [&](ptrdiff_t i, int count)
                                           LINNET_INLINE_LAMBDA { argmax_columns<Isa>(x + i, y + i, args, count); });
    }
  }
}

}  // namespace linnet::kernels
