// What an operator's ONNX importer sees of one ONNX node. Importers live with their operator in converter/ops/ and are
// listed in onnx_operators.inc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/ir/graph.hpp"

namespace onnx {
class NodeProto;
}

namespace linnet::import {

class OnnxContext {
 public:
  virtual ~OnnxContext() = default;

  virtual const std::string& op_type() const = 0;
  virtual const std::string& node_name()
      const = 0;  // made up from the operator and the first output where the node has none
  virtual int opset() const = 0;
  virtual ir::Graph& graph() = 0;

  // Inputs. `input` throws Error when it is absent; `optional_input` gives null. One behind all that were asked for is
  // a problem of its own, unless their number was asked for.
  virtual size_t input_count() = 0;
  virtual ir::Value* input(size_t index) = 0;
  virtual ir::Value* optional_input(size_t index) = 0;
  // The constant elements of an input; throws Error ("input 1 (shape) must be constant ...") when they depend on data.
  virtual const ir::Array& constant(size_t index, std::string_view what) = 0;
  // Whether a value is constant or computed from constants alone, so that constant folding makes it one.
  virtual bool is_static(const ir::Value* value) const = 0;
  virtual size_t output_count() const = 0;           // declared outputs
  virtual bool output_used(size_t index) const = 0;  // read by a node, or an output of the graph

  // Attributes, with the default of the specification. Each attribute that is never asked for is a problem of its own,
  // as is one of the wrong type.
  virtual bool has(std::string_view attribute) = 0;
  virtual int64_t integer(std::string_view attribute, int64_t fallback) = 0;
  virtual double number(std::string_view attribute, double fallback) = 0;
  virtual std::string text(std::string_view attribute, std::string_view fallback) = 0;
  virtual std::vector<std::string> texts(std::string_view attribute, std::vector<std::string> fallback = {}) = 0;
  virtual std::vector<int64_t> integers(std::string_view attribute, std::vector<int64_t> fallback = {}) = 0;
  virtual std::vector<double> numbers(std::string_view attribute, std::vector<double> fallback = {}) = 0;
  virtual std::optional<ir::Array> tensor(std::string_view attribute) = 0;
  // Adds the nodes of a graph without inputs, which may read the tensors around it, and gives its outputs.
  virtual std::vector<ir::Value*> branch(std::string_view attribute) = 0;

  // Adds a node whose inputs are `inputs`; nodes with only constant inputs and integer or boolean outputs (shape
  // arithmetic) are evaluated at once and come back as constants.
  virtual ir::Value* add(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) = 0;
  virtual std::vector<ir::Value*> add_many(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) = 0;
  virtual ir::Value* add_constant(ir::Array array, std::string_view what) = 0;

  // Messages are prefixed with node, operator and opset.
  virtual void warn(std::string message) = 0;
  virtual std::string about(const std::string& message) const = 0;
  [[noreturn]] void fail(const std::string& message) const { throw ir::Error(about(message)); }
};

// Returns one value per output (null for optional outputs that are not produced).
using OnnxImporter = std::vector<ir::Value*> (*)(OnnxContext& context);

}  // namespace linnet::import
