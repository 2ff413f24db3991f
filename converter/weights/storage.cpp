#include "converter/weights/storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "converter/ops/conv.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/window.hpp"
#include "converter/ops/window_emission.hpp"
#include "converter/passes/winograd_cost.hpp"
#include "converter/weights/codes.hpp"
#include "converter/weights/storage_cost.hpp"
#include "kernels/pack_codes.hpp"
#include "kernels/pack_sparse.hpp"
#include "kernels/sparse/layout.hpp"

namespace linnet::weights {

using namespace linnet::ir;

namespace {

constexpr double kFewZeros = 0.1;  // as a part of the weights: of so few nothing is gained

using StorageRule = treat::Rule<treat::Storage>;

struct Storage {
  int64_t block = 0;  // 0: dense
  int64_t bytes = 0;
  double time = 0;
};

bool is_int8(const Node& node) {
  return node.in(1).type.quantization.has_value();
}

int64_t nonzero(const Array& weights) {
  if (weights.type().quantization) {
    const std::vector<int64_t> integers = weights.integers();
    return std::count_if(integers.begin(), integers.end(), [](int64_t number) { return number != 0; });
  }
  const auto numbers = weights.shared_floats();
  return std::count_if(numbers->begin(), numbers->end(), [](float number) { return number != 0; });
}

// Weights as the device could keep them.
struct Layer {
  Node* node;
  LayerSize size;
  Storage dense;
  std::string dense_name;
  int64_t* sparse;    // of the node
  int64_t* winograd;  // likewise; null: it has none
  ops::Codes* codes;
};

std::optional<std::string> reason_to_stay(const Node& node, const ops::Conv* conv, const ops::Linear* linear) {
  const bool coded = conv != nullptr ? conv->codes != nullptr : linear->codes != nullptr;
  if (coded && !is_int8(node)) return "its weights are codes";
  if (linear != nullptr && linear->dynamic) return "its inputs are quantized at run time";
  if (conv != nullptr && conv->groups > 1) return "it has groups";
  if (is_int8(node)) {
    const bool integer = conv != nullptr ? conv->integer.has_value() : linear->integer.has_value();
    if (!integer) return "its weights are int8, its inputs are not";
    if (node.in(0).type.dtype != DType::i8) return "its inputs are int16";
    if (node.in(1).shape()[1] % kernels::kDot != 0) return "its inputs are no multiple of 4";
  }
  if (node.has(4)) return "its weights are multiplied at run time";
  return std::nullopt;
}

Layer layer_of(Node& node, ops::Conv* conv, ops::Linear* linear) {
  const Shape &weights = node.in(1).shape(), &y = node.out().shape();
  Layer layer{&node, {}, {}, "dense", conv != nullptr ? &conv->sparse : &linear->sparse, nullptr, nullptr};
  const int64_t n = weights[0], k = element_count(weights) / n;
  layer.size = {element_count(y) / n, element_count(y) / n, k / weights[1], weights[1], n};
  layer.dense.bytes = is_int8(node) ? kernels::panel_int8_bytes(n, k) : 4 * kernels::panel_floats(n, k);
  if (conv != nullptr) {
    const ops::Image out = ops::image(y, true);
    layer.size.image_pixels = out.pixels();
  }
  layer.dense.time = dense_cost(layer.size, is_int8(node));
  layer.codes = conv != nullptr ? &conv->codes : &linear->codes;
  if (*layer.codes) {
    layer.dense_name = "codes";
    layer.dense.bytes =
        kernels::int8_codes_packed_bytes((*layer.codes)->format, 1, static_cast<int32_t>(n), static_cast<int32_t>(k));
  }
  if (conv != nullptr && conv->winograd != 0) {
    const ops::Image out = ops::image(y, true);
    const int32_t tile = static_cast<int32_t>(conv->winograd);
    layer.winograd = &conv->winograd;
    layer.dense_name = fmt::format("F({0}x{0},3x3)", tile);
    layer.dense.bytes = 4 * kernels::panel_floats(n, kernels::winograd2d_rows(tile, static_cast<int32_t>(weights[1])));
    layer.dense.time =
        passes::winograd_cost({out.batch, out.height, out.width, weights[1], out.channels}, conv->winograd);
  }
  return layer;
}

// The blocks of so many outputs that hold a weight other than 0, as a part of all.
double block_density(const kernels::ConvWeights& w, int64_t block) {
  int64_t kept = 0, blocks = 0;
  const int64_t k = int64_t{w.in_channels} * w.kernel_h * w.kernel_w;
  for (int64_t first = 0; first < w.out_channels; first += block) {
    const int64_t end = std::min<int64_t>(first + block, w.out_channels);
    for (int64_t i = 0; i < k; ++i, ++blocks)
      for (int64_t o = first; o < end; ++o)
        if (w.data[o * k + i] != 0) {
          ++kept;
          break;
        }
  }
  return static_cast<double>(kept) / static_cast<double>(blocks);
}

// SparseInt8 of integers [n, inputs, kernel...].
Storage int8_storage(const Layer& layer) {
  const std::vector<int64_t> integers = layer.node->in(1).constant->integers();
  const int64_t n = layer.size.outputs, taps = layer.size.taps, inputs = layer.size.inputs,
                positions = layer.size.k() / kernels::kDot;
  const kernels::SparseLayout layout{1, kernels::kSparseInt8Header};
  int64_t bytes = kernels::sparse_first_panel(layout, static_cast<int32_t>(n)), all = 0;
  for (int64_t first = 0; first < n; first += kernels::kPanel) {
    int64_t blocks = 0;
    for (int64_t o = first; o < std::min<int64_t>(n, first + kernels::kPanel); ++o)
      for (int64_t group = 0; group < inputs; group += kernels::kDot)
        for (int64_t tap = 0; tap < taps; ++tap) {
          const int64_t* const w = integers.data() + (o * inputs + group) * taps + tap;
          if (w[0] != 0 || w[taps] != 0 || w[2 * taps] != 0 || w[3 * taps] != 0) ++blocks;
        }
    bytes += kernels::sparse_panel_bytes(layout, static_cast<int32_t>(positions), blocks);
    all += blocks;
  }
  const double density = static_cast<double>(all) / static_cast<double>(n * positions);
  return {1, bytes, sparse_int8_cost(layer.size, density)};
}

std::vector<Storage> sparse_storages(const Layer& layer) {
  if (is_int8(*layer.node)) return {int8_storage(layer)};
  const Array& weights = *layer.node->in(1).constant;
  const auto numbers = weights.shared_floats();
  Shape shape = weights.shape();
  if (shape.size() == 2) shape.push_back(1);
  const kernels::ConvWeights source = ops::packed_source(numbers->data(), shape, nullptr, 1);
  std::vector<Storage> storages;
  for (const int32_t block : {1, 4, 16}) {
    const int64_t bytes = kernels::sparse_packed_bytes(source, block);
    storages.push_back({block, bytes, sparse_cost(layer.size, block, block_density(source, block), bytes)});
  }
  return storages;
}

std::string storage_name(const Layer& layer, int64_t block) {
  return block == 0 ? layer.dense_name : block == 1 ? "sparse" : fmt::format("sparse {}x1", block);
}

bool has_weights(const Node& node) {
  const bool known = node.as<ops::Conv>() != nullptr || node.as<ops::ConvTranspose>() != nullptr ||
                     node.as<ops::Linear>() != nullptr || node.as<ops::Recurrent>() != nullptr;
  return known && node.has(1) && node.in(1).constant &&
         (is_floating(node.in(1).type.dtype) || node.in(1).type.quantization);
}

// Why a layer that a glob names cannot be stored as it wants.
std::optional<std::string> obstacle(const Node& node, treat::Storage wanted) {
  const auto* conv = node.as<ops::Conv>();
  const auto* linear = node.as<ops::Linear>();
  if (wanted == treat::Storage::dense) return std::nullopt;
  if (conv == nullptr && linear == nullptr) return "only convolutions and linear layers can";
  if (wanted == treat::Storage::sparse) return reason_to_stay(node, conv, linear);
  const bool coded = conv != nullptr ? conv->codes != nullptr : linear->codes != nullptr;
  return coded ? std::nullopt : std::optional<std::string>(kNoInt8Codes);
}

void check_rules(const Graph& graph, const treat::Rules<treat::Storage>& rules) {
  for (const StorageRule& rule : rules) {
    if (rule.glob.empty()) continue;
    bool found = false;
    std::vector<std::string> names;
    for (const auto& node : graph.nodes()) {
      if (!has_weights(*node)) continue;
      names.push_back(node->name);
      if (!treat::names(rule.glob, *node)) continue;
      found = true;
      const auto reason = rule.treatment ? obstacle(*node, *rule.treatment) : std::nullopt;
      if (reason) throw Error(cannot_be_stored(rule, *node, *reason));
    }
    if (!found)
      throw Error(fmt::format("{} {}: no layer with weights has such a name; there are: {}", kStorageOption, rule.text,
                              fmt::join(names, ", ")));
  }
}

// The storage to take, and why.
std::pair<Storage, std::string> choose(const Layer& layer, Optimize optimize, const StorageRule* rule) {
  if (rule != nullptr && *rule->treatment == treat::Storage::dense)
    return {layer.dense, fmt::format("{} {}", kStorageOption, rule->text)};
  const std::vector<Storage> storages = sparse_storages(layer);
  const auto faster = [](const Storage& a, const Storage& b) { return a.time < b.time; };
  const auto smaller = [](const Storage& a, const Storage& b) { return a.bytes < b.bytes; };
  if (rule != nullptr) {
    const Storage best = *(optimize == Optimize::size ? std::min_element(storages.begin(), storages.end(), smaller)
                                                      : std::min_element(storages.begin(), storages.end(), faster));
    return {best, fmt::format("{} {}, {:.2f} times as fast", kStorageOption, rule->text, layer.dense.time / best.time)};
  }
  if (optimize == Optimize::size) {
    const Storage least = *std::min_element(storages.begin(), storages.end(), smaller);
    if (least.bytes >= layer.dense.bytes) return {layer.dense, "no smaller"};
    return {least, fmt::format("the smallest, {:.2f} times as fast", layer.dense.time / least.time)};
  }
  const Storage fastest = *std::min_element(storages.begin(), storages.end(), faster);
  const double gain = layer.dense.time / fastest.time;
  if (gain < 1) {
    return {layer.dense, fmt::format("{} would be {:.2f} times as fast", storage_name(layer, fastest.block), gain)};
  }
  if (fastest.bytes >= layer.dense.bytes) return {layer.dense, "no smaller"};
  return {fastest, fmt::format("{:.2f} times as fast", gain)};
}

}  // namespace

std::string_view name(Optimize optimize) {
  return optimize == Optimize::size ? "size" : "speed";
}

Optimize parse_optimize(std::string_view text) {
  for (const Optimize optimize : {Optimize::speed, Optimize::size})
    if (text == name(optimize)) return optimize;
  throw Error(fmt::format("{}: expected speed or size", text));
}

const StorageRule* storage_rule(const treat::Rules<treat::Storage>& rules, const Node& node) {
  const StorageRule* rule = treat::find_rule(rules, node, kStorageOption);
  return rule != nullptr && rule->treatment ? rule : nullptr;
}

std::string cannot_be_stored(const StorageRule& rule, const Node& node, std::string_view reason) {
  return fmt::format("{} {}: layer {} cannot be stored so: {}", kStorageOption, rule.text, node.name, reason);
}

std::vector<report::StoredLayer> choose_storage(Graph& graph, Optimize optimize,
                                                const treat::Rules<treat::Storage>& rules, passes::PassLog& log) {
  check_rules(graph, rules);
  std::vector<report::StoredLayer> report;
  for (const auto& node : graph.nodes()) {
    auto* conv = node->as<ops::Conv>();
    auto* linear = node->as<ops::Linear>();
    if ((conv == nullptr && linear == nullptr) || !has_weights(*node)) continue;
    const Array& weights = *node->in(1).constant;
    const auto count = static_cast<int64_t>(weights.size());
    const int64_t kept = nonzero(weights);
    const StorageRule* rule = storage_rule(rules, *node);
    if (count == 0 || (rule == nullptr && static_cast<double>(count - kept) < kFewZeros * static_cast<double>(count)))
      continue;
    report::StoredLayer row{node->out().name, std::string(node->op->name()), count, kept, "dense", 0, 0, ""};
    const auto reason = reason_to_stay(*node, conv, linear);
    if (reason || (rule != nullptr && *rule->treatment == treat::Storage::codes)) {
      row.reason = reason.value_or(obstacle(*node, treat::Storage::codes).value_or("its weights are codes"));
    } else {
      Layer layer = layer_of(*node, conv, linear);
      const auto [storage, why] = choose(layer, optimize, rule);
      row.storage = storage_name(layer, storage.block);
      row.bytes = storage.bytes;
      row.dense_bytes = layer.dense.bytes;
      row.reason = why;
      *layer.sparse = storage.block;
      if (storage.block != 0) {
        if (layer.winograd != nullptr) *layer.winograd = 0;
        *layer.codes = nullptr;
        log.add("{} keeps {} of {} weights: {}", node->name, kept, count, why);
      }
    }
    report.push_back(std::move(row));
  }
  return report;
}

}  // namespace linnet::weights
