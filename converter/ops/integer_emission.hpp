// Emission of operators with an integer form.
#pragma once

#include "converter/emit/context.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/softmax.hpp"
#include "kernels/contract.hpp"

namespace linnet::ops {

enum class LayerKind : uint8_t { conv, depthwise, linear };

// The weights of a layer as the device reads them.
struct PackedLayer {
  std::vector<int8_t> bytes;
  fb::WeightLayout layout;
  int64_t groups;  // some may have been joined
};

// Of int16 activations; weights are [outputs of all groups, inputs of a group, kernel...].
PackedLayer pack_int16_layer(const Node& node, const IntegerForm& form, int64_t groups, LayerKind kind);
// The same of a transposed convolution, whose weights' bytes and shape these are.
PackedLayer pack_int16_transposed(const Node& node, std::vector<int8_t> bytes, const IntegerForm& form,
                                  const Shape& shape, int64_t groups, const kernels::Window& window);
// The table of a function of int16, and the function that tells the device how to read it.
struct Int16Table {
  std::vector<int8_t> bytes;
  Function function;
};
Int16Table int16_table(const Unary& op, const TensorType& x);

void emit_integer(const Conv& op, const Node& node, emit::Context& context);
void emit_integer(const ConvTranspose& op, const Node& node, emit::Context& context);
void emit_integer(const Linear& op, const Node& node, emit::Context& context);
void emit_integer(const Pool& op, const Node& node, emit::Context& context);
void emit_integer(const Unary& op, const Node& node, emit::Context& context);
void emit_integer(const Softmax& op, const Node& node, emit::Context& context);
void emit_integer(const Reduce& op, const Node& node, emit::Context& context);
void emit_integer(const RowNorm& op, const Node& node, emit::Context& context);
void emit_integer(const Resample& op, const Node& node, emit::Context& context);

// What a step has beside its shapes and strides.
struct IntegerProduct {
  fb::Requantize requantize;
  fb::Factor factor;
};
IntegerProduct integer_product(const MatMul& op, const Node& node);
void add_integer_form(const Binary& op, const Node& node, fb::BinaryBuilder& table);

}  // namespace linnet::ops
