#include "targets/desktop/lib/model_facts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "engine/linnet.h"
#include "targets/desktop/lib/memory_map.hpp"
#include "tests/api/networks.hpp"

namespace linnet::tools {
namespace {

using test::Bytes;

size_t occurrences(const std::string& text, const std::string& word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST(ModelFacts, AgreeWithTheEngine) {
  const Bytes model = test::small_network();
  const linnet_model_info info = test::model_info(model);
  const ModelFacts facts = read_facts(model.data());
  EXPECT_EQ(facts.steps.size(), static_cast<size_t>(info.steps));
  EXPECT_EQ(facts.tensors.size(), static_cast<size_t>(info.tensors));
  EXPECT_EQ(facts.inputs.size(), static_cast<size_t>(info.inputs));
  EXPECT_EQ(facts.tensor_bytes, static_cast<int64_t>(info.tensor_bytes));
  const test::Instance instance = test::make_instance(model);
  for (int step = 0; step < info.steps; ++step) {
    EXPECT_EQ(facts.steps[static_cast<size_t>(step)].op, linnet_step_operator(instance.session, step));
  }
}

TEST(ModelFacts, TensorsLieInTheArenaWhileTheyAreUsed) {
  const Bytes model = test::small_network();
  const ModelFacts facts = read_facts(model.data());
  for (size_t s = 0; s < facts.steps.size(); ++s) {
    const StepFacts& step = facts.steps[s];
    int64_t largest = 0;
    for (const auto* list : {&step.inputs, &step.outputs}) {
      for (const uint32_t index : *list) {
        const TensorFacts& tensor = facts.tensors[index];
        EXPECT_LE(tensor.first_step, static_cast<int>(s));
        EXPECT_GE(tensor.last_step, static_cast<int>(s));
        EXPECT_LE(tensor.offset + tensor.bytes, facts.tensor_bytes);
        if (tensor.in_arena) largest = std::max(largest, tensor.bytes);
      }
    }
    EXPECT_GE(step.live_bytes, largest);
    EXPECT_LE(step.live_bytes, facts.tensor_bytes);
  }
}

TEST(ModelFacts, EveryOperatorHasItsWeights) {
  for (const test::OperatorModel& row : test::operator_models()) {
    for (const int32_t gap : {0, 5}) {
      const Bytes model = test::operator_model(row, gap);
      const ModelFacts facts = read_facts(model.data());
      ASSERT_FALSE(facts.steps.empty()) << row.name;
      int64_t used = 0;
      for (const BufferFacts& buffer : facts.buffers) used += buffer.steps.empty() ? 0 : buffer.bytes;
      EXPECT_EQ(used, facts.weight_bytes) << row.name << ": a buffer that no step is known to read";
    }
  }
}

TEST(MemoryMap, ShowsEveryTensor) {
  const Bytes model = test::small_network();
  const ModelFacts facts = read_facts(model.data());
  const auto placed =
      static_cast<size_t>(std::count_if(facts.tensors.begin(), facts.tensors.end(), [](const TensorFacts& tensor) {
        return tensor.in_arena && tensor.first_step >= 0;
      }));
  const std::string text = memory_map_text(facts, facts.tensors.size());
  for (const TensorFacts& tensor : facts.tensors) {
    if (!tensor.in_arena || tensor.first_step < 0) continue;
    EXPECT_NE(text.find(tensor.name), std::string::npos) << tensor.name;
  }
  EXPECT_NE(memory_map_text(facts, 1).find("smaller tensors"), std::string::npos);
  const std::string svg = memory_map_svg(facts);
  EXPECT_EQ(svg.rfind("<svg", 0), 0u);
  EXPECT_EQ(occurrences(svg, "<title>"), placed);
  EXPECT_EQ(occurrences(svg, "<rect"), placed + 1);
  EXPECT_EQ(occurrences(svg, "<g>"), occurrences(svg, "</g>"));
}

// What the engine accepts because nothing that it computes depends on it.
TEST(ModelFacts, OfFilesThatSayNothingOrTooMuch) {
  flatbuffers::FlatBufferBuilder empty;
  fb::FinishModelBuffer(empty, fb::CreateModel(empty, 1));
  const Bytes nothing(empty.GetBufferPointer(), empty.GetSize());
  EXPECT_EQ(test::model_info(nothing).tensors, 0);
  const ModelFacts none = read_facts(nothing.data());
  EXPECT_TRUE(none.tensors.empty() && none.steps.empty() && none.inputs.empty());
  EXPECT_EQ(memory_map_text(none, 1), "no tensors in the arena\n");

  test::ModelBuilder b;
  const uint32_t x = b.input({4}), y = b.output({4});
  for (int step = 0; step < 2; ++step) b.step(fb::CreateUnary(b.fbb()), {x}, {y}, UINT64_MAX);
  const Bytes model = b.finish();
  EXPECT_EQ(test::model_info(model).steps, 2);
  const ModelFacts facts = read_facts(model.data());
  EXPECT_EQ(facts.macs, INT64_MAX);
  EXPECT_EQ(facts.steps[1].macs, INT64_MAX);
}

TEST(MemoryMap, HasALetterWhereAndWhenATensorLives) {
  ModelFacts facts;
  facts.tensor_bytes = 320;
  facts.steps.resize(3);
  facts.tensors.resize(2);
  facts.tensors[0] = {"low", "float32", {40}, {40}, true, 0, 160, 0, 1};
  facts.tensors[1] = {"high", "float32", {40}, {40}, true, 160, 160, 1, 2};
  const std::string text = memory_map_text(facts, 2);
  EXPECT_EQ(occurrences(text, "|.bb|"), 10u) << text;
  EXPECT_EQ(occurrences(text, "|aa.|"), 10u) << text;
  EXPECT_LT(text.find("|.bb|"), text.find("|aa.|"));
}

TEST(MemoryMap, EscapesNames) {
  ModelFacts facts;
  facts.tensor_bytes = 16;
  facts.steps.resize(1);
  facts.tensors.push_back({"a<b&c", "float32", {4}, {4}, true, 0, 16, 0, 0});
  EXPECT_NE(memory_map_svg(facts).find("a&lt;b&amp;c"), std::string::npos);
}

}  // namespace
}  // namespace linnet::tools
