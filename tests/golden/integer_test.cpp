// The integer graphs that quantized TensorFlow Lite files become, evaluated by the reference: every byte of every
// output, and of every tensor that a case holds, is that of TensorFlow Lite's reference kernels. A network with state
// runs over all samples of its case, in order. Usage: golden_integer_test FOLDER [GoogleTest options]

#include <gtest/gtest.h>

#include "converter/import/tflite/file.hpp"
#include "converter/import/tflite/importer.hpp"
#include "converter/ir/states.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/pipeline.hpp"
#include "tests/golden/case.hpp"

namespace linnet::golden {
namespace {

using ir::Array;

// Sample `run` of `runs`, one behind the other, as an array of this type.
Array sample(const tools::NpyArray& npy, const ir::TensorType& type, size_t run) {
  const auto count = static_cast<size_t>(ir::element_count(type.shape));
  if (ir::is_floating(type.dtype)) {
    std::vector<double> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = npy.number(run * count + i);
    return Array::of_doubles(type.shape, std::move(values), type.dtype);
  }
  std::vector<int64_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<int64_t>(npy.number(run * count + i));
  return Array::of_integers(type.shape, std::move(values), type.dtype).with_quantization(type.quantization);
}

void expect_equal(const Array& got, const tools::NpyArray& want, size_t run, const std::string& what) {
  ASSERT_LE((run + 1) * got.size(), want.size()) << what;
  size_t different = 0, first = 0;
  for (size_t i = got.size(); i-- > 0;) {
    if (got.number(i) == want.number(run * got.size() + i)) continue;
    ++different;
    first = i;
  }
  EXPECT_EQ(different, 0u) << what << ", run " << run << ": " << different << " of " << got.size()
                           << " elements differ, first element " << first << ": " << got.number(first) << " for "
                           << want.number(run * got.size() + first);
}

class IntegerTest : public testing::Test {
 public:
  IntegerTest(std::filesystem::path folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {}

  void TestBody() override {
    const Case golden = read_case(folder_, name_);
    const std::filesystem::path file = folder_ / (name_ + ".tflite");
    const import::TfliteModel model = import::import_tflite(file, {}, "");
    check(*model.graph, golden, names(file, golden, *model.graph));
    passes_keep(file, golden);
  }

 private:
  std::filesystem::path folder_;
  std::string name_;

  static std::map<std::string, int> names(const std::filesystem::path& file, const Case& golden,
                                          const ir::Graph& graph) {
    const import::TfliteFile source(file);
    std::map<std::string, int> numbers;
    for (const auto& [number, array] : golden.tensors)
      numbers[import::text_of(
          source.model().subgraphs()->Get(0)->tensors()->Get(static_cast<uint32_t>(number))->name())] = number;
    for (const ir::Value* input : graph.inputs) numbers.erase(input->name);
    return numbers;
  }

  static void check(const ir::Graph& graph, const Case& golden, const std::map<std::string, int>& numbers) {
    const std::vector<ir::Value*> inputs = program_inputs(graph), outputs = program_outputs(graph);
    ASSERT_EQ(inputs.size(), golden.inputs.size());
    ASSERT_EQ(outputs.size(), golden.outputs.size());
    const size_t runs = golden.inputs[0].size() / static_cast<size_t>(ir::element_count(inputs[0]->shape()));
    ir::Runs reference(graph);
    size_t seen = 0;
    for (size_t run = 0; run < runs; ++run) {
      std::vector<Array> arrays;
      for (size_t i = 0; i < inputs.size(); ++i) arrays.push_back(input(*inputs[i], golden.inputs[i], run));
      const std::vector<Array> results =
          reference.run(arrays, [&](const ir::Node& node, const std::vector<Array>& values) {
            for (size_t i = 0; i < values.size(); ++i) {
              const auto number = numbers.find(node.outputs[i]->name);
              if (number == numbers.end()) continue;
              ++seen;
              expect_equal(values[i], golden.tensors.at(number->second), run, number->first);
            }
          });
      for (size_t i = 0; i < outputs.size(); ++i)
        expect_equal(in_source_order(*outputs[i], results[i]), golden.outputs[i], run, outputs[i]->name);
    }
    EXPECT_EQ(seen, numbers.size() * runs) << "tensors that the graph does not compute";
  }

  // Passes may change the order of an input's or output's dimensions.
  static Array input(const ir::Value& value, const tools::NpyArray& npy, size_t run) {
    ir::TensorType type = value.type;
    if (value.source_permutation.empty()) return sample(npy, type, run);
    for (size_t d = 0; d < type.shape.size(); ++d)
      type.shape[static_cast<size_t>(value.source_permutation[d])] = value.shape()[d];
    return passes::transposed(sample(npy, type, run), value.source_permutation);
  }
  static Array in_source_order(const ir::Value& value, const Array& array) {
    if (value.source_permutation.empty()) return array;
    return passes::transposed(array, passes::inverse(value.source_permutation));
  }

  // After all passes that do not need the device.
  static void passes_keep(const std::filesystem::path& file, const Case& golden) {
    ConvertOptions options;
    options.stop_after = "separate_outputs";
    const Conversion conversion = convert(file, options);
    check(*conversion.graph, golden, {});
  }
};

}  // namespace
}  // namespace linnet::golden

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
  using linnet::golden::IntegerTest;
  const std::filesystem::path folder = argv[1];
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".tflite") continue;
    const std::string name = entry.path().stem().string();
    testing::RegisterTest("GoldenInteger", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [=] { return new IntegerTest(folder, name); });
  }
  return RUN_ALL_TESTS();
}
