#include "targets/desktop/lib/dependence.hpp"

#include <array>
#include <cstdint>

#include "schema/model_generated.h"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::tools {
namespace {

class Marks {
 public:
  explicit Marks(const fb::Model& model) : model_(model), bytes_(model.tensor_bytes()) {}

  void set(uint32_t tensor, bool mark) {
    for_each_element(tensor, [&](size_t byte) { bytes_[byte] = mark; });
  }
  bool any(uint32_t tensor) const {
    bool result = false;
    for_each_element(tensor, [&](size_t byte) { result = result || bytes_[byte]; });
    return result;
  }
  void copy(const fb::Copy& copy, uint32_t from, uint32_t to) {
    if (copy.fill()) set(to, false);
    const fb::Tensor& in = *model_.tensors()->Get(from);
    const fb::Tensor& out = *model_.tensors()->Get(to);
    const auto element_bytes = static_cast<int64_t>(type_bytes(static_cast<linnet_type>(out.type())));
    const uint32_t rank = copy.shape() == nullptr ? 0 : copy.shape()->size();
    std::array<int32_t, 8> index = {};
    int64_t left = 1;
    for (uint32_t d = 0; d < rank; ++d) left *= copy.shape()->Get(d);
    for (; left > 0; --left) {
      int64_t source = copy.in_offset(), target = copy.out_offset();
      for (uint32_t d = 0; d < rank; ++d) {
        source += int64_t{index[d]} * copy.in_strides()->Get(d);
        target += int64_t{index[d]} * copy.out_strides()->Get(d);
      }
      const bool mark = in.buffer() == 0 && bytes_[static_cast<size_t>(in.offset() + source * element_bytes)];
      bytes_[static_cast<size_t>(out.offset() + target * element_bytes)] = mark;
      for (uint32_t d = rank; d-- > 0;) {
        if (++index[d] < copy.shape()->Get(d)) break;
        index[d] = 0;
      }
    }
  }

 private:
  // Of a tensor in the arena, the position of every element that memory holds.
  template <class Visit>
  void for_each_element(uint32_t index, const Visit& visit) const {
    const fb::Tensor& tensor = *model_.tensors()->Get(index);
    if (tensor.buffer() != 0) return;
    const uint32_t rank = tensor.shape() == nullptr ? 0 : tensor.shape()->size();
    const size_t element_bytes = type_bytes(static_cast<linnet_type>(tensor.type()));
    size_t rows = 1;
    for (uint32_t d = 0; d + 1 < rank; ++d) {
      const bool rolls = d == 1 && tensor.rolling_lines() > 0;
      rows *= static_cast<size_t>(rolls ? tensor.rolling_lines() : tensor.shape()->Get(d));
    }
    const size_t columns = rank == 0 ? 1 : static_cast<size_t>(tensor.shape()->Get(rank - 1));
    const size_t stride = tensor.row_stride() == 0 ? columns : static_cast<size_t>(tensor.row_stride());
    for (size_t row = 0; row < rows; ++row) {
      for (size_t c = 0; c < columns; ++c) visit(tensor.offset() + (row * stride + c) * element_bytes);
    }
  }

  const fb::Model& model_;
  std::vector<bool> bytes_;  // of an element its first byte
};

}  // namespace

std::vector<bool> dependent_outputs(const void* model, const std::vector<bool>& marked_inputs, bool marked_states) {
  const fb::Model& root = *fb::GetModel(model);
  Marks marks(root);
  for (size_t i = 0; i < marked_inputs.size(); ++i) {
    marks.set(root.inputs()->Get(static_cast<uint32_t>(i)), marked_inputs[i]);
  }
  for (uint32_t s = 0; root.states() != nullptr && s < root.states()->size(); ++s) {
    marks.set(root.states()->Get(s)->tensor(), marked_states);
  }
  for (uint32_t s = 0; root.steps() != nullptr && s < root.steps()->size(); ++s) {
    const fb::Step& step = *root.steps()->Get(s);
    if (const fb::Copy* copy = step.op_as_Copy()) {
      marks.copy(*copy, step.inputs()->Get(0), step.outputs()->Get(0));
      continue;
    }
    bool marked = false;
    for (const uint32_t input : *step.inputs()) marked = marked || marks.any(input);
    for (const uint32_t output : *step.outputs()) marks.set(output, marked);
  }
  std::vector<bool> outputs;
  for (uint32_t i = 0; root.outputs() != nullptr && i < root.outputs()->size(); ++i) {
    outputs.push_back(marks.any(root.outputs()->Get(i)));
  }
  return outputs;
}

}  // namespace linnet::tools
