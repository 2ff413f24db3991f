#include <algorithm>

#include "converter/ops/conv.hpp"
#include "converter/ops/window.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/winograd_cost.hpp"

namespace linnet::passes {

using namespace linnet::ir;

namespace {

// A smaller gain is not worth the weights and the rounding, that of a larger tile over a smaller one neither.
constexpr double kWorthwhile = 1.1;

bool all_one(const std::vector<int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 1; });
}

bool fits(const Node& node, const ops::Conv& conv) {
  const Shape& weights = node.in(1).shape();
  return conv.channels_last && !conv.codes && conv.groups == 1 && weights.size() == 4 && weights[2] == 3 &&
         weights[3] == 3 && all_one(conv.strides) && all_one(conv.dilations) && node.in(1).constant.has_value() &&
         !node.in(1).type.quantization && is_floating(node.out().type.dtype);
}

struct Choice {
  int64_t tile = 0;
  double gain = 1;
};

Choice fastest(const Convolution3x3& layer, bool strict) {
  Choice best;
  for (const int64_t tile : {2, 4}) {
    if (strict && tile != 2) continue;
    const double gain = direct_cost(layer) / winograd_cost(layer, tile);
    if (gain > kWorthwhile * best.gain) best = {tile, gain};
  }
  return best;
}

}  // namespace

void choose_winograd(Graph& graph, PassLog& log, std::optional<int64_t> tile, bool strict) {
  if (tile && *tile != 0 && *tile != 2 && *tile != 4 && *tile != 6)
    throw Error(fmt::format("a Winograd tile of {}; there are 2, 4 and 6, and 0 for none", *tile));
  if (tile && *tile > 2 && strict)
    throw Error(fmt::format("a Winograd tile of {}; a strict conversion has 2 and 0 (none)", *tile));
  if (tile == 0) return;
  for (const auto& node : graph.nodes()) {
    auto* conv = node->as<ops::Conv>();
    if (conv == nullptr || !fits(*node, *conv)) continue;
    const ops::Image out = ops::image(node->out().shape(), true);
    const Convolution3x3 layer{out.batch, out.height, out.width, node->in(1).shape()[1], out.channels};
    Choice choice = fastest(layer, strict);
    if (tile) choice = {*tile, direct_cost(layer) / winograd_cost(layer, *tile)};
    if (choice.tile == 0) continue;
    conv->winograd = choice.tile;
    log.add("{} by F({}x{},3x3), {:.1f} times as fast as direct by the cost model", node->name, choice.tile,
            choice.tile, choice.gain);
  }
}

}  // namespace linnet::passes
