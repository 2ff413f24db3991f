// Runs every converted golden case through the C API on every instruction set that this build and CPU have, on one and
// on three threads, against the golden outputs. Needs the engine only. Usage: golden_engine_test MODELS-FOLDER
// LNT-FOLDER [GoogleTest options]

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "engine/linnet.h"
#include "tests/golden/case.hpp"
#include "tests/golden/isas.hpp"
#include "tests/golden/view.hpp"

namespace linnet::golden {
namespace {

void parallel_for(void*, linnet_task task, void* argument, int count) {
  std::vector<std::thread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(task, argument, i);
  task(argument, 0);
  for (std::thread& thread : threads) thread.join();
}

class EngineTest : public testing::Test {
 public:
  EngineTest(std::filesystem::path models, std::filesystem::path converted, std::string name, const Variant& variant,
             const char* isa)
      : models_(std::move(models)),
        converted_(std::move(converted)),
        name_(std::move(name)),
        variant_(variant),
        isa_(isa) {}

  void TestBody() override {
    const Case golden = read_case(models_, name_);
    const tools::MappedFile model((converted_ / model_file(name_, variant_)).string());
    const std::vector<std::vector<double>> one = run(golden, model, 1), three = run(golden, model, 3);
    if (HasFatalFailure()) return;
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_EQ(0, std::memcmp(one[i].data(), three[i].data(), one[i].size() * sizeof(double)))
          << "three threads differ from one";
    }
  }

 private:
  std::vector<std::vector<double>> run(const Case& golden, const tools::MappedFile& model, int threads) {
    std::vector<std::vector<double>> results;
    check(golden, model, threads, &results);
    return results;
  }

  void check(const Case& golden, const tools::MappedFile& model, int threads,
             std::vector<std::vector<double>>* results) {
    linnet_options options = LINNET_OPTIONS_INIT;
    options.isa = isa_;
    options.threads = threads;
    options.parallel_for = parallel_for;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    linnet_status status = linnet_get_model_info(&options, model.data(), model.size(), &info);
    ASSERT_EQ(status, LINNET_OK) << linnet_status_text(status);
    // Filled with NaN, so that a step that reads what no step wrote is seen.
    std::vector<unsigned char> memory(info.arena_bytes + LINNET_ALIGNMENT, 0xff);
    unsigned char* arena =
        memory.data() + LINNET_ALIGNMENT - reinterpret_cast<uintptr_t>(memory.data()) % LINNET_ALIGNMENT;
    linnet_session* session = nullptr;
    status = linnet_init(&options, model.data(), model.size(), arena, info.arena_bytes, &session);
    ASSERT_EQ(status, LINNET_OK) << linnet_status_text(status);
    linnet_tensor_view view;
    view.struct_size = sizeof view;
    ASSERT_EQ(static_cast<size_t>(info.inputs), golden.inputs.size());
    ASSERT_EQ(static_cast<size_t>(info.outputs), golden.outputs.size());
    for (int i = 0; i < info.inputs; ++i) {
      ASSERT_EQ(linnet_input(session, i, &view), LINNET_OK);
      ASSERT_NO_THROW(fill(view, golden.inputs[static_cast<size_t>(i)], name_ + " input " + std::to_string(i)));
    }
    ASSERT_EQ(linnet_run(session), LINNET_OK);
    double worst = 0;
    for (int i = 0; i < info.outputs; ++i) {
      ASSERT_EQ(linnet_output(session, i, &view), LINNET_OK);
      results->push_back(read(view));
      const Difference difference =
          compare(results->back(), source_shape(view), golden.outputs[static_cast<size_t>(i)]);
      EXPECT_LE(difference.relative, tolerance(name_, variant_)) << "output " << i << ": " << difference.message;
      worst = std::max(worst, difference.relative);
    }
    RecordProperty("relative_error", std::to_string(worst));
    if (name_.compare(0, 9, "networks/") == 0 && threads == 1)
      std::printf("%s on %s: largest relative error %.1e\n", model_file(name_, variant_).c_str(), isa_, worst);
  }

  std::filesystem::path models_, converted_;
  std::string name_;
  Variant variant_;
  const char* isa_;
};

struct Cases {
  std::filesystem::path models, converted;
  std::vector<std::string> names;
};

void register_isa(const Cases& cases, const char* isa, const std::string& prefix) {
  if (!available(isa, tools::MappedFile((cases.converted / model_file(cases.names.front(), kVariants[0])).string())))
    return;
  const std::string suite = std::string("GoldenEngine_") + isa;
  for (const std::string& name : cases.names) {
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    for (const Variant& variant : kVariants) {
      const std::string file = model_file(name, variant);
      if (variant.suffix[0] != '\0' && !std::filesystem::exists(cases.converted / file)) continue;
      testing::RegisterTest(suite.c_str(), file.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [=] { return new EngineTest(cases.models, cases.converted, name, variant, isa); });
    }
  }
}

void register_tests(const std::filesystem::path& models, const std::filesystem::path& converted) {
  const Cases cases = {models, converted, case_names(models)};
  for (const char* isa : kIsas) register_isa(cases, isa, "");
  for (const char* isa : kIntegerIsas)
    for (const char* prefix : {"tflite_int", "onnx_int8"}) register_isa(cases, isa, prefix);
}

}  // namespace
}  // namespace linnet::golden

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODELS-FOLDER LNT-FOLDER\n", argv[0]), 2;
  try {
    linnet::golden::register_tests(argv[1], argv[2]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
  return RUN_ALL_TESTS();
}
