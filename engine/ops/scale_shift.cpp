#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::ScaleShift& table = *step.step.op_as_ScaleShift();
  return check_float(step, error) && check_same_rows(step.inputs[0], step.output, error) &&
         check_words(step, table.parameters(), int64_t{2} * step.output.columns, error) &&
         check_activation(table.activation(), error);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::ScaleShift& table = *step.step.op_as_ScaleShift();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  const float* scale = step.model.floats(table.parameters());
  const float* shift = scale + y.columns;
  const kernels::Activation activation = activation_of(table.activation());
  parallel(session, y.rows, y.columns, [&](int32_t begin, int32_t end, int32_t) {
    session.kernels->scale_shift_f32({end - begin, y.columns, session.input<float>(x) + begin * x.row_stride,
                                      x.row_stride, scale, shift, session.output<float>(y) + begin * y.row_stride,
                                      y.row_stride, activation});
  });
}

}  // namespace

const OperatorEntry kScaleShift = {1, 1, 0b1, check, nullptr, run};

}  // namespace linnet::engine
