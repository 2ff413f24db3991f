#include "targets/desktop/lib/peak_loop.hpp"

namespace linnet::tools {

// The scalar kernels are plain C++ that the compiler may vectorise with what every CPU of the architecture has.
#if defined(__SSE2__) || defined(__aarch64__)
constexpr int kBaselineLanes = 4;
#else
constexpr int kBaselineLanes = 1;
#endif

float peak_scalar(long iterations, int* lanes) {
  return peak_loop<kBaselineLanes>(iterations, lanes);
}

}  // namespace linnet::tools
