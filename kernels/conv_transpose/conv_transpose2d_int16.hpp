// int16 transposed convolution: the pixels of one phase of an output line are rows that its section is multiplied by.
#pragma once

#include "kernels/conv/conv2d_int16.hpp"
#include "kernels/conv_transpose/conv_transpose2d_int8.hpp"
#include "kernels/conv_transpose/plan_int16.hpp"

namespace linnet::kernels {

// Copies the inputs that output `first` of a phase's line meets to a row of k numbers.
template <class Isa>
LINNET_INLINE void gather_transposed_int16(const ConvTranspose2DInt16Args& args, const PhaseLine& line,
                                           const int16_t* x, int32_t first, int32_t k, int16_t* row) {
  const ptrdiff_t channels = args.in_channels;
  int16_t* const end = row + k;
  for_each_phase_tap(args, line, x, first, [&](int32_t, const int16_t* inputs, int32_t ix) LINNET_INLINE_LAMBDA {
    if (inputs != nullptr && ix >= 0 && ix < args.in_w) {
      copy_bytes<Isa>(reinterpret_cast<const int8_t*>(inputs + ix * args.x_stride), reinterpret_cast<int8_t*>(row),
                      channels * static_cast<ptrdiff_t>(sizeof(int16_t)));
    } else {
      std::memset(row, 0, static_cast<size_t>(channels) * sizeof(int16_t));
    }
    row += channels;
  });
  while (row < end) *row++ = 0;
}

// Outputs of one line that belong to one horizontal phase.
template <class Isa>
void transposed_line_int16(const ConvTranspose2DInt16Args& args, const PhaseLine& line, int32_t group,
                           const int8_t* packed, int32_t k) {
  constexpr int32_t kRows = int16_rows(I32<Isa>::width);
  const int32_t stride = args.window.stride_w;
  const int16_t* const x = args.x + static_cast<ptrdiff_t>(group) * args.in_channels;
  int16_t* const gathered = static_cast<int16_t*>(args.scratch);
  const int16_t* rows[kRows];
  RowsInt16 in;
  in.rows = rows;
  in.k = k;
  in.packed = packed;
  in.columns = args.out_channels;
  in.low = args.low;
  in.high = args.high;
  in.y_stride = args.y_stride * stride;
  for (int32_t first = (line.phase_x + stride - args.window.pad_left % stride) % stride; first < args.out_w;
       first += in.count * stride) {
    const int32_t left = (args.out_w - first + stride - 1) / stride;
    in.count = left < kRows ? left : kRows;
    for (int32_t r = 0; r < kRows; ++r) {
      int16_t* const row = gathered + static_cast<ptrdiff_t>(r) * k;
      if (r < in.count) gather_transposed_int16<Isa>(args, line, x, first + r * stride, k, row);
      rows[r] = r < in.count ? row : gathered;
    }
    in.y = args.y + (static_cast<ptrdiff_t>(line.row) * args.out_w + first) * args.y_stride +
           static_cast<ptrdiff_t>(group) * args.out_channels;
    if (in.count == 1) {
      multiply_int16<Isa, SumScaling, 1>(in);
    } else {
      multiply_int16<Isa, SumScaling, kRows>(in);
    }
  }
}

template <class Isa>
void conv_transpose2d_s16_impl(const ConvTranspose2DInt16Args& args) {
  const int8_t* packed = args.packed;
  for_each_section(args, [&](const PhaseSection& section) LINNET_INLINE_LAMBDA {
    const int32_t k = (section.taps * args.in_channels + kPair - 1) / kPair * kPair;
    for_each_line(args, section, [&](const PhaseLine& line) LINNET_INLINE_LAMBDA {
      transposed_line_int16<Isa>(args, line, section.group, packed, k);
    });
    packed += panel_int16_bytes(args.out_channels, k);
  });
}

}  // namespace linnet::kernels
