#pragma once

#include "kernels/gemm/tile.hpp"

namespace linnet::kernels {

// How a product is divided so that little is read from beyond the second-level cache: into blocks of rows, and those
// into runs of inputs. A block's inputs of one run stay cached while the weights of the run, panel after panel, pass by
// once.
struct GemmBlocks {
  int32_t rows, inputs;
};

template <class Isa, class Weight>
LINNET_INLINE GemmBlocks gemm_blocks(int32_t n, int32_t k) {
  constexpr int32_t kFirstLevel = 16 * 1024, kSecondLevel = F32<Isa>::width >= 8 ? 512 * 1024 : 128 * 1024;
  constexpr int32_t kRun = F32<Isa>::width >= 8 ? 1536 : 512, kStep = 4, rows = TileShape<Isa>::rows;
  const int32_t runs = k <= kRun ? 1 : (k + kRun - 1) / kRun;
  const int32_t inputs = runs == 1 ? k : (k + runs * kStep - 1) / (runs * kStep) * kStep;
  // Weights of up to 128 KB stay in the second-level cache by themselves; then the rows stay in the first-level one.
  const int32_t row_bytes = inputs * 4 + 1;
  const int32_t budget = static_cast<int64_t>(sizeof(Weight)) * n * k <= 128 * 1024 ? kFirstLevel : kSecondLevel;
  const int32_t tiles = budget / (row_bytes * rows);
  return {(tiles < 4 ? 4 : tiles > 1024 ? 1024 : tiles / 4 * 4) * rows, inputs};
}

// A part of a product: rows row_begin .. row_end, inputs k_begin .. k_end.
struct GemmPart {
  int32_t row_begin, row_end, k_begin, k_end;
};

template <class Isa, class Weight>
LINNET_INLINE void gemm_span(const GemmArgsOf<Weight>& args, const PanelSpanOf<Weight>& span, const GemmPart& part) {
  const bool last = part.k_end == args.k;
  const float* const a = args.a + part.row_begin * args.a_stride + part.k_begin;
  TileArgsOf<Weight> t{};
  t.lines = &a;
  t.row_stride = args.a_stride;
  t.taps = 1;
  t.k = part.k_end - part.k_begin;
  t.resume = part.k_begin > 0;
  t.partial = !last;
  t.k_begin = part.k_begin;
  t.output_ahead = output_ahead(static_cast<int64_t>(args.m) * args.c_stride * 4, args.k);
  t.c = args.c + part.row_begin * args.c_stride;
  t.c_stride = args.c_stride;
  t.residual_stride = args.epilogue.residual_stride;
  t.residual = last && args.epilogue.residual ? args.epilogue.residual + part.row_begin * t.residual_stride : nullptr;
  run_rows<Isa>(span, part.row_end - part.row_begin, last ? args.epilogue.activation : Activation{}, t);
}

template <class Isa, class Weight>
LINNET_INLINE void multiply_blocks(const GemmArgsOf<Weight>& args) {
  if (args.m == 1) {
    for_each_span<Isa, TileShape<Isa>::single_row_panels>(args.packed, args.n, args.k, [&](const auto& span) {
      gemm_span<Isa>(args, span, {0, 1, 0, args.k});
    });
    return;
  }
  GemmBlocks block = gemm_blocks<Isa, Weight>(args.n, args.k);
  if (args.epilogue.residual == args.c) block.inputs = args.k;  // a first run would overwrite the residual
  for (int32_t row = 0; row < args.m; row += block.rows) {
    GemmPart part{row, args.m - row < block.rows ? args.m : row + block.rows, 0, 0};
    do {
      part.k_begin = part.k_end;
      part.k_end = args.k - part.k_begin < block.inputs ? args.k : part.k_begin + block.inputs;
      for_each_span<Isa, TileShape<Isa>::panels, TileShape<Isa>::mixed>(
          args.packed, args.n, args.k, [&](const auto& span) { gemm_span<Isa>(args, span, part); });
    } while (part.k_end < args.k);
  }
}

template <class Isa>
void gemm_f32_impl(const GemmArgs& args) {
  multiply_blocks<Isa>(args);
}

template <class Isa>
void gemm_f32x8_impl(const GemmFloat32x8Args& args) {
  multiply_blocks<Isa>(args);
}

}  // namespace linnet::kernels
