#include "converter/ops/folded.hpp"

#include "converter/ops/import_helpers.hpp"

namespace linnet::ops {

void Folded::attributes(AttributeWriter& writer) const {
  if (!settings.empty()) writer.add("settings", settings);
}

std::vector<Value*> fold(import::OnnxContext& context, size_t inputs, std::unique_ptr<Op> op) {
  std::vector<Value*> values;
  bool constant = true;
  for (size_t i = 0; i < inputs; ++i) {
    values.push_back(context.optional_input(i));
    constant = constant && (values.back() == nullptr || context.is_static(values.back()));
  }
  if (!constant) return context.add_many(std::move(op), std::move(values));
  infer_types(*op, values);
  std::vector<const Array*> arrays;
  for (size_t i = 0; i < inputs; ++i) arrays.push_back(values[i] != nullptr ? &context.constant(i, "input") : nullptr);
  std::vector<Value*> outputs;
  for (Array& array : op->evaluate(arrays)) outputs.push_back(context.add_constant(std::move(array), ""));
  return outputs;
}

std::vector<Value*> fold(import::OnnxContext& context, size_t inputs, std::string settings, Folded::Types types,
                         Folded::Compute compute) {
  auto op = std::make_unique<Folded>();
  op->type = context.op_type();
  op->settings = std::move(settings);
  op->types = std::move(types);
  op->compute = std::move(compute);
  return fold(context, inputs, std::move(op));
}

}  // namespace linnet::ops
