#include "engine/memory.hpp"

#include "engine/cascade.hpp"
#include "schema/features.hpp"

namespace linnet::engine {
namespace {

int64_t aligned(int64_t bytes) {
  return (bytes + LINNET_ALIGNMENT - 1) & -int64_t{LINNET_ALIGNMENT};
}

}  // namespace

ArenaLayout arena_layout(const ModelView& model, const Target& target, int32_t threads) {
  ArenaLayout layout = {aligned(model.root->tensor_bytes()), 0, 0, 0};
  for (int32_t i = 0; i < model.step_count(); ++i) {
    const OperatorEntry* entry = find_operator(model.step(i).op_type());
    if (entry->scratch_bytes == nullptr) continue;
    const int64_t bytes = aligned(entry->scratch_bytes(view_step(model, i), target));
    if (bytes > layout.slot_bytes) layout.slot_bytes = bytes;
  }
  if (kHasCascades && threads > 1) {
    int64_t largest = 0;
    for (int32_t i = 0; i < model.cascade_count(); ++i) {
      const int64_t bytes = part_bytes(model, model.cascade(i), threads);
      if (bytes > largest) largest = bytes;
    }
    layout.slot_bytes = saturating_add(layout.slot_bytes, largest);
  }
  layout.scratch_bytes = saturating_multiply(layout.slot_bytes, threads);
  if (__builtin_add_overflow(kSessionBytes + layout.tensor_bytes, layout.scratch_bytes, &layout.arena_bytes)) {
    layout.arena_bytes = INT64_MAX;
  }
  return layout;
}

int64_t arena_bytes(const ModelView& model, const kernels::IsaTraits& traits, int32_t pointer_bytes, int32_t threads) {
  return arena_layout(model, Target{traits, pointer_bytes}, threads).arena_bytes;
}

}  // namespace linnet::engine
