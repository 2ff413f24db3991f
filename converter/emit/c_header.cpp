#include "converter/emit/c_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <type_traits>

#include "engine/linnet.h"
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

// The arithmetic of a step, or null where it only moves elements.
template <class Table>
const char* arithmetic_feature(const fb::Model& model, const fb::Step& step, const Table& table) {
  constexpr bool kMoves = std::is_same_v<Table, fb::Copy> || std::is_same_v<Table, fb::Gather>;
  bool is_integer = false;
  if constexpr (requires { table.requantize(); }) is_integer = table.requantize() != nullptr;
  if constexpr (std::is_same_v<Table, fb::Unary>) is_integer = table.lookup() != 0;
  if constexpr (std::is_same_v<Table, fb::Softmax>) is_integer = table.factor() != nullptr;
  if constexpr (std::is_same_v<Table, fb::ArgMax>) {
    is_integer = model.tensors()->Get(step.inputs()->Get(0))->type() == fb::DataType::Int8;
  }
  if (kMoves || (std::is_same_v<Table, fb::Cast> && !is_integer)) return nullptr;
  const auto is_int16 = [&](uint32_t tensor) { return model.tensors()->Get(tensor)->type() == fb::DataType::Int16; };
  if (!is_integer) return "Float32";
  return is_int16(step.inputs()->Get(0)) || is_int16(step.outputs()->Get(0)) ? "Int16" : "Int8";
}

// What a step takes besides its operator: by the fields that tables of the schema have in common.
template <class Table>
void add_features(const fb::Model& model, const fb::Step& step, const Table& table, std::set<std::string>* names) {
  if (const char* arithmetic = arithmetic_feature(model, step, table)) names->insert(arithmetic);
  bool has_table = false;  // instead of the function
  if constexpr (std::is_same_v<Table, fb::Unary>) has_table = table.lookup() != 0;
  if constexpr (requires { table.activation(); })
    if (!has_table) add_function(table.activation(), names);
  if constexpr (std::is_same_v<Table, fb::Recurrent>) {
    for (const fb::Activation* activation : {table.gate(), table.cell(), table.output()}) {
      add_function(activation, names);
    }
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
  for (uint32_t i = 0; root.steps() != nullptr && i < root.steps()->size(); ++i) {
    const fb::Step& step = *root.steps()->Get(i);
    switch (step.op_type()) {
#define LINNET_OPERATOR(Name)                               \
  case fb::Operator::Name:                                  \
    add_features(root, step, *step.op_as_##Name(), &names); \
    break;
#include "schema/operators.inc"
#undef LINNET_OPERATOR
      default:
        break;
    }
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ";"));
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
      fmt::arg("operators", operator_list(model)), fmt::arg("features", feature_list(model)));
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
