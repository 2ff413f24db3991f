// Functions of one int16 number.
#pragma once

#include "kernels/contract_int16.hpp"
#include "kernels/quant/requantize.hpp"

namespace linnet::kernels {

constexpr int32_t kLeastWord = -32768, kMostWord = 32767;

// Between the values at every 128th number.
LINNET_INLINE int32_t interpolate_int16(const int16_t* values, int32_t x) {
  constexpr int32_t kBits = 7;
  const int16_t* const at = values + ((x - kLeastWord) >> kBits);
  const int32_t rest = (x - kLeastWord) & ((1 << kBits) - 1);
  return static_cast<int16_t>(at[0] + (((at[1] - at[0]) * rest + (1 << (kBits - 1))) >> kBits));
}

// `bits` of the argument lie between two values of the table; 9 of Sigmoid, 8 of Tanh.
LINNET_INLINE int32_t sigmoid_int16(const SigmoidTable& table, bool logistic, int32_t x) {
  const int32_t bits = logistic ? 9 : 8;
  const int32_t round = table.shift > 0 ? 1 << (table.shift - 1) : 0;
  const int32_t scaled = (x * table.multiplier + round) >> table.shift;
  const uint32_t magnitude = scaled < 0 ? 0u - static_cast<uint32_t>(scaled) : static_cast<uint32_t>(scaled);
  const uint32_t index = magnitude >> bits;
  int32_t value = logistic ? 0x7fff << 10 : 0xffff << 8;
  if (index < 255) {
    const int32_t low = table.values[index], high = table.values[index + 1];
    value = (low << bits) + static_cast<int32_t>(magnitude & ((1u << bits) - 1)) * (high - low);
  }
  if (logistic) return (scaled >= 0 ? value + (1 << 9) : (1 << 25) - value + (1 << 9) - 1) >> 10;
  return (scaled >= 0 ? value - (1 << 23) + (1 << 7) : -value + (1 << 23) + (1 << 7) - 1) >> 8;
}

template <class Element>
LINNET_INLINE void map_int16(const UnaryInt16Args& args, Element function) {
  for (int32_t r = 0; r < args.rows; ++r) {
    const int16_t* const x = args.x + r * args.x_stride;
    int16_t* const y = args.y + r * args.y_stride;
    for (int32_t i = 0; i < args.columns; ++i) y[i] = static_cast<int16_t>(function(x[i]));
  }
}

template <class Isa>
void unary_s16_impl(const UnaryInt16Args& args) {
  if (args.function == Function::Sigmoid || args.function == Function::Tanh) {
    const SigmoidTable& table = *static_cast<const SigmoidTable*>(args.table);
    const bool logistic = args.function == Function::Sigmoid;
    map_int16(args, [&](int32_t x) LINNET_INLINE_LAMBDA { return sigmoid_int16(table, logistic, x); });
  } else if (args.function == Function::LeakyRelu) {
    const SidedScale& scale = *static_cast<const SidedScale*>(args.table);
    using F = FixedPointFactor<isa::scalar>;
    const F positive = F::of(scale.positive), negative = F::of(scale.negative);
    map_int16(args, [&](int32_t x) LINNET_INLINE_LAMBDA {
      const int32_t scaled = x < 0 ? negative({x}).v : positive({x}).v;
      return scaled < scale.low ? scale.low : scaled > scale.high ? scale.high : scaled;
    });
  } else {
    const int16_t* const values = static_cast<const InterpolationTable*>(args.table)->values;
    map_int16(args, [&](int32_t x) LINNET_INLINE_LAMBDA { return interpolate_int16(values, x); });
  }
}

}  // namespace linnet::kernels
