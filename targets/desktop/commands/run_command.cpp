#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "targets/desktop/commands/commands.hpp"
#include "targets/desktop/commands/sample_arguments.hpp"
#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/table.hpp"

namespace linnet::tools {
namespace {

struct Arguments {
  SessionArguments session;
  SampleArguments samples;
  std::vector<std::string> outputs;
  int top = 0;
  std::string labels;
  bool independent = false;
};

// The values of one sample: the elements behind one index of the first dimension, where that is the batch.
size_t values_per_sample(const OutputSamples& output) {
  const std::vector<int64_t> shape = output.whole_shape();
  return shape.size() < 2 || shape[0] == 0 ? output.size() / output.runs
                                           : output.size() / static_cast<size_t>(shape[0]);
}

void print_top(const OutputSamples& output, int top, const std::string& labels_file) {
  const size_t classes = values_per_sample(output);
  std::vector<std::string> labels;
  if (!labels_file.empty()) {
    labels = read_lines(labels_file);
    if (labels.size() < classes) {
      throw ToolError(kDataError, fmt::format("{}: {} labels, output '{}' has {} values per sample", labels_file,
                                              labels.size(), output.name, classes));
    }
  }
  std::vector<size_t> order(classes);
  const size_t count = std::min(static_cast<size_t>(top), classes);
  for (size_t sample = 0; classes > 0 && sample < output.size() / classes; ++sample) {
    for (size_t i = 0; i < classes; ++i) order[i] = i;
    const auto value = [&](size_t i) {
      const double number = output.number(sample * classes + i);
      return number == number ? number : -std::numeric_limits<double>::infinity();
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](size_t a, size_t b) { return value(a) > value(b) || (value(a) == value(b) && a < b); });
    std::string line = fmt::format("sample {}:", sample);
    for (size_t i = 0; i < count; ++i) {
      const double number = output.number(sample * classes + order[i]);
      line += labels.empty() ? fmt::format(" {} ({:.6g})", order[i], number)
                             : fmt::format(" {} ({:.6g})", labels[order[i]], number);
      if (i + 1 < count) line += ",";
    }
    fmt::print("{}\n", line);
  }
}

void print_summary(const OutputSamples& output) {
  constexpr size_t kShown = 10;
  double minimum = std::numeric_limits<double>::infinity(), maximum = -minimum;
  std::string values;
  for (size_t i = 0; i < output.size(); ++i) {
    const double value = output.number(i);
    minimum = std::min(minimum, value);
    maximum = std::max(maximum, value);
    if (i < kShown) values += fmt::format(" {:.6g}", value);
  }
  fmt::print("output {}: {} {}, {:.6g} to {:.6g}:{}{}\n", output.name, type_name(output.type),
             shape_text(output.whole_shape()), minimum, maximum, values, output.size() > kShown ? " ..." : "");
}

void check_output_files(const Arguments& arguments, const Device& device, const std::vector<NamedFile>& files) {
  std::vector<FileArgument> inputs = {{"MODEL", arguments.session.model}}, outputs;
  for (const NamedFile& file : parse_named_files("--input", arguments.samples.inputs, input_names(device), true)) {
    inputs.push_back({"--input", file.path});
  }
  if (!arguments.labels.empty()) inputs.push_back({"--labels", arguments.labels});
  for (const NamedFile& file : files) outputs.push_back({"--output", file.path});
  check_files(inputs, outputs, arguments.top > 0);
}

int run(const Arguments& arguments) {
  if (!arguments.labels.empty() && arguments.top == 0) throw ToolError(kUsageError, "--labels needs --top");
  Device device(arguments.session.model, arguments.session.device_options());
  const std::vector<NamedFile> files = parse_named_files("--output", arguments.outputs, output_names(device), false);
  check_output_files(arguments, device, files);
  const auto samples = read_samples(device, arguments.samples.inputs, arguments.samples.options());
  const std::vector<OutputSamples> outputs = run_samples(device, samples, arguments.independent);
  if (arguments.top > 0) print_top(outputs[0], arguments.top, arguments.labels);
  for (const NamedFile& file : files) {
    const OutputSamples& output = outputs[static_cast<size_t>(file.index)];
    const std::vector<unsigned char> bytes = npy_bytes(output.type, output.whole_shape(), output.bytes);
    write_file(file.path, bytes.data(), bytes.size());
  }
  if (files.empty() && arguments.top == 0) {
    for (const OutputSamples& output : outputs) print_summary(output);
  }
  return 0;
}

}  // namespace

void add_run_command(CLI::App& app, Action* action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Runs a model on .npy files or images.");
  add_session_arguments(command, &arguments->session);
  add_sample_arguments(command, &arguments->samples);
  command
      ->add_option(
          "--output", arguments->outputs,
          "Write an output to this .npy file; repeat for more outputs, in order or by name. Without --output and "
          "--top a summary is printed")
      ->allow_extra_args(false)
      ->type_name("[NAME=]FILE");
  command->add_option("--top", arguments->top, "Print the K largest values of the first output for every sample")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K");
  command->add_option("--labels", arguments->labels, "With --top: a text file with a name for each value, one a line")
      ->type_name("FILE");
  command->add_flag(
      "--independent", arguments->independent,
      "Begin every sample with the initial values of the model's states, instead of what the sample before left");
  command->footer(footer(
      "Arrays have the shape of the source graph's input (N, C, H, W for images); where the first dimension is a "
      "multiple "
      "of the model's, it is run piece by piece. Outputs come in the source graph's layout, the pieces joined again.",
      "  " + app.get_name() + " run digits.lnt --input test_images.npy --output logits.npy\n  " + app.get_name() +
          " run mobilenet.lnt --input cat.jpg --resize crop --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 "
          "--top 5 --labels imagenet.txt"));
  command->callback([=] { *action = [=] { return run(*arguments); }; });
}

}  // namespace linnet::tools
