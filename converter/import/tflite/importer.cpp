#include "converter/import/tflite/importer.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "converter/import/graph_outputs.hpp"
#include "converter/import/samples.hpp"
#include "converter/import/tflite/context.hpp"
#include "converter/import/tflite/quantization.hpp"

namespace linnet::import {

namespace {

using ir::Error;
using ir::Shape;
using ir::Value;
using InputShapes = std::map<std::string, Shape>;

// A graph input or output: its tensor in the subgraph and its name.
struct Port {
  int32_t tensor;
  std::string name;
};

// Which subgraph is the model.
struct EntryPoint {
  const tfl::SubGraph* subgraph;
  std::vector<Port> inputs, outputs;
};

using TensorMaps = flatbuffers::Vector<flatbuffers::Offset<tfl::TensorMap>>;

std::vector<Port> signature_ports(const TensorMaps* maps) {
  std::vector<Port> ports;
  for (uint32_t i = 0; i < count_of(maps); ++i)
    ports.push_back({static_cast<int32_t>(maps->Get(i)->tensor_index()), text_of(maps->Get(i)->name())});
  return ports;
}

std::vector<Port> subgraph_ports(const flatbuffers::Vector<int32_t>* tensors, const tfl::SubGraph& subgraph) {
  std::vector<Port> ports;
  for (uint32_t i = 0; i < count_of(tensors); ++i) {
    const int32_t tensor = tensors->Get(i);
    const bool exists = tensor >= 0 && static_cast<size_t>(tensor) < count_of(subgraph.tensors());
    ports.push_back({tensor, exists ? text_of(subgraph.tensors()->Get(static_cast<uint32_t>(tensor))->name()) : ""});
  }
  return ports;
}

EntryPoint first_subgraph(const tfl::Model& model, std::vector<std::string>& warnings) {
  if (count_of(model.signature_defs()) > 1)
    warnings.push_back(
        fmt::format("the file has {} signatures: the first subgraph is converted, --signature names another",
                    model.signature_defs()->size()));
  const tfl::SubGraph& subgraph = *model.subgraphs()->Get(0);
  return {&subgraph, subgraph_ports(subgraph.inputs(), subgraph), subgraph_ports(subgraph.outputs(), subgraph)};
}

EntryPoint entry_point(const tfl::Model& model, const std::string& signature, std::vector<std::string>& warnings) {
  if (count_of(model.subgraphs()) == 0) throw Error("the file has no subgraph");
  if (signature.empty()) return first_subgraph(model, warnings);
  std::vector<std::string> names;
  for (uint32_t i = 0; i < count_of(model.signature_defs()); ++i) {
    const tfl::SignatureDef& row = *model.signature_defs()->Get(i);
    names.push_back(text_of(row.signature_key()));
    if (names.back() != signature) continue;
    if (row.subgraph_index() >= model.subgraphs()->size())
      throw Error(fmt::format("signature '{}' is subgraph {}, the file has {}", signature, row.subgraph_index(),
                              model.subgraphs()->size()));
    return {model.subgraphs()->Get(row.subgraph_index()), signature_ports(row.inputs()),
            signature_ports(row.outputs())};
  }
  throw Error(fmt::format("has no signature '{}'; there are: {}", signature,
                          names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

class SubgraphImporter {
 public:
  SubgraphImporter(const TfliteFile& file, EntryPoint entry, const InputShapes& input_shapes, TfliteModel& result)
      : entry_(std::move(entry)),
        input_shapes_(input_shapes),
        state_{file, *entry_.subgraph, *result.graph, result.warnings, {}, {}, {}, {}, {}, {}},
        open_inputs_(result.open_inputs) {
    state_.values.resize(count_of(entry_.subgraph->tensors()));
  }

  void run() {
    import_inputs();
    collect_reads();
    for (size_t i = 0; i < operator_count(); ++i) import_operator(i);
    import_outputs();
    import_states();
    if (!problems_.empty()) throw ir::Problems(problems_);
    remove_unused_constants(state_.graph);
  }

 private:
  EntryPoint entry_;
  const InputShapes& input_shapes_;
  TfliteState state_;
  std::vector<std::string>& open_inputs_;
  std::vector<std::string> problems_;
  std::unordered_set<int32_t> spoiled_;    // tensors that could not be imported; what reads them is not reported again
  std::unordered_set<std::string> named_;  // names that tensors of the graph have taken

  template <class... T>
  void problem(fmt::format_string<T...> text, T&&... arguments) {
    problems_.push_back(fmt::format(text, std::forward<T>(arguments)...));
  }

  size_t operator_count() const { return count_of(entry_.subgraph->operators()); }

  bool exists(int32_t tensor) const { return tensor >= 0 && static_cast<size_t>(tensor) < state_.values.size(); }
  const tfl::Tensor& tensor(int32_t index) const {
    return *entry_.subgraph->tensors()->Get(static_cast<uint32_t>(index));
  }

  void import_inputs() {
    std::set<std::string> names, open;
    for (const Port& input : entry_.inputs) {
      names.insert(input.name);
      try {
        if (!exists(input.tensor)) throw Error(fmt::format("is tensor {} of {}", input.tensor, state_.values.size()));
        Value*& value = state_.values[static_cast<size_t>(input.tensor)];
        if (value != nullptr) throw Error("is listed twice");
        const ir::TensorType type = input_type(input, open);
        Value* const given = state_.graph.add_input(input.name, type);
        named_.insert(given->name);
        value = to_graph_form(state_.graph, given, tensor(input.tensor));
      } catch (const Error& error) {
        problem("graph input '{}' {}", input.name, error.what());
        spoiled_.insert(input.tensor);
      }
    }
    if (!open.empty())
      problem("open dimensions other than the first need a shape (--shape NAME=1,96,96,3): {}", fmt::join(open, ", "));
    for (const auto& [name, shape] : input_shapes_)
      if (names.count(name) == 0)
        problem("a shape is given for '{}', the model's inputs are: {}", name, fmt::join(names, ", "));
  }

  // `open` gets the dimensions that stay unknown.
  ir::TensorType input_type(const Port& input, std::set<std::string>& open) {
    const tfl::Tensor& source = tensor(input.tensor);
    ir::TensorType type{dtype_of(source.type()), shape_of(source)};
    type.quantization = quantization_of(source);
    if (const auto given = input_shapes_.find(input.name); given != input_shapes_.end()) {
      if (given->second.size() != type.shape.size())
        throw Error(fmt::format("gets the shape {}, the model wants {} dimensions", ir::to_string(given->second),
                                type.shape.size()));
      type.shape = given->second;
      return type;
    }
    const std::vector<int64_t> signature = integers_of(source.shape_signature());
    if (signature.size() == type.shape.size() && !signature.empty() && signature[0] < 0 && type.shape[0] == 1)
      open_inputs_.push_back(input.name);
    for (size_t d = 1; d < signature.size(); ++d)
      if (signature[d] < 0) open.insert(fmt::format("{} (dimension {})", input.name, d));
    return type;
  }

  // Tensors keep the source's names; names made up for others must not take them away.
  void collect_reads() {
    for (uint32_t i = 0; i < operator_count(); ++i) {
      const tfl::Operator& row = *entry_.subgraph->operators()->Get(i);
      for (const int64_t input : integers_of(row.inputs())) state_.read.insert(static_cast<int32_t>(input));
      for (const int64_t output : integers_of(row.outputs()))
        if (exists(static_cast<int32_t>(output)))
          state_.graph.unique_name(text_of(tensor(static_cast<int32_t>(output)).name()));
    }
    for (const Port& output : entry_.outputs) {
      state_.read.insert(output.tensor);
      state_.graph.unique_name(output.name);
    }
  }

  void import_operator(size_t index) {
    const auto& outputs = integers_of(entry_.subgraph->operators()->Get(static_cast<uint32_t>(index))->outputs());
    try {
      TfliteContext context(index, state_);
      const TfliteOperator* row = find_tflite_operator(context.op_type());
      if (row == nullptr) context.fail("is not supported");
      if (!context.inputs_imported(spoiled_)) return spoil(outputs);
      try {
        bind_outputs(context, row->importer(context));
      } catch (const Error& error) {
        const std::string message = error.what();
        if (message.starts_with(context.about(""))) throw;
        context.fail(message);
      }
    } catch (const Error& error) {
      problems_.emplace_back(error.what());
      spoil(outputs);
    }
  }

  void spoil(const std::vector<int64_t>& outputs) { spoiled_.insert(outputs.begin(), outputs.end()); }

  void bind_outputs(TfliteContext& context, const std::vector<Value*>& outputs) {
    std::set<const Value*> renamed;
    for (size_t i = 0; i < context.output_count(); ++i) {
      const int32_t index = context.output_index(i);
      const tfl::Tensor& target = context.output_tensor(i);
      if (target.type() == tfl::TensorType::RESOURCE) continue;
      Value* value = i < outputs.size() ? outputs[i] : nullptr;
      if (value == nullptr) {
        if (context.output_used(i)) context.fail(fmt::format("output {} is not supported", i));
        continue;
      }
      Value*& bound = state_.values[static_cast<size_t>(index)];
      if (bound != nullptr) context.fail(fmt::format("output {} '{}' exists already", i, text_of(target.name())));
      const ir::TensorType declared = context.output_type(i);
      const ir::DType dtype = declared.dtype;
      if (value->type.dtype != dtype)
        context.fail(fmt::format("output {} '{}' is declared as {}, the operator gives {}", i, text_of(target.name()),
                                 ir::name(dtype), ir::to_string(value->type)));
      require_quantization(context, i, *value, declared.quantization);
      if (context.created(value) && renamed.insert(value).second) take_name(value, text_of(target.name()));
      bound = value;
    }
  }

  // Constants may stand for real numbers although the operators before them are evaluated in these.
  static void require_quantization(TfliteContext& context, size_t output, const Value& value,
                                   const std::optional<ir::Quantization>& declared) {
    if (declared == value.type.quantization || (value.constant && !declared)) return;
    context.fail(fmt::format(
        "output {} '{}' is declared {}, the operator gives {}", output, text_of(context.output_tensor(output).name()),
        declared ? "with " + ir::to_string(*declared) : "without a scale", ir::to_string(value.type)));
  }

  // Names of tensors need not be unique in the file.
  void take_name(Value* value, const std::string& name) {
    if (!name.empty() && named_.insert(name).second) state_.graph.rename(value, name);
  }

  void import_outputs() {
    if (entry_.outputs.empty()) problem("the subgraph has no outputs");
    for (const Port& output : entry_.outputs) {
      if (spoiled_.count(output.tensor) != 0) continue;
      Value* value = exists(output.tensor) ? state_.values[static_cast<size_t>(output.tensor)] : nullptr;
      if (value == nullptr) {
        problem("graph output '{}' is not computed by any operator", output.name);
        continue;
      }
      Value* const integers = value;
      value = to_file_form(state_.graph, value, tensor(output.tensor));
      if (value != integers && integers->name == output.name && integers->producer != nullptr) {
        state_.graph.rename(integers, state_.graph.unique_name(output.name + "_int8"));
        state_.graph.rename(value, output.name);
      }
      const bool free = value->name == output.name || named_.insert(output.name).second;
      const std::string name = free ? output.name : state_.graph.unique_name(output.name);
      state_.graph.outputs.push_back(named_output(state_.graph, value, name));
    }
  }

  // Variables that are read before they are assigned a new value.
  void import_states() {
    for (auto& [name, variable] : state_.variables) {
      if (variable.input == nullptr || variable.current == nullptr) continue;
      const auto& inputs = state_.graph.inputs;
      const auto input = std::find(inputs.begin(), inputs.end(), variable.input) - inputs.begin();
      state_.graph.outputs.push_back(
          named_output(state_.graph, variable.current, state_.graph.unique_name(variable.input->name + "_next")));
      state_.graph.states.push_back({static_cast<size_t>(input), state_.graph.outputs.size() - 1, *variable.initial});
    }
  }
};

}  // namespace

TfliteModel import_tflite(const std::filesystem::path& file, const InputShapes& input_shapes,
                          const std::string& signature) {
  const TfliteFile source(file);
  const auto import = [&](const InputShapes& shapes) {
    TfliteModel result;
    result.graph = std::make_unique<ir::Graph>();
    EntryPoint entry = entry_point(source.model(), signature, result.warnings);
    result.graph->name = text_of(entry.subgraph->name());
    SubgraphImporter(source, std::move(entry), shapes, result).run();
    return result;
  };
  TfliteModel result = import(input_shapes);
  if (result.open_inputs.empty()) return result;
  require_samples(*result.graph, result.open_inputs, {}, [&](const InputShapes& sizes) {
    InputShapes shapes = input_shapes;
    for (const auto& [name, shape] : sizes) shapes[name] = shape;
    return import(shapes).graph;
  });
  return result;
}

}  // namespace linnet::import
