#include "targets/desktop/lib/peak_loop_int8.hpp"

namespace linnet::tools {

float peak_int8_neon64dot(long iterations, int* macs) {
  return peak_loop_int8<NeonDotProduct>(iterations, macs);
}

}  // namespace linnet::tools
