// Tensors of a session as arrays of the graph.
#pragma once

#include <vector>

#include "converter/ir/graph.hpp"
#include "targets/desktop/lib/samples.hpp"

namespace linnet::tools {

// Elements (row-major) as an array of the graph's type.
ir::Array array_of(const OutputSamples& elements, const ir::TensorType& type);

// One sample of input `input` of the device, in the source graph's layout and of the type of its elements: float32
// where the samples are real numbers for a quantized input.
ir::Array sample_array(const Device& device, int input, const InputSamples& samples, size_t run, bool real,
                       const ir::TensorType& type);

// What the session's inputs hold, in the lowered graph's layout.
std::vector<ir::Array> device_inputs(const Device& device, const ir::Graph& graph);

// The elements of a tensor that may be a slice of another one, in row-major order, with its scale and zero point.
OutputSamples gathered(const linnet_tensor_view& view);

}  // namespace linnet::tools
