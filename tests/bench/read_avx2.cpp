#include "tests/bench/read_loop.hpp"

namespace linnet::bench {

float read_avx2(const float* data, size_t floats) {
  return read_loop<8>(data, floats);
}

}  // namespace linnet::bench
