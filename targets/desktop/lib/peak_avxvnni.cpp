#include "targets/desktop/lib/peak_loop_int8.hpp"

namespace linnet::tools {

float peak_int8_avxvnni(long iterations, int* macs) {
  return peak_loop_int8<AvxVnniProduct>(iterations, macs);
}

}  // namespace linnet::tools
