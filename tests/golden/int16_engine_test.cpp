// Converts the cases of int16 and runs them through the C API on every instruction set that this build and CPU have, on
// one and on three threads, whole and in cascades: every byte is that of TensorFlow Lite's reference kernels.
// Usage: golden_int16_engine_test FOLDER [GoogleTest options]

#include <gtest/gtest.h>

#include <thread>

#include "converter/pipeline.hpp"
#include "engine/linnet.h"
#include "kernels/isa.hpp"
#include "tests/golden/case.hpp"
#include "tests/golden/view.hpp"

namespace linnet::golden {
namespace {

void parallel_for(void*, linnet_task task, void* argument, int count) {
  std::vector<std::thread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(task, argument, i);
  task(argument, 0);
  for (std::thread& thread : threads) thread.join();
}

class Int16EngineTest : public testing::Test {
 public:
  Int16EngineTest(std::filesystem::path folder, std::string name)
      : folder_(std::move(folder)), name_(std::move(name)) {}

  void TestBody() override {
    const Case golden = read_case(folder_, name_);
    int sets = 0;
    for (const auto cascades : {plan::CascadeMode::off, plan::CascadeMode::memory}) {
      ConvertOptions options;
      options.cascades = cascades;
      const Conversion conversion = convert(folder_ / (name_ + ".tflite"), options);
      for (const kernels::IsaTraits& isa : kernels::kIsaTraits) {
        for (const int threads : {1, 3}) {
          SCOPED_TRACE(testing::Message()
                       << isa.name << ", " << threads << " threads, cascades " << static_cast<int>(cascades));
          sets += run(golden, conversion.model, isa.name, threads) ? 1 : 0;
          if (HasFailure()) return;
        }
      }
    }
    EXPECT_GE(sets, 4);
  }

 private:
  std::filesystem::path folder_;
  std::string name_;

  // False where there is no such instruction set.
  static bool run(const Case& golden, const emit::ModelBytes& model, const char* isa, int threads) {
    linnet_options options = LINNET_OPTIONS_INIT;
    options.isa = isa;
    options.threads = threads;
    options.parallel_for = parallel_for;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    const linnet_status status = linnet_get_model_info(&options, model.data(), model.size(), &info);
    if (status == LINNET_ERROR_ISA) return false;
    EXPECT_EQ(status, LINNET_OK) << linnet_status_text(status);
    if (status != LINNET_OK) return true;
    std::vector<unsigned char> memory(info.arena_bytes + LINNET_ALIGNMENT, 0xff);
    unsigned char* arena =
        memory.data() + LINNET_ALIGNMENT - reinterpret_cast<uintptr_t>(memory.data()) % LINNET_ALIGNMENT;
    linnet_session* session = nullptr;
    EXPECT_EQ(linnet_init(&options, model.data(), model.size(), arena, info.arena_bytes, &session), LINNET_OK);
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    for (int i = 0; i < info.inputs; ++i) {
      EXPECT_EQ(linnet_input(session, i, &view), LINNET_OK);
      fill(view, golden.inputs[static_cast<size_t>(i)], "input " + std::to_string(i));
    }
    EXPECT_EQ(linnet_run(session), LINNET_OK);
    for (int i = 0; i < info.outputs; ++i) {
      EXPECT_EQ(linnet_output(session, i, &view), LINNET_OK);
      const Difference difference = compare(read(view), source_shape(view), golden.outputs[static_cast<size_t>(i)]);
      EXPECT_EQ(difference.relative, 0) << "output " << i << ": " << difference.message;
    }
    return true;
  }
};

}  // namespace
}  // namespace linnet::golden

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
  using linnet::golden::Int16EngineTest;
  const std::filesystem::path folder = argv[1];
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".tflite") continue;
    const std::string name = entry.path().stem().string();
    testing::RegisterTest("GoldenInt16Engine", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [=] { return new Int16EngineTest(folder, name); });
  }
  return RUN_ALL_TESTS();
}
