#include <algorithm>

#include "converter/ops/conv.hpp"
#include "converter/ops/norm.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

constexpr size_t kMoments = 3;

// Lines whose moments are taken at a time: 128 KB of them, to be found in a second-level cache, and a multiple of what
// a Winograd convolution computes at a time.
int64_t lines_of(const Shape& image, int64_t winograd) {
  constexpr int64_t kBytes = 128 * 1024;
  const int64_t step = std::max<int64_t>(winograd, 1);
  const int64_t lines = kBytes / (image[2] * image[3] * 4) / step * step;
  return std::clamp(lines, std::min(step, image[1]), image[1]);
}

// Lets the convolution that makes `image` give its moments as well; null where none makes it.
Value* moments_of(Graph& graph, Value* image, int64_t* lines) {
  Node* node = producer_of<ops::Conv>(image);
  if (node == nullptr || image->shape().size() != 4 || !node->as<ops::Conv>()->channels_last) return nullptr;
  if (node->as<ops::Conv>()->moment_rows == 0) {
    auto conv = std::make_unique<ops::Conv>(*node->as<ops::Conv>());
    conv->moment_rows = lines_of(image->shape(), conv->winograd);
    node = replace(graph, node, std::move(conv), node->inputs);
  }
  *lines = node->as<ops::Conv>()->moment_rows;
  return node->outputs[1];
}

}  // namespace

void take_moments(Graph& graph, PassLog& log) {
  sweep(graph, [&](Node* node) {
    auto* norm = node->as<ops::GroupNorm>();
    if (norm == nullptr || !norm->channels_last || node->has(kMoments)) return;
    int64_t lines = 0;
    Value* moments = moments_of(graph, node->inputs[0], &lines);
    if (moments == nullptr) return;
    norm->moment_rows = lines;
    graph.set_input(node, kMoments, moments);
    log.add("took the statistics of {} in {}", node->name, node->inputs[0]->producer->name);
  });
}

}  // namespace linnet::passes
