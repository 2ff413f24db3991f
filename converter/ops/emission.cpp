#include "converter/ops/emission.hpp"

#include <fmt/format.h>

#include <limits>

namespace linnet::ops {

using namespace linnet::ir;

std::vector<int64_t> device_strides(const Value& value, emit::Context& context) {
  const Shape& shape = value.shape();
  std::vector<int64_t> strides(shape.size(), 1);
  if (shape.size() < 2) return strides;
  strides[shape.size() - 2] = context.row_stride(value);
  for (size_t d = shape.size() - 2; d-- > 0;) strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

int32_t device_int(int64_t value) {
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    throw Error(fmt::format("{} does not fit the 32-bit integers of the device", value));
  }
  return static_cast<int32_t>(value);
}

flatbuffers::Offset<flatbuffers::Vector<int32_t>> device_ints(emit::Context& context,
                                                              const std::vector<int64_t>& values) {
  std::vector<int32_t> narrow;
  narrow.reserve(values.size());
  for (const int64_t value : values) narrow.push_back(device_int(value));
  return context.builder().CreateVector(narrow);
}

void require_float_arithmetic(const Node& node) {
  const auto check = [](const Value* value) {
    if (value != nullptr && !is_floating(value->type.dtype)) {
      throw Error(fmt::format("computes on {} elements ({}), the device supports f32", ir::name(value->type.dtype),
                              value->name));
    }
  };
  for (const Value* value : node.inputs) check(value);
  for (const Value* value : node.outputs) check(value);
}

const Array* constant_input(const Node& node, size_t index, std::string_view what) {
  if (!node.has(index)) return nullptr;
  if (!node.in(index).constant) {
    throw Error(
        fmt::format("{} ({}) depends on the model's inputs, supported are constants", what, node.in(index).name));
  }
  return &*node.in(index).constant;
}

std::vector<uint32_t> input_tensors(const Node& node, emit::Context& context, const std::vector<size_t>& indices) {
  std::vector<uint32_t> tensors;
  for (const size_t index : indices) {
    if (node.has(index)) tensors.push_back(context.tensor(node.in(index)));
  }
  return tensors;
}

}  // namespace linnet::ops
