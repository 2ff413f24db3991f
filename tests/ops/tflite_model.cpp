#include "tests/ops/tflite_model.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace linnet::ops_test {

namespace {

// Hands the bytes over as a file, which is gone afterwards.
void with_file(const std::vector<uint8_t>& bytes, const std::function<void(const std::filesystem::path&)>& use) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("linnet_ops_test_" + std::to_string(getpid()) + ".tflite");
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  struct Remove {
    const std::filesystem::path& path;
    ~Remove() { std::filesystem::remove(path); }
  } remove{path};
  use(path);
}

}  // namespace

TfliteModelBuilder::TfliteModelBuilder() {
  model.version = 3;
  model.buffers.push_back(std::make_unique<tfl::BufferT>());
  model.subgraphs.push_back(std::make_unique<tfl::SubGraphT>());
  graph = model.subgraphs.back().get();
}

int32_t TfliteModelBuilder::tensor(const std::string& name, std::vector<int32_t> shape, tfl::TensorType type) {
  auto row = std::make_unique<tfl::TensorT>();
  row->name = name;
  row->shape = std::move(shape);
  row->type = type;
  graph->tensors.push_back(std::move(row));
  return static_cast<int32_t>(graph->tensors.size()) - 1;
}

int32_t TfliteModelBuilder::input(const std::string& name, std::vector<int32_t> shape, tfl::TensorType type) {
  return graph->inputs.emplace_back(tensor(name, std::move(shape), type));
}

int32_t TfliteModelBuilder::constant_bytes(const std::string& name, std::vector<int32_t> shape,
                                           std::vector<uint8_t> bytes, tfl::TensorType type) {
  const int32_t index = tensor(name, std::move(shape), type);
  graph->tensors.back()->buffer = static_cast<uint32_t>(model.buffers.size());
  model.buffers.push_back(std::make_unique<tfl::BufferT>());
  model.buffers.back()->data = std::move(bytes);
  return index;
}

tfl::OperatorT& TfliteModelBuilder::add(tfl::BuiltinOperator op, std::vector<int32_t> inputs,
                                        std::vector<int32_t> outputs) {
  auto code = std::make_unique<tfl::OperatorCodeT>();
  code->builtin_code = op;
  auto row = std::make_unique<tfl::OperatorT>();
  row->opcode_index = static_cast<uint32_t>(model.operator_codes.size());
  row->inputs = std::move(inputs);
  row->outputs = std::move(outputs);
  model.operator_codes.push_back(std::move(code));
  graph->operators.push_back(std::move(row));
  return *graph->operators.back();
}

std::vector<uint8_t> TfliteModelBuilder::bytes() const {
  flatbuffers::FlatBufferBuilder builder;
  tfl::FinishModelBuffer(builder, tfl::Model::Pack(builder, &model));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

import::TfliteModel TfliteModelBuilder::import(const std::map<std::string, ir::Shape>& shapes,
                                               const std::string& signature) const {import::TfliteModel result;
with_file(bytes(), [&](const auto& path) { result = import::import_tflite(path, shapes, signature); });
return result;
}  // namespace linnet::ops_test

std::string TfliteModelBuilder::problems() const {
  return problems_of(bytes());
}

std::string problems_of(const std::vector<uint8_t>& bytes) {
  std::string text;
  with_file(bytes, [&](const auto& path) {
    try {
      import::import_tflite(path, {}, "");
    } catch (const ir::Problems& problems) {
      for (const std::string& problem : problems.list()) text += problem + "\n";
    } catch (const ir::Error& error) {
      text = std::string(error.what()) + "\n";
    }
  });
  return text;
}

}  // namespace linnet::ops_test
