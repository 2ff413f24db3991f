#include "converter/ops/reshape.hpp"

#include <numeric>

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/movement.hpp"

namespace linnet::ops {

namespace {

Movement movement(const Transpose& op, const Shape& shape, const std::vector<int64_t>& in_strides,
                  const std::vector<int64_t>& out_strides) {
  return {shape, permute(in_strides, op.permutation), out_strides};
}

Movement movement(const Expand& op, const Shape& x, const std::vector<int64_t>& in_strides,
                  const std::vector<int64_t>& out_strides) {
  Movement result;
  const size_t added = op.shape.size() - x.size();
  for (size_t d = 0; d < op.shape.size(); ++d) {
    const bool repeats = d < added || x[d - added] != op.shape[d];
    result.add_dimension(op.shape[d], repeats ? 0 : in_strides[d - added], out_strides[d]);
  }
  return result;
}

Movement movement(const Tile& op, const Shape& x, const std::vector<int64_t>& in_strides,
                  const std::vector<int64_t>& out_strides) {
  Movement result;
  for (size_t d = 0; d < x.size(); ++d) {
    result.add_dimension(op.repeats[d], 0, out_strides[d] * x[d]);
    result.add_dimension(x[d], in_strides[d], out_strides[d]);
  }
  return result;
}

}  // namespace

void Reshape::attributes(AttributeWriter& writer) const {
  writer.add("shape", shape);
}

std::vector<TensorType> Reshape::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  if (element_count(shape) != element_count(inputs[0]->shape))
    throw Error(fmt::format("{} cannot take the shape {}, which has another number of elements", to_string(*inputs[0]),
                            to_string(shape)));
  return {moved_type(*inputs[0], shape)};
}

std::vector<Array> Reshape::evaluate(const std::vector<const Array*>& inputs) const {
  return {inputs[0]->reshaped(shape)};
}

void Transpose::attributes(AttributeWriter& writer) const {
  writer.add("permutation", permutation);
}

std::vector<TensorType> Transpose::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  Permutation sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  Permutation identity(inputs[0]->shape.size());
  std::iota(identity.begin(), identity.end(), 0);
  if (sorted != identity)
    throw Error(fmt::format("permutation {} of {}", fmt::join(permutation, ","), to_string(*inputs[0])));
  TensorType type = *inputs[0];
  type.shape = permute(type.shape, permutation);
  if (type.quantization && !type.quantization->per_tensor())
    type.quantization->axis = permuted_axis(type.quantization->axis, permutation);
  return {type};
}

std::vector<Array> Transpose::evaluate(const std::vector<const Array*>& inputs) const {
  const Shape& x = inputs[0]->shape();
  const Shape y = permute(x, permutation);
  return {inputs[0]
              ->with_quantization(std::nullopt)
              .strided(y, permute(row_major_strides(x), permutation))
              .with_quantization(infer({&inputs[0]->type()})[0].quantization)};
}

void Transpose::emit(const Node& node, emit::Context& context) const {
  const Value &x = node.in(0), &y = node.out();
  emit_movement(node, 0, movement(*this, y.shape(), device_strides(x, context), device_strides(y, context)), context);
}

void Expand::attributes(AttributeWriter& writer) const {
  writer.add("shape", shape);
}

std::vector<TensorType> Expand::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  const Shape& x = inputs[0]->shape;
  bool fits = x.size() <= shape.size();
  for (size_t d = 0; fits && d < x.size(); ++d) fits = x[d] == 1 || x[d] == shape[d + shape.size() - x.size()];
  if (!fits) throw Error(fmt::format("{} cannot be repeated to the shape {}", to_string(*inputs[0]), to_string(shape)));
  return {moved_type(*inputs[0], shape)};
}

std::vector<Array> Expand::evaluate(const std::vector<const Array*>& inputs) const {
  const Shape& x = inputs[0]->shape();
  return {moved(*inputs[0], shape, movement(*this, x, row_major_strides(x), row_major_strides(shape)))};
}

void Expand::emit(const Node& node, emit::Context& context) const {
  const Value &x = node.in(0), &y = node.out();
  emit_movement(node, 0, movement(*this, x.shape(), device_strides(x, context), device_strides(y, context)), context);
}

void Tile::attributes(AttributeWriter& writer) const {
  writer.add("repeats", repeats);
}

std::vector<TensorType> Tile::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  TensorType result = *inputs[0];
  bool fits = repeats.size() == result.shape.size();
  for (size_t d = 0; fits && d < repeats.size(); ++d)
    fits = repeats[d] >= 0 && !__builtin_mul_overflow(result.shape[d], repeats[d], &result.shape[d]);
  if (!fits) throw Error(fmt::format("{} cannot be repeated {} times", to_string(*inputs[0]), fmt::join(repeats, ",")));
  return {result};
}

std::vector<Array> Tile::evaluate(const std::vector<const Array*>& inputs) const {
  const Shape& x = inputs[0]->shape();
  const Shape y = infer({&inputs[0]->type()})[0].shape;
  return {moved(*inputs[0], y, movement(*this, x, row_major_strides(x), row_major_strides(y)))};
}

std::unique_ptr<Op> Tile::permuted(const Permutation& permutation, const Node& node) const {
  (void)node;
  auto op = std::make_unique<Tile>();
  op->repeats = permute(repeats, permutation);
  return op;
}

void Tile::emit(const Node& node, emit::Context& context) const {
  const Value &x = node.in(0), &y = node.out();
  emit_movement(node, 0, movement(*this, x.shape(), device_strides(x, context), device_strides(y, context)), context);
}

namespace {

std::vector<Value*> add_reshape(import::OnnxContext& context, Shape shape) {
  Value* x = context.input(0);
  if (shape == x->shape()) return {x};
  auto op = std::make_unique<Reshape>();
  op->shape = std::move(shape);
  return {context.add(std::move(op), {x})};
}

}  // namespace

std::vector<Value*> import_reshape(import::OnnxContext& context) {
  const Shape& x = context.input(0)->shape();
  const std::vector<int64_t> wanted = context.constant(1, "shape").integers();
  const bool keep_zero = context.opset() >= 14 && context.integer("allowzero", 0) != 0;
  Shape shape = wanted;
  std::optional<size_t> inferred;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0 && !keep_zero) {
      if (d >= x.size())
        context.fail(fmt::format("shape {} copies dimension {} of {}", fmt::join(wanted, ","), d, to_string(x)));
      shape[d] = x[d];
    }
    if (shape[d] >= 0) continue;
    if (shape[d] != -1 || inferred)
      context.fail(fmt::format("shape {}; supported is one -1 and sizes", fmt::join(wanted, ",")));
    inferred = d;
    shape[d] = 1;
  }
  if (inferred) {
    const int64_t known = element_count(shape), count = element_count(x);
    if (known == 0 || count % known != 0)
      context.fail(fmt::format("{} cannot take the shape {}", to_string(x), fmt::join(wanted, ",")));
    shape[*inferred] = count / known;
  }
  return add_reshape(context, std::move(shape));
}

std::vector<Value*> import_flatten(import::OnnxContext& context) {
  const Shape& x = context.input(0)->shape();
  const auto rank = static_cast<int64_t>(x.size());
  const int64_t axis = context.integer("axis", 1);
  if (axis < -rank || axis > rank) context.fail(fmt::format("axis {} of a tensor of {} dimensions", axis, rank));
  const auto split = x.begin() + (axis < 0 ? axis + rank : axis);
  return add_reshape(context, {element_count({x.begin(), split}), element_count({split, x.end()})});
}

std::vector<Value*> import_squeeze(import::OnnxContext& context) {
  const Shape& x = context.input(0)->shape();
  const auto given = axes_argument(context, 1, 13);
  const std::vector<int64_t> axes = given ? normalized_axes(*given, x.size()) : std::vector<int64_t>{};
  Shape shape;
  for (size_t d = 0; d < x.size(); ++d) {
    const bool listed = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end();
    if (listed && x[d] != 1) context.fail(fmt::format("axis {} of {} has not size 1", d, to_string(x)));
    if (!(given ? listed : x[d] == 1)) shape.push_back(x[d]);
  }
  return add_reshape(context, std::move(shape));
}

std::vector<Value*> import_unsqueeze(import::OnnxContext& context) {
  const Shape& x = context.input(0)->shape();
  const auto given = axes_argument(context, 1, 13);
  if (!given) context.fail("axes are missing");
  const std::vector<int64_t> axes = normalized_axes(*given, x.size() + given->size());
  Shape shape(x.size() + axes.size(), 0);
  for (const int64_t axis : axes) shape[static_cast<size_t>(axis)] = 1;
  auto source = x.begin();
  for (size_t d = 0; d < shape.size(); ++d)
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) == axes.end()) shape[d] = *source++;
  return add_reshape(context, std::move(shape));
}

std::vector<Value*> import_transpose(import::OnnxContext& context) {
  Value* x = context.input(0);
  std::vector<int64_t> reversed(x->shape().size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  auto op = std::make_unique<Transpose>();
  op->permutation = context.integers("perm", reversed);
  return {context.add(std::move(op), {x})};
}

std::vector<Value*> import_expand(import::OnnxContext& context) {
  Value* x = context.input(0);
  Shape shape = context.constant(1, "shape").integers();
  const Shape& from = x->shape();
  if (shape.size() < from.size()) shape.insert(shape.begin(), from.size() - shape.size(), 1);
  const size_t added = shape.size() - from.size();
  for (size_t d = 0; d < from.size(); ++d)
    if (shape[d + added] == 1) shape[d + added] = from[d];
  if (shape == from) return {x};
  auto op = std::make_unique<Expand>();
  op->shape = std::move(shape);
  return {context.add(std::move(op), {x})};
}

std::vector<Value*> import_tile(import::OnnxContext& context) {
  auto op = std::make_unique<Tile>();
  op->repeats = context.constant(1, "repeats").integers();
  return {context.add(std::move(op), {context.input(0)})};
}

std::vector<Value*> import_identity(import::OnnxContext& context) {
  return {context.input(0)};
}

std::vector<Value*> import_dropout(import::OnnxContext& context) {
  context.number("ratio", 0.5);
  if (context.opset() >= 12) {
    context.integer("seed", 0);
    if (context.optional_input(2) != nullptr && context.constant(2, "training_mode").integer(0) != 0)
      context.fail("training_mode is true; supported is inference");
  }
  if (context.output_used(1)) context.fail("output 1 (mask) is used; supported is output 0 alone");
  return {context.input(0), nullptr};
}

}  // namespace linnet::ops
