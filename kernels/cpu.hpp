// What this CPU and its operating system can run. No libc on x86; one auxiliary-vector read on ARM Linux.
#pragma once

#include "kernels/isa.hpp"

namespace linnet::kernels {

bool cpu_supports(IsaId id);

}  // namespace linnet::kernels
