// The conversion as a whole: an ordered list of named passes from an ONNX or TensorFlow Lite file to the bytes of a
// linnet model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/budget/budget.hpp"
#include "converter/emit/model_bytes.hpp"
#include "converter/import/constant_input.hpp"
#include "converter/ir/graph.hpp"
#include "converter/plan/cascades.hpp"
#include "converter/quantize/quantize.hpp"
#include "converter/report/report.hpp"
#include "converter/treat/treat.hpp"
#include "converter/weights/initialize.hpp"
#include "converter/weights/reparametrize.hpp"
#include "converter/weights/storage.hpp"

namespace linnet {

struct ConvertOptions {
  std::map<std::string, ir::Shape> input_shapes;           // --shape name=1,3,224,224; an open batch not given is 1
  std::map<std::string, import::ConstantInput> constants;  // --constant name=16000; those inputs are constants
  std::map<std::string, std::string> states;  // --state IN=OUT; pairs of an input and an output, see import/states.hpp
  std::string signature;                      // --signature: of a TensorFlow Lite file; empty: the first subgraph
  bool strip_names = false;                   // leave out debug names and source node names
  bool keep_layout = false;                   // inputs and outputs keep the source's layout (N, C, H, W)
  // Winograd's convolution (passes::choose_winograd): 2, 4 or 6, 0 for none, absent for the cost model's choice.
  std::optional<int64_t> winograd;
  plan::CascadeMode cascades = plan::CascadeMode::speed;
  std::optional<ir::Rounding> rounding;  // --rounding: of integer arithmetic; absent: the source's
  bool strict = false;                   // only what is as exact as the direct computation: F(2x2,3x3)
  // Changes of the weights, in this order, before the passes.
  std::optional<weights::Initialization> initialization;
  std::vector<weights::Reparametrization> reparametrizations;
  std::string data_set;              // name of the file that batch norm statistics are taken from; empty: none
  std::optional<ir::Array> samples;  // its elements, given together with the name
  std::optional<quantize::Options> quantization;  // --int8: float steps become int8 steps
  bool dynamic_int8 = false;                      // --int8 dynamic: linear layers quantize their inputs at run time
  weights::Optimize optimize = weights::Optimize::speed;  // --optimize: how layers with zeros are stored
  treat::Rules<treat::Storage> storage;  // --storage: of layers' weights, where not the converter chooses
  treat::Options treatments;             // of weights; with --weights int8 steps that stay float have int8 ones
  std::optional<budget::Budget> budget;  // --budget: chooses more treatments, see budget/search.hpp
  bool keep_graphs = true;               // false: Conversion::source and graph stay null, which saves memory
  bool check_passes = false;             // evaluate the graph before and after every pass on random inputs and compare
  std::string dump_after;                // name of a pass; its graph goes to `dump`
  std::string stop_after;                // ends the conversion there: `model` stays empty
  std::function<void(std::string_view text)> dump;
  std::function<void(std::string_view stage, double fraction)> progress;  // overall fraction done, 0..1
};

// As text, for the model's report, and back; only what changes the result, of a budget nothing.
std::string to_string(const ConvertOptions& options);
ConvertOptions parse_options(std::string_view text);

struct Conversion {
  // Null unless the options keep them.
  std::unique_ptr<ir::Graph> source;  // as imported, with the weights that the options ask for
  std::unique_ptr<ir::Graph> graph;   // as emitted: its value names are the model's tensor names
  emit::ModelBytes model;             // the file's bytes
  report::Report report;
  std::vector<std::string> warnings;
  treat::WeightSets weight_sets;  // what the weights of treated layers are taken from
  treat::Options treatments;      // where there was a budget: the options' and those that it chose
  quantize::Ranges ranges;        // of the float network's tensors, where the options quantize it
};

// Names of all passes in order, for --help and the checks of --dump-after.
std::vector<std::string> pass_names();

// The same from a graph, as an importer gives it.
Conversion convert(std::unique_ptr<ir::Graph> graph, const ConvertOptions& options);

// Throws ir::Problems (every problem of the model) or ir::Error.
Conversion convert(const std::filesystem::path& file, const ConvertOptions& options);

// The last pass before weights are treated.
inline constexpr const char* kFused = "fuse";
// The rest of a conversion that options.stop_after ended there, with its graph and with options that may differ in what
// follows; the model keeps the name of the source file.
Conversion resume(std::unique_ptr<ir::Graph> graph, const std::string& source_file, const ConvertOptions& options);

}  // namespace linnet
