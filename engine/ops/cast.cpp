// Conversions between the data types; with `requantize`, between numbers that scale and zero point give, otherwise:
// float to integer truncates towards zero and saturates (NaN becomes 0); integer to
// a narrower integer keeps the low bits; anything to bool is "not zero"; bool counts as 0 or 1.
#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kBlock = 64;

// Both operands of a block pass through this: float for float sources, int32 for all others.
struct Block {
  float floats[kBlock];
  int32_t integers[kBlock];
};

bool has_number_type(const TensorInfo& tensor) {
  return tensor.type != fb::DataType::Int32 && tensor.type != fb::DataType::Bool;
}

bool check_scale(const TensorInfo& tensor, Error* error) {
  LINNET_REQUIRE(error, tensor.scale > 0, LINNET_ERROR_SHAPE, tensor.index, 1, 0);
  return true;
}

// At least one side is an integer; scales are there where a float is on the other side.
bool check_quantize(const StepView& step, const fb::Cast& cast, Error* error) {
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  if (!check_feature(kHasInt8 || kHasInt16, StepFeature::Int8, error)) return false;
  for (const TensorInfo* tensor : {&x, &y}) {
    LINNET_REQUIRE(error, has_number_type(*tensor), LINNET_ERROR_SHAPE, tensor->index,
                   static_cast<int64_t>(fb::DataType::Int8), static_cast<int64_t>(tensor->type));
  }
  const bool from_float = x.type == fb::DataType::Float32, to_float = y.type == fb::DataType::Float32;
  LINNET_REQUIRE(error, !from_float || !to_float, LINNET_ERROR_SHAPE, y.index, static_cast<int64_t>(fb::DataType::Int8),
                 static_cast<int64_t>(y.type));
  if (to_float) return check_scale(x, error);
  if (!check_requantize(*cast.requantize(), y, error)) return false;
  return from_float ? check_scale(y, error) : check_factor(cast.requantize()->rounding(), cast.factor(), error);
}

bool check(const StepView& step, Error* error) {
  const fb::Cast& cast = *step.step.op_as_Cast();
  return check_elementwise(step.inputs[0], step.output, error) &&
         (cast.requantize() == nullptr || check_quantize(step, cast, error));
}

void load(fb::DataType type, const uint8_t* x, int32_t count, Block* block) {
  switch (type) {
    case fb::DataType::Float32:
      for (int32_t i = 0; i < count; ++i) block->floats[i] = reinterpret_cast<const float*>(x)[i];
      break;
    case fb::DataType::Int8:
      for (int32_t i = 0; i < count; ++i) block->integers[i] = static_cast<int8_t>(x[i]);
      break;
    case fb::DataType::UInt8:
      for (int32_t i = 0; i < count; ++i) block->integers[i] = x[i];
      break;
    case fb::DataType::Int16:
      for (int32_t i = 0; i < count; ++i) block->integers[i] = reinterpret_cast<const int16_t*>(x)[i];
      break;
    case fb::DataType::Int32:
      for (int32_t i = 0; i < count; ++i) block->integers[i] = reinterpret_cast<const int32_t*>(x)[i];
      break;
    case fb::DataType::Bool:
      for (int32_t i = 0; i < count; ++i) block->integers[i] = x[i] != 0 ? 1 : 0;
      break;
  }
}

int32_t truncate(float value, int32_t lowest, int32_t highest) {
  if (!(value == value)) return 0;
  if (value <= static_cast<float>(lowest)) return lowest;
  if (value >= static_cast<float>(highest)) return highest;
  return static_cast<int32_t>(value);
}

void store_floats(fb::DataType type, const float* values, int32_t count, uint8_t* y) {
  switch (type) {
    case fb::DataType::Float32:
      for (int32_t i = 0; i < count; ++i) reinterpret_cast<float*>(y)[i] = values[i];
      break;
    case fb::DataType::Int8:
      for (int32_t i = 0; i < count; ++i) y[i] = static_cast<uint8_t>(truncate(values[i], INT8_MIN, INT8_MAX));
      break;
    case fb::DataType::UInt8:
      for (int32_t i = 0; i < count; ++i) y[i] = static_cast<uint8_t>(truncate(values[i], 0, UINT8_MAX));
      break;
    case fb::DataType::Int16:
      for (int32_t i = 0; i < count; ++i) {
        reinterpret_cast<int16_t*>(y)[i] = static_cast<int16_t>(truncate(values[i], INT16_MIN, INT16_MAX));
      }
      break;
    case fb::DataType::Int32:
      for (int32_t i = 0; i < count; ++i) reinterpret_cast<int32_t*>(y)[i] = truncate(values[i], INT32_MIN, INT32_MAX);
      break;
    case fb::DataType::Bool:
      for (int32_t i = 0; i < count; ++i) y[i] = values[i] != 0.0f ? 1 : 0;
      break;
  }
}

void store_integers(fb::DataType type, const int32_t* values, int32_t count, uint8_t* y) {
  switch (type) {
    case fb::DataType::Float32:
      for (int32_t i = 0; i < count; ++i) reinterpret_cast<float*>(y)[i] = static_cast<float>(values[i]);
      break;
    case fb::DataType::Int8:
    case fb::DataType::UInt8:
      for (int32_t i = 0; i < count; ++i) y[i] = static_cast<uint8_t>(values[i]);
      break;
    case fb::DataType::Int16:
      for (int32_t i = 0; i < count; ++i) reinterpret_cast<int16_t*>(y)[i] = static_cast<int16_t>(values[i]);
      break;
    case fb::DataType::Int32:
      for (int32_t i = 0; i < count; ++i) reinterpret_cast<int32_t*>(y)[i] = values[i];
      break;
    case fb::DataType::Bool:
      for (int32_t i = 0; i < count; ++i) y[i] = values[i] != 0 ? 1 : 0;
      break;
  }
}

void convert(fb::DataType from, const uint8_t* x, fb::DataType to, uint8_t* y, int32_t count) {
  Block block;
  for (int32_t begin = 0; begin < count; begin += kBlock) {
    const int32_t length = count - begin < kBlock ? count - begin : kBlock;
    load(from, x + static_cast<ptrdiff_t>(begin) * element_bytes(from), length, &block);
    uint8_t* target = y + static_cast<ptrdiff_t>(begin) * element_bytes(to);
    if (from == fb::DataType::Float32) {
      store_floats(to, block.floats, length, target);
    } else {
      store_integers(to, block.integers, length, target);
    }
  }
}

kernels::NumberType number_type(fb::DataType type) {
  switch (type) {
    case fb::DataType::Int8:
      return kernels::NumberType::Int8;
    case fb::DataType::UInt8:
      return kernels::NumberType::UInt8;
    case fb::DataType::Int16:
      return kernels::NumberType::Int16;
    default:
      return kernels::NumberType::Float32;
  }
}

void run_quantize(const StepView& step, const linnet_session& session) {
  const fb::Cast& cast = *step.step.op_as_Cast();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  kernels::QuantizeArgs args = {};
  args.from = number_type(x.type);
  args.to = number_type(y.type);
  args.x_stride = x.row_stride;
  args.y_stride = y.row_stride;
  args.scale = y.type == fb::DataType::Float32 ? x.scale : y.scale;
  args.zero_point = x.zero_point;
  if (cast.factor() != nullptr) args.factor = factor_of(*cast.factor());
  args.requantize = requantize_of(*cast.requantize(), y.zero_point);
  parallel_elements(session, x, y, 1, [&](int64_t x_offset, int64_t y_offset, int32_t rows, int32_t columns) {
    kernels::QuantizeArgs part = args;
    part.rows = rows;
    part.columns = columns;
    part.x = session.input<uint8_t>(x) + x_offset * x.element_bytes;
    part.y = session.output<uint8_t>(y) + y_offset * y.element_bytes;
    session.kernels->quantize(part);
  });
}

void run(const StepView& step, const linnet_session& session) {
  if (is_integer(*step.step.op_as_Cast())) return run_quantize(step, session);
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  parallel_elements(session, x, y, 1, [&](int64_t x_offset, int64_t y_offset, int32_t rows, int32_t columns) {
    for (int32_t row = 0; row < rows; ++row) {
      convert(
          x.type, session.input<uint8_t>(x) + (x_offset + static_cast<int64_t>(row) * x.row_stride) * x.element_bytes,
          y.type, session.output<uint8_t>(y) + (y_offset + static_cast<int64_t>(row) * y.row_stride) * y.element_bytes,
          columns);
    }
  });
}

}  // namespace

const OperatorEntry kCast = {1, 1, 0b1, check, nullptr, run};

}  // namespace linnet::engine
