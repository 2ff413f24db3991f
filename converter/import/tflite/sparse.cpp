#include "converter/import/tflite/sparse.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "converter/import/bytes.hpp"
#include "converter/import/tflite/file.hpp"
#include "converter/ir/error.hpp"

namespace linnet::import {

namespace {

using ir::Array;
using ir::Error;
using ir::Shape;

// A few bytes may describe many zeros; no layer's weights are larger.
constexpr int64_t kMaximumDense = int64_t{1} << 28;

std::vector<int64_t> index_vector(tfl::SparseIndexVector type, const void* vector, size_t level) {
  if (vector != nullptr && type == tfl::SparseIndexVector::Int32Vector)
    return integers_of(static_cast<const tfl::Int32Vector*>(vector)->values());
  if (vector != nullptr && type == tfl::SparseIndexVector::Uint16Vector)
    return integers_of(static_cast<const tfl::Uint16Vector*>(vector)->values());
  if (vector != nullptr && type == tfl::SparseIndexVector::Uint8Vector)
    return integers_of(static_cast<const tfl::Uint8Vector*>(vector)->values());
  throw Error(fmt::format("sparse level {} has no segments or indices of 8, 16 or 32 bits", level));
}

struct Level {
  int64_t size = 0;    // positions of its dimension
  int64_t stride = 0;  // of the dense tensor
  bool compressed = false;
  std::vector<int64_t> segments, indices;
};

class Expander {
 public:
  Expander(const tfl::SparsityParameters& sparsity, const Shape& shape)
      : shape_(shape), blocks_(integers_of(sparsity.block_map())), order_(integers_of(sparsity.traversal_order())) {
    check_orders(sparsity);
    for (size_t l = 0; l < order_.size(); ++l) read_level(*sparsity.dim_metadata()->Get(static_cast<uint32_t>(l)), l);
    set_strides();
    check_segments();
  }

  // The dense position of each stored element.
  std::vector<int64_t> positions(size_t stored) {
    stored_ = stored;
    visit(0, 0, 0);
    if (positions_.size() != stored)
      throw Error(fmt::format("has {} sparse elements, its levels hold {}", stored, positions_.size()));
    return std::move(positions_);
  }

 private:
  const Shape& shape_;
  std::vector<int64_t> blocks_;  // the dimension that each block dimension divides
  std::vector<int64_t> order_;   // of traversal; block dimensions are numbered behind the others
  std::vector<Level> levels_;
  std::vector<int64_t> positions_;
  size_t stored_ = 0;

  size_t rank() const { return shape_.size(); }

  static bool is_permutation(std::vector<int64_t> list) {
    std::sort(list.begin(), list.end());
    for (size_t i = 0; i < list.size(); ++i)
      if (list[i] != static_cast<int64_t>(i)) return false;
    return true;
  }

  void check_orders(const tfl::SparsityParameters& sparsity) const {
    const auto inner = order_.begin() + static_cast<std::ptrdiff_t>(std::min(rank(), order_.size()));
    if (order_.size() != rank() + blocks_.size() || !is_permutation(order_) || !is_permutation({order_.begin(), inner}))
      throw Error(fmt::format("sparse traversal order {} of {} dimensions and {} block dimensions",
                              ir::to_string(order_), rank(), blocks_.size()));
    std::vector<int64_t> divided = blocks_;
    std::sort(divided.begin(), divided.end());
    if (!divided.empty() && (divided.front() < 0 || divided.back() >= static_cast<int64_t>(rank()) ||
                             std::adjacent_find(divided.begin(), divided.end()) != divided.end()))
      throw Error(fmt::format("sparse block map {} of {} dimensions", ir::to_string(blocks_), rank()));
    if (count_of(sparsity.dim_metadata()) != order_.size())
      throw Error(
          fmt::format("describes {} sparse levels, wanted {}", count_of(sparsity.dim_metadata()), order_.size()));
  }

  void read_level(const tfl::DimensionMetadata& metadata, size_t l) {
    Level level;
    level.compressed = metadata.format() == tfl::DimensionType::SPARSE_CSR;
    level.size = metadata.dense_size();
    if (level.compressed) {
      level.segments = index_vector(metadata.array_segments_type(), metadata.array_segments(), l);
      level.indices = index_vector(metadata.array_indices_type(), metadata.array_indices(), l);
    } else if (metadata.format() != tfl::DimensionType::DENSE) {
      throw Error(fmt::format("sparse level {} is neither dense nor compressed", l));
    } else if (level.size < 1) {
      throw Error(fmt::format("sparse level {} has size {}", l, level.size));
    }
    if (level.compressed && l >= rank()) throw Error(fmt::format("sparse level {} compresses within a block", l));
    levels_.push_back(std::move(level));
  }

  // A block dimension steps through neighbours, the dimension that it divides from block to block.
  void set_strides() {
    const std::vector<int64_t> strides = ir::row_major_strides(shape_);
    std::vector<int64_t> block_sizes(rank(), 1);
    for (size_t l = rank(); l < levels_.size(); ++l) {
      const auto divided = static_cast<size_t>(blocks_[static_cast<size_t>(order_[l]) - rank()]);
      block_sizes[divided] = levels_[l].size;
      levels_[l].stride = strides[divided];
    }
    for (size_t l = 0; l < rank(); ++l) {
      const auto d = static_cast<size_t>(order_[l]);
      const int64_t size = shape_[d] / block_sizes[d];
      if (size * block_sizes[d] != shape_[d])
        throw Error(fmt::format("sparse blocks of {} do not divide dimension {} of {}", block_sizes[d], d,
                                ir::to_string(shape_)));
      if (!levels_[l].compressed && levels_[l].size != size)
        throw Error(fmt::format("sparse level {} has size {}, wanted {}", l, levels_[l].size, size));
      levels_[l].size = size;
      levels_[l].stride = strides[d] * block_sizes[d];
    }
  }

  // `entries`: how often a level is entered.
  void check_segments() const {
    int64_t entries = 1;
    for (size_t l = 0; l < levels_.size(); ++l) {
      const Level& level = levels_[l];
      if (!level.compressed) {
        entries *= level.size;
        continue;
      }
      const std::vector<int64_t>& segments = level.segments;
      if (static_cast<int64_t>(segments.size()) != entries + 1 || segments.front() != 0 ||
          !std::is_sorted(segments.begin(), segments.end()) ||
          segments.back() != static_cast<int64_t>(level.indices.size()))
        throw Error(fmt::format("sparse level {} has {} segments that do not divide its {} indices, wanted {}", l,
                                segments.size(), level.indices.size(), entries + 1));
      for (const int64_t index : level.indices)
        if (index < 0 || index >= level.size)
          throw Error(fmt::format("sparse level {} has index {} of {} positions", l, index, level.size));
      entries = static_cast<int64_t>(level.indices.size());
    }
  }

  void visit(size_t l, int64_t entry, int64_t position) {
    if (l == levels_.size()) {
      if (positions_.size() == stored_) throw Error(fmt::format("has only {} sparse elements", stored_));
      positions_.push_back(position);
      return;
    }
    const Level& level = levels_[l];
    if (!level.compressed) {
      for (int64_t i = 0; i < level.size; ++i) visit(l + 1, entry * level.size + i, position + i * level.stride);
      return;
    }
    const auto begin = level.segments[static_cast<size_t>(entry)], end = level.segments[static_cast<size_t>(entry) + 1];
    for (int64_t i = begin; i < end; ++i)
      visit(l + 1, i, position + level.indices[static_cast<size_t>(i)] * level.stride);
  }
};

}  // namespace

Array dense_array(const tfl::SparsityParameters& sparsity, const Shape& shape, std::string_view bytes,
                  ir::DType dtype) {
  const int64_t count = ir::element_count(shape);
  if (count > kMaximumDense)
    throw Error(
        fmt::format("a sparse tensor of shape {} has more than {} elements", ir::to_string(shape), kMaximumDense));
  const size_t width = ir::element_bytes(dtype), stored = bytes.size() / width;
  const std::vector<int64_t> positions = Expander(sparsity, shape).positions(stored);
  if (bytes.size() != stored * width) throw Error(fmt::format("has {} bytes of sparse data", bytes.size()));
  const Array values = array_from_bytes({static_cast<int64_t>(stored)}, bytes, dtype);
  std::vector<int64_t> source(static_cast<size_t>(count), -1);
  for (size_t i = 0; i < stored; ++i) source[static_cast<size_t>(positions[i])] = static_cast<int64_t>(i);
  return values.gathered(shape, source);
}

}  // namespace linnet::import
