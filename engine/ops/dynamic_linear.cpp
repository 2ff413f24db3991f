#include "engine/ops/dynamic_linear.hpp"

#include "engine/ops/dynamic_product.hpp"

namespace linnet::engine {

// The integers of the whole input lie at the beginning of the first scratch slot.
int64_t dynamic_scratch_bytes(const StepView& step, const Target& target) {
  const TensorInfo& x = step.inputs[0];
  return integer_row_bytes(x.rows, x.columns) + dynamic_kernel_bytes(x.columns, target);
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
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  const FloatRows rows = {session.input<float>(x), x.row_stride, x.rows, x.columns};
  multiply_dynamic(session, {rows, dynamic_range(session, rows), static_cast<int8_t*>(session.slot(0)),
                             integer_row_bytes(x.rows, x.columns), bytes_of(step.model, linear.weights()), y.columns,
                             session.output<float>(y), y.row_stride, epilogue_of(step, session, linear.activation())});
}

}  // namespace linnet::engine
