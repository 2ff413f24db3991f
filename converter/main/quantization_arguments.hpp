// The options of `linnet convert --int8`, and the samples that they name.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "converter/pipeline.hpp"
#include "targets/desktop/commands/sample_arguments.hpp"

namespace linnet::tools {

struct QuantizationArguments {
  std::string int8;  // "static", "dynamic"; empty: not given
  bool per_tensor = false, no_equalize = false;
  SampleArguments samples;  // its inputs are what --calibration names
  std::string range, weight_scale, io, ranges;
  std::optional<std::string> mixed, labels;
  std::vector<std::string> keep_float, validation;
  std::optional<double> min_sqnr;

  // Absent without --int8 and with --int8 dynamic; a budget may have samples then. Throws ToolError with kUsageError.
  std::optional<quantize::Options> options(bool budget) const;
};

void add_quantization_arguments(CLI::App* command, QuantizationArguments* arguments);

// The options of images without names, by their order, as the model's options keep them.
std::string image_text(const SampleArguments& samples);

// Reads what options.quantization, treatments and budget name: the samples of --calibration, --validation and --repair,
// for which the model is converted without either, the labels, and the file of --ranges where it exists. Throws
// ToolError naming the file, and the converter's errors.
void read_calibration(const std::string& model, ConvertOptions* options);

// Writes the file of --ranges unless it was read.
void write_ranges(const ConvertOptions& options, const quantize::Ranges& ranges);

}  // namespace linnet::tools
