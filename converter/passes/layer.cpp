#include "converter/passes/layer.hpp"

#include <algorithm>

#include "converter/ops/conv.hpp"
#include "converter/ops/linear.hpp"

namespace linnet::passes {

using namespace ir;

namespace {

bool is_padded(const std::vector<int64_t>& begin, const std::vector<int64_t>& end) {
  const auto positive = [](int64_t pad) { return pad != 0; };
  return std::any_of(begin.begin(), begin.end(), positive) || std::any_of(end.begin(), end.end(), positive);
}

}  // namespace

std::pair<int64_t, int64_t> Layer::channels(int64_t weight) const {
  const Shape& shape = weights().shape();
  int64_t taps = 1;
  for (size_t d = 2; d < shape.size(); ++d) taps *= shape[d];
  const int64_t first = weight / (taps * shape[1]), second = weight / taps % shape[1];
  const int64_t group = first / (shape[0] / groups);
  const int64_t other = group * shape[1] + second;
  return transposed ? std::pair(first, other) : std::pair(other, first);
}

std::optional<Layer> as_layer(Node* node) {
  if (node == nullptr || node->inputs.size() < 2 || node->inputs[0] == nullptr || node->inputs[0]->constant ||
      node->inputs[1] == nullptr || !node->in(kWeights).constant || (node->has(kBias) && !node->in(kBias).constant))
    return std::nullopt;
  if (node->as<ops::Linear>() != nullptr) return Layer{node};
  if (const auto* conv = node->as<ops::Conv>())
    return Layer{node, conv->groups, false, conv->channels_last, is_padded(conv->pads_begin, conv->pads_end)};
  if (const auto* conv = node->as<ops::ConvTranspose>())
    return Layer{node, conv->groups, true, conv->channels_last, true};
  return std::nullopt;
}

}  // namespace linnet::passes
