#include "converter/report/report.hpp"

#include <gtest/gtest.h>

#include "converter/pipeline.hpp"
#include "converter/report/json.hpp"

namespace linnet::test {
namespace {

TEST(Json, EscapesAndNests) {
  report::JsonWriter json;
  json.begin_object();
  json.member("a \"b\"\\", "line\nend\x01");
  json.member_array("numbers", std::vector<int64_t>{1, -2});
  json.member_array("empty", std::vector<int64_t>{});
  json.member("half", 0.5);
  json.member("truth", true);
  json.end_object();
  EXPECT_EQ(
      json.text(),
      "{\n  \"a \\\"b\\\"\\\\\": \"line\\nend\\u0001\",\n  \"numbers\": [\n    1,\n    -2\n  ],\n  \"empty\": [],\n"
      "  \"half\": 0.5,\n  \"truth\": true\n}\n");
}

TEST(Report, TextHoldsTotalsAndSteps) {
  report::Report report;
  report.source_file = "net.onnx";
  report.macs = 1234567;
  report.steps.push_back({"conv1", "Conv2D", "f32[1x8x8x4]", "kernel=3,3", "float32", {"conv1", "bn1"}, 1234567, 64});
  report.memory.push_back({"cortex-m", 4096, 128, 3968, 0});
  const std::string text = report::to_text(report, true);
  for (const char* part : {"net.onnx", "1,234,567", "1 Conv2D", "f32[1x8x8x4]", "kernel=3,3", "cortex-m", "4,096"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_NE(report::to_json(report).find("\"macs\": 1234567"), std::string::npos);
}

TEST(Options, TextAndBack) {
  ConvertOptions options;
  options.input_shapes = {{"image 100%", {1, 3, 8, 8}}, {"b=c", {2}}};
  options.constants = {{"rate of x", {"16000", std::nullopt}}, {"mask", {"my masks/100%.npy", std::nullopt}}};
  options.keep_layout = true;
  options.winograd = 4;
  options.strict = true;
  const ConvertOptions read = parse_options(to_string(options));
  EXPECT_EQ(read.input_shapes, options.input_shapes);
  ASSERT_EQ(read.constants.size(), 2u);
  EXPECT_EQ(read.constants.at("rate of x").text, "16000");
  EXPECT_EQ(read.constants.at("mask").text, "my masks/100%.npy");
  EXPECT_TRUE(read.keep_layout);
  EXPECT_EQ(read.winograd, options.winograd);
  EXPECT_TRUE(read.strict);
  EXPECT_FALSE(parse_options("").winograd);
  EXPECT_FALSE(read.strip_names);
  EXPECT_THROW(parse_options("--other"), ir::Error);
}

}  // namespace
}  // namespace linnet::test
