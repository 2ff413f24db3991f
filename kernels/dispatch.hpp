// Which instruction sets this build has and this CPU can run. Compiled with baseline flags only.
#pragma once

#include "kernels/kernels.hpp"

namespace linnet::kernels {

// The table of `id`, or null where this build has no such instruction set or the CPU lacks it.
const KernelTable* table(IsaId id);

// The fastest table that the CPU can run; never null.
const KernelTable* best_table();

// Finds an IsaId by its name ("avx2"); false where there is none.
bool find_isa(const char* name, IsaId* id);

}  // namespace linnet::kernels
