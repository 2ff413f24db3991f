// Small TensorFlow Lite files made in code.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "converter/import/tflite/importer.hpp"
#include "converter/import/tflite/tflite_generated.h"

namespace linnet::ops_test {

namespace tfl = linnet::tflite;

// A model of one subgraph; tensors are numbered in the order in which they are added.
struct TfliteModelBuilder {
  tfl::ModelT model;
  tfl::SubGraphT* graph;

  TfliteModelBuilder();
  int32_t tensor(const std::string& name, std::vector<int32_t> shape, tfl::TensorType type = tfl::TensorType::FLOAT32);
  int32_t input(const std::string& name, std::vector<int32_t> shape, tfl::TensorType type = tfl::TensorType::FLOAT32);
  template <class T>
  int32_t constant(const std::string& name, std::vector<int32_t> shape, const std::vector<T>& values,
                   tfl::TensorType type) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    return constant_bytes(name, std::move(shape), {bytes, bytes + values.size() * sizeof(T)}, type);
  }
  int32_t constant_bytes(const std::string& name, std::vector<int32_t> shape, std::vector<uint8_t> bytes,
                         tfl::TensorType type);
  tfl::OperatorT& add(tfl::BuiltinOperator op, std::vector<int32_t> inputs, std::vector<int32_t> outputs);
  // The last operator's options.
  template <class Options>
  Options& options() {
    Options table;
    graph->operators.back()->builtin_options.Set(std::move(table));
    return *static_cast<Options*>(graph->operators.back()->builtin_options.value);
  }

  std::vector<uint8_t> bytes() const;
  import::TfliteModel import(const std::map<std::string, ir::Shape>& shapes = {},
                             const std::string& signature = "") const;
  // What the importer says of it, one problem a line; empty where it imports.
  std::string problems() const;
};

// Likewise of a file with these bytes.
std::string problems_of(const std::vector<uint8_t>& bytes);

}  // namespace linnet::ops_test
