// int8 products of two activations. With zero points za and zb, sum (a - za)(b - zb) = sum a b - za sum b - zb sum a +
// k za zb: the tile computes the first sum, the second one is that of a row of ones, the third belongs to the row.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/matmul/plan.hpp"

namespace linnet::kernels {

// Four rows of b as the weights of a panel; the arguments are constants where it must be fast.
LINNET_INLINE void pack_group_int8(const int8_t* b, ptrdiff_t stride_k, ptrdiff_t stride_n, int32_t depth,
                                   int32_t columns, int8_t* panel) {
  uint32_t words[kPanel] = {};
  for (int32_t k = 0; k < depth; ++k) {
    for (int32_t i = 0; i < columns; ++i)
      words[i] |= static_cast<uint32_t>(static_cast<uint8_t>(b[k * stride_k + i * stride_n])) << (8 * k);
  }
  std::memcpy(panel, words, sizeof(words));
}

template <class Isa>
void pack_columns_int8(const MatMulInt8Args& args, int32_t column, int32_t columns, int8_t* panel) {
  const int8_t* b = args.b + column * args.b_stride_n;
  for (int32_t left = args.k; left > 0; left -= kDot, b += kDot * args.b_stride_k, panel += kPanel * kDot) {
    const int32_t depth = left < kDot ? left : kDot;
    if (depth < kDot || columns < kPanel) {
      pack_group_int8(b, args.b_stride_k, args.b_stride_n, depth, columns, panel);
    } else if (args.b_stride_n == 1) {
      pack_group_int8(b, args.b_stride_k, 1, kDot, kPanel, panel);
    } else if (args.b_stride_k == 1) {
      for (int32_t i = 0; i < kPanel; ++i) std::memcpy(panel + i * kDot, b + i * args.b_stride_n, kDot);
    } else {
      pack_group_int8(b, args.b_stride_k, args.b_stride_n, kDot, kPanel, panel);
    }
  }
}

template <class Isa>
LINNET_INLINE int32_t sum_of_row(const int8_t* x, ptrdiff_t stride, int32_t n) {
  constexpr int32_t kWidth = I32<Isa>::width;
  I32<Isa> sums = I32<Isa>::set(0);
  int32_t i = 0;
  for (; stride == 1 && i + kWidth <= n; i += kWidth) sums = sums + Int<Isa>::load_s8(x + i);
  alignas(64) int32_t lanes[kWidth];
  Int<Isa>::store(sums, lanes);
  int32_t sum = 0;
  for (const int32_t lane : lanes) sum += lane;
  for (; i < n; ++i) sum += x[i * stride];
  return sum;
}

template <class Isa>
struct MatMulInt8 {
  using D = Dot<Isa>;
  using Input = typename D::Input;
  static constexpr int kRows = traits(isa_id<Isa>).int8_rows;
  static constexpr int kBlocks = D::outputs * D::blocks >= kPanel ? kPanel / D::outputs : 1;
  static constexpr int kColumns = kBlocks * D::outputs;
  static constexpr bool kAllFlipped = D::flips_inputs && !D::screens_weights;  // of sums: add_signed takes 128 off

  const MatMulInt8Args& args;
  const MatMulInt8Plan plan;
  int32_t* const row_terms;  // k za zb - zb sum a
  Input* const ones;
  int8_t* const panel;
  Input* const copied;

  bool screened() const { return D::screens_weights && args.m >= 2 * kRows; }  // then terms are for several rows
  bool in_place() const { return !D::converts && args.a_stride_k == 1 && plan.k == args.k; }
  void copy_row(int32_t row, Input* to) const;
  void place_rows(int32_t row, int32_t rows, bool first_panel, const Input** pointers) const;
  void start_columns(int32_t* column_terms, Screen<Isa>& screen) const;
  void multiply(int32_t column, int32_t row, int32_t rows, const Input* const* pointers, const int32_t* column_terms,
                const Screen<Isa>& screen, const Scaling<Isa>& scaling) const;
  void run() const;
};

template <class Isa>
void MatMulInt8<Isa>::copy_row(int32_t row, Input* to) const {
  const int8_t* const from = args.a + row * args.a_stride_m;
  if (args.a_stride_k == 1) {
    convert_inputs<Isa>(from, to, args.k);
  } else {
    for (ptrdiff_t k = 0; k < args.k; ++k) to[k] = D::converted(from[k * args.a_stride_k]);
  }
  for (int32_t k = args.k; k < plan.k; ++k) to[k] = D::converted(0);
  make_planes<Isa>(to, plan.k, plan.plane);
}

// The rows of one tile; those that are missing are its first.
template <class Isa>
void MatMulInt8<Isa>::place_rows(int32_t row, int32_t rows, bool first_panel, const Input** pointers) const {
  const bool all_copied = plan.a_rows == args.m;
  for (int32_t r = 0; r < rows; ++r) {
    const int8_t* const from = args.a + (row + r) * args.a_stride_m;
    if constexpr (!D::converts) {
      if (in_place()) pointers[r] = from;
    }
    if (!in_place()) {
      Input* const copy = copied + static_cast<ptrdiff_t>(all_copied ? row + r : r) * plan.k;
      if (!all_copied || first_panel) copy_row(row + r, copy);
      pointers[r] = copy;
    }
    if (first_panel) {
      const int32_t rest = args.k * args.a_zero_point - sum_of_row<Isa>(from, args.a_stride_k, args.k);
      row_terms[row + r] = args.b_zero_point * rest;
    }
  }
  for (int32_t r = rows; r < kRows; ++r) pointers[r] = pointers[0];
}

template <class Isa>
void MatMulInt8<Isa>::multiply(int32_t column, int32_t row, int32_t rows, const Input* const* pointers,
                               const int32_t* column_terms, const Screen<Isa>& screen,
                               const Scaling<Isa>& scaling) const {
  constexpr int kWidth = I32<Isa>::width;
  alignas(64) int32_t sums[kRows * kColumns];
  constexpr ptrdiff_t kNoOffset = 0;
  TileInt8Args<Isa> t;
  t.pointers = pointers;
  t.offsets = &kNoOffset;
  t.taps = 1;
  t.k = plan.k;
  t.weight_step = kPanel * kDot;
  t.panel_distance = 0;
  t.plane = plan.plane;
  t.screen = &screen;
  t.sums = sums;
  const int32_t columns = args.n_end - column < kPanel ? args.n_end - column : kPanel;
  for (int32_t first = 0; first < columns; first += kColumns) {
    t.weights = panel + first * kDot;
    t.start = column_terms + first;
    rows == 1 && !screened() ? tile_int8<Isa, 1, kBlocks>(t) : tile_int8<Isa, kRows, kBlocks>(t);
    const int32_t end = columns - first < kColumns ? columns - first : kColumns;
    for (int32_t r = 0; r < rows; ++r) {
      const I32<Isa> row_term = I32<Isa>::set(row_terms[row + r]);
      int8_t* const c = args.c + (row + r) * args.c_stride_m + column + first;
      for (int32_t i = 0; i < end; i += kWidth) {
        Int<Isa>::store_s8(scaling(Int<Isa>::load(sums + r * kColumns + i) + row_term), c + i, end - i);
      }
    }
  }
}

// What the sums of the panel's columns begin with, and its screen.
template <class Isa>
void MatMulInt8<Isa>::start_columns(int32_t* column_terms, Screen<Isa>& screen) const {
  const Input* const ones_row = ones;
  constexpr ptrdiff_t kNoOffset = 0;
  constexpr int32_t kZeros[kColumns] = {};
  for (int32_t first = 0; first < kPanel; first += kColumns) {
    tile_int8<Isa, 1, kBlocks>({&ones_row, &kNoOffset, static_cast<ptrdiff_t>(plan.plane), 1, plan.k,
                                panel + first * kDot, kPanel * kDot, 0, &screen, kZeros, column_terms + first, 0});
  }
  // Sums with flipped inputs are 128 weight sums too large.
  const int32_t zero_point = args.a_zero_point + (kAllFlipped ? 128 : 0);
  for (int32_t c = 0; c < kPanel; ++c) column_terms[c] *= -zero_point;
  if constexpr (Screen<Isa>::needed) {
    screen_block<Isa, kColumns>(panel, kPanel * kDot, plan.k / kDot, screened(), column_terms, screen);
  }
}

template <class Isa>
void MatMulInt8<Isa>::run() const {
  const Scaling<Isa> scaling(args.factor, args.requantize);
  const Input* pointers[kRows];
  fill_inputs<Isa>(kAllFlipped ? 1 - 128 : 1, ones, plan.k);
  make_planes<Isa>(ones, plan.k, plan.plane);
  for (int32_t column = args.n_begin; column < args.n_end; column += kPanel) {
    pack_columns_int8<Isa>(args, column, args.n_end - column < kPanel ? args.n_end - column : kPanel, panel);
    alignas(64) int32_t column_terms[kPanel];
    Screen<Isa> screen;
    start_columns(column_terms, screen);
    for (int32_t row = 0; row < args.m; row += kRows) {
      const int32_t rows = args.m - row < kRows ? args.m - row : kRows;
      place_rows(row, rows, column == args.n_begin, pointers);
      multiply(column, row, rows, pointers, column_terms, screen, scaling);
    }
  }
}

template <class Isa>
void matmul_s8_impl(const MatMulInt8Args& args) {
  const MatMulInt8Plan plan = plan_matmul_int8(args.m, args.k, traits(isa_id<Isa>));
  int8_t* const scratch = static_cast<int8_t*>(args.scratch);
  MatMulInt8<Isa>{args,
                  plan,
                  reinterpret_cast<int32_t*>(scratch),
                  reinterpret_cast<typename Dot<Isa>::Input*>(scratch + plan.ones_offset),
                  scratch + plan.panel_offset,
                  reinterpret_cast<typename Dot<Isa>::Input*>(scratch + plan.a_offset)}
      .run();
}

}  // namespace linnet::kernels
