#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_map>

#include "converter/ir/states.hpp"
#include "converter/main/commands.hpp"
#include "schema/model_generated.h"
#include "targets/desktop/commands/sample_arguments.hpp"
#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/model_facts.hpp"
#include "targets/desktop/lib/table.hpp"

namespace linnet::tools {
namespace {

struct Arguments {
  std::string source;
  SessionArguments session;
  SampleArguments samples;
  int sample_count = 1;
  double tolerance = -1;
  bool json = false;
};

// Errors of one tensor against the reference, over all samples.
struct TensorError {
  std::string name, op, shape;
  double largest_error = 0, largest_reference = 0, error_power = 0, reference_power = 0;

  void add(double got, double reference) {
    const bool same = got == reference || (std::isnan(got) && std::isnan(reference));
    const double error = same ? 0 : std::abs(got - reference);
    largest_error = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(largest_error, error);
    if (std::isfinite(reference)) largest_reference = std::max(largest_reference, std::abs(reference));
    error_power += error * error;
    reference_power += std::isfinite(reference) ? reference * reference : 0;
  }
  double relative() const { return largest_error == 0 ? 0 : largest_error / largest_reference; }
  // Signal to quantization noise ratio.
  double sqnr() const {
    return error_power == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(reference_power / error_power);
  }
};

using References = std::unordered_map<std::string, ir::Array>;

struct Comparison {
  std::vector<TensorError> layers, outputs;  // layers in the order of the steps
  int unmatched = 0;                         // tensors of the model that the graph does not have
};

// Elements (row-major) as an array of the graph's type.
ir::Array array_of(const OutputSamples& elements, const ir::TensorType& type) {
  const size_t count = elements.size();
  if (ir::is_floating(type.dtype)) {
    std::vector<double> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = elements.number(i);
    return ir::Array::of_doubles(type.shape, std::move(values), type.dtype);
  }
  std::vector<int64_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<int64_t>(elements.number(i));
  return ir::Array::of_integers(type.shape, std::move(values), type.dtype).with_quantization(type.quantization);
}

// The inputs of run `run` for a graph; `on_device` takes them from the session's tensors, in the lowered graph's
// layout.
std::vector<ir::Array> source_inputs(const Device& device, const std::vector<InputSamples>& samples, size_t run,
                                     const ir::Graph& graph) {
  const std::vector<ir::Value*> inputs = program_inputs(graph);
  std::vector<ir::Array> arrays;
  for (size_t i = 0; i < samples.size(); ++i) {
    const linnet_tensor_view view = device.input(static_cast<int>(i));
    const unsigned char* sample = samples[i].sample(run);
    const OutputSamples one{"", view.type, {}, std::vector<unsigned char>(sample, sample + view.bytes), 1};
    arrays.push_back(array_of(one, inputs[i]->type));
  }
  return arrays;
}

std::vector<ir::Array> device_inputs(const Device& device, const ir::Graph& graph) {
  const std::vector<ir::Value*> inputs = program_inputs(graph);
  std::vector<ir::Array> arrays;
  for (int i = 0; i < device.info().inputs; ++i) {
    const linnet_tensor_view view = device.input(i);
    const auto* data = static_cast<const unsigned char*>(view.data);
    const OutputSamples all{"", view.type, {}, std::vector<unsigned char>(data, data + view.bytes), 1};
    arrays.push_back(array_of(all, inputs[static_cast<size_t>(i)]->type));
  }
  return arrays;
}

// The elements of a tensor that may be a slice of another one, in row-major order.
OutputSamples gathered(const linnet_tensor_view& view) {
  size_t rows = 1;
  for (int d = 0; d + 1 < view.dimensions; ++d) rows *= static_cast<size_t>(view.shape[d]);
  const size_t columns = view.dimensions > 0 ? static_cast<size_t>(view.shape[view.dimensions - 1]) : 1;
  const size_t bytes = type_bytes(view.type);
  OutputSamples all{"", view.type, {}, std::vector<unsigned char>(rows * columns * bytes), 1};
  const auto* data = static_cast<const unsigned char*>(view.data);
  for (size_t row = 0; row < rows && columns > 0; ++row) {
    std::memcpy(&all.bytes[row * columns * bytes], data + row * view.row_stride * bytes, columns * bytes);
  }
  return all;
}

// Position of a view's first element in the whole tensor.
size_t first_element(const linnet_tensor_view& view) {
  return view.first_line == 0 ? 0
                              : static_cast<size_t>(view.first_line) * static_cast<size_t>(view.shape[2]) *
                                    static_cast<size_t>(view.shape[3]);
}

class Comparer {
 public:
  Comparer(const Conversion& conversion, const ModelFacts& named)
      : conversion_(conversion), named_(named), source_(*conversion.source), graph_(*conversion.graph) {}

  // The engine's tap: one output of one step.
  void tap(int step, int output, const linnet_tensor_view& view) {
    const StepFacts& facts = named_.steps.at(static_cast<size_t>(step));
    const TensorFacts& tensor = named_.tensors.at(facts.outputs.at(static_cast<size_t>(output)));
    const auto reference = references_.find(tensor.name);
    const OutputSamples got = gathered(view);
    const size_t first = first_element(view), whole = static_cast<size_t>(ir::element_count(tensor.shape));
    if (reference == references_.end() || reference->second.size() != whole || first + got.size() > whole) {
      if (first_run_) ++result_.unmatched;
      return;
    }
    const auto [place, added] = index_.try_emplace(tensor.name, result_.layers.size());
    if (added) result_.layers.push_back({tensor.name, facts.op, shape_text(tensor.shape)});
    TensorError& error = result_.layers[place->second];
    for (size_t i = 0; i < got.size(); ++i) error.add(got.number(i), reference->second.number(first + i));
  }

  void run(Device& device, const std::vector<InputSamples>& samples, size_t run) {
    store_sample(device, samples, run);
    references_.clear();
    graph_.run(device_inputs(device, *conversion_.graph),
               [&](const ir::Node& node, const std::vector<ir::Array>& outputs) {
                 for (size_t i = 0; i < outputs.size(); ++i) references_[node.outputs[i]->name] = outputs[i];
               });
    device.run();
    compare_outputs(device, source_.run(source_inputs(device, samples, run, *conversion_.source)));
    first_run_ = false;
  }

  const Comparison& result() const { return result_; }

 private:
  void compare_outputs(const Device& device, const std::vector<ir::Array>& references) {
    const std::vector<ir::Value*> outputs = program_outputs(*conversion_.source);
    for (size_t i = 0; i < references.size(); ++i) {
      const linnet_tensor_view view = device.output(static_cast<int>(i));
      if (result_.outputs.size() <= i) {
        result_.outputs.push_back({outputs[i]->name, "output", shape_text(source_shape(view))});
      }
      OutputSamples got{"", view.type, {}, std::vector<unsigned char>(view.bytes), 1};
      load_output(view, got.bytes.data());
      for (size_t e = 0; e < got.size(); ++e) result_.outputs[i].add(got.number(e), references[i].number(e));
    }
  }

  const Conversion& conversion_;
  const ModelFacts& named_;
  ir::Runs source_, graph_;
  References references_;
  std::unordered_map<std::string, size_t> index_;  // into result_.layers
  Comparison result_;
  bool first_run_ = true;
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

void add_rows(const std::vector<TensorError>& errors, Table* table) {
  for (const TensorError& error : errors) {
    table->add({error.op, error.name, error.shape, fmt::format("{:.3e}", error.largest_error),
                fmt::format("{:.3e}", error.relative()), fmt::format("{:.1f}", error.sqnr())});
  }
}

void print_text(const Comparison& comparison) {
  const std::vector<std::string> header = {"operator", "tensor", "shape", ">max abs error", ">relative", ">SQNR dB"};
  Table layers(header), outputs(header);
  add_rows(comparison.layers, &layers);
  add_rows(comparison.outputs, &outputs);
  fmt::print("Each step's output against the reference evaluation of the converted graph\n{}", layers.text());
  if (comparison.unmatched > 0) {
    fmt::print("{} intermediate tensors inside of an operator have no counterpart in the graph\n",
               comparison.unmatched);
  }
  fmt::print("\nOutputs against the reference evaluation of the graph as imported\n{}", outputs.text());
  fmt::print("\nrelative: the largest error divided by the largest magnitude of the reference\n");
}

void write_json(const char* key, const std::vector<TensorError>& errors, JsonWriter* json) {
  json->key(key).begin_array();
  for (const TensorError& error : errors) {
    json->begin_object().field("tensor", error.name).field("operator", error.op).field("shape", error.shape);
    json->field("max_abs_error", error.largest_error)
        .field("relative", error.relative())
        .field("sqnr_db", error.sqnr());
    json->end_object();
  }
  json->end_array();
}

int verdict(const Comparison& comparison, double tolerance) {
  if (tolerance < 0) return kOk;
  const TensorError* worst = nullptr;
  for (const auto* list : {&comparison.layers, &comparison.outputs}) {
    for (const TensorError& error : *list) {
      if (worst == nullptr || error.relative() > worst->relative()) worst = &error;
    }
  }
  if (worst == nullptr || worst->relative() <= tolerance) return kOk;
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

  comparer = std::make_unique<Comparer>(conversion, named);
  const size_t runs = std::min(run_count(samples), static_cast<size_t>(arguments.sample_count));
  for (size_t run = 0; run < runs; ++run) comparer->run(device, samples, run);
  const Comparison& result = comparer->result();
  if (arguments.json) {
    JsonWriter json;
    json.begin_object().field("samples", static_cast<int64_t>(runs)).field("isa", device.info().isa);
    write_json("layers", result.layers, &json);
    write_json("outputs", result.outputs, &json);
    fmt::print("{}", json.end_object().text());
  } else {
    fmt::print("{} sample{}, {}\n\n", runs, runs == 1 ? "" : "s", device.info().isa);
    print_text(result);
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
      "between "
      "the engine and the reference evaluator, which computes in double, so that a step that loses accuracy is seen at "
      "once; then the errors of the outputs against the graph as imported. The file is converted again with "
      "the "
      "options stored in the model.",
      "  linnet compare digits.onnx digits.lnt --input test_images.npy --samples 8 --tolerance 1e-5"));
  command->callback([=] { *action = [=] { return compare(*arguments); }; });
}

}  // namespace linnet::tools
