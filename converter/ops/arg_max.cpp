#include "converter/ops/axes.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/reduce.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

// NaN is passed over, as on the device.
template <class T>
std::vector<int64_t> positions(const ArgMax& op, const std::vector<T>& values, const AxisSplit& view) {
  std::vector<int64_t> result(static_cast<size_t>(view.outer * view.inner), 0);
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t i = 0; i < view.inner; ++i) {
      const T* column = values.data() + o * view.size * view.inner + i;
      int64_t& best = result[static_cast<size_t>(o * view.inner + i)];
      for (int64_t s = 1; s < view.size; ++s) {
        const T value = column[s * view.inner], held = column[best * view.inner];
        const bool better = op.minimum ? value < held : value > held;
        if (better || (op.select_last && value == held) || (held != held && value == value)) best = s;
      }
    }
  }
  return result;
}

}  // namespace

void ArgMax::attributes(AttributeWriter& writer) const {
  writer.add("axis", axis);
  writer.add("keep_dims", keep_dims);
  writer.add("select_last", select_last);
  writer.add("minimum", minimum);
}

std::vector<TensorType> ArgMax::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  if (x.dtype == DType::boolean) throw Error("x has element type bool, supported are numbers");
  require_axis(axis, x.shape);
  Shape shape = x.shape;
  if (shape[static_cast<size_t>(axis)] == 0) throw Error("the axis is empty");
  shape[static_cast<size_t>(axis)] = 1;
  if (!keep_dims) shape.erase(shape.begin() + axis);
  return {{DType::i64, shape}};
}

std::vector<Array> ArgMax::evaluate(const std::vector<const Array*>& inputs) const {
  const TensorType type = infer(types_of(inputs))[0];
  const AxisSplit view = split_at(inputs[0]->shape(), axis);
  std::vector<int64_t> result = inputs[0]->floating() ? positions(*this, inputs[0]->doubles(), view)
                                                      : positions(*this, inputs[0]->integers(), view);
  return {Array::of_integers(type.shape, std::move(result))};
}

std::unique_ptr<Op> ArgMax::permuted(const Permutation& permutation, const Node& node) const {
  if (!keep_dims || permutation.size() != node.in(0).shape().size()) return nullptr;
  auto op = std::make_unique<ArgMax>(*this);
  op->axis = permuted_axis(axis, permutation);
  return op;
}

void ArgMax::emit(const Node& node, emit::Context& context) const {
  const Value& x = node.in(0);
  if (!is_floating(x.type.dtype) && x.type.dtype != DType::i8) {
    throw Error("has an input of " + std::string(ir::name(x.type.dtype)) + " elements, the device supports f32 and i8");
  }
  const AxisSplit view = split_at(x.shape(), axis);
  const auto table = fb::CreateArgMax(context.builder(), device_int(view.outer), device_int(view.size),
                                      device_int(view.inner), select_last, minimum);
  context.step(node, table, {context.tensor(x)}, {context.tensor(node.out())});
}

namespace {

std::vector<Value*> import_arg(OnnxContext& context, bool minimum) {
  Value* x = context.input(0);
  auto op = std::make_unique<ArgMax>();
  op->axis = normalized_axis(context.integer("axis", 0), x->shape().size());
  op->select_last = context.opset() >= 12 && context.integer("select_last_index", 0) != 0;
  op->minimum = minimum;
  const int64_t axis = op->axis;
  Value* y = context.add(std::move(op), {x});
  if (context.integer("keepdims", 1) != 0) return {y};
  Shape shape = y->shape();
  shape.erase(shape.begin() + axis);
  return {reshape(context, y, shape)};
}

}  // namespace

std::vector<Value*> import_arg_max(OnnxContext& context) {
  return import_arg(context, false);
}
std::vector<Value*> import_arg_min(OnnxContext& context) {
  return import_arg(context, true);
}

}  // namespace linnet::ops
