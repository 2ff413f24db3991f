// Packs codes of weights into Panel16Codes and Panel16Int8Codes (schema/README.md), as pack.hpp does with float
// weights.
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

// The codes of the smallest Panel16Int8Codes for int8 weights [groups * out_channels][k]; 0 bits where those of some
// panel, and of some output, have too many different numbers, or where none would be smaller than the weights.
CodeFormat int8_code_format(const int8_t* weights, int32_t groups, int32_t out_channels, int32_t k);

// CodesHeader and Panel16Int8Codes of what `groups` Panel16Int8 sections of [k, n] at `panels` hold, whose numbers are
// few enough for the format.
int64_t int8_codes_packed_bytes(const CodeFormat& format, int32_t groups, int32_t n, int32_t k);
void pack_int8_codes(const CodeFormat& format, const int8_t* panels, int32_t groups, int32_t n, int32_t k,
                     int8_t* packed);

}  // namespace linnet::kernels
