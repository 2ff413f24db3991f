// int8 convolution with any window and groups; products are those of 1x1.
#pragma once

#include "kernels/codes/multiply_int8.hpp"
#include "kernels/conv/inputs_int8.hpp"
#include "kernels/conv/plan_int8.hpp"
#include "kernels/winograd/winograd2d_int8.hpp"

namespace linnet::kernels {

template <class Isa>
struct ConvolutionInt8 {
  using D = Dot<Isa>;
  using Input = typename D::Input;
  static constexpr int32_t kStep = traits(isa_id<Isa>).int8_rows;

  const Conv2DInt8Args& args;
  const ConvInt8Plan& plan;
  const Input** pointers;
  ptrdiff_t* offsets;
  Input *inputs, *rows;
  Scale scale;
  int64_t section;  // bytes of a group's weights
  char* scratch;

  void multiply(int32_t group, ptrdiff_t pixel, int32_t count, Input* prepared, ptrdiff_t n, int32_t run,
                ptrdiff_t step) const;
  const Input* place_tap(const int8_t* x, const WindowPlace& p, int32_t ky, int32_t kx) const;
  void place_taps(const int8_t* x, ptrdiff_t pixel, int32_t count) const;
  void prepare_rows(const int8_t* x, ptrdiff_t pixel, int32_t count) const;
  void repeat_last(int32_t count) const;
  void run_pixels() const;
  void run_lines() const;
  void copy_windows(int32_t lines, int32_t columns, ptrdiff_t line) const;
  void run_block(int32_t row, int32_t lines, int32_t ox, int32_t columns) const;
};

// Outputs pixel .. pixel + count of a group, whose n inputs are prepared; of each `run` of pixels rows lie `step`
// apart.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::multiply(int32_t group, ptrdiff_t pixel, int32_t count, Input* prepared,
                                                  ptrdiff_t n, int32_t run, ptrdiff_t step) const {
  make_planes<Isa>(prepared, n, plan.plane);
  const EpilogueInt8& e = args.epilogue;
  const ptrdiff_t column = static_cast<ptrdiff_t>(group) * args.out_channels;
  RowsInt8<Isa> rows;
  rows.pointers = pointers;
  rows.offsets = offsets;
  rows.plane = plan.plane;
  rows.run = run;
  rows.row_step = step;
  rows.rows = count;
  rows.taps = rows.tile_taps = plan.taps;
  rows.k = plan.k;
  rows.packed = args.packed + group * section;
  rows.columns = args.out_channels;
  rows.scale = scale;
  rows.y = args.y + pixel * args.y_stride + column;
  rows.y_stride = args.y_stride;
  rows.residual = e.residual ? e.residual + pixel * e.residual_stride + column : nullptr;
  if constexpr (kHasCodes) {
    if (args.codes.bits != 0) {
      const int32_t k = args.window.kernel_h * args.window.kernel_w * args.in_channels;
      return multiply_codes_int8<Isa>(rows, e,
                                      {args.codes, k, reinterpret_cast<int8_t*>(scratch + plan.decoded_offset),
                                       reinterpret_cast<int32_t*>(scratch + plan.sums_offset)});
    }
  }
  multiply_int8<Isa>(rows, e);
}

template <class Isa>
LINNET_INLINE auto ConvolutionInt8<Isa>::place_tap(const int8_t* x, const WindowPlace& p, int32_t ky, int32_t kx) const
    -> const Input* {
  const int32_t iy = p.top + ky * args.window.dilation_h, ix = p.left + kx * args.window.dilation_w;
  const bool inside = iy >= 0 && iy < args.in_h && ix >= 0 && ix < args.in_w;
  return inside ? x + p.image + (static_cast<ptrdiff_t>(iy) * args.in_w + ix) * args.x_stride : inputs;
}

// Pointers to the taps of tiles' pixels, in place; those of missing ones are those of the first.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::place_taps(const int8_t* x, ptrdiff_t pixel, int32_t count) const {
  const WindowPlace first = window_place(args, pixel);
  WindowPlace p = first;
  for (int32_t r = 0; r < count || r % kStep != 0; ++r, p = r < count ? next_place(args, p) : first) {
    const Input** out = pointers + first_pointer<Isa>(r, plan.taps);
    for (int32_t ky = 0; ky < args.window.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < args.window.kernel_w; ++kx, out += kStep) *out = place_tap(x, p, ky, kx);
    }
  }
}

template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::repeat_last(int32_t count) const {
  for (int32_t p = count; p % kStep != 0; ++p) pointers[p] = pointers[count - 1];
}

template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::prepare_rows(const int8_t* x, ptrdiff_t pixel, int32_t count) const {
  const Window& w = args.window;
  const bool is_single =
      w.kernel_h * w.kernel_w == 1 && args.in_channels == plan.k && w.pad_top == 0 && w.pad_left == 0;
  const bool is_whole = is_single && args.in_h == args.out_h && args.in_w == args.out_w;
  const bool lies_inside =
      is_single && int64_t{args.out_h - 1} * w.stride_h < args.in_h && int64_t{args.out_w - 1} * w.stride_w < args.in_w;
  for (int32_t p = 0; p < count; ++p) pointers[p] = inputs + static_cast<ptrdiff_t>(p) * plan.k;
  if (D::converts && is_whole) {
    convert_pixels<Isa>(x + pixel * args.x_stride, args.x_stride, plan.k, count, inputs);
  } else {
    WindowPlace place = window_place(args, pixel);
    for (int32_t p = 0; p < count; ++p, place = next_place(args, place)) {
      Input* const row = inputs + static_cast<ptrdiff_t>(p) * plan.k;
      if (!lies_inside) {
        convert_window<Isa>(args, x, place, plan.k, row);
        continue;
      }
      const int8_t* const first = x + place.image + (ptrdiff_t{place.top} * args.in_w + place.left) * args.x_stride;
      if constexpr (D::converts) {
        convert_inputs<Isa>(first, row, plan.k);
      } else {
        pointers[p] = first;
      }
    }
  }
  repeat_last(count);
}

// Blocks of pixels of any lines, of nearly equal size: a last one of a few would read all weights for them.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::run_pixels() const {
  const ptrdiff_t end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
  const ptrdiff_t begin = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  const ptrdiff_t tiles = (end - begin + kStep - 1) / kStep;
  const ptrdiff_t blocks = tiles == 1 ? 1 : (end - begin + plan.pixels - 1) / plan.pixels;
  const ptrdiff_t block = blocks == 1 ? tiles * kStep : (tiles + blocks - 1) / blocks * kStep;
  for (ptrdiff_t pixel = begin; pixel < end; pixel += block) {
    const int32_t count = static_cast<int32_t>(end - pixel < block ? end - pixel : block);
    for (int32_t group = 0; group < args.groups; ++group) {
      const int8_t* const x = args.x + static_cast<ptrdiff_t>(group) * args.in_channels;
      if constexpr (kPointersByTap<Isa>) {
        plan.inputs == InputsInt8::Pointers ? place_taps(x, pixel, count) : prepare_rows(x, pixel, count);
      } else {
        prepare_rows(x, pixel, count);
      }
      multiply(group, pixel, count, inputs, static_cast<ptrdiff_t>(count) * plan.k, D::converts ? count : 0, plan.k);
    }
  }
}

// The windows of a line of outputs as rows of k inputs, from copied lines of `line` inputs. kHeight: of the kernel,
// kBytes: enough for a line of it, or 0 if it is not known. Returns the end of the rows.
template <class Isa, int kHeight, int kBytes>
LINNET_INLINE auto copy_line_of_windows(const Window& w, int32_t channels, int32_t k, const typename Dot<Isa>::Input* x,
                                        ptrdiff_t line, int32_t columns, typename Dot<Isa>::Input* row) {
  const ptrdiff_t run = static_cast<ptrdiff_t>(w.kernel_w) * channels;
  const int32_t height = kHeight ? kHeight : w.kernel_h;
  for (int32_t column = 0; column < columns; ++column, x += w.stride_w * channels, row += k) {
#pragma GCC unroll 3
    for (int32_t ky = 0; ky < height; ++ky) {
      if constexpr (kBytes > 0) {
        std::memcpy(row + ky * run, x + ky * line, kBytes);
      } else {
        copy_converted<Isa>(x + ky * line, row + ky * run, run);
      }
    }
    if (height * run < k) fill_inputs<Isa>(0, row + height * run, kDot);
  }
  return row;
}

// The windows of a block as rows, from its copied lines of `line` inputs.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::copy_windows(int32_t lines, int32_t columns, ptrdiff_t line) const {
  const Window& w = args.window;
  const int64_t run_bytes = int64_t{w.kernel_w} * args.in_channels * static_cast<int64_t>(sizeof(Input));
  Input* row = rows;
  for (int32_t y = 0; y < lines; ++y) {
    const Input* const x = inputs + y * w.stride_h * line;
    const auto copy = [&](auto height, auto bytes) LINNET_INLINE_LAMBDA {
      return copy_line_of_windows<Isa, height, bytes>(w, args.in_channels, plan.k, x, line, columns, row);
    };
    using std::integral_constant;
    if (w.kernel_h == 3 && run_bytes <= 32) {
      row = run_bytes <= 16 ? copy(integral_constant<int, 3>{}, integral_constant<int, 16>{})
                            : copy(integral_constant<int, 3>{}, integral_constant<int, 32>{});
    } else {
      row = run_bytes <= 16 ? copy(integral_constant<int, 0>{}, integral_constant<int, 16>{})
                            : copy(integral_constant<int, 0>{}, integral_constant<int, 0>{});
    }
  }
}

// Output lines row .. row + lines of one image, `columns` pixels of each from ox on.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::run_block(int32_t row, int32_t lines, int32_t ox, int32_t columns) const {
  const Window& w = args.window;
  const int64_t top = int64_t{row % args.out_h} * w.stride_h - w.pad_top;
  const int64_t left = int64_t{ox} * w.stride_w - w.pad_left;
  const int64_t width = int64_t{columns - 1} * w.stride_w + w.kernel_w;
  const int64_t height = int64_t{lines - 1} * w.stride_h + w.kernel_h;
  const ptrdiff_t line = static_cast<ptrdiff_t>(width) * args.in_channels;
  const bool copies = !lines_are_taps(w, args.in_channels, traits(isa_id<Isa>));
  const ptrdiff_t column_step = copies ? plan.k : static_cast<ptrdiff_t>(w.stride_w) * args.in_channels;
  const ptrdiff_t line_step = copies ? columns * column_step : w.stride_h * line;
  int32_t pixel = 0;
  // Tiles of evenly spaced rows want a pointer each.
  const int32_t step = takes_even_rows<Isa>(columns, lines * columns, args.out_channels) ? kEvenRows<Isa> : 1;
  for (int32_t y = 0; y < lines; ++y) {
    const Input* const first = (copies ? rows : inputs) + y * line_step;
    for (int32_t x = 0; x < columns; x += step) pointers[pixel + x] = first + x * column_step;
    pixel += columns;
  }
  if (step == 1) repeat_last(pixel);
  for (int32_t tap = 0; tap < plan.taps; ++tap) offsets[tap] = tap * line;
  const ptrdiff_t image = static_cast<ptrdiff_t>(row / args.out_h) * args.in_h * args.in_w * args.x_stride;
  for (int32_t group = 0; group < args.groups; ++group) {
    const int8_t* const x = args.x + image + static_cast<ptrdiff_t>(group) * args.in_channels;
    Input* y = inputs;
    for (int64_t i = 0; i < height; ++i) y = convert_line<Isa>(args, x, top + i, left, left + width, y);
    if (copies) copy_windows(lines, columns, line);
    multiply(group, static_cast<ptrdiff_t>(row) * args.out_w + ox, pixel, copies ? rows : inputs,
             copies ? pixel * static_cast<ptrdiff_t>(plan.k) : static_cast<ptrdiff_t>(height) * line,
             copies ? pixel : columns, column_step);
  }
}

template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::run_lines() const {
  const auto part = [](int32_t all, int32_t most) LINNET_INLINE_LAMBDA {
    const int32_t parts = (all - 1) / most + 1;
    return (all - 1) / parts + 1;
  };
  for (int32_t row = args.row_begin, lines; row < args.row_end; row += lines) {
    const int32_t left = args.out_h - row % args.out_h, wanted = args.row_end - row;
    lines = part(left < wanted ? left : wanted, plan.lines);
    for (int32_t ox = 0, columns; ox < args.out_w; ox += columns) {
      columns = part(args.out_w - ox, plan.columns);
      run_block(row, lines, ox, columns);
    }
  }
}

template <class Isa>
void conv2d_s8_impl(const Conv2DInt8Args& args) {
  const int64_t lines = int64_t{args.row_end} - args.row_begin;
  const bool coded = kHasCodes && args.codes.bits != 0;
  const ConvInt8Plan plan =
      plan_conv2d_int8(args.window, args.in_channels, lines, args.out_w, traits(isa_id<Isa>), sizeof(void*), coded);
  const int64_t k = int64_t{plan.taps} * plan.k;
  const auto panel_bytes = [&](int64_t width) LINNET_INLINE_LAMBDA {
    return coded ? int8_codes_panel_bytes(args.codes, width, k) : width * (kPanelHeader + k);
  };
  // For one row it would take longer to look than to scale in the general way.
  const Scale scale = lines * args.out_w == 1 ? general_scale(args.epilogue.requantize.rounding)
                                              : scale_of_sums<Isa>(args.epilogue.requantize.rounding, args.packed,
                                                                   args.groups, args.out_channels, k, panel_bytes);
  if constexpr (PointProducts<Isa>::tile_rows > 0) {
    const bool serves = has_winograd_int8(args.window, args.in_channels, traits(isa_id<Isa>));
    if (serves && !coded && winograd_int8<Isa>(args, scale)) return;
  }
  using Input = typename Dot<Isa>::Input;
  char* const scratch = static_cast<char*>(args.scratch);
  const ConvolutionInt8<Isa> convolution{
      args,
      plan,
      reinterpret_cast<const Input**>(scratch),
      reinterpret_cast<ptrdiff_t*>(scratch + plan.offsets_offset),
      reinterpret_cast<Input*>(scratch + plan.inputs_offset),
      reinterpret_cast<Input*>(scratch + plan.rows_offset),
      scale,
      coded ? panel_int8_codes_bytes(args.codes, args.out_channels, k) : panel_int8_bytes(args.out_channels, k),
      scratch};
  if constexpr (kPointersByTap<Isa>) {
    if (plan.inputs == InputsInt8::Pointers)
      std::memset(convolution.inputs, args.input_zero_point, static_cast<size_t>(args.in_channels));
    convolution.run_pixels();
  } else {
    if (plan.inputs == InputsInt8::Lines) return convolution.run_lines();
    convolution.offsets[0] = 0;
    convolution.run_pixels();
  }
}

}  // namespace linnet::kernels
