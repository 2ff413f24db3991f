// Compiled once per instruction set, as instantiate.cpp and instantiate_small.cpp, which make the float kernels of
// LINNET_ISA_BASE: those of this instruction set, or of the one that it extends for int8.
#include "kernels/families_int8.hpp"
#include "kernels/kernels.hpp"

namespace linnet::kernels::LINNET_ISA_TAG {

#define LINNET_KERNEL(name, Args)           \
  void name(const Args& args) {             \
    name##_impl<isa::LINNET_ISA_TAG>(args); \
  }
#include "kernels/kernels_int8.inc"
#undef LINNET_KERNEL

#ifndef LINNET_SINGLE_ISA
extern const KernelTable kernel_table;
const KernelTable kernel_table = {
    IsaId::LINNET_ISA_TAG,
#define LINNET_KERNEL(name, Args) LINNET_ISA_BASE::name,
#include "kernels/kernels.inc"
#undef LINNET_KERNEL
#define LINNET_KERNEL(name, Args) name,
#include "kernels/kernels_int8.inc"
#undef LINNET_KERNEL
#define LINNET_KERNEL(name, Args) LINNET_ISA_BASE::name,
#include "kernels/kernels_small.inc"
#undef LINNET_KERNEL
};
#endif

}  // namespace linnet::kernels::LINNET_ISA_TAG
