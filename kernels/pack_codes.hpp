// Packs codes of weights into Panel16Codes (schema/README.md), as pack.hpp does with float weights.
#pragma once

#include "kernels/contract_codes.hpp"

namespace linnet::kernels {

// Codes of [groups * out_channels][k] weights, k in the order of the section's rows: (ky, kx, input).
struct CodesSource {
  CodeFormat format;
  const uint8_t* codes;
  const float* steps;               // of grids: [groups * out_channels][code_groups(format, k)]
  const float* offsets;             // of OffsetGrid, as the steps
  const float* tables;              // of Table: [groups][panels][2^bits]
  const float* bias;                // [groups * out_channels], or null for zeros
  int32_t groups, out_channels, k;  // per group
};

// CodesHeader and the sections.
int64_t codes_packed_bytes(const CodesSource& source);
void pack_codes(const CodesSource& source, uint8_t* packed);

}  // namespace linnet::kernels
