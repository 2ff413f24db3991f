// Which bytes of the arena a step may use. A profile hook that, where the address sanitizer is there, poisons all
// tensors but the running step's.
#pragma once

#include "engine/session.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define LINNET_HAS_POISON
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LINNET_HAS_POISON
#endif
#endif
#ifdef LINNET_HAS_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace linnet::fuzz {

class Ownership {
 public:
  // Of a session that linnet_init made with hook() and this object; before that, hook() must not be called.
  void watch(const linnet_session& session) { session_ = &session; }

  static void hook(void* context, int step, int finished) {
    const linnet_session& session = *static_cast<Ownership*>(context)->session_;
    const auto bytes = static_cast<size_t>(session.scratch - session.tensors);
    if (finished != 0) {
      ASAN_UNPOISON_MEMORY_REGION(session.tensors, bytes);
      return;
    }
    ASAN_POISON_MEMORY_REGION(session.tensors, bytes);
    const engine::StepView view = engine::view_step(session.model, step);
    const bool strided = uses_strides(view.step.op_type());
    for (int32_t i = 0; i < view.input_count; ++i) allow(session, view.inputs[i], strided);
    for (int32_t i = 0; i < view.output_count; ++i) allow(session, view.output_at(i), strided);
  }

 private:
  // Operators that address elements by strides of their own may touch the gaps between a slice's rows.
  static bool uses_strides(fb::Operator op) {
    return op == fb::Operator::Binary || op == fb::Operator::MatMul || op == fb::Operator::Copy;
  }

  static void allow(const linnet_session& session, const engine::TensorInfo& tensor, bool strided) {
    if (tensor.constant != nullptr) return;
    const uint8_t* begin = session.tensors + tensor.offset;
    if (strided || tensor.dense() || tensor.rolling_lines > 0) {
      ASAN_UNPOISON_MEMORY_REGION(begin, static_cast<size_t>(tensor.extent_bytes()));
      return;
    }
    const auto stride = static_cast<size_t>(tensor.row_stride) * static_cast<size_t>(tensor.element_bytes);
    for (int32_t row = 0; row < tensor.rows; ++row, begin += stride) {
      ASAN_UNPOISON_MEMORY_REGION(begin, static_cast<size_t>(tensor.columns * tensor.element_bytes));
    }
  }

  const linnet_session* session_ = nullptr;
};

}  // namespace linnet::fuzz
