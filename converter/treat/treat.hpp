// Treatments of a float network's weights, by rules over its layers, and their repair by samples.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "converter/passes/passes.hpp"
#include "converter/quantize/calibrate.hpp"
#include "converter/report/report.hpp"
#include "converter/treat/repair.hpp"
#include "converter/treat/treatment.hpp"

namespace linnet::treat {

struct Repair {
  RepairOptions options;                  // --weight-decay, --steps, --lr
  std::vector<std::string> files;         // --repair, as given; for the model's options
  std::string sample_options;             // how images become samples
  std::vector<quantize::Sample> samples;  // read from them
};

// What the first treated layer's evidence was, for calls with the same graph and samples.
struct KeptEvidence {
  std::string layer;
  std::vector<Evidence> evidence;
};

struct Options {
  Rules<Clip> clip;          // --clip
  Rules<Sparsify> sparsify;  // --sparsify
  Rules<Weights> weights;    // --weights
  Rules<Cluster> cluster;    // --cluster
  bool allow_empty = false;  // --allow-empty: layers may be left without weights other than 0
  std::optional<Repair> repair;
  std::shared_ptr<KeptEvidence> evidence;  // may be null

  // Whether weights are changed before they are packed: there is a treatment that is not "none", or a repair.
  bool any() const;
};

// Whether the rules of --weights ask for int8 weights of the node's layer, or of any layer.
bool wants_int8(const Rules<Weights>& rules, const ir::Node& node);
bool wants_int8(const Rules<Weights>& rules);

struct Treated {
  WeightSets sets;  // of every layer that has a treatment
  report::Treatments report;
};

// Throws ir::Error where a glob of any rule names no layer with constant float weights.
void check_globs(const ir::Graph& graph, const Options& options);

// `graph` is channels-last and fused. Every layer with constant float weights (find_layers) gets what the rules say;
// with a repair, in execution order, the weights of its set that give the float network's output for what the layers
// treated so far give, and a bias that may be new. With a repair and a weight decay but no treatments that is every
// layer. `samples` weigh the errors of clusters where there is no repair; may be null. Throws ir::Error for globs that
// match no layer, rules that contradict each other, layers left empty and samples that do not fit.
Treated treat(ir::Graph& graph, const Options& options, const std::vector<quantize::Sample>* samples,
              const quantize::Progress& progress, passes::PassLog& log);

}  // namespace linnet::treat
