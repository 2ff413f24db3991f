#include "converter/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <sstream>

#include <fmt/format.h>

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
#include "converter/weights/reestimate.hpp"
#include "converter/weights/written_out.hpp"
#include "engine/linnet.h"
#include "schema/arithmetic.hpp"

namespace linnet {

namespace {

using passes::PassLog;

constexpr const char* kQuantize = "quantize";

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

void run_quantize(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion) {
  if (!options.quantization) return;
  const quantize::Progress progress = [&](double fraction) {
    if (options.progress) options.progress(kQuantize, fraction);
  };
  quantize::Quantized result = quantize::quantize(graph, *options.quantization, progress, log);
  conversion.ranges = std::move(result.ranges);
  conversion.report.quantization = std::move(result.report);
  add_dead_channels(result.dead_channels, &conversion.report.dead_channels);
}

void run_quantize_weights(ir::Graph& graph, PassLog& log, const ConvertOptions& options, Conversion& conversion) {
  if (options.int8_weights || options.dynamic_int8)
    conversion.report.int8_weights =
        quantize::quantize_weights(graph, {options.int8_weights, options.dynamic_int8}, log);
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
    {"fuse", run_pass<passes::fuse>},
    {kQuantize, run_quantize, kAnyError},
    {"quantize_weights", run_quantize_weights, kAnyError},
    {"merge_tables", run_pass<passes::merge_tables>},
    {"choose_winograd", run_choose_winograd},
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
    for (size_t i = 0; i < std::size(kPasses); ++i) {
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

constexpr std::string_view kShapeOption = "--shape=", kConstantOption = "--constant=", kStripOption = "--strip-names",
                           kKeepOption = "--keep-layout",
                           kWinogradOption = "--winograd=", kCascadeOption = "--cascade=", kStrictOption = "--strict",
                           kInitOption = "--init=", kSeedOption = "--seed=", kReparamOption = "--reparam=",
                           kRoundingOption = "--rounding=", kDataSetOption = "--reestimate-bn=",
                           kSignatureOption = "--signature=", kStateOption = "--state=", kInt8Option = "--int8",
                           kRangeOption = "--range=", kWeightScaleOption = "--weight-scale=mse",
                           kPerTensorOption = "--per-tensor", kInt8PortsOption = "--io=int8",
                           kKeepFloatOption = "--keep-float=", kMinSqnrOption = "--min-sqnr=",
                           kNoEqualizeOption = "--no-equalize", kMixedOption = "--mixed=", kLabelsOption = "--labels=",
                           kValidationOption = "--validation=", kCalibrationOption = "--calibration=",
                           kImageOption = "--images=", kRangesOption = "--ranges=", kWeightsOption = "--weights=int8",
                           kDynamicOption = "--int8=dynamic";

// Words are separated by blanks.
std::string escaped(std::string_view name) {
  std::string result;
  for (const char c : name)
    result += c == ' ' || c == '%' ? fmt::format("%{:02x}", static_cast<int>(c)) : std::string(1, c);
  return result;
}

std::string unescaped(std::string_view word) {
  std::string result;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '%' && i + 2 < word.size()) {
      result += word.substr(i, 3) == "%20" ? ' ' : '%';
      i += 2;
    } else {
      result += word[i];
    }
  }
  return result;
}

void add_words(const quantize::Options& options, std::vector<std::string>* words) {
  words->emplace_back(kInt8Option);
  words->push_back(fmt::format("{}{}", kRangeOption, quantize::to_string(options.range)));
  if (options.weights.scale == quantize::WeightScale::mse) words->emplace_back(kWeightScaleOption);
  if (options.weights.per_tensor) words->emplace_back(kPerTensorOption);
  if (!options.equalize) words->emplace_back(kNoEqualizeOption);
  if (options.int8_ports) words->emplace_back(kInt8PortsOption);
  for (const std::string& glob : options.keep_float)
    words->push_back(fmt::format("{}{}", kKeepFloatOption, escaped(glob)));
  if (options.min_sqnr) words->push_back(fmt::format("{}{}", kMinSqnrOption, *options.min_sqnr));
  if (options.accuracy) words->push_back(fmt::format("{}{}", kMixedOption, *options.accuracy));
  if (!options.labels_file.empty()) words->push_back(fmt::format("{}{}", kLabelsOption, escaped(options.labels_file)));
  for (const std::string& file : options.validation_files)
    words->push_back(fmt::format("{}{}", kValidationOption, escaped(file)));
  for (const std::string& file : options.files)
    words->push_back(fmt::format("{}{}", kCalibrationOption, escaped(file)));
  words->push_back(fmt::format("{}{}", kImageOption, escaped(options.sample_options)));
  if (!options.ranges_file.empty()) words->push_back(fmt::format("{}{}", kRangesOption, escaped(options.ranges_file)));
}

// Whether the word, which follows --int8, is one of its options.
bool parse_word(const std::string& word, quantize::Options* options) {
  const auto value = [&](std::string_view option) { return unescaped(std::string_view(word).substr(option.size())); };
  if (word.starts_with(kRangeOption))
    options->range = quantize::parse_range_method(value(kRangeOption));
  else if (word == kWeightScaleOption)
    options->weights.scale = quantize::WeightScale::mse;
  else if (word == kPerTensorOption)
    options->weights.per_tensor = true;
  else if (word == kNoEqualizeOption)
    options->equalize = false;
  else if (word == kInt8PortsOption)
    options->int8_ports = true;
  else if (word.starts_with(kKeepFloatOption))
    options->keep_float.push_back(value(kKeepFloatOption));
  else if (word.starts_with(kMinSqnrOption))
    options->min_sqnr = std::stod(value(kMinSqnrOption));
  else if (word.starts_with(kMixedOption))
    options->accuracy = std::stod(value(kMixedOption));
  else if (word.starts_with(kLabelsOption))
    options->labels_file = value(kLabelsOption);
  else if (word.starts_with(kValidationOption))
    options->validation_files.push_back(value(kValidationOption));
  else if (word.starts_with(kCalibrationOption))
    options->files.push_back(value(kCalibrationOption));
  else if (word.starts_with(kImageOption))
    options->sample_options = value(kImageOption);
  else if (word.starts_with(kRangesOption))
    options->ranges_file = value(kRangesOption);
  else
    return false;
  return true;
}

}  // namespace

std::string to_string(const ConvertOptions& options) {
  std::vector<std::string> words;
  for (const auto& [name, shape] : options.input_shapes)
    words.push_back(fmt::format("{}{}={}", kShapeOption, escaped(name), fmt::join(shape, ",")));
  for (const auto& [name, constant] : options.constants)
    words.push_back(fmt::format("{}{}={}", kConstantOption, escaped(name), escaped(constant.text)));
  for (const auto& [input, output] : options.states)
    words.push_back(fmt::format("{}{}={}", kStateOption, escaped(input), escaped(output)));
  if (!options.signature.empty()) words.push_back(fmt::format("{}{}", kSignatureOption, escaped(options.signature)));
  if (options.strip_names) words.emplace_back(kStripOption);
  if (options.keep_layout) words.emplace_back(kKeepOption);
  if (options.winograd) words.push_back(fmt::format("{}{}", kWinogradOption, *options.winograd));
  if (options.cascades != plan::CascadeMode::speed)
    words.push_back(fmt::format("{}{}", kCascadeOption, plan::name(options.cascades)));
  if (options.rounding) words.push_back(fmt::format("{}{}", kRoundingOption, name(*options.rounding)));
  if (options.strict) words.emplace_back(kStrictOption);
  if (options.initialization) {
    words.push_back(fmt::format("{}{}", kInitOption, weights::name(options.initialization->scheme)));
    words.push_back(fmt::format("{}{}", kSeedOption, options.initialization->seed));
  }
  for (const weights::Reparametrization& how : options.reparametrizations)
    words.push_back(fmt::format("{}{}", kReparamOption, escaped(weights::to_string(how))));
  if (!options.data_set.empty()) words.push_back(fmt::format("{}{}", kDataSetOption, escaped(options.data_set)));
  if (options.quantization) add_words(*options.quantization, &words);
  if (options.dynamic_int8) words.emplace_back(kDynamicOption);
  if (options.int8_weights) words.emplace_back(kWeightsOption);
  return fmt::format("{}", fmt::join(words, " "));
}

ConvertOptions parse_options(std::string_view text) {
  ConvertOptions options;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    const size_t equals = word.rfind('=');
    if (word == kStripOption) {
      options.strip_names = true;
    } else if (word == kKeepOption) {
      options.keep_layout = true;
    } else if (word == kDynamicOption) {
      options.dynamic_int8 = true;
    } else if (word == kWeightsOption) {
      options.int8_weights = true;
    } else if (word == kStrictOption) {
      options.strict = true;
    } else if (word.starts_with(kCascadeOption)) {
      options.cascades = plan::parse_cascade_mode(word.substr(kCascadeOption.size()));
    } else if (word.starts_with(kRoundingOption)) {
      options.rounding = ir::parse_rounding(word.substr(kRoundingOption.size()));
    } else if (word.starts_with(kWinogradOption)) {
      options.winograd = std::stoll(word.substr(kWinogradOption.size()));
    } else if (word.starts_with(kShapeOption) && equals >= kShapeOption.size()) {
      ir::Shape& shape =
          options.input_shapes[unescaped(word.substr(kShapeOption.size(), equals - kShapeOption.size()))];
      std::istringstream sizes(word.substr(equals + 1));
      for (std::string size; std::getline(sizes, size, ',');) shape.push_back(std::stoll(size));
    } else if (word.starts_with(kConstantOption) && equals >= kConstantOption.size()) {
      const std::string name = unescaped(word.substr(kConstantOption.size(), equals - kConstantOption.size()));
      options.constants[name].text = unescaped(word.substr(equals + 1));
    } else if (word.starts_with(kStateOption) && equals >= kStateOption.size()) {
      const std::string input = unescaped(word.substr(kStateOption.size(), equals - kStateOption.size()));
      options.states[input] = unescaped(word.substr(equals + 1));
    } else if (word.starts_with(kInitOption)) {
      options.initialization.emplace().scheme = weights::parse_scheme(word.substr(kInitOption.size()));
    } else if (word.starts_with(kSeedOption) && options.initialization) {
      options.initialization->seed = std::stoull(word.substr(kSeedOption.size()));
    } else if (word.starts_with(kReparamOption)) {
      options.reparametrizations.push_back(
          weights::parse_reparametrization(unescaped(word.substr(kReparamOption.size()))));
    } else if (word.starts_with(kSignatureOption)) {
      options.signature = unescaped(word.substr(kSignatureOption.size()));
    } else if (word.starts_with(kDataSetOption)) {
      options.data_set = unescaped(word.substr(kDataSetOption.size()));
    } else if (word == kInt8Option) {
      options.quantization.emplace();
    } else if (options.quantization && parse_word(word, &*options.quantization)) {
      continue;
    } else {
      throw ir::Error(fmt::format("unknown conversion option {}", word));
    }
  }
  return options;
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names = {kImport};
  for (const Pass& pass : kPasses) names.emplace_back(pass.name);
  return names;
}

Conversion convert(std::unique_ptr<ir::Graph> graph, const ConvertOptions& options) {
  Converter converter(options);
  converter.take(std::move(graph));
  return converter.run();
}

Conversion convert(const std::filesystem::path& file, const ConvertOptions& options) {
  Converter converter(options);
  converter.import(file);
  return converter.run();
}

}  // namespace linnet
