#include "targets/desktop/lib/peak_loop.hpp"

namespace linnet::tools {

float peak_avx512(long iterations, int* lanes) {
  return peak_loop<16>(iterations, lanes);
}

}  // namespace linnet::tools
