#include <fmt/format.h>

#include <map>

#include "converter/import/operators.hpp"
#include "converter/import/tflite/context.hpp"
#include "converter/main/commands.hpp"
#include "schema/model_generated.h"
#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

// The README's table is this text; a test compares them.
void print_operators() {
  std::map<int, std::string> by_opset;
  for (const import::OnnxOperator& row : import::onnx_operators()) {
    std::string& names = by_opset[row.first_opset];
    names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
  }
  fmt::print("| since opset | ONNX operators |\n|---|---|\n");
  for (const auto& [opset, names] : by_opset) fmt::print("| {} | {} |\n", opset, names);
  std::string names;
  for (const import::TfliteOperator& row : import::tflite_operators())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", import::tfl::EnumNameBuiltinOperator(row.code));
  fmt::print("\n| TensorFlow Lite operators |\n|---|\n| {} |\n", names);
  fmt::print("\nSteps on the device: ");
  bool first = true;
#define LINNET_OPERATOR(name)                                                      \
  fmt::print("{}{}", first ? "" : ", ", fb::EnumNameOperator(fb::Operator::name)); \
  first = false;
#include "schema/operators.inc"
#undef LINNET_OPERATOR
  fmt::print(".\n");
}

}  // namespace

void add_operators_command(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "operators", "Lists the ONNX and TensorFlow Lite operators that convert and the steps they become.");
  command->footer(
      footer("Operators that only shape arithmetic and weight arithmetic use are evaluated by the converter.",
             "  linnet operators"));
  command->callback([action] {
    *action = [] {
      print_operators();
      return kOk;
    };
  });
}

}  // namespace linnet::tools
