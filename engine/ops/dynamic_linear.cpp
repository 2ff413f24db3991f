#include "engine/ops/dynamic_linear.hpp"

namespace linnet::engine {
namespace {

// The integers of the whole input lie at the beginning of the first scratch slot; in each slot, what the kernel wants
// lies behind them.
int64_t input_bytes(const TensorInfo& x) {
  return (static_cast<int64_t>(x.rows) * x.columns + 63) / 64 * 64;
}

// real = scale * (q - zero_point), q of 8 bits.
struct InputRange {
  float scale;
  int32_t zero_point;
};

InputRange input_range(const float (&range)[2]) {
  constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: its neighbours are integers
  if (range[0] == range[1]) return {1.0f, 0};
  const float scale = (range[1] - range[0]) / 255.0f, steps = -range[0] / scale;
  const float limited = steps > 255.0f ? 255.0f : steps > 0.0f ? steps : 0.0f;
  return {scale, static_cast<int32_t>(limited + kRounding - kRounding)};
}

}  // namespace

int64_t dynamic_scratch_bytes(const StepView& step, const Target& target) {
  const TensorInfo& x = step.inputs[0];
  return input_bytes(x) + kernels::gemm_dynamic_scratch_bytes(x.columns, target.traits);
}

bool check_dynamic(const StepView& step, const fb::FullyConnected& linear, Error* error) {
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  if (!kHasDynamicInt8) return check_feature(false, StepFeature::DynamicInt8, error);
  if (!check_float(step, error)) return false;
  LINNET_REQUIRE(error, linear.requantize() == nullptr && !linear.transposed() && linear.bias() == 0,
                 LINNET_ERROR_MODEL_CORRUPT, -1, 0, 1);
  LINNET_REQUIRE(error, x.rows == y.rows, LINNET_ERROR_SHAPE, y.index, x.rows, y.rows);
  return check_panels(step, linear.weights(), 1, y.columns, x.columns, fb::Rounding::Float, error) &&
         check_residual(step, error) && check_activation(linear.activation(), error);
}

void run_dynamic(const StepView& step, const fb::FullyConnected& linear, const linnet_session& session) {
  constexpr int32_t kOffset = 128;  // of unsigned numbers to signed ones
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  float limits[2];
  session.kernels->range({x.rows, x.columns, session.input<float>(x), x.row_stride, limits});
  const InputRange range = input_range(limits);
  int8_t* const integers = static_cast<int8_t*>(session.slot(0));

  kernels::QuantizeArgs quantize = {};
  quantize.from = kernels::NumberType::Float32;
  quantize.to = kernels::NumberType::Int8;
  quantize.columns = x.columns;
  quantize.x_stride = x.row_stride;
  quantize.y_stride = x.columns;
  quantize.scale = range.scale;
  quantize.requantize = {kernels::Rounding::Float, range.zero_point - kOffset, -128, 127};
  parallel(session, x.rows, x.columns, [&](int32_t begin, int32_t end, int32_t) {
    kernels::QuantizeArgs part = quantize;
    part.rows = end - begin;
    part.x = session.input<float>(x) + begin * x.row_stride;
    part.y = integers + static_cast<ptrdiff_t>(begin) * x.columns;
    session.kernels->quantize(part);
  });

  kernels::GemmDynamicArgs all = {};
  all.m = x.rows;
  all.n = y.columns;
  all.k = x.columns;
  all.a = integers;
  all.a_stride = x.columns;
  all.input_zero_point = range.zero_point - kOffset;
  all.input_scale = range.scale;
  all.packed = bytes_of(step.model, linear.weights());
  all.c = session.output<float>(y);
  all.c_stride = y.row_stride;
  const kernels::Epilogue epilogue = epilogue_of(step, session, linear.activation());
  all.residual = epilogue.residual;
  all.residual_stride = epilogue.residual_stride;
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
    part.scratch = static_cast<uint8_t*>(session.slot(task)) + input_bytes(x);
    session.kernels->gemm_dynamic(part);
    if (epilogue.activation.function != kernels::Function::Identity) {
      session.kernels->unary_f32({part.m, part.n, part.c, part.c_stride, part.c, part.c_stride, epilogue.activation});
    }
  });
}

}  // namespace linnet::engine
