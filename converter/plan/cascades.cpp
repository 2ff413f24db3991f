#include "converter/plan/cascades.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>

#include "converter/plan/candidate.hpp"
#include "converter/plan/plan.hpp"

namespace linnet::plan {

using namespace linnet::ir;

namespace {

using Order = std::vector<const Node*>;

// Unless the cascades would take more turns than a model may.
void add_cascade(const Candidate& candidate, size_t first, int64_t stripe_lines, Cascades* cascades) {
  const int64_t turns = static_cast<int64_t>(candidate.size()) * ((candidate.out_lines() - 1) / stripe_lines + 1);
  if (cascades->turns + turns > engine::kMaxCascadeTurns) return;
  cascades->turns += turns;
  const Candidate::Need need = candidate.need(stripe_lines);
  for (size_t s = 0; s < candidate.size(); ++s) {
    cascades->membership[candidate.node(s)] = cascades->list.size();
    if (candidate.is_rolling(s)) cascades->rolling[&candidate.node(s)->out()] = need.lines[s];
  }
  cascades->list.push_back({first, first + candidate.size() - 1, stripe_lines});
}

Candidate candidate_of(const Graph& graph, const Order& order, size_t first, size_t end) {
  Candidate candidate(graph);
  for (size_t i = first; i < end; ++i) candidate.add(order[i]);
  return candidate;
}

// Of the tensors that a cascade does not keep whole.
int64_t whole_bytes(const Candidate& candidate) {
  int64_t sum = 0;
  for (size_t s = 0; s < candidate.size(); ++s) {
    const Value& value = candidate.node(s)->out();
    if (candidate.is_rolling(s)) sum += element_count(value.shape()) * device_element_bytes(value.type);
  }
  return sum;
}

// The division of the order whose last parts are best[end].first .. end - 1, from the front.
template <class Best>
std::vector<std::pair<size_t, size_t>> parts_of(const std::vector<Best>& best) {
  std::vector<std::pair<size_t, size_t>> parts;
  for (size_t end = best.size() - 1; end > 0; end = best[end].first) parts.emplace_back(best[end].first, end);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

// ---- speed ---------------------------------------------------------------------------------------------------------

// What a stripe touches shall stay in a second-level cache; that of small boards has 512 KB. Tensors that would stay
// there anyway are not worth dividing; weights are read and lines moved for every stripe, which must not be too low.
constexpr int64_t kLeastLines = 2;
constexpr int64_t kStripeBytes = 512 << 10, kLinkBytes = 512 << 10, kWeightBytes = 128 << 10;

bool stays_cached(const Candidate::Need& need) {
  return need.touched_bytes <= kStripeBytes;
}

// Those that keep the most bytes of whole tensors out of memory, all together.
Cascades for_speed(const Graph& graph, const Order& order) {
  struct Best {
    int64_t saved = 0;  // by cascades of the nodes before a position
    size_t first = 0;   // of the last part
  };
  std::vector<Best> best(order.size() + 1);
  for (size_t first = 0; first < order.size(); ++first) {
    Candidate candidate(graph);
    if (best[first + 1].saved <= best[first].saved) best[first + 1] = {best[first].saved, first};
    for (size_t last = first; last < order.size() && candidate.add(order[last]); ++last) {
      if (last == first) continue;
      if (candidate.weight_bytes() > kWeightBytes || candidate.link_bytes() < kLinkBytes) break;
      if (!stays_cached(candidate.need(kLeastLines))) break;
      const int64_t saved = best[first].saved + whole_bytes(candidate);
      if (saved > best[last + 1].saved) best[last + 1] = {saved, first};
    }
  }
  Cascades result;
  for (const auto& [first, end] : parts_of(best)) {
    if (end - first < 2) continue;
    const Candidate candidate = candidate_of(graph, order, first, end);
    add_cascade(candidate, first, candidate.stripe_lines(stays_cached), &result);
  }
  return result;
}

// ---- memory --------------------------------------------------------------------------------------------------------

// Divides the order into cascades and single nodes such that the most bytes alive at a time are few (an estimate that
// knows nothing of shared storages), and as few nodes in cascades as that allows.
class MemoryCascades {
 public:
  MemoryCascades(const Graph& graph, const Order& order) : graph_(graph), order_(order), best_(order.size() + 1) {
    struct Life {
      int64_t bytes = 0;
      size_t first = 0, last = 0;
    };
    std::unordered_map<const Value*, Life> lives;
    std::unordered_map<const Node*, size_t> position;
    for (size_t i = 0; i < order.size(); ++i) position[order[i]] = i;
    for (const auto& value : graph.values()) {
      if (value->constant) continue;
      Life& life = lives[viewed(value.get())];
      const Value& root = *viewed(value.get());
      life.bytes = element_count(root.shape()) * device_element_bytes(root.type);
      life.first = root.producer != nullptr ? position.at(root.producer) : 0;
      life.last = std::max(life.last, graph.is_output(value.get()) ? order.size() : life.first);
      for (const Use& use : value->uses) life.last = std::max(life.last, position.at(use.node));
    }
    begun_.resize(order.size() + 2);
    ended_.resize(order.size() + 2);
    for (const auto& [value, life] : lives) {
      begun_[life.first + 1] += life.bytes;
      ended_[life.last + 1] += life.bytes;
    }
    std::partial_sum(begun_.begin(), begun_.end(), begun_.begin());
    std::partial_sum(ended_.begin(), ended_.end(), ended_.begin());
  }

  Cascades run() {
    for (size_t first = 0; first < order_.size(); ++first) {
      Candidate candidate(graph_);
      improve(first, first, live_bytes(first, first), 0);
      for (size_t last = first; last < order_.size() && candidate.add(order_[last]); ++last) {
        if (!candidate.any_rolling()) continue;
        const int64_t rolling = candidate.need(1).rolling_bytes;
        improve(first, last, live_bytes(first, last) - whole_bytes(candidate) + rolling, candidate.size());
      }
    }
    Cascades result;
    for (const auto& [first, end] : parts_of(best_))
      if (best_[end].nodes > 0) add(first, end, &result);
    return result;
  }

 private:
  // Of the nodes before a position: the most bytes alive, nodes in cascades, and the last part.
  struct Best {
    int64_t peak = std::numeric_limits<int64_t>::max();
    size_t cascaded = 0, first = 0, nodes = 0;
  };

  const Graph& graph_;
  const Order& order_;
  std::vector<int64_t> begun_, ended_;  // bytes of values that begin (end) before a position
  std::vector<Best> best_;

  int64_t live_bytes(size_t first, size_t last) const { return begun_[last + 1] - ended_[first]; }

  void improve(size_t first, size_t last, int64_t bytes, size_t nodes) {
    const Best before = first == 0 ? Best{0, 0, 0, 0} : best_[first];
    const Best with{std::max(before.peak, bytes), before.cascaded + nodes, first, nodes};
    Best& best = best_[last + 1];
    if (std::pair(with.peak, with.cascaded) < std::pair(best.peak, best.cascaded)) best = with;
  }

  // In stripes as high as the peak allows.
  void add(size_t first, size_t end, Cascades* result) const {
    const Candidate candidate = candidate_of(graph_, order_, first, end);
    const int64_t room = best_.back().peak - live_bytes(first, end - 1) + whole_bytes(candidate);
    const auto fits = [&](const Candidate::Need& need) { return need.rolling_bytes <= room; };
    add_cascade(candidate, first, candidate.stripe_lines(fits), result);
  }
};

constexpr std::pair<CascadeMode, std::string_view> kModes[] = {
    {CascadeMode::off, "off"}, {CascadeMode::speed, "speed"}, {CascadeMode::memory, "memory"}};

}  // namespace

std::string_view name(CascadeMode mode) {
  for (const auto& [value, text] : kModes)
    if (value == mode) return text;
  throw std::logic_error("cascade mode");
}

CascadeMode parse_cascade_mode(std::string_view name) {
  for (const auto& [value, text] : kModes)
    if (text == name) return value;
  throw Error(fmt::format("{}: expected speed, memory or off", name));
}

Cascades choose_cascades(const Graph& graph, const std::vector<const Node*>& order, CascadeMode mode) {
  switch (mode) {
    case CascadeMode::speed:
      return for_speed(graph, order);
    case CascadeMode::memory:
      return MemoryCascades(graph, order).run();
    default:
      return {};
  }
}

}  // namespace linnet::plan
