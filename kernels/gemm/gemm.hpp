#pragma once

#include "kernels/gemm/tile.hpp"

namespace linnet::kernels {

// Rows of `a` that are multiplied by one panel after the other: they stay in the first-level cache where the weights
// fit the second-level one, otherwise as many as half a small second-level cache holds, so that weights are read
// seldom.
template <class Isa>
LINNET_INLINE int32_t gemm_block_rows(int32_t n, int32_t k) {
  constexpr int64_t kFirstLevel = 16 * 1024, kSecondLevel = 128 * 1024;
  constexpr int32_t rows = TileShape<Isa>::rows;
  const int64_t row_bytes = static_cast<int64_t>(k) * 4 + 1;
  const int64_t budget = n * row_bytes <= kSecondLevel ? kFirstLevel : kSecondLevel;
  const int64_t tiles = budget / (row_bytes * rows);
  return static_cast<int32_t>(tiles < 4 ? 4 : tiles > 1024 ? 1024 : tiles) * rows;
}

// Rows begin .. end of the columns of a span.
template <class Isa>
LINNET_INLINE void gemm_span(const GemmArgs& args, const PanelSpan& span, int32_t begin, int32_t end) {
  for (int32_t row = begin, rows; row < end; row += rows) {
    rows = next_tile_rows<Isa>(end - row);
    const float* a[TileShape<Isa>::rows];
    for (int32_t r = 0; r < rows; ++r) a[r] = args.a + (row + r) * args.a_stride;
    TileArgs t{};
    t.rows = a;
    t.taps = 1;
    t.k = args.k;
    t.c = args.c + row * args.c_stride;
    t.c_stride = args.c_stride;
    t.residual_stride = args.epilogue.residual_stride;
    t.residual = args.epilogue.residual ? args.epilogue.residual + row * t.residual_stride : nullptr;
    run_tile<Isa>(span, rows, args.epilogue.activation, t);
  }
}

template <class Isa>
void gemm_f32_impl(const GemmArgs& args) {
  const auto rows = [&](int32_t begin, int32_t end) LINNET_INLINE_LAMBDA {
    return [&args, begin, end](const PanelSpan& span) { gemm_span<Isa>(args, span, begin, end); };
  };
  if (args.m == 1) {
    for_each_span<Isa, TileShape<Isa>::single_row_panels>(args.packed, args.n, args.k, rows(0, 1));
    return;
  }
  const int32_t block = gemm_block_rows<Isa>(args.n, args.k);
  for (int32_t begin = 0; begin < args.m; begin += block) {
    const int32_t end = args.m - begin < block ? args.m : begin + block;
    for_each_span<Isa>(args.packed, args.n, args.k, rows(begin, end));
  }
}

}  // namespace linnet::kernels
