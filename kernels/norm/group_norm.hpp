// Sums are taken per channel, with vectors over channels, and then added up over the channels of a group, so that the
// size of a group does not matter to the passes over the image.
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/norm/plan.hpp"
#include "kernels/norm/standardize.hpp"
#include "kernels/norm/sums.hpp"
#include "kernels/reduce/reduce.hpp"

namespace linnet::kernels {

// Over the pixels, for the kVectors vectors of channels from c on, of which the last holds `count` channels: sums[c] =
// sum of x. With kCentred: sums[c] = sum of x - means[c], squares[c] = sum of its square.
template <class Isa, bool kCentred, int kVectors>
void sum_channels(const GroupNormArgs& args, const float* x, ptrdiff_t c, int count, const float* means, float* sums,
                  float* squares) {
  constexpr int kWidth = F32<Isa>::width;
  const auto lanes = [count](int v) LINNET_INLINE_LAMBDA { return v == kVectors - 1 ? count : kWidth; };
  F32<Isa> mean[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    mean[v] = kCentred ? F32<Isa>::load_n(means + c + v * kWidth, lanes(v)) : F32<Isa>::set(0.0f);
  }
  CascadeSum<Isa> sum[kVectors], square[kVectors];
  for (int32_t p = 0; p < args.pixels; p += kRunRows) {
    const int32_t rows = args.pixels - p < kRunRows ? args.pixels - p : kRunRows;
    const auto run = sum_run<Isa, kCentred>(x + p * args.x_stride + c, args.x_stride, rows, count, mean);
    for (int v = 0; v < kVectors; ++v) {
      sum[v].add(run.value[v]);
      if constexpr (kCentred) square[v].add(run.square[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    sum[v].total().store_n(sums + c + v * kWidth, lanes(v));
    if constexpr (kCentred) square[v].total().store_n(squares + c + v * kWidth, lanes(v));
  }
}

template <class Isa, bool kCentred>
void sum_image(const GroupNormArgs& args, const float* x, const float* means, float* sums, float* squares) {
  constexpr int kVectors = 4, kWidth = F32<Isa>::width;
  ptrdiff_t c = 0;
  for (; c + kVectors * kWidth <= args.channels; c += kVectors * kWidth) {
    sum_channels<Isa, kCentred, kVectors>(args, x, c, kWidth, means, sums, squares);
  }
  for_each_vector<Isa>(args.channels - c, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    sum_channels<Isa, kCentred, 1>(args, x, c + i, count, means, sums, squares);
  });
}

// Replaces each channel's value by the sum over the channels of its group.
template <class Isa>
void sum_groups(const GroupNormArgs& args, float* values) {
  const int32_t size = args.channels / args.groups;
  if (size == 1) return;
  for (int32_t g = 0; g < args.groups; ++g) {
    float* group = values + static_cast<ptrdiff_t>(g) * size;
    const F32<Isa> total = reduce_source<Isa, ReduceKind::Sum>(RowSource<Isa>{group, size});
    for_each_vector<Isa>(size, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA { total.store_n(group + i, count); });
  }
}

// Fills the scratch for one image: y = activation((x - means[c]) * factors[c] + offsets[c]).
template <class Isa>
void group_norm_parameters(const GroupNormArgs& args, const float* x, float* means, float* factors, float* offsets) {
  const F32<Isa> elements =
      F32<Isa>::set(static_cast<float>(args.pixels)) * F32<Isa>::set(static_cast<float>(args.channels / args.groups));
  sum_image<Isa, false>(args, x, nullptr, means, nullptr);
  sum_groups<Isa>(args, means);
  for_each_vector<Isa>(args.channels, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
    (F32<Isa>::load_n(means + c, count) / elements).store_n(means + c, count);
  });

  float* differences = offsets;
  float* squares = factors;
  sum_image<Isa, true>(args, x, means, differences, squares);
  sum_groups<Isa>(args, differences);
  sum_groups<Isa>(args, squares);
  for_each_vector<Isa>(args.channels, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
    const Standardization<Isa> channel =
        standardize(F32<Isa>::load_n(means + c, count), F32<Isa>::load_n(differences + c, count),
                    F32<Isa>::load_n(squares + c, count), elements, args.epsilon, args.epsilon_outside);
    const F32<Isa> scale = F32<Isa>::load_n(args.scale + c, count);
    (channel.factor * scale).store_n(factors + c, count);
    fma(channel.offset, scale, F32<Isa>::load_n(args.shift + c, count)).store_n(offsets + c, count);
  });
}

template <class Isa>
void group_norm_f32_impl(const GroupNormArgs& args) {
  const GroupNormPlan plan = plan_group_norm(args.channels);
  float* means = static_cast<float*>(args.scratch);
  float* factors = means + plan.factors;
  float* offsets = means + plan.offsets;
  const Clamp limits = make_clamp(args.activation);
  const ClampVectors<Isa> clamp(limits);
  for (int32_t image = args.image_begin; image < args.image_end; ++image) {
    const float* x = args.x + static_cast<ptrdiff_t>(image) * args.pixels * args.x_stride;
    float* y = args.y + static_cast<ptrdiff_t>(image) * args.pixels * args.y_stride;
    group_norm_parameters<Isa>(args, x, means, factors, offsets);
    for (int32_t p = 0; p < args.pixels; ++p, x += args.x_stride, y += args.y_stride) {
      for_each_vector<Isa>(args.channels, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
        const F32<Isa> difference = F32<Isa>::load_n(x + c, count) - F32<Isa>::load_n(means + c, count);
        clamp(fma(difference, F32<Isa>::load_n(factors + c, count), F32<Isa>::load_n(offsets + c, count)))
            .store_n(y + c, count);
      });
      if (limits.deferred) apply_activation<Isa>(args.activation, y, args.channels);
    }
  }
}

}  // namespace linnet::kernels
