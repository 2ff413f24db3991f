#include "kernels/dispatch.hpp"

#include "kernels/cpu.hpp"

namespace linnet::kernels {

#ifdef LINNET_SINGLE_ISA

namespace {
constexpr KernelTable kTable{};
}

const KernelTable* table(IsaId id) {
  return id == KernelTable::id ? &kTable : nullptr;
}

const KernelTable* best_table() {
  return &kTable;
}

#else

#define LINNET_ISA(tag)                  \
  namespace tag {                        \
  extern const KernelTable kernel_table; \
  }
LINNET_BUILT_ISAS
#undef LINNET_ISA

// LINNET_BUILT_ISAS comes from the build: LINNET_ISA(tag) of each, the fastest last.
const KernelTable* table(IsaId id) {
  if (!cpu_supports(id)) return nullptr;
  switch (id) {
#define LINNET_ISA(tag) \
  case IsaId::tag:      \
    return &tag::kernel_table;
    LINNET_BUILT_ISAS
#undef LINNET_ISA
    default:
      return nullptr;
  }
}

const KernelTable* best_table() {
  const KernelTable* best = nullptr;
#define LINNET_ISA(tag) \
  if (cpu_supports(IsaId::tag)) best = &tag::kernel_table;
  LINNET_BUILT_ISAS
#undef LINNET_ISA
  return best;
}

#endif

bool find_isa(const char* name, IsaId* id) {
  for (int i = 0; i < kIsaCount; ++i) {
    const char* a = kIsaTraits[i].name;
    const char* b = name;
    while (*a != '\0' && *a == *b) {
      ++a;
      ++b;
    }
    if (*a == *b) {
      *id = static_cast<IsaId>(i);
      return true;
    }
  }
  return false;
}

}  // namespace linnet::kernels
