// How the int8 convolutions divide their scratch memory; the scratch size functions are the sizes of these plans.
#pragma once

#include "kernels/codes/plan_int8.hpp"
#include "kernels/winograd/plan_int8.hpp"

namespace linnet::kernels {

LINNET_INLINE constexpr int64_t aligned_64(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// How the inputs of a block of output pixels reach the products, which want whole groups of four of them.
enum class InputsInt8 : uint8_t {
  Pointers,  // in place, with a pointer for each tap of each pixel: the scalar kernel
  Rows,      // each pixel's window is copied
  Lines,     // the lines of the image under the block are copied with their padding, so that all windows lie inside;
             // where a window's lines are no taps, each window is then copied from there
};

// Pixels of a block are computed together, so that each weight panel serves all of them.
struct ConvInt8Plan {
  InputsInt8 inputs;
  int32_t taps, k;         // of a row as it is multiplied; what lies together is one tap
  int32_t pixels;          // of a block, at most
  int32_t lines, columns;  // Lines: output lines of a block and their pixels, at most; parts of lines come one by one
  int64_t offsets_offset;  // bytes; of taps, behind pointers: a pixel's or, with Pointers, [taps][int8_rows] a tile
  int64_t inputs_offset;   // the copies; with Pointers a pixel of padding
  int64_t rows_offset;     // the copies of windows behind those of lines
  int64_t plane;           // from the copies to their next plane
  int64_t decoded_offset;  // of codes (codes/plan_int8.hpp): a run of weights, and the sums that wait
  int64_t sums_offset;
  int64_t scratch_bytes;
};

// Bytes behind the copies that writing them may touch.
constexpr int64_t kCopySlack = 64;

constexpr int64_t kMostPixelsInt8 = 512;  // of a block

// As many pixels as `budget` bytes hold: whole tiles, at most so many and no more than there are.
LINNET_INLINE constexpr int32_t block_pixels_int8(int64_t pixel_bytes, int64_t budget, int64_t pixels,
                                                  const IsaTraits& traits, int64_t most) {
  const int64_t step = traits.int8_rows, all = (pixels + step - 1) / step * step;
  if (all <= step) return static_cast<int32_t>(step);
  const int64_t fitting = budget / pixel_bytes;
  const int64_t wanted = (fitting < most ? fitting : most) / step * step;
  return static_cast<int32_t>(wanted < step ? step : wanted < all ? wanted : all);
}

LINNET_INLINE constexpr int64_t copies_budget_int8(const IsaTraits& traits, bool coded) {
  if (traits.width == 1 && coded) return 2 * 1024;
  return traits.width == 1 ? 0 : traits.width == 4 || traits.int8_planes > 1 ? 32 * 1024 : 64 * 1024;
}

LINNET_INLINE constexpr ConvInt8Plan divide_int8(ConvInt8Plan plan, int64_t pointers, int64_t copied,
                                                 const IsaTraits& traits, int32_t pointer_bytes) {
  plan.offsets_offset = pointers * pointer_bytes;
  plan.inputs_offset = aligned_64(plan.offsets_offset + (traits.width == 1 ? 0 : int64_t{plan.taps} * pointer_bytes));
  plan.plane = traits.width == 1 ? copied : aligned_64(copied + kCopySlack);
  plan.scratch_bytes = plan.inputs_offset + traits.int8_planes * plan.plane;
  return plan;
}

// Windows of `taps` taps, read in place by the scalar kernel where a tap is whole groups, copied otherwise.
LINNET_INLINE constexpr ConvInt8Plan plan_windows_int8(int64_t taps, int32_t in_channels, int64_t pixels,
                                                       const IsaTraits& traits, int32_t pointer_bytes,
                                                       bool coded = false) {
  ConvInt8Plan plan{};
  if (in_channels % kDot == 0 && traits.width == 1) {
    plan.inputs = InputsInt8::Pointers;
    plan.taps = static_cast<int32_t>(taps);
    plan.k = in_channels;
    plan.pixels = coded ? block_pixels_int8(1, kCodedPixels, pixels, traits, kCodedPixels) : traits.int8_rows;
    return divide_int8(plan, taps * plan.pixels, in_channels, traits, pointer_bytes);
  }
  plan.inputs = InputsInt8::Rows;
  plan.taps = 1;
  plan.k = static_cast<int32_t>((taps * in_channels + kDot - 1) / kDot * kDot);
  const int64_t row_bytes = int64_t{plan.k} * traits.int8_input_bytes;
  plan.pixels = block_pixels_int8(row_bytes, copies_budget_int8(traits, coded), pixels, traits,
                                  coded ? most_coded_pixels(traits, plan.k, kMostPixelsInt8) : kMostPixelsInt8);
  return divide_int8(plan, plan.pixels, plan.pixels * row_bytes, traits, pointer_bytes);
}

// Whether a window's lines are taps, or its pixels' windows are copied.
LINNET_INLINE constexpr bool lines_are_taps(const Window& window, int32_t in_channels, const IsaTraits& traits) {
  const int64_t inputs = traits.int8_short_taps ? int64_t{window.kernel_w} * in_channels : in_channels;
  return inputs % kDot == 0;
}

LINNET_INLINE constexpr ConvInt8Plan plan_lines_int8(const Window& window, int32_t in_channels, int64_t out_lines,
                                                     int32_t out_w, const IsaTraits& traits, int32_t pointer_bytes,
                                                     bool coded) {
  const int64_t budget = copies_budget_int8(traits, coded), step = traits.int8_rows;
  const int64_t pixel_bytes = int64_t{in_channels} * traits.int8_input_bytes;
  const int64_t taps = int64_t{window.kernel_h} * window.kernel_w;
  const bool whole = lines_are_taps(window, in_channels, traits);
  ConvInt8Plan plan{};
  plan.inputs = InputsInt8::Lines;
  plan.taps = whole ? window.kernel_h : 1;
  plan.k = whole ? window.kernel_w * in_channels : static_cast<int32_t>((taps * in_channels + kDot - 1) / kDot * kDot);
  const int64_t row_bytes = whole ? 0 : int64_t{plan.k} * traits.int8_input_bytes;
  const int64_t limit =
      coded ? most_coded_pixels(traits, int64_t{plan.taps} * plan.k, kMostPixelsInt8) : kMostPixelsInt8;
  const int32_t most = block_pixels_int8(row_bytes + 1, budget, out_lines * out_w, traits, limit);
  const int64_t column_bytes = window.kernel_h * window.stride_w * pixel_bytes;
  const int64_t rest = budget - taps * pixel_bytes + column_bytes;
  const int32_t columns =
      block_pixels_int8(column_bytes, rest > 0 ? rest : 0, out_w < most ? out_w : most, traits, limit);
  plan.columns = columns < out_w ? columns : out_w;
  plan.lines = 1;
  const int64_t line_bytes = (int64_t{plan.columns - 1} * window.stride_w + window.kernel_w) * pixel_bytes;
  if (plan.columns == out_w && budget > window.kernel_h * line_bytes) {
    const int64_t fitting = (budget - window.kernel_h * line_bytes) / (window.stride_h * line_bytes) + 1;
    const int64_t wanted = fitting < most / out_w ? fitting : most / out_w;
    plan.lines = static_cast<int32_t>(wanted < 1 ? 1 : wanted < out_lines ? wanted : out_lines);
  }
  plan.pixels = plan.lines * plan.columns;
  const int64_t lines = (int64_t{plan.lines - 1} * window.stride_h + window.kernel_h) * line_bytes;
  const int64_t copied = whole ? lines : aligned_64(lines + kCopySlack) + plan.pixels * row_bytes;
  plan = divide_int8(plan, (plan.pixels + step - 1) / step * step, copied, traits, pointer_bytes);
  plan.rows_offset = plan.inputs_offset + aligned_64(lines + kCopySlack);
  return plan;
}

// `out_lines`: of all images together; `coded`: with Panel16Int8Codes.
LINNET_INLINE constexpr ConvInt8Plan plan_conv2d_int8(const Window& window, int32_t in_channels, int64_t out_lines,
                                                      int32_t out_w, const IsaTraits& traits, int32_t pointer_bytes,
                                                      bool coded) {
  const int64_t taps = int64_t{window.kernel_h} * window.kernel_w;
  const bool overlaps = taps > 1 && window.dilation_h == 1 && window.dilation_w == 1 &&
                        window.stride_h <= window.kernel_h && window.stride_w <= window.kernel_w;
  ConvInt8Plan plan = traits.width > 1 && overlaps
                          ? plan_lines_int8(window, in_channels, out_lines, out_w, traits, pointer_bytes, coded)
                          : plan_windows_int8(taps, in_channels, out_lines * out_w, traits, pointer_bytes, coded);
  if (!coded) return plan;
  plan.decoded_offset = aligned_64(plan.scratch_bytes);
  plan.sums_offset = plan.decoded_offset + decoded_bytes_int8(traits);
  plan.scratch_bytes = plan.sums_offset + partial_sums_bytes(traits, int64_t{plan.taps} * plan.k, plan.pixels);
  return plan;
}

// A tap of the window of an output pixel: where its inputs are, and how far those of the next output pixel lie from
// them.
template <class Element>
struct DepthwiseTap {
  const Element* x;
  ptrdiff_t step;
};

struct DepthwiseInt8Plan {
  int32_t taps;            // a multiple of 4; those behind the last have zero weights
  int64_t padding_offset;  // bytes; a pixel of padding, behind the taps
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr DepthwiseInt8Plan plan_depthwise_int8(const Window& window, int32_t channels,
                                                              int32_t pointer_bytes) {
  DepthwiseInt8Plan plan{};
  plan.taps = static_cast<int32_t>((int64_t{window.kernel_h} * window.kernel_w + kDot - 1) / kDot * kDot);
  plan.padding_offset = aligned_64(int64_t{plan.taps} * 2 * pointer_bytes);
  plan.scratch_bytes = plan.padding_offset + channels;
  return plan;
}

}  // namespace linnet::kernels
