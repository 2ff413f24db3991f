#include "engine/operators.hpp"

namespace linnet::engine {
namespace {

bool check_tensor_index(const ModelView& model, uint32_t index, Error* error) {
  LINNET_REQUIRE(error, index < static_cast<uint32_t>(model.tensor_count()), LINNET_ERROR_RANGE, -1,
                 model.tensor_count(), index);
  return true;
}

bool same_elements(const TensorInfo& a, const TensorInfo& b) {
  if (a.offset != b.offset || a.element_bytes != b.element_bytes) return false;
  if (a.dense() && b.dense()) return a.elements() == b.elements();
  return a.rows == b.rows && a.columns == b.columns && a.row_stride == b.row_stride;
}

// Whether no byte belongs to both: ranges apart, or slices of one larger tensor that take different columns of its
// rows.
bool disjoint(const TensorInfo& a, const TensorInfo& b) {
  if (a.constant != nullptr || b.constant != nullptr) return true;
  const int64_t a_begin = a.offset;
  const int64_t b_begin = b.offset;
  if (a_begin + a.extent_bytes() <= b_begin || b_begin + b.extent_bytes() <= a_begin) return true;
  const int64_t stride = static_cast<int64_t>(a.row_stride) * a.element_bytes;
  if (stride != static_cast<int64_t>(b.row_stride) * b.element_bytes || stride > UINT32_MAX) return false;
  // 32-bit, because the 64-bit division's library function brings the unwinder into firmware.
  const uint32_t row = static_cast<uint32_t>(stride);
  const ptrdiff_t apart = a.offset < b.offset ? b.offset - a.offset : a.offset - b.offset;
  const uint32_t remainder = static_cast<uint32_t>(apart) % row;
  const uint32_t distance = a.offset < b.offset || remainder == 0 ? remainder : row - remainder;
  return distance >= static_cast<int64_t>(a.columns) * a.element_bytes &&
         distance + static_cast<int64_t>(b.columns) * b.element_bytes <= stride;
}

// Output `index` is in the arena and apart from the inputs, but for those that `in_place` names, and the outputs before
// it.
bool check_output(const StepView& step, int32_t index, uint32_t in_place, Error* error) {
  const TensorInfo& output = step.output_at(index);
  LINNET_REQUIRE(error, output.constant == nullptr, LINNET_ERROR_RANGE, output.index, 0, 1);
  for (int32_t i = 0; i < step.input_count; ++i) {
    const TensorInfo& input = step.inputs[i];
    const bool may_be = index == 0 && (in_place >> i & 1) != 0 && same_elements(input, output);
    LINNET_REQUIRE(error, may_be || disjoint(input, output), LINNET_ERROR_RANGE, output.index, output.index,
                   input.index);
  }
  for (int32_t i = 0; i < index; ++i) {
    const TensorInfo& other = step.output_at(i);
    LINNET_REQUIRE(error, disjoint(other, output), LINNET_ERROR_RANGE, output.index, output.index, other.index);
  }
  return true;
}

}  // namespace

const OperatorEntry* find_operator(fb::Operator type) {
  switch (type) {
#define LINNET_OPERATOR(Name) \
  case fb::Operator::Name:    \
    return &k##Name;
#include "schema/operators.inc"
#undef LINNET_OPERATOR
    default:
      return nullptr;
  }
}

bool check_step(const ModelView& model, int32_t index, Error* error) {
  const fb::Step& step = model.step(index);
  const OperatorEntry* entry = find_operator(step.op_type());
  LINNET_REQUIRE(error, entry != nullptr, LINNET_ERROR_OPERATOR, -1, 0, static_cast<int64_t>(step.op_type()));
  LINNET_REQUIRE(error, step.op() != nullptr, LINNET_ERROR_MODEL_CORRUPT, -1, 1, 0);
  const int64_t inputs = step.inputs() == nullptr ? 0 : step.inputs()->size();
  const int64_t outputs = step.outputs() == nullptr ? 0 : step.outputs()->size();
  LINNET_REQUIRE(error, inputs >= entry->min_inputs, LINNET_ERROR_MODEL_CORRUPT, -1, entry->min_inputs, inputs);
  LINNET_REQUIRE(error, inputs <= entry->max_inputs, LINNET_ERROR_MODEL_CORRUPT, -1, entry->max_inputs, inputs);
  LINNET_REQUIRE(error, outputs >= 1, LINNET_ERROR_MODEL_CORRUPT, -1, 1, outputs);
  LINNET_REQUIRE(error, outputs <= entry->max_outputs, LINNET_ERROR_MODEL_CORRUPT, -1, entry->max_outputs, outputs);
  for (uint32_t i = 0; i < inputs; ++i) {
    if (!check_tensor_index(model, step.inputs()->Get(i), error)) return false;
  }
  for (uint32_t i = 0; i < outputs; ++i) {
    if (!check_tensor_index(model, step.outputs()->Get(i), error)) return false;
  }
  const StepView view = view_step(model, index);
  for (int32_t i = 0; i < view.output_count; ++i) {
    if (!check_output(view, i, entry->in_place, error)) return false;
  }
  return entry->check(view, error);
}

}  // namespace linnet::engine
