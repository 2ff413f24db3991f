#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::ArgMax& table = *step.step.op_as_ArgMax();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  const bool is_int8 = x.type == fb::DataType::Int8;
  return check_feature(is_int8 ? kHasInt8 : kHasFloat32, is_int8 ? StepFeature::Int8 : StepFeature::Float32, error) &&
         (is_int8 || check_type(x, fb::DataType::Float32, error)) && check_type(y, fb::DataType::Int32, error) &&
         check_elements(x, table.outer(), table.size(), table.inner(), error) &&
         check_elements(y, table.outer(), 1, table.inner(), error) &&
         check_blocks(x, static_cast<int64_t>(table.size()) * table.inner(), error) &&
         check_blocks(y, table.inner(), error);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::ArgMax& table = *step.step.op_as_ArgMax();
  const int64_t block = static_cast<int64_t>(table.size()) * table.inner();
  const int64_t x_stride = step.inputs[0].block_stride(block);
  const int64_t y_stride = step.output.block_stride(table.inner());
  const bool joined = x_stride == block && y_stride == table.inner();
  parallel(session, table.outer(), block, [&](int32_t begin, int32_t end, int32_t) {
    const int32_t count = joined ? end - begin : 1;
    for (int32_t o = begin; o < end; o += count) {
      if (kHasInt8 && step.inputs[0].type == fb::DataType::Int8) {
        session.kernels->argmax_s8({count, table.size(), table.inner(), table.select_last(), table.minimum(),
                                    session.input<int8_t>(step.inputs[0]) + o * x_stride,
                                    session.output<int32_t>(step.output) + o * y_stride});
        continue;
      }
      if (!kHasFloat32) return;
      session.kernels->argmax_f32({count, table.size(), table.inner(), table.select_last(), table.minimum(),
                                   session.input<float>(step.inputs[0]) + o * x_stride,
                                   session.output<int32_t>(step.output) + o * y_stride});
    }
  });
}

}  // namespace

const OperatorEntry kArgMax = {1, 1, 0, check, nullptr, run};

}  // namespace linnet::engine
