#include "targets/desktop/lib/peak_loop.hpp"
#include "targets/desktop/lib/peak_loop_int8.hpp"

namespace linnet::tools {

float peak_neon64(long iterations, int* macs) {
  return peak_loop<4>(iterations, macs);
}
float peak_int8_neon64(long iterations, int* macs) {
  return peak_loop_int8<NeonProduct>(iterations, macs);
}

}  // namespace linnet::tools
