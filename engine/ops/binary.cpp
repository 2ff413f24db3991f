#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kDimensions = 6;

bool check_operand(const TensorInfo& tensor, const Integers* shape, const Integers* strides, Error* error) {
  Reach reach(0);
  reach.add(shape, strides);
  return check_reach(tensor, reach, error);
}

// An input that is the output's memory must be walked exactly as the output is.
bool check_in_place(const StepView& step, int32_t input, const Integers* shape, const Integers* strides,
                    const Integers* c_strides, Error* error) {
  const TensorInfo& tensor = step.inputs[input];
  if (tensor.constant != nullptr || tensor.offset != step.output.offset) return true;
  for (uint32_t d = 0; d < static_cast<uint32_t>(length(shape)); ++d) {
    LINNET_REQUIRE(error, shape->Get(d) == 1 || strides->Get(d) == c_strides->Get(d), LINNET_ERROR_SHAPE, tensor.index,
                   c_strides->Get(d), strides->Get(d));
  }
  return true;
}

// Integers have no power. The largest and smallest of them are taken as they are.
bool check_function(const StepView& step, Error* error) {
  const fb::Binary& binary = *step.step.op_as_Binary();
  if (!is_integer(binary)) return check_activation(binary.activation(), error);
  const fb::BinaryFunction function = binary.function();
  const bool supported = (function <= fb::BinaryFunction::Min && function != fb::BinaryFunction::Div) ||
                         function == fb::BinaryFunction::PRelu;
  LINNET_REQUIRE(error, is_int16(step) ? supported : function != fb::BinaryFunction::Pow, LINNET_ERROR_SHAPE, -1, 0,
                 static_cast<int64_t>(function));
  if (!check_identity(binary.activation(), error)) return false;
  if (is_int16(step) && !check_rounding(*binary.requantize(), fb::Rounding::FixedPoint, error)) return false;
  return function == fb::BinaryFunction::Max || function == fb::BinaryFunction::Min ||
         check_binary(binary.requantize()->rounding(), binary.quantized(), error);
}

bool check(const StepView& step, Error* error) {
  const fb::Binary& binary = *step.step.op_as_Binary();
  const Integers* shape = binary.shape();
  const Integers* c_strides = binary.c_strides();
  const TensorInfo& c = step.output;
  int64_t elements = 1;
  LINNET_REQUIRE(error, binary.function() <= fb::BinaryFunction::MAX, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::BinaryFunction::MAX), static_cast<int64_t>(binary.function()));
  if (!check_arithmetic(step, binary.requantize(), error, true) || !check_function(step, error) ||
      !check_dimensions(shape, kDimensions, &elements, error) || !check_strides(shape, binary.a_strides(), error) ||
      !check_strides(shape, binary.b_strides(), error) || !check_strides(shape, c_strides, error)) {
    return false;
  }
  LINNET_REQUIRE(error, elements == c.elements(), LINNET_ERROR_SHAPE, c.index, c.elements(), elements);
  const int32_t last = length(shape) - 1;
  LINNET_REQUIRE(error, last < 0 || shape->Get(last) == 1 || c_strides->Get(last) == 1, LINNET_ERROR_SHAPE, c.index, 1,
                 c_strides->Get(last));
  return check_operand(step.inputs[0], shape, binary.a_strides(), error) &&
         check_operand(step.inputs[1], shape, binary.b_strides(), error) && check_operand(c, shape, c_strides, error) &&
         check_in_place(step, 0, shape, binary.a_strides(), c_strides, error) &&
         check_in_place(step, 1, shape, binary.b_strides(), c_strides, error);
}

// Offset of row `row`, counted over all dimensions but the last.
ptrdiff_t row_offset(int32_t row, const Integers* shape, const Integers* strides) {
  ptrdiff_t offset = 0;
  for (int32_t d = length(shape) - 2; d >= 0; --d) {
    const int32_t size = shape->Get(static_cast<uint32_t>(d));
    offset += static_cast<ptrdiff_t>(row % size) * strides->Get(static_cast<uint32_t>(d));
    row /= size;
  }
  return offset;
}

// Size or stride of the dimension `from_end` places before the end, or `absent` where there is none.
int32_t from_end_or(const Integers* vector, int32_t from_end, int32_t absent) {
  const int32_t index = length(vector) - from_end;
  return index < 0 ? absent : vector->Get(static_cast<uint32_t>(index));
}

template <class Args>
using ElementOf = std::remove_pointer_t<decltype(Args::c)>;

template <class Args, class Kernel>
void run_row(const StepView& step, const linnet_session& session, const Args& args, Kernel kernel) {
  using Element = ElementOf<Args>;
  constexpr int32_t kBlock = 1024;
  parallel(session, (args.columns - 1) / kBlock + 1, kBlock, [&](int32_t begin, int32_t end, int32_t) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(begin) * kBlock;
    Args part = args;
    part.rows = 1;
    part.columns = end > args.columns / kBlock ? args.columns - begin * kBlock : (end - begin) * kBlock;
    part.a = session.input<Element>(step.inputs[0]) + first * args.a_column_stride;
    part.b = session.input<Element>(step.inputs[1]) + first * args.b_column_stride;
    part.c = session.output<Element>(step.output) + first;
    kernel(part);
  });
}

template <class Args, class Kernel>
void run_with(const StepView& step, const linnet_session& session, Args args, Kernel kernel) {
  using Element = ElementOf<Args>;
  const fb::Binary& binary = *step.step.op_as_Binary();
  const Integers* shape = binary.shape();
  args.function = static_cast<kernels::BinaryFunction>(binary.function());
  args.columns = from_end_or(shape, 1, 1);
  args.a_column_stride = from_end_or(binary.a_strides(), 1, 0);
  args.b_column_stride = from_end_or(binary.b_strides(), 1, 0);
  args.a_row_stride = from_end_or(binary.a_strides(), 2, 0);
  args.b_row_stride = from_end_or(binary.b_strides(), 2, 0);
  args.c_row_stride = from_end_or(binary.c_strides(), 2, 0);
  const int32_t plane_rows = from_end_or(shape, 2, 1);
  const int32_t rows = step.output.elements() / args.columns;
  if (rows == 1) return run_row(step, session, args, kernel);
  parallel(session, rows, args.columns, [&](int32_t begin, int32_t end, int32_t) {
    Args part = args;
    while (begin < end) {
      const int32_t plane_end = (begin / plane_rows + 1) * plane_rows;
      const int32_t next = plane_end < end ? plane_end : end;
      part.rows = next - begin;
      part.a = session.input<Element>(step.inputs[0]) + row_offset(begin, shape, binary.a_strides());
      part.b = session.input<Element>(step.inputs[1]) + row_offset(begin, shape, binary.b_strides());
      part.c = session.output<Element>(step.output) + row_offset(begin, shape, binary.c_strides());
      kernel(part);
      begin = next;
    }
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Binary& binary = *step.step.op_as_Binary();
  if (is_integer(binary)) {
    const kernels::QuantizedBinary quantized =
        binary_of(binary.quantized(), step.inputs[0].zero_point, step.inputs[1].zero_point,
                  requantize_of(*binary.requantize(), step.output.zero_point));
    if (is_int16(step)) {
      kernels::BinaryInt16Args args = {};
      args.quantized = quantized;
      run_with(step, session, args, [&](const auto& part) { session.kernels->binary_s16(part); });
    } else if (kHasInt8) {
      kernels::BinaryInt8Args args = {};
      args.quantized = quantized;
      run_with(step, session, args, [&](const auto& part) { session.kernels->binary_s8(part); });
    }
  } else if (kHasFloat32) {
    kernels::BinaryArgs args = {};
    args.activation = activation_of(binary.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->binary_f32(part); });
  }
}

}  // namespace

const OperatorEntry kBinary = {2, 2, 0b11, check, nullptr, run};

}  // namespace linnet::engine
