#include "converter/main/treatment_arguments.hpp"

#include <fmt/format.h>

#include <cmath>

#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {

namespace {

template <class T>
treat::Rules<T> rules_of(const std::vector<std::string>& texts, treat::Rule<T> (*parse)(std::string_view)) {
  treat::Rules<T> rules;
  for (const std::string& text : texts) rules.push_back(parse(text));
  return rules;
}

}  // namespace

treat::Options TreatmentArguments::options(const SampleArguments& images) const {
  treat::Options options;
  try {
    options.clip = rules_of(clip, treat::parse_clip);
    options.sparsify = rules_of(sparsify, treat::parse_sparsify);
    options.weights = rules_of(weights, treat::parse_weights);
    options.cluster = rules_of(cluster, treat::parse_cluster);
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, error.what());
  }
  options.allow_empty = allow_empty;
  if (repair.empty()) return options;
  if (!(weight_decay >= 0 && std::isfinite(weight_decay)))
    throw ToolError(kUsageError, fmt::format("--weight-decay {}: expected a finite number from 0 on", weight_decay));
  if (steps < 1) throw ToolError(kUsageError, fmt::format("--steps {}: expected at least 1", steps));
  if (rate && !(*rate > 0 && std::isfinite(*rate)))
    throw ToolError(kUsageError, fmt::format("--lr {}: expected a finite number above 0", *rate));
  options.repair.emplace();
  options.repair->options = {weight_decay, steps, rate};
  options.repair->files = repair;
  options.repair->sample_options = image_text(images);
  (void)images.options();
  return options;
}

treat::Rules<treat::Storage> TreatmentArguments::storage_rules() const {
  try {
    return rules_of(storage, treat::parse_storage);
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, error.what());
  }
}

std::optional<budget::Budget> TreatmentArguments::budget_options(const QuantizationArguments& quantization) const {
  if (budget.empty()) return std::nullopt;
  budget::Budget options;
  try {
    options = budget::parse_budget(budget);
  } catch (const ir::Error& error) {
    throw ToolError(kUsageError, error.what());
  }
  if (repair.empty() && quantization.samples.inputs.empty())
    throw ToolError(kUsageError, fmt::format("--budget {} needs samples: --repair FILE or --calibration FILE", budget));
  if (quantization.int8 != "static") options.files = quantization.samples.inputs;
  options.sample_options = image_text(quantization.samples);
  (void)quantization.samples.options();
  return options;
}

void add_treatment_arguments(CLI::App* command, TreatmentArguments* arguments) {
  const auto add = [&](const char* name, std::vector<std::string>& target, const char* text, const char* type) {
    return command->add_option(name, target, text)->allow_extra_args(false)->type_name(type);
  };
  add("--clip", arguments->clip,
      "Clip the weights of layers whose names match a glob (* and ?), or of all that no glob of --clip names: to a "
      "magnitude, to a percentile of the layer's magnitudes (percentile=99.9), or where the squared error of the grid "
      "of --weights, or else of int8, is the least (mse). Repeat for more, like the following options",
      "[GLOB:]CLIP");
  add("--sparsify", arguments->sparsify,
      "Set weights to 0: those below a magnitude (tau=0.01), the least of every layer (80%) or of all of the option's "
      "layers together, relative to their layer (80%,scope=all); weight by weight, in blocks of four inputs "
      "(80%,block=4) or of 4 or 16 outputs (80%,block=4x1, 80%,block=16x1), or two of every four inputs (2:4)",
      "[GLOB:]PART");
  command->add_flag("--allow-empty", arguments->allow_empty, "Let --sparsify leave layers without any weight");
  add("--weights", arguments->weights,
      "Weights of layers that compute with real numbers: float; int8 with a scale for each output, a quarter of the "
      "size; or rounded to a grid of 2 to 8 bits, as bits=3,scheme=minmax,group=32 (schemes minmax and symmetric, a "
      "grid "
      "for every group: channel, tensor, or 32 weights; int4 and int2 are symmetric, of 32)",
      "[GLOB:]TYPE");
  add("--cluster", arguments->cluster,
      "Let weights share 16 or 256 numbers (k-means), of a layer or of every 16 outputs (16,per=16); where there are "
      "samples, inputs of more energy count more",
      "[GLOB:]ENTRIES");
  add("--storage", arguments->storage,
      "How weights are stored where the converter is not to choose: dense, sparse (without zeros) or codes (of a grid "
      "or codebook)",
      "[GLOB:]STORAGE");
  auto* repair =
      add("--repair", arguments->repair,
          "Layer by layer, find the treated weights that give the float model's outputs on samples of the model's "
          "inputs, as `linnet run --input` takes them, or a folder of such files. No labels are needed",
          "[NAME=]FILE|FOLDER");
  command
      ->add_option("--weight-decay", arguments->weight_decay,
                   "Of --repair: how much it costs a layer that its weights are large, lambda |w|^2 / 2 beside half of "
                   "the mean squared error")
      ->needs(repair)
      ->type_name("LAMBDA")
      ->capture_default_str();
  command
      ->add_option("--steps", arguments->steps,
                   "Of --repair: gradient steps for layers that there are too few samples of for least squares")
      ->needs(repair)
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--lr", arguments->rate,
                   "Of --repair: the rate of gradient steps (default: the layer's largest that is stable)")
      ->needs(repair)
      ->type_name("R");
  command
      ->add_option(
          "--budget", arguments->budget,
          "Choose a treatment for each layer that no glob of --sparsify, --weights or --cluster names, so that "
          "the file has at most so many bytes (61440, 60KB, 60KiB) or such a part of them (50%), and the "
          "outputs change least on the samples of --calibration, or else of --repair")
      ->type_name("BYTES");
}

}  // namespace linnet::tools
