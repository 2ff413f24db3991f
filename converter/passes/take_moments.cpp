#include <algorithm>
#include <bit>

#include "converter/ops/conv.hpp"
#include "converter/ops/norm.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

constexpr size_t kMoments = 3;

// Lines whose moments are taken at a time: up to 128 KB of them, to be found in a second-level cache, and a multiple of
// what a Winograd convolution computes at a time. Threads divide these runs of lines, so their number is a power of two
// where it is small.
int64_t lines_of(const Shape& image, int64_t winograd) {
  constexpr int64_t kBytes = 128 * 1024, kSmall = 16;
  const int64_t step = std::max<int64_t>(winograd, 1);
  int64_t lines = std::max<int64_t>(kBytes / (image[2] * image[3] * 4), 1);
  if (const int64_t runs = (image[1] - 1) / lines + 1; runs <= kSmall) {
    const auto even = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(runs)));
    lines = (image[1] - 1) / even + 1;
  }
  return std::clamp(lines / step * step, std::min(step, image[1]), image[1]);
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
