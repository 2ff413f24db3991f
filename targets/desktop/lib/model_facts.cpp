#include "targets/desktop/lib/model_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "engine/model.hpp"
#include "schema/arithmetic.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "targets/desktop/lib/step_text.hpp"

namespace linnet::tools {
namespace {

// Readable bytes behind the last used one, which every buffer has and which are not weights (schema/model.fbs).
constexpr int64_t kReadableBehind = 64;

int64_t used_bytes(const fb::Buffer& buffer) {
  return std::max<int64_t>(0, static_cast<int64_t>(buffer.data()->size()) - kReadableBehind);
}

// Numbers of the report and the steps, which nothing but reports is made of, are whatever the file says.
int64_t count_of(uint64_t number) {
  return static_cast<int64_t>(std::min<uint64_t>(number, std::numeric_limits<int64_t>::max()));
}

std::string text_of(const flatbuffers::String* text) {
  return text == nullptr ? "" : text->str();
}

template <class T>
std::vector<T> values_of(const flatbuffers::Vector<T>* vector) {
  return vector == nullptr ? std::vector<T>() : std::vector<T>(vector->begin(), vector->end());
}

TensorFacts tensor_facts(const fb::Tensor& tensor, size_t index) {
  TensorFacts facts;
  facts.name = tensor.name() == nullptr ? fmt::format("tensor{}", index) : tensor.name()->str();
  const auto type = static_cast<linnet_type>(tensor.type());
  facts.type = type_name(type);
  for (const int32_t extent : values_of(tensor.shape())) facts.shape.push_back(extent);
  facts.source_shape = facts.shape;
  const auto permutation = values_of(tensor.source_permutation());
  for (size_t d = 0; d < permutation.size(); ++d) facts.source_shape[permutation[d]] = facts.shape[d];
  facts.in_arena = tensor.buffer() == 0;
  facts.offset = tensor.offset();
  facts.rolling_lines = tensor.rolling_lines();
  facts.scale = tensor.scale();
  facts.zero_point = tensor.zero_point();
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < facts.shape.size(); ++d)
    rows *= d == 1 && facts.rolling_lines > 0 ? facts.rolling_lines : facts.shape[d];
  const int64_t columns = facts.shape.empty() ? 1 : facts.shape.back();
  const int64_t stride = tensor.row_stride() == 0 ? columns : tensor.row_stride();
  const bool empty = rows == 0 || columns == 0;
  facts.bytes = empty ? 0 : ((rows - 1) * stride + columns) * static_cast<int64_t>(type_bytes(type));
  return facts;
}

StepFacts step_facts(const fb::Model& model, const fb::Step& step, size_t index) {
  StepFacts facts;
  facts.op = fb::EnumNameOperator(step.op_type());
  facts.name = step.name() == nullptr ? fmt::format("step{}", index) : step.name()->str();
  facts.inputs = values_of(step.inputs());
  facts.outputs = values_of(step.outputs());
  if (step.sources() != nullptr) {
    for (const auto* source : *step.sources()) facts.sources.push_back(source->str());
  }
  facts.macs = count_of(step.macs());
  StepParameters parameters = step_parameters(step);
  facts.attributes = std::move(parameters.text);
  facts.arithmetic = name(arithmetic_of(model, step));
  if (const char* rounding = rounding_of(step)) facts.rounding = rounding;
  facts.buffers = std::move(parameters.buffers);
  for (const uint32_t input : facts.inputs) {
    if (const uint32_t buffer = model.tensors()->Get(input)->buffer()) facts.buffers.push_back(buffer - 1);
  }
  for (const uint32_t buffer : facts.buffers) facts.weight_bytes += used_bytes(*model.buffers()->Get(buffer));
  return facts;
}

void extend(TensorFacts* tensor, int step) {
  tensor->first_step = tensor->first_step < 0 ? step : std::min(tensor->first_step, step);
  tensor->last_step = std::max(tensor->last_step, step);
}

void find_lifetimes(ModelFacts* model) {
  const int last = static_cast<int>(model->steps.size()) - 1;
  for (const uint32_t input : model->inputs) extend(&model->tensors[input], 0);
  for (int s = 0; s <= last; ++s) {
    const StepFacts& step = model->steps[static_cast<size_t>(s)];
    for (const auto* list : {&step.inputs, &step.outputs}) {
      for (const uint32_t tensor : *list) extend(&model->tensors[tensor], s);
    }
  }
  for (const uint32_t output : model->outputs) extend(&model->tensors[output], std::max(last, 0));
  for (const StateFacts& state : model->states) {
    extend(&model->tensors[state.tensor], 0);
    extend(&model->tensors[state.tensor], std::max(last, 0));
    extend(&model->tensors[state.next], std::max(last, 0));
  }
}

// Of a step in a cascade, the tensors of all its steps.
void extend_over_cascades(ModelFacts* model) {
  for (const CascadeFacts& cascade : model->cascades) {
    for (int s = cascade.first_step; s <= cascade.last_step; ++s) {
      const StepFacts& step = model->steps[static_cast<size_t>(s)];
      for (const auto* list : {&step.inputs, &step.outputs})
        for (const uint32_t tensor : *list) extend(&model->tensors[tensor], cascade.last_step);
      for (const uint32_t tensor : step.outputs) extend(&model->tensors[tensor], cascade.first_step);
    }
  }
}

// Bytes that at least one tensor occupies during `step`.
int64_t live_bytes(const ModelFacts& model, int step) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const TensorFacts& tensor : model.tensors) {
    if (tensor.in_arena && tensor.first_step >= 0 && tensor.first_step <= step && step <= tensor.last_step) {
      ranges.emplace_back(tensor.offset, tensor.offset + tensor.bytes);
    }
  }
  std::sort(ranges.begin(), ranges.end());
  int64_t total = 0, end = 0;
  for (const auto& [from, to] : ranges) {
    total += std::max<int64_t>(0, to - std::max(from, end));
    end = std::max(end, to);
  }
  return total;
}

}  // namespace

ModelFacts read_facts(const void* bytes) {
  const fb::Model& model = *fb::GetModel(bytes);
  ModelFacts facts;
  facts.name = text_of(model.name());
  facts.format_version = model.version();
  facts.tensor_bytes = model.tensor_bytes();
  if (const fb::Report* report = model.report()) {
    facts.source = text_of(report->source());
    facts.options = text_of(report->options());
    facts.tool_version = text_of(report->tool_version());
    facts.tensor_lower_bound = count_of(report->activation_lower_bound());
  }
  if (model.tensors() != nullptr) {
    for (const auto* tensor : *model.tensors()) facts.tensors.push_back(tensor_facts(*tensor, facts.tensors.size()));
  }
  if (model.buffers() != nullptr) {
    for (const auto* buffer : *model.buffers()) facts.buffers.push_back({used_bytes(*buffer), {}});
  }
  if (model.steps() != nullptr) {
    for (const auto* step : *model.steps()) facts.steps.push_back(step_facts(model, *step, facts.steps.size()));
  }
  facts.inputs = values_of(model.inputs());
  facts.outputs = values_of(model.outputs());
  if (model.cascades() != nullptr) {
    for (const auto* cascade : *model.cascades()) {
      const int first = static_cast<int>(cascade->first_step());
      facts.cascades.push_back({first, first + static_cast<int>(cascade->steps()) - 1, cascade->stripe_lines()});
    }
  }
  facts.state_bytes = model.state_bytes();
  if (model.states() != nullptr) {
    for (const auto* state : *model.states()) facts.states.push_back({state->tensor(), state->next()});
  }
  find_lifetimes(&facts);
  extend_over_cascades(&facts);
  for (size_t s = 0; s < facts.steps.size(); ++s) {
    StepFacts& step = facts.steps[s];
    step.live_bytes = live_bytes(facts, static_cast<int>(s));
    facts.macs = engine::saturating_add(facts.macs, step.macs);
    for (const uint32_t buffer : std::set<uint32_t>(step.buffers.begin(), step.buffers.end())) {
      facts.buffers[buffer].steps.push_back(static_cast<int>(s));
    }
  }
  for (const BufferFacts& buffer : facts.buffers) facts.weight_bytes += buffer.bytes;
  return facts;
}

}  // namespace linnet::tools
