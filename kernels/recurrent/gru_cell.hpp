#pragma once

#include "kernels/recurrent/gate.hpp"

namespace linnet::kernels {

template <class Isa, bool kUsual>
void gru_reset_rows(const GruResetArgs& args) {
  using V = F32<Isa>;
  const V high = V::set(args.clip), low = negate(high);
  for (int32_t r = 0; r < args.rows; ++r) {
    const float* sums = args.sums + r * args.sums_stride;
    const float* h = args.h + r * args.h_stride;
    float* y = args.y + r * args.y_stride;
    for_each_vector<Isa>(args.hidden, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
      const V sum = clamp(V::load_n(sums + i, count), low, high);
      (gate<Isa, kUsual, Function::Sigmoid>(args.gate, sum) * V::load_n(h + i, count)).store_n(y + i, count);
    });
  }
}

template <class Isa>
void gru_reset_f32_impl(const GruResetArgs& args) {
  args.gate.function == Function::Sigmoid ? gru_reset_rows<Isa, true>(args) : gru_reset_rows<Isa, false>(args);
}

template <class Isa, bool kUsual>
void gru_cell_rows(const GruCellArgs& args) {
  using V = F32<Isa>;
  const ptrdiff_t n = args.hidden;
  const V one = V::set(1.0f), high = V::set(args.clip), low = negate(high);
  for (int32_t r = 0; r < args.rows; ++r) {
    const float* update = args.gates + r * args.gates_stride;
    const float* reset = update + n;
    const float* candidate = reset + n;
    const float* recurrent = args.recurrent == nullptr ? nullptr : args.recurrent + r * args.recurrent_stride;
    const float* before = args.before + r * args.before_stride;
    float* h = args.h + r * args.h_stride;
    for_each_vector<Isa>(n, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
      const auto gate_of = [&](const float* sums) LINNET_INLINE_LAMBDA {
        return gate<Isa, kUsual, Function::Sigmoid>(args.gate, clamp(V::load_n(sums + i, count), low, high));
      };
      V sum = V::load_n(candidate + i, count);
      if (recurrent != nullptr) sum = fma(gate_of(reset), V::load_n(recurrent + i, count), sum);
      const V next = gate<Isa, kUsual, Function::Tanh>(args.cell, clamp(sum, low, high));
      const V keep = gate_of(update);
      fma(keep, V::load_n(before + i, count), (one - keep) * next).store_n(h + i, count);
    });
  }
}

template <class Isa>
void gru_cell_f32_impl(const GruCellArgs& args) {
  const bool usual = args.gate.function == Function::Sigmoid && args.cell.function == Function::Tanh;
  usual ? gru_cell_rows<Isa, true>(args) : gru_cell_rows<Isa, false>(args);
}

}  // namespace linnet::kernels
