#include "converter/plan/storages.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "converter/ops/concat.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/plan/strided.hpp"

namespace linnet::plan {

using namespace linnet::ir;

namespace {

constexpr int64_t kTensorAlignment = 4;  // of a slice of another tensor, in bytes

}  // namespace

StorageBuilder::StorageBuilder(const Graph& graph, std::vector<const Node*> order, Cascades cascades)
    : graph_(graph), order_(std::move(order)), cascades_(std::move(cascades)) {
  for (size_t i = 0; i < order_.size(); ++i) position_[order_[i]] = static_cast<int>(i);
  for (const Value* input : graph.inputs) add_value(*input);
  for (const Node* node : order_)
    for (const Value* output : node->outputs) add_value(*output);
}

StorageBuilder::Span StorageBuilder::span(const Node& node) const {
  const auto member = cascades_.membership.find(&node);
  if (member == cascades_.membership.end()) return {position_.at(&node), position_.at(&node)};
  const Cascade& cascade = cascades_.list[member->second];
  return {static_cast<int>(cascade.first), static_cast<int>(cascade.last)};
}

void StorageBuilder::add_value(const Value& value) {
  const int64_t columns = value.shape().empty() ? 1 : std::max<int64_t>(value.shape().back(), 1);
  const int64_t count = held_elements(value, cascades_);
  const Span made = value.producer != nullptr ? span(*value.producer) : Span{-1, -1};
  const int first = made.first;
  int last = graph_.is_output(&value) ? kForever : made.last;
  for (const Use& use : value.uses) last = std::max(last, span(*use.node).last);
  index_[&value] = members_.size();
  Group group{{members_.size()}, count, device_element_bytes(value.type), holdings(value)};
  members_.push_back({&value, groups_.size(), {0, columns, count / columns, columns}, first, last});
  groups_.push_back(std::move(group));
}

StorageBuilder::Holdings StorageBuilder::holdings(const Value& value) const {
  Holdings result;
  for (size_t i = 0; i < graph_.inputs.size(); ++i) {
    if (graph_.inputs[i] != &value) continue;
    const auto state =
        std::find_if(graph_.states.begin(), graph_.states.end(), [&](const State& s) { return s.input == i; });
    if (state == graph_.states.end()) result.input = true;
    if (state != graph_.states.end()) result.states.insert(static_cast<size_t>(state - graph_.states.begin()));
  }
  for (size_t o = 0; o < graph_.outputs.size(); ++o) {
    if (graph_.outputs[o] != &value) continue;
    const auto state =
        std::find_if(graph_.states.begin(), graph_.states.end(), [&](const State& s) { return s.output == o; });
    if (state == graph_.states.end()) result.output = true;
    if (state != graph_.states.end()) result.next.insert(static_cast<size_t>(state - graph_.states.begin()));
  }
  return result;
}

// Inputs and outputs do not meet, nor does either meet a state; and of several states none has its next value in the
// same group, where one's copy could change what another one copies.
bool StorageBuilder::Holdings::agrees(const Holdings& other) const {
  Holdings both = *this;
  both.add(other);
  if ((input && other.input) || (output && other.output) || (both.input && both.output)) return false;
  if (both.states.empty()) return true;
  if (both.ports()) return false;
  return both.next.empty() || (both.states.size() == 1 && both.next == both.states);
}

void StorageBuilder::Holdings::add(const Holdings& other) {
  input = input || other.input;
  output = output || other.output;
  states.insert(other.states.begin(), other.states.end());
  next.insert(other.next.begin(), other.next.end());
}

StorageBuilder::Member* StorageBuilder::find(const Value* value) {
  const auto found = index_.find(value);
  return found != index_.end() ? &members_[found->second] : nullptr;
}

void StorageBuilder::share() {
  for (const Node* node : order_)
    if (node->op->is_view()) share_view(*node);
  for (auto node = order_.rbegin(); node != order_.rend(); ++node)
    if ((*node)->as<ops::Concat>() != nullptr) share_concat(**node);
  for (const Node* node : order_)
    if (node->as<ops::Slice>() != nullptr) share_slice(*node);
  for (const Node* node : order_) share_in_place(*node);
}

void StorageBuilder::share_view(const Node& node) {
  const Member *x = find(node.inputs[0]), *y = find(node.outputs[0]);
  views_.insert(&node);
  if (x == nullptr || !embed(*y, *x, {0, y->region.columns, y->region.rows, y->region.columns}))
    throw Error(fmt::format("{} ({}): a graph output shares its bytes with an input, a constant or another output",
                            node.name, node.op->name()));
}

std::optional<StorageBuilder::Region> StorageBuilder::part_region(const Region& whole, const Shape& shape,
                                                                  const Shape& part,
                                                                  const std::vector<int64_t>& start) {
  if (shape.empty()) return whole;
  const size_t last = shape.size() - 1;
  // Rows of the part are evenly spaced when every dimension that is cut, but the last, has dimensions of size 1 only
  // before it (in the part).
  int64_t row = 0, rows_of_one = 1;
  bool cut_inside = false;
  for (size_t d = last; d-- > 0;) {
    row += start[d] * rows_of_one;
    rows_of_one *= shape[d];
    if (cut_inside && part[d] != 1) return std::nullopt;
    cut_inside = cut_inside || part[d] != shape[d];
  }
  int64_t rows = 1;
  for (size_t d = 0; d < last; ++d) rows *= part[d];
  return Region{whole.offset + row * whole.row_stride + start[last], whole.row_stride, rows, part[last]};
}

void StorageBuilder::share_concat(const Node& node) {
  const auto axis = static_cast<size_t>(node.as<ops::Concat>()->axis);
  const Shape& shape = node.out().shape();
  std::vector<int64_t> start(shape.size(), 0);
  std::vector<bool>& placed = placed_[&node];
  placed.assign(node.inputs.size(), false);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Member *x = find(node.inputs[i]), *y = find(node.outputs[0]);
    const auto region = part_region(y->region, shape, node.in(i).shape(), start);
    start[axis] += node.in(i).shape()[axis];
    if (x == nullptr || !region || x->storage == y->storage) continue;
    const Group& group = groups_[x->storage];
    if (group.holds.ports()) continue;
    placed[i] = true;
    if (!embed(*x, *y, *region)) placed[i] = false;
  }
}

void StorageBuilder::share_slice(const Node& node) {
  const auto* slice = node.as<ops::Slice>();
  const Member *x = find(node.inputs[0]), *y = find(node.outputs[0]);
  const auto one = [](int64_t step) { return step == 1; };
  if (x == nullptr || x->storage == y->storage) return;
  std::vector<int64_t> steps = slice->steps;
  for (size_t d = 0; d < steps.size(); ++d)
    if (slice->shape[d] == 1) steps[d] = 1;
  if (!std::all_of(steps.begin(), steps.end(), one)) return;
  const Group& group = groups_[y->storage];
  if (group.holds.ports()) return;
  const auto region = part_region(x->region, node.in(0).shape(), node.out().shape(), slice->starts);
  if (!region) return;
  views_.insert(&node);
  if (!embed(*y, *x, *region)) views_.erase(&node);
}

void StorageBuilder::share_in_place(const Node& node) {
  if (views_.count(&node) > 0 || cascades_.membership.count(&node) > 0) return;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has(i) || !node.op->in_place(node, i) || node.in(i).type != node.out().type) continue;
    const Member *x = find(node.inputs[i]), *y = find(node.outputs[0]);
    if (x == nullptr || x->storage == y->storage || x->last != position_.at(&node)) continue;
    if (embed(*y, *x, x->region) || embed(*x, *y, y->region)) return;
  }
}

bool StorageBuilder::may_have_rows(const Value& value) const {
  if (value.producer == nullptr || graph_.is_output(&value) || !writes_rows(*value.producer)) return false;
  return std::all_of(value.uses.begin(), value.uses.end(),
                     [](const Use& use) { return reads_rows(*use.node, use.input); });
}

// Whether a step reads or writes it; otherwise it is a part of another tensor that a state becomes.
bool StorageBuilder::is_used(const Value& value) const {
  return !value.uses.empty() || views_.count(value.producer) == 0;
}

std::optional<std::vector<StorageBuilder::Region>> StorageBuilder::moved_regions(const Group& group, const Region& from,
                                                                                 const Region& to,
                                                                                 int64_t limit) const {
  std::vector<Region> result;
  for (const size_t m : group.members) {
    Region region = members_[m].region;
    if (from.row_stride == to.row_stride || (from.rows == 1 && to.dense() && region.end() <= from.end())) {
      region.offset += to.offset - from.offset;
    } else {
      // The rows move apart or together: every member must consist of parts of these rows.
      const int64_t relative = region.offset - from.offset;
      if (relative < 0 || from.columns <= 0) return std::nullopt;
      const int64_t row = relative / from.row_stride, column = relative % from.row_stride;
      const bool within_row = column + region.columns <= from.columns;
      if (!within_row || (region.rows > 1 && region.row_stride != from.row_stride) || row + region.rows > from.rows)
        return std::nullopt;
      region.offset = to.offset + row * to.row_stride + column;
      region.row_stride = to.row_stride;
    }
    if (region.offset < 0 || region.end() > limit) return std::nullopt;
    if (is_used(*members_[m].value) && region.offset * group.element_bytes % kTensorAlignment != 0) return std::nullopt;
    if (!region.dense() && !may_have_rows(*members_[m].value)) return std::nullopt;
    result.push_back(region);
  }
  return result;
}

bool StorageBuilder::embed(const Member& inner, const Member& outer, const Region& region) {
  const size_t from = inner.storage, into = outer.storage;
  Group &source = groups_[from], &target = groups_[into];
  if (!source.holds.agrees(target.holds)) return false;
  if (source.element_bytes != target.element_bytes) return false;
  const auto regions = moved_regions(source, inner.region, region, target.elements);
  if (!regions) return false;

  for (size_t i = 0; i < source.members.size(); ++i) {
    Member moved = members_[source.members[i]];
    moved.region = (*regions)[i];
    for (const size_t other : target.members)
      if (disturb(moved, members_[other])) return false;
  }

  for (size_t i = 0; i < source.members.size(); ++i) {
    Member& member = members_[source.members[i]];
    member.region = (*regions)[i];
    member.storage = into;
    target.members.push_back(source.members[i]);
  }
  target.holds.add(source.holds);
  source.members.clear();
  return true;
}

bool StorageBuilder::overlap(const Region& a, const Region& b) {
  if (a.end() <= b.offset || b.end() <= a.offset) return false;
  if (a.row_stride != b.row_stride || a.rows == 1 || b.rows == 1) return true;
  // Two runs of columns in rows of the same length.
  const int64_t stride = a.row_stride, a_column = a.offset % stride, b_column = b.offset % stride;
  if (a_column + a.columns > stride || b_column + b.columns > stride) return true;
  return a_column < b_column + b.columns && b_column < a_column + a.columns;
}

// What the step of `node` writes of what overlaps `read`: all of its output, or the parts of a concatenation that are
// not there already.
std::vector<StorageBuilder::Region> StorageBuilder::written_regions(const Node& node, const Region& output,
                                                                    const Region& read) const {
  if (views_.count(&node) > 0 || !overlap(output, read)) return {};
  const auto placed = placed_.find(&node);
  if (placed == placed_.end()) return {output};
  const auto axis = static_cast<size_t>(node.as<ops::Concat>()->axis);
  std::vector<Region> result;
  std::vector<int64_t> start(node.out().shape().size(), 0);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!placed->second[i]) {
      const auto part = part_region(output, node.out().shape(), node.in(i).shape(), start);
      if (!part) return {output};
      if (overlap(*part, read)) result.push_back(*part);
    }
    start[axis] += node.in(i).shape()[axis];
  }
  return result;
}

// Whether the step of a concatenation copies the value: then it may not lie within the output, since the device's
// copies read and write tensors that lie apart.
bool StorageBuilder::copies(const Node& node, const Member& part) const {
  const auto placed = placed_.find(&node);
  if (placed == placed_.end()) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] == part.value && !placed->second[i]) return true;
  return false;
}

// Of two that overlap, whether the step that computes one of them overwrites what the other still needs.
bool StorageBuilder::disturb(const Member& a, const Member& b) const {
  if (a.last < b.first || b.last < a.first || !overlap(a.region, b.region)) return false;
  return harms(a, b) || harms(b, a);
}

bool StorageBuilder::harms(const Member& written, const Member& other) const {
  if (written.value->producer == nullptr) return false;
  const Node& writer = *written.value->producer;
  const Span now = span(writer);
  if (other.last < now.first || other.first > now.last) return false;
  if (copies(writer, other)) return true;
  for (const Region& region : written_regions(writer, written.region, other.region)) {
    if (other.last > now.first || other.first == now.first) return true;
    for (size_t i = 0; i < writer.inputs.size(); ++i)
      if (writer.inputs[i] == other.value && !(writer.op->in_place(writer, i) && other.region == region)) return true;
  }
  return false;
}

Plan StorageBuilder::plan() const {
  Plan plan;
  plan.order = order_;
  plan.views = views_;
  plan.placed = placed_;
  plan.cascades = cascades_;
  std::vector<size_t> storage_of(groups_.size());
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Group& group = groups_[g];
    if (group.members.empty()) continue;
    const bool holds_state = !group.holds.states.empty();
    Storage storage{
        0, group.elements * group.element_bytes, kForever, -1, group.holds.input, group.holds.output, holds_state};
    for (const size_t m : group.members) {
      storage.first = std::min(storage.first, members_[m].first);
      storage.last = std::max(storage.last, members_[m].last);
    }
    if (holds_state) storage.last = kForever;
    storage_of[g] = plan.storages.size();
    plan.storages.push_back(storage);
  }
  for (const Member& member : members_) {
    // Until offsets are known: the offset within the storage.
    plan.places[member.value] = {member.region.offset * groups_[member.storage].element_bytes, member.region.row_stride,
                                 storage_of[member.storage]};
  }
  return plan;
}

}  // namespace linnet::plan
