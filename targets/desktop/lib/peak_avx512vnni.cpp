#include "targets/desktop/lib/peak_loop_int8.hpp"

namespace linnet::tools {

float peak_int8_avx512vnni(long iterations, int* macs) {
  return peak_loop_int8<Avx512VnniProduct>(iterations, macs);
}

}  // namespace linnet::tools
