#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "converter/report/report.hpp"
#include "targets/desktop/lib/table.hpp"

namespace linnet::report {

namespace {

// Rows of cells as aligned columns; numbers (columns that `right` names) to the right.
class TextTable {
 public:
  TextTable(std::vector<std::string> header, std::vector<size_t> right) : right_(std::move(right)) {
    add(std::move(header));
  }
  void add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) widths_[c] = std::max(widths_[c], row[c].size());
    rows_.push_back(std::move(row));
  }
  std::string text() const {
    std::string result;
    for (const std::vector<std::string>& row : rows_) {
      std::string line = " ";
      for (size_t c = 0; c < row.size(); ++c) {
        const bool right = std::find(right_.begin(), right_.end(), c) != right_.end();
        line += right ? fmt::format(" {:>{}}", row[c], widths_[c]) : fmt::format(" {:<{}}", row[c], widths_[c]);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      result += line + '\n';
    }
    return result;
  }

 private:
  std::vector<size_t> right_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> widths_;
};

std::string grouped(int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > (number < 0 ? 1 : 0); i -= 3) digits.insert(i, 1, ',');
  return digits;
}

std::string operator_counts(const Report& report) {
  std::map<std::string, int> counts;
  for (const StepSummary& step : report.steps) ++counts[step.op];
  std::string result;
  for (const auto& [op, count] : counts) result += fmt::format("{}{} {}", result.empty() ? "" : ", ", count, op);
  return result;
}

// "11 int8, 1 float32, 2 that move elements"; empty without integer steps.
std::string arithmetic_counts(const Report& report) {
  std::map<std::string, int> counts;
  for (const StepSummary& step : report.steps) ++counts[step.arithmetic];
  if (counts.count("int8") + counts.count("int16") == 0) return "";
  std::string result;
  for (const char* arithmetic : {"int8", "int16", "float32"})
    if (counts.count(arithmetic) > 0)
      result += fmt::format("{}{} {}", result.empty() ? "" : ", ", counts[arithmetic], arithmetic);
  return counts.count("") == 0 ? result : fmt::format("{}, {} that move elements", result, counts[""]);
}

std::string float_step_table(const Report& report) {
  TextTable table({"step", "operator", "name", "reason"}, {0});
  for (const FloatStep& one : report.float_steps) {
    const StepSummary& step = report.steps[static_cast<size_t>(one.step)];
    table.add({fmt::format("{}", one.step), step.op, tools::shown_name(step.name), one.reason});
  }
  return "\nsteps that stay float32\n" + table.text();
}

std::string memory_table(const Report& report) {
  TextTable table({"target", "arena", "session", "tensors", "scratch"}, {1, 2, 3, 4});
  for (const TargetMemory& memory : report.memory)
    table.add({memory.target, grouped(memory.arena_bytes), grouped(memory.session_bytes), grouped(memory.tensor_bytes),
               grouped(memory.scratch_bytes)});
  return "\nmemory in bytes, one thread\n" + table.text();
}

std::string shared_table(const Report& report) {
  int64_t saved = 0;
  TextTable table({"bytes", "saved", "used by"}, {0, 1});
  for (const SharedWeights& shared : report.shared_weights) {
    table.add({grouped(shared.bytes), grouped(shared.saved()), fmt::format("{}", fmt::join(shared.steps, ", "))});
    saved += shared.saved();
  }
  return fmt::format("\nshared weights, {} bytes saved\n{}", grouped(saved), table.text());
}

std::string statistics_table(const Report& report) {
  TextTable table({"batch norm", "channels", "mean shift", "variance ratio"}, {1, 2, 3});
  for (const StatisticsChange& change : report.statistics)
    if (std::isnan(change.largest_mean_shift))
      table.add({change.layer, grouped(change.channels), "none before", ""});
    else
      table.add({change.layer, grouped(change.channels), fmt::format("{:.3g}", change.largest_mean_shift),
                 fmt::format("{:.3g} to {:.3g}", change.smallest_variance_ratio, change.largest_variance_ratio)});
  return "\nstatistics from the data set; the largest shift of a mean in standard deviations\n" + table.text();
}

std::string quality_table(const Quantization& quantization) {
  const auto decibels = [](double sqnr) { return fmt::format("{:.1f}", sqnr); };
  TextTable table({"layer", "operator", "SQNR, dB"}, {2});
  for (const LayerQuality& layer : quantization.layers)
    table.add({tools::shown_name(layer.layer), layer.op, decibels(layer.sqnr)});
  for (const LayerQuality& output : quantization.outputs) table.add({output.layer, output.op, decibels(output.sqnr)});
  const std::string equalized = quantization.equalized.empty() ? "" : quantization.equalized + "\n";
  return fmt::format("\nint8 beside float on {} samples, ranges by {}\n{}{}", quantization.samples, quantization.range,
                     equalized, table.text());
}

std::string accuracy_line(const Accuracy& accuracy) {
  std::string text = fmt::format("\naccuracy on {} labelled samples: float {:.2f}%, int8 {:.2f}%", accuracy.samples,
                                 accuracy.percent(accuracy.float_correct), accuracy.percent(accuracy.int8_correct));
  if (accuracy.correct != accuracy.int8_correct)
    text += fmt::format(", with the float layers of --mixed {:.2f}%", accuracy.percent(accuracy.correct));
  return text + "\n";
}

std::string float_weight_table(const Int8Weights& weights) {
  TextTable table({"layer", "reason"}, {});
  for (const auto& [layer, reason] : weights.float_reasons) table.add({layer, reason});
  return "\nlayers that keep float weights\n" + table.text();
}

std::string treatment_table(const Treatments& treatments) {
  const auto density = [](const TreatedLayer& layer) {
    return fmt::format("{:.1f}", 100.0 * static_cast<double>(layer.nonzero) / static_cast<double>(layer.weights));
  };
  const auto error = [](double part) { return std::isnan(part) ? "-" : fmt::format("{:.3g}", part); };
  std::vector<std::string> header = {"layer", "operator", "treatment", "weights", "not 0, %"};
  if (treatments.repaired)
    for (const char* column : {"error", "repaired", "by"}) header.emplace_back(column);
  TextTable table(header, {3, 4, 5, 6});
  for (const TreatedLayer& layer : treatments.layers) {
    std::vector<std::string> row = {tools::shown_name(layer.layer), layer.op, layer.treatment, grouped(layer.weights),
                                    density(layer)};
    if (treatments.repaired)
      for (const std::string& cell : {error(layer.error_before), error(layer.error_after), layer.repair})
        row.push_back(cell);
    table.add(std::move(row));
  }
  const std::string repaired =
      treatments.repaired
          ? fmt::format("; squared errors of outputs as parts of their variance, on {} samples", treatments.samples)
          : "";
  return fmt::format("\ntreated weights{}\n{}", repaired, table.text());
}

std::string budget_table(const Report& report) {
  const Budget& budget = report.budget;
  TextTable table({"layer", "operator", "treatment", "bytes saved", "loss"}, {3, 4});
  for (const BudgetLayer& layer : budget.layers)
    table.add({tools::shown_name(layer.layer), layer.op, layer.choice, grouped(layer.saved),
               fmt::format("{:.3g}", layer.loss)});
  return fmt::format(
      "\nbudget {}: file {} bytes of {}, {} without treatments\n  squared error of the outputs as a part of their "
      "power "
      "on {} samples: {:.3g}; of layers treated alone:\n{}",
      budget.text, grouped(report.file_bytes), grouped(budget.limit), grouped(budget.untreated_bytes), budget.samples,
      budget.error, budget.layers.empty() ? "  none had to be treated\n" : table.text());
}

std::string storage_table(const std::vector<StoredLayer>& storages) {
  TextTable table({"layer", "operator", "not 0, %", "storage", "bytes", "dense", "why"}, {2, 4, 5});
  int64_t bytes = 0, dense_bytes = 0;
  for (const StoredLayer& layer : storages) {
    const double percent = 100.0 * static_cast<double>(layer.nonzero) / static_cast<double>(layer.weights);
    const bool known = layer.dense_bytes > 0;
    table.add({tools::shown_name(layer.layer), layer.op, fmt::format("{:.1f}", percent), layer.storage,
               known ? grouped(layer.bytes) : "-", known ? grouped(layer.dense_bytes) : "-", layer.reason});
    bytes += layer.bytes;
    dense_bytes += layer.dense_bytes;
  }
  return fmt::format("\nlayers with zeros: {} bytes instead of {}; times by the cost model\n{}", grouped(bytes),
                     grouped(dense_bytes), table.text());
}

std::string coded_table(const std::vector<CodedLayer>& layers) {
  TextTable table({"layer", "storage", "bytes", "as floats", "why"}, {2, 3});
  int64_t bytes = 0, dense_bytes = 0;
  for (const CodedLayer& layer : layers) {
    table.add({tools::shown_name(layer.layer), layer.storage, grouped(layer.bytes), grouped(layer.dense_bytes),
               layer.reason});
    bytes += layer.bytes;
    dense_bytes += layer.dense_bytes;
  }
  return fmt::format("\nweights from grids and codebooks: {} bytes instead of {}\n{}", grouped(bytes),
                     grouped(dense_bytes), table.text());
}

std::string dead_channel_table(const DeadChannels& dead) {
  TextTable table({"layer", "removed", "of"}, {1, 2});
  for (const auto& layer : dead.layers)
    table.add({tools::shown_name(layer.layer), grouped(layer.removed), grouped(layer.of)});
  return fmt::format("\nchannels that are constant or that nothing reads: {} MACs before, {} after\n{}",
                     grouped(dead.macs_before), grouped(dead.macs_after), table.text());
}

std::string step_table(const Report& report) {
  TextTable table({"step", "operator", "output", "MACs", "weight bytes", "name", "attributes"}, {0, 3, 4});
  for (size_t i = 0; i < report.steps.size(); ++i) {
    const StepSummary& step = report.steps[i];
    table.add({fmt::format("{}", i), step.op, step.output, grouped(step.macs), grouped(step.weight_bytes), step.name,
               step.attributes});
  }
  table.add({"", "total", "", grouped(report.macs), grouped(report.weight_bytes)});
  return "\nsteps\n" + table.text();
}

std::string pass_table(const Report& report) {
  TextTable table({"pass", "nodes", "", "actions", "seconds"}, {1, 2, 3, 4});
  for (const PassSummary& pass : report.passes)
    table.add({pass.name, fmt::format("{}", pass.nodes_before), fmt::format("-> {}", pass.nodes_after),
               fmt::format("{}", pass.actions.size()), fmt::format("{:.3f}", pass.seconds)});
  return "\npasses\n" + table.text();
}

}  // namespace

std::string to_text(const Report& report, bool verbose) {
  std::string text = fmt::format("{} ({})\n", report.source_file, report.source_format);
  if (!report.open_inputs.empty())
    text += fmt::format("  batch    1, which the model leaves open: the first dimension of {}\n",
                        fmt::join(report.open_inputs, ", "));
  text += fmt::format("  steps    {}: {}\n", report.steps.size(), operator_counts(report));
  const std::string arithmetic = arithmetic_counts(report);
  if (!arithmetic.empty()) text += fmt::format("  of these {}\n", arithmetic);
  text += fmt::format("  MACs     {}\n", grouped(report.macs));
  text +=
      fmt::format("  weights  {} bytes{}, file {} bytes\n", grouped(report.weight_bytes),
                  arithmetic.empty() ? "" : fmt::format(", {} of integer steps", grouped(report.integer_weight_bytes)),
                  grouped(report.file_bytes));
  if (const Int8Weights& weights = report.int8_weights; weights.layers > 0)
    text += fmt::format("  int8     weights of {} layer{} between floats, {} bytes instead of {}\n", weights.layers,
                        weights.layers == 1 ? "" : "s", grouped(weights.bytes), grouped(weights.float_bytes));
  text += fmt::format("  tensors  {} bytes, lower bound {} bytes\n", grouped(report.tensor_bytes),
                      grouped(report.tensor_lower_bound));
  if (!report.states.empty())
    text += fmt::format("  states   {} in {} bytes of these, kept between runs\n", report.states.size(),
                        grouped(report.state_bytes));
  if (!report.float_steps.empty()) text += float_step_table(report);
  if (!report.int8_weights.float_reasons.empty()) text += float_weight_table(report.int8_weights);
  if (!report.quantization.layers.empty()) text += quality_table(report.quantization);
  if (report.quantization.accuracy) text += accuracy_line(*report.quantization.accuracy);
  if (!report.budget.text.empty()) text += budget_table(report);
  if (!report.treatments.layers.empty()) text += treatment_table(report.treatments);
  if (!report.storages.empty()) text += storage_table(report.storages);
  if (!report.coded_layers.empty()) text += coded_table(report.coded_layers);
  if (!report.dead_channels.layers.empty()) text += dead_channel_table(report.dead_channels);
  text += pass_table(report);
  if (verbose) {
    for (const PassSummary& pass : report.passes) {
      if (!pass.actions.empty()) text += fmt::format("\n{}\n", pass.name);
      for (const std::string& action : pass.actions) text += fmt::format("  {}\n", action);
    }
    text += step_table(report);
  }
  if (!report.memory.empty()) text += memory_table(report);
  if (!report.shared_weights.empty()) text += shared_table(report);
  if (!report.statistics.empty()) text += statistics_table(report);
  if (!report.warnings.empty()) text += "\nwarnings\n";
  for (const std::string& warning : report.warnings) text += fmt::format("  {}\n", warning);
  return text;
}

}  // namespace linnet::report
