// Whether the order in which the parts of a model's steps are computed cannot matter: a model may, without harm to
// anyone's memory, write an element twice or let a cascade's tensors share bytes with each other and with what is read
// later.
#pragma once

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/session.hpp"

namespace linnet::fuzz {

// Sizes and distances of the elements that a step with strides of its own writes.
class Writes {
 public:
  explicit Writes(const engine::StepView& step) {
    if (const fb::Binary* binary = step.step.op_as_Binary()) {
      add(binary->shape(), binary->c_strides());
    } else if (const fb::Copy* copy = step.step.op_as_Copy()) {
      add(copy->shape(), copy->out_strides());
    } else if (const fb::MatMul* matmul = step.step.op_as_MatMul()) {
      add(matmul->batch_shape(), matmul->c_batch_strides());
      add(matmul->m(), matmul->c_stride_m());
      add(matmul->n(), 1);
    }
  }

  // Every element is written once.
  bool are_apart() {
    std::sort(dimensions_.begin(), dimensions_.end());
    int64_t reach = 0;
    for (const auto& [distance, size] : dimensions_) {
      if (distance <= reach) return false;
      reach += distance * (size - 1);
    }
    return true;
  }

 private:
  std::vector<std::pair<int64_t, int64_t>> dimensions_;

  void add(int32_t size, int64_t stride) {
    if (size > 1) dimensions_.emplace_back(stride < 0 ? -stride : stride, size);
  }
  void add(const engine::Integers* shape, const engine::Integers* strides) {
    for (int32_t d = 0; d < engine::length(shape); ++d)
      add(shape->Get(static_cast<uint32_t>(d)), strides->Get(static_cast<uint32_t>(d)));
  }
};

inline bool cascades_are_apart(const engine::ModelView& model) {
  for (int32_t i = 0; i < model.cascade_count(); ++i) {
    const fb::Cascade& cascade = model.cascade(i);
    std::set<int32_t> seen;
    std::vector<std::pair<int64_t, int64_t>> ranges;  // of what is in `seen`
    const auto add = [&](const engine::TensorInfo& tensor) {
      if (tensor.constant == nullptr && seen.insert(tensor.index).second)
        ranges.emplace_back(tensor.offset, tensor.offset + tensor.extent_bytes());
    };
    for (uint32_t s = 0; s < cascade.steps(); ++s) {
      const engine::StepView view = engine::view_step(model, static_cast<int32_t>(cascade.first_step() + s));
      for (int32_t input = 0; input < view.input_count; ++input) add(view.inputs[input]);
      if (seen.count(view.output.index) != 0) return false;  // what the next lines read is overwritten
      add(view.output);
    }
    std::sort(ranges.begin(), ranges.end());
    for (size_t r = 1; r < ranges.size(); ++r)
      if (ranges[r].first < ranges[r - 1].second) return false;
  }
  return true;
}

// Nothing reads what a cascade leaves behind in its rolling buffers, which depends on how threads divide its lines.
inline bool leftovers_are_unread(const engine::ModelView& model) {
  using Range = std::pair<int64_t, int64_t>;
  const auto range_of = [](const engine::TensorInfo& tensor) {
    return Range(tensor.offset, tensor.constant == nullptr ? tensor.offset + tensor.extent_bytes() : tensor.offset);
  };
  for (int32_t i = 0; i < model.cascade_count(); ++i) {
    const auto first = static_cast<int32_t>(model.cascade(i).first_step());
    const int32_t end = first + static_cast<int32_t>(model.cascade(i).steps());
    std::vector<Range> left;
    for (int32_t s = first; s < end; ++s) {
      const engine::StepView view = engine::view_step(model, s);
      if (view.output.rolling_lines > 0) left.push_back(range_of(view.output));
    }
    std::set<Range> written;
    const auto reads = [&](const engine::TensorInfo& tensor) {
      const Range range = range_of(tensor);
      return written.count(range) == 0 && std::any_of(left.begin(), left.end(), [&](const Range& buffer) {
               return range.first < buffer.second && buffer.first < range.second;
             });
    };
    written.insert(range_of(engine::view_step(model, end - 1).output));
    for (int32_t s = end; s < model.step_count(); ++s) {
      const engine::StepView view = engine::view_step(model, s);
      for (int32_t input = 0; input < view.input_count; ++input)
        if (reads(view.inputs[input])) return false;
      for (int32_t output = 0; output < view.output_count; ++output) written.insert(range_of(view.output_at(output)));
    }
    for (int32_t o = 0; o < model.output_count(); ++o)
      if (reads(model.tensor(model.root->outputs()->Get(static_cast<uint32_t>(o))))) return false;
    for (int32_t t = 0; t < model.state_count(); ++t)
      if (reads(model.tensor(model.state(t).next()))) return false;
  }
  return true;
}

inline bool order_is_free(const engine::ModelView& model) {
  for (int32_t i = 0; i < model.step_count(); ++i)
    if (!Writes(engine::view_step(model, i)).are_apart()) return false;
  return cascades_are_apart(model) && leftovers_are_unread(model);
}

}  // namespace linnet::fuzz
