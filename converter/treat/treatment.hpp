// Treatments of weights as data, and as the text that options and recipes give them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::treat {

// Text "0.5" (w becomes min(max(w, -c), c)), "percentile=99.9" (c is that percentile of the magnitudes) or "mse" (c has
// the least squared error of the grid that follows, 8 bits per output where none does: of the L2 error minimization of
// Sung, Shin and Hwang, arXiv 1511.06488, over c = i / 100 of the greatest magnitude). c is one per layer.
enum class ClipRule : uint8_t { value, percentile, mse };
struct Clip {
  ClipRule rule = ClipRule::value;
  double number = 0;
};

// What goes or stays as one: a weight; weights of four consecutive inputs of one output at one tap; of 4 or of 16
// consecutive outputs of one input at one tap; or of every four consecutive inputs two stay.
enum class Pattern : uint8_t { element, block_4, block_4x1, block_16x1, two_of_four };
std::string_view name(Pattern pattern);

// Text "tau=0.01" or "80%", then ",element", ",block=4", ",block=4x1" or ",block=16x1" and, of a part, ",scope=all"; or
// "2:4". The magnitude of a block is the root of its mean square. A threshold sets to 0 what has less than `threshold`,
// a part that part of the layer's weights which is least; with scope=all, that of all of the rule's layers together,
// magnitudes divided by the root of the layer's mean square.
struct Sparsify {
  Pattern pattern = Pattern::element;
  std::optional<double> threshold;
  double part = 0;
  bool all_layers = false;
};

// Text "bits=3", then ",scheme=minmax" (which is the default) or ",scheme=symmetric", and ",group=channel" (the
// default: one grid an output), ",group=tensor" or ",group=32" (consecutive weights of an output, tap by tap); "int4"
// and "int2" are symmetric in groups of 32. minmax: round((w - min) / (max - min) (2^b - 1)) (max - min) / (2^b - 1) +
// min. symmetric: round(w / s) s with s = max |w| / (2^(b - 1) - 1).
enum class Scheme : uint8_t { minmax, symmetric };
enum class Grouping : uint8_t { tensor, channel, columns_32 };
struct Grid {
  int bits = 8;
  Scheme scheme = Scheme::minmax;
  Grouping grouping = Grouping::channel;
};

// What --weights takes: a grid, or the plain forms "float" and "int8" (quantize::quantize_weights).
enum class WeightForm : uint8_t { float32, int8, grid };
struct Weights {
  WeightForm form = WeightForm::float32;
  Grid grid;
};

// Text "16" or "256": weights are entries of a codebook of so many, one for the layer or, with ",per=16", one for every
// 16 outputs.
struct Cluster {
  int entries = 16;
  bool per_16_outputs = false;
};

// What --storage takes: "dense", "sparse" (without zeros, in the blocks that the zeros have) or "codes" (of a grid or
// codebook); "none" leaves it to the converter.
enum class Storage : uint8_t { dense, sparse, codes };

// A treatment of the layers that `glob` names, of all others where it is empty. As text "GLOB:TREATMENT" or
// "TREATMENT", which may be "none".
template <class T>
struct Rule {
  std::string glob;
  std::optional<T> treatment;  // absent: none
  std::string text;            // as given
};
template <class T>
using Rules = std::vector<Rule<T>>;

// Throw ir::Error, which names the option and what is supported.
Rule<Clip> parse_clip(std::string_view text);
Rule<Sparsify> parse_sparsify(std::string_view text);
Rule<Weights> parse_weights(std::string_view text);
Rule<Cluster> parse_cluster(std::string_view text);
Rule<Storage> parse_storage(std::string_view text);

// By the names of the source's nodes that became the node, and its own.
bool names(std::string_view glob, const ir::Node& node);

// The rule that holds for the node, or null. Throws ir::Error, which begins with `option`, where two hold.
template <class T>
const Rule<T>* find_rule(const Rules<T>& rules, const ir::Node& node, std::string_view option);

}  // namespace linnet::treat
