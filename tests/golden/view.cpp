#include "tests/golden/view.hpp"

#include <cstring>
#include <stdexcept>

namespace linnet::golden {
namespace {

// For each element of the device's layout, its position in the source's.
std::vector<size_t> source_positions(const linnet_tensor_view& view) {
  const std::vector<int64_t> source = source_shape(view);
  std::vector<size_t> source_strides(source.size(), 1);
  for (size_t d = source.size(); d-- > 1;) source_strides[d - 1] = source_strides[d] * static_cast<size_t>(source[d]);
  std::vector<size_t> positions{0};
  for (int d = 0; d < view.dimensions; ++d) {
    std::vector<size_t> longer;
    longer.reserve(positions.size() * static_cast<size_t>(view.shape[d]));
    const size_t stride = source_strides[static_cast<size_t>(view.source_dimension[d])];
    for (const size_t position : positions) {
      for (int i = 0; i < view.shape[d]; ++i) longer.push_back(position + static_cast<size_t>(i) * stride);
    }
    positions = std::move(longer);
  }
  return positions;
}

template <class T>
void read_as(const void* data, const std::vector<size_t>& positions, std::vector<double>* values) {
  for (size_t i = 0; i < positions.size(); ++i)
    (*values)[positions[i]] = static_cast<double>(static_cast<const T*>(data)[i]);
}

}  // namespace

std::vector<int64_t> source_shape(const linnet_tensor_view& view) {
  std::vector<int64_t> shape(static_cast<size_t>(view.dimensions));
  for (int d = 0; d < view.dimensions; ++d) shape[static_cast<size_t>(view.source_dimension[d])] = view.shape[d];
  return shape;
}

void fill(const linnet_tensor_view& view, const tools::NpyArray& npy, const std::string& place) {
  if (source_shape(view) != npy.shape) {
    throw std::runtime_error(place + ": shape " + tools::shape_text(source_shape(view)) + " where " +
                             tools::shape_text(npy.shape) + " is given");
  }
  const std::vector<unsigned char> elements = tools::convert_elements(npy, view.type, place);
  const size_t bytes = tools::type_bytes(view.type);
  const std::vector<size_t> positions = source_positions(view);
  for (size_t i = 0; i < positions.size(); ++i) {
    std::memcpy(static_cast<char*>(view.data) + i * bytes, &elements[positions[i] * bytes], bytes);
  }
}

std::vector<double> read(const linnet_tensor_view& view) {
  const std::vector<size_t> positions = source_positions(view);
  std::vector<double> values(positions.size());
  switch (view.type) {
    case LINNET_FLOAT32:
      read_as<float>(view.data, positions, &values);
      break;
    case LINNET_INT8:
      read_as<int8_t>(view.data, positions, &values);
      break;
    case LINNET_UINT8:
      read_as<uint8_t>(view.data, positions, &values);
      break;
    case LINNET_INT16:
      read_as<int16_t>(view.data, positions, &values);
      break;
    case LINNET_INT32:
      read_as<int32_t>(view.data, positions, &values);
      break;
    case LINNET_BOOL:
      read_as<uint8_t>(view.data, positions, &values);
      break;
  }
  return values;
}

}  // namespace linnet::golden
