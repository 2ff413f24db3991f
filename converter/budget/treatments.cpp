#include "converter/budget/treatments.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace linnet::budget {

using namespace ir;

namespace {

constexpr const char *kSparsify = "--sparsify", *kWeights = "--weights", *kCluster = "--cluster";

const char* name(Option option) {
  return option == Option::sparsify ? kSparsify : option == Option::weights ? kWeights : kCluster;
}

template <class T>
bool is_named(const treat::Rules<T>& rules, const Node& node) {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const treat::Rule<T>& rule) { return !rule.glob.empty() && treat::names(rule.glob, node); });
}

template <class T>
void check_rules(const std::string& text, const treat::Rules<T>& rules, const char* option) {
  for (const treat::Rule<T>& rule : rules)
    if (rule.glob.empty())
      throw Error(
          fmt::format("--budget {0} and {1} {2} contradict each other: the budget chooses for layers that no "
                      "glob names; {1} 'GLOB:{2}' treats some of them",
                      text, option, rule.text));
}

// A name that no other node with weights has; empty where there is none.
std::string glob_of(const Node& node, const std::vector<treat::Layer>& layers) {
  std::vector<std::string> candidates = node.sources.list();
  candidates.insert(candidates.begin(), node.name);
  for (const std::string& name : candidates)
    if (!name.empty() && std::all_of(layers.begin(), layers.end(), [&](const treat::Layer& layer) {
          return layer.node == &node || !treat::names(name, *layer.node);
        }))
      return name;
  return "";
}

}  // namespace

std::string to_string(const Choice& choice) {
  return fmt::format("{} {}", name(choice.option), choice.text);
}

std::vector<Choice> choices(bool int8) {
  std::vector<Choice> all = {{Option::weights, "bits=4"}, {Option::weights, "bits=4,scheme=symmetric"},
                             {Option::weights, "int4"},   {Option::weights, "bits=2"},
                             {Option::weights, "int2"},   {Option::cluster, "16"}};
  if (!int8) all.insert(all.begin(), {Option::weights, "int8"});
  for (const char* pattern : {"", ",block=4x1", ",block=16x1", ",block=4"})
    if (int8 == (pattern == std::string_view(",block=4")))
      for (const int percent : {50, 70, 80, 90})
        all.push_back({Option::sparsify, fmt::format("{}%{}", percent, pattern)});
  return all;
}

std::vector<Unit> find_units(const Graph& graph, const treat::Options& options) {
  const std::vector<treat::Layer> layers = treat::find_layers(graph);
  std::vector<Unit> units;
  for (const treat::Layer& layer : layers) {
    const Node& node = *layer.node;
    if (!units.empty() && units.back().layers[0].node == &node) {
      units.back().layers.push_back(layer);
      continue;
    }
    if (is_named(options.sparsify, node) || is_named(options.weights, node) || is_named(options.cluster, node))
      continue;
    const std::string glob = glob_of(node, layers);
    if (glob.empty()) continue;
    Unit& unit = units.emplace_back();
    unit.glob = glob;
    unit.layers.push_back(layer);
  }
  return units;
}

void add_rule(const Unit& unit, const Choice& choice, treat::Options* options) {
  const std::string text = unit.glob.empty() ? choice.text : fmt::format("{}:{}", unit.glob, choice.text);
  switch (choice.option) {
    case Option::sparsify:
      options->sparsify.push_back(treat::parse_sparsify(text));
      break;
    case Option::weights:
      options->weights.push_back(treat::parse_weights(text));
      break;
    default:
      options->cluster.push_back(treat::parse_cluster(text));
  }
}

bool leaves_empty(const Unit& unit, const Choice& choice) {
  if (choice.option != Option::sparsify) return false;
  const treat::Sparsify sparsify = *treat::parse_sparsify(choice.text).treatment;
  return std::any_of(unit.layers.begin(), unit.layers.end(), [&](const treat::Layer& layer) {
    const treat::Matrix weights = layer.read();
    return !treat::keeps_any(weights, treat::kept_weights(layer, weights, sparsify));
  });
}

void check_rules(const std::string& text, const treat::Options& options) {
  check_rules(text, options.sparsify, kSparsify);
  check_rules(text, options.weights, kWeights);
  check_rules(text, options.cluster, kCluster);
}

bool treats(const treat::Options& options) {
  treat::Options alone = options;
  alone.repair.reset();
  return alone.any();
}

treat::Options in_force(const treat::Options& options) {
  treat::Options result = options;
  if (!treats(options) && options.repair && !(options.repair->options.weight_decay > 0)) result.repair.reset();
  return result;
}

}  // namespace linnet::budget
