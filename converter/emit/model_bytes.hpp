// The bytes of a model file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <flatbuffers/flatbuffers.h>

#include "engine/linnet.h"

namespace linnet::emit {

// Memory of a FlatBuffer that begins where the engine wants a model to, if LINNET_ALIGNMENT is the largest alignment in
// it: the builder fills its memory from the end and makes the size a multiple of that.
class ModelAllocator final : public flatbuffers::Allocator {
 public:
  uint8_t* allocate(size_t size) override { return static_cast<uint8_t*>(::operator new(size, kAlignment)); }
  void deallocate(uint8_t* memory, size_t) override { ::operator delete(memory, kAlignment); }

 private:
  static constexpr std::align_val_t kAlignment{LINNET_ALIGNMENT};
};

class ModelBuilder final : public flatbuffers::FlatBufferBuilder {
 public:
  explicit ModelBuilder(size_t expected_bytes)
      : FlatBufferBuilder(expected_bytes, new ModelAllocator, true, LINNET_ALIGNMENT) {}
  // Takes back what was written since the builder had `size` bytes, where no table or vector is open.
  void take_back(size_t size) { buf_.pop(GetSize() - size); }
};

// What a ModelBuilder has finished, in the builder's memory. Aligned to LINNET_ALIGNMENT.
class ModelBytes {
 public:
  ModelBytes() = default;
  explicit ModelBytes(flatbuffers::DetachedBuffer buffer) : buffer_(std::move(buffer)) {}

  const uint8_t* data() const { return buffer_.data(); }
  size_t size() const { return buffer_.size(); }
  bool empty() const { return size() == 0; }
  const uint8_t* begin() const { return data(); }
  const uint8_t* end() const { return data() + size(); }
  friend bool operator==(const ModelBytes& a, const ModelBytes& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  flatbuffers::DetachedBuffer buffer_;
};

}  // namespace linnet::emit
