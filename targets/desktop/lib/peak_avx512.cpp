#include "targets/desktop/lib/peak_loop.hpp"
#include "targets/desktop/lib/peak_loop_int8.hpp"

namespace linnet::tools {

float peak_avx512(long iterations, int* macs) {
  return peak_loop<16>(iterations, macs);
}
float peak_int8_avx512(long iterations, int* macs) {
  return peak_loop_int8<Avx512Product>(iterations, macs);
}

}  // namespace linnet::tools
