// The sums that means and variances of channels are made of. With d = x - p for a point p near the mean, S1 = sum of d
// and S2 = sum of d^2 hold what E[x] and E[x^2] would lose where the mean exceeds the deviation by far. To another
// point q = p - e they move by S1 + n e and S2 + e (2 S1 + n e), so that sums of parts of the image, each about the
// part's own mean, add up (Chan, Golub, LeVeque: Updating Formulae and a Pairwise Algorithm for Computing Sample
// Variances, 1979). A part's mean is at most sqrt(parts) of the whole's deviations away from the whole's, which bounds
// what cancels.
#pragma once

#include "kernels/contract.hpp"
#include "kernels/norm/sums.hpp"

namespace linnet::kernels {

// The rows of [3][channels].
template <class Pointer>
struct MomentRows {
  Pointer point, sum, square;
  LINNET_INLINE MomentRows(Pointer rows, ptrdiff_t stride)
      : point(rows), sum(rows + stride), square(rows + 2 * stride) {}
};

// Over the pixels, for the kVectors vectors of channels from c on, of which the last holds `count` channels: the means,
// and with kCentred what is left of them as point is subtracted, and its squares.
template <class Isa, bool kCentred, int kVectors>
void sum_channels(const MomentsArgs& args, ptrdiff_t c, int count) {
  constexpr int kWidth = F32<Isa>::width;
  const MomentRows<float*> rows(args.moments + c, args.moments_stride);
  const auto lanes = [count](int v) LINNET_INLINE_LAMBDA { return v == kVectors - 1 ? count : kWidth; };
  F32<Isa> point[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    point[v] = kCentred ? F32<Isa>::load_n(rows.point + v * kWidth, lanes(v)) : F32<Isa>::set(0.0f);
  }
  CascadeSum<Isa> sum[kVectors], square[kVectors];
  for (int32_t p = 0; p < args.pixels; p += kRunRows) {
    const int32_t run_rows = args.pixels - p < kRunRows ? args.pixels - p : kRunRows;
    const auto run = sum_run<Isa, kCentred>(args.x + p * args.x_stride + c, args.x_stride, run_rows, count, point);
    for (int v = 0; v < kVectors; ++v) {
      sum[v].add(run.value[v]);
      if constexpr (kCentred) square[v].add(run.square[v]);
    }
  }
  const F32<Isa> pixels = F32<Isa>::set(static_cast<float>(args.pixels));
  for (int v = 0; v < kVectors; ++v) {
    if constexpr (kCentred) {
      sum[v].total().store_n(rows.sum + v * kWidth, lanes(v));
      square[v].total().store_n(rows.square + v * kWidth, lanes(v));
    } else {
      (sum[v].total() / pixels).store_n(rows.point + v * kWidth, lanes(v));
    }
  }
}

template <class Isa>
void moments_f32_impl(const MomentsArgs& args) {
  constexpr int kVectors = 4, kWidth = F32<Isa>::width;
  ptrdiff_t c = 0;
  for (; c + kVectors * kWidth <= args.channels; c += kVectors * kWidth) {
    sum_channels<Isa, false, kVectors>(args, c, kWidth);
    sum_channels<Isa, true, kVectors>(args, c, kWidth);
  }
  for_each_vector<Isa>(args.channels - c, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    sum_channels<Isa, false, 1>(args, c + i, count);
    sum_channels<Isa, true, 1>(args, c + i, count);
  });
}

// S1 and S2 about point + shift instead of point, of `count` values.
template <class Isa>
struct ShiftedSums {
  F32<Isa> sum, square;
  LINNET_INLINE ShiftedSums(F32<Isa> sum_before, F32<Isa> square_before, F32<Isa> shift, F32<Isa> count) {
    const F32<Isa> change = negate(shift) * count;
    sum = sum_before + change;
    square = fma(negate(shift), sum_before + sum, square_before);
  }
};

// Adds the moments of `pixels` more pixels to `total`.
template <class Isa>
void add_moments(const MomentRows<const float*>& part, int32_t pixels, int32_t channels,
                 const MomentRows<float*>& total) {
  const F32<Isa> count = F32<Isa>::set(static_cast<float>(pixels));
  for_each_vector<Isa>(channels, [&](ptrdiff_t c, int lanes) LINNET_INLINE_LAMBDA {
    const F32<Isa> shift = F32<Isa>::load_n(total.point + c, lanes) - F32<Isa>::load_n(part.point + c, lanes);
    const ShiftedSums<Isa> sums(F32<Isa>::load_n(part.sum + c, lanes), F32<Isa>::load_n(part.square + c, lanes), shift,
                                count);
    (F32<Isa>::load_n(total.sum + c, lanes) + sums.sum).store_n(total.sum + c, lanes);
    (F32<Isa>::load_n(total.square + c, lanes) + sums.square).store_n(total.square + c, lanes);
  });
}

}  // namespace linnet::kernels
