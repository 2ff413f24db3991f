// Conv2D and FullyConnected whose weights are codes (schema/README.md, Panel16Codes and Panel16Int8Codes).
#pragma once

#include "engine/ops/convolution.hpp"

namespace linnet::engine {

inline bool is_codes(fb::WeightLayout layout) {
  return layout == fb::WeightLayout::Panel16Codes || layout == fb::WeightLayout::Panel16Int8Codes;
}

// False in a build without such weights.
template <class Table>
bool has_codes(const Table& table) {
  return kHasCodes && is_codes(table.weight_layout());
}

// Of steps with codes: checked(), or that the build has none.
template <class Checked>
bool check_codes(Error* error, Checked checked) {
  if (!kHasCodes) return check_feature(false, StepFeature::Codes, error);
  return checked();
}

// Of a block whose check has passed.
kernels::CodeFormat code_format(const StepView& step, uint32_t block);

// Bytes of a section of [k, n], with codes where the format has bits.
inline int64_t int8_section_bytes(const kernels::CodeFormat& codes, int64_t n, int64_t k) {
  return kHasCodes && codes.bits != 0 ? kernels::panel_int8_codes_bytes(codes, n, k) : kernels::panel_int8_bytes(n, k);
}

// The format and the first section of an int8 step's weights, of which those without codes have no bits.
template <class Table>
void set_int8_weights(const StepView& step, const Table& table, kernels::Conv2DInt8Args* args) {
  args->packed = bytes_of(step.model, table.weights());
  if (!has_codes(table)) return;
  args->codes = code_format(step, table.weights());
  args->packed += kernels::kCodesHeaderBytes;
}

// Conv2DCodesArgs::one_row. That order loses accuracy with offsets, and in groups of many inputs, where inputs are all
// positive.
inline bool is_one_row(const StepView& step, const kernels::CodeFormat& format) {
  constexpr int32_t kMostInputs = 64;
  const bool exact = format.kind == kernels::CodeKind::Grid && format.group <= kMostInputs;
  return step.output.rows == 1 && (exact || format.kind == kernels::CodeKind::Table);
}

// After check_geometry().
bool check_codes_conv2d(const StepView& step, const fb::Conv2D& conv, Error* error);
bool check_codes_linear(const StepView& step, const fb::FullyConnected& linear, Error* error);
void run_codes_linear(const StepView& step, const fb::FullyConnected& linear, const linnet_session& session);

}  // namespace linnet::engine
