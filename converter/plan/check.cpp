#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "converter/ir/states.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/slice.hpp"
#include "converter/plan/plan.hpp"

namespace linnet::plan {

using namespace linnet::ir;

namespace {

// Runs the plan with element identities instead of numbers: each cell of memory holds the number of the element written
// last, and every step must find the elements that its inputs consist of.
class Rehearsal {
 public:
  Rehearsal(const Graph& graph, const Plan& plan) : graph_(graph), plan_(plan), memory_(plan.tensor_bytes, -1) {}

  void run() {
    for (const Value* input : graph_.inputs) write(*input, fresh(*input));
    for (const Value* input : graph_.inputs) expect(*input, "the first step");
    for (size_t i = 0; i < plan_.order.size(); ++i) {
      const auto member = plan_.cascades.membership.find(plan_.order[i]);
      if (member == plan_.cascades.membership.end()) {
        step(*plan_.order[i]);
      } else {
        i = cascade(plan_.cascades.list[member->second]);
      }
    }
    for (const Value* output : graph_.outputs) expect(*output, "the caller");
    advance();
  }

 private:
  const Graph& graph_;
  const Plan& plan_;
  std::vector<int64_t> memory_;  // by byte
  std::unordered_map<const Value*, std::vector<int64_t>> contents_;
  int64_t next_ = 0;

  // The end of a run and the beginning of the next one: outputs stay until the program has set the inputs, states
  // longer.
  void advance() {
    for (const State& state : graph_.states)
      write(*graph_.inputs[state.input], contents_.at(graph_.outputs[state.output]));
    for (const Value* output : program_outputs(graph_)) expect(*output, "the caller");
    for (const Value* input : program_inputs(graph_)) write(*input, fresh(*input));
    for (const State& state : graph_.states) expect(*graph_.inputs[state.input], "the next run");
  }

  // Byte offset of every element.
  std::vector<int64_t> cells(const Value& value) const {
    const Place& place = plan_.places.at(&value);
    const int64_t size = device_element_bytes(value.type);
    const int64_t columns = value.shape().empty() ? 1 : value.shape().back();
    std::vector<int64_t> result(held_elements(value, plan_.cascades));
    for (int64_t i = 0; i < static_cast<int64_t>(result.size()); ++i)
      result[i] = place.offset + (i / columns * place.row_stride + i % columns) * size;
    return result;
  }

  std::vector<int64_t> fresh(const Value& value) {
    std::vector<int64_t> content(held_elements(value, plan_.cascades));
    for (int64_t& element : content) element = next_++;
    return content;
  }

  void write(const Value& value, std::vector<int64_t> content) {
    const std::vector<int64_t> offsets = cells(value);
    const int64_t size = device_element_bytes(value.type);
    for (size_t i = 0; i < offsets.size(); ++i) {
      if (offsets[i] < 0 || offsets[i] + size > plan_.tensor_bytes)
        throw Error(fmt::format("the memory plan puts {} outside of the tensor region", value.name));
      std::fill_n(memory_.begin() + offsets[i], size, content[i]);
    }
    contents_[&value] = std::move(content);
  }

  void expect(const Value& value, std::string_view reader) const {
    const std::vector<int64_t> offsets = cells(value);
    const std::vector<int64_t>& content = contents_.at(&value);
    const int64_t size = device_element_bytes(value.type);
    for (size_t i = 0; i < offsets.size(); ++i)
      for (int64_t byte = offsets[i]; byte < offsets[i] + size; ++byte)
        if (memory_[byte] != content[i])
          throw Error(fmt::format("the memory plan lets {} be overwritten before {} reads it", value.name, reader));
  }

  std::vector<int64_t> content_of(const Value& value, int64_t& constants) {
    if (!value.constant) return contents_.at(&value);
    std::vector<int64_t> content(element_count(value.shape()));
    for (int64_t& element : content) element = constants--;
    return content;
  }

  std::vector<int64_t> concatenated(const Node& node) {
    const auto axis = static_cast<size_t>(node.as<ops::Concat>()->axis);
    const Shape& shape = node.out().shape();
    const std::vector<int64_t> strides = row_major_strides(shape);
    std::vector<int64_t> content(element_count(shape));
    int64_t start = 0, constants = -2;
    for (const Value* input : node.inputs) {
      const std::vector<int64_t> part = content_of(*input, constants);
      const std::vector<int64_t> target = strided_offsets(input->shape(), strides, start * strides[axis]);
      for (size_t i = 0; i < part.size(); ++i) content[target[i]] = part[i];
      start += input->shape()[axis];
    }
    return content;
  }

  std::vector<int64_t> sliced(const Node& node) const {
    const auto* slice = node.as<ops::Slice>();
    const std::vector<int64_t> strides = row_major_strides(node.in(0).shape());
    std::vector<int64_t> steps;
    int64_t offset = 0;
    for (size_t d = 0; d < strides.size(); ++d) {
      steps.push_back(strides[d] * slice->steps[d]);
      offset += strides[d] * slice->starts[d];
    }
    const std::vector<int64_t>& whole = contents_.at(node.inputs[0]);
    std::vector<int64_t> content;
    for (const int64_t source : strided_offsets(slice->shape, steps, offset)) content.push_back(whole[source]);
    return content;
  }

  // Inputs may be overwritten during the step only as a whole and where the operator allows it.
  void check_overlap(const Node& node, const Value& output, size_t index) const {
    const Value* input = node.inputs[index];
    if (input == nullptr || input->constant) return;
    const std::vector<int64_t> read = cells(*input), written = cells(output);
    const std::unordered_set<int64_t> overwritten(written.begin(), written.end());
    const bool met = std::any_of(read.begin(), read.end(), [&](int64_t cell) { return overwritten.count(cell) > 0; });
    if (met && !(node.op->in_place(node, index) && read == written))
      throw Error(fmt::format("the memory plan lets {} overwrite its input {}", node.name, input->name));
  }

  void step(const Node& node) {
    for (const Value* input : node.inputs)
      if (input != nullptr && !input->constant) expect(*input, node.name);
    if (plan_.views.count(&node) > 0) {
      contents_[&node.out()] = node.as<ops::Slice>() != nullptr ? sliced(node) : contents_.at(node.inputs[0]);
      return expect(node.out(), node.name);
    }
    if (node.as<ops::Concat>() != nullptr) return write_concat(node);
    for (const Value* output : node.outputs) {
      for (size_t i = 0; i < node.inputs.size(); ++i) check_overlap(node, *output, i);
      write(*output, fresh(*output));
    }
  }

  // All nodes run in turns: no output may share a byte with anything else that they use. Returns the last position.
  size_t cascade(const Cascade& cascade) {
    std::unordered_map<int64_t, const Value*> owner;  // of each cell
    for (size_t i = cascade.first; i <= cascade.last; ++i)
      for (const int64_t cell : cells(plan_.order[i]->out())) require_free(owner, cell, plan_.order[i]->out());
    for (size_t i = cascade.first; i <= cascade.last; ++i) {
      const Node& node = *plan_.order[i];
      for (const Value* input : node.inputs) {
        if (input == nullptr || input->constant || runs_within(input->producer, cascade)) continue;
        expect(*input, node.name);
        for (const int64_t cell : cells(*input))
          if (owner.count(cell) > 0) require_free(owner, cell, *input);
      }
    }
    for (size_t i = cascade.first; i <= cascade.last; ++i) write(plan_.order[i]->out(), fresh(plan_.order[i]->out()));
    return cascade.last;
  }

  bool runs_within(const Node* node, const Cascade& cascade) const {
    const auto begin = plan_.order.begin();
    return std::find(begin + cascade.first, begin + cascade.last + 1, node) != begin + cascade.last + 1;
  }

  static void require_free(std::unordered_map<int64_t, const Value*>& owner, int64_t cell, const Value& value) {
    const auto [entry, added] = owner.try_emplace(cell, &value);
    if (!added)
      throw Error(fmt::format("the memory plan gives {} and {} the same bytes within a cascade", entry->second->name,
                              value.name));
  }

  void write_concat(const Node& node) {
    const std::vector<bool>& placed = plan_.placed.at(&node);
    const std::vector<int64_t> content = concatenated(node);
    if (std::find(placed.begin(), placed.end(), false) != placed.end()) {
      for (size_t i = 0; i < placed.size(); ++i)
        if (!placed[i]) check_overlap(node, node.out(), i);
      write(node.out(), content);
      return;
    }
    contents_[&node.out()] = content;
    expect(node.out(), node.name);
  }
};

}  // namespace

void check_plan(const Graph& graph, const Plan& plan) {
  Rehearsal(graph, plan).run();
}

}  // namespace linnet::plan
