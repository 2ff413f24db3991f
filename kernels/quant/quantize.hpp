// Conversions between float32 and quantized integers, and among these. Blocks of elements pass through 32-bit numbers.
#pragma once

#include "kernels/quant/requantize.hpp"

namespace linnet::kernels {

constexpr int32_t kQuantizeBlock = 64;

template <class Isa>
struct QuantizeBlock {
  alignas(64) int32_t integers[kQuantizeBlock];
  alignas(64) float floats[kQuantizeBlock];
};

// Half away from zero, |x| < 2^22.
template <class Isa>
LINNET_INLINE I32<Isa> round_away(F32<Isa> x) {
  const F32<Isa> zero = F32<Isa>::set(0.0f), one = F32<Isa>::set(1.0f), half = F32<Isa>::set(0.5f);
  const F32<Isa> whole = to_float(truncate(x)), rest = x - whole;
  const F32<Isa> up = select(half <= rest, one, zero), down = select(rest <= zero - half, one, zero);
  return truncate(whole + up - down);
}

template <class Isa, class T, class U>
LINNET_INLINE void copy_numbers(const T* x, U* y, int32_t count) {
  for (int32_t i = 0; i < count; ++i) y[i] = static_cast<U>(x[i]);
}

template <class Isa>
LINNET_INLINE void load_numbers(NumberType type, const void* x, ptrdiff_t offset, int32_t count,
                                QuantizeBlock<Isa>* block) {
  switch (type) {
    case NumberType::Float32:
      return copy_numbers<Isa>(static_cast<const float*>(x) + offset, block->floats, count);
    case NumberType::Int8:
      return copy_numbers<Isa>(static_cast<const int8_t*>(x) + offset, block->integers, count);
    case NumberType::UInt8:
      return copy_numbers<Isa>(static_cast<const uint8_t*>(x) + offset, block->integers, count);
    case NumberType::Int16:
      return copy_numbers<Isa>(static_cast<const int16_t*>(x) + offset, block->integers, count);
  }
}

template <class Isa>
LINNET_INLINE void store_numbers(NumberType type, const QuantizeBlock<Isa>& block, int32_t count, void* y,
                                 ptrdiff_t offset) {
  switch (type) {
    case NumberType::Float32:
      return copy_numbers<Isa>(block.floats, static_cast<float*>(y) + offset, count);
    case NumberType::Int8:
      return copy_numbers<Isa>(block.integers, static_cast<int8_t*>(y) + offset, count);
    case NumberType::UInt8:
      return copy_numbers<Isa>(block.integers, static_cast<uint8_t*>(y) + offset, count);
    case NumberType::Int16:
      return copy_numbers<Isa>(block.integers, static_cast<int16_t*>(y) + offset, count);
  }
}

template <class Isa>
void quantize_impl(const QuantizeArgs& args) {
  using V = I32<Isa>;
  using F = F32<Isa>;
  const Range<Isa> range(args.requantize);
  const Scaling<Isa> scaling(args.factor, args.requantize);
  const V zero_point = V::set(args.zero_point);
  const F scale = F::set(args.scale);
  const bool to_even = args.requantize.rounding == Rounding::Float;
  QuantizeBlock<Isa> block = {};
  const auto each = [&](auto convert) LINNET_INLINE_LAMBDA {
    for (int32_t r = 0; r < args.rows; ++r) {
      for (int32_t first = 0; first < args.columns; first += kQuantizeBlock) {
        const int32_t left = args.columns - first, count = left < kQuantizeBlock ? left : kQuantizeBlock;
        load_numbers<Isa>(args.from, args.x, r * args.x_stride + first, count, &block);
        for (int32_t i = 0; i < count; i += V::width) convert(block.integers + i, block.floats + i);
        store_numbers<Isa>(args.to, block, count, args.y, r * args.y_stride + first);
      }
    }
  };
  if (args.from == NumberType::Float32) {
    each([&](int32_t* integers, float* floats) LINNET_INLINE_LAMBDA {
      const F x = F::load(floats) / scale;
      const F number = select(x == x, x, F::set(0.0f));
      const F limited = min(range.float_high, max(range.float_low, number));
      const V rounded = to_even ? round_even(limited) : round_away(limited);
      Int<Isa>::store(rounded + range.zero_point, integers);
    });
  } else if (args.to == NumberType::Float32) {
    each([&](int32_t* integers, float* floats)
             LINNET_INLINE_LAMBDA { (to_float(Int<Isa>::load(integers) - zero_point) * scale).store(floats); });
  } else {
    each([&](int32_t* integers, float*)
             LINNET_INLINE_LAMBDA { Int<Isa>::store(scaling(Int<Isa>::load(integers) - zero_point), integers); });
  }
}

}  // namespace linnet::kernels
