// Decides which values share a storage, and where in it.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "converter/plan/plan.hpp"

namespace linnet::plan {

class StorageBuilder {
 public:
  StorageBuilder(const ir::Graph& graph, std::vector<const ir::Node*> order, Cascades cascades);

  // Views first, then concatenations, slices and in-place results, each only where no value is overwritten before its
  // last use.
  void share();
  // Everything but the offsets of storages.
  Plan plan() const;

 private:
  // Rows of elements in a storage.
  struct Region {
    int64_t offset, row_stride, rows, columns;  // elements

    int64_t end() const { return offset + (rows - 1) * row_stride + columns; }
    bool dense() const { return rows == 1 || row_stride == columns; }
    friend bool operator==(const Region&, const Region&) = default;
  };
  struct Member {
    const ir::Value* value;
    size_t storage;
    Region region;
    int first, last;
  };
  // What a program, or the next run, finds in a group: inputs and outputs, and by number the states whose tensors, or
  // whose next values, are among its members.
  struct Holdings {
    bool input = false, output = false;
    std::set<size_t> states, next;

    bool ports() const { return input || output; }
    // Whether a group may hold both.
    bool agrees(const Holdings& other) const;
    void add(const Holdings& other);
  };
  struct Group {
    std::vector<size_t> members;
    int64_t elements, element_bytes;
    Holdings holds = {};
  };

  const ir::Graph& graph_;
  std::vector<const ir::Node*> order_;
  Cascades cascades_;
  std::unordered_map<const ir::Node*, int> position_;
  std::unordered_map<const ir::Value*, size_t> index_;
  std::vector<Member> members_;
  std::vector<Group> groups_;
  std::unordered_set<const ir::Node*> views_;
  std::unordered_map<const ir::Node*, std::vector<bool>> placed_;

  // Positions between which a node runs: its own, or its cascade's.
  struct Span {
    int first, last;
  };
  Span span(const ir::Node& node) const;
  Holdings holdings(const ir::Value& value) const;
  void add_value(const ir::Value& value);
  Member* find(const ir::Value* value);
  void share_view(const ir::Node& node);
  void share_concat(const ir::Node& node);
  void share_slice(const ir::Node& node);
  void share_in_place(const ir::Node& node);

  static bool overlap(const Region& a, const Region& b);
  // The region of a part of `whole` that starts at `start` along `axis`; nothing where its rows are not evenly spaced.
  static std::optional<Region> part_region(const Region& whole, const ir::Shape& shape, const ir::Shape& part,
                                           const std::vector<int64_t>& start);
  bool may_have_rows(const ir::Value& value) const;
  bool is_used(const ir::Value& value) const;
  // Moves the whole group of `inner` such that `inner` comes to lie at `region` of the group of `outer`; does nothing
  // and returns false where the group does not fit or a value would be overwritten too early.
  bool embed(const Member& inner, const Member& outer, const Region& region);
  std::optional<std::vector<Region>> moved_regions(const Group& group, const Region& from, const Region& to,
                                                   int64_t limit) const;
  bool copies(const ir::Node& node, const Member& part) const;
  bool disturb(const Member& a, const Member& b) const;
  bool harms(const Member& written, const Member& other) const;
  std::vector<Region> written_regions(const ir::Node& node, const Region& output, const Region& read) const;
};

}  // namespace linnet::plan
