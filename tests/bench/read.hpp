// The ceiling of kernels that move more than they compute: how fast a block of memory is read.
#pragma once

#include <cstddef>

#include "kernels/isa.hpp"

namespace linnet::bench {

// Reads floats, a multiple of 64 of them, with vectors of one instruction set; returns a value that depends on all of
// them.
using ReadLoop = float (*)(const float* data, size_t floats);
float read_baseline(const float* data, size_t floats);  // what every CPU of the architecture has
float read_avx2(const float* data, size_t floats);
float read_avx512(const float* data, size_t floats);

// Bytes per second of reading a block of about `bytes` over and over with the widest vectors of `isa`, the best of some
// milliseconds.
double read_bandwidth(kernels::IsaId isa, double bytes);

}  // namespace linnet::bench
