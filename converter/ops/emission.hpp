// Small helpers of the operators' emission.
#pragma once

#include <string_view>
#include <vector>

#include "converter/emit/context.hpp"

namespace linnet::ops {

// Elements between neighbours of each dimension on the device, slices of other tensors included.
std::vector<int64_t> device_strides(const ir::Value& value, emit::Context& context);

// As the schema stores them; throws ir::Error where a number does not fit int32.
int32_t device_int(int64_t value);
flatbuffers::Offset<flatbuffers::Vector<int32_t>> device_ints(emit::Context& context,
                                                              const std::vector<int64_t>& values);

// The device computes in float32 only: throws ir::Error when an input or output of the node is of an integer type.
void require_float_arithmetic(const ir::Node& node);

// The elements of an input that must be constant when steps are emitted (null where it is absent).
const ir::Array* constant_input(const ir::Node& node, size_t index, std::string_view what);

// Tensor indices of the inputs that are there, in order.
std::vector<uint32_t> input_tensors(const ir::Node& node, emit::Context& context, const std::vector<size_t>& indices);

}  // namespace linnet::ops
