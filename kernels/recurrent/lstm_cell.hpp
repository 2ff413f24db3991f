#pragma once

#include "kernels/recurrent/gate.hpp"

namespace linnet::kernels {

template <class Isa, bool kUsual>
void lstm_cell_rows(const LstmCellArgs& args) {
  using V = F32<Isa>;
  const ptrdiff_t n = args.hidden;
  const V one = V::set(1.0f), high = V::set(args.clip), low = negate(high);
  for (int32_t r = 0; r < args.rows; ++r) {
    const float* input = args.gates + r * args.gates_stride;
    const float* output = input + n;
    const float* forget = output + n;
    const float* candidate = args.coupled ? forget : forget + n;
    float* c = args.c + r * args.c_stride;
    float* h = args.h + r * args.h_stride;
    for_each_vector<Isa>(n, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
      const auto gate_of = [&](const float* sums, V state, int peephole) LINNET_INLINE_LAMBDA {
        V sum = V::load_n(sums + i, count);
        if (args.peepholes != nullptr) sum = fma(V::load_n(args.peepholes + peephole * n + i, count), state, sum);
        return gate<Isa, kUsual, Function::Sigmoid>(args.gate, clamp(sum, low, high));
      };
      const V before = V::load_n(c + i, count);
      const V in = gate_of(input, before, 0);
      const V keep = args.coupled ? one - in : gate_of(forget, before, 2);
      const V sum = clamp(V::load_n(candidate + i, count), low, high);
      const V now = fma(keep, before, in * gate<Isa, kUsual, Function::Tanh>(args.cell, sum));
      now.store_n(c + i, count);
      const V out = gate_of(output, now, 1);
      (out * gate<Isa, kUsual, Function::Tanh>(args.output, now)).store_n(h + i, count);
    });
  }
}

template <class Isa>
void lstm_cell_f32_impl(const LstmCellArgs& args) {
  const bool usual = args.gate.function == Function::Sigmoid && args.cell.function == Function::Tanh &&
                     args.output.function == Function::Tanh;
  usual ? lstm_cell_rows<Isa, true>(args) : lstm_cell_rows<Isa, false>(args);
}

}  // namespace linnet::kernels
