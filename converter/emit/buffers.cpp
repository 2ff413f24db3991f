#include "converter/emit/buffers.hpp"

#include <algorithm>
#include <string_view>

#include "converter/ir/error.hpp"

namespace linnet::emit {

namespace {

constexpr size_t kBlockAlignment = 64;
constexpr int64_t kLargestModel = 0x7f000000;  // FlatBuffers' offsets are signed 32-bit

}  // namespace

uint32_t Buffers::add(std::span<const std::byte> data) {
  const size_t hash = std::hash<std::string_view>()({reinterpret_cast<const char*>(data.data()), data.size()});
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry)
    if (std::equal(data.begin(), data.end(), blocks_[entry->second].begin(), blocks_[entry->second].end()))
      return entry->second;
  const auto index = static_cast<uint32_t>(blocks_.size());
  blocks_.emplace_back(data.begin(), data.end());
  by_hash_.emplace(hash, index);
  total_ += static_cast<int64_t>(data.size());
  if (total_ > kLargestModel) throw ir::Error("the model has more than 2 GiB of weights, the file format's limit");
  return index;
}

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::Buffer>>> Buffers::write(
    flatbuffers::FlatBufferBuilder& builder) const {
  std::vector<flatbuffers::Offset<fb::Buffer>> tables;
  for (const std::vector<std::byte>& block : blocks_) {
    const size_t padded = (block.size() + kReadableBehind + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
    builder.ForceVectorAlignment(padded, sizeof(uint8_t), kBlockAlignment);
    uint8_t* bytes = nullptr;
    const auto data = builder.CreateUninitializedVector<uint8_t>(padded, &bytes);
    std::fill(std::copy(reinterpret_cast<const uint8_t*>(block.data()),
                        reinterpret_cast<const uint8_t*>(block.data()) + block.size(), bytes),
              bytes + padded, uint8_t{0});
    tables.push_back(fb::CreateBuffer(builder, data));
  }
  return builder.CreateVector(tables);
}

}  // namespace linnet::emit
