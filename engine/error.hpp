// Where and why a check of a model failed. Checks return false after filling it; nothing is thrown.
#pragma once

#include <cstdint>

#include "engine/linnet.h"

namespace linnet::engine {

struct Error {
  linnet_status status = LINNET_OK;
  int32_t step = -1;
  int32_t tensor = -1;
  int32_t line = 0;
  int64_t wanted = 0;
  int64_t got = 0;

  // Fills everything but `step`.
  void fail(linnet_status failed, int32_t at_line, int32_t at_tensor, int64_t was_wanted, int64_t was_got);
};

// In a function that returns bool: returns false with the failure described unless `condition` holds. `tensor` is an
// index into the model's tensors, or -1.
#define LINNET_REQUIRE(error, condition, status, tensor, wanted, got) \
  do {                                                                \
    if (!(condition)) {                                               \
      (error)->fail(status, __LINE__, tensor, wanted, got);           \
      return false;                                                   \
    }                                                                 \
  } while (false)

}  // namespace linnet::engine
