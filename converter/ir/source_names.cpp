#include "converter/ir/source_names.hpp"

#include <unordered_set>
#include <utility>

namespace linnet::ir {

// One name, or two parts in order; immutable.
struct SourceNames::Part {
  std::string name;
  std::shared_ptr<Part> first, second;

  explicit Part(std::string only) : name(std::move(only)) {}
  Part(std::shared_ptr<Part> a, std::shared_ptr<Part> b) : first(std::move(a)), second(std::move(b)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // Without recursion: parts may be nested as deep as a model is.
  ~Part() {
    std::vector<std::shared_ptr<Part>> pending;
    const auto take = [&](std::shared_ptr<Part>& part) {
      if (part != nullptr) pending.push_back(std::move(part));
    };
    take(first);
    take(second);
    while (!pending.empty()) {
      const std::shared_ptr<Part> part = std::move(pending.back());
      pending.pop_back();
      if (part.use_count() > 1) continue;
      take(part->first);
      take(part->second);
    }
  }
};

SourceNames::SourceNames(std::string name) : root_(std::make_shared<Part>(std::move(name))) {}

void SourceNames::add(const SourceNames& others) {
  if (others.root_ == nullptr || others.root_ == root_) return;
  root_ = root_ != nullptr ? std::make_shared<Part>(root_, others.root_) : others.root_;
}

std::vector<std::string> SourceNames::list() const {
  std::vector<std::string> names;
  std::unordered_set<std::string> listed;
  std::unordered_set<const Part*> seen;
  std::vector<const Part*> pending;
  if (root_ != nullptr) pending.push_back(root_.get());
  while (!pending.empty()) {
    const Part* part = pending.back();
    pending.pop_back();
    if (!seen.insert(part).second) continue;
    if (part->first == nullptr) {
      if (listed.insert(part->name).second) names.push_back(part->name);
      continue;
    }
    pending.push_back(part->second.get());
    pending.push_back(part->first.get());
  }
  return names;
}

}  // namespace linnet::ir
