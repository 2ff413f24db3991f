#include "converter/quantize/mixed.hpp"

#include <algorithm>

namespace linnet::quantize {

namespace {

using Set = std::set<std::string>;

class Search {
 public:
  Search(const std::vector<std::string>& layers, size_t wanted, const TryFloat& attempt)
      : layers_(layers), wanted_(wanted), attempt_(attempt) {}

  FloatLayers run() {
    if (reaches({})) return {{}, best_};
    std::optional<Set> found = single();
    if (!found) found = prefix();
    if (!found) found = all_but_one();
    if (!found) return {{}, best_};
    return without_needless(std::move(*found));
  }

 private:
  const std::vector<std::string>& layers_;
  const size_t wanted_;
  const TryFloat& attempt_;
  std::vector<std::pair<double, std::string>> order_;  // by the error that stays when only this layer is float
  std::map<Set, std::optional<Trial>> trials_;
  size_t best_ = 0;

  std::optional<Trial> attempt(const Set& set) {
    const auto known = trials_.find(set);
    if (known != trials_.end()) return known->second;
    const std::optional<Trial> trial = trials_[set] = attempt_(set);
    if (trial) best_ = std::max(best_, trial->correct);
    return trial;
  }
  bool reaches(const Set& set) {
    const std::optional<Trial> trial = attempt(set);
    return trial && trial->correct >= wanted_;
  }

  std::optional<Set> single() {
    std::optional<Set> found;
    size_t most = 0;
    double least = 0;
    for (const std::string& layer : layers_) {
      const std::optional<Trial> trial = attempt({layer});
      if (!trial) continue;
      order_.emplace_back(trial->error, layer);
      if (trial->correct < wanted_) continue;
      if (found && (trial->correct < most || (trial->correct == most && trial->error >= least))) continue;
      found = Set{layer};
      most = trial->correct;
      least = trial->error;
    }
    std::stable_sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return found;
  }

  Set first(size_t count) const {
    Set set;
    for (size_t i = 0; i < count; ++i) set.insert(order_[i].second);
    return set;
  }

  // Bisection: more float layers are taken to be more accurate, and none of int8 to be accurate enough.
  std::optional<Set> prefix() {
    size_t too_few = 1, enough = order_.size();
    std::optional<Set> found;
    while (too_few + 1 <= enough) {
      const size_t count = (too_few + enough + 1) / 2;
      const std::optional<Trial> trial = attempt(first(count));
      const bool reached = trial && trial->correct >= wanted_;
      if (reached) found = first(count);
      if (reached || !trial)
        enough = count - 1;
      else
        too_few = count;
    }
    return found;
  }

  std::optional<Set> all_but_one() {
    const Set all(layers_.begin(), layers_.end());
    for (const std::string& layer : layers_) {
      Set set = all;
      set.erase(layer);
      if (reaches(set)) return set;
    }
    return std::nullopt;
  }

  // Until none of the rest can be int8 beside the others.
  FloatLayers without_needless(Set set) {
    for (;;) {
      FloatLayers result;
      bool changed = false;
      for (auto layer = order_.rbegin(); layer != order_.rend(); ++layer) {
        if (set.erase(layer->second) == 0) continue;
        const std::optional<Trial> trial = attempt(set);
        if (trial && trial->correct >= wanted_) {
          changed = true;
          continue;
        }
        result.correct_without[layer->second] = trial ? trial->correct : 0;
        set.insert(layer->second);
      }
      if (changed) continue;
      result.correct = attempt(set)->correct;
      return result;
    }
  }
};

}  // namespace

FloatLayers find_float_layers(const std::vector<std::string>& layers, size_t wanted, const TryFloat& attempt) {
  return Search(layers, wanted, attempt).run();
}

}  // namespace linnet::quantize
