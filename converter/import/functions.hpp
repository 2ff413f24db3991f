// The local functions of a model. The fields that ONNX gave functions and nodes after version 8 of its format (defaults
// of attributes, overloads) are read whether or not the installed description of the format knows them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "onnx/onnx.pb.h"

namespace linnet::import {

// Attributes by name; what a reference (ref_attr_name) inside of a function stands for.
using AttributeMap = std::map<std::string, const onnx::AttributeProto*, std::less<>>;

struct Function {
  const onnx::FunctionProto* proto;
  std::vector<std::unique_ptr<onnx::AttributeProto>> defaults;
};

class Functions {
 public:
  explicit Functions(const onnx::ModelProto& model);
  const Function* find(const onnx::NodeProto& call) const;  // null where there is none

 private:
  std::map<std::tuple<std::string, std::string, std::string>, Function> functions_;  // by domain, name, overload
};

}  // namespace linnet::import
