// What an operator's ONNX importer sees of one ONNX node. Importers live with their operator in converter/ops/ and are
// listed in onnx_operators.inc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/import/context.hpp"

namespace onnx {
class NodeProto;
}

namespace linnet::import {

class OnnxContext : public Context {
 public:
  virtual const std::string& op_type() const = 0;
  virtual const std::string& node_name()
      const = 0;  // made up from the operator and the first output where the node has none
  virtual int opset() const = 0;
  virtual ir::Graph& graph() = 0;

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
};

// Returns one value per output (null for optional outputs that are not produced).
using OnnxImporter = std::vector<ir::Value*> (*)(OnnxContext& context);

}  // namespace linnet::import
