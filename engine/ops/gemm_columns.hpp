// Products whose columns are shared out over the threads.
#pragma once

#include "engine/session.hpp"

namespace linnet::engine {

// Columns begin..end, begin a multiple of kPanel.
template <class Weight>
kernels::GemmArgsOf<Weight> columns_of(const kernels::GemmArgsOf<Weight>& all, int32_t begin, int32_t end) {
  kernels::GemmArgsOf<Weight> args = all;
  args.n = end - begin;
  args.packed += kernels::panel_elements<Weight>(begin, all.k);
  args.c += begin;
  if (args.epilogue.residual != nullptr) args.epilogue.residual += begin;
  return args;
}

inline void multiply(const linnet_session& session, const kernels::GemmArgs& args) {
  session.kernels->gemm_f32(args);
}
inline void multiply(const linnet_session& session, const kernels::GemmFloat32x8Args& args) {
  session.kernels->gemm_f32x8(args);
}

template <class Weight>
void multiply_columns(const linnet_session& session, const kernels::GemmArgsOf<Weight>& args) {
  const int32_t panels = (args.n - 1) / kernels::kPanel + 1;
  parallel(session, panels, int64_t{args.m} * args.k * kernels::kPanel, [&](int32_t begin, int32_t end, int32_t) {
    const int32_t last = end < panels ? end * kernels::kPanel : args.n;
    multiply(session, columns_of(args, begin * kernels::kPanel, last));
  });
}

}  // namespace linnet::engine
