#include "converter/emit/emit.hpp"

#include <malloc.h>

#include <algorithm>
#include <bit>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "converter/emit/buffers.hpp"
#include "converter/emit/context.hpp"
#include "converter/ir/states.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/norm.hpp"

namespace linnet::emit {

namespace {

using namespace linnet::ir;

// Each knows what the ones before do.
constexpr uint32_t kFormatVersion = 1, kCascadeVersion = 2, kIntegerVersion = 3, kStateVersion = 3, kSmallVersion = 4;

fb::DataType device_type(const Value& value) {
  if (ir::is_floating(value.type.dtype)) return fb::DataType::Float32;
  switch (value.type.dtype) {
    case DType::i8:
      return fb::DataType::Int8;
    case DType::u8:
      return fb::DataType::UInt8;
    case DType::boolean:
      return fb::DataType::Bool;
    case DType::i16:
      return value.type.quantization ? fb::DataType::Int16 : fb::DataType::Int32;
    case DType::u16:
    case DType::i32:
    case DType::i64:
      return fb::DataType::Int32;
    default:
      throw Error(fmt::format("{} has elements of type {}; the device has f32, i8, u8, i32 and bool", value.name,
                              ir::name(value.type.dtype)));
  }
}

// The elements of `array`, which is of the value's type, as the device has them.
std::vector<std::byte> device_elements(const Value& value, const Array& array) {
  const auto as_bytes = [](const auto& elements) {
    const auto bytes = std::as_bytes(std::span(elements));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  switch (device_type(value)) {
    case fb::DataType::Float32:
      return as_bytes(array.floats());
    case fb::DataType::Int32: {
      const std::vector<int64_t> wide = array.integers();
      const std::vector<int32_t> narrow(wide.begin(), wide.end());
      if (!std::equal(wide.begin(), wide.end(), narrow.begin()))
        throw Error(fmt::format("constant {} has elements beyond 32 bits", value.name));
      return as_bytes(narrow);
    }
    case fb::DataType::Int16: {
      const std::vector<int64_t> wide = array.integers();
      return as_bytes(std::vector<int16_t>(wide.begin(), wide.end()));
    }
    default: {
      std::vector<std::byte> bytes;
      for (const int64_t element : array.integers()) bytes.push_back(static_cast<std::byte>(element));
      return bytes;
    }
  }
}

struct StepRecord {
  const Node* node;
  fb::Operator type;
  flatbuffers::Offset<void> table;
  std::vector<uint32_t> inputs, outputs;
  int64_t weight_bytes;
};

// More than the model takes, so that it does not grow while it is written: memory that is not written costs nothing.
size_t expected_bytes(const Graph& graph) {
  constexpr int64_t kLeast = 1 << 20, kMost = FLATBUFFERS_MAX_BUFFER_SIZE - 64;
  constexpr int64_t kMargin = 2;
  int64_t bytes = kLeast;
  for (const auto& node : graph.nodes()) {
    const auto* conv = node->as<ops::Conv>();
    const int64_t tile = conv != nullptr && conv->winograd != 0 ? conv->winograd + 2 : 1;
    for (const Value* input : node->inputs) {
      if (input == nullptr || !input->constant) continue;
      const int64_t elements = element_count(input->shape()) * tile * tile;
      bytes = std::min(kMost, bytes + elements * int64_t{sizeof(float)} * kMargin);
    }
  }
  return static_cast<size_t>(bytes);
}

class ModelContext : public Context {
 public:
  ModelContext(Graph& graph, const plan::Plan& plan, const EmitOptions& options)
      : graph_(graph), plan_(plan), options_(options), builder_(expected_bytes(graph)) {
    builder_.ForceVectorAlignment(LINNET_ALIGNMENT, 1,
                                  LINNET_ALIGNMENT);  // of the whole, also where no block asks for it
  }

  flatbuffers::FlatBufferBuilder& builder() override { return builder_; }
  uint32_t tensor(const Value& value) override { return tensor(value, value.shape()); }
  uint32_t tensor(const Value& value, const Shape& shape) override;
  int64_t row_stride(const Value& value) override;
  bool placed_in_output(const Node& node, size_t index) override { return plan_.placed.at(&node)[index]; }
  uint32_t buffer(std::span<const float> data) override { return use_buffer(std::as_bytes(data)); }
  uint32_t buffer(std::span<const int32_t> data) override { return use_buffer(std::as_bytes(data)); }
  uint32_t buffer(std::span<const int8_t> data) override { return use_buffer(std::as_bytes(data)); }
  uint32_t buffer(int64_t floats, const Pack& pack) override;
  PackedMatrix matrix(const Array& weights, int64_t floats, const Pack& pack) override;

  Emission run();

 private:
  Graph& graph_;
  const plan::Plan& plan_;
  const EmitOptions& options_;
  ModelBuilder builder_;
  Buffers buffers_{builder_};
  std::unordered_map<const Value*, size_t> emitted_uses_;  // of constants
  std::map<std::pair<const Value*, Shape>, uint32_t> tensor_indices_;
  std::vector<flatbuffers::Offset<fb::Tensor>> tensors_;
  std::vector<StepRecord> steps_;
  std::map<uint32_t, std::vector<std::string>> users_;  // of every buffer: names of their nodes
  std::string emitted_;                                 // the node being emitted
  int64_t used_weight_bytes_ = 0;                       // by the node being emitted
  // Matrices and their blocks.
  std::map<std::vector<uint64_t>, std::vector<std::pair<Array, uint32_t>>> matrices_;

  void add_step(const Node& node, fb::Operator type, flatbuffers::Offset<void> table,
                const std::vector<uint32_t>& inputs, const std::vector<uint32_t>& outputs) override;
  uint32_t use_buffer(std::span<const std::byte> data) { return use_buffer(buffers_.add(data)); }
  uint32_t use_buffer(uint32_t index);
  flatbuffers::Offset<flatbuffers::String> name(const std::string& text) {
    return options_.strip_names ? flatbuffers::Offset<flatbuffers::String>() : builder_.CreateString(text);
  }
  uint32_t format_version() const;
  void emit_nodes();
  void release_constants(const Node& node);
  std::vector<flatbuffers::Offset<fb::Step>> write_steps(Emission& emission);
  std::vector<flatbuffers::Offset<fb::Cascade>> write_cascades(const Emission& emission);
  std::vector<flatbuffers::Offset<fb::State>> write_states();
  static report::StepSummary summary(const StepRecord& step);
};

uint32_t ModelContext::use_buffer(uint32_t index) {
  users_[index].push_back(emitted_);
  used_weight_bytes_ += buffers_.bytes(index);
  return index;
}

uint32_t ModelContext::buffer(int64_t floats, const Pack& pack) {
  return use_buffer(buffers_.add(static_cast<size_t>(floats) * sizeof(float),
                                 [&](std::byte* block) { pack(reinterpret_cast<float*>(block)); }));
}

bool is_transpose(const Array& a, const Array& b) {
  const Shape &shape = a.shape(), &other = b.shape();
  if (shape[0] != other[1] || shape[1] != other[0] || std::min(shape[0], shape[1]) == 1) return false;
  for (int64_t i = 0; i < shape[0]; ++i)
    for (int64_t j = 0; j < shape[1]; ++j)
      if (a.number(static_cast<size_t>(i * shape[1] + j)) != b.number(static_cast<size_t>(j * shape[0] + i)))
        return false;
  return true;
}

// Sizes and some elements, equal for a matrix and its transpose.
std::vector<uint64_t> transposition_key(const Array& matrix) {
  constexpr int64_t kElements = 8;
  const auto [less, more] = std::minmax(matrix.shape()[0], matrix.shape()[1]);
  std::vector<uint64_t> key = {static_cast<uint64_t>(less), static_cast<uint64_t>(more)};
  for (int64_t i = 0; i < std::min(less, kElements); ++i) {
    const double element = matrix.number(static_cast<size_t>(i * matrix.shape()[1] + i));
    key.push_back(std::bit_cast<uint64_t>(element + 0.0));  // zeros of both signs are equal
  }
  return key;
}

Context::PackedMatrix ModelContext::matrix(const Array& weights, int64_t floats, const Pack& pack) {
  std::vector<std::pair<Array, uint32_t>>& alike = matrices_[transposition_key(weights)];
  for (const auto& [other, index] : alike) {
    if (is_transpose(weights, other)) return {use_buffer(index), true};
  }
  const uint32_t index = buffer(floats, pack);
  alike.emplace_back(weights, index);
  return {index, false};
}

int64_t ModelContext::row_stride(const Value& value) {
  const auto place = plan_.places.find(&value);
  if (place != plan_.places.end()) return place->second.row_stride;
  return value.shape().empty() ? 1 : value.shape().back();
}

uint32_t ModelContext::tensor(const Value& value, const Shape& shape) {
  const auto [entry, added] = tensor_indices_.try_emplace({&value, shape}, static_cast<uint32_t>(tensors_.size()));
  if (!added) return entry->second;
  const fb::DataType type = device_type(value);
  for (const int64_t size : shape)
    if (size < 1)
      throw Error(fmt::format("{} has shape {}; the device has no empty tensors", value.name, to_string(shape)));
  if (shape.size() > 8)
    throw Error(fmt::format("{} has {} dimensions; the device has 8 at most", value.name, shape.size()));
  const int64_t columns = shape.empty() ? 1 : shape.back();
  int64_t stride = row_stride(value);
  const bool same_rows = !value.shape().empty() && columns == value.shape().back();
  if (!same_rows) {
    if (stride != (value.shape().empty() ? 1 : value.shape().back()) && value.shape().size() > 1)
      throw Error(
          fmt::format("{} is a slice of another tensor and cannot be seen as {}", value.name, to_string(shape)));
    stride = columns;
  }
  uint32_t buffer = 0, offset = 0;
  if (value.constant) {
    buffer = 1 + use_buffer(device_elements(value, *value.constant));
  } else {
    offset = static_cast<uint32_t>(plan_.places.at(&value).offset);
  }
  const std::vector<int32_t> sizes(shape.begin(), shape.end());
  std::vector<uint8_t> permutation;  // of the value's own dimensions, not of those that a step sees
  if (shape == value.shape()) permutation.assign(value.source_permutation.begin(), value.source_permutation.end());
  const auto size_vector = builder_.CreateVector(sizes);
  const auto permutation_vector = permutation.empty() ? 0 : builder_.CreateVector(permutation);
  const auto name_string = name(value.name);
  const auto rolling = plan_.cascades.rolling.find(&value);
  const bool quantized = value.type.quantization.has_value() && value.type.quantization->per_tensor();
  const float scale = quantized ? value.type.quantization->scale() : 0.0f;
  const int64_t zero_point = quantized ? value.type.quantization->zero_point() : 0;
  tensors_.push_back(
      fb::CreateTensor(builder_, type, size_vector, buffer, offset,
                       stride == columns ? 0 : static_cast<int32_t>(stride), permutation_vector, name_string,
                       rolling == plan_.cascades.rolling.end() ? 0 : static_cast<int32_t>(rolling->second), scale,
                       static_cast<int32_t>(zero_point)));
  return entry->second;
}

void ModelContext::add_step(const Node& node, fb::Operator type, flatbuffers::Offset<void> table,
                            const std::vector<uint32_t>& inputs, const std::vector<uint32_t>& outputs) {
  steps_.push_back({&node, type, table, inputs, outputs, std::exchange(used_weight_bytes_, 0)});
}

void ModelContext::release_constants(const Node& node) {
  for (Value* value : node.inputs)
    if (value != nullptr && value->constant && ++emitted_uses_[value] == value->uses.size() && !graph_.is_output(value))
      value->constant.emplace();
}

// Emits every node and reports all that cannot be.
void ModelContext::emit_nodes() {
  std::vector<std::string> problems;
  const auto attempt = [&](const std::string& place, const auto& action) {
    const size_t tensors = tensors_.size();
    try {
      action();
    } catch (const Error& error) {
      const std::string text = error.what();
      problems.push_back(text.starts_with(place) ? text : place + ": " + text);
      std::erase_if(tensor_indices_, [&](const auto& entry) { return entry.second >= tensors; });
      tensors_.resize(tensors);
    }
  };
  for (const Value* input : graph_.inputs) attempt("input " + input->name, [&] { tensor(*input); });
  for (const Node* node : plan_.order) {
    if (plan_.views.count(node) > 0) continue;
    used_weight_bytes_ = 0;
    emitted_ = node->name;
    attempt(to_string(*node), [&] { node->op->emit(*node, *this); });
    if (options_.release_constants) release_constants(*node);
  }
  for (const Value* output : graph_.outputs)
    attempt("output " + output->name, [&] { emitted_ = output->name, tensor(*output); });
  if (!problems.empty()) throw Problems(std::move(problems));
}

report::StepSummary ModelContext::summary(const StepRecord& step) {
  report::StepSummary result;
  result.name = step.node->out().name;
  result.op = fb::EnumNameOperator(step.type);
  result.output = to_string(step.node->out().type);
  AttributeWriter writer;
  if (step.node->has(1) && step.node->as<ops::RowNorm>() == nullptr && step.node->in(1).constant &&
      step.node->in(1).shape().size() > 2) {
    const Shape& weights = step.node->in(1).shape();
    writer.add("kernel", std::vector<int64_t>(weights.begin() + 2, weights.end()));
  }
  step.node->op->attributes(writer);
  result.attributes = writer.text();
  result.sources = step.node->sources.list();
  result.weight_bytes = step.weight_bytes;
  return result;
}

std::vector<flatbuffers::Offset<fb::Step>> ModelContext::write_steps(Emission& emission) {
  std::vector<flatbuffers::Offset<fb::Step>> result;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const StepRecord& step = steps_[i];
    const Node& node = *step.node;
    const auto index = static_cast<int>(i);
    const auto [entry, first] = emission.steps_of.try_emplace(&node, index, index);
    entry->second.second = index;
    const bool last = i + 1 == steps_.size() || steps_[i + 1].node != &node;
    report::StepSummary summary = ModelContext::summary(step);
    summary.macs = last ? node.op->macs(node) : 0;
    emission.macs += summary.macs;
    const auto inputs = builder_.CreateVector(step.inputs), outputs = builder_.CreateVector(step.outputs);
    const auto step_name = name(summary.name);
    const auto sources = options_.strip_names ? 0 : builder_.CreateVectorOfStrings(summary.sources);
    result.push_back(fb::CreateStep(builder_, step.type, step.table, inputs, outputs, step_name, sources,
                                    static_cast<uint64_t>(summary.macs)));
    emission.steps.push_back(std::move(summary));
  }
  return result;
}

std::vector<flatbuffers::Offset<fb::Cascade>> ModelContext::write_cascades(const Emission& emission) {
  std::vector<flatbuffers::Offset<fb::Cascade>> result;
  for (const plan::Cascade& cascade : plan_.cascades.list) {
    const int first = emission.steps_of.at(plan_.order[cascade.first]).first;
    const int last = emission.steps_of.at(plan_.order[cascade.last]).second;
    result.push_back(fb::CreateCascade(builder_, static_cast<uint32_t>(first), static_cast<uint32_t>(last - first + 1),
                                       static_cast<int32_t>(cascade.stripe_lines)));
  }
  return result;
}

// In the order of their places. A value that begins another one takes no buffer of its own.
std::vector<flatbuffers::Offset<fb::State>> ModelContext::write_states() {
  std::vector<const State*> states;
  for (const State& state : graph_.states) states.push_back(&state);
  const auto offset = [&](const State& state) { return plan_.places.at(graph_.inputs[state.input]).offset; };
  std::sort(states.begin(), states.end(), [&](const State* a, const State* b) { return offset(*a) < offset(*b); });
  std::vector<std::vector<std::byte>> initial;
  for (const State* state : states)
    initial.push_back(device_elements(*graph_.inputs[state->input], initial_of(graph_, *state)));
  const auto begins = [](const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
    return a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
  };
  std::vector<flatbuffers::Offset<fb::State>> result;
  for (size_t i = 0; i < states.size(); ++i) {
    const Value &input = *graph_.inputs[states[i]->input], &next = *graph_.outputs[states[i]->output];
    const std::vector<std::byte>* longest = &initial[i];
    for (const auto& other : initial)
      if (begins(*longest, other)) longest = &other;
    const bool zero = std::all_of(initial[i].begin(), initial[i].end(), [](std::byte b) { return b == std::byte{0}; });
    const uint32_t buffer = zero ? 0 : 1 + buffers_.add(*longest);
    result.push_back(fb::CreateState(builder_, tensor(input), tensor(next), buffer));
  }
  return result;
}

// The oldest that knows what the model uses.
uint32_t ModelContext::format_version() const {
  const auto is_small = [](const auto& node) {
    const auto* conv = node->template as<ops::Conv>();
    const auto* linear = node->template as<ops::Linear>();
    return (conv != nullptr && (conv->sparse != 0 || conv->codes)) ||
           (linear != nullptr && (linear->sparse != 0 || linear->codes));
  };
  if (std::any_of(graph_.nodes().begin(), graph_.nodes().end(), is_small)) return kSmallVersion;
  if (!graph_.states.empty()) return kStateVersion;
  const auto& values = graph_.values();
  if (std::any_of(values.begin(), values.end(), [](const auto& value) { return value->type.quantization.has_value(); }))
    return kIntegerVersion;
  return plan_.cascades.list.empty() ? kFormatVersion : kCascadeVersion;
}

Emission ModelContext::run() {
  emit_nodes();
  matrices_.clear();
  if (options_.release_constants) malloc_trim(0);  // the heap keeps the pages of small tensors that were freed
  Emission emission;
  const auto steps = builder_.CreateVector(write_steps(emission));
  const bool cascaded = !plan_.cascades.list.empty();
  const auto cascades = cascaded ? builder_.CreateVector(write_cascades(emission)) : 0;
  emission.weight_bytes = buffers_.total_bytes();
  const auto states = graph_.states.empty() ? 0 : builder_.CreateVector(write_states());
  for (auto& [index, users] : users_)
    if (users.size() > 1) emission.shared_weights.push_back({std::move(users), buffers_.bytes(index)});
  std::vector<uint32_t> inputs, outputs;
  for (const Value* input : program_inputs(graph_)) inputs.push_back(tensor(*input));
  for (const Value* output : program_outputs(graph_)) outputs.push_back(tensor(*output));
  const auto input_vector = builder_.CreateVector(inputs), output_vector = builder_.CreateVector(outputs);
  const auto tensors = builder_.CreateVector(tensors_);
  const auto report = fb::CreateReport(
      builder_, builder_.CreateString(options_.tool_version), builder_.CreateString(options_.options),
      name(options_.source_file), static_cast<uint64_t>(emission.macs), static_cast<uint64_t>(emission.weight_bytes),
      static_cast<uint64_t>(plan_.tensor_bytes), static_cast<uint64_t>(plan_.lower_bound));
  const auto model_name = name(graph_.name);
  const auto buffers = buffers_.write();
  builder_.Finish(fb::CreateModel(builder_, format_version(), model_name, tensors, input_vector, output_vector, steps,
                                  buffers, static_cast<uint32_t>(plan_.tensor_bytes), report, cascades, states,
                                  static_cast<uint32_t>(plan_.state_bytes)),
                  fb::ModelIdentifier());
  emission.model = ModelBytes(builder_.Release());
  return emission;
}

}  // namespace

Emission emit_model(Graph& graph, const plan::Plan& plan, const EmitOptions& options) {
  return ModelContext(graph, plan, options).run();
}

}  // namespace linnet::emit
