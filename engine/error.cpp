#include "engine/error.hpp"

namespace linnet::engine {

void Error::fail(linnet_status failed, int32_t at_line, int32_t at_tensor, int64_t was_wanted, int64_t was_got) {
  status = failed;
  line = at_line;
  tensor = at_tensor;
  wanted = was_wanted;
  got = was_got;
}

}  // namespace linnet::engine
