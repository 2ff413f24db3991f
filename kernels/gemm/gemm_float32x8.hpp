// Products of floats with int8 weights, which become floats when they are multiplied; an output's sum is scaled at its
// end.
#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"
#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

template <class Isa>
struct Float32x8Shape {
  static constexpr int width = F32<Isa>::width;
  static constexpr int columns = width == 1 ? 4 : kPanel;  // of a tile in one wide panel
  static constexpr int rows = width == 1 ? 1 : isa_id<Isa> == IsaId::neon32 ? 2 : 4;
  // Wide panels that tiles of one row and of several take at once, so that there are sums enough to hide the latency of
  // multiply-adds.
  static constexpr int row_panels = width >= 8 ? 4 : isa_id<Isa> == IsaId::neon64 ? 2 : 1;
  static constexpr int panels = width == kPanel ? 2 : 1;
};

// kRows rows times kVectors vectors of columns, in each of kPanels panels, from `column` on, which is `begin` columns
// into its panel.
template <class Isa, int kRows, int kPanels, int kVectors>
__attribute__((noinline)) void float32x8_tile(const GemmFloat32x8Args& args, int32_t row, int32_t column, int32_t begin,
                                              const int8_t* panel, int32_t width) {
  using V = F32<Isa>;
  constexpr int kAll = kPanels * kVectors;
  const ptrdiff_t distance = width * (kFloat32x8Header + args.k), step = width;
  const auto place = [](int v) LINNET_INLINE_LAMBDA { return v % kVectors * V::width; };
  V acc[kRows][kAll];
  const float* a[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    a[r] = args.a + (row + r) * args.a_stride;
#pragma GCC unroll 8
    for (int v = 0; v < kAll; ++v) acc[r][v] = V::set(0.0f);
  }
  const int8_t* w = panel + width * kFloat32x8Header + begin;
  for (ptrdiff_t k = 0; k < args.k; ++k, w += step) {
    V x[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) x[r] = V::set(a[r][k]);
#pragma GCC unroll 8
    for (int v = 0; v < kAll; ++v) {
      const V weights = to_float(Int<Isa>::load_s8(w + v / kVectors * distance + place(v)));
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) acc[r][v] = multiply_add(acc[r][v], weights, x[r]);
    }
  }
  const Epilogue& e = args.epilogue;
#pragma GCC unroll 8
  for (int v = 0; v < kAll; ++v) {
    const int32_t from = column + v / kVectors * kPanel + place(v), count = args.n - from;
    if (count <= 0) break;
    const float* const header = reinterpret_cast<const float*>(panel + v / kVectors * distance) + begin + place(v);
    const V bias = V::load(header), scale = V::load(header + width);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      V sum = fma(acc[r][v], scale, bias);
      if (e.residual != nullptr) sum = sum + V::load_n(e.residual + (row + r) * e.residual_stride + from, count);
      sum.store_n(args.c + (row + r) * args.c_stride + from, count);
    }
  }
}

// All rows over the panels from `panel` on.
template <class Isa, int kRowPanels, int kPanels, int kVectors>
LINNET_INLINE void float32x8_rows(const GemmFloat32x8Args& args, int32_t column, int32_t begin, const int8_t* panel,
                                  int32_t width) {
  constexpr int kRows = Float32x8Shape<Isa>::rows;
  int32_t row = 0;
  if constexpr (kRows > 1 && kRowPanels == kPanels) {
    for (; row + kRows <= args.m; row += kRows)
      float32x8_tile<Isa, kRows, kPanels, kVectors>(args, row, column, begin, panel, width);
  }
  for (; row < args.m; ++row) float32x8_tile<Isa, 1, kRowPanels, kVectors>(args, row, column, begin, panel, width);
}

template <class Isa>
void gemm_f32x8_impl(const GemmFloat32x8Args& args) {
  using Shape = Float32x8Shape<Isa>;
  constexpr int kWide = Shape::columns / Shape::width;
  constexpr int kNarrow =
      Shape::width < kTailPanel ? (Shape::columns < kTailPanel ? Shape::columns : kTailPanel) / Shape::width : 1;
  const int8_t* panel = args.packed;
  const auto holds = [](int32_t columns, int32_t panels) { return columns > (panels - 1) * kPanel + kTailPanel; };
  for (int32_t column = 0, columns; column < args.n; column += columns) {
    const int32_t left = args.n - column, width = left > kTailPanel ? kPanel : kTailPanel;
    columns = width;
    if (Shape::row_panels > 1 && args.m < Shape::rows && holds(left, Shape::row_panels)) {
      columns = Shape::row_panels * kPanel;
      float32x8_rows<Isa, Shape::row_panels, 0, kWide>(args, column, 0, panel, width);
    } else if (Shape::panels > 1 && holds(left, Shape::panels)) {
      columns = Shape::panels * kPanel;
      float32x8_rows<Isa, Shape::panels, Shape::panels, kWide>(args, column, 0, panel, width);
    } else if (width == kPanel) {
      for (int32_t begin = 0; begin < width && begin < left; begin += Shape::columns)
        float32x8_rows<Isa, 1, 1, kWide>(args, column + begin, begin, panel, width);
    } else {
      for (int32_t begin = 0; begin < width && begin < left; begin += kNarrow * Shape::width)
        float32x8_rows<Isa, 1, 1, kNarrow>(args, column + begin, begin, panel, width);
    }
    panel += columns * (kFloat32x8Header + args.k);
  }
  if (args.epilogue.activation.function != Function::Identity)
    activate_rows<Isa>(args.epilogue.activation, args.m, args.n, args.c, args.c_stride, args.c, args.c_stride);
}

}  // namespace linnet::kernels
