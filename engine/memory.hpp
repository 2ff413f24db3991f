// The arena's layout: session | tensor region | scratch slots, one per thread; each part a multiple of 64 bytes.
#pragma once

#include <cstdint>

#include "engine/model.hpp"
#include "engine/operators.hpp"

namespace linnet::engine {

// Size of the session's state on every target, so that an arena's size can be told offline.
constexpr int64_t kSessionBytes = 128;

struct ArenaLayout {
  int64_t tensor_bytes;
  int64_t slot_bytes;  // scratch of one thread: the largest that any step needs, with several threads and any cascade
  int64_t scratch_bytes;
  int64_t arena_bytes;  // all together
};

ArenaLayout arena_layout(const ModelView& model, const Target& target, int32_t threads);

// Exact arena size of `model` on a target with these traits; the engine and the converter's report use this one
// function.
int64_t arena_bytes(const ModelView& model, const kernels::IsaTraits& traits, int32_t pointer_bytes, int32_t threads);

}  // namespace linnet::engine
