#include "converter/emit/c_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <type_traits>

#include "engine/linnet.h"
#include "schema/arithmetic.hpp"
#include "schema/model_generated.h"

namespace linnet::emit {
namespace {

std::string operator_list(std::span<const uint8_t> model) {
  std::set<std::string> names;
  if (const auto* steps = fb::GetModel(model.data())->steps())
    for (const fb::Step* step : *steps) names.insert(fb::EnumNameOperator(step->op_type()));
  return fmt::format("{}", fmt::join(names, ";"));
}

void add_function(const fb::Activation* activation, std::set<std::string>* names) {
  if (activation != nullptr && activation->function() != fb::Function::Identity) {
    names->insert(fb::EnumNameFunction(activation->function()));
  }
}

// What a step takes besides its operator: by the fields that tables of the schema have in common.
template <class Table>
void add_features(const fb::Step& step, const Table& table, std::set<std::string>* names) {
  bool has_table = false;  // instead of the function
  if constexpr (std::is_same_v<Table, fb::Unary>) has_table = table.lookup() != 0;
  if constexpr (requires { table.activation(); })
    if (!has_table) add_function(table.activation(), names);
  if constexpr (std::is_same_v<Table, fb::Recurrent>) {
    for (const fb::Activation* activation : {table.gate(), table.cell(), table.output()}) {
      add_function(activation, names);
    }
  }
  if constexpr (requires { table.weight_layout(); }) {
    const fb::WeightLayout layout = table.weight_layout();
    if (layout == fb::WeightLayout::Panel16 || layout == fb::WeightLayout::Depthwise16) names->insert("Float32Weights");
    if (layout == fb::WeightLayout::Panel16Float32x8 || layout == fb::WeightLayout::Depthwise16Float32x8)
      names->insert("Int8Weights");
    if (layout == fb::WeightLayout::Panel16Codes || layout == fb::WeightLayout::Panel16Int8Codes)
      names->insert("Codes");
    if (layout == fb::WeightLayout::Panel16Dynamic8) names->insert("DynamicInt8");
    if (layout >= fb::WeightLayout::SparseFloat32 && layout <= fb::WeightLayout::SparseInt8) names->insert("Sparse");
  }
  if constexpr (std::is_same_v<Table, fb::Reduce>) {
    names->insert(fmt::format("Reduce{}", fb::EnumNameReduceKind(table.kind())));
  }
  if constexpr (requires { table.moment_rows(); } && !std::is_same_v<Table, fb::GroupNorm>) {
    if (step.outputs()->size() > 1) names->insert("moments");
  }
  if constexpr (requires { table.transposed(); }) {
    if (table.transposed()) names->insert("transposed");
  }
}

std::string feature_list(std::span<const uint8_t> model) {
  std::set<std::string> names;
  const fb::Model& root = *fb::GetModel(model.data());
  if (root.cascades() != nullptr && root.cascades()->size() > 0) names.insert("cascades");
  if (root.states() != nullptr && root.states()->size() > 0) names.insert("states");
  for (uint32_t i = 0; root.steps() != nullptr && i < root.steps()->size(); ++i) {
    const fb::Step& step = *root.steps()->Get(i);
    const Arithmetic arithmetic = arithmetic_of(root, step);
    constexpr const char* kFeatures[] = {nullptr, "Float32", "Int8", "Int16"};
    if (arithmetic != Arithmetic::None) names.insert(kFeatures[static_cast<int>(arithmetic)]);
    switch (step.op_type()) {
#define LINNET_OPERATOR(Name)                         \
  case fb::Operator::Name:                            \
    add_features(step, *step.op_as_##Name(), &names); \
    break;
#include "schema/operators.inc"
#undef LINNET_OPERATOR
      default:
        break;
    }
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ";"));
}

// Of quantized inputs and outputs, "#define MODEL_INPUT0_SCALE 0.5f" and the zero point.
std::string quantization_macros(std::span<const uint8_t> model, const std::string& macro) {
  const fb::Model& root = *fb::GetModel(model.data());
  std::string text;
  const auto add = [&](const char* kind, const flatbuffers::Vector<uint32_t>& tensors) {
    for (uint32_t i = 0; i < tensors.size(); ++i) {
      const fb::Tensor& tensor = *root.tensors()->Get(tensors.Get(i));
      if (tensor.scale() == 0) continue;
      text += fmt::format("#define {0}_{1}{2}_SCALE {3:.8e}f\n#define {0}_{1}{2}_ZERO_POINT ({4})\n", macro, kind, i,
                          tensor.scale(), tensor.zero_point());
    }
  };
  add("INPUT", *root.inputs());
  add("OUTPUT", *root.outputs());
  return text;
}

std::string upper_case(std::string_view text) {
  std::string result;
  for (const char c : text) result += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string array_text(std::span<const uint8_t> bytes) {
  constexpr size_t kPerLine = 24;
  std::string text;
  text.reserve(bytes.size() * 4 + bytes.size() / kPerLine + 1);
  for (size_t i = 0; i < bytes.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{},", bytes[i]);
    if (i % kPerLine == kPerLine - 1 || i + 1 == bytes.size()) text += '\n';
  }
  return text;
}

// Between blanks: keywords of C23 and C++20, and names that mean something else to a program or to GCC.
constexpr std::string_view kTaken =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t "
    "class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue "
    "decltype default delete do double dynamic_cast else enum explicit export extern false float for friend "
    "goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private "
    "protected public register reinterpret_cast requires restrict return short signed sizeof static "
    "static_assert static_cast struct switch template this thread_local throw true try typedef typeid "
    "typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq main "
    "linnet linux unix ";

}  // namespace

std::string c_identifier(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool allowed = (c & 0x80) == 0 && std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (allowed || result.empty() || result.back() != '_') result += allowed ? c : '_';
  }
  if (!result.empty() && result.back() == '_') result.pop_back();
  const bool begins_with_letter = !result.empty() && std::isalpha(static_cast<unsigned char>(result[0])) != 0;
  if (begins_with_letter && kTaken.find(" " + result + " ") == kTaken.npos) return result;
  return (result.empty() || result[0] != '_' ? "model_" : "model") + result;
}

CHeader c_header(std::span<const uint8_t> model, std::string_view name, std::string_view header_file,
                 int64_t arena_bytes) {
  const std::string macro = upper_case(name);
  CHeader result;
  result.header = fmt::format(
      "/* Made by linnet {version}. The model's bytes, and the arena that linnet_init needs for it on a Cortex-M. */\n"
      "#ifndef {macro}_H_\n"
      "#define {macro}_H_\n"
      "\n"
      "#define {macro}_BYTES {bytes}\n"
      "#define {macro}_ARENA_BYTES {arena}\n"
      "#define {macro}_OPERATORS \"{operators}\"\n"
      "#define {macro}_FEATURES \"{features}\"\n"
      "{quantization}"
      "\n"
      "#ifdef __cplusplus\n"
      "extern \"C\" {{\n"
      "#endif\n"
      "extern const unsigned char {name}[{macro}_BYTES];\n"
      "#ifdef __cplusplus\n"
      "}}\n"
      "#endif\n"
      "\n"
      "#endif\n",
      fmt::arg("version", fmt::format("{}.{}.{}", LINNET_VERSION_MAJOR, LINNET_VERSION_MINOR, LINNET_VERSION_PATCH)),
      fmt::arg("macro", macro), fmt::arg("name", name), fmt::arg("bytes", model.size()), fmt::arg("arena", arena_bytes),
      fmt::arg("operators", operator_list(model)), fmt::arg("features", feature_list(model)),
      fmt::arg("quantization", quantization_macros(model, macro)));
  result.source = fmt::format(
      "#include \"{header}\"\n"
      "\n"
      "#if defined(__ICCARM__)\n"
      "#pragma data_alignment = {alignment}\n"
      "const unsigned char {name}[{macro}_BYTES] = {{\n"
      "#else\n"
      "const unsigned char {name}[{macro}_BYTES] __attribute__((aligned({alignment}))) = {{\n"
      "#endif\n",
      fmt::arg("header", header_file), fmt::arg("name", name), fmt::arg("macro", macro),
      fmt::arg("alignment", LINNET_ALIGNMENT));
  result.source += array_text(model);
  result.source += "};\n";
  return result;
}

}  // namespace linnet::emit
