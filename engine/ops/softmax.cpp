#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int64_t kWorkPerElement = 16;  // an exponential and two passes, in multiply-adds

bool check(const StepView& step, Error* error) {
  const fb::Softmax& softmax = *step.step.op_as_Softmax();
  if (!check_float(step, error) ||
      !check_elements(step.inputs[0], softmax.outer(), softmax.axis(), softmax.inner(), error) ||
      !check_elements(step.output, softmax.outer(), softmax.axis(), softmax.inner(), error)) {
    return false;
  }
  const int64_t block = static_cast<int64_t>(softmax.axis()) * softmax.inner();
  return check_blocks(step.inputs[0], block, error) && check_blocks(step.output, block, error);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Softmax& softmax = *step.step.op_as_Softmax();
  const int64_t block = static_cast<int64_t>(softmax.axis()) * softmax.inner();
  const int64_t x_stride = step.inputs[0].block_stride(block);
  const int64_t y_stride = step.output.block_stride(block);
  const bool joined = x_stride == block && y_stride == block;
  parallel(session, softmax.outer(), block * kWorkPerElement, [&](int32_t begin, int32_t end, int32_t) {
    const int32_t count = joined ? end - begin : 1;
    for (int32_t o = begin; o < end; o += count) {
      session.kernels->softmax_f32({count, softmax.axis(), softmax.inner(),
                                    session.input<float>(step.inputs[0]) + o * x_stride,
                                    session.output<float>(step.output) + o * y_stride, softmax.log()});
    }
  });
}

}  // namespace

const OperatorEntry kSoftmax = {1, 1, 0b1, check, nullptr, run};

}  // namespace linnet::engine
