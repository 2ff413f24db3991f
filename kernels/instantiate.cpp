// Compiled once per instruction set, with that set's flags and LINNET_ISA_TAG naming its tag and namespace.
#include "kernels/families.hpp"

namespace linnet::kernels::LINNET_ISA_TAG {

#define LINNET_KERNEL(name, Args)           \
  void name(const Args& args) {             \
    name##_impl<isa::LINNET_ISA_TAG>(args); \
  }
#include "kernels/kernels.inc"
#undef LINNET_KERNEL

}  // namespace linnet::kernels::LINNET_ISA_TAG
