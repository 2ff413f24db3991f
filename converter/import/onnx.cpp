#include "converter/import/onnx.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "converter/import/model_file.hpp"
#include "converter/import/node_context.hpp"
#include "converter/import/operators.hpp"
#include "converter/import/samples.hpp"
#include "converter/import/topology.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::import {

namespace {

using ir::Array;
using ir::Error;
using ir::Shape;
using ir::Value;
using InputShapes = std::map<std::string, Shape>;
using Initializers = std::unordered_map<std::string, Array>;

class GraphImporter {
 public:
  // `initializers` are read once, by the first import of a model.
  GraphImporter(onnx::ModelProto& model, const InputShapes& input_shapes, Initializers& initializers,
                TensorReader reader, bool data_may_be_missing, OnnxModel& result)
      : source_(*model.mutable_graph()),
        model_(model),
        input_shapes_(input_shapes),
        initializers_(initializers),
        result_(result),
        state_{*result.graph, result.opset, std::move(reader), result.warnings, data_may_be_missing, {}, {}, {}} {}

  void run() {
    const Topology topology = sort_nodes(source_);
    problems_ = topology.problems;
    reserve_names();
    import_initializers();
    import_inputs();
    for (const int index : topology.order) import_node(source_.node(index));
    for (const int index : topology.blocked) {
      check_operator(source_.node(index));
      spoil_outputs(source_.node(index));
    }
    import_outputs();
    if (!problems_.empty()) throw ir::Problems(problems_);
    remove_unused_constants();
  }

 private:
  onnx::GraphProto& source_;
  const onnx::ModelProto& model_;
  const InputShapes& input_shapes_;
  Initializers& initializers_;
  OnnxModel& result_;
  ImportState state_;
  std::vector<std::string> problems_;
  std::set<std::string>
      spoiled_;  // tensors that exist but could not be imported; what depends on them is not reported again

  template <class... T>
  void problem(fmt::format_string<T...> text, T&&... arguments) {
    problems_.push_back(fmt::format(text, std::forward<T>(arguments)...));
  }

  // Tensors keep the source's names; names made up for others must not take them away.
  void reserve_names() {
    for (const auto& node : source_.node()) {
      for (const std::string& output : node.output())
        if (!output.empty()) state_.graph.unique_name(output);
      state_.read.insert(node.input().begin(), node.input().end());
    }
    for (const auto& output : source_.output()) state_.read.insert(output.name());
  }

  void import_initializers() {
    for (onnx::TensorProto& tensor : *source_.mutable_initializer()) {
      add_initializer(tensor.name(), tensor);
      tensor.clear_raw_data();
    }
    for (const onnx::SparseTensorProto& tensor : source_.sparse_initializer())
      add_initializer(tensor.values().name(), tensor);
  }

  Array read(const onnx::TensorProto& tensor) {
    if (!state_.data_may_be_missing || !state_.reader.lacks_data(tensor) ||
        !ir::is_floating(dtype_of(tensor.data_type())))
      return state_.reader.read(tensor);
    result_.placeholders.insert(tensor.name());
    return TensorReader::zeros(tensor);
  }
  Array read(const onnx::SparseTensorProto& tensor) { return state_.reader.read(tensor); }

  template <class Proto>
  void add_initializer(const std::string& name, const Proto& tensor) try {
    auto known = initializers_.find(name);
    if (known == initializers_.end()) known = initializers_.emplace(name, read(tensor)).first;
    const Array& array = known->second;
    if (!array.all_finite()) state_.warnings.push_back(fmt::format("tensor '{}' holds NaN or infinite elements", name));
    if (state_.values.count(name) == 0) state_.values[name] = state_.graph.add_constant(name, array);
  } catch (const Error& error) {
    problems_.emplace_back(error.what());
    spoiled_.insert(name);
  }

  void import_inputs() {
    std::set<std::string> names, unresolved;
    const std::map<std::string, int64_t> symbols = given_symbols();
    for (const onnx::ValueInfoProto& input : source_.input()) {
      if (state_.values.count(input.name()) != 0 || spoiled_.count(input.name()) != 0) continue;
      names.insert(input.name());
      try {
        std::string symbolic;
        bool open = false;
        ir::TensorType type = input_type(input, symbols, symbolic, open);
        if (!symbolic.empty()) unresolved.insert(fmt::format("{} ({})", input.name(), symbolic));
        if (symbolic.empty()) state_.values[input.name()] = state_.graph.add_input(input.name(), std::move(type));
        if (symbolic.empty() && open) result_.open_inputs.push_back(input.name());
      } catch (const Error& error) {
        problem("graph input '{}': {}", input.name(), error.what());
      }
      if (state_.values.count(input.name()) == 0) spoiled_.insert(input.name());
    }
    if (!unresolved.empty())
      problem("symbolic dimensions other than the first need a shape (--shape NAME=1,3,224,224): {}",
              fmt::join(unresolved, ", "));
    for (const auto& [name, shape] : input_shapes_)
      if (names.count(name) == 0)
        problem("a shape is given for '{}', the model's inputs are: {}", name, fmt::join(names, ", "));
  }

  // Named dimensions whose size follows from a shape that was given.
  std::map<std::string, int64_t> given_symbols() const {
    std::map<std::string, int64_t> symbols;
    for (const onnx::ValueInfoProto& input : source_.input()) {
      const auto given = input_shapes_.find(input.name());
      const auto& dims = input.type().tensor_type().shape().dim();
      if (given == input_shapes_.end() || given->second.size() != static_cast<size_t>(dims.size())) continue;
      for (int d = 0; d < dims.size(); ++d)
        if (!dims[d].dim_param().empty()) symbols.emplace(dims[d].dim_param(), given->second[static_cast<size_t>(d)]);
    }
    return symbols;
  }

  // `symbolic` gets the dimensions that stay unknown, `open` whether the first one was, and is 1.
  ir::TensorType input_type(const onnx::ValueInfoProto& input, const std::map<std::string, int64_t>& symbols,
                            std::string& symbolic, bool& open) const {
    if (!input.type().has_tensor_type()) throw Error("is not a tensor; supported are tensors");
    const onnx::TypeProto_Tensor& tensor = input.type().tensor_type();
    ir::TensorType type{dtype_of(tensor.elem_type()), {}};
    const auto given = input_shapes_.find(input.name());
    if (given != input_shapes_.end()) {
      if (tensor.has_shape() && given->second.size() != static_cast<size_t>(tensor.shape().dim_size()))
        throw Error(fmt::format("the shape {} is given, the model wants {} dimensions", ir::to_string(given->second),
                                tensor.shape().dim_size()));
      for (const int64_t size : given->second)
        if (size < 1)
          throw Error(fmt::format("the shape {} is given; supported are dimensions of 1 and more",
                                  ir::to_string(given->second)));
      type.shape = given->second;
      return type;
    }
    if (!tensor.has_shape()) symbolic = "unknown rank";
    for (int d = 0; d < tensor.shape().dim_size(); ++d) {
      const auto& dim = tensor.shape().dim(d);
      const auto symbol = symbols.find(dim.dim_param());
      const bool known = dim.dim_value() > 0 || symbol != symbols.end();
      type.shape.push_back(dim.dim_value() > 0 ? dim.dim_value() : symbol != symbols.end() ? symbol->second : 1);
      open = open || (!known && d == 0);
      if (!known && d > 0)
        symbolic += fmt::format("{}dimension {}{}{}", symbolic.empty() ? "" : ", ", d,
                                dim.dim_param().empty() ? "" : " ", dim.dim_param());
    }
    return type;
  }

  // Reports an operator that is not supported; null then.
  const OnnxOperator* check_operator(const onnx::NodeProto& node) {
    if (!is_onnx_domain(node.domain())) {
      problem("node '{}' ({}): {} of domain '{}'; supported are operators of domain ai.onnx", display_name(node),
              node.op_type(), is_function(node) ? "local function" : "operator", node.domain());
      return nullptr;
    }
    const OnnxOperator* row = find_onnx_operator(node.op_type());
    if (row == nullptr) {
      problems_.push_back(about_node(node, state_.opset, fmt::format("operator {} is not supported", node.op_type())));
    } else if (state_.opset < row->first_opset) {
      problems_.push_back(about_node(
          node, state_.opset, fmt::format("operator {} is supported from opset {}", node.op_type(), row->first_opset)));
      row = nullptr;
    }
    return row;
  }

  bool is_function(const onnx::NodeProto& node) const {
    for (const onnx::FunctionProto& function : model_.functions())
      if (function.name() == node.op_type() && function.domain() == node.domain()) return true;
    return false;
  }

  void spoil_outputs(const onnx::NodeProto& node) { spoiled_.insert(node.output().begin(), node.output().end()); }

  bool inputs_imported(const onnx::NodeProto& node) const {
    for (const std::string& input : node.input())
      if (!input.empty() && state_.values.count(input) == 0) return false;
    return true;
  }

  void import_node(const onnx::NodeProto& node) {
    const OnnxOperator* row = check_operator(node);
    if (row == nullptr || !inputs_imported(node)) return spoil_outputs(node);
    try {
      NodeContext context(node, state_);
      try {
        const std::vector<Value*> outputs = row->importer(context);
        context.require_attributes_read();
        bind_outputs(node, context, outputs);
      } catch (const Error& error) {
        const std::string message = error.what();
        if (message.starts_with(context.about(""))) throw;
        context.fail(message);
      }
    } catch (const Error& error) {
      problems_.emplace_back(error.what());
      spoil_outputs(node);
    }
  }

  void bind_outputs(const onnx::NodeProto& node, NodeContext& context, const std::vector<Value*>& outputs) {
    std::set<const Value*> renamed;
    for (int i = 0; i < node.output_size(); ++i) {
      const std::string& name = node.output(i);
      if (name.empty()) continue;
      Value* value = static_cast<size_t>(i) < outputs.size() ? outputs[static_cast<size_t>(i)] : nullptr;
      if (value == nullptr) {
        if (context.output_used(static_cast<size_t>(i))) context.fail(fmt::format("output {} is not supported", i));
        continue;
      }
      if (state_.values.count(name) != 0) continue;  // defined twice, reported already
      if (context.created(value) && renamed.insert(value).second) state_.graph.rename(value, name);
      state_.values[name] = value;
    }
  }

  void import_outputs() {
    if (source_.output_size() == 0) problem("the graph has no outputs");
    for (const onnx::ValueInfoProto& output : source_.output()) {
      const auto found = state_.values.find(output.name());
      if (found != state_.values.end())
        state_.graph.outputs.push_back(found->second = named_output(found->second, output.name()));
      else if (spoiled_.count(output.name()) == 0)
        problem("graph output '{}' is not computed by any node", output.name());
    }
  }

  // An output is known by its name. Where an Identity made it another tensor that has to keep its own name, a view of
  // that tensor becomes the output.
  Value* named_output(Value* value, const std::string& name) {
    ir::Graph& graph = state_.graph;
    if (value->name == name) return value;
    if (graph.is_input(value) || graph.is_output(value) || value->constant) {
      auto view = std::make_unique<ops::Reshape>();
      view->shape = value->shape();
      value = graph.add(std::move(view), {value}, name)->outputs.front();
    }
    graph.rename(value, name);
    return value;
  }

  void remove_unused_constants() {
    std::vector<Value*> unused;
    for (const auto& value : state_.graph.values())
      if (value->constant && value->uses.empty() && !state_.graph.is_output(value.get())) unused.push_back(value.get());
    for (Value* value : unused) state_.graph.remove(value);
  }
};

using Import = std::function<OnnxModel(const InputShapes&)>;

// Looks at the model with 2 and with 3 elements where the first dimensions are open; one that allows neither has one
// sample.
void require_samples(const OnnxModel& one, const Import& import, InputShapes shapes, const Initializers& initializers) {
  std::vector<OnnxModel> several;
  try {
    for (const int64_t size : {2, 3}) {
      for (const Value* input : one.graph->inputs) {
        if (std::find(one.open_inputs.begin(), one.open_inputs.end(), input->name) == one.open_inputs.end()) continue;
        shapes[input->name] = input->shape();
        shapes[input->name][0] = size;
      }
      several.push_back(import(shapes));
    }
  } catch (const Error&) {
    return;
  }
  std::unordered_set<std::string> names;
  for (const auto& initializer : initializers) names.insert(initializer.first);
  const std::optional<std::string> reason = why_not_samples(*several[0].graph, *several[1].graph, names);
  if (!reason) return;
  std::vector<std::string> options;
  for (const Value* input : one.graph->inputs)
    if (shapes.count(input->name) > 0)
      options.push_back(fmt::format("--shape {}={}", input->name, fmt::join(input->shape(), ",")));
  throw ir::Problems(
      {fmt::format("the first dimension of {} is open, and is no batch of independent samples: {}. Give its size ({})",
                   fmt::join(one.open_inputs, ", "), *reason, fmt::join(options, " "))});
}

}  // namespace

OnnxModel import_onnx(const std::filesystem::path& file, const InputShapes& input_shapes, bool data_may_be_missing) {
  const std::unique_ptr<onnx::ModelProto> model = read_model(file);
  Initializers initializers;
  const Import import = [&](const InputShapes& shapes) {
    OnnxModel result;
    result.graph = std::make_unique<ir::Graph>();
    result.graph->name = model->graph().name();
    result.opset = model_opset(*model);
    GraphImporter(*model, shapes, initializers, TensorReader(file.parent_path()), data_may_be_missing, result).run();
    return result;
  };
  OnnxModel result = import(input_shapes);
  if (!result.open_inputs.empty()) require_samples(result, import, input_shapes, initializers);
  return result;
}

}  // namespace linnet::import
