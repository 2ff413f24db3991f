// From a float graph to one of int8 steps, by what its tensors hold on calibration samples.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "converter/passes/passes.hpp"
#include "converter/quantize/accuracy.hpp"
#include "converter/quantize/calibrate.hpp"
#include "converter/quantize/insert.hpp"
#include "converter/report/report.hpp"

namespace linnet::quantize {

struct Options {
  RangeMethod range;                           // --range
  WeightOptions weights;                       // --per-tensor, --weight-scale
  bool int8_ports = false;                     // --io int8
  bool equalize = true;                        // --no-equalize: false
  std::set<std::string> unequal;               // by key_of: layers whose weights must not be equalized with others
  std::vector<std::string> keep_float;         // --keep-float: globs of node names, the source's or the graph's
  std::optional<double> min_sqnr;              // --min-sqnr, dB
  std::optional<double> accuracy;              // --mixed: a fraction of the labelled samples
  std::vector<std::string> files;              // --calibration, as given; for the model's options
  std::string ranges_file;                     // --ranges
  std::vector<Sample> samples;                 // may be empty where `ranges` are given
  std::optional<Ranges> ranges;                // read from the file: nothing is calibrated
  std::string labels_file;                     // --labels
  std::vector<std::string> validation_files;   // --validation
  std::optional<std::vector<int64_t>> labels;  // of `validation`, or else of `samples`
  std::vector<Sample> validation;
  std::string sample_options;  // how images become samples

  const std::vector<Sample>& labelled() const { return validation.empty() ? samples : validation; }
};

struct Quantized {
  Ranges ranges;
  report::Quantization report;
  report::DeadChannels dead_channels;  // that the integers' limits make constant
  // Of nodes whose outputs' names went to steps behind them: key_of before and after.
  std::map<std::string, std::string> renamed;
};

// Equalizes layers (equalize.hpp) where that makes the outputs more exact on the samples, unless ranges are in a file,
// which are those of the network as it is. `graph` is channels-last and fused. Every node that can becomes an int8
// step, unless a glob names it, it would stand alone, what it gives has a lower SQNR than options.min_sqnr on the
// samples while what it reads has not, or it is of the smallest set (find_float_layers) without which options.accuracy
// is missed. Throws ir::Error where the graph is quantized already or has nothing to quantize, for globs that match
// nothing, for samples (check_samples), labels (check_labels) and ranges that do not fit, and for an accuracy that
// cannot be reached.
Quantized quantize(ir::Graph& graph, const Options& options, const Progress& progress, passes::PassLog& log);

}  // namespace linnet::quantize
