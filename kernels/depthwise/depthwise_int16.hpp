// int16 depthwise convolution with any window: a panel of channels of one output pixel at a time, its taps in pairs.
#pragma once

#include "kernels/conv/plan_int16.hpp"
#include "kernels/depthwise/taps.hpp"
#include "kernels/gemm/tile_int16.hpp"

namespace linnet::kernels {

// Sums over pairs of taps for the channels of a panel, whose weights are [16][2] bytes. load(p, n) reads n channels.
template <class Isa>
struct DepthwisePair {
  struct Sum {
    int32_t v[kPanel];
  };
  struct Channels {
    int16_t v[kPanel];
  };
  static LINNET_INLINE void clear(Sum* sum) {
    for (int32_t& v : sum->v) v = 0;
  }
  static LINNET_INLINE Channels load(const int16_t* p, int n) {
    Channels x = {};
    for (int i = 0; i < n && i < kPanel; ++i) x.v[i] = p[i];
    return x;
  }
  static LINNET_INLINE void add(Sum* sum, const int8_t* w, const Channels& x0, const Channels& x1) {
    for (int c = 0; c < kPanel; ++c) sum->v[c] += w[2 * c] * x0.v[c] + w[2 * c + 1] * x1.v[c];
  }
  static LINNET_INLINE void drain(const Sum& sum, int64_t* p) {
    for (int c = 0; c < kPanel; ++c) p[c] += sum.v[c];
  }
};

#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__)

struct DepthwisePairAvx2 {
  using D = PairDotAvx2;
  struct Sum {
    __m256i low, high;  // channels 0..7 and 8..15
  };
  using Channels = __m256i;  // 0..3 8..11, 4..7 12..15 once exchanged
  static LINNET_INLINE void clear(Sum* sum) { *sum = {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static LINNET_INLINE Channels load(const int16_t* p, int n) {
    alignas(32) int16_t part[kPanel] = {};
    if (n < kPanel) {
      for (int i = 0; i < n; ++i) part[i] = p[i];
      p = part;
    }
    return _mm256_permute4x64_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), 0xd8);
  }
  static LINNET_INLINE void add(Sum* sum, const int8_t* w, Channels x0, Channels x1) {
    D::add(&sum->low, D::weights(w), _mm256_unpacklo_epi16(x0, x1));
    D::add(&sum->high, D::weights(w + kPanel), _mm256_unpackhi_epi16(x0, x1));
  }
  static LINNET_INLINE void drain(const Sum& sum, int64_t* p) {
    D::drain(sum.low, p);
    D::drain(sum.high, p + D::outputs);
  }
};
template <>
struct DepthwisePair<isa::avx2> : DepthwisePairAvx2 {};
template <>
struct DepthwisePair<isa::avxvnni> : DepthwisePairAvx2 {};
template <>
struct DepthwisePair<isa::avx512> : DepthwisePairAvx2 {};
template <>
struct DepthwisePair<isa::avx512vnni> : DepthwisePairAvx2 {};

#endif

// Adds to the 64-bit sums of the panel at `channel`, of `columns` valid channels, the pixel `offset` pixels behind that
// of the taps. Weights of a panel of 8 are followed by others, which what lies behind its sums takes.
template <class Isa>
__attribute__((noinline)) void depthwise_sums_int16(const DepthwiseTap<int16_t>* taps, int32_t count, int32_t offset,
                                                    int32_t channel, int32_t columns, const int8_t* w,
                                                    ptrdiff_t weight_step, int64_t* sums) {
  using D = DepthwisePair<Isa>;
  for (int32_t first = 0; first < count; first += kPair * kPairsTogether) {
    const int32_t end = count - first < kPair * kPairsTogether ? count : first + kPair * kPairsTogether;
    typename D::Sum sum;
    D::clear(&sum);
    for (int32_t t = first; t < end; t += kPair, w += weight_step) {
      D::add(&sum, w, D::load(taps[t].x + offset * taps[t].step + channel, columns),
             D::load(taps[t + 1].x + offset * taps[t + 1].step + channel, columns));
    }
    D::drain(sum, sums);
  }
}

// The output pixels ox .. end of row `row`, which share the taps.
template <class Isa>
LINNET_INLINE void depthwise_run_int16(const DepthwiseInt16Args& args, const DepthwiseTap<int16_t>* taps, int32_t count,
                                       int32_t row, int32_t ox, int32_t end) {
  const int8_t* panel = args.packed;
  for (int32_t channel = 0, width; channel < args.channels; channel += width) {
    const int32_t left = args.channels - channel;
    width = left > kTailPanel ? kPanel : kTailPanel;
    const int32_t columns = left < width ? left : width;
    const int8_t* const weights = panel + kPanelHeader * width;
    int16_t* y = args.y + (static_cast<ptrdiff_t>(row) * args.out_w + ox) * args.y_stride + channel;
    for (int32_t offset = 0; offset < end - ox; ++offset, y += args.y_stride) {
      alignas(64) int64_t sums[kPanel] = {};
      std::memcpy(sums, panel, static_cast<size_t>(width) * sizeof(int64_t));
      depthwise_sums_int16<Isa>(taps, count, offset, channel, columns, weights, width * kPair, sums);
      finish_int16<SumScaling>(sums, panel, width, columns, args.low, args.high, y);
    }
    panel += width * (kPanelHeader + int64_t{count});
  }
}

template <class Isa>
void depthwise_s16_impl(const DepthwiseInt16Args& args) {
  const Window& w = args.window;
  const DepthwiseInt16Plan plan = plan_depthwise_int16(w, args.channels, sizeof(void*));
  DepthwiseTap<int16_t>* const taps = static_cast<DepthwiseTap<int16_t>*>(args.scratch);
  int16_t* const padding = reinterpret_cast<int16_t*>(static_cast<char*>(args.scratch) + plan.padding_offset);
  std::memset(padding, 0, static_cast<size_t>(args.channels) * sizeof(int16_t));
  // Outputs whose whole window lies between the image's sides.
  const int32_t room = args.in_w - ((w.kernel_w - 1) * w.dilation_w + 1) + w.pad_left;
  int32_t inner_end = room < 0 ? 0 : room / w.stride_w + 1;
  inner_end = inner_end < args.out_w ? inner_end : args.out_w;
  const int32_t inner_begin = (w.pad_left + w.stride_w - 1) / w.stride_w;
  for (int32_t row = args.row_begin; row < args.row_end; ++row) {
    for (int32_t ox = 0; ox < args.out_w;) {
      const int32_t end = ox >= inner_begin && ox < inner_end ? inner_end : ox + 1;
      place_taps(args, row, ox, padding, plan.taps, taps);
      depthwise_run_int16<Isa>(args, taps, plan.taps, row, ox, end);
      ox = end;
    }
  }
}

}  // namespace linnet::kernels
