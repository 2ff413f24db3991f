#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "converter/treat/apply.hpp"

namespace linnet::treat {

namespace {

void finish(const Matrix& weights, Block* block) {
  double sum = 0;
  for (const int64_t i : block->weights) sum += weights.data()[i] * weights.data()[i];
  block->magnitude = std::sqrt(sum / static_cast<double>(block->weights.size()));
}

// Up to `count` consecutive inputs at one tap.
std::vector<Block> input_blocks(const Layer& layer, int64_t count) {
  std::vector<Block> blocks;
  for (int64_t run = 0; run < layer.rows * layer.taps; ++run)
    for (int64_t begin = 0; begin < layer.inputs; begin += count) {
      Block& block = blocks.emplace_back();
      for (int64_t in = begin; in < std::min(begin + count, layer.inputs); ++in)
        block.weights.push_back(run * layer.inputs + in);
    }
  return blocks;
}

std::vector<Block> output_blocks(const Layer& layer, int64_t count) {
  const int64_t outputs = layer.rows == layer.groups ? layer.rows : layer.rows / layer.groups;
  std::vector<Block> blocks;
  for (int64_t first = 0; first < layer.rows; first += outputs)
    for (int64_t begin = 0; begin < outputs; begin += count)
      for (int64_t column = 0; column < layer.columns(); ++column) {
        Block& block = blocks.emplace_back();
        for (int64_t row = first + begin; row < first + std::min(begin + count, outputs); ++row)
          block.weights.push_back(row * layer.columns() + column);
      }
  return blocks;
}

std::vector<Block> two_of_four(const Layer& layer, const Matrix& weights) {
  std::vector<Block> result;
  for (Block& block : input_blocks(layer, 4)) {
    std::stable_sort(block.weights.begin(), block.weights.end(),
                     [&](int64_t a, int64_t b) { return std::abs(weights.data()[a]) > std::abs(weights.data()[b]); });
    const size_t stay = (block.weights.size() + 1) / 2;
    for (size_t i = 0; i < block.weights.size(); ++i)
      result.push_back({{block.weights[i]}, i < stay ? std::numeric_limits<double>::infinity() : 0.0});
  }
  return result;
}

struct Candidate {
  size_t layer;
  const Block* block;
  double magnitude;
};

// Clears the least of the candidates until `part` of all weights are 0, to the nearest number of them.
void clear_least(std::vector<Candidate> candidates, double part, std::vector<std::vector<uint8_t>>* kept) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.magnitude < b.magnitude; });
  double total = 0, cleared = 0;
  for (const Candidate& candidate : candidates) total += static_cast<double>(candidate.block->weights.size());
  for (const Candidate& candidate : candidates) {
    const auto size = static_cast<double>(candidate.block->weights.size());
    if (cleared + size / 2 > part * total) break;
    cleared += size;
    for (const int64_t i : candidate.block->weights) (*kept)[candidate.layer][static_cast<size_t>(i)] = 0;
  }
}

}  // namespace

std::vector<Block> blocks_of(const Layer& layer, const Matrix& weights, Pattern pattern) {
  if (pattern == Pattern::two_of_four) return two_of_four(layer, weights);
  std::vector<Block> blocks = pattern == Pattern::element     ? input_blocks(layer, 1)
                              : pattern == Pattern::block_4   ? input_blocks(layer, 4)
                              : pattern == Pattern::block_4x1 ? output_blocks(layer, 4)
                                                              : output_blocks(layer, 16);
  for (Block& block : blocks) finish(weights, &block);
  return blocks;
}

std::vector<uint8_t> kept_weights(const Layer& layer, const Matrix& weights, const Sparsify& sparsify) {
  const std::vector<Block> blocks = blocks_of(layer, weights, sparsify.pattern);
  std::vector<std::vector<uint8_t>> kept(1, std::vector<uint8_t>(static_cast<size_t>(weights.size()), 1));
  if (!sparsify.threshold && sparsify.pattern != Pattern::two_of_four) {
    std::vector<Candidate> candidates;
    candidates.reserve(blocks.size());
    for (const Block& block : blocks) candidates.push_back({0, &block, block.magnitude});
    clear_least(std::move(candidates), sparsify.part, &kept);
    return std::move(kept[0]);
  }
  const double threshold = sparsify.threshold.value_or(std::numeric_limits<double>::max());
  for (const Block& block : blocks)
    if (block.magnitude < threshold)
      for (const int64_t i : block.weights) kept[0][static_cast<size_t>(i)] = 0;
  return std::move(kept[0]);
}

std::vector<std::vector<uint8_t>> kept_weights(const std::vector<Layer>& layers, const Sparsify& sparsify) {
  std::vector<std::vector<Block>> blocks;
  std::vector<std::vector<uint8_t>> kept;
  std::vector<Candidate> candidates;
  for (const Layer& layer : layers) {
    const Matrix weights = layer.read();
    const double scale = std::sqrt(weights.squaredNorm() / static_cast<double>(weights.size()));
    blocks.push_back(blocks_of(layer, weights, sparsify.pattern));
    kept.emplace_back(static_cast<size_t>(weights.size()), uint8_t{1});
    for (Block& block : blocks.back()) block.magnitude = scale > 0 ? block.magnitude / scale : 0;
  }
  for (size_t i = 0; i < layers.size(); ++i)
    for (const Block& block : blocks[i]) candidates.push_back({i, &block, block.magnitude});
  clear_least(std::move(candidates), sparsify.part, &kept);
  return kept;
}

bool keeps_any(const Matrix& weights, const std::vector<uint8_t>& kept) {
  bool any = weights.isZero(0);
  for (int64_t e = 0; e < weights.size(); ++e)
    any = any || (kept[static_cast<size_t>(e)] != 0 && weights.data()[e] != 0);
  return any;
}

}  // namespace linnet::treat
