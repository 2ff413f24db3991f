#pragma once

#include "kernels/sparse/columns.hpp"
#include "kernels/sparse/lanes.hpp"
#include "kernels/sparse/vector.hpp"

namespace linnet::kernels {

template <class Isa, int kOutputs>
LINNET_INLINE void convolve_sparse(const SparseConv2DArgs& args) {
  const bool by_pixel = sparse_by_pixel(args.out_h, args.out_w);
  const bool whole = by_pixel || kOutputs == kPanel;  // a window is one row of inputs
  const int64_t pixels = int64_t{args.row_end - args.row_begin} * args.out_w;
  const SparsePlan plan = plan_sparse_conv2d(args.window, args.in_channels, args.out_channels, kOutputs, args.out_h,
                                             args.out_w, pixels, traits(isa_id<Isa>), sizeof(void*));
  const SparseLayout layout{kOutputs, kSparseFloatHeader};
  const int32_t k = plan.taps * args.in_channels;
  const bool in_place = whole && keeps_pixels(args) && (by_pixel || args.x_stride % kSparseBadStride != 0);
  char* const scratch = static_cast<char*>(args.scratch);
  const float** const pointers = reinterpret_cast<const float**>(scratch);
  float* const zero = reinterpret_cast<float*>(scratch + plan.zero_offset);
  float* const inputs = reinterpret_cast<float*>(scratch + plan.inputs_offset);
  std::memset(zero, 0, static_cast<size_t>(args.in_channels) * sizeof(float));
  const int32_t step = by_pixel ? 1 : kOutputs == kPanel ? kSparseRows<Isa> : F32<Isa>::width;
  for_each_tile(args, plan.pixels, step, [&](SparseTile tile) LINNET_INLINE_LAMBDA {
    const float* x = args.x + tile.begin * args.x_stride;
    ptrdiff_t x_stride = args.x_stride;
    if (!in_place) place_pixels(args, plan, tile, zero, pointers);
    if (!in_place && whole) {
      copy_windows(plan, args.in_channels, tile.count, pointers, inputs);
      x = inputs;
      x_stride = static_cast<ptrdiff_t>(sparse_window_stride(k));
    }
    if (by_pixel) {
      sparse_vector<Isa, kOutputs>(args, layout, k, tile.begin, x);
    } else if constexpr (kOutputs == kPanel) {
      run_columns<Isa>(args, layout, k, tile, x, x_stride);
    } else {
      const SparseLanes<Isa> lanes{args, plan, pointers, inputs, reinterpret_cast<float*>(scratch + plan.sums_offset)};
      run_lanes_tile<Isa, kOutputs, sparse_vectors(traits(isa_id<Isa>), kOutputs)>(lanes, tile);
    }
  });
}

template <class Isa>
void sparse_conv2d_f32_impl(const SparseConv2DArgs& args) {
  if (args.block == 1) {
    convolve_sparse<Isa, 1>(args);
  } else if (args.block == 4) {
    convolve_sparse<Isa, 4>(args);
  } else {
    convolve_sparse<Isa, kPanel>(args);
  }
}

}  // namespace linnet::kernels
