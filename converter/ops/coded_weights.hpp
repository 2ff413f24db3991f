// Weights as the device may store them: codes of 4 or 2 bits.
#pragma once

#include <memory>
#include <vector>

#include "converter/emit/context.hpp"
#include "kernels/pack_codes.hpp"

namespace linnet::ops {

// As kernels::CodesSource, which says what the vectors hold. Of layers with integer arithmetic, whose weights' integers
// are what codes stand for, the format alone.
struct CodedWeights {
  kernels::CodeFormat format;
  int32_t groups = 1, out_channels = 0, k = 0;  // per group
  std::vector<uint8_t> codes;
  std::vector<float> steps, offsets, tables;

  kernels::CodesSource source(const float* bias) const;
};

// Absent: the weights are stored as they are.
using Codes = std::shared_ptr<const CodedWeights>;

uint32_t codes_buffer(const CodedWeights& weights, const float* bias, emit::Context& context);

}  // namespace linnet::ops
