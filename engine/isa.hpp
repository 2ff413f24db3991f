// Which instruction set's kernels a session uses.
#pragma once

#include "kernels/kernels.hpp"

namespace linnet::engine {

// The kernels named `isa`, or, where it is null, those that the environment variable LINNET_ISA names (hosted builds
// with several instruction sets only), or else the fastest that this CPU runs. Null where there are none of that name.
const kernels::KernelTable* choose_kernels(const char* isa);

}  // namespace linnet::engine
