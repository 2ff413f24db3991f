// One pass over the image gathers every channel's moments, chunk by chunk, unless the step that made the image has; the
// channels of a group are added up after, so that the size of a group does not matter to it. Another pass normalizes.
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/norm/moments.hpp"
#include "kernels/norm/plan.hpp"
#include "kernels/norm/standardize.hpp"
#include "kernels/reduce/reduce.hpp"

namespace linnet::kernels {

// The channels' moments over one image.
template <class Isa>
void image_moments(const GroupNormArgs& args, int32_t image, const float* x, float* total, float* part) {
  const int32_t chunk = args.moments != nullptr ? args.chunk_pixels : kGroupNormChunkPixels;
  const int32_t chunks = (args.pixels - 1) / chunk + 1;
  const MomentRows<float*> sums(total, args.channels);
  for (int32_t i = 0; i < chunks; ++i) {
    const int32_t pixels = i + 1 < chunks ? chunk : args.pixels - i * chunk;
    const float* moments = part;
    ptrdiff_t stride = args.channels;
    if (args.moments != nullptr) {
      stride = args.moments_stride;
      moments = args.moments + (static_cast<ptrdiff_t>(image) * chunks + i) * 3 * stride;
    } else {
      moments_f32_impl<Isa>({pixels, args.channels, x + static_cast<ptrdiff_t>(i) * chunk * args.x_stride,
                             args.x_stride, i == 0 ? total : part, args.channels});
      if (i == 0) continue;
    }
    if (i > 0) {
      add_moments<Isa>({moments, stride}, pixels, args.channels, sums);
      continue;
    }
    for (int row = 0; row < 3; ++row) {
      std::memcpy(total + row * args.channels, moments + row * stride, static_cast<size_t>(args.channels) * 4);
    }
  }
}

// Replaces each channel's value by the sum over the channels of its group.
template <class Isa>
void sum_groups(const GroupNormArgs& args, float* values) {
  const int32_t size = args.channels / args.groups;
  for (int32_t g = 0; g < args.groups; ++g) {
    float* group = values + static_cast<ptrdiff_t>(g) * size;
    const F32<Isa> total = reduce_source<Isa, ReduceKind::Sum>(RowSource<Isa>{group, size});
    for_each_vector<Isa>(size, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA { total.store_n(group + i, count); });
  }
}

// Replaces each channel's moments by those of its group, about the mean of the group; `means` is memory for them.
template <class Isa>
void group_moments(const GroupNormArgs& args, const MomentRows<float*>& moments, float* means) {
  const int32_t size = args.channels / args.groups;
  if (size == 1) return;
  const F32<Isa> pixels = F32<Isa>::set(static_cast<float>(args.pixels));
  const F32<Isa> channels = F32<Isa>::set(static_cast<float>(size));
  for_each_vector<Isa>(args.channels, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
    const F32<Isa> mean =
        F32<Isa>::load_n(moments.point + c, count) + F32<Isa>::load_n(moments.sum + c, count) / pixels;
    mean.store_n(means + c, count);
  });
  sum_groups<Isa>(args, means);
  for_each_vector<Isa>(args.channels, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
    const F32<Isa> mean = F32<Isa>::load_n(means + c, count) / channels;
    const ShiftedSums<Isa> sums(F32<Isa>::load_n(moments.sum + c, count), F32<Isa>::load_n(moments.square + c, count),
                                mean - F32<Isa>::load_n(moments.point + c, count), pixels);
    mean.store_n(moments.point + c, count);
    sums.sum.store_n(moments.sum + c, count);
    sums.square.store_n(moments.square + c, count);
  });
  sum_groups<Isa>(args, moments.sum);
  sum_groups<Isa>(args, moments.square);
}

// Turns moments into y = activation((x - point[c]) * factor[c] + offset[c]), rows of the same memory.
template <class Isa>
void standardize_channels(const GroupNormArgs& args, const MomentRows<float*>& moments) {
  const int32_t size = args.channels / args.groups;
  const F32<Isa> elements = F32<Isa>::set(static_cast<float>(args.pixels)) * F32<Isa>::set(static_cast<float>(size));
  for_each_vector<Isa>(args.channels, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
    const Standardization<Isa> channel =
        standardize(F32<Isa>::load_n(moments.point + c, count), F32<Isa>::load_n(moments.sum + c, count),
                    F32<Isa>::load_n(moments.square + c, count), elements, args.epsilon, args.epsilon_outside);
    const F32<Isa> scale = F32<Isa>::load_n(args.scale + c, count);
    (channel.factor * scale).store_n(moments.sum + c, count);
    fma(channel.offset, scale, F32<Isa>::load_n(args.shift + c, count)).store_n(moments.square + c, count);
  });
}

template <class Isa>
void group_norm_f32_impl(const GroupNormArgs& args) {
  const GroupNormPlan plan = plan_group_norm(args.channels);
  float* total = static_cast<float*>(args.scratch);
  const MomentRows<float*> rows(total, args.channels);
  const Clamp limits = make_clamp<Isa>(args.activation);
  const ClampVectors<Isa> clamp(limits);
  for (int32_t image = args.image_begin; image < args.image_end; ++image) {
    const float* x = args.x + static_cast<ptrdiff_t>(image) * args.pixels * args.x_stride;
    float* y = args.y + static_cast<ptrdiff_t>(image) * args.pixels * args.y_stride;
    image_moments<Isa>(args, image, x, total, total + plan.part);
    group_moments<Isa>(args, rows, total + plan.part);
    standardize_channels<Isa>(args, rows);
    x += args.pixel_begin * args.x_stride;
    y += args.pixel_begin * args.y_stride;
    for (int32_t p = args.pixel_begin; p < args.pixel_end; ++p, x += args.x_stride, y += args.y_stride) {
      for_each_vector<Isa>(args.channels, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
        const F32<Isa> difference = F32<Isa>::load_n(x + c, count) - F32<Isa>::load_n(rows.point + c, count);
        clamp(fma(difference, F32<Isa>::load_n(rows.sum + c, count), F32<Isa>::load_n(rows.square + c, count)))
            .store_n(y + c, count);
      });
      if (limits.deferred) apply_activation<Isa>(args.activation, y, args.channels);
    }
  }
}

}  // namespace linnet::kernels
