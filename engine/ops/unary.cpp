#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int64_t kWorkPerElement = 8;  // a transcendental function, in multiply-adds

constexpr int64_t kTableBytes = 256;

fb::Function function_of(const fb::Unary& unary) {
  return unary.activation() == nullptr ? fb::Function::Identity : unary.activation()->function();
}

bool check_table_bytes(const StepView& step, int64_t wanted, Error* error) {
  const int64_t bytes = step.model.block_bytes(step.step.op_as_Unary()->lookup() - 1);
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  return true;
}

bool check_sided_scale(const kernels::SidedScale& scale, Error* error) {
  LINNET_REQUIRE(error, scale.low >= INT16_MIN && scale.low <= scale.high, LINNET_ERROR_SHAPE, -1, INT16_MIN,
                 scale.low);
  LINNET_REQUIRE(error, scale.high <= INT16_MAX, LINNET_ERROR_SHAPE, -1, INT16_MAX, scale.high);
  return check_factor(fb::Rounding::FixedPoint, scale.positive, false, error) &&
         check_factor(fb::Rounding::FixedPoint, scale.negative, false, error);
}

bool check_sigmoid(const kernels::SigmoidTable& table, Error* error) {
  constexpr int32_t kHighestShift = 31;
  LINNET_REQUIRE(error, table.shift >= 0 && table.shift <= kHighestShift, LINNET_ERROR_SHAPE, -1, kHighestShift,
                 table.shift);
  LINNET_REQUIRE(error, table.multiplier >= 0 && table.multiplier <= UINT16_MAX, LINNET_ERROR_SHAPE, -1, UINT16_MAX,
                 table.multiplier);
  return true;
}

// The function tells what the table is.
bool check_int16_table(const StepView& step, Error* error) {
  const fb::Unary& unary = *step.step.op_as_Unary();
  const fb::Function function = function_of(unary);
  switch (function) {
    case fb::Function::LeakyRelu:
      return check_table_bytes(step, sizeof(kernels::SidedScale), error) &&
             check_sided_scale(*reinterpret_cast<const kernels::SidedScale*>(step.model.block(unary.lookup() - 1)),
                               error);
    case fb::Function::Sigmoid:
    case fb::Function::Tanh:
      return check_table_bytes(step, sizeof(kernels::SigmoidTable), error) &&
             check_sigmoid(*reinterpret_cast<const kernels::SigmoidTable*>(step.model.block(unary.lookup() - 1)),
                           error);
    default:
      return check_identity(unary.activation(), error) &&
             check_table_bytes(step, sizeof(kernels::InterpolationTable), error);
  }
}

bool check(const StepView& step, Error* error) {
  const fb::Unary& unary = *step.step.op_as_Unary();
  if (unary.lookup() != 0 && step.inputs[0].type == fb::DataType::Int16) {
    return check_int16(step, error) && check_elementwise(step.inputs[0], step.output, error) &&
           (!kHasInt16 || check_int16_table(step, error));
  }
  if (unary.lookup() != 0) {
    return check_table_bytes(step, kTableBytes, error) && check_int8(step, error) &&
           check_elementwise(step.inputs[0], step.output, error) && check_identity(unary.activation(), error);
  }
  return check_float(step, error) && check_elementwise(step.inputs[0], step.output, error) &&
         check_activation(step.step.op_as_Unary()->activation(), error);
}

void look_up(const StepView& step, const linnet_session& session) {
  const int8_t* const table = bytes_of(step.model, step.step.op_as_Unary()->lookup() - 1);
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  parallel_elements(session, x, y, 1, [&](int64_t x_offset, int64_t y_offset, int32_t rows, int32_t columns) {
    session.kernels->lookup_s8({rows, columns, session.input<int8_t>(x) + x_offset, x.row_stride,
                                session.output<int8_t>(y) + y_offset, y.row_stride, table});
  });
}

void apply_int16(const StepView& step, const linnet_session& session) {
  const fb::Unary& unary = *step.step.op_as_Unary();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  parallel_elements(session, x, y, 1, [&](int64_t x_offset, int64_t y_offset, int32_t rows, int32_t columns) {
    session.kernels->unary_s16(
        {rows, columns, session.input<int16_t>(x) + x_offset, x.row_stride, session.output<int16_t>(y) + y_offset,
         y.row_stride, static_cast<kernels::Function>(function_of(unary)), step.model.block(unary.lookup() - 1)});
  });
}

void run(const StepView& step, const linnet_session& session) {
  if (is_int16(step)) return apply_int16(step, session);
  if (kHasInt8 && step.step.op_as_Unary()->lookup() != 0) return look_up(step, session);
  if (!kHasFloat32) return;
  const kernels::Activation activation = activation_of(step.step.op_as_Unary()->activation());
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  parallel_elements(session, x, y, kWorkPerElement,
                    [&](int64_t x_offset, int64_t y_offset, int32_t rows, int32_t columns) {
                      session.kernels->unary_f32({rows, columns, session.input<float>(x) + x_offset, x.row_stride,
                                                  session.output<float>(y) + y_offset, y.row_stride, activation});
                    });
}

}  // namespace

const OperatorEntry kUnary = {1, 1, 0b1, check, nullptr, run};

}  // namespace linnet::engine
