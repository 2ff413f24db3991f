// Recipes: the options that treat and quantize weights, in a JSON file.
//
//   {"sparsify": ["80%", "fc*:none"], "weights": "bits=4", "repair": "calibration.npy", "weight-decay": 0.001}
//
// One object; its keys are the options' names, its values their arguments: text, a number, true for an option without
// argument, or a list of texts and numbers. File names are relative to the folder that the command runs in.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace linnet::tools {

// Arguments by the option's name; of options without argument {"true"}.
using Recipe = std::map<std::string, std::vector<std::string>>;

Recipe read_recipe(const std::string& file);  // throws ToolError, naming the file
std::string to_text(const Recipe& recipe);
// Numbers may be written differently.
bool same(const Recipe& a, const Recipe& b);

// --recipe: gives the command's options what the file says. Throws ToolError where the command line says otherwise. To
// be added before the options that a recipe may hold.
void add_recipe_argument(CLI::App* command, std::string* file);

// What a parsed command line comes to, with its own recipe.
Recipe recipe_of(const CLI::App& command);

// Beside the model: net.recipe.json for net.lnt.
std::string recipe_path(const std::string& model);

}  // namespace linnet::tools
