#include "targets/desktop/lib/peak_loop.hpp"
#include "targets/desktop/lib/peak_loop_int8.hpp"

namespace linnet::tools {

// The scalar kernels are plain C++ that the compiler may vectorise with what every CPU of the architecture has.
#if defined(__SSE2__)
constexpr int kBaselineLanes = 4;
using BaselineProduct = Sse2Product;
#elif defined(__aarch64__)
constexpr int kBaselineLanes = 4;
using BaselineProduct = NeonProduct;
#else
constexpr int kBaselineLanes = 1;
using BaselineProduct = PlainProduct;
#endif

float peak_scalar(long iterations, int* macs) {
  return peak_loop<kBaselineLanes>(iterations, macs);
}
float peak_int8_scalar(long iterations, int* macs) {
  return peak_loop_int8<BaselineProduct>(iterations, macs);
}

}  // namespace linnet::tools
