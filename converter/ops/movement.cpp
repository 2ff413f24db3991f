#include "converter/ops/movement.hpp"

#include <bit>

#include <fmt/format.h>

#include "kernels/contract.hpp"

namespace linnet::ops {

using ir::DType;

namespace {

// The 32 bits (8 for one-byte types) of a constant as the device stores it.
uint32_t device_bits(double value, DType dtype) {
  if (ir::is_floating(dtype)) return std::bit_cast<uint32_t>(static_cast<float>(value));
  const auto integer = static_cast<uint32_t>(ir::Array::scalar(value, DType::i64).integer(0));
  return ir::element_bytes(dtype) == 1 ? integer & 0xff : integer;
}

std::vector<int32_t> narrowed(const std::vector<int64_t>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

void Movement::add_dimension(int64_t size, int64_t in_stride, int64_t out_stride) {
  shape.push_back(size);
  in_strides.push_back(in_stride);
  out_strides.push_back(out_stride);
}

Movement merged(const Movement& movement) {
  Movement result;
  result.in_offset = movement.in_offset;
  result.out_offset = movement.out_offset;
  for (size_t d = 0; d < movement.shape.size(); ++d) {
    const int64_t size = movement.shape[d], in_stride = movement.in_strides[d], out_stride = movement.out_strides[d];
    if (size == 1) continue;
    const bool joins = !result.shape.empty() && result.in_strides.back() == in_stride * size &&
                       result.out_strides.back() == out_stride * size;
    if (!joins) {
      result.add_dimension(size, in_stride, out_stride);
      continue;
    }
    result.shape.back() *= size;
    result.in_strides.back() = in_stride;
    result.out_strides.back() = out_stride;
  }
  return result;
}

std::vector<int64_t> device_strides(const ir::Value& value, emit::Context& context) {
  const ir::Shape& shape = value.shape();
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = d + 1 == shape.size() ? context.row_stride(value) : strides[d] * shape[d];
  return strides;
}

ir::Array moved(const ir::Array& x, const ir::Shape& shape, const Movement& movement, double fill) {
  std::vector<int64_t> source(static_cast<size_t>(ir::element_count(shape)), -1);
  const std::vector<int64_t> from = ir::strided_offsets(movement.shape, movement.in_strides, movement.in_offset);
  const std::vector<int64_t> to = ir::strided_offsets(movement.shape, movement.out_strides, movement.out_offset);
  for (size_t i = 0; i < from.size(); ++i) source[static_cast<size_t>(to[i])] = from[i];
  return x.gathered(shape, source, fill);
}

void emit_movement(const ir::Node& node, size_t index, const Movement& movement, emit::Context& context,
                   std::optional<double> fill) {
  const Movement copy = merged(movement);
  if (ir::element_count(copy.shape) == 0 && !fill) return;
  if (copy.shape.size() > kernels::kCopyDimensions)
    throw ir::Error(fmt::format("{} ({}): moves elements along {} dimensions; supported are {}", node.name,
                                node.op->name(), copy.shape.size(), kernels::kCopyDimensions));
  const std::vector<int32_t> shape = narrowed(copy.shape), in_strides = narrowed(copy.in_strides),
                             out_strides = narrowed(copy.out_strides);
  const uint32_t bits = fill ? device_bits(*fill, node.out().type.dtype) : 0;
  const auto table = fb::CreateCopyDirect(context.builder(), &shape, &in_strides, static_cast<int32_t>(copy.in_offset),
                                          &out_strides, static_cast<int32_t>(copy.out_offset), fill.has_value(), bits);
  context.step(node, table, {context.tensor(node.in(index))}, {context.tensor(node.out())});
}

}  // namespace linnet::ops
