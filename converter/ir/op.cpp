#include "converter/ir/op.hpp"

#include <iterator>

#include <fmt/format.h>

#include "converter/ir/graph.hpp"

namespace linnet::ir {

namespace {

constexpr std::string_view kFunctionNames[] = {
    "Identity",   "Relu",     "LeakyRelu", "Clip",  "Sigmoid", "Tanh",     "HardSigmoid", "HardSwish", "Elu",  "Selu",
    "Softplus",   "Softsign", "Mish",      "Erf",   "Gelu",    "GeluTanh", "Silu",        "Exp",       "Log",  "Sqrt",
    "Reciprocal", "Abs",      "Neg",       "Floor", "Ceil",    "Round",    "Sin",         "Cos",       "Rsqrt"};
static_assert(std::size(kFunctionNames) == kernels::kFunctionCount);

}  // namespace

std::string_view name(Function function) {
  return kFunctionNames[static_cast<size_t>(function)];
}

void AttributeWriter::add(std::string_view name, std::string_view value) {
  text_ += fmt::format("{}{}={}", text_.empty() ? "" : " ", name, value);
}

void AttributeWriter::add(std::string_view name, int64_t value) {
  add(name, fmt::format("{}", value));
}
void AttributeWriter::add(std::string_view name, double value) {
  add(name, fmt::format("{}", value));
}
void AttributeWriter::add(std::string_view name, bool value) {
  add(name, value ? "true" : "false");
}

void AttributeWriter::add(std::string_view name, const std::vector<int64_t>& value) {
  add(name, fmt::format("{}", fmt::join(value, ",")));
}

void AttributeWriter::add(std::string_view name, const std::vector<double>& value) {
  add(name, fmt::format("{}", fmt::join(value, ",")));
}

void AttributeWriter::add(std::string_view name, const Activation& value) {
  if (value.function == Function::Identity) return;
  std::string text(ir::name(value.function));
  if (value.alpha != 0.0f || value.beta != 0.0f) text += fmt::format("({},{})", value.alpha, value.beta);
  add(name, text);
}

std::string_view name(Rounding rounding) {
  return rounding == Rounding::tflite ? "tflite" : "float";
}

Rounding parse_rounding(std::string_view name) {
  for (const Rounding rounding : {Rounding::tflite, Rounding::nearest})
    if (name == ir::name(rounding)) return rounding;
  throw Error(fmt::format("{}: expected tflite or float", name));
}

void AttributeWriter::add(std::string_view name, const std::optional<IntegerForm>& value) {
  if (!value) return;
  add(name, fmt::format("{}{}{}", ir::name(value->dtype), to_string(value->quantization),
                        value->rounding == Rounding::nearest ? "nearest" : "") +
                (value->as_uint8 ? "u8" : ""));
}

void AttributeWriter::add(std::string_view name, const std::optional<IntegerSummand>& value) {
  if (!value) return;
  add(name, to_string(value->quantization));
  add(fmt::format("{}_fused", name), value->fused);
}

void Op::emit(const Node& node, emit::Context& context) const {
  (void)node, (void)context;
  throw Error("the device has no such operator; supported is what can be computed from constants");
}

}  // namespace linnet::ir
