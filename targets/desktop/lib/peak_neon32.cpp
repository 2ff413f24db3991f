#include "targets/desktop/lib/peak_loop.hpp"

namespace linnet::tools {

float peak_neon32(long iterations, int* lanes) {
  return peak_loop<4>(iterations, lanes);
}

}  // namespace linnet::tools
