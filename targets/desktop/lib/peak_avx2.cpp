#include "targets/desktop/lib/peak_loop.hpp"
#include "targets/desktop/lib/peak_loop_int8.hpp"

namespace linnet::tools {

float peak_avx2(long iterations, int* macs) {
  return peak_loop<8>(iterations, macs);
}
float peak_int8_avx2(long iterations, int* macs) {
  return peak_loop_int8<Avx2Product>(iterations, macs);
}

}  // namespace linnet::tools
