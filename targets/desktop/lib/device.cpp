#include "targets/desktop/lib/device.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "schema/model_generated.h"
#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::tools {
namespace {

void profile_hook(void* context, int step, int finished) {
  static_cast<DeviceOptions*>(context)->profile(step, finished != 0);
}

void tap_hook(void* context, int step, int output, const linnet_tensor_view* tensor) {
  static_cast<DeviceOptions*>(context)->tap(step, output, *tensor);
}

// Calls copy(offset in the tensor, offset in the source's row-major order), in bytes, for every element.
template <class Copy>
void for_each_element(const linnet_tensor_view& view, const Copy& copy) {
  const int rank = view.dimensions;
  const size_t bytes = type_bytes(view.type);
  const std::vector<int64_t> shape = source_shape(view);
  size_t stride[LINNET_MAX_DIMENSIONS] = {};
  size_t elements = 1;
  for (int s = rank - 1; s >= 0; --s) {
    for (int d = 0; d < rank; ++d) {
      if (view.source_dimension[d] == s) stride[d] = elements * bytes;
    }
    elements *= static_cast<size_t>(shape[static_cast<size_t>(s)]);
  }
  const size_t columns = rank > 0 ? static_cast<size_t>(view.shape[rank - 1]) : 1;
  const size_t column_stride = rank > 0 ? stride[rank - 1] : 0;
  int index[LINNET_MAX_DIMENSIONS] = {};
  for (size_t row = 0; columns > 0 && row < elements / columns; ++row) {
    size_t source = 0;
    for (int d = 0; d + 1 < rank; ++d) source += static_cast<size_t>(index[d]) * stride[d];
    for (size_t c = 0; c < columns; ++c) copy((row * view.row_stride + c) * bytes, source + c * column_stride);
    for (int d = rank - 2; d >= 0; --d) {
      if (++index[d] < view.shape[d]) break;
      index[d] = 0;
    }
  }
}

// What to do with a file that is not a model of linnet's, but of another engine's.
std::string foreign_format(const std::string& path, const void* bytes, size_t size) {
  const auto identifier = [&](const char* text) {
    return size >= 8 && std::memcmp(static_cast<const char*>(bytes) + 4, text, 4) == 0;
  };
  if (identifier(fb::ModelIdentifier())) return "";
  const std::filesystem::path name(path);
  const std::string extension = name.extension().string();
  if (extension != ".onnx" && extension != ".tflite" && !identifier("TFL3")) return "";
  return fmt::format("{}: convert it first: linnet convert {} -o {}", path, path,
                     std::filesystem::path(name).replace_extension(".lnt").string());
}

}  // namespace

Device::Device(const std::string& path, DeviceOptions options)
    : file_(path), options_(std::move(options)), pool_(options_.threads) {
  if (file_->size() == 0) throw ToolError(kModelError, path + ": the file is empty");
  open(path, file_->data(), file_->size());
}

Device::Device(const std::string& name, const void* bytes, size_t size, DeviceOptions options)
    : options_(std::move(options)), pool_(options_.threads) {
  open(name, bytes, size);
}

void Device::open(const std::string& name, const void* bytes, size_t size) {
  linnet_options engine_options = LINNET_OPTIONS_INIT;
  if (!options_.isa.empty()) engine_options.isa = options_.isa.c_str();
  engine_options.threads = pool_.threads();
  engine_options.parallel_for = ThreadPool::parallel_for;
  engine_options.parallel_context = &pool_;
  if (options_.profile) engine_options.profile_hook = profile_hook;
  if (options_.tap) engine_options.tap_hook = tap_hook;
  engine_options.profile_context = engine_options.tap_context = &options_;

  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  const linnet_status status = Session::create(bytes, size, engine_options, &session_, &detail);
  if (status == LINNET_OK) return;
  if (const std::string text = foreign_format(name, bytes, size); !text.empty()) throw ToolError(kModelError, text);
  const std::string message = Error(detail).what();
  if (status != LINNET_ERROR_ISA) throw ToolError(kModelError, name + ": " + message);
  const char* variable = std::getenv("LINNET_ISA");
  const std::string isa = !options_.isa.empty() ? "--isa " + options_.isa
                                                : "LINNET_ISA=" + std::string(variable != nullptr ? variable : "");
  throw ToolError(kUsageError, isa + ": " + message);
}

linnet_tensor_view Device::input(int index) const {
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  if (session_.input_view(index, &view) != LINNET_OK) throw std::logic_error("no such input");
  return view;
}

linnet_tensor_view Device::output(int index) const {
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  if (session_.output_view(index, &view) != LINNET_OK) throw std::logic_error("no such output");
  return view;
}

std::vector<int64_t> source_shape(const linnet_tensor_view& view) {
  std::vector<int64_t> shape(static_cast<size_t>(view.dimensions));
  for (int d = 0; d < view.dimensions; ++d) shape[static_cast<size_t>(view.source_dimension[d])] = view.shape[d];
  return shape;
}

void store_input(const linnet_tensor_view& view, const unsigned char* source) {
  const size_t bytes = type_bytes(view.type);
  auto* data = static_cast<unsigned char*>(view.data);
  for_each_element(view, [&](size_t to, size_t from) { std::memcpy(data + to, source + from, bytes); });
}

void load_output(const linnet_tensor_view& view, unsigned char* source) {
  const size_t bytes = type_bytes(view.type);
  const auto* data = static_cast<const unsigned char*>(view.data);
  for_each_element(view, [&](size_t from, size_t to) { std::memcpy(source + to, data + from, bytes); });
}

}  // namespace linnet::tools
