// FullyConnected whose float input is quantized at run time, as ONNX's DynamicQuantizeLinear does it (schema/README.md,
// Integer arithmetic).
#pragma once

#include "engine/ops/convolution.hpp"

namespace linnet::engine {

// False in a build without such steps.
inline bool is_dynamic(const fb::FullyConnected& linear) {
  return kHasDynamicInt8 && linear.weight_layout() == fb::WeightLayout::Panel16Dynamic8;
}

int64_t dynamic_scratch_bytes(const StepView& step, const Target& target);
bool check_dynamic(const StepView& step, const fb::FullyConnected& linear, Error* error);
void run_dynamic(const StepView& step, const fb::FullyConnected& linear, const linnet_session& session);

}  // namespace linnet::engine
