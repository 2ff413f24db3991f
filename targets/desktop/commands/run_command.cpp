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
  bool raw = false, json = false, independent = false;
};

// One of the largest values of a sample.
struct Ranked {
  size_t index = 0;
  double value = 0;
};

// The values of one sample: the elements behind one index of the first dimension, where that is the batch.
size_t values_per_sample(const OutputSamples& output) {
  const std::vector<int64_t> shape = output.whole_shape();
  return shape.size() < 2 || shape[0] == 0 ? output.size() / output.runs
                                           : output.size() / static_cast<size_t>(shape[0]);
}

std::vector<std::string> read_labels(const std::string& file, const OutputSamples& output) {
  if (file.empty()) return {};
  std::vector<std::string> labels = read_lines(file);
  if (const size_t classes = values_per_sample(output); labels.size() < classes) {
    throw ToolError(kDataError, fmt::format("{}: {} labels, output '{}' has {} values per sample", file, labels.size(),
                                            output.name, classes));
  }
  return labels;
}

// The largest values of every sample, the first of equal ones first; NaN counts as the least number.
std::vector<std::vector<Ranked>> largest_values(const OutputSamples& output, int top) {
  const size_t classes = values_per_sample(output), count = std::min(static_cast<size_t>(top), classes);
  std::vector<std::vector<Ranked>> samples;
  std::vector<Ranked> order(classes);
  const auto key = [](const Ranked& one) {
    return one.value == one.value ? one.value : -std::numeric_limits<double>::infinity();
  };
  for (size_t sample = 0; classes > 0 && sample < output.size() / classes; ++sample) {
    for (size_t i = 0; i < classes; ++i) order[i] = {i, output.number(sample * classes + i)};
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(order.begin(), end, order.end(), [&](const Ranked& a, const Ranked& b) {
      return key(a) > key(b) || (key(a) == key(b) && a.index < b.index);
    });
    samples.emplace_back(order.begin(), end);
  }
  return samples;
}

void print_top(const OutputSamples& output, const Arguments& arguments) {
  const std::vector<std::string> labels = read_labels(arguments.labels, output);
  size_t sample = 0;
  for (const std::vector<Ranked>& largest : largest_values(output, arguments.top)) {
    std::vector<std::string> words;
    for (const Ranked& one : largest) {
      words.push_back(
          fmt::format(" {} ({:.6g})", labels.empty() ? fmt::format("{}", one.index) : labels[one.index], one.value));
    }
    fmt::print("sample {}:{}\n", sample++, fmt::join(words, ","));
  }
}

void print_summary(const OutputSamples& output, const OutputSamples& model) {
  constexpr size_t kShown = 10;
  double minimum = std::numeric_limits<double>::infinity(), maximum = -minimum;
  std::string values;
  for (size_t i = 0; i < output.size(); ++i) {
    const double value = output.number(i);
    minimum = std::min(minimum, value);
    maximum = std::max(maximum, value);
    if (i < kShown) values += fmt::format(" {:.6g}", value);
  }
  fmt::print("output {}: {} {}{}, {:.6g} to {:.6g}:{}{}\n", output.name, type_name(model.type),
             shape_text(output.whole_shape()), quantization_text(model.scale, model.zero_point), minimum, maximum,
             values, output.size() > kShown ? " ..." : "");
}

// `output` holds the values that are shown, `model` is the same output with the model's type and scale.
void write_json_output(const OutputSamples& output, const OutputSamples& model, bool values, JsonWriter* json) {
  json->begin_object().field("name", output.name).field("type", type_name(model.type));
  if (is_quantized(model.type, model.scale)) {
    json->field("scale", model.scale).field("zero_point", model.zero_point);
  }
  json->field("shape", output.whole_shape());
  if (values) {
    json->key("values").begin_array();
    for (size_t i = 0; i < output.size(); ++i) json->value(output.number(i));
    json->end_array();
  }
  json->end_object();
}

void print_json(const Arguments& arguments, const Device& device, const std::vector<OutputSamples>& outputs,
                const std::vector<OutputSamples>& model) {
  const bool values = arguments.outputs.empty() && arguments.top == 0;
  JsonWriter json;
  json.begin_object().field("model", arguments.session.model).field("isa", device.info().isa);
  json.field("raw", arguments.raw).key("outputs").begin_array();
  for (size_t i = 0; i < outputs.size(); ++i) write_json_output(outputs[i], model[i], values, &json);
  json.end_array();
  if (arguments.top > 0) {
    const std::vector<std::string> labels = read_labels(arguments.labels, outputs[0]);
    json.key("top").begin_array();
    for (const std::vector<Ranked>& sample : largest_values(outputs[0], arguments.top)) {
      json.begin_array();
      for (const Ranked& one : sample) {
        json.begin_object().field("index", static_cast<int64_t>(one.index)).field("value", one.value);
        if (!labels.empty()) json.field("label", labels[one.index]);
        json.end_object();
      }
      json.end_array();
    }
    json.end_array();
  }
  fmt::print("{}", json.end_object().text());
}

void check_output_files(const Arguments& arguments, const Device& device, const std::vector<NamedFile>& files) {
  std::vector<FileArgument> inputs = {{"MODEL", arguments.session.model}}, outputs;
  for (const NamedFile& file : parse_named_files("--input", arguments.samples.inputs, input_names(device), true)) {
    inputs.push_back({"--input", file.path});
  }
  if (!arguments.labels.empty()) inputs.push_back({"--labels", arguments.labels});
  for (const NamedFile& file : files) outputs.push_back({"--output", file.path});
  check_files(inputs, outputs, arguments.top > 0 || arguments.json);
}

int run(const Arguments& arguments) {
  if (!arguments.labels.empty() && arguments.top == 0) throw ToolError(kUsageError, "--labels needs --top");
  Device device(arguments.session.model, arguments.session.device_options());
  const std::vector<NamedFile> files = parse_named_files("--output", arguments.outputs, output_names(device), false);
  check_output_files(arguments, device, files);
  const auto samples = read_samples(device, arguments.samples.inputs, arguments.samples.options());
  const std::vector<OutputSamples> model = run_samples(device, samples, arguments.independent);
  std::vector<OutputSamples> outputs;
  for (const OutputSamples& output : model) outputs.push_back(arguments.raw ? output : output.real());
  if (arguments.json) {
    print_json(arguments, device, outputs, model);
  } else if (arguments.top > 0) {
    print_top(outputs[0], arguments);
  }
  for (const NamedFile& file : files) {
    const OutputSamples& output = outputs[static_cast<size_t>(file.index)];
    const std::vector<unsigned char> bytes = npy_bytes(output.type, output.whole_shape(), output.bytes);
    write_file(file.path, bytes.data(), bytes.size());
  }
  if (files.empty() && arguments.top == 0 && !arguments.json) {
    for (size_t i = 0; i < outputs.size(); ++i) print_summary(outputs[i], model[i]);
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
  command->add_flag("--raw", arguments->raw,
                    "Quantized outputs as the model's integers instead of the real numbers that they stand for");
  command->add_flag("--json", arguments->json,
                    "Print the outputs as JSON: with --top its values, without --top and --output all of them");
  command->add_flag(
      "--independent", arguments->independent,
      "Begin every sample with the initial values of the model's states, instead of what the sample before left");
  command->footer(footer(
      "Arrays have the shape of the source graph's input (N, C, H, W for images); where the first dimension is a "
      "multiple "
      "of the model's, it is run piece by piece. Outputs come in the source graph's layout, the pieces joined again. "
      "Quantized inputs "
      "(int8, uint8, int16 with a scale) take real numbers, which become round(x / scale) + zero point, halves away "
      "from zero and limited to the type's range, as TensorFlow Lite's QUANTIZE does it, or integers of their own type "
      "as they are; images are quantized after --scale, --mean and --std. Quantized outputs are printed and written as "
      "real numbers, scale * (q - zero point), unless --raw is given.",
      "  " + app.get_name() + " run digits.lnt --input test_images.npy --output logits.npy\n  " + app.get_name() +
          " run mobilenet.lnt --input cat.jpg --resize crop --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 "
          "--top 5 --labels imagenet.txt"));
  command->callback([=] { *action = [=] { return run(*arguments); }; });
}

}  // namespace linnet::tools
