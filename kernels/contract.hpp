// The contract of every float32 kernel: argument structs only, no code. Lengths and strides count elements unless a
// name ends in _bytes. Pointers never alias unless stated. Activations are channels-last; `row` means one pixel (all
// channels). Reading up to 64 bytes past the end of packed weights is allowed; activations are never read or written
// outside their rows. Every kernel computes an output element by the same sequence of operations wherever it lies in a
// tile, so that results do not depend on how a caller splits the work over threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/function.hpp"
#include "kernels/isa.hpp"

namespace linnet::kernels {

// Applied to an accumulator in this order: + bias (in the packed weights), + residual, activation.
struct Epilogue {
  const float* residual = nullptr;  // same rows and columns as the output; may be the output itself
  ptrdiff_t residual_stride = 0;    // between rows
  Activation activation;
};

// c[m, n] = epilogue(sum over k of a[m, k] * w[k, n])
template <class Weight>
struct GemmArgsOf {
  int32_t m, n, k;
  const float* a;
  ptrdiff_t a_stride;
  const Weight* packed;  // Panel16 section of [k, n]; of int8_t Panel16Float32x8
  float* c;
  ptrdiff_t c_stride;
  Epilogue epilogue;
};
using GemmArgs = GemmArgsOf<float>;
using GemmFloat32x8Args = GemmArgsOf<int8_t>;

// c[m, n] = epilogue(bias[n] + sum over k of a[m, k] * w[n, k]) with the w of a layer that multiplies by its transpose,
// in that layer's packing. Outputs n_begin <= n < n_end only.
struct GemmTransposedArgs {
  int32_t m, n, k;
  int32_t n_begin, n_end;
  const float* a;
  ptrdiff_t a_stride;
  const float* packed;  // Panel16 section of [n, k], whose own biases are not read
  const float* bias;    // [n], or null for zeros
  float* c;
  ptrdiff_t c_stride;
  Epilogue epilogue;
};

// Geometry shared by the convolution-like kernels; bottom and right padding follow from the output size.
struct Window {
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
};

// x [batch, in_h, in_w, groups * in_channels] -> y [batch, out_h, out_w, groups * out_channels].
// Computes output rows (batch * out_h of them, row r being image r / out_h, line r % out_h) row_begin <= r < row_end.
// `packed`: one Panel16 section, of int8_t Panel16Float32x8, of [kernel_h * kernel_w * in_channels, out_channels] per
// group, one after the other.
template <class Weight>
struct Conv2DArgsOf {
  Window window;
  int32_t in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t row_begin, row_end;
  const float* x;
  ptrdiff_t x_stride;  // between pixels
  const Weight* packed;
  float* y;
  ptrdiff_t y_stride;
  Epilogue epilogue;
  void* scratch;  // conv2d_scratch_bytes(), 64-byte aligned, one per concurrent call
};
using Conv2DArgs = Conv2DArgsOf<float>;
using Conv2DFloat32x8Args = Conv2DArgsOf<int8_t>;

// x [batch, in_h, in_w, channels] -> y [batch, out_h, out_w, channels]; rows as in Conv2DArgs.
// `packed` (Depthwise16): panels of channels, each bias [width] then weights [kernel_h * kernel_w][width]; of int8_t
// Depthwise16Float32x8, with scales [width] behind the biases.
template <class Weight>
struct DepthwiseArgsOf {
  Window window;
  int32_t in_h, in_w, out_h, out_w, channels;
  int32_t row_begin, row_end;
  const float* x;
  ptrdiff_t x_stride;
  const Weight* packed;
  float* y;
  ptrdiff_t y_stride;
  Epilogue epilogue;
  void* scratch;  // depthwise_scratch_bytes()
};
using DepthwiseArgs = DepthwiseArgsOf<float>;
using DepthwiseFloat32x8Args = DepthwiseArgsOf<int8_t>;

// A 3x3 convolution of stride and dilation 1 by Winograd's F(tile x tile, 3x3), kernels/winograd/transform.hpp: tile is
// 2, 4 or 6. Computes rows of tiles (batch * ceil(out_h / tile) of them, counted like output rows) row_begin <= r <
// row_end and outputs column_begin <= n < column_end, column_begin a multiple of 2 * kPanel, column_end one too or
// out_channels. `packed`: a Panel16 section of [(tile + 2)^2 * (in_channels + 1), out_channels], for each point of the
// transform a row of zeros and the transformed weights (winograd2d_matrix() in pack.hpp).
struct WinogradArgs {
  int32_t tile;
  Window window;  // 3x3, strides and dilations 1
  int32_t in_h, in_w, out_h, out_w;
  int32_t in_channels, out_channels;
  int32_t row_begin, row_end;
  int32_t column_begin, column_end;
  const float* x;
  ptrdiff_t x_stride;
  const float* packed;
  float* y;
  ptrdiff_t y_stride;
  Epilogue epilogue;
  void* scratch;  // winograd2d_scratch_bytes(), 64-byte aligned, one per concurrent call
};

// Transposed convolution, as stride_h * stride_w direct convolutions (phases). Output pixel (oy, ox) belongs to phase
// ((oy + pad_top) % stride_h, (ox + pad_left) % stride_w) and sums kernel taps (ky, kx) with
// (oy + pad_top - ky * dilation_h) % stride_h == 0 (same for x), reading input line (oy + pad_top - ky * dilation_h) /
// stride_h. `packed`: for each group, for each phase (row-major), one Panel16 section of [taps of the phase *
// in_channels, out_channels], taps in ascending (ky, kx); a phase without taps is a section with k = 0, that is, the
// biases. Of int8_t Panel16Float32x8 sections.
template <class Weight>
struct ConvTranspose2DArgsOf {
  Window window;
  int32_t in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t row_begin, row_end;                 // output rows
  const float* x;
  ptrdiff_t x_stride;
  const Weight* packed;
  float* y;
  ptrdiff_t y_stride;
  Epilogue epilogue;
  void* scratch;  // conv_transpose2d_scratch_bytes()
};
using ConvTranspose2DArgs = ConvTranspose2DArgsOf<float>;
using ConvTranspose2DFloat32x8Args = ConvTranspose2DArgsOf<int8_t>;

// c[m, n] = activation(scale * sum over k of a[m, k] * b[k, n]) for one batch entry; columns n_begin..n_end only,
// n_begin a multiple of kPanel.
struct MatMulArgs {
  int32_t m, n, k;
  int32_t n_begin, n_end;
  const float* a;
  ptrdiff_t a_stride_m, a_stride_k;
  const float* b;
  ptrdiff_t b_stride_k, b_stride_n;
  float* c;
  ptrdiff_t c_stride_m;
  float scale;
  Activation activation;
  void* scratch;  // matmul_scratch_bytes(): a packed panel of b and a tile of a
};

// Padding never takes part in a maximum. Average divides by the window's pixels inside the image, or, with
// count_include_pad, inside the image extended by the four paddings.
struct Pool2DArgs {
  PoolKind kind;
  Window window;
  int32_t pad_bottom, pad_right;
  bool count_include_pad;
  int32_t in_h, in_w, out_h, out_w, channels;
  int32_t row_begin, row_end;
  const float* x;
  ptrdiff_t x_stride;
  float* y;
  ptrdiff_t y_stride;
  Activation activation;
};

// c[r, i] = activation(function(a[r, i], b[r, i])); column strides 0 or 1 are fast, others are allowed. c may be a or b
// when their strides are equal.
struct BinaryArgs {
  BinaryFunction function;
  int32_t rows, columns;
  const float* a;
  ptrdiff_t a_row_stride, a_column_stride;
  const float* b;
  ptrdiff_t b_row_stride, b_column_stride;
  float* c;
  ptrdiff_t c_row_stride;  // columns of c are contiguous
  Activation activation;
};

// y[r, i] = activation(x[r, i]); y may be x.
struct UnaryArgs {
  int32_t rows, columns;
  const float* x;
  ptrdiff_t x_stride;
  float* y;
  ptrdiff_t y_stride;
  Activation activation;
};

// y[r, c] = activation(x[r, c] * scale[c] + shift[c]); y may be x.
struct ScaleShiftArgs {
  int32_t rows, columns;
  const float* x;
  ptrdiff_t x_stride;
  const float* scale;
  const float* shift;
  float* y;
  ptrdiff_t y_stride;
  Activation activation;
};

// Over the middle dimension of x [outer, axis, inner]; y may be x.
struct SoftmaxArgs {
  int32_t outer, axis, inner;
  const float* x;
  float* y;
  bool log;
};

constexpr int kCopyDimensions = 8;

// y[sum i_d y_strides[d]] = x[sum i_d x_strides[d]] for all 0 <= i_d < shape[d]; elements of element_bytes 1, 2 or 4.
struct CopyArgs {
  int32_t element_bytes;
  int32_t dimensions;
  int32_t shape[kCopyDimensions];
  const void* x;
  ptrdiff_t x_strides[kCopyDimensions];
  void* y;
  ptrdiff_t y_strides[kCopyDimensions];
};

// y[o, i, c] = x[o, indices[i], c]
struct GatherArgs {
  int32_t element_bytes;
  int32_t outer, in_size, out_size, inner;
  const void* x;
  const int32_t* indices;
  void* y;
};

// y[o, i, c] = bias[i] + sum over t of weights[i, t] * x[o, indices[i, t], c]
struct ResampleArgs {
  int32_t outer, in_size, out_size, inner, taps;
  const float* x;
  const int32_t* indices;
  const float* weights;
  const float* bias;
  float* y;
};

// y[o, i] = activation(reduction over s of x[o, s, i]). Sums of more than 128 values are pairwise or compensated.
struct ReduceArgs {
  ReduceKind kind;
  int32_t outer, size, inner;
  const float* x;
  ptrdiff_t x_stride;  // between rows of `inner` elements
  float* y;
  Activation activation;
};

// y[o, i] = position of the maximum (or minimum) of x[o, :, i]; of equal ones the first, or the last with select_last.
struct ArgMaxArgs {
  int32_t outer, size, inner;
  bool select_last, minimum;
  const float* x;
  int32_t* y;
};

// With d = x - mean (Layer) or x (Rms, L2) and n = sum of d^2 over a row of `size` elements:
//   Layer, Rms: y = activation(d / sqrt(n / size + epsilon) * gain + shift)
//   L2:         y = activation(x / max(sqrt(n), epsilon) * gain + shift)
// with epsilon_outside, d / (sqrt(n / size) + epsilon) and x / (sqrt(n) + epsilon).
// The mean is taken first and the squares of the differences summed after (two passes). y may be x.
struct RowNormArgs {
  NormKind kind;
  int32_t rows, size;
  float epsilon;
  bool epsilon_outside;
  const float* x;
  ptrdiff_t x_stride;
  const float* gain;   // [size], or null for ones
  const float* shift;  // [size], or null for zeros
  float* y;
  ptrdiff_t y_stride;
  Activation activation;
};

// Of each channel of x [pixels, channels], about a point p near its mean: with d = x - p, moments [3][channels] are p,
// the sum of d and the sum of d^2 (kernels/norm/moments.hpp).
struct MomentsArgs {
  int32_t pixels, channels;
  const float* x;
  ptrdiff_t x_stride;  // between pixels
  float* moments;
  ptrdiff_t moments_stride;  // between the three rows
};

// Images image_begin..image_end of x [images, pixels, channels]: mean and variance of each group of channels / groups
// adjacent channels over all pixels of the image; y = activation((x - mean) / sqrt(variance + epsilon) * scale[c] +
// shift[c]), with epsilon_outside (x - mean) / (sqrt(variance) + epsilon). y may be x.
struct GroupNormArgs {
  int32_t image_begin, image_end, pixels, channels, groups;
  int32_t pixel_begin, pixel_end;  // of each image: those that are normalized, by the moments of all
  float epsilon;
  bool epsilon_outside;
  const float* x;
  ptrdiff_t x_stride;  // between pixels
  // What moments_f32 gives for every run of chunk_pixels pixels: [images][chunks][3][channels], rows moments_stride
  // apart; null: taken from x.
  const float* moments;
  ptrdiff_t moments_stride;
  int32_t chunk_pixels;
  const float* scale;
  const float* shift;
  float* y;
  ptrdiff_t y_stride;
  Activation activation;
  void* scratch;  // group_norm_scratch_bytes(), one per concurrent call
};

// The element-wise half of an LSTM's time step (Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; peepholes:
// Gers, Schraudolph, Schmidhuber, 2002; the formulas are those of the ONNX operator), for each row and hidden unit.
// `gates` holds the sums of products and biases of the gates i, o, f, c one behind the other (i, o, c where the forget
// gate is coupled); clipped(x) = min(max(x, -clip), clip); c is the cell state before and, when done, after the step:
//   i = gate(clipped(gates[i] + peephole[i] c)), f likewise or, coupled, 1 - i
//   c' = f c + i cell(clipped(gates[c])), o = gate(clipped(gates[o] + peephole[o] c')), h = o output(c')
struct LstmCellArgs {
  int32_t rows, hidden;
  bool coupled;
  float clip;                     // infinity: none
  Activation gate, cell, output;  // the f, g and h of the ONNX operator
  const float* gates;             // not h
  ptrdiff_t gates_stride;         // between rows
  const float* peepholes;         // [3, hidden] of i, o, f, or null for zeros
  float* c;
  ptrdiff_t c_stride;
  float* h;
  ptrdiff_t h_stride;
};

// y[r, i] = gate(clipped(sums[r, i])) * h[r, i]: what the recurrent weights of a GRU's candidate multiply where the
// reset gate is applied before them.
struct GruResetArgs {
  int32_t rows, hidden;
  float clip;
  Activation gate;
  const float* sums;
  ptrdiff_t sums_stride;
  const float* h;
  ptrdiff_t h_stride;
  float* y;
  ptrdiff_t y_stride;
};

// The element-wise half of a GRU's time step (Cho et al., arXiv 1406.1078; with `recurrent`, the reset gate is applied
// after the candidate's recurrent weights). `gates` holds the sums of z, r, h one behind the other:
//   n = cell(clipped(gates[h] + gate(clipped(gates[r])) recurrent)), z = gate(clipped(gates[z])), h = (1 - z) n + z
//   before
// Without `recurrent`, gates[h] is the whole sum and gates[r] is not read.
struct GruCellArgs {
  int32_t rows, hidden;
  float clip;
  Activation gate, cell;  // the f and g of the ONNX operator
  const float* gates;     // not h
  ptrdiff_t gates_stride;
  const float* recurrent;  // [rows, hidden] or null
  ptrdiff_t recurrent_stride;
  const float* before;  // the state before the step; may be h
  ptrdiff_t before_stride;
  float* h;
  ptrdiff_t h_stride;
};

}  // namespace linnet::kernels
