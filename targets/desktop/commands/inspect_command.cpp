#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "targets/desktop/commands/commands.hpp"
#include "targets/desktop/lib/memory_map.hpp"
#include "targets/desktop/lib/model_facts.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "targets/desktop/lib/quantized.hpp"
#include "targets/desktop/lib/table.hpp"

namespace linnet::tools {
namespace {

struct Arguments {
  SessionArguments session;
  std::string svg;
  bool json = false, verbose = false;
};

std::string names(const ModelFacts& model, const std::vector<uint32_t>& tensors) {
  std::string text;
  for (const uint32_t tensor : tensors) text += (text.empty() ? "" : ", ") + model.tensors[tensor].name;
  return text;
}

void print_head(const Device& device, const ModelFacts& model) {
  const linnet_model_info& info = device.info();
  fmt::print("{}: {}{}, format version {}, {} bytes\n", device.file().path(), model.name,
             model.source.empty() ? "" : " from " + model.source, model.format_version,
             with_thousands(device.file().size()));
  if (!model.tool_version.empty()) {
    fmt::print("converted by linnet {}{}\n", model.tool_version, model.options.empty() ? "" : " with " + model.options);
  }
  for (const auto* list : {&model.inputs, &model.outputs}) {
    for (const uint32_t index : *list) {
      const TensorFacts& tensor = model.tensors[index];
      fmt::print("{} {}: {} {}{}", list == &model.inputs ? "input" : "output", tensor.name, tensor.type,
                 shape_text(tensor.source_shape), quantization_text(tensor.scale, tensor.zero_point));
      if (tensor.shape != tensor.source_shape) fmt::print(", on the device {}", shape_text(tensor.shape));
      fmt::print("\n");
    }
  }
  for (const StateFacts& state : model.states) {
    const TensorFacts& tensor = model.tensors[state.tensor];
    fmt::print("state {}: {} {}, {} bytes\n", tensor.name, tensor.type, shape_text(tensor.shape),
               with_thousands(tensor.bytes));
  }
  fmt::print("\n{} steps, {} MACs, {} bytes of weights\n", model.steps.size(), with_thousands(model.macs),
             with_thousands(model.weight_bytes));
  fmt::print("arena ({}): {} bytes = session {} + tensors {} + scratch {}\n", info.isa,
             with_thousands(info.arena_bytes), with_thousands(info.session_bytes), with_thousands(info.tensor_bytes),
             with_thousands(info.scratch_bytes));
  if (model.tensor_lower_bound > 0) {
    fmt::print("tensors: {} bytes, lower bound of any plan {}\n", with_thousands(model.tensor_bytes),
               with_thousands(model.tensor_lower_bound));
  }
  if (!model.states.empty()) {
    fmt::print("states: the first {} bytes of the tensors, kept between runs\n", with_thousands(model.state_bytes));
  }
}

std::string scale_text(const TensorFacts& tensor) {
  return tensor.scale == 0 ? "" : fmt::format("{}", tensor.scale);
}
std::string zero_point_text(const TensorFacts& tensor) {
  return tensor.scale == 0 ? "" : fmt::format("{}", tensor.zero_point);
}

void print_step_table(const ModelFacts& model) {
  const bool quantized = std::any_of(model.tensors.begin(), model.tensors.end(),
                                     [](const TensorFacts& tensor) { return tensor.scale != 0; });
  std::vector<std::string> header = {">step", "operator", "parameters", "name", "output"};
  if (quantized) header.insert(header.end(), {"type", ">scale", ">zero point", "rounding"});
  header.insert(header.end(), {">MACs", ">weight bytes", ">live bytes"});
  Table table(header);
  for (size_t s = 0; s < model.steps.size(); ++s) {
    const StepFacts& step = model.steps[s];
    const TensorFacts output = step.outputs.empty() ? TensorFacts() : model.tensors[step.outputs[0]];
    std::vector<std::string> row = {fmt::format("{}", s), step.op, step.attributes, shown_name(step.name),
                                    step.outputs.empty() ? "" : shape_text(output.shape)};
    if (quantized) row.insert(row.end(), {output.type, scale_text(output), zero_point_text(output), step.rounding});
    for (const int64_t number : {step.macs, step.weight_bytes, step.live_bytes}) row.push_back(with_thousands(number));
    table.add(row);
  }
  fmt::print("\n{}", table.text());
}

// The scale and zero point of a constant with a scale per channel are not in the file.
void print_tensors(const ModelFacts& model) {
  Table table({">tensor", "type", "shape", ">scale", ">zero point", "place", ">offset", ">bytes", "name"});
  for (size_t t = 0; t < model.tensors.size(); ++t) {
    const TensorFacts& tensor = model.tensors[t];
    table.add({fmt::format("{}", t), tensor.type, shape_text(tensor.shape), scale_text(tensor), zero_point_text(tensor),
               tensor.in_arena ? "arena" : "constant", with_thousands(tensor.offset), with_thousands(tensor.bytes),
               tensor.name});
  }
  fmt::print("\nTensors\n{}", table.text());
}

void print_steps(const ModelFacts& model, bool verbose) {
  print_step_table(model);
  for (const CascadeFacts& cascade : model.cascades) {
    const StepFacts& last = model.steps[static_cast<size_t>(cascade.last_step)];
    fmt::print("steps {} to {} run in turns, {} of {} output lines at a time\n", cascade.first_step, cascade.last_step,
               cascade.stripe_lines, model.tensors[last.outputs[0]].shape[1]);
  }
  if (!verbose) return;
  fmt::print("\n");
  for (size_t s = 0; s < model.steps.size(); ++s) {
    const StepFacts& step = model.steps[s];
    fmt::print("step {}: {} -> {}; from {}\n", s, names(model, step.inputs), names(model, step.outputs),
               step.sources.empty() ? "(names were stripped)" : fmt::format("{}", fmt::join(step.sources, ", ")));
  }
  print_tensors(model);
}

// Buffers, largest first.
std::vector<size_t> by_size(const ModelFacts& model) {
  std::vector<size_t> order(model.buffers.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return model.buffers[a].bytes > model.buffers[b].bytes; });
  return order;
}

void print_weights(const ModelFacts& model, bool verbose) {
  Table table({">bytes", ">share", "steps"});
  const std::vector<size_t> order = by_size(model);
  const size_t count = verbose ? order.size() : std::min<size_t>(order.size(), 10);
  for (size_t i = 0; i < count; ++i) {
    const BufferFacts& buffer = model.buffers[order[i]];
    std::string steps;
    for (const int step : buffer.steps) {
      steps += fmt::format("{}{} {}", steps.empty() ? "" : ", ", step,
                           shown_name(model.steps[static_cast<size_t>(step)].name));
    }
    table.add(
        {with_thousands(buffer.bytes),
         fmt::format("{:.1f}%", 100.0 * static_cast<double>(buffer.bytes) / static_cast<double>(model.weight_bytes)),
         steps});
  }
  fmt::print("\nLargest weights\n{}", table.text());
}

void write_json_tensor(const TensorFacts& tensor, JsonWriter* json) {
  json->begin_object();
  json->field("name", tensor.name).field("type", tensor.type).field("shape", tensor.shape);
  json->field("source_shape", tensor.source_shape).field("in_arena", tensor.in_arena);
  json->field("offset", tensor.offset).field("bytes", tensor.bytes).field("rolling_lines", tensor.rolling_lines);
  json->field("first_step", tensor.first_step).field("last_step", tensor.last_step);
  if (tensor.scale != 0) {
    json->field("scale", tensor.scale).field("zero_point", tensor.zero_point);
  }
  json->end_object();
}

template <class T>
std::vector<int64_t> integers(const std::vector<T>& values) {
  return std::vector<int64_t>(values.begin(), values.end());
}

void write_json_step(const StepFacts& step, JsonWriter* json) {
  json->begin_object();
  json->field("name", step.name).field("operator", step.op).field("parameters", step.attributes);
  if (!step.arithmetic.empty()) json->field("arithmetic", step.arithmetic);
  if (!step.rounding.empty()) json->field("rounding", step.rounding);
  json->field("inputs", integers(step.inputs)).field("outputs", integers(step.outputs));
  json->field("macs", step.macs).field("weight_bytes", step.weight_bytes).field("live_bytes", step.live_bytes);
  json->key("sources").begin_array();
  for (const std::string& source : step.sources) json->value(source);
  json->end_array().end_object();
}

void print_json(const Device& device, const ModelFacts& model) {
  const linnet_model_info& info = device.info();
  const auto bytes = [](size_t value) { return static_cast<int64_t>(value); };
  JsonWriter json;
  json.begin_object();
  json.field("file", device.file().path()).field("file_bytes", bytes(device.file().size()));
  json.field("name", model.name).field("source", model.source).field("options", model.options);
  json.field("tool_version", model.tool_version).field("format_version", int64_t{model.format_version});
  json.field("macs", model.macs).field("weight_bytes", model.weight_bytes);
  json.field("isa", info.isa)
      .field("arena_bytes", bytes(info.arena_bytes))
      .field("session_bytes", bytes(info.session_bytes));
  json.field("tensor_bytes", bytes(info.tensor_bytes)).field("scratch_bytes", bytes(info.scratch_bytes));
  json.field("tensor_lower_bound", model.tensor_lower_bound);
  json.field("state_bytes", model.state_bytes);
  json.field("inputs", integers(model.inputs)).field("outputs", integers(model.outputs));
  json.key("tensors").begin_array();
  for (const TensorFacts& tensor : model.tensors) write_json_tensor(tensor, &json);
  json.end_array().key("steps").begin_array();
  for (const StepFacts& step : model.steps) write_json_step(step, &json);
  json.end_array().key("states").begin_array();
  for (const StateFacts& state : model.states) {
    json.begin_object().field("tensor", int64_t{state.tensor}).field("next", int64_t{state.next}).end_object();
  }
  json.end_array().key("cascades").begin_array();
  for (const CascadeFacts& cascade : model.cascades) {
    json.begin_object().field("first_step", int64_t{cascade.first_step});
    json.field("last_step", int64_t{cascade.last_step}).field("stripe_lines", cascade.stripe_lines).end_object();
  }
  json.end_array().key("weights").begin_array();
  for (const size_t index : by_size(model)) {
    json.begin_object().field("bytes", model.buffers[index].bytes);
    json.field("steps", integers(model.buffers[index].steps)).end_object();
  }
  json.end_array().end_object();
  fmt::print("{}", json.text());
}

int inspect(const Arguments& arguments) {
  if (!arguments.svg.empty()) check_files({{"MODEL", arguments.session.model}}, {{"--svg", arguments.svg}}, true);
  const Device device(arguments.session.model, arguments.session.device_options());
  const ModelFacts model = read_facts(device.file().data());
  if (!arguments.svg.empty()) write_file(arguments.svg, memory_map_svg(model));
  if (arguments.json) {
    print_json(device, model);
    return 0;
  }
  print_head(device, model);
  print_steps(model, arguments.verbose);
  fmt::print("\nMemory over time\n{}", memory_map_text(model, arguments.verbose ? model.tensors.size() : 20));
  print_weights(model, arguments.verbose);
  if (!arguments.svg.empty()) fmt::print("\nmemory map drawn to {}\n", arguments.svg);
  return 0;
}

}  // namespace

void add_inspect_command(CLI::App& app, Action* action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("inspect", "Shows a model's steps, memory and weights.");
  add_session_arguments(command, &arguments->session);
  command->add_option("--svg", arguments->svg, "Also draw the memory map over time into this SVG file")
      ->type_name("FILE");
  command->add_flag("--json", arguments->json, "Print everything as JSON instead of text");
  command->add_flag("--verbose", arguments->verbose,
                    "Every tensor and weight instead of the largest ones, and the source nodes of every step");
  command->footer(
      footer("Prints the inputs and outputs; every step with its parameters, output shape (in models with quantized "
             "tensors also its type, scale, zero point and rule of rounding), multiply-accumulates (MACs), weight "
             "bytes and the arena bytes in use while it runs; the arena's exact size on this device; the memory map "
             "over time; "
             "and the largest weights.",
             "  " + app.get_name() + " inspect digits.lnt --svg memory.svg"));
  command->callback([=] { *action = [=] { return inspect(*arguments); }; });
}

}  // namespace linnet::tools
