// The ONNX reader: what it accepts, and one clear line for everything else.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "tests/passes/onnx_model.hpp"

namespace linnet::passes_test {
namespace {

using ir::DType;
using ir::Shape;
using onnx::TensorProto;
using Lines = std::vector<std::string>;

// y = x + w with w [2]
void add_network(OnnxModelFile& file) {
  file.input("x", {1, 2}).output("y");
  file.floats("w", {2}, {1.0f, 2.0f});
  file.node("Add", {"x", "w"}, {"y"}, "add1");
}

TEST(OnnxImport, KeepsNamesOfTensorsAndNodes) {
  OnnxModelFile file;
  add_network(file);
  const import::OnnxModel model = file.import();
  ir::verify(*model.graph, "import");
  EXPECT_EQ(model.opset, 17);
  EXPECT_EQ(model.graph->inputs[0]->name, "x");
  EXPECT_EQ(model.graph->outputs[0]->name, "y");
  EXPECT_EQ(model.graph->nodes().front()->name, "add1");
  const auto outputs = ir::evaluate(*model.graph, {ir::Array::of_floats({1, 2}, {10.0f, 20.0f})});
  EXPECT_EQ(outputs[0].doubles(), (std::vector<double>{11.0, 22.0}));
}

TEST(OnnxImport, OpsetsOutsideTheRange) {
  for (const int opset : {-1, 0, 6, 27, 1000}) {
    OnnxModelFile file(opset);
    add_network(file);
    EXPECT_EQ(file.problems(), Lines{"the model uses opset " + std::to_string(opset) + "; supported are 7 to 26"});
  }
  OnnxModelFile file;
  add_network(file);
  file.model.mutable_opset_import(0)->set_domain("ai.onnx.ml");
  EXPECT_EQ(file.problems(), Lines{"the model names no opset of domain ai.onnx; supported are 7 to 26"});
}

TEST(OnnxImport, FilesThatAreNoModel) {
  OnnxModelFile file;
  EXPECT_THROW(import::import_onnx(file.folder / "none.onnx", {}), ir::Error);
  EXPECT_THROW(import::import_onnx(file.folder, {}), ir::Error);
  for (const std::string& bytes :
       {std::string(), std::string(1000, '\xff'), std::string(64, '\0'), std::string("text\n")}) {
    file.write(bytes);
    EXPECT_THROW(import::import_onnx(file.path(), {}), ir::Error);
  }
}

// Whatever the bytes: an error with a message, or a graph that verifies.
void import_anything(const OnnxModelFile& file, const std::string& bytes) {
  file.write(bytes);
  try {
    ir::verify(*import::import_onnx(file.path(), {}).graph, "import");
  } catch (const ir::Error& error) {
    EXPECT_STRNE(error.what(), "");
  }
}

TEST(OnnxImport, TruncatedAndFlippedFiles) {
  OnnxModelFile file;
  add_network(file);
  file.integers("shape", {2, 1});
  file.node("Reshape", {"y", "shape"}, {"z"});
  file.output("z");
  const std::string whole = file.model.SerializeAsString();
  for (size_t size = 0; size < whole.size(); ++size) import_anything(file, whole.substr(0, size));
  std::mt19937 random(1);
  for (int i = 0; i < 800; ++i) {
    std::string bytes = whole;
    for (int flips = 0; flips < 3; ++flips) bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    import_anything(file, bytes);
  }
}

TEST(OnnxImport, DeeplyNestedMessages) {
  OnnxModelFile file;
  add_network(file);
  onnx::GraphProto* graph = &file.graph();
  for (int depth = 0; depth < 2000; ++depth) {
    onnx::NodeProto* node = graph->add_node();
    node->set_op_type("If");
    node->add_output("deep");
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name("then_branch");
    attribute->set_type(onnx::AttributeProto::GRAPH);
    graph = attribute->mutable_g();
  }
  EXPECT_EQ(file.problems().size(), 1u);
}

struct Stored {
  int type;
  DType dtype;
  std::vector<double> values;
  std::string raw;
  std::vector<int64_t> fields;  // of the integer field, where one is used
};

template <class T>
std::string raw_bytes(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<Stored> stored_types() {
  return {
      {TensorProto::FLOAT, DType::f32, {1.5, -2.0}, raw_bytes<float>({1.5f, -2.0f}), {}},
      {TensorProto::DOUBLE, DType::f64, {0.1, -2.0}, raw_bytes<double>({0.1, -2.0}), {}},
      {TensorProto::FLOAT16, DType::f16, {1.5, -2.0}, raw_bytes<uint16_t>({0x3e00, 0xc000}), {0x3e00, 0xc000}},
      {TensorProto::BFLOAT16, DType::bf16, {1.5, -2.0}, raw_bytes<uint16_t>({0x3fc0, 0xc000}), {0x3fc0, 0xc000}},
      {TensorProto::INT8, DType::i8, {127, -128}, raw_bytes<int8_t>({127, -128}), {127, -128}},
      {TensorProto::UINT8, DType::u8, {255, 1}, raw_bytes<uint8_t>({255, 1}), {255, 1}},
      {TensorProto::INT16, DType::i16, {32767, -2}, raw_bytes<int16_t>({32767, -2}), {32767, -2}},
      {TensorProto::UINT16, DType::u16, {65535, 2}, raw_bytes<uint16_t>({65535, 2}), {65535, 2}},
      {TensorProto::INT32, DType::i32, {5, -7}, raw_bytes<int32_t>({5, -7}), {5, -7}},
      {TensorProto::UINT32, DType::u32, {4294967295.0, 7}, raw_bytes<uint32_t>({4294967295u, 7}), {4294967295, 7}},
      {TensorProto::INT64, DType::i64, {5, -7}, raw_bytes<int64_t>({5, -7}), {5, -7}},
      {TensorProto::UINT64,
       DType::u64,
       {9223372036854775808.0, 7},
       raw_bytes<uint64_t>({1ull << 63, 7}),
       {std::numeric_limits<int64_t>::min(), 7}},
      {TensorProto::BOOL, DType::boolean, {1, 0}, raw_bytes<uint8_t>({1, 0}), {1, 0}},
  };
}

void set_fields(TensorProto& tensor, const Stored& stored) {
  for (size_t i = 0; i < stored.values.size(); ++i) {
    if (stored.type == TensorProto::FLOAT)
      tensor.add_float_data(static_cast<float>(stored.values[i]));
    else if (stored.type == TensorProto::DOUBLE)
      tensor.add_double_data(stored.values[i]);
    else if (stored.type == TensorProto::INT64)
      tensor.add_int64_data(stored.fields[i]);
    else if (stored.type == TensorProto::UINT32 || stored.type == TensorProto::UINT64)
      tensor.add_uint64_data(static_cast<uint64_t>(stored.fields[i]));
    else
      tensor.add_int32_data(static_cast<int32_t>(stored.fields[i]));
  }
}

TEST(OnnxImport, EveryElementTypeRawTypedAndExternal) {
  for (const Stored& stored : stored_types()) {
    for (const std::string_view form : {"raw", "typed", "external"}) {
      OnnxModelFile file;
      TensorProto& tensor = file.initializer("w", {2}, stored.type);
      if (form == "raw") tensor.set_raw_data(stored.raw);
      if (form == "typed") set_fields(tensor, stored);
      if (form == "external") {
        std::ofstream(file.folder / "w.bin", std::ios::binary) << "head" << stored.raw;
        tensor.set_data_location(TensorProto::EXTERNAL);
        for (const auto& [key, value] : std::map<std::string, std::string>{
                 {"location", "w.bin"}, {"offset", "4"}, {"length", std::to_string(stored.raw.size())}}) {
          tensor.add_external_data()->set_key(key);
          tensor.mutable_external_data(tensor.external_data_size() - 1)->set_value(value);
        }
      }
      file.output("w", stored.type);
      const import::OnnxModel model = file.import();
      ASSERT_TRUE(model.graph->outputs[0]->producer != nullptr || model.graph->outputs[0]->constant);
      const ir::Array array = ir::evaluate(*model.graph, {})[0];
      EXPECT_EQ(array.dtype(), stored.dtype) << form;
      EXPECT_EQ(array.doubles(), stored.values) << form << " " << ir::name(stored.dtype);
    }
  }
}

TEST(OnnxImport, SizesOfInitializersAreChecked) {
  for (const Stored& stored : stored_types()) {
    for (const bool raw : {false, true}) {
      OnnxModelFile file;
      TensorProto& tensor = file.initializer("w", {3}, stored.type);
      if (raw)
        tensor.set_raw_data(stored.raw);
      else
        set_fields(tensor, stored);
      file.output("w");
      const Lines lines = file.problems();
      ASSERT_EQ(lines.size(), 1u);
      EXPECT_NE(lines[0].find("tensor 'w': has " + (raw ? std::to_string(stored.raw.size()) + " bytes" : "2 elements")),
                std::string::npos)
          << lines[0];
    }
  }
}

TEST(OnnxImport, ShapesThatCannotBe) {
  const Shape shapes[] = {{-1, 2}, {int64_t{1} << 40, int64_t{1} << 40}, {int64_t{1} << 31}};
  for (const Shape& shape : shapes) {
    OnnxModelFile file;
    file.initializer("w", shape, TensorProto::FLOAT).set_raw_data("1234");
    file.output("w");
    EXPECT_EQ(file.problems().size(), 1u);
  }
  OnnxModelFile file;
  file.input("x", {int64_t{1} << 40, int64_t{1} << 40}).output("x");
  EXPECT_EQ(file.problems().size(), 1u);
}

void external(TensorProto& tensor, const std::map<std::string, std::string>& entries) {
  tensor.set_data_location(TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    onnx::StringStringEntryProto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
}

TEST(OnnxImport, ExternalDataThatCannotBeRead) {
  const std::pair<std::map<std::string, std::string>, const char*> cases[] = {
      {{{"location", "none.bin"}}, "none.bin' is missing"},
      {{{"location", "short.bin"}}, "short.bin' has 4 bytes, wanted 8 from offset 0"},
      {{{"location", "short.bin"}, {"offset", "99"}}, "wanted 8 from offset 99"},
      {{{"location", "short.bin"}, {"length", "4"}}, "has 4 bytes in file 'short.bin', wanted 8"},
      {{{"location", "short.bin"}, {"offset", "-4"}}, "has offset '-4', wanted a number"},
      {{{"location", "../model.onnx"}}, "lies outside the model's folder"},
      {{{"location", "a/../../model.onnx"}}, "lies outside the model's folder"},
      {{{"location", "/etc/passwd"}}, "lies outside the model's folder"},
      {{{"location", "."}}, "is missing"},
      {{}, "external data without a location"},
  };
  for (const auto& [entries, message] : cases) {
    OnnxModelFile file;
    std::ofstream(file.folder / "short.bin") << "1234";
    external(file.initializer("w", {2}, TensorProto::FLOAT), entries);
    file.output("w");
    const Lines lines = file.problems();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].find("tensor 'w': "), 0u) << lines[0];
    EXPECT_NE(lines[0].find(message), std::string::npos) << lines[0];
  }
}

TEST(OnnxImport, ExternalDataIsNotReachedThroughLinksThatLeaveTheFolder) {
  OnnxModelFile file, other;
  std::ofstream(other.folder / "data.bin") << std::string(8, '\0');
  std::ofstream(file.folder / "data.bin") << std::string(8, '\0');
  std::filesystem::create_symlink(other.folder / "data.bin", file.folder / "file.bin");
  std::filesystem::create_directory_symlink(other.folder, file.folder / "folder");
  std::filesystem::create_symlink("data.bin", file.folder / "inside.bin");
  file.output("w");
  external(file.initializer("w", {2}, TensorProto::FLOAT), {{"location", "inside.bin"}});
  EXPECT_EQ(file.problems(), Lines{});
  for (const char* location : {"file.bin", "folder/data.bin", "folder/none.bin"}) {
    file.graph().mutable_initializer(0)->mutable_external_data(0)->set_value(location);
    EXPECT_EQ(file.problems(),
              Lines{std::string("tensor 'w': external file '") + location + "' lies outside the model's folder"});
  }
}

TEST(OnnxImport, ElementTypesThatAreNotSupported) {
  OnnxModelFile file;
  file.input("x", {1}, TensorProto::STRING).output("x");
  file.initializer("w", {1}, TensorProto::COMPLEX64).set_raw_data("12345678");
  const Lines lines = file.problems();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("tensor 'w': element type COMPLEX64; supported are float"), std::string::npos);
  EXPECT_NE(lines[1].find("graph input 'x': element type STRING; supported are float"), std::string::npos);
}

TEST(OnnxImport, SymbolicDimensions) {
  OnnxModelFile batch;
  batch.input("x", {0, 3, 4}).output("y");
  batch.node("Relu", {"x"}, {"y"});
  EXPECT_EQ(batch.import().graph->inputs[0]->shape(), (Shape{1, 3, 4}));
  EXPECT_EQ(batch.import({{"x", {5, 3, 4}}}).graph->outputs[0]->shape(), (Shape{5, 3, 4}));

  OnnxModelFile image;
  image.input("x", {0, 3, 0}).input("z", {0, 3, 0}).output("y");
  image.node("Add", {"x", "z"}, {"y"});
  const Lines lines = image.problems();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("x (dimension 2 d2), z (dimension 2 d2)"), std::string::npos) << lines[0];
  const std::string command =
      "linnet convert " + image.path().string() + " -o " + (image.folder / "model.lnt").string();
  EXPECT_NE(lines[0].find(command + " --shape x=1,3,d2 --shape z=1,3,d2"), std::string::npos) << lines[0];
  // The name that both inputs share is known from one of them.
  EXPECT_EQ(image.import({{"x", {2, 3, 8}}}).graph->outputs[0]->shape(), (Shape{2, 3, 8}));
}

TEST(OnnxImport, ShapesGivenForInputs) {
  OnnxModelFile file;
  add_network(file);
  EXPECT_EQ(file.problems({{"image", {1, 2}}}), Lines{"a shape is given for 'image', the model's inputs are: x"});
  EXPECT_EQ(file.problems({{"w", {2}}}).size(), 1u);
  EXPECT_EQ(file.problems({{"x", {2}}}), Lines{"graph input 'x': the shape 2 is given, the model wants 2 dimensions"});
  EXPECT_EQ(file.problems({{"x", {0, 2}}}).size(), 1u);
}

TEST(OnnxImport, InitializersThatAreInputsAreConstants) {
  OnnxModelFile file;
  add_network(file);
  file.input("w", {2});
  EXPECT_EQ(file.import().graph->inputs.size(), 1u);
}

TEST(OnnxImport, NodesOutOfOrderAreSorted) {
  OnnxModelFile file;
  file.input("x", {2}).output("c");
  file.node("Relu", {"b"}, {"c"}, "third");
  file.node("Neg", {"a"}, {"b"}, "second");
  file.node("Abs", {"x"}, {"a"}, "first");
  const import::OnnxModel model = file.import();
  ir::verify(*model.graph, "import");
  EXPECT_EQ(model.graph->nodes().front()->name, "first");
}

TEST(OnnxImport, CyclesAreNamed) {
  OnnxModelFile file;
  file.input("x", {2}).output("d");
  file.node("Add", {"x", "c"}, {"a"}, "n1");
  file.node("Relu", {"a"}, {"b"}, "n2");
  file.node("Relu", {"b"}, {"c"}, "n3");
  file.node("Relu", {"c"}, {"d"}, "behind");
  file.node("Frobnicate", {"d"}, {"e"}, "unknown");
  const Lines lines = file.problems();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "the graph has a cycle: 'n2' -> 'n3' -> 'n1' -> 'n2'");
  EXPECT_EQ(lines[1], "node 'unknown' (Frobnicate, opset 17): operator Frobnicate is not supported");
}

TEST(OnnxImport, NamesThatAreMissingOrTwice) {
  OnnxModelFile file;
  add_network(file);
  file.node("Relu", {"nowhere"}, {"r"}, "relu1");
  file.node("Relu", {"r"}, {"y"}, "relu2");
  file.node("Relu", {"y"}, {"w"}, "relu3");
  file.floats("w", {2}, {1.0f, 2.0f});
  file.output("z").output("r");
  const Lines lines = file.problems();
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0], "initializer 'w' is defined twice");
  EXPECT_EQ(lines[1], "node 'relu2': output 'y' is already computed by node 'add1'");
  EXPECT_EQ(lines[2], "node 'relu3': output 'w' is already a graph input or an initializer");
  EXPECT_EQ(lines[3].find("node 'relu1' (Relu): input 0 'nowhere' is not defined"), 0u);
  EXPECT_EQ(lines[4], "graph output 'z' is not computed by any node");
}

TEST(OnnxImport, EveryProblemOnceAndNoneBehindAnother) {
  OnnxModelFile file;
  file.input("x", {1, 2}).output("f");
  file.node("Frobnicate", {"x"}, {"a"}, "n1");
  file.node("Relu", {"a"}, {"b"}, "n2");
  file.node("Reshape", {"b", "x"}, {"c"}, "n3");
  OnnxModelFile::attribute(file.node("Relu", {"x"}, {"d"}, "n4"), "slope", 3);
  OnnxModelFile::attribute(file.node("Flatten", {"x"}, {"e"}, "n5"), "axis", 9);
  OnnxModelFile::attribute(file.node("Softmax", {"c"}, {"g"}, ""), "axis", 9);
  file.node("Mish", {"c"}, {"h"}, "n6");
  file.node("Gather", {"x", "x"}, {"i"}, "n7");
  file.node("Loop", {"g"}, {"f"}, "n8").set_domain("com.example");
  EXPECT_EQ(
      file.problems(),
      (Lines{"node 'n1' (Frobnicate, opset 17): operator Frobnicate is not supported",
             "node 'n4' (Relu, opset 17): attribute slope is not one of this operator",
             "node 'n5' (Flatten, opset 17): axis 9 of a tensor of 2 dimensions",
             "node 'n6' (Mish, opset 17): operator Mish is supported from opset 18",
             "node 'n7' (Gather, opset 17): input 1 (indices) must be constant, it depends on the graph's input 'x'",
             "node 'n8' (Loop): operator of domain 'com.example'; supported are operators of domain ai.onnx"}));
}

TEST(OnnxImport, AttributesOfTheWrongTypeAndFunctionsWithoutInputs) {
  OnnxModelFile file;
  file.input("x", {1, 2}).output("a").output("b");
  onnx::AttributeProto& axis = *file.node("Flatten", {"x"}, {"a"}, "n1").add_attribute();
  axis.set_name("axis");
  axis.set_type(onnx::AttributeProto::FLOAT);
  axis.set_f(1.0f);
  file.node("Mine", {"x"}, {"b"}, "n2").set_domain("local");
  onnx::FunctionProto& function = *file.model.add_functions();
  function.set_name("Mine");
  function.set_domain("local");
  EXPECT_EQ(file.problems(),
            (Lines{"node 'n1' (Flatten, opset 17): attribute axis has type FLOAT, wanted INT",
                   "node 'n2' (Mine, opset 17): has 1 inputs; supported are up to 0, the function's"}));
}

TEST(OnnxImport, NaNsInWeightsAreWarnedOf) {
  OnnxModelFile file;
  add_network(file);
  file.floats("v", {2}, {1.0f, std::nanf("")});
  file.node("Add", {"y", "v"}, {"z"});
  file.output("z");
  EXPECT_EQ(file.import().warnings, Lines{"tensor 'v' holds NaN or infinite elements"});
}

TEST(OnnxImport, OutputsKeepTheirNamesBehindIdentities) {
  OnnxModelFile file;
  file.input("x", {2}).output("same").output("a").output("renamed").output("again");
  file.node("Identity", {"x"}, {"same"});
  file.node("Relu", {"x"}, {"a"});
  file.node("Neg", {"x"}, {"b"});
  file.node("Identity", {"b"}, {"renamed"});
  file.node("Identity", {"b"}, {"again"});
  const import::OnnxModel model = file.import();
  ir::verify(*model.graph, "import");
  std::vector<std::string> names;
  for (const ir::Value* output : model.graph->outputs) names.push_back(output->name);
  EXPECT_EQ(names, (Lines{"same", "a", "renamed", "again"}));
}

// view(x, [size(0), -1]) as exporters write it.
TEST(OnnxImport, ShapeArithmeticVanishes) {
  OnnxModelFile file(13);
  file.input("x", {0, 3, 4}).output("y");
  file.initializer("zero", {}, TensorProto::INT64).add_int64_data(0);
  file.integers("axes", {0});
  file.integers("rest", {-1});
  file.node("Shape", {"x"}, {"shape"});
  OnnxModelFile::attribute(file.node("Gather", {"shape", "zero"}, {"batch"}), "axis", 0);
  file.node("Unsqueeze", {"batch", "axes"}, {"first"});
  OnnxModelFile::attribute(file.node("Concat", {"first", "rest"}, {"target"}), "axis", 0);
  file.node("Reshape", {"x", "target"}, {"y"});
  const import::OnnxModel model = file.import({{"x", {2, 3, 4}}});
  EXPECT_EQ(model.graph->nodes().size(), 1u);
  EXPECT_EQ(model.graph->outputs[0]->shape(), (Shape{2, 12}));
}

// floor(cast(size) * 2.0) as the sizes of an upsampling: shape arithmetic through floating point.
TEST(OnnxImport, ShapeArithmeticThroughFloats) {
  OnnxModelFile file(13);
  file.input("x", {1, 4}).output("y");
  file.floats("factor", {}, {2.0f});
  const auto cast = [&](const char* from, const char* to, int type) {
    OnnxModelFile::attribute(file.node("Cast", {from}, {to}), "to", type);
  };
  file.node("Shape", {"x"}, {"shape"});
  cast("shape", "real", TensorProto::FLOAT);
  file.node("Mul", {"real", "factor"}, {"scaled"});
  file.node("Floor", {"scaled"}, {"floored"});
  cast("floored", "target", TensorProto::INT64);
  file.node("Expand", {"x", "ones"}, {"wide"});
  file.integers("ones", {2, 4});
  file.node("Tile", {"wide", "target"}, {"y"});
  EXPECT_EQ(file.import().graph->outputs[0]->shape(), (Shape{4, 32}));
}

}  // namespace
}  // namespace linnet::passes_test
