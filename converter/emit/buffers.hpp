// The weight blocks of a model: equal ones are stored once.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converter/emit/model_bytes.hpp"
#include "schema/model_generated.h"

namespace linnet::emit {

// Bytes that may be read behind the end of a block.
constexpr size_t kReadableBehind = 64;

// Written to the builder as they are added: not while a table is open.
class Buffers {
 public:
  explicit Buffers(ModelBuilder& builder) : builder_(builder) {}

  uint32_t add(std::span<const std::byte> data);
  // A block of zeros that `fill` writes over in place.
  uint32_t add(size_t size, const std::function<void(std::byte*)>& fill);
  int64_t bytes(uint32_t index) const { return static_cast<int64_t>(blocks_[index].size); }
  // All blocks together, without what may be read behind them.
  int64_t total_bytes() const { return total_; }
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::Buffer>>> write();

 private:
  struct Block {
    flatbuffers::Offset<flatbuffers::Vector<uint8_t>> data;
    size_t size;
  };
  ModelBuilder& builder_;
  std::vector<Block> blocks_;
  std::unordered_multimap<size_t, uint32_t> by_hash_;
  int64_t total_ = 0;

  bool equal(const Block& block, std::string_view data) const;
};

}  // namespace linnet::emit
