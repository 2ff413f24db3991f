// Inputs of a model from .npy files and images, and its outputs collected over all samples.
#pragma once

#include <string>
#include <vector>

#include "targets/desktop/lib/device.hpp"
#include "targets/desktop/lib/image.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "targets/desktop/lib/quantized.hpp"

namespace linnet::tools {

struct SampleOptions {
  ImageOptions image;
  std::string layout;  // "nchw" or "nhwc": what a 4-D image input is where the model does not say; empty: guessed
  std::string option = "--input";  // whose arguments they are, for messages
  bool real = false;               // of quantized inputs the real numbers, as float32, instead of the model's integers
};

// All samples of one input, in the source graph's layout; `runs` times the bytes of the input. A single one serves for
// every run.
struct InputSamples {
  std::vector<unsigned char> bytes;
  size_t runs = 0;

  const unsigned char* sample(size_t run) const { return bytes.data() + (runs == 1 ? 0 : run * (bytes.size() / runs)); }
};

// Runs that the samples are for: those of the input that has most, 1 without inputs.
size_t run_count(const std::vector<InputSamples>& samples);

// Reads "file" or "name=file" arguments, see parse_named_files; several files of one input are one batch after the
// other. Every input must end up with the same number of runs, or with one. Quantized inputs take real numbers, which
// are quantized as quantized.hpp says, and integers of their own type as they are. Throws ToolError naming the file,
// what was got and what the model takes.
std::vector<InputSamples> read_samples(const Device& device, const std::vector<std::string>& arguments,
                                       const SampleOptions& options);

// Reproducible values for benchmarks: floats in [-1, 1), any integers where they are quantized, otherwise small ones.
std::vector<InputSamples> random_samples(const Device& device);

void store_sample(const Device& device, const std::vector<InputSamples>& samples, size_t run);

// One output over all runs: the runs follow each other along the first dimension. An output that is the same in every
// run has one.
struct OutputSamples {
  std::string name;
  linnet_type type = LINNET_FLOAT32;
  std::vector<int64_t> shape;  // of one run, in the source graph's layout
  std::vector<unsigned char> bytes;
  size_t runs = 0;
  float scale = 0;  // as in linnet_tensor_view
  int zero_point = 0;

  std::vector<int64_t> whole_shape() const;
  double number(size_t index) const { return element_number(&bytes[index * type_bytes(type)], type); }
  size_t size() const { return bytes.size() / type_bytes(type); }
  // The real numbers that quantized integers stand for, as float32; other outputs as they are.
  OutputSamples real() const;
};

// Runs the model on every sample. Its states go from one to the next, unless `independent`: then each begins with their
// initial values.
std::vector<OutputSamples> run_samples(Device& device, const std::vector<InputSamples>& samples,
                                       bool independent = false);

// The input or output (0, 1, ...) that an argument names, and the file.
struct NamedFile {
  int index = -1;
  std::string path;
};

// The files of `option` ("--input" or "--output"): "name=file", "number=file" or "file", which takes the first that no
// argument takes; where there is one only and may have several files, it takes all. A name wins over a number. Throws
// ToolError with kUsageError, listing the names, for a name that there is not and for too many files. A file whose own
// name has '=' needs a name in front, unless it or its folder is there.
std::vector<NamedFile> parse_named_files(const std::string& option, const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& names, bool several_each);
std::vector<std::string> input_names(const Device& device);
std::vector<std::string> output_names(const Device& device);

}  // namespace linnet::tools
