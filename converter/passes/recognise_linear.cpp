#include <algorithm>

#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/passes/affine.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

// The matrix [n, k] of a product whose second operand is constant and the same for every batch entry.
std::optional<Array> constant_matrix(const Node& node, const ops::MatMul& product) {
  if (!node.in(1).constant || node.in(1).shape().size() > node.in(0).shape().size()) return std::nullopt;
  Array matrix = *node.in(1).constant;
  if (!product.b_permutation.empty()) matrix = transposed(matrix, product.b_permutation);
  const Shape& shape = matrix.shape();
  if (!std::all_of(shape.begin(), shape.end() - 2, [](int64_t size) { return size == 1; })) return std::nullopt;
  matrix = transposed(matrix.reshaped({shape[shape.size() - 2], shape.back()}), {1, 0});
  if (product.scale == 1.0) return matrix;
  std::vector<double> scaled = matrix.doubles();
  for (double& weight : scaled) weight *= product.scale;
  if (!fits_float32(matrix.doubles(), scaled)) return std::nullopt;
  return Array::of_doubles(matrix.shape(), std::move(scaled), matrix.dtype());
}

}  // namespace

void recognise_linear(Graph& graph, PassLog& log) {
  sweep(graph, [&](Node* node) {
    const auto* product = node->as<ops::MatMul>();
    if (product == nullptr || !product->a_permutation.empty()) return;
    const TensorType& operand = node->in(1).type;
    if (product->integer && (operand.quantization->zero_point() != 0 || operand.dtype != DType::i8)) return;
    std::optional<Array> matrix = constant_matrix(*node, *product);
    if (!matrix) return;
    ops::Linear linear;
    linear.fused = product->fused;
    linear.integer = product->integer;
    log.add("{} multiplies by a constant: Linear", node->name);
    Value* weights = graph.add_constant(node->in(1).name, std::move(*matrix));
    replace(graph, node, std::make_unique<ops::Linear>(linear), {node->inputs[0], weights});
  });
}

}  // namespace linnet::passes
