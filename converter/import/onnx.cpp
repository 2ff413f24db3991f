#include "converter/import/onnx.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "converter/import/graph_outputs.hpp"
#include "converter/import/model_file.hpp"
#include "converter/import/node_importer.hpp"
#include "converter/import/samples.hpp"
#include "converter/import/shell.hpp"

namespace linnet::import {

namespace {

using ir::Array;
using ir::Error;
using ir::Shape;
using ir::Value;
using InputShapes = std::map<std::string, Shape>;
using InputConstants = std::map<std::string, ConstantInput>;

// A dimension whose size the model leaves open.
constexpr int64_t kOpen = -1;

class GraphImporter {
 public:
  // `initializers` are read once, by the first import of a model.
  GraphImporter(const std::filesystem::path& file, onnx::ModelProto& model, const InputShapes& input_shapes,
                const InputConstants& constants, Initializers& initializers, bool data_may_be_missing,
                OnnxModel& result)
      : file_(file),
        source_(*model.mutable_graph()),
        input_shapes_(input_shapes),
        constants_(constants),
        result_(result),
        state_{*result.graph,
               TensorReader(file.parent_path()),
               result.warnings,
               data_may_be_missing,
               Functions(model),
               {},
               {},
               {}},
        nodes_(state_, problems_, result.placeholders, initializers) {
    scope_.opset = result.opset;
  }

  void run() {
    const Given given = given_by(source_);  // the names of initializers outlive their elements
    reserve_names();
    nodes_.import_initializers(source_, scope_);
    import_inputs();
    std::vector<std::string> outputs;
    for (const onnx::ValueInfoProto& output : source_.output()) outputs.push_back(output.name());
    nodes_.import_nodes(source_.node(), given, outputs, scope_);
    import_outputs();
    if (!problems_.empty()) throw ir::Problems(problems_);
    remove_unused_constants(state_.graph);
  }

 private:
  const std::filesystem::path& file_;
  onnx::GraphProto& source_;
  const InputShapes& input_shapes_;
  const InputConstants& constants_;
  OnnxModel& result_;
  std::vector<std::string> problems_;
  ImportState state_;
  Scope scope_;
  NodeImporter nodes_;

  template <class... T>
  void problem(fmt::format_string<T...> text, T&&... arguments) {
    problems_.push_back(fmt::format(text, std::forward<T>(arguments)...));
  }

  // Tensors keep the source's names; names made up for others must not take them away.
  void reserve_names() {
    for (const auto& node : source_.node())
      for (const std::string& output : node.output())
        if (!output.empty()) state_.graph.unique_name(output);
  }

  void import_inputs() {
    std::set<std::string> names;
    std::vector<const onnx::ValueInfoProto*> open;
    const std::map<std::string, int64_t> symbols = given_symbols();
    for (const onnx::ValueInfoProto& input : source_.input()) {
      if (scope_.values.count(input.name()) != 0 || scope_.spoiled.count(input.name()) != 0) continue;
      names.insert(input.name());
      try {
        if (!import_input(input, symbols)) open.push_back(&input);
      } catch (const Error& error) {
        problem("graph input '{}': {}", input.name(), error.what());
      }
      if (scope_.values.count(input.name()) == 0) scope_.spoiled.insert(input.name());
    }
    if (!open.empty()) report_open(open);
    const auto require_inputs = [&](const auto& given, const char* what) {
      for (const auto& [name, value] : given)
        if (names.count(name) == 0)
          problem("a {} is given for '{}', the model's inputs are: {}", what, name, fmt::join(names, ", "));
    };
    require_inputs(input_shapes_, "shape");
    require_inputs(constants_, "constant");
  }

  // False where dimensions behind the first, or their number, stay open.
  bool import_input(const onnx::ValueInfoProto& input, const std::map<std::string, int64_t>& symbols) {
    const std::string& name = input.name();
    ir::TensorType type = input_type(input, symbols);
    if (const auto constant = constants_.find(name); constant != constants_.end()) {
      try {
        if (has_unknown_rank(input) && constant->second.elements) type.shape = constant->second.elements->shape();
        scope_.values[name] = state_.graph.add_constant(name, constant_of(constant->second, type));
      } catch (const Error& error) {
        throw Error(fmt::format("the constant '{}' is given: {}", constant->second.text, error.what()));
      }
      return true;
    }
    if (has_unknown_rank(input)) return false;
    for (size_t d = 0; d < type.shape.size(); ++d) {
      if (type.shape[d] == kOpen && d > 0) return false;
      if (type.shape[d] == kOpen) result_.open_inputs.push_back(name);
      if (type.shape[d] == kOpen) type.shape[d] = 1;
    }
    scope_.values[name] = state_.graph.add_input(name, std::move(type));
    return true;
  }

  bool has_unknown_rank(const onnx::ValueInfoProto& input) const {
    return !input.type().tensor_type().has_shape() && input_shapes_.count(input.name()) == 0;
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

  // Sizes that are not known are kOpen.
  ir::TensorType input_type(const onnx::ValueInfoProto& input, const std::map<std::string, int64_t>& symbols) const {
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
    for (const auto& dim : tensor.shape().dim()) {
      const auto symbol = symbols.find(dim.dim_param());
      type.shape.push_back(dim.dim_value() > 0 ? dim.dim_value() : symbol != symbols.end() ? symbol->second : kOpen);
    }
    return type;
  }

  // One problem for all inputs, with the command that gives their shapes.
  void report_open(const std::vector<const onnx::ValueInfoProto*>& inputs) {
    std::string places, shapes;
    std::set<std::string> batches;  // first dimensions, which are 1 unless a shape says otherwise
    for (const onnx::ValueInfoProto& input : source_.input())
      if (const auto& shape = input.type().tensor_type().shape(); shape.dim_size() > 0)
        batches.insert(shape.dim(0).dim_param());
    for (const onnx::ValueInfoProto* input : inputs) {
      std::string symbolic, sizes;
      const auto& dims = input->type().tensor_type().shape().dim();
      for (int d = 0; d < dims.size(); ++d) {
        const std::string& name = dims[d].dim_param();
        const bool open = dims[d].dim_value() <= 0 && d > 0;
        if (open)
          symbolic += fmt::format("{}dimension {}{}{}", symbolic.empty() ? "" : ", ", d, name.empty() ? "" : " ", name);
        sizes += sizes.empty() ? "" : ",";
        sizes += open && batches.count(name) == 0 ? placeholder(name, d)
                                                  : std::to_string(std::max<int64_t>(dims[d].dim_value(), 1));
      }
      const bool unknown_rank = has_unknown_rank(*input);
      places +=
          fmt::format("{}{} ({})", places.empty() ? "" : ", ", input->name(), unknown_rank ? "unknown rank" : symbolic);
      shapes += " --shape " + shell_word(fmt::format("{}={}", input->name(), unknown_rank ? "1,C,H,W" : sizes));
    }
    const std::filesystem::path model = std::filesystem::path(file_).replace_extension(".lnt");
    problem(
        "symbolic dimensions other than the first need a size: {}; with numbers for the letters: linnet convert {} -o "
        "{}{}",
        places, shell_word(file_.string()), shell_word(model.string()), shapes);
  }

  // Stands for a size in a command: the dimension's name where that is a word.
  static std::string placeholder(const std::string& name, int dimension) {
    const bool word = !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) != 0 &&
                      std::all_of(name.begin(), name.end(),
                                  [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
    return word ? name : fmt::format("D{}", dimension);
  }

  void import_outputs() {
    if (source_.output_size() == 0) problem("the graph has no outputs");
    for (const onnx::ValueInfoProto& output : source_.output()) {
      const auto found = scope_.values.find(output.name());
      if (found != scope_.values.end())
        state_.graph.outputs.push_back(found->second = named_output(state_.graph, found->second, output.name()));
      else if (scope_.spoiled.count(output.name()) == 0)
        problem("graph output '{}' is not computed by any node", output.name());
    }
  }
};

}  // namespace

OnnxModel import_onnx(const std::filesystem::path& file, const InputShapes& input_shapes,
                      const InputConstants& constants, bool data_may_be_missing) {
  const std::unique_ptr<onnx::ModelProto> model = read_model(file);
  const std::optional<int> opset = onnx_opset(model->opset_import(), "the model");
  if (!opset)
    throw Error(fmt::format("the model names no opset of domain ai.onnx; supported are {} to {}", kMinimumOpset,
                            kMaximumOpset));
  Initializers initializers;
  const auto import = [&](const InputShapes& shapes) {
    OnnxModel result;
    result.graph = std::make_unique<ir::Graph>();
    result.graph->name = model->graph().name();
    result.opset = *opset;
    GraphImporter(file, *model, shapes, constants, initializers, data_may_be_missing, result).run();
    return result;
  };
  OnnxModel result = import(input_shapes);
  if (result.open_inputs.empty()) return result;
  std::unordered_set<std::string> names;
  for (const auto& initializer : initializers) names.insert(initializer.first);
  require_samples(*result.graph, result.open_inputs, names, [&](const InputShapes& sizes) {
    InputShapes shapes = input_shapes;
    for (const auto& [name, shape] : sizes) shapes[name] = shape;
    return import(shapes).graph;
  });
  return result;
}

}  // namespace linnet::import
