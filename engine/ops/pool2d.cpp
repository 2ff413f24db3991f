#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::Pool2D& pool = *step.step.op_as_Pool2D();
  if (!check_geometry(step, pool, error)) return false;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  LINNET_REQUIRE(error, pool.kind() <= fb::PoolKind::MAX, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::PoolKind::MAX), static_cast<int64_t>(pool.kind()));
  LINNET_REQUIRE(error, x.shape[0] == y.shape[0], LINNET_ERROR_SHAPE, y.index, x.shape[0], y.shape[0]);
  LINNET_REQUIRE(error, x.columns == y.columns, LINNET_ERROR_SHAPE, y.index, x.columns, y.columns);
  LINNET_REQUIRE(error, pool.pad_bottom() >= 0, LINNET_ERROR_SHAPE, -1, 0, pool.pad_bottom());
  LINNET_REQUIRE(error, pool.pad_right() >= 0, LINNET_ERROR_SHAPE, -1, 0, pool.pad_right());
  const int64_t taps = window_taps(window_of(pool));
  LINNET_REQUIRE(error, taps <= INT32_MAX, LINNET_ERROR_SHAPE, -1, INT32_MAX, taps);
  const bool spans = check_span(x.shape[1], y.shape[1], pool.kernel_h(), pool.stride_h(), pool.dilation_h(),
                                int64_t{pool.pad_top()} + pool.pad_bottom(), error) &&
                     check_span(x.shape[2], y.shape[2], pool.kernel_w(), pool.stride_w(), pool.dilation_w(),
                                int64_t{pool.pad_left()} + pool.pad_right(), error);
  if (!spans) return false;
  if (!is_integer(pool)) return check_activation(pool.activation(), error);
  LINNET_REQUIRE(error, !pool.count_include_pad(), LINNET_ERROR_SHAPE, -1, 0, 1);
  LINNET_REQUIRE(error, x.zero_point == y.zero_point, LINNET_ERROR_SHAPE, y.index, x.zero_point, y.zero_point);
  const bool fixed_point = is_int16(step) || pool.halves_up();
  if (fixed_point && !check_rounding(*pool.requantize(), fb::Rounding::FixedPoint, error)) return false;
  LINNET_REQUIRE(error, !(is_int16(step) && pool.halves_up()), LINNET_ERROR_SHAPE, -1, 0, 1);
  return check_identity(pool.activation(), error);
}

template <class Args, class Kernel>
void run_with(const StepView& step, const linnet_session& session, Args args, Kernel kernel) {
  const fb::Pool2D& pool = *step.step.op_as_Pool2D();
  set_images(step, pool, session, &args);
  args.kind = static_cast<kernels::PoolKind>(pool.kind());
  args.channels = step.output.columns;
  parallel_rows(session, step, 0, window_taps(args.window), args, [&](Args& part, int32_t) { kernel(part); });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Pool2D& pool = *step.step.op_as_Pool2D();
  if (is_integer(pool) && is_int16(step)) {
    kernels::Pool2DInt16Args args = {};
    args.requantize = requantize_of(*pool.requantize(), 0);
    run_with(step, session, args, [&](const auto& part) { session.kernels->pool2d_s16(part); });
  } else if (kHasInt8 && is_integer(pool)) {
    kernels::Pool2DInt8Args args = {};
    args.halves_up = pool.halves_up();
    args.requantize = requantize_of(*pool.requantize(), 0);
    run_with(step, session, args, [&](const auto& part) { session.kernels->pool2d_s8(part); });
  } else if (kHasFloat32) {
    kernels::Pool2DArgs args = {};
    args.pad_bottom = pool.pad_bottom();
    args.pad_right = pool.pad_right();
    args.count_include_pad = pool.count_include_pad();
    args.activation = activation_of(pool.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->pool2d_f32(part); });
  }
}

kernels::Window window(const fb::Step& step) {
  return window_of(*step.op_as_Pool2D());
}

}  // namespace

const OperatorEntry kPool2D = {1, 1, 0, check, nullptr, run, 1, window};

}  // namespace linnet::engine
