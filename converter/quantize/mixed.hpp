// Which layers stay float so that an accuracy is kept.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "converter/quantize/accuracy.hpp"

namespace linnet::quantize {

// What the network gives with these layers float and all others as int8; absent where no int8 step would be left.
using TryFloat = std::function<std::optional<Trial>(const std::set<std::string>& layers)>;

struct FloatLayers {
  // For every layer of the set, how many samples are right when it is int8, too.
  std::map<std::string, size_t> correct_without;
  size_t correct = 0;
};

// A smallest set of float layers with which at least `wanted` samples are right: none, the best one where one is
// enough, else the fewest of those whose int8 form shifts the outputs most, else all but one; of these every one
// becomes int8 that can beside the others. Where there is no such set, it is empty and `correct` the best that was
// found, below `wanted`.
FloatLayers find_float_layers(const std::vector<std::string>& layers, size_t wanted, const TryFloat& attempt);

}  // namespace linnet::quantize
