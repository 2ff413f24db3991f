#include "engine/ops/lines.hpp"
#include "engine/quantized.hpp"

namespace linnet::engine {
namespace {

// Whether an int16 tensor is resampled, from or to int32 too.
bool has_int16(const StepView& step) {
  return step.inputs[0].type == fb::DataType::Int16 || step.output.type == fb::DataType::Int16;
}

// int8 or int32 on either side, or int16 or int32, of one scale.
bool check_integers(const StepView& step, const fb::Resample& table, Error* error) {
  constexpr int32_t kMostShift = 31;
  const bool words = has_int16(step);
  if (!check_feature(words ? kHasInt16 : kHasInt8, words ? StepFeature::Int16 : StepFeature::Int8, error)) return false;
  const fb::DataType narrow = words ? fb::DataType::Int16 : fb::DataType::Int8;
  for (const TensorInfo* tensor : {&step.inputs[0], &step.output}) {
    LINNET_REQUIRE(error, tensor->type == narrow || tensor->type == fb::DataType::Int32, LINNET_ERROR_SHAPE,
                   tensor->index, static_cast<int64_t>(narrow), static_cast<int64_t>(tensor->type));
  }
  const TensorInfo& x = step.inputs[0];
  LINNET_REQUIRE(error, x.type != step.output.type || x.zero_point == step.output.zero_point, LINNET_ERROR_SHAPE,
                 x.index, step.output.zero_point, x.zero_point);
  const int64_t rounding = static_cast<int64_t>(table.requantize()->rounding());
  LINNET_REQUIRE(error, rounding == static_cast<int64_t>(fb::Rounding::FixedPoint), LINNET_ERROR_SHAPE, -1, 0,
                 rounding);
  LINNET_REQUIRE(error, table.shift() >= 0 && table.shift() <= kMostShift, LINNET_ERROR_SHAPE, -1, kMostShift,
                 table.shift());
  LINNET_REQUIRE(error, !(words && table.halves_up()), LINNET_ERROR_SHAPE, -1, 0, 1);
  return check_requantize(*table.requantize(), step.output, error);
}

bool check(const StepView& step, Error* error) {
  const fb::Resample& table = *step.step.op_as_Resample();
  const bool integers = table.requantize() != nullptr;
  if (!(integers ? check_integers(step, table, error) : check_float(step, error)) || !check_lines(step, table, error)) {
    return false;
  }
  LINNET_REQUIRE(error, table.taps() >= 1, LINNET_ERROR_SHAPE, -1, 1, table.taps());
  const int64_t taps = static_cast<int64_t>(table.out_size()) * table.taps();
  return check_indices(step, table.indices(), taps, table.in_size(), error) &&
         check_words(step, table.weights(), integers ? taps : taps + table.out_size(), error);
}

void run_integers(const StepView& step, const linnet_session& session) {
  const fb::Resample& table = *step.step.op_as_Resample();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  const int64_t taps = table.taps();
  kernels::ResampleIntArgs args = {};
  args.wide_x = x.type == fb::DataType::Int32;
  args.wide_y = y.type == fb::DataType::Int32;
  args.outer = 1;
  args.in_size = table.in_size();
  args.inner = table.inner();
  args.taps = table.taps();
  args.shift = table.shift();
  args.halves_up = table.halves_up();
  args.low = table.requantize()->low();
  args.high = table.requantize()->high();
  parallel_lines(session, step, table, taps, [&](int64_t x_offset, int64_t y_offset, int64_t first, int32_t lines) {
    kernels::ResampleIntArgs part = args;
    part.out_size = lines;
    part.x = session.input<uint8_t>(x) + x_offset * x.element_bytes;
    part.indices = step.model.integers(table.indices()) + first * taps;
    part.weights = step.model.integers(table.weights()) + first * taps;
    part.y = session.output<uint8_t>(y) + y_offset * y.element_bytes;
    if (kHasInt16 && has_int16(step)) {
      session.kernels->resample_s16(part);
    } else if (kHasInt8) {
      session.kernels->resample_s8(part);
    }
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Resample& table = *step.step.op_as_Resample();
  if (is_integer(table)) return run_integers(step, session);
  if (!kHasFloat32) return;
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
