// Any function of one int8 argument.
#pragma once

#include "kernels/contract_int8.hpp"
#include "kernels/elementwise/byte_table.hpp"

namespace linnet::kernels {

template <class Isa>
void lookup_s8_impl(const LookupInt8Args& args) {
  const bool is_dense = args.x_stride == args.columns && args.y_stride == args.columns;
  const int32_t rows = is_dense ? 1 : args.rows;
  const ptrdiff_t columns = is_dense ? static_cast<ptrdiff_t>(args.rows) * args.columns : args.columns;
  if constexpr (ByteTable<Isa>::width > 0) {
    constexpr int kWidth = ByteTable<Isa>::width;
    if (rows * columns >= 2 * kWidth && columns >= kWidth / 4) {
      const ByteTable<Isa> table(args.table);
      for (int32_t r = 0; r < rows; ++r) {
        const int8_t* const x = args.x + r * args.x_stride;
        int8_t* const y = args.y + r * args.y_stride;
        ptrdiff_t i = 0;
        for (; i + kWidth <= columns; i += kWidth) table.map(x + i, y + i);
        if (i < columns) table.map(x + i, y + i, static_cast<int>(columns - i));
      }
      return;
    }
  }
  const int8_t* const middle = args.table + 128;
  for (int32_t r = 0; r < rows; ++r) {
    const int8_t* const x = args.x + r * args.x_stride;
    int8_t* const y = args.y + r * args.y_stride;
    for (ptrdiff_t i = 0; i < columns; ++i) y[i] = middle[x[i]];
  }
}

}  // namespace linnet::kernels
