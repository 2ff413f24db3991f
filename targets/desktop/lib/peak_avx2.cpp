#include "targets/desktop/lib/peak_loop.hpp"

namespace linnet::tools {

float peak_avx2(long iterations, int* lanes) {
  return peak_loop<8>(iterations, lanes);
}

}  // namespace linnet::tools
