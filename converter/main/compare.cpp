#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "converter/ir/states.hpp"
#include "converter/main/commands.hpp"
#include "converter/main/comparison.hpp"
#include "targets/desktop/commands/sample_arguments.hpp"
#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/model_facts.hpp"
#include "targets/desktop/lib/table.hpp"

namespace linnet::tools {
namespace {

struct Arguments {
  std::string source, original;
  SessionArguments session;
  SampleArguments samples;
  int sample_count = 1;
  double tolerance = -1;
  bool json = false;
};

// The graph that the model was made from: converted again, with the options in the model's report, but with names.
Conversion convert_again(const Arguments& arguments, const ModelFacts& model) {
  ConvertOptions options;
  try {
    options = parse_options(model.options);
  } catch (const std::exception& error) {
    throw ToolError(kModelError,
                    fmt::format("{}: the options in its report: {}", arguments.session.model, error.what()));
  }
  options.strip_names = false;
  return convert_file(arguments.source, options);
}

// Steps and tensors have the same numbers in both: only names may be missing from the file.
void check_same_model(const Arguments& arguments, const ModelFacts& model, const ModelFacts& again) {
  const auto fail = [&](const std::string& what) {
    throw ToolError(kModelError, fmt::format("{} is not what this version makes of {}: {}; convert it again",
                                             arguments.session.model, arguments.source, what));
  };
  if (model.steps.size() != again.steps.size()) {
    fail(fmt::format("{} steps against {}", model.steps.size(), again.steps.size()));
  }
  if (model.inputs != again.inputs || model.outputs != again.outputs) fail("other inputs or outputs");
  for (size_t s = 0; s < model.steps.size(); ++s) {
    if (model.steps[s].op != again.steps[s].op || model.steps[s].outputs != again.steps[s].outputs) {
      fail(fmt::format("step {} is {} against {}", s, model.steps[s].op, again.steps[s].op));
    }
  }
  for (size_t t = 0; t < model.tensors.size(); ++t) {
    if (t >= again.tensors.size() || model.tensors[t].shape != again.tensors[t].shape) fail("tensors of other shapes");
  }
}

// Which columns a table has besides those of every comparison.
struct Columns {
  bool different = false, original = false;
};

std::string sqnr_text(double sqnr) {
  return fmt::format("{:.1f}", sqnr);
}

std::string table_text(const std::vector<TensorError>& errors, const Columns& columns) {
  std::vector<std::string> header = {"operator", "tensor", "shape"};
  if (columns.different) header.emplace_back(">different");
  header.insert(header.end(), {">max abs error", ">relative", ">SQNR dB"});
  if (columns.original) header.emplace_back(">dB to float");
  Table table(header);
  for (const TensorError& error : errors) {
    std::vector<std::string> row = {error.op, shown_name(error.name), error.shape};
    if (columns.different) row.push_back(error.integer ? with_thousands(static_cast<int64_t>(error.different)) : "");
    row.insert(row.end(), {fmt::format("{:.3e}", error.largest_error), fmt::format("{:.3e}", error.relative()),
                           sqnr_text(error.noise.sqnr())});
    if (columns.original) row.push_back(error.quantization ? sqnr_text(error.quantization->sqnr()) : "");
    table.add(row);
  }
  return table.text();
}

size_t matched(const std::vector<TensorError>& errors) {
  return static_cast<size_t>(
      std::count_if(errors.begin(), errors.end(), [](const auto& error) { return error.quantization.has_value(); }));
}

void print_text(const Comparison& comparison, const Arguments& arguments) {
  const auto integer = [](const TensorError& error) { return error.integer; };
  const Columns columns = {std::any_of(comparison.layers.begin(), comparison.layers.end(), integer) ||
                               std::any_of(comparison.outputs.begin(), comparison.outputs.end(), integer),
                           !arguments.original.empty()};
  fmt::print("Each step's output against the reference evaluation of the converted graph\n{}",
             table_text(comparison.layers, columns));
  if (comparison.unmatched > 0) {
    fmt::print("{} intermediate tensors inside of an operator have no counterpart in the graph\n",
               comparison.unmatched);
  }
  fmt::print("\nOutputs against the reference evaluation of the graph as imported\n{}",
             table_text(comparison.outputs, columns));
  fmt::print("\nrelative: the largest error divided by the largest magnitude of the reference\n");
  if (columns.different) fmt::print("different: integers that are not those of the reference; 0 is expected\n");
  if (columns.original) {
    fmt::print(
        "dB to float: SQNR of the quantized tensor beside {}, of which {} of {} layers and {} of {} outputs are "
        "known by their names and shapes\n",
        arguments.original, matched(comparison.layers), comparison.layers.size(), matched(comparison.outputs),
        comparison.outputs.size());
  }
}

void write_json(const char* key, const std::vector<TensorError>& errors, JsonWriter* json) {
  json->key(key).begin_array();
  for (const TensorError& error : errors) {
    json->begin_object().field("tensor", error.name).field("operator", error.op).field("shape", error.shape);
    if (error.integer) {
      json->field("elements", static_cast<int64_t>(error.elements));
      json->field("different", static_cast<int64_t>(error.different)).field("exact", !error.inexact);
    }
    json->field("max_abs_error", error.largest_error)
        .field("relative", error.relative())
        .field("sqnr_db", error.noise.sqnr());
    if (error.quantization) json->field("float_sqnr_db", error.quantization->sqnr());
    json->end_object();
  }
  json->end_array();
}

int verdict(const Comparison& comparison, double tolerance) {
  const TensorError* worst = nullptr;
  for (const auto* list : {&comparison.layers, &comparison.outputs}) {
    for (const TensorError& error : *list) {
      if (error.inexact) {
        fmt::print(stderr, "linnet: {} '{}' is not exact: {} of {} integers differ from the reference\n", error.op,
                   error.name, error.different, error.elements);
        return kAboveTolerance;
      }
      if (worst == nullptr || error.relative() > worst->relative()) worst = &error;
    }
  }
  if (tolerance < 0 || worst == nullptr || worst->relative() <= tolerance) return kOk;
  fmt::print(stderr, "linnet: {} '{}' has a relative error of {:.3e}, above the tolerance of {:.3e}\n", worst->op,
             worst->name, worst->relative(), tolerance);
  return kAboveTolerance;
}

int compare(const Arguments& arguments) {
  std::unique_ptr<Comparer> comparer;
  DeviceOptions options = arguments.session.device_options();
  options.tap = [&](int step, int output, const linnet_tensor_view& view) { comparer->tap(step, output, view); };
  Device device(arguments.session.model, options);
  const ModelFacts model = read_facts(device.file().data());
  const auto samples = read_samples(device, arguments.samples.inputs, arguments.samples.options());
  const Conversion conversion = convert_again(arguments, model);
  const ModelFacts named = read_facts(conversion.model.data());
  check_same_model(arguments, model, named);
  std::optional<FloatOriginal> original;
  std::vector<InputSamples> real;
  if (!arguments.original.empty()) {
    original.emplace(arguments.original, device);
    SampleOptions real_numbers = arguments.samples.options();
    real_numbers.real = true;
    real = read_samples(device, arguments.samples.inputs, real_numbers);
  }

  comparer = std::make_unique<Comparer>(conversion, named, original ? &*original : nullptr);
  const size_t runs = std::min(run_count(samples), static_cast<size_t>(arguments.sample_count));
  for (size_t run = 0; run < runs; ++run) comparer->run(device, samples, real, run);
  const Comparison& result = comparer->result();
  if (arguments.json) {
    JsonWriter json;
    json.begin_object().field("samples", static_cast<int64_t>(runs)).field("isa", device.info().isa);
    write_json("layers", result.layers, &json);
    write_json("outputs", result.outputs, &json);
    fmt::print("{}", json.end_object().text());
  } else {
    fmt::print("{} sample{}, {}\n\n", runs, runs == 1 ? "" : "s", device.info().isa);
    print_text(result, arguments);
  }
  return verdict(result, arguments.tolerance);
}

}  // namespace

void add_compare_command(CLI::App& app, Action* action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("compare", "Shows the error of every step against the reference evaluator.");
  command->add_option("source", arguments->source, "The ONNX or TensorFlow Lite file that the model was made from")
      ->required()
      ->type_name("MODEL");
  add_session_arguments(command, &arguments->session);
  command
      ->add_option("--float", arguments->original,
                   "The float model that a quantized one was made from (ONNX or TensorFlow Lite): also print each "
                   "layer's SQNR beside it, of layers that have a tensor of the same name and shape, and the outputs'")
      ->type_name("MODEL");
  add_sample_arguments(command, &arguments->samples);
  command->add_option("--samples", arguments->sample_count, "Samples to compare, from the first; the reference is slow")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--tolerance", arguments->tolerance,
                   "Exit with 5 when a step or an output has a larger relative error")
      ->check(CLI::NonNegativeNumber)
      ->type_name("T");
  command->add_flag("--json", arguments->json, "Print the table as JSON instead of text");
  command->footer(footer(
      "Prints the largest absolute and relative error and the signal to noise ratio (SQNR) of every step's output "
      "between the engine and the reference evaluator, which computes in double, so that a step that loses accuracy is "
      "seen at once; then the errors of the outputs against the graph as imported. The file is converted again with "
      "the options stored in the model. Integers must be those of the reference: how many differ is printed, errors "
      "are "
      "in the real numbers that they stand for, and the exit code is 5 where a step does not compute them exactly. "
      "--float takes the inputs' real numbers and finds inputs and outputs by name, else by their order.",
      "  linnet compare digits.onnx digits.lnt --input test_images.npy --samples 8 --tolerance 1e-5\n"
      "  linnet compare net_int8.tflite net.lnt --input x.npy --float net_float.tflite"));
  command->callback([=] { *action = [=] { return compare(*arguments); }; });
}

}  // namespace linnet::tools
