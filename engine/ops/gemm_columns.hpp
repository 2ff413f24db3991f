// Products whose columns are shared out over the threads.
#pragma once

#include "engine/session.hpp"

namespace linnet::engine {

// Columns begin..end, begin a multiple of kPanel.
inline kernels::GemmArgs columns_of(const kernels::GemmArgs& all, int32_t begin, int32_t end) {
  kernels::GemmArgs args = all;
  args.n = end - begin;
  args.packed += kernels::panel_floats(begin, all.k);
  args.c += begin;
  if (args.epilogue.residual != nullptr) args.epilogue.residual += begin;
  return args;
}

inline void multiply_columns(const linnet_session& session, const kernels::GemmArgs& args) {
  const int32_t panels = (args.n - 1) / kernels::kPanel + 1;
  parallel(session, panels, int64_t{args.m} * args.k * kernels::kPanel, [&](int32_t begin, int32_t end, int32_t) {
    const int32_t last = end < panels ? end * kernels::kPanel : args.n;
    session.kernels->gemm_f32(columns_of(args, begin * kernels::kPanel, last));
  });
}

}  // namespace linnet::engine
