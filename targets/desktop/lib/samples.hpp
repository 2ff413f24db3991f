// Inputs of a model from .npy files and images, and its outputs collected over all samples.
#pragma once

#include <string>
#include <vector>

#include "targets/desktop/lib/device.hpp"
#include "targets/desktop/lib/image.hpp"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::tools {

struct SampleOptions {
  ImageOptions image;
  std::string layout;  // "nchw" or "nhwc": what a 4-D image input is where the model does not say; empty: guessed
};

// All samples of one input, in the source graph's layout; `runs` times the bytes of the input.
struct InputSamples {
  std::vector<unsigned char> bytes;
  size_t runs = 0;
};

// Reads "file" or "name=file" arguments (name: an input's name or number). With one input, several files are one batch
// after the other; without names, several inputs take the files in order. Every input must end up with the same number
// of runs. Throws ToolError naming the file, what was got and what the model takes.
std::vector<InputSamples> read_samples(const Device& device, const std::vector<std::string>& arguments,
                                       const SampleOptions& options);

// Reproducible values for benchmarks: floats in [-1, 1), small integers.
std::vector<InputSamples> random_samples(const Device& device);

void store_sample(const Device& device, const std::vector<InputSamples>& samples, size_t run);

// One output over all runs: the runs follow each other along the first dimension.
struct OutputSamples {
  std::string name;
  linnet_type type = LINNET_FLOAT32;
  std::vector<int64_t> shape;  // of one run, in the source graph's layout
  std::vector<unsigned char> bytes;
  size_t runs = 0;

  std::vector<int64_t> whole_shape() const;
  double number(size_t index) const;
  size_t size() const { return bytes.size() / type_bytes(type); }
};

// Runs the model on every sample.
std::vector<OutputSamples> run_samples(Device& device, const std::vector<InputSamples>& samples);

// The input or output, of `count`, that "name=file" or "number=file" names, and the file; index -1 where there is no
// name.
struct NamedFile {
  int index = -1;
  std::string path;
};
NamedFile parse_named_file(const std::string& argument, const std::vector<std::string>& names);
std::vector<std::string> input_names(const Device& device);
std::vector<std::string> output_names(const Device& device);

}  // namespace linnet::tools
