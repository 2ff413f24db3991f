// Conversions between the data types: float to integer truncates towards zero and saturates (NaN becomes 0); integer to
// a narrower integer keeps the low bits; anything to bool is "not zero"; bool counts as 0 or 1.
#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kBlock = 64;

// Both operands of a block pass through this: float for float sources, int32 for all others.
struct Block {
  float floats[kBlock];
  int32_t integers[kBlock];
};

bool check(const StepView& step, Error* error) {
  return check_elementwise(step.inputs[0], step.output, error);
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

void run(const StepView& step, const linnet_session& session) {
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
