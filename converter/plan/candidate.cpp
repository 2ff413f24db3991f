#include "converter/plan/candidate.hpp"

#include <algorithm>
#include <optional>

#include "converter/ops/conv.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/window.hpp"
#include "converter/plan/plan.hpp"

namespace linnet::plan {

using namespace linnet::ir;

namespace {

struct LineWindow {
  int64_t stride, pad, reach;
};

bool is_image(const Value& value) {
  return !value.constant && value.shape().size() == 4 && value.shape()[0] == 1 && is_floating(value.type.dtype) &&
         value.shape()[1] <= engine::kMaxCascadeLines;
}

int64_t line_bytes(const Value& value) {
  return value.shape()[2] * value.shape()[3] * device_element_bytes(value.type);
}

// How a node reads the lines of its input 0; nothing where it cannot be part of a cascade.
std::optional<LineWindow> line_window(const Node& node) {
  if (node.outputs.size() != 1 || !is_image(node.in(0)) || !is_image(node.out())) return std::nullopt;
  if (const auto* conv = node.as<ops::Conv>()) {
    if (!conv->channels_last || conv->winograd != 0 || conv->moment_rows != 0) return std::nullopt;
    return LineWindow{conv->strides[0], conv->pads_begin[0],
                      ops::window_extent(node.in(1).shape()[2], conv->dilations[0])};
  }
  if (const auto* pool = node.as<ops::Pool>()) {
    if (!pool->channels_last) return std::nullopt;
    return LineWindow{pool->strides[0], pool->pads_begin[0], ops::window_extent(pool->kernel[0], pool->dilations[0])};
  }
  return std::nullopt;
}

}  // namespace

bool Candidate::add(const Node* node) {
  if (lines_.count == engine::kMaxCascadeSteps) return false;
  const auto window = line_window(*node);
  const int32_t source = window ? source_of(*node, 0) : -1;
  if (!window || (!nodes_.empty() && source < 0) || source_of(*node, 4) >= 0) return false;
  nodes_.push_back(node);
  lines_.steps[lines_.count++] = {static_cast<int32_t>(node->out().shape()[1]),
                                  static_cast<int32_t>(node->in(0).shape()[1]),
                                  static_cast<int32_t>(window->stride),
                                  static_cast<int32_t>(window->pad),
                                  static_cast<int32_t>(window->reach),
                                  source,
                                  source_of(*node, 3),
                                  false};
  for (size_t s = 0; s + 1 < nodes_.size(); ++s) lines_.steps[s].rolling = read_within(nodes_[s]->out());
  return true;
}

bool Candidate::any_rolling() const {
  return std::any_of(lines_.steps, lines_.steps + lines_.count, [](const auto& step) { return step.rolling; });
}

int64_t Candidate::weight_bytes() const {
  int64_t sum = 0;
  for (const Node* node : nodes_)
    if (node->as<ops::Conv>() != nullptr) sum += element_count(node->in(1).shape()) * int64_t{sizeof(float)};
  return sum;
}

int64_t Candidate::link_bytes() const {
  return nodes_.back()->in(0).shape()[1] * line_bytes(nodes_.back()->in(0));
}

Candidate::Need Candidate::need(int64_t stripe_lines) const {
  Need need{std::vector<int64_t>(nodes_.size(), 1), 0, 0};
  std::vector<int64_t> read(nodes_.size(), 0);
  engine::Cascade lines = lines_;
  int32_t needed[engine::kMaxCascadeSteps];
  while (lines.next_stripe(static_cast<int32_t>(stripe_lines))) {
    lines.find_needed(needed);
    for (size_t s = 0; s < nodes_.size(); ++s) {
      const engine::CascadeStep& step = lines.steps[s];
      const int64_t computed = lines.want[s] - lines.done[s];
      const int64_t held = step.rolling ? lines.want[s] - needed[s] : computed;
      need.lines[s] = std::max(need.lines[s], held);
      if (step.source < 0) read[s] = std::max(read[s], (computed - 1) * step.stride + step.reach);
      lines.done[s] = lines.want[s];
    }
  }
  for (size_t s = 0; s < nodes_.size(); ++s) {
    const int64_t bytes = need.lines[s] * line_bytes(nodes_[s]->out());
    need.touched_bytes += bytes + read[s] * line_bytes(nodes_[s]->in(0));
    if (is_rolling(s)) need.rolling_bytes += bytes;
  }
  return need;
}

int32_t Candidate::source_of(const Node& node, size_t input) const {
  if (!node.has(input)) return -1;
  const auto found = std::find(nodes_.begin(), nodes_.end(), node.in(input).producer);
  return found != nodes_.end() ? static_cast<int32_t>(found - nodes_.begin()) : -1;
}

bool Candidate::read_within(const Value& value) const {
  return !graph_->is_output(&value) && std::all_of(value.uses.begin(), value.uses.end(), [&](const Use& use) {
    return std::find(nodes_.begin(), nodes_.end(), use.node) != nodes_.end();
  });
}

}  // namespace linnet::plan
