// New weights for a network that has none, or only placeholders.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "converter/ir/graph.hpp"
#include "converter/passes/passes.hpp"

namespace linnet::weights {

struct Initialization {
  // He et al., arXiv 1502.01852: variance 2 / fan_in. Glorot and Bengio, AISTATS 2010 (Xavier): 2 / (fan_in + fan_out).
  enum class Scheme : uint8_t { he_normal, he_uniform, xavier_normal, xavier_uniform };
  Scheme scheme = Scheme::he_normal;
  uint64_t seed = 0;
};

std::string_view name(Initialization::Scheme scheme);
Initialization::Scheme parse_scheme(std::string_view text);  // "he" and "xavier" are the normal ones; throws ir::Error

// Independent numbers of one distribution with mean 0, the same on every platform: std::mt19937_64 and arithmetic of
// IEEE 754 alone, rounded to single precision.
std::vector<double> random_weights(size_t count, double variance, bool uniform, std::mt19937_64& generator);

// Every layer's weights get random values, its bias becomes 0; a batch normalization of data gets scale 1, shift 0,
// mean 0 and variance 1. Of the other constants, those that `placeholders` names become 1 where they multiply or
// divide, and 0 elsewhere.
void initialize(ir::Graph& graph, const Initialization& options, const std::unordered_set<std::string>& placeholders,
                passes::PassLog& log);

}  // namespace linnet::weights
