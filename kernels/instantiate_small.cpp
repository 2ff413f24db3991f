// Compiled once per instruction set, as instantiate.cpp.
#include "kernels/families_small.hpp"
#include "kernels/kernels.hpp"

namespace linnet::kernels::LINNET_ISA_TAG {

#define LINNET_KERNEL(name, Args)           \
  void name(const Args& args) {             \
    name##_impl<isa::LINNET_ISA_TAG>(args); \
  }
#include "kernels/kernels_small.inc"
#undef LINNET_KERNEL

}  // namespace linnet::kernels::LINNET_ISA_TAG
