#include "converter/main/recipe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/file.hpp"

namespace linnet::tools {
namespace {

// In the order of --help.
constexpr const char* kOptions[] = {
    "clip",       "sparsify",    "allow-empty", "weights",    "cluster",  "repair",      "weight-decay", "steps",
    "lr",         "optimize",    "storage",     "winograd",   "int8",     "calibration", "range",        "weight-scale",
    "per-tensor", "no-equalize", "io",          "keep-float", "min-sqnr", "labels",      "validation",   "mixed",
    "ranges",     "resize",      "scale",       "mean",       "std",      "channels",    "layout"};

using Json = nlohmann::ordered_json;

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw ToolError(kDataError, fmt::format("--recipe {}: {}", file, what));
}

std::string argument_of(const std::string& file, const std::string& key, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  if (value.is_boolean() && value.get<bool>()) return "true";
  fail(file, fmt::format("\"{}\" is {}; supported are texts, numbers, true, and lists of texts and numbers", key,
                         value.dump()));
}

bool is_flag(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

CLI::Option* find(const CLI::App& command, const std::string& key) {
  return const_cast<CLI::App&>(command).get_option("--" + key);
}

std::vector<std::string> arguments_of(const CLI::Option& option) {
  if (is_flag(option)) return {"true"};
  if (option.get_items_expected_min() == 0) return {option.as<std::string>()};
  return option.results();
}

// "1e-3" is 0.001.
bool same_argument(const std::string& a, const std::string& b) {
  char *a_end = nullptr, *b_end = nullptr;
  const double x = std::strtod(a.c_str(), &a_end), y = std::strtod(b.c_str(), &b_end);
  const bool numbers = !a.empty() && !b.empty() && *a_end == 0 && *b_end == 0;
  return a == b || (numbers && x == y);
}

bool same_arguments(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_argument);
}

void apply(CLI::App* command, const std::string& file) {
  for (const auto& [key, arguments] : read_recipe(file)) {
    CLI::Option* option = find(*command, key);
    if (option->count() > 0) {
      const std::vector<std::string> given = arguments_of(*option);
      if (!same_arguments(given, arguments))
        throw ToolError(kUsageError, fmt::format("--recipe {} says --{} {}, the command line --{} {}", file, key,
                                                 fmt::join(arguments, " "), key, fmt::join(given, " ")));
      continue;
    }
    for (const std::string& argument : arguments) option->add_result(argument);
    option->run_callback();
  }
}

}  // namespace

Recipe read_recipe(const std::string& file) {
  const MappedFile bytes(file);
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  Json json;
  try {
    json = Json::parse(text, text + bytes.size());
  } catch (const Json::exception& error) {
    const std::string what = error.what();
    fail(file, what.substr(what.find("] ") + 2));
  }
  if (!json.is_object()) fail(file, "expected an object of options");
  Recipe recipe;
  for (const auto& [key, value] : json.items()) {
    if (std::find(std::begin(kOptions), std::end(kOptions), key) == std::end(kOptions))
      fail(file, fmt::format("there is no option \"{}\"; there are {}", key, fmt::join(kOptions, ", ")));
    std::vector<std::string>& arguments = recipe[key];
    if (!value.is_array()) arguments.push_back(argument_of(file, key, value));
    if (value.is_array())
      for (const Json& one : value) arguments.push_back(argument_of(file, key, one));
    if (arguments.empty()) fail(file, fmt::format("\"{}\" is an empty list", key));
  }
  return recipe;
}

std::string to_text(const Recipe& recipe) {
  Json json = Json::object();
  for (const char* key : kOptions) {
    const auto found = recipe.find(key);
    if (found == recipe.end()) continue;
    const std::vector<std::string>& arguments = found->second;
    if (arguments == std::vector<std::string>{"true"})
      json[key] = true;
    else if (arguments.size() == 1)
      json[key] = arguments[0];
    else
      json[key] = arguments;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

bool same(const Recipe& a, const Recipe& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && same_arguments(one.second, other.second);
  });
}

void add_recipe_argument(CLI::App* command, std::string* file) {
  command
      ->add_option_function<std::string>(
          "--recipe",
          [=](const std::string& name) {
            *file = name;
            apply(command, name);
          },
          "A JSON file of options that treat or quantize weights: {\"sparsify\": [\"80%\", \"fc*:none\"], \"weights\": "
          "\"bits=4\", \"repair\": \"calib.npy\"}. What treated a model is written beside it, NAME.recipe.json for "
          "NAME.lnt")
      ->type_name("FILE.json");
}

Recipe recipe_of(const CLI::App& command) {
  Recipe recipe;
  for (const char* key : kOptions)
    if (const CLI::Option* option = find(command, key); option->count() > 0) recipe[key] = arguments_of(*option);
  return recipe;
}

std::string recipe_path(const std::string& model) {
  return std::filesystem::path(model).replace_extension(".recipe.json").string();
}

}  // namespace linnet::tools
