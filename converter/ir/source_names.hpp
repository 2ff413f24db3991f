// Which nodes of the source model became a node.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace linnet::ir {

// Names in the order in which they were added, each once. Copies share what they have in common, so that copying and
// adding cost the same however many names there are.
class SourceNames {
 public:
  SourceNames() = default;
  explicit SourceNames(std::string name);

  void add(const SourceNames& others);
  void clear() { root_.reset(); }
  std::vector<std::string> list() const;

 private:
  struct Part;
  std::shared_ptr<Part> root_;
};

}  // namespace linnet::ir
