#include "converter/ops/movement.hpp"

#include <algorithm>
#include <bit>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
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

// The movement without its smallest dimension, once for each position in that.
std::vector<Movement> slices(const StridedLoop& loop, const Movement& movement) {
  const auto smallest =
      static_cast<size_t>(std::min_element(loop.shape.begin(), loop.shape.end()) - loop.shape.begin());
  Movement rest;
  for (size_t d = 0; d < loop.shape.size(); ++d)
    if (d != smallest) rest.add_dimension(loop.shape[d], loop.strides[0][d], loop.strides[1][d]);
  std::vector<Movement> result;
  for (int64_t i = 0; i < loop.shape[smallest]; ++i) {
    rest.in_offset = movement.in_offset + i * loop.strides[0][smallest];
    rest.out_offset = movement.out_offset + i * loop.strides[1][smallest];
    result.push_back(rest);
  }
  return result;
}

}  // namespace

void Movement::add_dimension(int64_t size, int64_t in_stride, int64_t out_stride) {
  shape.push_back(size);
  in_strides.push_back(in_stride);
  out_strides.push_back(out_stride);
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
  if (ir::element_count(movement.shape) == 0 && !fill) return;
  StridedLoop copy{movement.shape, {movement.in_strides, movement.out_strides}};
  copy.merge();
  if (copy.shape.size() > kernels::kCopyDimensions) {
    for (const Movement& slice : slices(copy, movement)) {
      emit_movement(node, index, slice, context, fill);
      fill.reset();
    }
    return;
  }
  const auto shape = device_ints(context, copy.shape);
  const auto in_strides = device_ints(context, copy.strides[0]), out_strides = device_ints(context, copy.strides[1]);
  const uint32_t bits = fill ? device_bits(*fill, node.out().type.dtype) : 0;
  const auto table = fb::CreateCopy(context.builder(), shape, in_strides, device_int(movement.in_offset), out_strides,
                                    device_int(movement.out_offset), fill.has_value(), bits);
  context.step(node, table, {context.tensor(node.in(index))}, {context.tensor(node.out())});
}

}  // namespace linnet::ops
