#include "engine/ops/dynamic_product.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kOffset = 128;  // of unsigned numbers to signed ones

void quantize(const linnet_session& session, const FloatRows& x, const DynamicRange& range, int8_t* integers) {
  kernels::QuantizeArgs args = {};
  args.from = kernels::NumberType::Float32;
  args.to = kernels::NumberType::Int8;
  args.columns = x.columns;
  args.x_stride = x.stride;
  args.y_stride = x.columns;
  args.scale = range.scale;
  args.requantize = {kernels::Rounding::Float, range.zero_point, -128, 127};
  parallel(session, x.rows, x.columns, [&](int32_t begin, int32_t end, int32_t) {
    kernels::QuantizeArgs part = args;
    part.rows = end - begin;
    part.x = x.data + begin * x.stride;
    part.y = integers + static_cast<ptrdiff_t>(begin) * x.columns;
    session.kernels->quantize(part);
  });
}

}  // namespace

DynamicRange dynamic_range(const linnet_session& session, const FloatRows& x) {
  constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: its neighbours are integers
  float range[2];
  session.kernels->range({x.rows, x.columns, x.data, x.stride, range});
  if (range[0] == range[1]) return {1.0f, -kOffset};
  const float scale = (range[1] - range[0]) / 255.0f, steps = -range[0] / scale;
  const float limited = steps > 255.0f ? 255.0f : steps > 0.0f ? steps : 0.0f;
  return {scale, static_cast<int32_t>(limited + kRounding - kRounding) - kOffset};
}

void multiply_dynamic(const linnet_session& session, const DynamicProduct& product) {
  const FloatRows& x = product.x;
  quantize(session, x, product.range, product.integers);
  kernels::GemmDynamicArgs all = {};
  all.m = x.rows;
  all.n = product.n;
  all.k = x.columns;
  all.a = product.integers;
  all.a_stride = x.columns;
  all.input_zero_point = product.range.zero_point;
  all.input_scale = product.range.scale;
  all.packed = product.packed;
  all.c = product.y;
  all.c_stride = product.y_stride;
  all.residual = product.epilogue.residual;
  all.residual_stride = product.epilogue.residual_stride;
  const int32_t tile_rows = kernels::traits(session.kernels->id).int8_rows;
  const int32_t row_tiles = (all.m - 1) / tile_rows + 1, panels = (all.n - 1) / kernels::kPanel + 1;
  const bool by_rows = row_tiles >= session.threads || row_tiles >= panels;
  const int64_t work = by_rows ? int64_t{tile_rows} * all.n : int64_t{kernels::kPanel} * all.m;
  parallel(session, by_rows ? row_tiles : panels, work * all.k, [&](int32_t begin, int32_t end, int32_t task) {
    kernels::GemmDynamicArgs part = all;
    if (by_rows) {
      const int32_t first = begin * tile_rows;
      part.m = (end < row_tiles ? end * tile_rows : all.m) - first;
      part.a += first * all.a_stride;
      part.c += first * all.c_stride;
      if (part.residual != nullptr) part.residual += first * all.residual_stride;
    } else {
      const int32_t first = begin * kernels::kPanel;
      part.n = (end < panels ? end * kernels::kPanel : all.n) - first;
      part.packed += kernels::panel_int8_bytes(first, all.k);
      part.c += first;
      if (part.residual != nullptr) part.residual += first;
    }
    part.scratch = static_cast<uint8_t*>(session.slot(task)) + product.kernel_bytes;
    session.kernels->gemm_dynamic(part);
    const kernels::Activation& activation = product.epilogue.activation;
    if (activation.function != kernels::Function::Identity) {
      session.kernels->unary_f32({part.m, part.n, part.c, part.c_stride, part.c, part.c_stride, activation});
    }
  });
}

}  // namespace linnet::engine
