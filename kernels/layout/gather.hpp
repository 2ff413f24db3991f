#pragma once

#include "kernels/contract.hpp"
#include "kernels/layout/element.hpp"

namespace linnet::kernels {

template <class Isa, int kBytes>
void gather_elements(const GatherArgs& args) {
  const ptrdiff_t inner = args.inner;
  const Element<Isa, kBytes>* x = static_cast<const Element<Isa, kBytes>*>(args.x);
  Element<Isa, kBytes>* y = static_cast<Element<Isa, kBytes>*>(args.y);
  for (int32_t o = 0; o < args.outer; ++o) {
    for (int32_t i = 0; i < args.out_size; ++i) {
      copy_run<Isa, kBytes>(x + args.indices[i] * inner, y + i * inner, inner);
    }
    x += args.in_size * inner;
    y += args.out_size * inner;
  }
}

template <class Isa>
void gather_impl(const GatherArgs& args) {
  if (args.element_bytes == 4) {
    gather_elements<Isa, 4>(args);
  } else if (args.element_bytes == 2) {
    gather_elements<Isa, 2>(args);
  } else {
    gather_elements<Isa, 1>(args);
  }
}

}  // namespace linnet::kernels
