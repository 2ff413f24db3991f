#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "converter/emit/c_header.hpp"
#include "converter/main/commands.hpp"
#include "converter/main/progress.hpp"
#include "converter/main/quantization_arguments.hpp"
#include "converter/main/recipe.hpp"
#include "converter/main/treatment_arguments.hpp"
#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::tools {
namespace {

struct Arguments {
  std::string input, output, c_array;
  std::vector<std::string> shapes, constants, states;
  std::string signature, dump_after, stop_after, init, data_set, winograd, cascade, rounding, recipe,
      optimize = "speed";
  uint64_t seed = 0;
  std::vector<std::string> reparametrizations;
  QuantizationArguments quantization;
  TreatmentArguments treatments;
  Recipe recipe_in_force;  // of the whole command line
  bool json = false, verbose = false, quiet = false, strip = false, keep_layout = false, check = false, strict = false;
};

// "name=1,3,224,224"
std::pair<std::string, ir::Shape> parse_shape(const std::string& text) {
  const auto fail = [&] {
    return ToolError(kUsageError,
                     fmt::format("--shape {}: expected NAME=SIZE,SIZE,... with sizes of at least 1", text));
  };
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) throw fail();
  ir::Shape shape;
  const char *position = text.data() + equals + 1, *end = text.data() + text.size();
  while (position != end) {
    int64_t size = 0;
    const auto [next, error] = std::from_chars(position, end, size);
    if (error != std::errc() || size < 1 || (next != end && (*next != ',' || next + 1 == end))) throw fail();
    shape.push_back(size);
    position = next == end ? end : next + 1;
  }
  return {text.substr(0, equals), shape};
}

// "name=16000" or "name=file.npy"; numbers and file names hold no '=', a name may.
std::pair<std::string, import::ConstantInput> parse_constant(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw ToolError(kUsageError,
                    fmt::format("--constant {}: expected NAME=VALUE, NAME=VALUE,VALUE,... or NAME=FILE.npy", text));
  return {text.substr(0, equals), {text.substr(equals + 1), std::nullopt}};
}

// "h0=hn"; of several '=' the last separates the names.
std::pair<std::string, std::string> parse_state(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw ToolError(kUsageError, fmt::format("--state {}: expected INPUT=OUTPUT", text));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// Whether transformed weights, up to four times as large, are what the command line does not want without saying so.
bool wants_small(const Arguments& arguments) {
  return !arguments.c_array.empty() || !arguments.treatments.budget.empty();
}

// Absent where the converter chooses.
std::optional<int64_t> parse_winograd(const Arguments& arguments) {
  const std::string& text = arguments.winograd;
  if (text == "auto") return std::nullopt;
  if (text.empty()) return wants_small(arguments) ? std::optional<int64_t>(0) : std::nullopt;
  if (arguments.strict && (text == "4" || text == "6"))
    throw ToolError(kUsageError, fmt::format("--winograd {}: --strict allows 2, auto and off", text));
  for (const int64_t tile : {2, 4, 6})
    if (text == std::to_string(tile)) return tile;
  if (text == "off") return 0;
  throw ToolError(kUsageError, fmt::format("--winograd {}: expected auto, off, 2, 4 or 6", text));
}

void check_pass(const char* option, const std::string& pass) {
  const std::vector<std::string> passes = pass_names();
  if (pass.empty() || std::find(passes.begin(), passes.end(), pass) != passes.end()) return;
  throw ToolError(kUsageError, fmt::format("{} {}: no such pass; there are {}", option, pass, fmt::join(passes, ", ")));
}

ConvertOptions convert_options(const Arguments& arguments) {
  ConvertOptions options;
  for (const std::string& text : arguments.shapes) {
    if (!options.input_shapes.insert(parse_shape(text)).second) {
      throw ToolError(kUsageError, fmt::format("--shape {}: given twice for the same input", text));
    }
  }
  for (const std::string& text : arguments.constants) {
    if (!options.constants.insert(parse_constant(text)).second) {
      throw ToolError(kUsageError, fmt::format("--constant {}: given twice for the same input", text));
    }
  }
  for (const std::string& text : arguments.states) {
    if (!options.states.insert(parse_state(text)).second) {
      throw ToolError(kUsageError, fmt::format("--state {}: given twice for the same input", text));
    }
  }
  check_pass("--dump-after", arguments.dump_after);
  check_pass("--stop-after", arguments.stop_after);
  try {
    if (!arguments.init.empty()) options.initialization = {weights::parse_scheme(arguments.init), arguments.seed};
    for (const std::string& text : arguments.reparametrizations)
      options.reparametrizations.push_back(weights::parse_reparametrization(text));
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, error.what());
  }
  options.signature = arguments.signature;
  options.data_set = arguments.data_set;
  options.strip_names = arguments.strip;
  options.keep_layout = arguments.keep_layout;
  options.winograd = parse_winograd(arguments);
  options.strict = arguments.strict;
  try {
    const char* usual = arguments.c_array.empty() ? "speed" : "memory";
    options.cascades = plan::parse_cascade_mode(arguments.cascade.empty() ? usual : arguments.cascade);
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, fmt::format("--cascade {}", error.what()));
  }
  try {
    if (!arguments.rounding.empty()) options.rounding = ir::parse_rounding(arguments.rounding);
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, fmt::format("--rounding {}", error.what()));
  }
  try {
    options.optimize = weights::parse_optimize(arguments.optimize);
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, fmt::format("--optimize {}", error.what()));
  }
  options.storage = arguments.treatments.storage_rules();
  options.budget = arguments.treatments.budget_options(arguments.quantization);
  if (options.budget && !arguments.stop_after.empty())
    throw ToolError(kUsageError, "--budget needs the whole conversion; --stop-after ends it");
  options.quantization = arguments.quantization.options(options.budget.has_value());
  options.treatments = arguments.treatments.options(arguments.quantization.samples);
  options.dynamic_int8 = arguments.quantization.int8 == "dynamic";
  options.check_passes = arguments.check;
  options.dump_after = arguments.dump_after;
  options.stop_after = arguments.stop_after;
  options.dump = [](std::string_view text) { fmt::print("{}", text); };
  return options;
}

// The header goes beside the source: model.c and model.h.
std::string c_header_path(const std::string& source) {
  return std::filesystem::path(source).replace_extension(".h").string();
}

void write_c_array(const std::string& path, const Conversion& conversion) {
  const auto& memory = conversion.report.memory;
  const auto cortex_m =
      std::find_if(memory.begin(), memory.end(), [](const auto& target) { return target.target == "cortex-m"; });
  if (cortex_m == memory.end()) throw ToolError(kModelError, "the report has no arena for Cortex-M");
  const std::string header = c_header_path(path);
  const emit::CHeader text =
      emit::c_header(conversion.model, emit::c_identifier(std::filesystem::path(path).stem().string()),
                     std::filesystem::path(header).filename().string(), cortex_m->arena_bytes);
  write_file(header, text.header);
  write_file(path, text.source);
}

// Whether the file of --recipe is the one beside the output and says all that is in force.
bool keeps_recipe(const Arguments& arguments) {
  std::error_code error;
  return !arguments.recipe.empty() && arguments.treatments.budget.empty() &&
         std::filesystem::equivalent(arguments.recipe, recipe_path(arguments.output), error) &&
         same(read_recipe(arguments.recipe), arguments.recipe_in_force);
}

// The recipe with what a budget chose in its place.
Recipe recipe_with(const treat::Options& chosen, const Arguments& arguments) {
  Recipe recipe = arguments.recipe_in_force;
  const auto set = [&](const char* option, const auto& rules) {
    recipe.erase(option);
    for (const auto& rule : rules) recipe[option].push_back(rule.text);
  };
  set("clip", chosen.clip);
  set("sparsify", chosen.sparsify);
  set("weights", chosen.weights);
  set("cluster", chosen.cluster);
  if (!chosen.repair)
    for (const char* option : {"repair", "weight-decay", "steps", "lr"}) recipe.erase(option);
  if (arguments.quantization.int8 != "static") recipe.erase("calibration");
  if (arguments.winograd.empty()) recipe["winograd"] = {"off"};
  return recipe;
}

void check_arguments(const Arguments& arguments) {
  if (arguments.output.empty() && arguments.stop_after.empty()) {
    throw ToolError(kUsageError, "convert needs -o FILE (or --stop-after PASS) (see --help)");
  }
  std::vector<FileArgument> inputs = {{"MODEL", arguments.input}}, outputs;
  if (!arguments.data_set.empty()) inputs.push_back({"--reestimate-bn", arguments.data_set});
  for (const std::string& file : arguments.quantization.samples.inputs) inputs.push_back({"--calibration", file});
  for (const std::string& file : arguments.quantization.validation) inputs.push_back({"--validation", file});
  if (const auto& labels = arguments.quantization.labels) inputs.push_back({"--labels", *labels});
  const std::string& ranges = arguments.quantization.ranges;
  if (!ranges.empty()) {
    auto& files = std::filesystem::exists(ranges) ? inputs : outputs;
    files.push_back({"--ranges", ranges});
  }
  for (const std::string& file : arguments.treatments.repair) inputs.push_back({"--repair", file});
  if (!arguments.recipe.empty()) inputs.push_back({"--recipe", arguments.recipe});
  if (!arguments.output.empty()) outputs.push_back({"-o", arguments.output});
  if (!arguments.output.empty() && arguments.treatments.any() && !keeps_recipe(arguments))
    outputs.push_back({"the recipe beside -o", recipe_path(arguments.output)});
  if (!arguments.c_array.empty()) {
    if (std::filesystem::path(arguments.c_array).extension() != ".c") {
      throw ToolError(kUsageError, fmt::format("--c-array {}: the name must end in .c", arguments.c_array));
    }
    if (arguments.c_array.find_first_of("\"\n") != std::string::npos) {
      throw ToolError(kUsageError,
                      fmt::format("--c-array {}: C cannot include a file of such a name", arguments.c_array));
    }
    outputs.push_back({"--c-array", arguments.c_array});
    outputs.push_back({"the header of --c-array", c_header_path(arguments.c_array)});
  }
  check_files(inputs, outputs, !arguments.quiet);
}

int convert_action(const Arguments& arguments) {
  check_arguments(arguments);
  ConvertOptions options = convert_options(arguments);
  options.keep_graphs = false;
  Conversion conversion;
  {
    ProgressBar progress;
    options.progress = [&](std::string_view stage, double fraction) { progress.update(stage, fraction); };
    conversion = convert_file(arguments.input, options);
  }
  if (!arguments.stop_after.empty()) return kOk;
  write_file(arguments.output, conversion.model.data(), conversion.model.size());
  if (!arguments.c_array.empty()) write_c_array(arguments.c_array, conversion);
  write_ranges(options, conversion.ranges);
  if (options.budget)
    write_file(recipe_path(arguments.output), to_text(recipe_with(conversion.treatments, arguments)));
  else if (!conversion.report.treatments.layers.empty() && !keeps_recipe(arguments))
    write_file(recipe_path(arguments.output), to_text(arguments.recipe_in_force));
  if (arguments.json)
    fmt::print("{}", report::to_json(conversion.report));
  else if (!arguments.quiet)
    fmt::print("{}", report::to_text(conversion.report, arguments.verbose));
  return kOk;
}

ir::Array read_samples(const NpyArray& npy) {
  std::vector<double> values(npy.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = npy.number(i);
  return ir::Array::of_doubles(npy.shape, std::move(values), ir::DType::f64);
}

ir::Array read_constant(const std::string& path) {
  const NpyArray npy = read_npy(path);
  if (npy.kind == 'f') return read_samples(npy);
  std::vector<int64_t> values(npy.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = npy.integer(i);
  const ir::DType dtype = npy.kind == 'b'                             ? ir::DType::boolean
                          : npy.kind == 'u' && npy.element_bytes == 8 ? ir::DType::u64
                                                                      : ir::DType::i64;
  return ir::Array::of_integers(npy.shape, std::move(values), dtype);
}

}  // namespace

Conversion convert_file(const std::string& file, ConvertOptions options) {
  { const MappedFile readable(file); }
  if (!options.data_set.empty()) options.samples = read_samples(read_npy(options.data_set));
  for (auto& [name, constant] : options.constants)
    if (constant.text.ends_with(".npy")) constant.elements = read_constant(constant.text);
  try {
    read_calibration(file, &options);
    Conversion conversion = linnet::convert(file, options);
    for (const std::string& warning : conversion.warnings) fmt::print(stderr, "linnet: warning: {}\n", warning);
    return conversion;
  } catch (const ir::Problems& problems) {
    std::string text =
        fmt::format("{}: {} problem{}", file, problems.list().size(), problems.list().size() == 1 ? "" : "s");
    for (const std::string& problem : problems.list()) text += "\n  " + problem;
    throw ToolError(kModelError, text);
  } catch (const ir::Error& error) {
    const std::string text = error.what(), place = file + ": ";
    throw ToolError(kModelError, text.rfind(place, 0) == 0 ? text : place + text);
  }
}

void add_convert_command(CLI::App& app, Action* action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("convert", "Converts an ONNX (opset 7 to 26) or TensorFlow Lite model to a .lnt file.");
  add_recipe_argument(command, &arguments->recipe);
  command
      ->add_option("input", arguments->input,
                   "The ONNX or TensorFlow Lite file; external data of ONNX are read from beside it")
      ->required()
      ->type_name("MODEL");
  command->add_option("-o,--output", arguments->output, "The file to write; it is replaced as a whole, or not touched")
      ->type_name("MODEL.lnt");
  command
      ->add_option("--shape", arguments->shapes,
                   "Shape of an input, where the model leaves it open or another one is wanted; repeat for more inputs "
                   "(default for an open batch of independent samples: 1)")
      ->allow_extra_args(false)
      ->type_name("NAME=N,C,H,W");
  command
      ->add_option(
          "--constant", arguments->constants,
          "An input that becomes a constant: numbers separated by commas, or the elements of a file; repeat for "
          "more inputs")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE|FILE.npy");
  command
      ->add_option("--state", arguments->states,
                   "An input and an output that become a state, which runs keep for each other: 0 at first, then in "
                   "every run what the output was in the run before; repeat for more")
      ->allow_extra_args(false)
      ->type_name("INPUT=OUTPUT");
  command
      ->add_option("--signature", arguments->signature,
                   "The signature of a TensorFlow Lite file to convert (default: the first subgraph)")
      ->type_name("NAME");
  command
      ->add_option("--rounding", arguments->rounding,
                   "How integer sums are rounded to results: tflite, in fixed point with TensorFlow Lite's bytes, or "
                   "float, by a product with a float32 factor to the nearest integer, which is faster where there are "
                   "fast floats (default: the source's rule)")
      ->type_name("RULE");
  command->add_flag("--strip", arguments->strip, "Leave out tensor names, step names and source node names");
  command->add_flag("--keep-layout", arguments->keep_layout,
                    "Inputs and outputs keep the source's order of dimensions (N, C, H, W) on the device");
  command
      ->add_option(
          "--winograd", arguments->winograd,
          "3x3 convolutions of stride 1 by Winograd's F(2x2), F(4x4) or F(6x6): 2, 4 or 6 for all of them, off "
          "for none, auto for 2 or 4 where the cost model expects it to be faster (default: auto; off with "
          "--c-array and --budget)")
      ->type_name("TILE");
  command
      ->add_option("--cascade", arguments->cascade,
                   "Convolutions and pools that run in turns, a few lines each, so that what lies between them takes "
                   "little memory: speed where they are faster so, memory where the arena shrinks, or off (default: "
                   "speed; memory with --c-array)")
      ->type_name("MODE");
  command->add_flag("--strict", arguments->strict,
                    "Only algorithms as exact as the direct ones: of Winograd's F(2x2) at most");
  auto* init = command
                   ->add_option("--init", arguments->init,
                                "Give every layer new weights (he, xavier, he_normal, he_uniform, xavier_normal or "
                                "xavier_uniform); the file's may be missing")
                   ->type_name("SCHEME");
  command->add_option("--seed", arguments->seed, "Seed of --init (default 0)")->needs(init)->type_name("N");
  command
      ->add_option("--reparam", arguments->reparametrizations,
                   "Reparametrize the weights whose names in the file match a glob (* and ?), after --init: "
                   "'GLOB=standardize(eps=1e-5,unbiased,eps_outside)', 'GLOB=weight_norm(dim=0)' or "
                   "'GLOB=spectral_norm(iterations=N)' (default: to convergence); repeat for more")
      ->allow_extra_args(false)
      ->type_name("GLOB=KIND(...)");
  command
      ->add_option("--reestimate-bn", arguments->data_set,
                   "Take the statistics of every batch normalization from samples of the model's input")
      ->type_name("CALIB.npy");
  add_quantization_arguments(command, &arguments->quantization);
  add_treatment_arguments(command, &arguments->treatments);
  command
      ->add_option("--optimize", arguments->optimize,
                   "How layers with zeros are stored: without them where that is predicted to be no slower (speed), or "
                   "wherever that is smaller (size)")
      ->type_name("WHAT")
      ->capture_default_str();
  command
      ->add_option("--c-array", arguments->c_array,
                   "Also write the model as C source for firmware, and a header of the same name beside it")
      ->type_name("FILE.c");
  command->add_flag(
      "--check", arguments->check,
      "After every pass that must not change the result, evaluate the graph on random inputs and compare");
  const std::string passes = fmt::format("{}", fmt::join(pass_names(), ", "));
  command->add_option("--dump-after", arguments->dump_after, "Print the graph after a pass: " + passes)
      ->type_name("PASS");
  command->add_option("--stop-after", arguments->stop_after, "End after a pass; nothing is written")->type_name("PASS");
  auto* json = command->add_flag("--json", arguments->json, "Print the report as JSON instead of text");
  command->add_flag("--verbose", arguments->verbose, "List every action of every pass in the report");
  command->add_flag("--quiet", arguments->quiet, "Print no report")->excludes(json);
  command->footer(footer(
      "Reports the steps, multiply-accumulates, weight bytes, the exact arena bytes for each kind of device, and what "
      "each "
      "pass did. A model that is not supported fails with all of its problems in one list; no file is written then.",
      "  linnet convert mobilenet.onnx -o mobilenet.lnt --shape image=1,3,224,224"));
  command->callback([=] {
    arguments->recipe_in_force = recipe_of(*command);
    *action = [=] { return convert_action(*arguments); };
  });
}

}  // namespace linnet::tools
