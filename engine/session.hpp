// The session's state and what operators use of it while they run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/linnet.h"
#include "engine/memory.hpp"
#include "engine/model.hpp"
#include "kernels/kernels.hpp"

struct linnet_session {
  const linnet::kernels::KernelTable* kernels;
  linnet::engine::ModelView model;
  uint8_t* tensors;
  uint8_t* scratch;
  size_t slot_bytes;
  int32_t threads;
  linnet_parallel_for parallel_for;
  void* parallel_context;
  linnet_profile_hook profile_hook;
  void* profile_context;
  linnet_tap_hook tap_hook;
  void* tap_context;

  template <class T>
  const T* input(const linnet::engine::TensorInfo& tensor) const {
    const uint8_t* base = tensor.constant != nullptr ? tensor.constant : tensors;
    return reinterpret_cast<const T*>(base + tensor.offset);
  }
  template <class T>
  T* output(const linnet::engine::TensorInfo& tensor) const {
    return reinterpret_cast<T*>(tensors + tensor.offset);
  }
  void* slot(int32_t task) const { return scratch + static_cast<size_t>(task) * slot_bytes; }
};

namespace linnet::engine {

static_assert(sizeof(linnet_session) <= kSessionBytes, "kSessionBytes");

// A body of parallel() without its type, so that one function splits the work of all operators.
using RangeFunction = void (*)(const void* body, int32_t begin, int32_t end, int32_t task);
void parallel_ranges(const linnet_session& session, int32_t units, int64_t work_per_unit, const void* body,
                     RangeFunction function);

// Calls body(begin, end, task) for contiguous ranges that cover 0..units-1, at most one per thread and concurrently;
// `task` numbers the range and its scratch slot.
template <class Body>
void parallel(const linnet_session& session, int32_t units, int64_t work_per_unit, const Body& body) {
  parallel_ranges(session, units, work_per_unit, &body, [](const void* that, int32_t begin, int32_t end, int32_t task) {
    (*static_cast<const Body*>(that))(begin, end, task);
  });
}

// Runs an element-wise operation: body(x offset, y offset, rows, columns), offsets in elements. Dense tensors are cut
// into long single rows, slices into their own rows.
template <class Body>
void parallel_elements(const linnet_session& session, const TensorInfo& x, const TensorInfo& y,
                       int64_t work_per_element, const Body& body) {
  if (x.dense() && y.dense()) {
    constexpr int32_t kBlock = 1024;
    const int32_t elements = y.elements();
    parallel(session, (elements - 1) / kBlock + 1, kBlock * work_per_element, [&](int32_t begin, int32_t end, int32_t) {
      const int32_t first = begin * kBlock;
      const int32_t count = end > elements / kBlock ? elements - first : (end - begin) * kBlock;
      body(first, first, 1, count);
    });
    return;
  }
  parallel(session, y.rows, y.columns * work_per_element, [&](int32_t begin, int32_t end, int32_t) {
    body(begin * x.row_stride, begin * y.row_stride, end - begin, y.columns);
  });
}

}  // namespace linnet::engine
