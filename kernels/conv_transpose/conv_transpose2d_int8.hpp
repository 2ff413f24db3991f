// int8 transposed convolution: the pixels of one phase of an output line are rows that its section is multiplied by.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/conv_transpose/plan_int8.hpp"

namespace linnet::kernels {

// Calls tap(i, line, column) for each tap i of the phase: the input line that it meets, null outside of the image, and
// the column that output `first` meets there.
template <class Args, class Element, class Tap>
LINNET_INLINE void for_each_phase_tap(const Args& args, const PhaseLine& at, const Element* x, int32_t first, Tap tap) {
  const Window& w = args.window;
  const int32_t image = at.row / args.out_h, oy = at.row % args.out_h;
  int32_t i = 0;
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    if (!in_phase(ky, w.dilation_h, w.stride_h, at.phase_y)) continue;
    const int32_t iy = (oy + w.pad_top - ky * w.dilation_h) / w.stride_h;
    const bool inside = iy >= 0 && iy < args.in_h;
    const ptrdiff_t line = inside ? (static_cast<ptrdiff_t>(image) * args.in_h + iy) * args.in_w : 0;
    for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
      if (!in_phase(kx, w.dilation_w, w.stride_w, at.phase_x)) continue;
      const int32_t column = (first + w.pad_left - kx * w.dilation_w) / w.stride_w;
      tap(i++, inside ? x + line * args.x_stride : nullptr, column);
    }
  }
}

// Outputs of one line that belong to one horizontal phase.
template <class Isa>
struct TransposedLineInt8 {
  using Input = typename Dot<Isa>::Input;
  static constexpr int32_t kStep = traits(isa_id<Isa>).int8_rows;

  const ConvTranspose2DInt8Args& args;
  const ConvInt8Plan& plan;  // with the taps of the phase
  const Input** pointers;
  const ptrdiff_t* offsets;
  Input* inputs;
  PhaseLine at;

  void prepare(const int8_t* x, int32_t first, int32_t count) const;
  void run(int32_t group, const int8_t* packed, Scale scale) const;
};

// Inputs of `count` outputs, a stride apart, as those of a convolution.
template <class Isa>
void TransposedLineInt8<Isa>::prepare(const int8_t* x, int32_t first, int32_t count) const {
  const ptrdiff_t channels = args.in_channels, tail = plan.k - kDot;
  const bool copies = plan.inputs == InputsInt8::Rows;
  if (copies && tail >= 0) {  // the end that has no input, if there is one
    for (int32_t r = 0; r < count; ++r) fill_inputs<Isa>(0, inputs + r * ptrdiff_t{plan.k} + tail, kDot);
  }
  for_each_phase_tap(args, at, x, first, [&](int32_t i, const int8_t* line, int32_t column) LINNET_INLINE_LAMBDA {
    for (int32_t r = 0; r < count; ++r) {
      const int32_t ix = column + r;
      const bool inside = line != nullptr && ix >= 0 && ix < args.in_w;
      Input* const copy = inputs + r * ptrdiff_t{plan.k} + i * channels;
      if (copies && inside) {
        convert_exactly<Isa>(line + ix * args.x_stride, copy, channels);
      } else if (copies) {
        fill_inputs<Isa>(args.input_zero_point, copy, channels);
      } else if constexpr (kPointersByTap<Isa>) {
        pointers[(r / kStep * plan.taps + i) * kStep + r % kStep] = inside ? line + ix * args.x_stride : inputs;
      }
    }
  });
  const int32_t end = (count + kStep - 1) / kStep * kStep;
  if (copies) {
    for (int32_t r = 0; r < end; ++r) pointers[r] = inputs + ptrdiff_t{r < count ? r : count - 1} * plan.k;
  } else {
    for (int32_t i = 0; i < plan.taps; ++i) {
      const Input** const tile = pointers + ((end - kStep) / kStep * plan.taps + i) * kStep;
      for (int32_t r = count - (end - kStep); r < kStep; ++r) tile[r] = tile[0];
    }
  }
}

template <class Isa>
void TransposedLineInt8<Isa>::run(int32_t group, const int8_t* packed, Scale scale) const {
  const int32_t stride = args.window.stride_w;
  const int32_t begin = (at.phase_x + stride - args.window.pad_left % stride) % stride;
  const int8_t* const x = args.x + static_cast<ptrdiff_t>(group) * args.in_channels;
  EpilogueInt8 epilogue = {};
  epilogue.requantize = args.requantize;
  int32_t count = 0;
  for (int32_t first = begin; first < args.out_w; first += count * stride) {
    const int32_t left = (args.out_w - first + stride - 1) / stride;
    count = left < plan.pixels ? left : plan.pixels;
    prepare(x, first, count);
    make_planes<Isa>(inputs, count * ptrdiff_t{plan.k}, plan.plane);
    RowsInt8<Isa> rows;
    rows.pointers = pointers;
    rows.offsets = offsets;
    rows.plane = plan.plane;
    rows.run = count;
    rows.row_step = plan.k;
    rows.rows = count;
    rows.taps = rows.tile_taps = plan.taps;
    rows.k = plan.k;
    rows.packed = packed;
    rows.columns = args.out_channels;
    rows.scale = scale;
    rows.y = args.y + (static_cast<ptrdiff_t>(at.row) * args.out_w + first) * args.y_stride +
             static_cast<ptrdiff_t>(group) * args.out_channels;
    rows.y_stride = args.y_stride * stride;
    rows.residual = nullptr;
    multiply_int8<Isa>(rows, epilogue);
  }
}

template <class Isa>
void conv_transpose2d_s8_impl(const ConvTranspose2DInt8Args& args) {
  using Input = typename Dot<Isa>::Input;
  ConvInt8Plan plan =
      plan_conv_transpose2d_int8(args.window, args.in_channels, args.out_w, traits(isa_id<Isa>), sizeof(void*));
  char* const scratch = static_cast<char*>(args.scratch);
  const Input** const pointers = reinterpret_cast<const Input**>(scratch);
  ptrdiff_t* const offsets = reinterpret_cast<ptrdiff_t*>(scratch + plan.offsets_offset);
  Input* const inputs = reinterpret_cast<Input*>(scratch + plan.inputs_offset);
  const bool copies = plan.inputs == InputsInt8::Rows;
  if (!copies) std::memset(inputs, args.input_zero_point, static_cast<size_t>(args.in_channels));
  if (!kPointersByTap<Isa>) offsets[0] = 0;
  const int8_t* packed = args.packed;
  for_each_section(args, [&](const PhaseSection& section) LINNET_INLINE_LAMBDA {
    const int32_t k = section.taps * args.in_channels, terms = (k + kDot - 1) / kDot * kDot;
    const Scale scale = scale_of_sums<Isa>(args.requantize.rounding, packed, 1, args.out_channels, terms);
    (copies ? plan.k : plan.taps) = copies ? terms : section.taps;
    for_each_line(args, section, [&](const PhaseLine& line) LINNET_INLINE_LAMBDA {
      TransposedLineInt8<Isa>{args, plan, pointers, offsets, inputs, line}.run(section.group, packed, scale);
    });
    packed += panel_int8_bytes(args.out_channels, k);
  });
}

}  // namespace linnet::kernels
