#include "converter/plan/offsets.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace linnet::plan {

namespace {

constexpr int64_t kAlignment = 16, kLargeAlignment = 64, kLargeBlock = 4096;
// Orders tried where there are few storages; of many, as few orders as place so many of them.
constexpr size_t kRandomOrders = 400, kRandomPlacements = 200'000;

int64_t aligned(int64_t value, int64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

int64_t alignment_of(const Storage& storage) {
  return storage.bytes >= kLargeBlock ? kLargeAlignment : kAlignment;
}

using Order = std::vector<size_t>;
using Blocks = std::vector<const Storage*>;

// Blocks that have their offsets, found by lifetime. Each lies in one bin: of the shortest span of 2^level positions,
// beginning at a multiple of its length, that holds the block's lifetime.
class PlacedBlocks {
 public:
  explicit PlacedBlocks(const std::vector<Storage>& storages) {
    for (const Storage& storage : storages)
      for (const int position : {storage.first, storage.last})
        if (position != kForever) end_ = std::max(end_, bin_of(position) + 1);
    for (size_t bins = end_ + 1; bins > 1; bins = (bins + 1) / 2) levels_.emplace_back(bins);
    levels_.emplace_back(1);
  }

  void clear() {
    by_offset_.clear();
    for (std::vector<Blocks>& level : levels_)
      for (Blocks& bin : level) bin.clear();
  }

  void add(const Storage* block) {
    by_offset_.insert(std::upper_bound(by_offset_.begin(), by_offset_.end(), block, lies_lower), block);
    const Span alive = lifetime(*block);
    size_t level = 0;
    while (alive.first >> level != alive.last >> level) ++level;
    levels_[level][alive.first >> level].push_back(block);
  }

  // Those that may not overlap `block`, by offset; valid until the next call.
  const Blocks& conflicts(const Storage& block) {
    const Span alive = lifetime(block);
    const size_t few = by_offset_.size() / 16;
    const auto conflicts_with = [&](const Storage* other) { return conflict(block, *other); };
    found_.clear();
    // Inputs and outputs conflict whatever their lifetimes.
    const bool by_lifetime = alive.last - alive.first <= few && !block.holds_input && !block.holds_output;
    for (size_t level = 0; by_lifetime && level < levels_.size() && found_.size() <= few; ++level)
      for (size_t bin = alive.first >> level; bin <= alive.last >> level; ++bin)
        std::copy_if(levels_[level][bin].begin(), levels_[level][bin].end(), std::back_inserter(found_),
                     conflicts_with);
    if (by_lifetime && found_.size() <= few) {
      std::sort(found_.begin(), found_.end(), lies_lower);
      return found_;
    }
    found_.clear();
    std::copy_if(by_offset_.begin(), by_offset_.end(), std::back_inserter(found_), conflicts_with);
    return found_;
  }

 private:
  struct Span {
    size_t first, last;
  };
  size_t end_ = 0;  // the position that kForever stands for
  std::vector<std::vector<Blocks>> levels_;
  Blocks by_offset_, found_;

  static size_t bin_of(int position) { return static_cast<size_t>(position + 1); }  // inputs begin at -1

  Span lifetime(const Storage& block) const {
    const auto position = [&](int p) { return p == kForever ? end_ : bin_of(p); };
    return {position(block.first), position(block.last)};
  }

  static bool lies_lower(const Storage* a, const Storage* b) { return a->offset < b->offset; }
};

// Puts each block in turn into the lowest gap that is large enough, between those it conflicts with; states before all
// others.
int64_t place(std::vector<Storage>& storages, Order order, PlacedBlocks& placed) {
  std::stable_partition(order.begin(), order.end(), [&](size_t index) { return storages[index].holds_state; });
  int64_t end = 0, states = 0;
  placed.clear();
  for (const size_t index : order) {
    Storage& storage = storages[index];
    int64_t offset = storage.holds_state ? 0 : aligned(states, alignment_of(storage));
    for (const Storage* other : placed.conflicts(storage)) {
      if (offset + storage.bytes <= other->offset) break;
      offset = std::max(offset, aligned(other->offset + other->bytes, alignment_of(storage)));
    }
    storage.offset = offset;
    end = std::max(end, offset + storage.bytes);
    if (storage.holds_state) states = end;
    placed.add(&storage);
  }
  return aligned(end, kAlignment);
}

}  // namespace

bool conflict(const Storage& a, const Storage& b) {
  if ((a.holds_input && b.holds_output) || (a.holds_output && b.holds_input)) return true;
  return a.first <= b.last && b.first <= a.last;
}

int64_t state_bytes(const std::vector<Storage>& storages) {
  int64_t end = 0;
  for (const Storage& storage : storages)
    if (storage.holds_state) end = std::max(end, aligned(storage.offset + storage.bytes, kAlignment));
  return end;
}

int64_t lower_bound(const std::vector<Storage>& storages) {
  int64_t most = 0, ports = 0;
  std::map<int, int64_t> change;  // of live bytes, by position
  for (const Storage& storage : storages) {
    change[storage.first] += storage.bytes;
    if (storage.last != kForever) change[storage.last + 1] -= storage.bytes;
    if (storage.holds_input || storage.holds_output) ports += storage.bytes;
  }
  int64_t live = 0;
  for (const auto& [position, bytes] : change) most = std::max(most, live += bytes);
  return std::max(most, ports);
}

int64_t assign_offsets(std::vector<Storage>& storages) {
  Order by_size(storages.size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return storages[a].bytes > storages[b].bytes; });
  Order by_start = by_size, by_length = by_size;
  std::stable_sort(by_start.begin(), by_start.end(),
                   [&](size_t a, size_t b) { return storages[a].first < storages[b].first; });
  const auto length = [&](size_t i) { return static_cast<int64_t>(storages[i].last) - storages[i].first; };
  std::stable_sort(by_length.begin(), by_length.end(), [&](size_t a, size_t b) { return length(a) > length(b); });

  const int64_t bound = aligned(lower_bound(storages), kAlignment);
  PlacedBlocks placed(storages);
  Order best = by_size;
  int64_t best_bytes = place(storages, best, placed);
  const auto attempt = [&](const Order& order) {
    if (best_bytes <= bound) return;
    const int64_t bytes = place(storages, order, placed);
    if (bytes >= best_bytes) return;
    best = order;
    best_bytes = bytes;
  };
  attempt(by_start);
  attempt(by_length);
  // Exchanges of two blocks of the best order so far; the same sequence in every run.
  std::minstd_rand random(1);
  const size_t orders = storages.size() > 2 ? std::min(kRandomOrders, kRandomPlacements / storages.size()) : 0;
  for (size_t i = 0; i < orders && best_bytes > bound; ++i) {
    Order order = best;
    std::swap(order[random() % order.size()], order[random() % order.size()]);
    attempt(order);
  }
  return place(storages, best, placed);
}

}  // namespace linnet::plan
