#include "converter/main/quantization_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "converter/ir/states.hpp"
#include "converter/main/device_arrays.hpp"
#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

constexpr const char *kCalibration = "--calibration", *kRepair = "--repair", *kValidation = "--validation",
                     *kLabels = "--labels";

bool is_sample_file(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".npy";
}

// A folder stands for its images and arrays, by name.
std::vector<std::string> expanded(const char* option, const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    const bool whole = std::filesystem::exists(argument) || equals == std::string::npos;
    const std::string name = whole ? "" : argument.substr(0, equals + 1);
    const std::filesystem::path path = whole ? argument : argument.substr(equals + 1);
    if (!std::filesystem::is_directory(path)) {
      files.push_back(argument);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.is_regular_file() && is_sample_file(entry.path())) found.push_back(name + entry.path().string());
    if (found.empty())
      throw ToolError(kDataError,
                      fmt::format("{} {}: the folder holds no .png, .jpg, .jpeg or .npy file", option, path.string()));
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) c == separator ? (void)parts.emplace_back() : parts.back().push_back(c);
  return parts;
}

SampleOptions image_options(const std::string& text) {
  const std::vector<std::string> parts = split(text, ';');
  if (parts.size() != 6) throw ToolError(kDataError, fmt::format("{}: no options of images", text));
  const auto numbers = [](const std::string& list) {
    std::vector<double> values;
    for (const std::string& word : split(list, ',')) values.push_back(std::stod(word));
    return values;
  };
  SampleArguments samples;
  samples.resize = parts[0];
  samples.channels = parts[1];
  samples.layout = parts[2];
  samples.scale = std::stod(parts[3]);
  samples.mean = numbers(parts[4]);
  samples.deviation = numbers(parts[5]);
  return samples.options();
}

std::vector<quantize::Sample> samples_of(const Device& device, const ir::Graph& source,
                                         const std::vector<InputSamples>& inputs) {
  const std::vector<ir::Value*> ports = ir::program_inputs(source);
  std::vector<quantize::Sample> samples(run_count(inputs));
  for (size_t run = 0; run < samples.size(); ++run)
    for (size_t i = 0; i < inputs.size(); ++i)
      samples[run].push_back(
          sample_array(device, static_cast<int>(i), inputs[i], run, false, ports[i]->type).cast(ports[i]->type.dtype));
  return samples;
}

void read_samples_of(const std::string& model, ConvertOptions* options) {
  ConvertOptions real = *options;
  real.quantization.reset();
  real.treatments = {};
  real.storage.clear();
  real.budget.reset();
  real.keep_graphs = true;
  real.check_passes = false;
  real.dump_after.clear();
  real.stop_after.clear();
  const Conversion conversion = linnet::convert(model, real);
  const Device device(model, conversion.model.data(), conversion.model.size(), {});
  treat::Repair* repair = options->treatments.repair ? &*options->treatments.repair : nullptr;
  quantize::Options none, &quantization = options->quantization ? *options->quantization : none;
  budget::Budget* budget = options->budget ? &*options->budget : nullptr;
  SampleOptions sample_options = image_options(repair != nullptr   ? repair->sample_options
                                               : budget != nullptr ? budget->sample_options
                                                                   : quantization.sample_options);
  const auto read = [&](const char* option, const std::vector<std::string>& files) {
    sample_options.option = option;
    return samples_of(device, *conversion.source, read_samples(device, expanded(option, files), sample_options));
  };
  if (!quantization.files.empty()) quantization.samples = read(kCalibration, quantization.files);
  if (!quantization.validation_files.empty())
    quantization.validation = read(kValidation, quantization.validation_files);
  if (repair != nullptr) repair->samples = read(kRepair, repair->files);
  if (budget != nullptr && !budget->files.empty()) budget->samples = read(kCalibration, budget->files);
  try {
    if (repair != nullptr) quantize::check_samples(*conversion.source, repair->samples, kRepair);
    for (const auto* samples : {&quantization.samples, budget != nullptr ? &budget->samples : nullptr})
      if (samples != nullptr && !samples->empty()) quantize::check_samples(*conversion.source, *samples);
    quantize::check_finite(*conversion.source, quantization.validation, kValidation);
    if (quantization.labels)
      quantize::check_labels(*conversion.source, *quantization.labels, quantization.labelled().size());
  } catch (const ir::Error& error) {
    throw ToolError(kDataError, error.what());
  }
}

// One integer per sample.
std::vector<int64_t> read_labels(const std::string& file) {
  const NpyArray array = read_npy(file);
  const auto& shape = array.shape;
  if ((array.kind != 'i' && array.kind != 'u') || shape.empty() || array.size() != static_cast<size_t>(shape[0]))
    throw ToolError(kDataError, fmt::format("{} {}: {} {}; supported is an integer per sample", kLabels, file,
                                            array.dtype(), shape_text(shape)));
  std::vector<int64_t> labels(array.size());
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = array.integer(i);
  return labels;
}

// "0.985" or "98.5%".
double parse_accuracy(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, number);
  const bool percent = next + 1 == end && *next == '%';
  if (percent) number /= 100;
  if (error != std::errc() || (next != end && !percent) || !(number > 0 && number <= 1))
    throw ToolError(kUsageError,
                    fmt::format("--mixed {}: expected an accuracy above 0 and at most 1, as 0.985 or 98.5%", text));
  return number;
}

void read_ranges_and_labels(quantize::Options* options) {
  const std::string& file = options->ranges_file;
  if (!file.empty() && std::filesystem::exists(file)) {
    const MappedFile text(file);
    try {
      options->ranges = quantize::parse_ranges({reinterpret_cast<const char*>(text.data()), text.size()});
    } catch (const ir::Error& error) {
      throw ToolError(kDataError, fmt::format("--ranges {}: {}", file, error.what()));
    }
  }
  if (!options->labels_file.empty()) options->labels = read_labels(options->labels_file);
}

}  // namespace

std::string image_text(const SampleArguments& samples) {
  return fmt::format("{};{};{};{};{};{}", samples.resize, samples.channels, samples.layout, samples.scale,
                     fmt::join(samples.mean, ","), fmt::join(samples.deviation, ","));
}

std::optional<quantize::Options> QuantizationArguments::options(bool budget) const {
  if (int8 != "static") {
    if (!samples.inputs.empty() && !budget)
      throw ToolError(kUsageError, fmt::format("{} is for --int8{}, or for --budget", kCalibration,
                                               int8.empty() ? "" : " without dynamic"));
    if (!ranges.empty())
      throw ToolError(kUsageError, fmt::format("--ranges is for --int8{}", int8.empty() ? "" : " without dynamic"));
    return std::nullopt;
  }
  const bool reads_ranges = !ranges.empty() && std::filesystem::exists(ranges);
  if (samples.inputs.empty() && !reads_ranges)
    throw ToolError(kUsageError,
                    "--int8 needs --calibration FILE (samples of the model's input), or --ranges FILE of "
                    "an earlier conversion");
  if (min_sqnr && !std::isfinite(*min_sqnr))
    throw ToolError(kUsageError, fmt::format("--min-sqnr {}: expected a finite number of dB", *min_sqnr));
  if (min_sqnr && samples.inputs.empty()) throw ToolError(kUsageError, "--min-sqnr needs --calibration FILE");
  if (labels && labels->empty()) throw ToolError(kUsageError, "--labels: the name of the file is empty");
  if (labels && samples.inputs.empty() && validation.empty())
    throw ToolError(kUsageError, "--labels needs the samples that they are of: --calibration or --validation FILE");
  quantize::Options options;
  try {
    options.range = quantize::parse_range_method(range);
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, fmt::format("--range {}", error.what()));
  }
  options.weights = {per_tensor, weight_scale == "mse" ? quantize::WeightScale::mse : quantize::WeightScale::max};
  options.int8_ports = io == "int8";
  options.equalize = !no_equalize;
  options.keep_float = keep_float;
  options.min_sqnr = min_sqnr;
  if (mixed) options.accuracy = parse_accuracy(*mixed);
  options.labels_file = labels.value_or("");
  options.validation_files = validation;
  options.files = samples.inputs;
  options.sample_options = image_text(samples);
  options.ranges_file = ranges;
  (void)samples.options();
  return options;
}

void add_quantization_arguments(CLI::App* command, QuantizationArguments* arguments) {
  auto* int8 =
      command
          ->add_option("--int8", arguments->int8,
                       "Quantize a float model. static: steps compute with int8 by scales that --calibration "
                       "or --ranges gives; dynamic: linear and recurrent layers quantize their inputs when the "
                       "model runs, everything else stays float (default: static)")
          ->expected(0, 1)
          ->default_str("static")
          ->check(CLI::IsMember({"static", "dynamic"}))
          ->type_name("[static|dynamic]");
  const auto add = [&](const char* name, auto& target, const char* text, const char* type) {
    return command->add_option(name, target, text)->needs(int8)->type_name(type);
  };
  command
      ->add_option(kCalibration, arguments->samples.inputs,
                   "Of --int8 and of --budget: samples of the model's inputs as `linnet run --input` takes them, or a "
                   "folder of such files; the float model runs on all of them. Some 100 to 500 typical ones are "
                   "enough. Repeat for more inputs")
      ->type_name("[NAME=]FILE|FOLDER")
      ->allow_extra_args(false);
  arguments->range = "minmax";
  add("--range", arguments->range,
      "How the range of a tensor's int8 numbers follows from the samples: minmax (all of them), percentile=99.99 (what "
      "lies between this and the opposite percentile), mse (the least squared error) or kl (the least divergence)",
      "RULE")
      ->capture_default_str();
  arguments->weight_scale = "max";
  add("--weight-scale", arguments->weight_scale,
      "Scales of weights: by the greatest magnitude (max) or the least squared error (mse)", "RULE")
      ->check(CLI::IsMember({"max", "mse"}))
      ->capture_default_str();
  command
      ->add_flag("--per-tensor", arguments->per_tensor,
                 "One scale for all weights of a layer instead of one per output")
      ->needs(int8);
  command
      ->add_flag(
          "--no-equalize", arguments->no_equalize,
          "Leave the proportions of layers that follow each other as they are. Otherwise channels are made equal "
          "where that makes the outputs more exact on the samples, but not with --ranges")
      ->needs(int8);
  arguments->io = "float";
  add("--io", arguments->io, "The type of the model's inputs and outputs: float, or int8 with the scales of the report",
      "TYPE")
      ->check(CLI::IsMember({"float", "int8"}))
      ->capture_default_str();
  add("--keep-float", arguments->keep_float, "Nodes whose names match a glob (* and ?) stay float; repeat for more",
      "GLOB")
      ->allow_extra_args(false);
  add("--min-sqnr", arguments->min_sqnr,
      "Layers whose int8 result has a lower signal to quantization noise ratio than this, on the samples, stay float",
      "DB");
  auto* labels = add(kLabels, arguments->labels,
                     "The class of every sample of --validation, or else of --calibration: the index of the largest "
                     "element of the model's output. The report says how many are read right",
                     "FILE.npy");
  add(kValidation, arguments->validation, "The samples that --labels are of, in the forms that --calibration takes",
      "[NAME=]FILE|FOLDER")
      ->allow_extra_args(false)
      ->needs(labels);
  add("--mixed", arguments->mixed,
      "Leave the smallest set of layers float with which this part of the labelled samples is read right, as 0.985 or "
      "98.5%",
      "ACCURACY")
      ->needs(labels);
  add("--ranges", arguments->ranges,
      "A text file of the tensors' ranges: written where it does not exist, else read instead of taking them from the "
      "samples",
      "FILE");
  add_image_arguments(command, &arguments->samples);
}

void read_calibration(const std::string& model, ConvertOptions* options) {
  auto& quantization = options->quantization;
  if (quantization) read_ranges_and_labels(&*quantization);
  if (options->treatments.repair || (options->budget && !options->budget->files.empty()) ||
      (quantization && !(quantization->files.empty() && quantization->validation_files.empty())))
    read_samples_of(model, options);
}

void write_ranges(const ConvertOptions& options, const quantize::Ranges& ranges) {
  if (!options.quantization || options.quantization->ranges_file.empty()) return;
  if (!std::filesystem::exists(options.quantization->ranges_file))
    write_file(options.quantization->ranges_file, quantize::to_text(ranges));
}

}  // namespace linnet::tools
