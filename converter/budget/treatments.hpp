// What a budget may do to layers: treatments that make files smaller, as rules of the options that name them.
#pragma once

#include <string>
#include <vector>

#include "converter/budget/select.hpp"
#include "converter/treat/treat.hpp"

namespace linnet::budget {

// One of an option's treatments, as text without a glob.
enum class Option : uint8_t { sparsify, weights, cluster };
struct Choice {
  Option option;
  std::string text;

  bool is_repairable() const { return option != Option::weights || text != "int8"; }
  friend bool operator==(const Choice&, const Choice&) = default;
};
std::string to_string(const Choice& choice);  // "--sparsify 80%"

// Those that there is storage for: fewer bits, codebooks, and zeros in the patterns of float or of int8 steps.
std::vector<Choice> choices(bool int8);

// Layers that one rule treats, those of one node, and forms that they may take: the first is that of no treatment, the
// others are those of `choices`.
struct Unit {
  std::string glob;  // names this node and no other one with weights
  std::vector<treat::Layer> layers;
  std::vector<Choice> choices;
  std::vector<Form> forms{Form()};
};

// Layers that no glob of a treatment that makes files smaller names. Those whose names are others' too are left out.
std::vector<Unit> find_units(const ir::Graph& graph, const treat::Options& options);

// Without a glob the rule is that of all layers that none names.
void add_rule(const Unit& unit, const Choice& choice, treat::Options* options);

// Whether a layer of the unit would have no weight left.
bool leaves_empty(const Unit& unit, const Choice& choice);

// Throws ir::Error, which begins with --budget TEXT, where a rule holds for all layers that are the budget's.
void check_rules(const std::string& text, const treat::Options& options);

// Whether a rule changes weights before they are packed.
bool treats(const treat::Options& options);
// Without a repair that would have nothing to do.
treat::Options in_force(const treat::Options& options);

}  // namespace linnet::budget
