// linnet as a contestant of compare.sh: linnet_contestant MODEL.lnt INPUT.npy THREADS, over the same Device and thread
// pool as `linnet bench`. Files hold the real numbers that quantized inputs and outputs stand for.
#include <fmt/format.h>

#include <cstring>
#include <vector>

#include "targets/desktop/lib/device.hpp"
#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/file.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "targets/desktop/lib/quantized.hpp"
#include "tests/bench/contestant.hpp"

namespace linnet::bench {
namespace {

using namespace tools;

DeviceOptions device_options(const char* threads) {
  DeviceOptions options;
  options.threads = std::stoi(threads);
  return options;
}

std::vector<unsigned char> elements_of(const NpyArray& array, const linnet_tensor_view& view, const char* path) {
  if (!is_quantized(view.type, view.scale)) return convert_elements(array, view.type, path);
  std::vector<float> numbers(array.size());
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(array.number(i));
  return quantized(numbers, view, path);
}

class LinnetContestant : public Contestant {
 public:
  LinnetContestant(const char* model, const char* input, const char* threads)
      : device_(model, device_options(threads)) {
    const linnet_tensor_view view = device_.input(0);
    const NpyArray array = read_npy(input);
    if (array.shape != source_shape(view)) {
      throw ToolError(kDataError, fmt::format("{}: got {}, the model takes {}", input, shape_text(array.shape),
                                              shape_text(source_shape(view))));
    }
    store_input(view, elements_of(array, view, input).data());
    const auto* stored = static_cast<const unsigned char*>(view.data);
    input_.assign(stored, stored + view.bytes);
    input_data_ = view.data;
  }

  std::string facts() const override {
    return fmt::format(R"("version": "{}", "isa": "{}")", linnet_version(), device_.info().isa);
  }
  void fill() override { std::memcpy(input_data_, input_.data(), input_.size()); }
  void run() override { device_.run(); }

  void write_output(const std::string& path) override {
    const linnet_tensor_view view = device_.output(0);
    std::vector<unsigned char> values(view.bytes);
    load_output(view, values.data());
    const auto elements = static_cast<int64_t>(view.bytes / type_bytes(view.type));
    const bool integers = is_quantized(view.type, view.scale);
    if (integers) values = dequantized(values, view.type, view.scale, view.zero_point);
    const std::vector<unsigned char> file = npy_bytes(integers ? LINNET_FLOAT32 : view.type, {elements}, values);
    write_file(path, file.data(), file.size());
  }

 private:
  Device device_;
  std::vector<unsigned char> input_;  // as the device stores it
  void* input_data_ = nullptr;
};

}  // namespace
}  // namespace linnet::bench

int main(int argc, char** argv) {
  using namespace linnet;
  return bench::serve([&] {
    if (argc != 4) throw tools::ToolError(tools::kUsageError, "usage: linnet_contestant MODEL.lnt INPUT.npy THREADS");
    return std::make_unique<bench::LinnetContestant>(argv[1], argv[2], argv[3]);
  });
}
