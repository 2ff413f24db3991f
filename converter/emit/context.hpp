// What an operator's emit() sees: the FlatBuffer under construction, tensor indices after memory planning, weight
// buffers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "converter/ir/graph.hpp"
#include "schema/model_generated.h"

namespace linnet::emit {

class Context {
 public:
  virtual ~Context() = default;
  virtual flatbuffers::FlatBufferBuilder& builder() = 0;

  // Index of a value's tensor. With `shape`, of another tensor over the same bytes (same element count), for operators
  // whose device form wants another rank (a 1-D convolution is a 2-D one of height 1).
  virtual uint32_t tensor(const ir::Value& value) = 0;
  virtual uint32_t tensor(const ir::Value& value, const ir::Shape& shape) = 0;
  // Elements between consecutive rows of a value: its last dimension, or more where the planner made it a slice.
  virtual int64_t row_stride(const ir::Value& value) = 0;

  // Whether the planner laid input `index` of a Concat into the place that it has in the output, so that nothing is
  // left to do.
  virtual bool placed_in_output(const ir::Node& node, size_t index) = 0;

  // Adds a block to Model.buffers (64-byte aligned, 64 readable bytes behind it; equal blocks are stored once); its
  // index.
  virtual uint32_t buffer(std::span<const float> data) = 0;
  virtual uint32_t buffer(std::span<const int32_t> data) = 0;
  virtual uint32_t buffer(std::span<const int8_t> data) = 0;

  // A block of so many floats, zeros that `pack` writes over in place.
  using Pack = std::function<void(float* packed)>;
  virtual uint32_t buffer(int64_t floats, const Pack& pack) = 0;

  // A matrix packed for a product: `pack` makes the block, where no block of the transposed matrix is there already. Of
  // a matrix that one layer multiplies by and another by its transpose, one block is stored.
  struct PackedMatrix {
    uint32_t buffer;
    bool transposed;
  };
  virtual PackedMatrix matrix(const ir::Array& weights, int64_t floats, const Pack& pack) = 0;

  // Adds one step of `node`. A node may add several; only the last one's outputs need be complete.
  template <class Table>
  void step(const ir::Node& node, flatbuffers::Offset<Table> table, const std::vector<uint32_t>& inputs,
            const std::vector<uint32_t>& outputs) {
    add_step(node, fb::OperatorTraits<Table>::enum_value, table.Union(), inputs, outputs);
  }

  static fb::Activation activation(const ir::Activation& activation) {
    return fb::Activation(static_cast<fb::Function>(activation.function), activation.alpha, activation.beta);
  }

 protected:
  virtual void add_step(const ir::Node& node, fb::Operator type, flatbuffers::Offset<void> table,
                        const std::vector<uint32_t>& inputs, const std::vector<uint32_t>& outputs) = 0;
};

}  // namespace linnet::emit
