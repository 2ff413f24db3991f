#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int64_t kWorkPerElement = 8;  // a transcendental function, in multiply-adds

constexpr int64_t kTableBytes = 256;

bool check(const StepView& step, Error* error) {
  const fb::Unary& unary = *step.step.op_as_Unary();
  if (unary.lookup() != 0) {
    const int64_t bytes = step.model.block_bytes(unary.lookup() - 1);
    LINNET_REQUIRE(error, bytes >= kTableBytes, LINNET_ERROR_RANGE, -1, kTableBytes, bytes);
    return check_int8(step, error) && check_elementwise(step.inputs[0], step.output, error) &&
           check_identity(unary.activation(), error);
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

void run(const StepView& step, const linnet_session& session) {
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
