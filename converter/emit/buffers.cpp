#include "converter/emit/buffers.hpp"

#include <cstring>
#include <string_view>

#include "converter/ir/error.hpp"

namespace linnet::emit {

namespace {

constexpr size_t kBlockAlignment = 64;
constexpr int64_t kLargestModel = 0x7f000000;  // FlatBuffers' offsets are signed 32-bit

}  // namespace

bool Buffers::equal(const Block& block, std::span<const std::byte> data) const {
  const auto* vector = reinterpret_cast<const flatbuffers::Vector<uint8_t>*>(builder_.GetCurrentBufferPointer() +
                                                                             builder_.GetSize() - block.data.o);
  return block.size == data.size() && std::memcmp(vector->data(), data.data(), data.size()) == 0;
}

uint32_t Buffers::add(std::span<const std::byte> data) {
  const size_t hash = std::hash<std::string_view>()({reinterpret_cast<const char*>(data.data()), data.size()});
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry)
    if (equal(blocks_[entry->second], data)) return entry->second;
  total_ += static_cast<int64_t>(data.size());
  if (total_ > kLargestModel) throw ir::Error("the model has more than 2 GiB of weights, the file format's limit");
  const size_t padded = (data.size() + kReadableBehind + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
  builder_.ForceVectorAlignment(padded, sizeof(uint8_t), kBlockAlignment);
  uint8_t* bytes = nullptr;
  const auto vector = builder_.CreateUninitializedVector<uint8_t>(padded, &bytes);
  std::memcpy(bytes, data.data(), data.size());
  std::memset(bytes + data.size(), 0, padded - data.size());
  const auto index = static_cast<uint32_t>(blocks_.size());
  blocks_.push_back({vector, data.size()});
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
