#include "targets/desktop/lib/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "targets/desktop/lib/dependence.hpp"
#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

struct Input {
  linnet_tensor_view view;
  std::string name;
  std::vector<int64_t> shape;  // the source's
  size_t bytes() const {
    size_t count = type_bytes(view.type);
    for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
    return count;
  }
  bool quantized() const { return is_quantized(view.type, view.scale); }
  std::string text() const {
    return fmt::format("input '{}', {} {}{}", name, type_name(view.type), shape_text(shape),
                       quantization_text(view.scale, view.zero_point));
  }
};

std::string tensor_name(const linnet_tensor_view& view, const char* stem, int index) {
  return view.name != nullptr ? view.name : fmt::format("{}{}", stem, index);
}

std::vector<Input> inputs_of(const Device& device) {
  std::vector<Input> inputs;
  inputs.reserve(static_cast<size_t>(device.info().inputs));
  for (int i = 0; i < device.info().inputs; ++i) {
    const linnet_tensor_view view = device.input(i);
    inputs.push_back({view, tensor_name(view, "input", i), source_shape(view)});
  }
  return inputs;
}

[[noreturn]] void fail(const std::string& path, const std::string& message) {
  throw ToolError(kDataError, path + ": " + message);
}

// How many runs an array of this shape feeds: its first dimension may be any multiple of the input's, or be absent
// where the input's is 1. 0: it does not fit.
size_t runs_of(const std::vector<int64_t>& got, const std::vector<int64_t>& wanted) {
  if (got == wanted) return 1;
  if (wanted.empty()) return 0;
  const std::vector<int64_t> sample(wanted.begin() + 1, wanted.end());
  if (got == sample && wanted[0] == 1) return 1;
  if (got.size() != wanted.size() || !std::equal(sample.begin(), sample.end(), got.begin() + 1)) return 0;
  return got[0] % wanted[0] == 0 ? static_cast<size_t>(got[0] / wanted[0]) : 0;
}

std::vector<unsigned char> bytes_of(const std::vector<float>& numbers) {
  std::vector<unsigned char> bytes(numbers.size() * sizeof(float));
  if (!bytes.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

// Elements for a quantized input.
std::vector<unsigned char> quantized_elements(const std::string& path, const NpyArray& array, const Input& input,
                                              bool real) {
  const linnet_tensor_view& view = input.view;
  if (array.kind != 'f') {
    if (array.dtype() != type_name(view.type)) {
      fail(path, fmt::format("elements are {}; {}, takes real numbers (float16, float32 or float64) or {}",
                             array.dtype(), input.text(), type_name(view.type)));
    }
    return real ? dequantized(array.data, view.type, view.scale, view.zero_point) : array.data;
  }
  std::vector<float> numbers(array.size());
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(array.number(i));
  return real ? bytes_of(numbers) : quantized(numbers, view, path);
}

void append_array(const std::string& path, const NpyArray& array, const Input& input, bool real,
                  InputSamples* samples) {
  const size_t runs = runs_of(array.shape, input.shape);
  if (runs == 0) {
    fail(path, fmt::format("shape {} does not fit {} (the first dimension may be a multiple)", shape_text(array.shape),
                           input.text()));
  }
  const std::vector<unsigned char> bytes =
      input.quantized() ? quantized_elements(path, array, input, real) : convert_elements(array, input.view.type, path);
  samples->bytes.insert(samples->bytes.end(), bytes.begin(), bytes.end());
  samples->runs += runs;
}

bool channels_first(const Input& input, const SampleOptions& options) {
  const int* order = input.view.source_dimension;
  if (order[1] == 2 && order[2] == 3 && order[3] == 1) return true;
  if (!options.layout.empty()) return options.layout == "nchw";
  const auto is_channels = [](int64_t extent) { return extent == 1 || extent == 3 || extent == 4; };
  return is_channels(input.shape[1]) || !is_channels(input.shape[3]);
}

void append_image(const std::string& path, const MappedFile& file, const Input& input, const SampleOptions& options,
                  InputSamples* samples) {
  if (input.shape.size() != 4 || input.shape[0] != 1) {
    fail(path, fmt::format("an image needs an input of 4 dimensions and batch 1; the model's is {}", input.text()));
  }
  const bool pixels = input.view.type == LINNET_UINT8 && !input.quantized();  // as they are
  if (input.view.type != LINNET_FLOAT32 && !pixels && !input.quantized()) {
    fail(path, fmt::format("an image needs a float32, uint8 or quantized input; the model's is {}", input.text()));
  }
  const bool first = channels_first(input, options);
  const auto channels = static_cast<size_t>(input.shape[first ? 1 : 3]);
  const auto height = static_cast<size_t>(input.shape[first ? 2 : 1]),
             width = static_cast<size_t>(input.shape[first ? 3 : 2]);
  const Image image = decode_image(path, file.data(), file.size(), static_cast<int>(channels));
  ImageOptions image_options = options.image;
  if (pixels) image_options.scale = 1, image_options.mean = {0}, image_options.deviation = {1};
  const std::vector<float> planes =
      image_values(path, image, static_cast<int>(height), static_cast<int>(width), image_options);

  std::vector<float> numbers(planes.size());
  for (size_t c = 0; c < channels; ++c) {
    for (size_t pixel = 0; pixel < height * width; ++pixel) {
      numbers[first ? c * height * width + pixel : pixel * channels + c] = planes[c * height * width + pixel];
    }
  }
  std::vector<unsigned char> bytes;
  if (pixels) {
    for (const float number : numbers) {
      bytes.push_back(static_cast<unsigned char>(std::clamp(number + 0.5f, 0.0f, 255.0f)));
    }
  } else {
    bytes = input.quantized() && !options.real ? quantized(numbers, input.view, path) : bytes_of(numbers);
  }
  samples->bytes.insert(samples->bytes.end(), bytes.begin(), bytes.end());
  samples->runs += 1;
}

std::vector<std::string> names_of(const Device& device, int count, bool inputs) {
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    names.push_back(inputs ? tensor_name(device.input(i), "input", i) : tensor_name(device.output(i), "output", i));
  }
  return names;
}

// "the model has 2 outputs, 'a' and 'b'"
std::string names_text(const std::string& option, const std::vector<std::string>& names) {
  const std::string kind = option.substr(option.find_first_not_of('-'));
  if (names.empty()) return fmt::format("the model has no {}s", kind);
  constexpr size_t kShown = 20;
  const std::vector<std::string> shown(names.begin(), names.begin() + std::min(names.size(), kShown));
  return fmt::format("the model has {} {}{}, '{}'{}", names.size(), kind, names.size() == 1 ? "" : "s",
                     fmt::join(shown, "', '"), names.size() > kShown ? " ..." : "");
}

// Whether an argument with '=' can only mean a file: one that is there, or a folder that is.
bool is_file_name(const std::string& argument) {
  std::error_code ignored;
  if (std::filesystem::exists(argument, ignored)) return true;
  const size_t slash = argument.rfind('/');
  return slash != std::string::npos && slash > argument.find('=') &&
         std::filesystem::is_directory(argument.substr(0, slash), ignored);
}

NamedFile parse_named_file(const std::string& option, const std::string& argument,
                           const std::vector<std::string>& names) {
  // Names may contain '=' as files may, and may be numbers: the longest name that is known wins, then the number.
  for (const bool by_number : {false, true}) {
    for (size_t equals = argument.rfind('='); equals != std::string::npos && equals > 0;
         equals = argument.rfind('=', equals - 1)) {
      const std::string name = argument.substr(0, equals);
      for (size_t i = 0; i < names.size(); ++i) {
        if (name == (by_number ? fmt::format("{}", i) : names[i])) {
          return {static_cast<int>(i), argument.substr(equals + 1)};
        }
      }
    }
  }
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || is_file_name(argument)) return {-1, argument};
  throw ToolError(kUsageError, fmt::format("{} {}: there is no '{}'; {}", option, argument, argument.substr(0, equals),
                                           names_text(option, names)));
}

}  // namespace

std::vector<std::string> input_names(const Device& device) {
  return names_of(device, device.info().inputs, true);
}
std::vector<std::string> output_names(const Device& device) {
  return names_of(device, device.info().outputs, false);
}

std::vector<NamedFile> parse_named_files(const std::string& option, const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& names, bool several_each) {
  std::vector<NamedFile> files;
  std::vector<bool> named(names.size());
  for (const std::string& argument : arguments) {
    files.push_back(parse_named_file(option, argument, names));
    if (files.back().index >= 0) named[static_cast<size_t>(files.back().index)] = true;
  }
  size_t next = 0;
  for (NamedFile& file : files) {
    if (file.index >= 0) continue;
    while (next < names.size() && named[next]) ++next;
    if (several_each && names.size() == 1) next = 0;
    if (next == names.size()) {
      throw ToolError(kUsageError, fmt::format("{} {}: {}", option, file.path, names_text(option, names)));
    }
    file.index = static_cast<int>(next++);
  }
  return files;
}

std::vector<InputSamples> read_samples(const Device& device, const std::vector<std::string>& arguments,
                                       const SampleOptions& options) {
  const std::vector<Input> inputs = inputs_of(device);
  std::vector<InputSamples> samples(inputs.size());
  for (const NamedFile& named : parse_named_files(options.option, arguments, input_names(device), true)) {
    const Input& input = inputs[static_cast<size_t>(named.index)];
    InputSamples* target = &samples[static_cast<size_t>(named.index)];
    const MappedFile file(named.path);
    if (is_image(file.data(), file.size())) {
      append_image(named.path, file, input, options, target);
    } else {
      constexpr std::string_view kMagic = "\x93NUMPY";
      if (file.size() < kMagic.size() || std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) {
        fail(named.path, "neither a .npy file nor a PNG or JPEG image");
      }
      append_array(named.path, parse_npy(named.path, file.data(), file.size()), input, options.real, target);
    }
  }
  const size_t runs = run_count(samples);
  const auto most = std::find_if(samples.begin(), samples.end(), [&](const auto& one) { return one.runs == runs; });
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (samples[i].runs == 0)
      throw ToolError(kUsageError, fmt::format("no {} for the model's {}", options.option, inputs[i].text()));
    if (samples[i].runs != 1 && samples[i].runs != runs) {
      throw ToolError(
          kDataError,
          fmt::format("input '{}' has {} samples, input '{}' {}; supported is as many, or one for all",
                      inputs[static_cast<size_t>(most - samples.begin())].name, runs, inputs[i].name, samples[i].runs));
    }
  }
  return samples;
}

std::vector<InputSamples> random_samples(const Device& device) {
  std::mt19937 generator(1);
  const std::vector<Input> inputs = inputs_of(device);
  std::vector<InputSamples> samples;
  samples.reserve(inputs.size());
  for (const Input& input : inputs) {
    InputSamples one{std::vector<unsigned char>(input.bytes()), 1};
    if (input.view.type == LINNET_FLOAT32) {
      for (size_t i = 0; i < one.bytes.size(); i += sizeof(float)) {
        const float value = static_cast<float>(generator() >> 8) * 0x1p-23f - 1;
        std::memcpy(&one.bytes[i], &value, sizeof(value));
      }
    } else if (input.quantized()) {
      for (unsigned char& byte : one.bytes) byte = static_cast<unsigned char>(generator());
    } else {
      for (size_t i = 0; i < one.bytes.size(); i += type_bytes(input.view.type)) one.bytes[i] = generator() & 1;
    }
    samples.push_back(std::move(one));
  }
  return samples;
}

size_t run_count(const std::vector<InputSamples>& samples) {
  size_t runs = samples.empty() ? 1 : 0;
  for (const InputSamples& input : samples) runs = std::max(runs, input.runs);
  return runs;
}

void store_sample(const Device& device, const std::vector<InputSamples>& samples, size_t run) {
  for (size_t i = 0; i < samples.size(); ++i) store_input(device.input(static_cast<int>(i)), samples[i].sample(run));
}

std::vector<int64_t> OutputSamples::whole_shape() const {
  std::vector<int64_t> whole = shape;
  if (runs == 1) return whole;
  if (whole.empty()) whole.push_back(1);
  whole[0] *= static_cast<int64_t>(runs);
  return whole;
}

OutputSamples OutputSamples::real() const {
  if (!is_quantized(type, scale)) return *this;
  return {name, LINNET_FLOAT32, shape, dequantized(bytes, type, scale, zero_point), runs};
}

std::vector<OutputSamples> run_samples(Device& device, const std::vector<InputSamples>& samples, bool independent) {
  std::vector<bool> several;
  several.reserve(samples.size());
  for (const InputSamples& input : samples) several.push_back(input.runs > 1);
  const size_t runs = run_count(samples);
  const std::vector<bool> dependent = dependent_outputs(device.file().data(), several, runs > 1 && !independent);
  const std::vector<std::string> names = output_names(device);
  std::vector<OutputSamples> outputs;
  outputs.reserve(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const linnet_tensor_view view = device.output(static_cast<int>(i));
    OutputSamples output{names[i],   view.type,      source_shape(view), {}, dependent[i] ? runs : 1,
                         view.scale, view.zero_point};
    output.bytes.resize(view.bytes * output.runs);
    outputs.push_back(std::move(output));
  }
  for (size_t run = 0; run < runs; ++run) {
    if (independent) device.reset();
    store_sample(device, samples, run);
    device.run();
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (run >= outputs[i].runs) continue;
      const linnet_tensor_view view = device.output(static_cast<int>(i));
      load_output(view, outputs[i].bytes.data() + run * view.bytes);
    }
  }
  return outputs;
}

}  // namespace linnet::tools
