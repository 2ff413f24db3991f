#include "engine/ops/lines.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::Gather& gather = *step.step.op_as_Gather();
  return check_type(step.inputs[0], step.output.type, error) && check_lines(step, gather, error) &&
         check_indices(step, gather.indices(), gather.out_size(), gather.in_size(), error);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Gather& gather = *step.step.op_as_Gather();
  const int32_t* indices = step.model.integers(gather.indices());
  const int32_t bytes = step.output.element_bytes;
  parallel_lines(session, step, gather, 1, [&](int64_t x_offset, int64_t y_offset, int64_t first, int32_t lines) {
    session.kernels->gather({bytes, 1, gather.in_size(), lines, gather.inner(),
                             session.input<uint8_t>(step.inputs[0]) + x_offset * bytes, indices + first,
                             session.output<uint8_t>(step.output) + y_offset * bytes});
  });
}

}  // namespace

const OperatorEntry kGather = {1, 1, 0, check, nullptr, run};

}  // namespace linnet::engine
