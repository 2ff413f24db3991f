#include "engine/isa.hpp"

#include "kernels/dispatch.hpp"

#ifndef LINNET_SINGLE_ISA
#include <cstdlib>
#endif

namespace linnet::engine {

const kernels::KernelTable* choose_kernels(const char* isa) {
#ifndef LINNET_SINGLE_ISA
  if (isa == nullptr) isa = getenv("LINNET_ISA");
#endif
  if (isa == nullptr || *isa == '\0') return kernels::best_table();
  kernels::IsaId id = kernels::IsaId::scalar;
  return kernels::find_isa(isa, &id) ? kernels::table(id) : nullptr;
}

}  // namespace linnet::engine
