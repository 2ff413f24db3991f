#include "tests/bench/read_loop.hpp"

namespace linnet::bench {

float read_avx512(const float* data, size_t floats) {
  return read_loop<16>(data, floats);
}

}  // namespace linnet::bench
