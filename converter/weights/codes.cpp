#include "converter/weights/codes.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "converter/ops/conv.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/linear.hpp"
#include "converter/quantize/constants.hpp"
#include "converter/quantize/placement.hpp"

namespace linnet::weights {

namespace {

using ops::CodedWeights;
using treat::Layer;
using treat::Levels;
using treat::WeightSet;

constexpr int kMostCodes = 16;
constexpr int64_t kFewestWeights = 256;  // of which fewer may lie on a grid by chance
// What rounding may have changed: of a weight that of its step and product, of a step that of its offset, some of it.
constexpr double kRounding = 5e-7, kOffsetRounding = 1e-6;
constexpr const char* kOfPanels = "16 outputs share a table, the codebooks are of others";

class Coder {
 public:
  Coder(const Layer& layer, const WeightSet& set)
      : layer_(layer), set_(set), levels_(*set.levels), weights_(layer.read()) {
    coded_.format = {};
    coded_.groups = static_cast<int32_t>(layer.groups);
    coded_.out_channels = static_cast<int32_t>(layer.rows / layer.groups);
    coded_.k = static_cast<int32_t>(layer.columns());
  }

  // Why there are no codes; empty where coded() are they.
  std::string code() {
    const int codes = levels_.last - levels_.first + 1;
    if (codes > kMostCodes) return fmt::format("{} different codes need more than 4 bits", codes);
    coded_.format.bits = codes > 4 ? 4 : 2;
    const std::string reason = levels_.grid ? take_grids() : take_tables();
    return reason.empty() ? take_codes() : reason;
  }
  CodedWeights&& coded() { return std::move(coded_); }

 private:
  const Layer& layer_;
  const WeightSet& set_;
  const Levels& levels_;
  treat::Matrix weights_;
  CodedWeights coded_;
  int shift_ = 0;  // from a code of the levels to that of the file

  std::string take_grids() {
    kernels::CodeFormat& format = coded_.format;
    if (levels_.rows_per_group != 1 && levels_.columns_per_group < layer_.columns()) return "grids of several outputs";
    format.group = static_cast<int32_t>(std::min(levels_.columns_per_group, layer_.columns()));
    if (format.group < layer_.columns() && format.group % kernels::kCodeInputs != 0)
      return fmt::format("groups of {} inputs are no multiple of {}", format.group, kernels::kCodeInputs);
    const bool from_zero =
        std::all_of(levels_.offsets.begin(), levels_.offsets.end(), [](double offset) { return offset == 0; });
    format.kind = from_zero ? kernels::CodeKind::Grid : kernels::CodeKind::OffsetGrid;
    shift_ = levels_.first < 0 ? 1 << (format.bits - 1) : 0;
    format.zero = shift_;
    if (shift_ != 0 && !from_zero) return "signed codes with offsets";
    for (int64_t row = 0; row < layer_.rows; ++row) {
      for (int64_t column = 0; column < layer_.columns(); column += format.group) {
        const size_t group = levels_.group(row, column);
        coded_.steps.push_back(static_cast<float>(levels_.steps[group]));
        coded_.offsets.push_back(static_cast<float>(levels_.offsets[group]));
      }
    }
    return "";
  }

  std::string take_tables() {
    coded_.format.kind = kernels::CodeKind::Table;
    if (levels_.columns_per_group < layer_.columns()) return "codebooks of groups of inputs";
    const auto entries = static_cast<size_t>(levels_.last + 1), room = size_t{1} << coded_.format.bits;
    for (int32_t group = 0; group < coded_.groups; ++group) {
      for (int32_t column = 0; column < coded_.out_channels; column += kernels::kPanel) {
        const int64_t row = int64_t{group} * coded_.out_channels + column;
        const int64_t end = std::min(row + kernels::kPanel, int64_t{group + 1} * coded_.out_channels);
        const size_t book = levels_.group(row, 0);
        for (int64_t other = row; other < end; ++other)
          if (levels_.group(other, 0) != book) return kOfPanels;
        for (size_t entry = 0; entry < room; ++entry)
          coded_.tables.push_back(entry < entries ? static_cast<float>(levels_.entries[book * entries + entry]) : 0.0f);
      }
    }
    return "";
  }

  std::string take_codes() {
    for (int64_t row = 0; row < layer_.rows; ++row) {
      for (int64_t column = 0; column < layer_.columns(); ++column) {
        const int64_t index = row * layer_.columns() + column;
        const size_t group = levels_.group(row, column);
        const int code = set_.keeps(index) ? set_.codes[static_cast<size_t>(index)] : levels_.nearest(group, 0);
        const double wanted = weights_(row, column), value = levels_.value(group, code);
        const double step = levels_.grid ? levels_.steps[group] : 0;
        if (std::abs(value - wanted) > kRounding * std::abs(wanted) + kOffsetRounding * step)
          return wanted == 0 ? "zeros, which are none of the levels" : "weights are no longer the levels";
        coded_.codes.push_back(static_cast<uint8_t>(code + shift_));
      }
    }
    return "";
  }
};

// Factors of the step of each group of `width` columns; nothing where a group has none.
std::optional<WeightSet> grid_of(const treat::Matrix& weights, int64_t width) {
  constexpr int kSpan = kMostCodes - 1;
  WeightSet set;
  Levels& levels = set.levels.emplace();
  levels.last = kSpan;
  levels.grid = treat::Grid{4, treat::Scheme::minmax, treat::Grouping::columns_32};
  levels.columns_per_group = width;
  levels.groups_per_row = (weights.cols() + width - 1) / width;
  set.codes.resize(static_cast<size_t>(weights.size()));
  std::vector<int> least;
  for (int64_t row = 0; row < weights.rows(); ++row) {
    for (int64_t column = 0; column < weights.cols(); column += width) {
      const auto count = static_cast<size_t>(std::min(width, weights.cols() - column));
      const double* const numbers = weights.data() + row * weights.cols() + column;
      const bool zeros = std::all_of(numbers, numbers + count, [](double number) { return number == 0; });
      const std::optional<double> step =
          zeros ? std::optional(1.0) : quantize::common_step(numbers, count, -kSpan, kSpan);
      if (!step) return std::nullopt;
      int low = 0, high = 0;
      for (size_t i = 0; i < count; ++i) {
        const int factor = static_cast<int>(std::lround(numbers[i] / *step));
        low = std::min(low, factor);
        high = std::max(high, factor);
        set.codes[static_cast<size_t>(row * weights.cols() + column) + i] = static_cast<int16_t>(factor);
      }
      if (high - low > kSpan) return std::nullopt;
      levels.steps.push_back(static_cast<double>(static_cast<float>(*step)));
      least.push_back(low);
      levels.first = std::min(levels.first, low);
    }
  }
  const bool is_signed =
      std::all_of(set.codes.begin(), set.codes.end(), [](int16_t code) { return code >= -8 && code <= 7; });
  levels.offsets.assign(levels.steps.size(), 0.0);
  if (is_signed) {
    const bool two_bits =
        std::all_of(set.codes.begin(), set.codes.end(), [](int16_t code) { return code >= -2 && code <= 1; });
    levels.first = two_bits ? -2 : -8;
    levels.last = two_bits ? 1 : 7;
    return set;
  }
  levels.first = 0;
  for (size_t i = 0; i < set.codes.size(); ++i) {
    const size_t group =
        levels.group(static_cast<int64_t>(i) / weights.cols(), static_cast<int64_t>(i) % weights.cols());
    set.codes[i] = static_cast<int16_t>(set.codes[i] - least[group]);
    levels.offsets[group] = static_cast<double>(static_cast<float>(least[group] * levels.steps[group]));
  }
  return set;
}

// The field of layers whose weights may be codes; null of others.
ops::Codes* codes_of(ir::Node& node) {
  if (auto* conv = node.as<ops::Conv>()) {
    const ir::Shape& weights = node.in(1).shape();
    const bool depthwise = conv->groups > 1 && conv->groups == weights[0] && weights[1] == 1;
    return conv->integer || depthwise || node.has(4) || !conv->channels_last ? nullptr : &conv->codes;
  }
  if (auto* linear = node.as<ops::Linear>()) return linear->integer ? nullptr : &linear->codes;
  return nullptr;
}

std::string storage_name(const kernels::CodeFormat& format) {
  if (format.kind == kernels::CodeKind::Table) return fmt::format("{} bits, tables", format.bits);
  return fmt::format("{} bits, scales{}", format.bits, format.kind == kernels::CodeKind::Grid ? "" : " and offsets");
}

// The field of int8 layers whose weights may be codes; null of others.
ops::Codes* int8_codes_of(ir::Node& node) {
  if (!node.in(1).constant || node.in(0).type.dtype != ir::DType::i8) return nullptr;
  if (auto* conv = node.as<ops::Conv>()) {
    const bool single_input = conv->groups > 1 && node.in(1).shape()[1] == 1;
    return conv->integer && !single_input && conv->channels_last ? &conv->codes : nullptr;
  }
  auto* linear = node.as<ops::Linear>();
  return linear != nullptr && linear->integer ? &linear->codes : nullptr;
}

int64_t groups_of(const ir::Node& node) {
  const auto* conv = node.as<ops::Conv>();
  return conv != nullptr ? conv->groups : 1;
}

// Takes the codes of an int8 layer, if it may have them; the row says what became of it.
report::CodedLayer take_int8_codes(ir::Node& node, size_t input, const treat::Rules<treat::Storage>& rules) {
  const ir::Shape& shape = node.in(input).shape();
  const int64_t weights = ir::element_count(shape);
  report::CodedLayer row{node.name, "int8", weights, 4 * weights, ""};
  ops::Codes* const codes = int8_codes_of(node);
  if (codes == nullptr) {
    row.reason = "of int8, only convolutions with several inputs an output and linear layers have codes";
    return row;
  }
  const std::vector<int64_t> integers = node.in(input).constant->integers();
  const std::vector<int8_t> bytes(integers.begin(), integers.end());
  const auto groups = static_cast<int32_t>(groups_of(node)), n = static_cast<int32_t>(shape[0] / groups),
             k = static_cast<int32_t>(weights / shape[0]);
  row.dense_bytes = 4 * groups * kernels::panel_floats(n, k);
  row.bytes = groups * kernels::panel_int8_bytes(n, k);
  if (const auto* rule = storage_rule(rules, node); rule != nullptr && *rule->treatment != treat::Storage::codes) {
    row.reason = fmt::format("{} {}", kStorageOption, rule->text);
    return row;
  }
  const kernels::CodeFormat format = kernels::int8_code_format(bytes.data(), groups, n, k);
  if (format.bits == 0) {
    row.reason = kNoInt8Codes;
    return row;
  }
  row.storage =
      fmt::format("{} bits, int8 tables{}", format.bits, format.kind == kernels::CodeKind::Table ? "" : " of outputs");
  row.bytes = kernels::int8_codes_packed_bytes(format, groups, n, k);
  *codes = std::make_shared<CodedWeights>(CodedWeights{format, groups, n, k, {}, {}, {}, {}});
  return row;
}

// Layers whose weights are int8 already.
void choose_int8_codes(ir::Graph& graph, const treat::WeightSets& sets, Optimize optimize,
                       const treat::Rules<treat::Storage>& rules, std::vector<report::CodedLayer>& rows,
                       passes::PassLog& log) {
  for (const auto& node : graph.nodes()) {
    if (node->outputs.empty()) continue;
    const treat::Rule<treat::Storage>* rule = storage_rule(rules, *node);
    const bool wanted = rule != nullptr && *rule->treatment == treat::Storage::codes;
    for (size_t input = 0; input < node->inputs.size(); ++input) {
      if (!node->has(input) || !node->in(input).type.quantization) continue;
      const auto treated = sets.find({quantize::key_of(*node), input});
      const bool has_levels = treated != sets.end() && treated->second.levels;
      const bool candidate = input == 1 && int8_codes_of(*node) != nullptr && (wanted || optimize == Optimize::size);
      if (!has_levels && !candidate) continue;
      report::CodedLayer row = take_int8_codes(*node, input, rules);
      if (row.reason.empty()) log.add("{} has weights of {}", row.layer, row.storage);
      if (has_levels || row.reason.empty()) rows.push_back(std::move(row));
    }
  }
}

}  // namespace

std::optional<WeightSet> found_grid(const treat::Matrix& weights) {
  if (weights.size() < kFewestWeights || (weights.array() == weights(0, 0)).all()) return std::nullopt;
  for (const int64_t width : {weights.cols(), int64_t{128}, int64_t{64}, int64_t{32}, int64_t{16}})
    if (width <= weights.cols())
      if (std::optional<WeightSet> set = grid_of(weights, width)) return set;
  return std::nullopt;
}

ops::Codes coded_weights(const Layer& layer, const WeightSet& set, bool wanted, std::string* reason) {
  if (!set.levels) {
    *reason = "its weights are no levels";
    return nullptr;
  }
  Coder coder(layer, set);
  *reason = coder.code();
  if (!reason->empty()) return nullptr;
  auto coded = std::make_shared<CodedWeights>(coder.coded());
  const int64_t bytes = kernels::codes_packed_bytes(coded->source(nullptr));
  if (wanted || bytes < 4 * coded->groups * kernels::panel_floats(coded->out_channels, coded->k)) return coded;
  *reason = fmt::format("floats are as small as {} bytes of codes and scales", bytes);
  return nullptr;
}

std::vector<report::CodedLayer> choose_codes(ir::Graph& graph, const treat::WeightSets& sets, Optimize optimize,
                                             const treat::Rules<treat::Storage>& rules, passes::PassLog& log) {
  std::vector<report::CodedLayer> rows;
  for (const Layer& layer : treat::find_layers(graph)) {
    const treat::Rule<treat::Storage>* rule = storage_rule(rules, *layer.node);
    const bool ruled = rule != nullptr, wanted = ruled && *rule->treatment == treat::Storage::codes;
    const bool named = wanted && !rule->glob.empty();
    const auto treated = sets.find({quantize::key_of(*layer.node), layer.input});
    const bool has_levels = treated != sets.end() && treated->second.levels;
    ops::Codes* const codes = codes_of(*layer.node);
    std::optional<WeightSet> found;
    if (!has_levels && codes != nullptr) found = found_grid(layer.read());
    if (!has_levels && !found && !named) continue;
    report::CodedLayer& row = rows.emplace_back();
    row.layer = layer.name();
    row.dense_bytes = 4 * layer.groups * kernels::panel_floats(layer.rows / layer.groups, layer.columns());
    row.bytes = row.dense_bytes;
    row.storage = "float32";
    if (codes == nullptr)
      row.reason = "only convolutions with several inputs an output and linear layers have codes";
    else if (ruled && !wanted)
      row.reason = fmt::format("{} {}", kStorageOption, rule->text);
    else
      *codes = coded_weights(layer, has_levels ? treated->second : found ? *found : WeightSet(), wanted, &row.reason);
    if (codes == nullptr || *codes == nullptr) {
      if (named) throw ir::Error(cannot_be_stored(*rule, *layer.node, row.reason));
      continue;
    }
    row.storage = storage_name((*codes)->format);
    row.bytes = kernels::codes_packed_bytes((*codes)->source(nullptr));
    log.add("{} has weights of {}", row.layer, row.storage);
  }
  choose_int8_codes(graph, sets, optimize, rules, rows, log);
  return rows;
}

void remove_sparse(const ir::Graph& graph, std::vector<report::CodedLayer>* rows) {
  for (const auto& node : graph.nodes()) {
    const auto* conv = node->as<ops::Conv>();
    const auto* linear = node->as<ops::Linear>();
    const bool sparse = conv != nullptr ? conv->sparse != 0 : linear != nullptr && linear->sparse != 0;
    if (sparse) std::erase_if(*rows, [&](const report::CodedLayer& row) { return row.layer == node->name; });
  }
}

}  // namespace linnet::weights
