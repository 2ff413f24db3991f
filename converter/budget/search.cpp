#include "converter/budget/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "converter/budget/output_error.hpp"
#include "converter/budget/treatments.hpp"

namespace linnet::budget {

using namespace ir;

namespace {

constexpr size_t kUniform = 2;     // choices that treat all layers alike and are converted as a whole
constexpr int64_t kMore = 64;      // bytes: what a file of too many is asked to save more, at least
constexpr double kSearched = 0.9;  // of the search when all layers are measured

// The layers' forms that are chosen, an index for each.
using Selection = std::vector<size_t>;
struct Chosen {
  Selection forms;
  treat::Options treatments;         // that make them so
  std::optional<Choice> alike = {};  // by one rule for all
};

const std::vector<quantize::Sample>& samples_of(const ConvertOptions& options) {
  if (options.quantization && !options.quantization->samples.empty()) return options.quantization->samples;
  if (!options.budget->samples.empty()) return options.budget->samples;
  if (options.treatments.repair) return options.treatments.repair->samples;
  throw Error("--budget needs samples: --repair FILE or --calibration FILE");
}

class Search {
 public:
  Search(const Convert& convert, const ConvertOptions& options)
      : convert_(convert), options_(options), given_(options), samples_(samples_of(options)) {
    given_.budget.reset();
  }

  Conversion run() {
    check_rules(options_.budget->text, options_.treatments);
    prepare();
    report_.untreated_bytes = untreated_bytes();
    report_.limit = options_.budget->limit(report_.untreated_bytes);
    const Conversion given = whole(options_.treatments);
    report_.error = error_->of(*given.graph);
    if (bytes_of(given) <= report_.limit) return finish({{}, options_.treatments});
    measure();
    return finish(choose(bytes_of(given)));
  }

 private:
  const Convert& convert_;
  const ConvertOptions& options_;
  ConvertOptions given_;  // without the budget
  const std::vector<quantize::Sample>& samples_;
  Conversion prepared_;
  std::optional<OutputError> error_;
  report::Budget report_;

  // Of layers treated alone.
  std::unique_ptr<Graph> graph_;  // with the treatments that are given
  ConvertOptions alone_;
  int64_t alone_bytes_ = 0;  // of no treatment, without the options' text
  double alone_error_ = 0;
  std::vector<Unit> units_;
  int64_t smallest_bytes_ = std::numeric_limits<int64_t>::max();  // of the files that save most

  static int64_t bytes_of(const Conversion& conversion) { return static_cast<int64_t>(conversion.model.size()); }

  void progress(double fraction) const {
    if (options_.progress) options_.progress("budget", fraction);
  }

  void prepare() {
    ConvertOptions options = given_;
    options.stop_after = kFused;
    options.dump_after.clear();
    options.keep_graphs = true;
    prepared_ = convert_(options);
    treat::check_globs(*prepared_.graph, options_.treatments);
    error_.emplace(*prepared_.graph, samples_);
    report_.text = options_.budget->text;
    report_.samples = static_cast<int64_t>(samples_.size());
  }

  int64_t untreated_bytes() const {
    ConvertOptions options = given_;
    options.treatments = {};
    options.storage.clear();
    return bytes_of(resumed(options, prepared_.graph->clone()));
  }

  // The conversion as it will be, with graphs.
  Conversion whole(const treat::Options& treatments) const {
    ConvertOptions options = given_;
    options.treatments = in_force(treatments);
    return resumed(options, prepared_.graph->clone());
  }
  Conversion resumed(ConvertOptions options, std::unique_ptr<Graph> graph) const {
    options.keep_graphs = true;
    options.check_passes = false;
    options.dump_after.clear();
    options.progress = nullptr;
    return resume(std::move(graph), prepared_.report.source_file, options);
  }

  void measure() {
    graph_ = prepared_.graph->clone();
    passes::PassLog log;
    if (treats(options_.treatments))
      treat::treat(
          *graph_, options_.treatments, &samples_, [](double) {}, log);
    units_ = find_units(*graph_, options_.treatments);
    if (units_.empty())
      throw Error(fmt::format("--budget {}: no layer with float weights is left to it", options_.budget->text));
    alone_ = given_;
    alone_.cascades = plan::CascadeMode::off;
    alone_.treatments = {};
    alone_.treatments.allow_empty = options_.treatments.allow_empty;
    std::erase_if(alone_.storage, [](const auto& rule) { return rule.treatment == treat::Storage::codes; });
    if (alone_.quantization) take_ranges();
    const Conversion base = resumed(alone_, graph_->clone());
    alone_bytes_ = bytes_of(base) - text_bytes(alone_);
    alone_error_ = error_->of(*base.graph);
    for (size_t i = 0; i < units_.size(); ++i) {
      progress(kSearched * static_cast<double>(i) / static_cast<double>(units_.size()));
      measure(&units_[i]);
    }
  }

  // int8 by the same ranges for all, and nothing that needs samples.
  void take_ranges() {
    quantize::Options& quantization = *alone_.quantization;
    quantization.equalize = false;
    quantization.min_sqnr.reset();
    quantization.accuracy.reset();
    quantization.labels.reset();
    quantization.validation.clear();
    if (!quantization.ranges) quantization.ranges = resumed(alone_, graph_->clone()).ranges;
    quantization.samples.clear();
  }

  static int64_t text_bytes(const ConvertOptions& options) { return static_cast<int64_t>(to_string(options).size()); }

  void measure(Unit* unit) {
    const auto evidence = std::make_shared<treat::KeptEvidence>();
    for (const Choice& choice : choices(options_.quantization.has_value())) {
      if (!options_.treatments.allow_empty && leaves_empty(*unit, choice)) continue;
      ConvertOptions options = alone_;
      add_rule(*unit, choice, &options.treatments);
      const int64_t rule_bytes = text_bytes(options) - text_bytes(alone_);
      const bool repairs = options_.treatments.repair && choice.is_repairable();
      Form form = try_alone(options, rule_bytes, !repairs);
      if (repairs && form.saved > 0) {
        options.treatments.repair = options_.treatments.repair;
        options.treatments.evidence = evidence;
        form = try_alone(options, rule_bytes, true);
      }
      if (form.saved <= 0 || !std::isfinite(form.loss)) continue;
      unit->choices.push_back(choice);
      unit->forms.push_back(form);
    }
  }

  // Without its loss where that is not wanted. Of the options' text the rule alone is the layer's.
  Form try_alone(const ConvertOptions& options, int64_t rule_bytes, bool measured) const {
    const Conversion conversion = resumed(options, graph_->clone());
    const int64_t bytes = bytes_of(conversion) - text_bytes(options) + rule_bytes;
    return {alone_bytes_ - bytes, measured ? error_->of(*conversion.graph) - alone_error_ : 0};
  }

  Chosen choose(int64_t given_bytes) {
    ConvertOptions repaired = given_, given = given_;
    given.treatments = in_force(given.treatments);
    const int64_t repair_bytes = text_bytes(repaired) - text_bytes(given);
    std::vector<std::vector<Form>> forms;
    for (const Unit& unit : units_) forms.push_back(unit.forms);
    for (int64_t missing = given_bytes + repair_bytes - report_.limit;;) {
      const std::optional<Selection> chosen = select_forms(forms, missing);
      if (!chosen) return better_uniform(smallest());
      const Conversion conversion = whole(rules_of(*chosen));
      if (bytes_of(conversion) <= report_.limit) {
        report_.error = error_->of(*conversion.graph);
        return better_uniform({*chosen, rules_of(*chosen)});
      }
      missing += std::max(bytes_of(conversion) - report_.limit, kMore);
    }
  }

  Chosen smallest() {
    Selection chosen;
    for (const Unit& unit : units_) {
      const auto most = std::max_element(unit.forms.begin(), unit.forms.end(),
                                         [](const Form& a, const Form& b) { return a.saved < b.saved; });
      chosen.push_back(static_cast<size_t>(most - unit.forms.begin()));
    }
    const Conversion conversion = whole(rules_of(chosen));
    smallest_bytes_ = bytes_of(conversion);
    report_.error =
        smallest_bytes_ > report_.limit ? std::numeric_limits<double>::infinity() : error_->of(*conversion.graph);
    return {chosen, rules_of(chosen)};
  }

  // Losses of layers that are treated together do not just add up, and one rule for all of them is a shorter text.
  Chosen better_uniform(Chosen chosen) {
    std::vector<std::pair<double, Chosen>> all;
    for (const Choice& choice : choices(options_.quantization.has_value())) {
      Chosen one{{}, options_.treatments, choice};
      add_rule(Unit(), choice, &one.treatments);
      double loss = 0;
      bool empty = false;
      for (const Unit& unit : units_) {
        const auto found = std::find(unit.choices.begin(), unit.choices.end(), choice);
        one.forms.push_back(found == unit.choices.end() ? 0 : static_cast<size_t>(found - unit.choices.begin()) + 1);
        loss += unit.forms[one.forms.back()].loss;
        empty = empty || (!options_.treatments.allow_empty && leaves_empty(unit, choice));
      }
      if (!empty) all.emplace_back(loss, std::move(one));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    size_t fitting = 0;
    for (auto one = all.begin(); one != all.end() && fitting < kUniform; ++one) {
      treat::Options alone = one->second.treatments;
      alone.repair.reset();
      const int64_t bytes = bytes_of(whole(alone));
      smallest_bytes_ = std::min(smallest_bytes_, bytes);
      if (bytes > report_.limit) continue;
      const Conversion conversion = whole(one->second.treatments);
      if (bytes_of(conversion) > report_.limit) continue;
      ++fitting;
      const double error = error_->of(*conversion.graph);
      if (!(error < report_.error)) continue;
      report_.error = error;
      chosen = one->second;
    }
    if (std::isinf(report_.error))
      throw Error(
          fmt::format("--budget {}: the smallest file that treatments of weights give has {} bytes, of {} "
                      "without them; at most {} are wanted",
                      options_.budget->text, smallest_bytes_, report_.untreated_bytes, report_.limit));
    return chosen;
  }

  treat::Options rules_of(const Selection& chosen) const {
    treat::Options treatments = options_.treatments;
    for (size_t i = 0; i < chosen.size(); ++i)
      if (chosen[i] > 0) add_rule(units_[i], units_[i].choices[chosen[i] - 1], &treatments);
    return treatments;
  }

  Conversion finish(const Chosen& all) {
    const Selection& chosen = all.forms;
    ConvertOptions options = given_;
    options.treatments = in_force(all.treatments);
    Conversion conversion = convert_(options);
    for (size_t i = 0; i < chosen.size(); ++i) {
      const Unit& unit = units_[i];
      const Form& form = unit.forms[chosen[i]];
      const std::string choice = all.alike        ? to_string(*all.alike)
                                 : chosen[i] == 0 ? "as it is"
                                                  : to_string(unit.choices[chosen[i] - 1]);
      report_.layers.push_back(
          {unit.layers[0].node->name, std::string(unit.layers[0].node->op->name()), choice, form.saved, form.loss});
    }
    conversion.report.budget = std::move(report_);
    conversion.treatments = std::move(options.treatments);
    return conversion;
  }
};

}  // namespace

Conversion convert_within(const Convert& convert, const ConvertOptions& options) {
  if (!options.stop_after.empty())
    throw Error(fmt::format("--budget {}: a conversion that ends after a pass has no bytes", options.budget->text));
  return Search(convert, options).run();
}

}  // namespace linnet::budget
