// ConvertOptions as text and back.
#include <sstream>

#include <fmt/format.h>

#include "converter/pipeline.hpp"

namespace linnet {

namespace {

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
                           kImageOption = "--images=", kRangesOption = "--ranges=", kWeightsOption = "--weights=",
                           kDynamicOption = "--int8=dynamic", kClipOption = "--clip=", kSparsifyOption = "--sparsify=",
                           kClusterOption = "--cluster=", kAllowEmptyOption = "--allow-empty",
                           kRepairOption = "--repair=", kWeightDecayOption = "--weight-decay=",
                           kStepsOption = "--steps=", kRateOption = "--lr=", kOptimizeOption = "--optimize=",
                           kStorageOption = "--storage=";

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
  if (!options.ranges_file.empty()) words->push_back(fmt::format("{}{}", kRangesOption, escaped(options.ranges_file)));
}

template <class T>
void add_rules(std::string_view option, const treat::Rules<T>& rules, std::vector<std::string>* words) {
  for (const treat::Rule<T>& rule : rules) words->push_back(fmt::format("{}{}", option, escaped(rule.text)));
}

void add_words(const treat::Options& options, std::vector<std::string>* words) {
  add_rules(kClipOption, options.clip, words);
  add_rules(kSparsifyOption, options.sparsify, words);
  add_rules(kWeightsOption, options.weights, words);
  add_rules(kClusterOption, options.cluster, words);
  if (options.allow_empty) words->emplace_back(kAllowEmptyOption);
  if (!options.repair) return;
  const treat::Repair& repair = *options.repair;
  for (const std::string& file : repair.files) words->push_back(fmt::format("{}{}", kRepairOption, escaped(file)));
  words->push_back(fmt::format("{}{}", kWeightDecayOption, repair.options.weight_decay));
  words->push_back(fmt::format("{}{}", kStepsOption, repair.options.steps));
  if (repair.options.rate) words->push_back(fmt::format("{}{}", kRateOption, *repair.options.rate));
}

// Whether the word is an option of treatments.
bool parse_word(const std::string& word, treat::Options* options) {
  const auto value = [&](std::string_view option) { return unescaped(std::string_view(word).substr(option.size())); };
  if (word.starts_with(kClipOption))
    options->clip.push_back(treat::parse_clip(value(kClipOption)));
  else if (word.starts_with(kSparsifyOption))
    options->sparsify.push_back(treat::parse_sparsify(value(kSparsifyOption)));
  else if (word.starts_with(kWeightsOption))
    options->weights.push_back(treat::parse_weights(value(kWeightsOption)));
  else if (word.starts_with(kClusterOption))
    options->cluster.push_back(treat::parse_cluster(value(kClusterOption)));
  else if (word == kAllowEmptyOption)
    options->allow_empty = true;
  else if (word.starts_with(kRepairOption))
    (options->repair ? *options->repair : options->repair.emplace()).files.push_back(value(kRepairOption));
  else if (options->repair && word.starts_with(kWeightDecayOption))
    options->repair->options.weight_decay = std::stod(value(kWeightDecayOption));
  else if (options->repair && word.starts_with(kStepsOption))
    options->repair->options.steps = std::stoi(value(kStepsOption));
  else if (options->repair && word.starts_with(kRateOption))
    options->repair->options.rate = std::stod(value(kRateOption));
  else
    return false;
  return true;
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
  if (options.optimize != weights::Optimize::speed)
    words.push_back(fmt::format("{}{}", kOptimizeOption, weights::name(options.optimize)));
  add_rules(kStorageOption, options.storage, &words);
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
  add_words(options.treatments, &words);
  if (options.quantization)
    words.push_back(fmt::format("{}{}", kImageOption, escaped(options.quantization->sample_options)));
  else if (options.treatments.repair)
    words.push_back(fmt::format("{}{}", kImageOption, escaped(options.treatments.repair->sample_options)));
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
    } else if (word == kStrictOption) {
      options.strict = true;
    } else if (word.starts_with(kCascadeOption)) {
      options.cascades = plan::parse_cascade_mode(word.substr(kCascadeOption.size()));
    } else if (word.starts_with(kOptimizeOption)) {
      options.optimize = weights::parse_optimize(word.substr(kOptimizeOption.size()));
    } else if (word.starts_with(kStorageOption)) {
      options.storage.push_back(treat::parse_storage(unescaped(word.substr(kStorageOption.size()))));
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
    } else if (word.starts_with(kImageOption)) {
      const std::string images = unescaped(word.substr(kImageOption.size()));
      if (options.quantization) options.quantization->sample_options = images;
      if (options.treatments.repair) options.treatments.repair->sample_options = images;
    } else if (!(options.quantization && parse_word(word, &*options.quantization)) &&
               !parse_word(word, &options.treatments)) {
      throw ir::Error(fmt::format("unknown conversion option {}", word));
    }
  }
  return options;
}

}  // namespace linnet
