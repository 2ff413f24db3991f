#include "converter/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include <fmt/format.h>

#include "converter/budget/search.hpp"
#include "converter/check_passes.hpp"
#include "converter/emit/emit.hpp"
#include "converter/import/onnx.hpp"
#include "converter/import/states.hpp"
#include "converter/import/tflite/file.hpp"
#include "converter/import/tflite/importer.hpp"
#include "converter/passes/passes.hpp"
#include "converter/plan/plan.hpp"
#include "converter/quantize/weights.hpp"
#include "converter/report/memory.hpp"
#include "converter/weights/batch_of_one.hpp"
#include "converter/weights/codes.hpp"
#include "converter/weights/reestimate.hpp"
#include "converter/weights/written_out.hpp"
#include "engine/linnet.h"
#include "schema/arithmetic.hpp"

namespace linnet {

namespace {

using passes::PassLog;

constexpr const char *kTreatWeights = "treat_weights", *kQuantize = "quantize";

struct Pass {
  const char* name;
  void (*run)(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion);
  double tolerance = 1e-9;  // of check_passes: what rounding in double may change
};

template <void (*pass)(ir::Graph&, PassLog&)>
void run_pass(ir::Graph& graph, PassLog& log, const ConvertOptions&, Conversion&) {
  pass(graph, log);
}

void run_legalize_layout(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion&) {
  passes::legalize_layout(graph, log, options.keep_layout);
}

void run_separate_outputs(ir::Graph& graph, PassLog&, const ConvertOptions&, Conversion&) {
  plan::separate_outputs(graph);
}

// The channels of a network that is quantized here are looked at twice.
void add_dead_channels(const report::DeadChannels& found, report::DeadChannels* all) {
  if (all->layers.empty()) all->macs_before = found.macs_before;
  all->macs_after = found.macs_after;
  for (const auto& layer : found.layers) {
    const auto known = std::find_if(all->layers.begin(), all->layers.end(),
                                    [&](const auto& other) { return other.layer == layer.layer; });
    if (known == all->layers.end())
      all->layers.push_back(layer);
    else
      known->removed += layer.removed;
  }
}

void run_remove_dead_channels(ir::Graph& graph, PassLog& log, const ConvertOptions&, Conversion& conversion) {
  add_dead_channels(passes::remove_dead_channels(graph, log), &conversion.report.dead_channels);
}

void run_choose_winograd(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion&) {
  passes::choose_winograd(graph, log, options.winograd, options.strict);
}

void run_choose_storage(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion) {
  conversion.report.storages = weights::choose_storage(graph, options.optimize, options.storage, log);
  weights::remove_sparse(graph, &conversion.report.coded_layers);
}

void run_treat_weights(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion) {
  treat::check_globs(graph, options.treatments);
  if (!options.treatments.any()) return;
  const quantize::Progress progress = [&](double fraction) {
    if (options.progress) options.progress(kTreatWeights, fraction);
  };
  const bool calibrated = options.quantization && !options.quantization->samples.empty();
  treat::Treated result =
      treat::treat(graph, options.treatments, calibrated ? &options.quantization->samples : nullptr, progress, log);
  conversion.weight_sets = std::move(result.sets);
  conversion.report.treatments = std::move(result.report);
}

void run_choose_codes(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion) {
  conversion.report.coded_layers =
      weights::choose_codes(graph, conversion.weight_sets, options.optimize, options.storage, log);
}

void run_quantize(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion) {
  if (!options.quantization) return;
  const quantize::Progress progress = [&](double fraction) {
    if (options.progress) options.progress(kQuantize, fraction);
  };
  quantize::Options quantization = *options.quantization;
  for (const auto& [layer, set] : conversion.weight_sets)
    if (set.levels) quantization.unequal.insert(layer.first);
  quantize::Quantized result = quantize::quantize(graph, quantization, progress, log);
  treat::WeightSets sets;
  for (auto& [layer, set] : conversion.weight_sets) {
    const auto name = result.renamed.find(layer.first);
    sets.emplace(std::pair(name != result.renamed.end() ? name->second : layer.first, layer.second), std::move(set));
  }
  conversion.weight_sets = std::move(sets);
  conversion.ranges = std::move(result.ranges);
  conversion.report.quantization = std::move(result.report);
  add_dead_channels(result.dead_channels, &conversion.report.dead_channels);
}

void run_quantize_weights(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion) {
  const treat::Rules<treat::Weights>& rules = options.treatments.weights;
  if (treat::wants_int8(rules) || options.dynamic_int8)
    conversion.report.int8_weights = quantize::quantize_weights(
        graph, {[&](const ir::Node& node) { return treat::wants_int8(rules, node); }, options.dynamic_int8}, log);
}

// A model's own float16 arithmetic and an exporter's rounded constants of an activation are not kept.
constexpr double kHalfPrecision = 2e-2, kActivationConstants = 1e-4;
// What fits a normalization's epsilon and factors.
constexpr double kNormConstants = 1e-6;

// A sum near a half, of float32 or of double, may be rounded otherwise.
constexpr double kFloatSteps = 2e-2;

// What int8 changes has a measure of its own.
constexpr double kAnyError = std::numeric_limits<double>::infinity();

constexpr Pass kPasses[] = {
    {"infer_shapes", run_pass<passes::infer_shapes>},
    {"unify_floats", run_pass<passes::unify_floats>, kHalfPrecision},
    {"fold_constants", run_pass<passes::fold_constants>},
    {"recognise_dynamic", run_pass<passes::recognise_dynamic>, kFloatSteps},
    {"simplify", run_pass<passes::simplify>},
    {"recognise_linear", run_pass<passes::recognise_linear>},
    {"recognise_norms", run_pass<passes::recognise_norms>, kNormConstants},
    {"recognise_activations", run_pass<passes::recognise_activations>, kActivationConstants},
    {"fold_batch_norm", run_pass<passes::fold_batch_norm>},
    {"trim_recurrent", run_pass<passes::trim_recurrent>},
    {"fit_recurrent", run_pass<passes::fit_recurrent>},
    {"legalize_layout", run_legalize_layout},
    {"split_linear", run_pass<passes::split_linear>},
    {"remove_dead_channels", run_remove_dead_channels},
    {kFused, run_pass<passes::fuse>},
    {kTreatWeights, run_treat_weights, kAnyError},
    {kQuantize, run_quantize, kAnyError},
    {"quantize_weights", run_quantize_weights, kAnyError},
    {"merge_tables", run_pass<passes::merge_tables>},
    {"choose_codes", run_choose_codes},
    {"choose_winograd", run_choose_winograd},
    {"choose_storage", run_choose_storage},
    {"take_moments", run_pass<passes::take_moments>},
    {"scale_weights", run_pass<passes::scale_weights>},
    {"separate_outputs", run_separate_outputs},
};
constexpr const char* kImport = "import";

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Fractions of the whole at the ends of the stages; between import and plan the passes share alike.
constexpr double kImported = 0.2, kPassed = 0.7, kPlanned = 0.8, kEmitted = 1.0;

class Converter {
 public:
  explicit Converter(const ConvertOptions& options) : options_(options) {
    const std::vector<std::string> names = pass_names();
    for (const std::string& name : {options.dump_after, options.stop_after})
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
        throw ir::Error(fmt::format("there is no pass {}; there are {}", name, fmt::join(names, ", ")));
    report().tool_version = linnet_version();
    report().options = to_string(options);
    progress(kImport, 0);
  }

  void import(const std::filesystem::path& file) {
    report().source_file = file.filename().string();
    import::is_tflite(file) ? import_tflite(file) : import_onnx(file);
  }

  void take(std::unique_ptr<ir::Graph> graph) {
    conversion_.graph = std::move(graph);
    import::add_states(this->graph(), options_.states);
    const auto nodes = static_cast<int64_t>(conversion_.graph->nodes().size());
    report().passes.push_back({kImport, 0, nodes, {}, seconds_since(start_)});
    ir::verify(*conversion_.graph, kImport);
    change_weights();
    edit("recognise_integers", [&](PassLog& log) { float_reasons_ = passes::recognise_integers(this->graph(), log); });
    if (options_.rounding) set_rounding();
    if (options_.keep_graphs) conversion_.source = conversion_.graph->clone();
  }

  void take_fused(std::unique_ptr<ir::Graph> graph, const std::string& source_file) {
    conversion_.graph = std::move(graph);
    report().source_file = source_file;
    while (kPasses[first_pass_++].name != std::string_view(kFused)) {
    }
  }

  Conversion run() {
    if (!finished_after(kImport) && run_passes()) {
      const plan::Plan plan = plan_memory();
      write_model(plan);
    }
    if (!options_.keep_graphs) conversion_.graph.reset();
    progress("done", 1);
    return std::move(conversion_);
  }

 private:
  const ConvertOptions& options_;
  Conversion conversion_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  size_t first_pass_ = 0;
  std::unordered_set<std::string> placeholders_;
  std::map<std::string, std::string> float_reasons_;  // of nodes that recognise_integers left

  ir::Graph& graph() { return *conversion_.graph; }
  report::Report& report() { return conversion_.report; }

  void progress(std::string_view stage, double fraction) const {
    if (options_.progress) options_.progress(stage, fraction);
  }

  void import_onnx(const std::filesystem::path& file) {
    if (!options_.signature.empty())
      throw ir::Error("a signature is named; those are TensorFlow Lite's, an ONNX model has none");
    import::OnnxModel model =
        import::import_onnx(file, options_.input_shapes, options_.constants, options_.initialization.has_value());
    conversion_.warnings = report().warnings = model.warnings;
    report().source_format = fmt::format("ONNX opset {}", model.opset);
    report().onnx_opset = model.opset;
    report().open_inputs = model.open_inputs;
    placeholders_ = std::move(model.placeholders);
    take(std::move(model.graph));
  }

  void import_tflite(const std::filesystem::path& file) {
    if (!options_.constants.empty()) throw ir::Error("--constant is for ONNX models");
    import::TfliteModel model = import::import_tflite(file, options_.input_shapes, options_.signature);
    conversion_.warnings = report().warnings = model.warnings;
    report().open_inputs = model.open_inputs;
    report().source_format = "TensorFlow Lite";
    take(std::move(model.graph));
  }

  void set_rounding() {
    std::vector<std::string> warnings;
    edit("set_rounding", [&](PassLog& log) { passes::set_rounding(graph(), *options_.rounding, log, warnings); });
    for (auto* list : {&conversion_.warnings, &report().warnings})
      list->insert(list->end(), warnings.begin(), warnings.end());
  }

  void change_weights() {
    if (options_.initialization)
      edit("initialize",
           [&](PassLog& log) { weights::initialize(graph(), *options_.initialization, placeholders_, log); });
    edit("batches_of_one", [&](PassLog& log) { weights::replace_batches_of_one(graph(), log); });
    if (!options_.reparametrizations.empty())
      edit("reparametrize", [&](PassLog& log) { weights::reparametrize(graph(), options_.reparametrizations, log); });
    if (options_.samples) {
      edit("gather_batch_norms", [&](PassLog& log) { weights::gather_batch_norms(graph(), log); });
      edit("reestimate_bn", [&](PassLog& log) {
        report().statistics = weights::reestimate_batch_norms(graph(), *options_.samples, options_.data_set, log);
      });
    }
    weights::require_statistics(graph());
  }

  // A change of the model itself, which the report shows like a pass where there is one.
  template <class Edit>
  void edit(const char* name, Edit&& change) {
    const auto start = std::chrono::steady_clock::now();
    PassLog log;
    change(log);
    if (log.actions.empty()) return;
    const auto nodes = static_cast<int64_t>(graph().nodes().size());
    report().passes.push_back({name, nodes, nodes, std::move(log.actions), seconds_since(start)});
    ir::verify(graph(), name);
  }

  bool finished_after(std::string_view pass) {
    if (options_.dump_after == pass && options_.dump) options_.dump(ir::dump(graph()));
    return options_.stop_after == pass;
  }

  bool run_passes() {
    std::optional<PassChecker> checker;
    if (options_.check_passes) checker.emplace(graph());
    for (size_t i = first_pass_; i < std::size(kPasses); ++i) {
      const Pass& pass = kPasses[i];
      progress(pass.name, kImported + (kPassed - kImported) * static_cast<double>(i) / std::size(kPasses));
      const auto start = std::chrono::steady_clock::now();
      const auto before = static_cast<int64_t>(graph().nodes().size());
      PassLog log;
      pass.run(graph(), log, options_, conversion_);
      const auto after = static_cast<int64_t>(graph().nodes().size());
      report().passes.push_back({pass.name, before, after, std::move(log.actions), seconds_since(start)});
      ir::verify(graph(), pass.name);
      if (checker) checker->check(graph(), pass.name, pass.tolerance);
      if (finished_after(pass.name)) return false;
    }
    return true;
  }

  plan::Plan plan_memory() {
    progress("plan_memory", kPassed);
    plan::Plan plan = plan::plan_memory(graph(), options_.cascades);
    if (options_.check_passes) plan::check_plan(graph(), plan);
    report().tensor_bytes = plan.tensor_bytes;
    report().tensor_lower_bound = plan.lower_bound;
    report().state_bytes = plan.state_bytes;
    for (const ir::State& state : graph().states)
      report().states.push_back({graph().inputs[state.input]->name, to_string(graph().inputs[state.input]->type)});
    return plan;
  }

  void write_model(const plan::Plan& plan) {
    progress("emit", kPlanned);
    emit::EmitOptions options;
    options.strip_names = options_.strip_names;
    options.release_constants = !options_.keep_graphs;
    options.source_file = report().source_file;
    options.tool_version = report().tool_version;
    options.options = report().options;
    emit::Emission emission = emit::emit_model(graph(), plan, options);
    conversion_.model = std::move(emission.model);
    report().macs = emission.macs;
    report().weight_bytes = emission.weight_bytes;
    report().shared_weights = std::move(emission.shared_weights);
    report().file_bytes = static_cast<int64_t>(conversion_.model.size());
    report().placements = plan::placements(plan, emission.steps_of);
    report().steps = std::move(emission.steps);
    describe_arithmetic();
    report().memory = report::target_memory(conversion_.model);
    progress("emit", kEmitted);
  }

  // Which steps compute with integers, as the engine sees them, and why others do not.
  void describe_arithmetic() {
    const fb::Model& model = *fb::GetModel(conversion_.model.data());
    std::vector<report::FloatStep> float_steps;
    for (size_t i = 0; i < report().steps.size(); ++i) {
      report::StepSummary& step = report().steps[i];
      const Arithmetic arithmetic = arithmetic_of(model, *model.steps()->Get(static_cast<uint32_t>(i)));
      step.arithmetic = name(arithmetic);
      if (arithmetic == Arithmetic::Float32)
        float_steps.push_back({static_cast<int>(i), float_reason(step)});
      else if (arithmetic != Arithmetic::None)
        report().integer_weight_bytes += step.weight_bytes;
    }
    const auto& steps = report().steps;
    if (std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.arithmetic.starts_with("int"); }))
      report().float_steps = std::move(float_steps);
  }
  std::string float_reason(const report::StepSummary& step) {
    const auto& reasons = report().quantization.float_reasons;
    if (const auto found = reasons.find(step.name); found != reasons.end()) return found->second;
    for (const std::string& node : step.sources)
      if (const auto reason = float_reasons_.find(node); reason != float_reasons_.end()) return reason->second;
    return report().quantization.range.empty() ? fmt::format("{} computes it with real numbers", source_name())
                                               : "it lies between real numbers and int8";
  }
  std::string source_name() { return report().source_file.empty() ? "the source" : report().source_file; }
};

}  // namespace

std::vector<std::string> pass_names() {
  std::vector<std::string> names = {kImport};
  for (const Pass& pass : kPasses) names.emplace_back(pass.name);
  return names;
}

Conversion convert(std::unique_ptr<ir::Graph> graph, const ConvertOptions& options) {
  if (options.budget)
    return budget::convert_within([&](const ConvertOptions& other) { return convert(graph->clone(), other); }, options);
  Converter converter(options);
  converter.take(std::move(graph));
  return converter.run();
}

Conversion convert(const std::filesystem::path& file, const ConvertOptions& options) {
  if (options.budget)
    return budget::convert_within([&](const ConvertOptions& other) { return convert(file, other); }, options);
  Converter converter(options);
  converter.import(file);
  return converter.run();
}

Conversion resume(std::unique_ptr<ir::Graph> graph, const std::string& source_file, const ConvertOptions& options) {
  Converter converter(options);
  converter.take_fused(std::move(graph), source_file);
  return converter.run();
}

}  // namespace linnet
