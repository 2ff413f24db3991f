#include <utility>

#include "converter/report/json.hpp"
#include "converter/report/report.hpp"

namespace linnet::report {

namespace {

template <class Range, class Write>
void write_objects(JsonWriter& json, std::string_view name, const Range& range, Write&& write) {
  json.key(name);
  json.begin_array();
  for (const auto& element : range) {
    json.begin_object();
    write(element);
    json.end_object();
  }
  json.end_array();
}

void write_int8_weights(JsonWriter& json, const Int8Weights& weights) {
  json.key("int8_weights");
  json.begin_object();
  json.member("layers", weights.layers);
  json.member("bytes", weights.bytes);
  json.member("float_bytes", weights.float_bytes);
  write_objects(json, "float_layers", weights.float_reasons, [&](const auto& layer) {
    json.member("name", layer.first);
    json.member("reason", layer.second);
  });
  json.end_object();
}

void write_treatments(JsonWriter& json, const Treatments& treatments) {
  json.key("treatments");
  json.begin_object();
  json.member("samples", treatments.samples);
  write_objects(json, "layers", treatments.layers, [&](const TreatedLayer& layer) {
    json.member("name", layer.layer);
    json.member("operator", layer.op);
    json.member("treatment", layer.treatment);
    json.member("weights", layer.weights);
    json.member("nonzero", layer.nonzero);
    if (layer.repair.empty()) return;
    json.member("repair", layer.repair);
    json.member("error_before", layer.error_before);
    json.member("error_after", layer.error_after);
  });
  json.end_object();
}

void write_budget(JsonWriter& json, const Budget& budget) {
  json.key("budget");
  json.begin_object();
  json.member("text", budget.text);
  json.member("limit", budget.limit);
  json.member("untreated_bytes", budget.untreated_bytes);
  json.member("error", budget.error);
  json.member("samples", budget.samples);
  write_objects(json, "layers", budget.layers, [&](const BudgetLayer& layer) {
    json.member("name", layer.layer);
    json.member("operator", layer.op);
    json.member("treatment", layer.choice);
    json.member("saved", layer.saved);
    json.member("loss", layer.loss);
  });
  json.end_object();
}

void write_quantization(JsonWriter& json, const Quantization& quantization) {
  json.key("quantization");
  json.begin_object();
  json.member("ranges", quantization.range);
  json.member("samples", quantization.samples);
  json.member("equalized", quantization.equalized);
  for (const auto& [name, list] : {std::pair{"layers", &quantization.layers}, {"outputs", &quantization.outputs}})
    write_objects(json, name, *list, [&](const LayerQuality& layer) {
      json.member("name", layer.layer);
      json.member("operator", layer.op);
      json.member("sqnr_db", layer.sqnr);
    });
  if (const auto& accuracy = quantization.accuracy) {
    json.key("accuracy");
    json.begin_object();
    json.member("samples", static_cast<int64_t>(accuracy->samples));
    json.member("float_correct", static_cast<int64_t>(accuracy->float_correct));
    json.member("int8_correct", static_cast<int64_t>(accuracy->int8_correct));
    json.member("correct", static_cast<int64_t>(accuracy->correct));
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string to_json(const Report& report) {
  JsonWriter json;
  json.begin_object();
  json.member("source_file", report.source_file);
  json.member("tool_version", report.tool_version);
  json.member("options", report.options);
  json.member("source_format", report.source_format);
  json.member("onnx_opset", report.onnx_opset);
  json.member("macs", report.macs);
  json.member("weight_bytes", report.weight_bytes);
  json.member("integer_weight_bytes", report.integer_weight_bytes);
  write_int8_weights(json, report.int8_weights);
  if (!report.budget.text.empty()) write_budget(json, report.budget);
  if (!report.treatments.layers.empty()) write_treatments(json, report.treatments);
  const auto write_storage = [&](const auto& layer) {
    json.member("storage", layer.storage);
    json.member("bytes", layer.bytes);
    json.member("dense_bytes", layer.dense_bytes);
    json.member("reason", layer.reason);
  };
  write_objects(json, "storages", report.storages, [&](const StoredLayer& layer) {
    json.member("name", layer.layer);
    json.member("operator", layer.op);
    json.member("weights", layer.weights);
    json.member("nonzero", layer.nonzero);
    write_storage(layer);
  });
  write_objects(json, "coded_layers", report.coded_layers, [&](const CodedLayer& layer) {
    json.member("name", layer.layer);
    write_storage(layer);
  });
  json.member("file_bytes", report.file_bytes);
  json.member("tensor_bytes", report.tensor_bytes);
  json.member("tensor_lower_bound", report.tensor_lower_bound);
  json.member("state_bytes", report.state_bytes);
  write_objects(json, "states", report.states, [&](const StateSummary& state) {
    json.member("tensor", state.tensor);
    json.member("type", state.type);
  });
  json.key("dead_channels");
  json.begin_object();
  json.member("macs_before", report.dead_channels.macs_before);
  json.member("macs_after", report.dead_channels.macs_after);
  write_objects(json, "layers", report.dead_channels.layers, [&](const DeadChannels::LayerChannels& layer) {
    json.member("name", layer.layer);
    json.member("removed", layer.removed);
    json.member("of", layer.of);
  });
  json.end_object();
  write_objects(json, "memory", report.memory, [&](const TargetMemory& memory) {
    json.member("target", memory.target);
    json.member("arena_bytes", memory.arena_bytes);
    json.member("session_bytes", memory.session_bytes);
    json.member("tensor_bytes", memory.tensor_bytes);
    json.member("scratch_bytes", memory.scratch_bytes);
  });
  write_objects(json, "passes", report.passes, [&](const PassSummary& pass) {
    json.member("name", pass.name);
    json.member("nodes_before", pass.nodes_before);
    json.member("nodes_after", pass.nodes_after);
    json.member("seconds", pass.seconds);
    json.member_array("actions", pass.actions);
  });
  write_objects(json, "steps", report.steps, [&](const StepSummary& step) {
    json.member("name", step.name);
    json.member("operator", step.op);
    json.member("output", step.output);
    json.member("attributes", step.attributes);
    json.member("arithmetic", step.arithmetic);
    json.member_array("sources", step.sources);
    json.member("macs", step.macs);
    json.member("weight_bytes", step.weight_bytes);
  });
  write_objects(json, "float_steps", report.float_steps, [&](const FloatStep& step) {
    json.member("step", step.step);
    json.member("name", report.steps[static_cast<size_t>(step.step)].name);
    json.member("reason", step.reason);
  });
  if (!report.quantization.range.empty()) write_quantization(json, report.quantization);
  write_objects(json, "placements", report.placements, [&](const Placement& placement) {
    json.member("tensor", placement.tensor);
    json.member("offset", placement.offset);
    json.member("bytes", placement.bytes);
    json.member("first_step", placement.first_step);
    json.member("last_step", placement.last_step);
  });
  write_objects(json, "shared_weights", report.shared_weights, [&](const SharedWeights& shared) {
    json.member_array("steps", shared.steps);
    json.member("bytes", shared.bytes);
    json.member("saved_bytes", shared.saved());
  });
  write_objects(json, "statistics", report.statistics, [&](const StatisticsChange& change) {
    json.member("layer", change.layer);
    json.member("channels", change.channels);
    json.member("largest_mean_shift", change.largest_mean_shift);
    json.member("smallest_variance_ratio", change.smallest_variance_ratio);
    json.member("largest_variance_ratio", change.largest_variance_ratio);
  });
  json.member_array("open_inputs", report.open_inputs);
  json.member_array("warnings", report.warnings);
  json.end_object();
  return json.text();
}

}  // namespace linnet::report
