// Cross-layer equalization: M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, Data-Free Quantization Through Weight
// Equalization and Bias Correction, 2019, arXiv 1906.04721, section 4.1.
#pragma once

#include <set>
#include <string>

#include "converter/ir/graph.hpp"
#include "converter/quantize/calibrate.hpp"

namespace linnet::quantize {

// Of two layers, the second of which alone reads the first, the outputs of the first are divided by numbers that the
// second's weights are multiplied by: s = sqrt(r1 r2) / r2 (equation 11), where r1 and r2 are the greatest magnitudes
// of a channel's weights in the first and the second. `outputs`, where it is not null, gives for r1 the greatest
// magnitude of what the first layer gives, by key_of: weights with a scale per output need no equal channels there,
// activations with one scale do. Between the layers lies only what multiplies with s: Relu, LeakyRelu, pooling, means.
// Repeats over all pairs until nothing changes. Tensors between the layers, which hold other numbers then, get names
// that end in
// "_equalized". Layers that `unequal` names, by key_of, are in no pair. Returns how many pairs there are.
int equalize(ir::Graph& graph, const Magnitudes* outputs, const std::set<std::string>& unequal = {});

}  // namespace linnet::quantize
