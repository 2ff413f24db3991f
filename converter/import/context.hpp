// What the importer of an operator sees of one node of the source, whatever the source's format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::import {

class Context {
 public:
  virtual ~Context() = default;

  // Inputs. `input` throws Error when it is absent; `optional_input` gives null. One behind all that were asked for is
  // a problem of its own where the format has a fixed number, unless their number was asked for.
  virtual size_t input_count() = 0;
  virtual ir::Value* input(size_t index) = 0;
  virtual ir::Value* optional_input(size_t index) = 0;
  // The constant elements of an input; throws Error ("input 1 (shape) must be constant ...") when they depend on data.
  virtual const ir::Array& constant(size_t index, std::string_view what) = 0;
  // Whether a value is constant or computed from constants alone, so that constant folding makes it one.
  virtual bool is_static(const ir::Value* value) const = 0;
  virtual size_t output_count() const = 0;           // declared outputs
  virtual bool output_used(size_t index) const = 0;  // read by a node, or an output of the graph

  // Adds a node whose inputs are `inputs`; nodes with only constant inputs and integer or boolean outputs (shape
  // arithmetic) are evaluated at once and come back as constants.
  virtual ir::Value* add(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) = 0;
  virtual std::vector<ir::Value*> add_many(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) = 0;
  virtual ir::Value* add_constant(ir::Array array, std::string_view what) = 0;

  // Messages are prefixed with the node.
  virtual void warn(std::string message) = 0;
  virtual std::string about(const std::string& message) const = 0;
  [[noreturn]] void fail(const std::string& message) const { throw ir::Error(about(message)); }
};

}  // namespace linnet::import
