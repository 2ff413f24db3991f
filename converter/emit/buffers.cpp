#include "converter/emit/buffers.hpp"

#include <algorithm>
#include <cstring>

#include "converter/ir/error.hpp"

namespace linnet::emit {

namespace {

constexpr size_t kBlockAlignment = 64;
constexpr int64_t kLargestModel = 0x7f000000;  // FlatBuffers' offsets are signed 32-bit

}  // namespace

bool Buffers::equal(const Block& block, std::string_view data) const {
  const auto* vector = reinterpret_cast<const flatbuffers::Vector<uint8_t>*>(builder_.GetCurrentBufferPointer() +
                                                                             builder_.GetSize() - block.data.o);
  return block.size == data.size() && std::memcmp(vector->data(), data.data(), data.size()) == 0;
}

uint32_t Buffers::add(std::span<const std::byte> data) {
  return add(data.size(), [&](std::byte* block) { std::copy(data.begin(), data.end(), block); });
}

uint32_t Buffers::add(size_t size, const std::function<void(std::byte*)>& fill) {
  if (total_ + static_cast<int64_t>(size) > kLargestModel)
    throw ir::Error("the model has more than 2 GiB of weights, the file format's limit");
  const size_t before = builder_.GetSize();
  const size_t padded = (size + kReadableBehind + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
  builder_.ForceVectorAlignment(padded, sizeof(uint8_t), kBlockAlignment);
  uint8_t* bytes = nullptr;
  const auto vector = builder_.CreateUninitializedVector<uint8_t>(padded, &bytes);
  std::memset(bytes, 0, padded);
  fill(reinterpret_cast<std::byte*>(bytes));
  const std::string_view data(reinterpret_cast<const char*>(bytes), size);
  const size_t hash = std::hash<std::string_view>()(data);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry) {
    if (!equal(blocks_[entry->second], data)) continue;
    builder_.take_back(before);
    return entry->second;
  }
  total_ += static_cast<int64_t>(size);
  const auto index = static_cast<uint32_t>(blocks_.size());
  blocks_.push_back({vector, size});
  by_hash_.emplace(hash, index);
  return index;
}

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::Buffer>>> Buffers::write() {
  std::vector<flatbuffers::Offset<fb::Buffer>> tables;
  tables.reserve(blocks_.size());
  for (const Block& block : blocks_) tables.push_back(fb::CreateBuffer(builder_, block.data));
  return builder_.CreateVector(tables);
}

}  // namespace linnet::emit
