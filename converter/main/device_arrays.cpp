#include "converter/main/device_arrays.hpp"

#include <cstring>

#include "converter/ir/states.hpp"

namespace linnet::tools {

ir::Array array_of(const OutputSamples& elements, const ir::TensorType& type) {
  const size_t count = elements.size();
  if (ir::is_floating(type.dtype)) {
    std::vector<double> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = elements.number(i);
    return ir::Array::of_doubles(type.shape, std::move(values), type.dtype);
  }
  std::vector<int64_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<int64_t>(elements.number(i));
  return ir::Array::of_integers(type.shape, std::move(values), type.dtype).with_quantization(type.quantization);
}

ir::Array sample_array(const Device& device, int input, const InputSamples& samples, size_t run, bool real,
                       const ir::TensorType& type) {
  const linnet_tensor_view view = device.input(input);
  const bool numbers = real && is_quantized(view.type, view.scale);
  const size_t bytes = numbers ? view.bytes / type_bytes(view.type) * sizeof(float) : view.bytes;
  const unsigned char* sample = samples.sample(run);
  return array_of({"", numbers ? LINNET_FLOAT32 : view.type, {}, std::vector<unsigned char>(sample, sample + bytes), 1},
                  type);
}

std::vector<ir::Array> device_inputs(const Device& device, const ir::Graph& graph) {
  const std::vector<ir::Value*> ports = program_inputs(graph);
  std::vector<ir::Array> arrays;
  for (int i = 0; i < device.info().inputs; ++i) {
    const linnet_tensor_view view = device.input(i);
    const auto* data = static_cast<const unsigned char*>(view.data);
    const OutputSamples all{"", view.type, {}, std::vector<unsigned char>(data, data + view.bytes), 1};
    arrays.push_back(array_of(all, ports[static_cast<size_t>(i)]->type));
  }
  return arrays;
}

OutputSamples gathered(const linnet_tensor_view& view) {
  size_t rows = 1;
  for (int d = 0; d + 1 < view.dimensions; ++d) rows *= static_cast<size_t>(view.shape[d]);
  const size_t columns = view.dimensions > 0 ? static_cast<size_t>(view.shape[view.dimensions - 1]) : 1;
  const size_t bytes = type_bytes(view.type);
  OutputSamples all{"",         view.type,      {}, std::vector<unsigned char>(rows * columns * bytes), 1,
                    view.scale, view.zero_point};
  const auto* data = static_cast<const unsigned char*>(view.data);
  for (size_t row = 0; row < rows && columns > 0; ++row) {
    std::memcpy(&all.bytes[row * columns * bytes], data + row * view.row_stride * bytes, columns * bytes);
  }
  return all;
}

}  // namespace linnet::tools
