#include "engine/ops/lines.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::Resample& table = *step.step.op_as_Resample();
  if (!check_float(step, error) || !check_lines(step, table, error)) return false;
  LINNET_REQUIRE(error, table.taps() >= 1, LINNET_ERROR_SHAPE, -1, 1, table.taps());
  const int64_t taps = static_cast<int64_t>(table.out_size()) * table.taps();
  return check_indices(step, table.indices(), taps, table.in_size(), error) &&
         check_words(step, table.weights(), taps + table.out_size(), error);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Resample& table = *step.step.op_as_Resample();
  const int64_t taps = table.taps();
  const int32_t* indices = step.model.integers(table.indices());
  const float* weights = step.model.floats(table.weights());
  const float* bias = weights + table.out_size() * taps;
  parallel_lines(session, step, table, taps, [&](int64_t x_offset, int64_t y_offset, int64_t first, int32_t lines) {
    session.kernels->resample_f32(
        {1, table.in_size(), lines, table.inner(), table.taps(), session.input<float>(step.inputs[0]) + x_offset,
         indices + first * taps, weights + first * taps, bias + first, session.output<float>(step.output) + y_offset});
  });
}

}  // namespace

const OperatorEntry kResample = {1, 1, 0, check, nullptr, run};

}  // namespace linnet::engine
