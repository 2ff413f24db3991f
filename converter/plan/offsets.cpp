#include "converter/plan/offsets.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace linnet::plan {

namespace {

constexpr int64_t kAlignment = 16, kLargeAlignment = 64, kLargeBlock = 4096;
constexpr int kRandomOrders = 400;

int64_t aligned(int64_t value, int64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

int64_t alignment_of(const Storage& storage) {
  return storage.bytes >= kLargeBlock ? kLargeAlignment : kAlignment;
}

using Order = std::vector<size_t>;

// Puts each block in turn into the lowest gap that is large enough, between those it conflicts with.
int64_t place(std::vector<Storage>& storages, const Order& order) {
  int64_t end = 0;
  std::vector<const Storage*> placed;  // by offset
  for (const size_t index : order) {
    Storage& storage = storages[index];
    int64_t offset = 0;
    for (const Storage* other : placed) {
      if (!conflict(storage, *other)) continue;
      if (offset + storage.bytes <= other->offset) break;
      offset = std::max(offset, aligned(other->offset + other->bytes, alignment_of(storage)));
    }
    storage.offset = offset;
    end = std::max(end, offset + storage.bytes);
    const auto behind = std::upper_bound(placed.begin(), placed.end(), &storage,
                                         [](const Storage* a, const Storage* b) { return a->offset < b->offset; });
    placed.insert(behind, &storage);
  }
  return aligned(end, kAlignment);
}

}  // namespace

bool conflict(const Storage& a, const Storage& b) {
  if ((a.holds_input && b.holds_output) || (a.holds_output && b.holds_input)) return true;
  return a.first <= b.last && b.first <= a.last;
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

  const int64_t bound = lower_bound(storages);
  Order best = by_size;
  int64_t best_bytes = place(storages, best);
  const auto attempt = [&](const Order& order) {
    const int64_t bytes = place(storages, order);
    if (bytes >= best_bytes) return;
    best = order;
    best_bytes = bytes;
  };
  attempt(by_start);
  attempt(by_length);
  // Exchanges of two blocks of the best order so far; the same sequence in every run.
  std::minstd_rand random(1);
  for (int i = 0; i < kRandomOrders && storages.size() > 2 && best_bytes > aligned(bound, kAlignment); ++i) {
    Order order = best;
    std::swap(order[random() % order.size()], order[random() % order.size()]);
    attempt(order);
  }
  return place(storages, best);
}

}  // namespace linnet::plan
