#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int64_t kWorkPerElement = 16;  // an exponential and two passes, in multiply-adds

bool check_arithmetic(const StepView& step, Error* error) {
  const fb::Softmax& softmax = *step.step.op_as_Softmax();
  if (softmax.factor() == nullptr) return check_float(step, error);
  if (step.inputs[0].type == fb::DataType::Int16) {
    LINNET_REQUIRE(error, !softmax.log(), LINNET_ERROR_SHAPE, -1, 0, 1);
    return check_int16(step, error) && (!kHasInt16 || check_factor(fb::Rounding::FixedPoint, softmax.factor(), error));
  }
  const int32_t zero_point = softmax.log() ? INT8_MAX : INT8_MIN;
  LINNET_REQUIRE(error, softmax.lowest_difference() <= 0, LINNET_ERROR_SHAPE, -1, 0, softmax.lowest_difference());
  LINNET_REQUIRE(error, softmax.lowest_difference() > INT32_MIN, LINNET_ERROR_SHAPE, -1, -INT32_MAX,
                 softmax.lowest_difference());
  LINNET_REQUIRE(error, step.output.zero_point == zero_point, LINNET_ERROR_SHAPE, step.output.index, zero_point,
                 step.output.zero_point);
  return check_int8(step, error) && check_factor(fb::Rounding::FixedPoint, softmax.factor(), error) &&
         (!softmax.log() || check_factor(fb::Rounding::FixedPoint, softmax.reverse_factor(), error));
}

bool check(const StepView& step, Error* error) {
  const fb::Softmax& softmax = *step.step.op_as_Softmax();
  if (!check_arithmetic(step, error) ||
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
  const kernels::Factor reverse =
      kHasInt8 && softmax.reverse_factor() != nullptr ? factor_of(*softmax.reverse_factor()) : kernels::Factor{};
  parallel(session, softmax.outer(), block * kWorkPerElement, [&](int32_t begin, int32_t end, int32_t) {
    const int32_t count = joined ? end - begin : 1;
    for (int32_t o = begin; o < end; o += count) {
      if (is_int16(step)) {
        session.kernels->softmax_s16(
            {count, softmax.axis(), softmax.inner(), session.input<int16_t>(step.inputs[0]) + o * x_stride,
             session.output<int16_t>(step.output) + o * y_stride, factor_of(*softmax.factor())});
        continue;
      }
      if (kHasInt8 && softmax.factor() != nullptr) {
        session.kernels->softmax_s8({count, softmax.axis(), softmax.inner(),
                                     session.input<int8_t>(step.inputs[0]) + o * x_stride,
                                     session.output<int8_t>(step.output) + o * y_stride, factor_of(*softmax.factor()),
                                     softmax.lowest_difference(), softmax.log(), reverse});
        continue;
      }
      if (!kHasFloat32) return;
      session.kernels->softmax_f32({count, softmax.axis(), softmax.inner(),
                                    session.input<float>(step.inputs[0]) + o * x_stride,
                                    session.output<float>(step.output) + o * y_stride, softmax.log()});
    }
  });
}

}  // namespace

const OperatorEntry kSoftmax = {1, 1, 0b1, check, nullptr, run};

}  // namespace linnet::engine
