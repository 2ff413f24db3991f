#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int64_t kWorkPerElement = 8;  // a transcendental function, in multiply-adds

bool check(const StepView& step, Error* error) {
  return check_float(step, error) && check_elementwise(step.inputs[0], step.output, error) &&
         check_activation(step.step.op_as_Unary()->activation(), error);
}

void run(const StepView& step, const linnet_session& session) {
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
