#include "converter/ops/depth_to_space.hpp"

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/movement.hpp"

namespace linnet::ops {

namespace {

// Positions of channels, lines and columns in the shape.
struct Layout {
  size_t channel, line, column;
};

Layout layout(const DepthToSpace& op) {
  return op.channels_last ? Layout{3, 1, 2} : Layout{1, 2, 3};
}

// The movement of DepthToSpace; its inverse is the same one read from output to input.
Movement movement(const DepthToSpace& op, const Shape& deep, const std::vector<int64_t>& deep_strides,
                  const std::vector<int64_t>& wide_strides) {
  const auto [channel, line, column] = layout(op);
  const int64_t block = op.block, channels = deep[channel] / (block * block), unit = deep_strides[channel];
  const int64_t wide_channel_stride = wide_strides[channel];
  const int64_t channel_stride = unit * (op.crd ? block * block : 1);
  const int64_t column_stride = unit * (op.crd ? 1 : channels);
  Movement result;
  const auto add_channels = [&] { result.add_dimension(channels, channel_stride, wide_channel_stride); };
  result.add_dimension(deep[0], deep_strides[0], wide_strides[0]);
  if (!op.channels_last) add_channels();
  result.add_dimension(deep[line], deep_strides[line], wide_strides[line] * block);
  result.add_dimension(block, column_stride * block, wide_strides[line]);
  result.add_dimension(deep[column], deep_strides[column], wide_strides[column] * block);
  result.add_dimension(block, column_stride, wide_strides[column]);
  if (op.channels_last) add_channels();
  return result;
}

Movement oriented(const DepthToSpace& op, const Shape& x, const std::vector<int64_t>& in_strides, const Shape& y,
                  const std::vector<int64_t>& out_strides) {
  if (!op.inverse) return movement(op, x, in_strides, out_strides);
  Movement result = movement(op, y, out_strides, in_strides);
  std::swap(result.in_strides, result.out_strides);
  return result;
}

}  // namespace

void DepthToSpace::attributes(AttributeWriter& writer) const {
  writer.add("block", block);
  writer.add("mode", crd ? "CRD" : "DCR");
  writer.add("inverse", inverse);
  writer.add("channels_last", channels_last);
}

std::vector<TensorType> DepthToSpace::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  TensorType result = *inputs[0];
  Shape& shape = result.shape;
  if (shape.size() != 4) throw Error(fmt::format("input of shape {}; supported are 4 dimensions", to_string(shape)));
  const auto [channel, line, column] = layout(*this);
  constexpr int64_t kLargestBlock = 1 << 15;
  if (block < 1 || block > kLargestBlock)
    throw Error(fmt::format("block size {}; supported are 1 to {}", block, kLargestBlock));
  const bool divisible =
      inverse ? shape[line] % block == 0 && shape[column] % block == 0 : shape[channel] % (block * block) == 0;
  if (!divisible) throw Error(fmt::format("shape {} is not divisible by blocks of {}", to_string(shape), block));
  if (inverse) {
    shape[line] /= block;
    shape[column] /= block;
    shape[channel] *= block * block;
  } else {
    shape[line] *= block;
    shape[column] *= block;
    shape[channel] /= block * block;
  }
  return {result};
}

std::vector<Array> DepthToSpace::evaluate(const std::vector<const Array*>& inputs) const {
  const Shape& x = inputs[0]->shape();
  const Shape y = infer({&inputs[0]->type()})[0].shape;
  return {moved(*inputs[0], y, oriented(*this, x, row_major_strides(x), y, row_major_strides(y)))};
}

void DepthToSpace::emit(const Node& node, emit::Context& context) const {
  const Value &x = node.in(0), &y = node.out();
  emit_movement(node, 0, oriented(*this, x.shape(), device_strides(x, context), y.shape(), device_strides(y, context)),
                context);
}

std::vector<Value*> import_depth_to_space(import::OnnxContext& context) {
  auto op = std::make_unique<DepthToSpace>();
  op->block = context.integer("blocksize", 0);
  if (context.opset() >= 11) {
    const std::string mode = context.text("mode", "DCR");
    if (mode != "DCR" && mode != "CRD") context.fail(fmt::format("mode '{}'; supported are DCR and CRD", mode));
    op->crd = mode == "CRD";
  }
  return {context.add(std::move(op), {context.input(0)})};
}

std::vector<Value*> import_space_to_depth(import::OnnxContext& context) {
  auto op = std::make_unique<DepthToSpace>();
  op->block = context.integer("blocksize", 0);
  op->inverse = true;
  return {context.add(std::move(op), {context.input(0)})};
}

}  // namespace linnet::ops
