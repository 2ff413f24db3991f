// The operators that take and give quantized tensors, QLinearConv and those of ONNX Runtime (domain com.microsoft):
// dequantize steps, the importer of the operator of real numbers, and a quantize step.
#include <fmt/format.h>

#include "converter/import/operators.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/quantize_import.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

// The node as one of `op_type` that has `inputs`.
class RealContext final : public OnnxContext {
 public:
  RealContext(OnnxContext& node, std::string op_type, int opset, std::vector<Value*> inputs)
      : node_(node), op_type_(std::move(op_type)), opset_(opset), inputs_(std::move(inputs)) {}

  const std::string& op_type() const override { return op_type_; }
  const std::string& node_name() const override { return node_.node_name(); }
  int opset() const override { return opset_; }
  Graph& graph() override { return node_.graph(); }

  size_t input_count() override { return inputs_.size(); }
  Value* input(size_t index) override {
    Value* value = optional_input(index);
    if (value == nullptr) fail(fmt::format("has no input for {} of {}", index, op_type_));
    return value;
  }
  Value* optional_input(size_t index) override { return index < inputs_.size() ? inputs_[index] : nullptr; }
  const Array& constant(size_t index, std::string_view what) override {
    const Value* value = input(index);
    if (!value->constant) fail(fmt::format("{} must be constant", what));
    return *value->constant;
  }
  bool is_static(const Value* value) const override { return node_.is_static(value); }
  size_t output_count() const override { return node_.output_count(); }
  bool output_used(size_t index) const override { return node_.output_used(index); }

  bool has(std::string_view attribute) override { return node_.has(attribute); }
  int64_t integer(std::string_view attribute, int64_t fallback) override { return node_.integer(attribute, fallback); }
  double number(std::string_view attribute, double fallback) override { return node_.number(attribute, fallback); }
  std::string text(std::string_view attribute, std::string_view fallback) override {
    return node_.text(attribute, fallback);
  }
  std::vector<std::string> texts(std::string_view attribute, std::vector<std::string> fallback) override {
    return node_.texts(attribute, std::move(fallback));
  }
  std::vector<int64_t> integers(std::string_view attribute, std::vector<int64_t> fallback) override {
    return node_.integers(attribute, std::move(fallback));
  }
  std::vector<double> numbers(std::string_view attribute, std::vector<double> fallback) override {
    return node_.numbers(attribute, std::move(fallback));
  }
  std::optional<Array> tensor(std::string_view attribute) override { return node_.tensor(attribute); }
  std::vector<Value*> branch(std::string_view attribute) override { return node_.branch(attribute); }

  Value* add(std::unique_ptr<Op> op, std::vector<Value*> inputs) override {
    return node_.add(std::move(op), std::move(inputs));
  }
  std::vector<Value*> add_many(std::unique_ptr<Op> op, std::vector<Value*> inputs) override {
    return node_.add_many(std::move(op), std::move(inputs));
  }
  Value* add_constant(Array array, std::string_view what) override {
    return node_.add_constant(std::move(array), what);
  }
  void warn(std::string message) override { node_.warn(std::move(message)); }
  std::string about(const std::string& message) const override { return node_.about(message); }

 private:
  OnnxContext& node_;
  std::string op_type_;
  int opset_;
  std::vector<Value*> inputs_;
};

// Input `index` with its scale and zero point behind it, as real numbers.
Value* real_input(OnnxContext& context, size_t index, int64_t axis = 0) {
  Value* x = context.input(index);
  const Quantization quantization = read_quantization(context, index + 1, index + 2, x->type.dtype, x->shape(), axis);
  return dequantize(context, with_quantization(context, x, quantization), DType::f32);
}

// A bias, in steps of the product of both scales.
Value* real_bias(OnnxContext& context, size_t index, const Value* x, const Value* weights) {
  Value* bias = context.optional_input(index);
  if (bias == nullptr) return nullptr;
  if (!bias->constant || bias->type.dtype != DType::i32)
    context.fail(fmt::format("input {} (bias) is {}; supported are constants of i32", index, to_string(bias->type)));
  const std::vector<float>& scales = weights->producer->in(0).type.quantization->scales;
  const auto axis = static_cast<int64_t>(bias->shape().size()) - 1;
  Quantization steps{{}, std::vector<int64_t>(scales.size(), 0), std::max<int64_t>(axis, 0)};
  for (const float scale : scales) steps.scales.push_back(x->producer->in(0).type.quantization->scale() * scale);
  if (scales.size() > 1 && (axis < 0 || bias->shape().back() != static_cast<int64_t>(scales.size())))
    context.fail(fmt::format("input {} (bias) has shape {} for {} scales of the weights", index,
                             to_string(bias->shape()), scales.size()));
  return dequantize(context, with_quantization(context, bias, steps), DType::f32);
}

// The outputs of the operator `op_type`, quantized by the scale and zero point from input `scale` on.
std::vector<Value*> quantized(OnnxContext& context, const char* op_type, std::vector<Value*> inputs, size_t scale,
                              int opset = 0) {
  const Value* zero = context.optional_input(scale + 1);
  const DType to = zero != nullptr ? zero->type.dtype : inputs[0]->producer->in(0).type.dtype;
  RealContext real(context, op_type, opset != 0 ? opset : context.opset(), std::move(inputs));
  const std::vector<Value*> results = import::find_onnx_operator(op_type)->importer(real);
  if (context.optional_input(scale) == nullptr) return results;
  Value* result = results[0];
  return {quantize(context, result, to, read_quantization(context, scale, scale + 1, to, result->shape(), 0))};
}

void require_channels_first(OnnxContext& context) {
  if (context.integer("channels_last", 0) != 0)
    context.fail("channels_last is 1, supported are images with their channels first");
}

std::vector<Value*> quantized_binary(OnnxContext& context, const char* op_type) {
  Value *a = real_input(context, 0), *b = real_input(context, 3);
  return quantized(context, op_type, {a, b}, 6);
}

std::vector<Value*> quantized_unary(OnnxContext& context, const char* op_type, int opset = 0) {
  return quantized(context, op_type, {real_input(context, 0)}, 3, opset);
}

// Input `index` less its zero point, input `zero`, which lies along dimension `axis` where it has several elements, as
// real numbers.
Value* centred_input(OnnxContext& context, size_t index, size_t zero, size_t axis) {
  Value *x = context.input(index), *offset = context.optional_input(zero);
  if (x->type.dtype != DType::i8 && x->type.dtype != DType::u8)
    context.fail(fmt::format("input {} is {}; supported are i8 and u8", index, to_string(x->type)));
  Value* numbers = cast(context, x, DType::f32);
  if (offset == nullptr) return numbers;
  if (offset->type.dtype != x->type.dtype)
    context.fail(fmt::format("input {} (zero point) is {} of elements of {}; the types must be equal", zero,
                             to_string(offset->type), ir::name(x->type.dtype)));
  const int64_t count = element_count(offset->shape());
  if (count != 1 && (offset->shape().size() != 1 || axis >= x->shape().size() || count != x->shape()[axis]))
    context.fail(fmt::format("input {} (zero point) has shape {} for elements of shape {}", zero,
                             to_string(offset->shape()), to_string(x->shape())));
  Shape shape;
  if (count != 1) {
    shape.assign(x->shape().size() - axis, 1);
    shape[0] = count;
  }
  return binary(context, kernels::BinaryFunction::Sub, numbers,
                reshape(context, cast(context, offset, DType::f32), shape));
}

// The integers that `op_type` gives of both inputs less their zero points.
std::vector<Value*> integer_product(OnnxContext& context, const char* op_type, size_t a_axis, size_t b_axis) {
  Value *a = centred_input(context, 0, 2, a_axis), *b = centred_input(context, 1, 3, b_axis);
  RealContext real(context, op_type, context.opset(), {a, b});
  return {cast(context, import::find_onnx_operator(op_type)->importer(real)[0], DType::i32)};
}

}  // namespace

std::vector<Value*> import_conv_integer(OnnxContext& context) {
  return integer_product(context, "Conv", 0, 0);
}

std::vector<Value*> import_mat_mul_integer(OnnxContext& context) {
  const size_t a_rank = context.input(0)->shape().size(), b_rank = context.input(1)->shape().size();
  return integer_product(context, "MatMul", a_rank > 1 ? a_rank - 2 : 0, b_rank > 0 ? b_rank - 1 : 0);
}

std::vector<Value*> import_qlinear_conv(OnnxContext& context) {
  Value *x = real_input(context, 0), *weights = real_input(context, 3);
  return quantized(context, "Conv", {x, weights, real_bias(context, 8, x, weights)}, 6);
}

std::vector<Value*> import_qlinear_mat_mul(OnnxContext& context) {
  Value *a = real_input(context, 0, -2), *b = real_input(context, 3, -1);
  return quantized(context, "MatMul", {a, b}, 6);
}

std::vector<Value*> import_qgemm(OnnxContext& context) {
  const bool transposed = context.integer("transB", 0) != 0;
  Value *a = real_input(context, 0), *b = real_input(context, 3, transposed ? 0 : 1);
  return quantized(context, "Gemm", {a, b, real_bias(context, 6, a, b)}, 7);
}

std::vector<Value*> import_qlinear_add(OnnxContext& context) {
  return quantized_binary(context, "Add");
}
std::vector<Value*> import_qlinear_mul(OnnxContext& context) {
  return quantized_binary(context, "Mul");
}
std::vector<Value*> import_qlinear_sigmoid(OnnxContext& context) {
  return quantized_unary(context, "Sigmoid");
}
std::vector<Value*> import_qlinear_leaky_relu(OnnxContext& context) {
  return quantized_unary(context, "LeakyRelu");
}
std::vector<Value*> import_qlinear_softmax(OnnxContext& context) {
  return quantized_unary(context, "Softmax", static_cast<int>(context.integer("opset", 13)));
}
std::vector<Value*> import_qlinear_average_pool(OnnxContext& context) {
  require_channels_first(context);
  return quantized_unary(context, "AveragePool");
}
std::vector<Value*> import_qlinear_global_average_pool(OnnxContext& context) {
  require_channels_first(context);
  return quantized_unary(context, "GlobalAveragePool");
}

std::vector<Value*> import_qlinear_concat(OnnxContext& context) {
  std::vector<Value*> inputs;
  const size_t count = context.input_count();
  if (count < 5 || (count - 2) % 3 != 0)
    context.fail(fmt::format("has {} inputs; supported are 2 and 3 for each tensor", count));
  for (size_t i = 2; i < count; i += 3) inputs.push_back(real_input(context, i));
  return quantized(context, "Concat", std::move(inputs), 0);
}

}  // namespace linnet::ops
