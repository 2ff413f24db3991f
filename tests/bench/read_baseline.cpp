#include "tests/bench/read_loop.hpp"

namespace linnet::bench {

float read_baseline(const float* data, size_t floats) {
  return read_loop<4>(data, floats);
}

}  // namespace linnet::bench
