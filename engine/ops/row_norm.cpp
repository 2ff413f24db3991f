#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int64_t kWorkPerElement = 4;  // three passes, in multiply-adds

// A gain or shift: 0 or 1 + its block.
bool check_vector(const StepView& step, uint32_t vector, int32_t size, Error* error) {
  return vector == 0 || check_words(step, vector - 1, size, error);
}

const float* vector_of(const StepView& step, uint32_t vector) {
  return vector == 0 ? nullptr : step.model.floats(vector - 1);
}

// Integers: L2 alone, whose result has 7 bits of fraction.
bool check_arithmetic_of(const StepView& step, const fb::RowNorm& norm, Error* error) {
  const fb::Requantize* requantize = norm.requantize();
  if (requantize == nullptr) return check_float(step, error);
  const int64_t kind = static_cast<int64_t>(norm.kind()), rounding = static_cast<int64_t>(requantize->rounding());
  LINNET_REQUIRE(error, norm.kind() == fb::NormKind::L2, LINNET_ERROR_SHAPE, -1, static_cast<int64_t>(fb::NormKind::L2),
                 kind);
  LINNET_REQUIRE(error, rounding == static_cast<int64_t>(fb::Rounding::FixedPoint), LINNET_ERROR_SHAPE, -1, 0,
                 rounding);
  LINNET_REQUIRE(error, norm.gain() == 0 && norm.shift() == 0, LINNET_ERROR_SHAPE, -1, 0, 1);
  LINNET_REQUIRE(error, norm.left_shift() >= 0 && norm.left_shift() <= kernels::kL2FractionBits, LINNET_ERROR_SHAPE, -1,
                 kernels::kL2FractionBits, norm.left_shift());
  return check_arithmetic(step, requantize, error) && check_identity(norm.activation(), error);
}

bool check(const StepView& step, Error* error) {
  const fb::RowNorm& norm = *step.step.op_as_RowNorm();
  const TensorInfo& x = step.inputs[0];
  const int32_t size = norm.size();
  LINNET_REQUIRE(error, norm.kind() <= fb::NormKind::MAX, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::NormKind::MAX), static_cast<int64_t>(norm.kind()));
  LINNET_REQUIRE(error, size >= 1, LINNET_ERROR_SHAPE, x.index, 1, size);
  return check_arithmetic_of(step, norm, error) && check_elements(x, x.elements() / size, size, 1, error) &&
         check_elements(step.output, x.elements() / size, size, 1, error) && check_blocks(x, size, error) &&
         check_blocks(step.output, size, error) && check_epsilon(norm.epsilon(), error) &&
         check_vector(step, norm.gain(), size, error) && check_vector(step, norm.shift(), size, error) &&
         check_activation(norm.activation(), error);
}

void run_int8(const StepView& step, const linnet_session& session) {
  const fb::RowNorm& norm = *step.step.op_as_RowNorm();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  kernels::L2NormInt8Args args = {};
  args.size = norm.size();
  args.x_stride = x.block_stride(args.size);
  args.y_stride = y.block_stride(args.size);
  args.zero_point = x.zero_point;
  args.left_shift = norm.left_shift();
  args.requantize = requantize_of(*norm.requantize(), y.zero_point);
  parallel(session, x.elements() / args.size, args.size * kWorkPerElement, [&](int32_t begin, int32_t end, int32_t) {
    kernels::L2NormInt8Args part = args;
    part.rows = end - begin;
    part.x = session.input<int8_t>(x) + begin * args.x_stride;
    part.y = session.output<int8_t>(y) + begin * args.y_stride;
    session.kernels->l2_norm_s8(part);
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::RowNorm& norm = *step.step.op_as_RowNorm();
  if (is_integer(norm)) return run_int8(step, session);
  if (!kHasFloat32) return;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  const int32_t size = norm.size();
  kernels::RowNormArgs args = {};
  args.kind = static_cast<kernels::NormKind>(norm.kind());
  args.size = size;
  args.epsilon = norm.epsilon();
  args.epsilon_outside = norm.epsilon_outside();
  args.x_stride = x.block_stride(size);
  args.gain = vector_of(step, norm.gain());
  args.shift = vector_of(step, norm.shift());
  args.y_stride = y.block_stride(size);
  args.activation = activation_of(norm.activation());
  parallel(session, x.elements() / size, size * kWorkPerElement, [&](int32_t begin, int32_t end, int32_t) {
    kernels::RowNormArgs part = args;
    part.rows = end - begin;
    part.x = session.input<float>(x) + begin * args.x_stride;
    part.y = session.output<float>(y) + begin * args.y_stride;
    session.kernels->row_norm_f32(part);
  });
}

}  // namespace

const OperatorEntry kRowNorm = {1, 1, 0b1, check, nullptr, run};

}  // namespace linnet::engine
