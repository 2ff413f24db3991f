// Mutations that know the schema of TensorFlow Lite files: operators, tensors and buffers are added, removed and
// exchanged through the object API, numbers are changed in place. One mutation in eight is libFuzzer's own, of the
// bytes.
#include <cmath>
#include <memory>

#include "fuzz_tflite_generated.h"
#include "tests/fuzz/flatbuffer_numbers.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace linnet::fuzz {
namespace {

namespace tfl = tflite;

// A verified file may have numbers of 8 bytes at multiples of 4; the object API needs them at multiples of 8.
bool is_aligned(const tfl::Model& model) {
  for (const tfl::SubGraph* graph : *model.subgraphs()) {
    if (graph->tensors() == nullptr) continue;
    for (const tfl::Tensor* tensor : *graph->tensors()) {
      const auto* zero_points = tensor->quantization() != nullptr ? tensor->quantization()->zero_point() : nullptr;
      if (zero_points != nullptr && reinterpret_cast<uintptr_t>(zero_points->Data()) % alignof(int64_t) != 0)
        return false;
    }
  }
  return true;
}

class Structure {
 public:
  // `packed` outlives the object: copies of its parts are unpacked again.
  Structure(const uint8_t* packed, Random* random) : packed_(*tfl::GetModel(packed)), random_(*random) {
    packed_.UnPackTo(&model_);
    if (!model_.subgraphs.empty()) graph_ = any_of(model_.subgraphs, &random_).get();
  }

  void mutate() {
    using Mutation = void (Structure::*)();
    constexpr Mutation kMutations[] = {
        &Structure::change_operator_code, &Structure::copy_operator, &Structure::remove_operator,
        &Structure::exchange_options,     &Structure::change_ports,  &Structure::change_ports_of_operator,
        &Structure::change_shape,         &Structure::change_type,   &Structure::change_quantization,
        &Structure::resize_buffer,        &Structure::copy_tensor,   &Structure::change_sparsity,
        &Structure::copy_subgraph};
    if (graph_ != nullptr) (this->*kMutations[random_.below(std::size(kMutations))])();
  }

  flatbuffers::DetachedBuffer pack() {
    const auto name_what_is_there = [](auto& of_a_union) {  // the file may name a table and have none
      if (of_a_union.value == nullptr) of_a_union.Reset();
    };
    for (auto& graph : model_.subgraphs) {
      for (auto& row : graph->operators) name_what_is_there(row->builtin_options);
      for (auto& tensor : graph->tensors) {
        if (tensor->sparsity == nullptr) continue;
        for (auto& dimension : tensor->sparsity->dim_metadata) {
          name_what_is_there(dimension->array_segments);
          name_what_is_there(dimension->array_indices);
        }
      }
    }
    flatbuffers::FlatBufferBuilder builder;
    builder.ForceDefaults(true);
    tfl::FinishModelBuffer(builder, tfl::Model::Pack(builder, &model_));
    return builder.Release();
  }

 private:
  const tfl::Model& packed_;
  Random& random_;
  tfl::ModelT model_;
  tfl::SubGraphT* graph_ = nullptr;

  tfl::OperatorT* any_operator() {
    return graph_->operators.empty() ? nullptr : any_of(graph_->operators, &random_).get();
  }
  tfl::TensorT* any_tensor() { return graph_->tensors.empty() ? nullptr : any_of(graph_->tensors, &random_).get(); }
  const tfl::SubGraph* packed_graph() { return packed_.subgraphs()->Get(random_.below(packed_.subgraphs()->size())); }

  void change_operator_code() {
    if (model_.operator_codes.empty()) return;
    tfl::OperatorCodeT& code = *any_of(model_.operator_codes, &random_);
    code.builtin_code = static_cast<tfl::BuiltinOperator>(random_.below(160));
    code.deprecated_builtin_code = 0;
  }
  void copy_operator() {
    const auto* rows = packed_graph()->operators();
    if (rows == nullptr || rows->size() == 0) return;
    graph_->operators.emplace(graph_->operators.begin() + random_.below(graph_->operators.size() + 1),
                              rows->Get(random_.below(rows->size()))->UnPack());
  }
  void remove_operator() {
    if (!graph_->operators.empty())
      graph_->operators.erase(graph_->operators.begin() + random_.below(graph_->operators.size()));
  }
  void exchange_options() {
    tfl::OperatorT *a = any_operator(), *b = any_operator();
    if (a == nullptr) return;
    if (random_.one_in(4)) return a->builtin_options.Reset();
    std::swap(a->builtin_options, b->builtin_options);
  }

  int32_t any_index() { return static_cast<int32_t>(random_.below(graph_->tensors.size() + 2)) - 1; }
  void change(std::vector<int32_t>* ports) {
    const uint32_t what = random_.below(4);
    if (what == 0 || ports->empty()) {
      ports->push_back(any_index());
    } else if (what == 1) {
      ports->pop_back();
    } else {
      any_of(*ports, &random_) = any_index();
    }
  }
  void change_ports() { change(random_.one_in(2) ? &graph_->inputs : &graph_->outputs); }
  void change_ports_of_operator() {
    if (tfl::OperatorT* row = any_operator()) change(random_.one_in(2) ? &row->inputs : &row->outputs);
  }

  void change_shape() {
    tfl::TensorT* tensor = any_tensor();
    if (tensor == nullptr) return;
    std::vector<int32_t>& shape = tensor->shape;
    if (shape.empty() || random_.one_in(3)) {
      shape.insert(shape.begin() + random_.below(shape.size() + 1), static_cast<int32_t>(random_.below(4)));
    } else if (random_.one_in(2)) {
      shape.erase(shape.begin() + random_.below(shape.size()));
    } else {
      std::swap(any_of(shape, &random_), any_of(shape, &random_));
    }
  }
  void change_type() {
    constexpr tfl::TensorType kTypes[] = {tfl::TensorType::FLOAT32, tfl::TensorType::INT8,   tfl::TensorType::UINT8,
                                          tfl::TensorType::INT16,   tfl::TensorType::INT32,  tfl::TensorType::INT64,
                                          tfl::TensorType::BOOL,    tfl::TensorType::FLOAT16};
    const tfl::TensorType type = kTypes[random_.below(std::size(kTypes))];
    tfl::TensorT* chosen = any_tensor();
    if (chosen == nullptr) return;
    const bool all = random_.one_in(3);
    for (auto& tensor : graph_->tensors)
      if (tensor.get() == chosen || (all && tensor->type == chosen->type && tensor->buffer == 0)) tensor->type = type;
  }
  void change_quantization() {
    constexpr float kScales[] = {0.0f, -1.0f, INFINITY, NAN, 1e-30f, 1e30f, 0.05f, 1.0f / 256, 1.0f / 128, 1.0f};
    tfl::TensorT *tensor = any_tensor(), *other = any_tensor();
    if (tensor == nullptr) return;
    if (random_.one_in(6)) return tensor->quantization.reset();
    if (tensor->quantization == nullptr || random_.one_in(3)) {
      tensor->quantization = std::make_unique<tfl::QuantizationParametersT>();
      if (other->quantization != nullptr) *tensor->quantization = *other->quantization;
    }
    auto& scales = tensor->quantization->scale;
    auto& zero_points = tensor->quantization->zero_point;
    switch (random_.below(4)) {
      case 0:
        return scales.resize(random_.below(5), 0.1f);
      case 1:
        return zero_points.resize(random_.below(5), static_cast<int64_t>(random_.below(400)) - 200);
      case 2:
        if (!scales.empty()) any_of(scales, &random_) = kScales[random_.below(std::size(kScales))];
        return;
      default:
        if (!zero_points.empty()) any_of(zero_points, &random_) = static_cast<int64_t>(random_.below(400)) - 200;
    }
  }
  void resize_buffer() {
    if (model_.buffers.empty()) return;
    std::vector<uint8_t>& data = any_of(model_.buffers, &random_)->data;
    if (!data.empty() && random_.one_in(2)) {
      any_of(data, &random_) = static_cast<uint8_t>(random_.bits());
      return;
    }
    const size_t sizes[] = {0, 4, data.size() / 2, data.size() * 2, data.size() + 4, data.size() - !data.empty()};
    data.resize(sizes[random_.below(std::size(sizes))]);
  }
  void copy_tensor() {
    const auto* tensors = packed_graph()->tensors();
    if (tensors == nullptr || tensors->size() == 0) return;
    graph_->tensors.emplace_back(tensors->Get(random_.below(tensors->size()))->UnPack());
  }
  void change_sparsity() {
    tfl::TensorT* tensor = any_tensor();
    if (tensor == nullptr || tensor->sparsity == nullptr) return;
    auto& sparsity = *tensor->sparsity;
    std::vector<int32_t>& order = random_.one_in(2) ? sparsity.traversal_order : sparsity.block_map;
    if (random_.one_in(3) && !sparsity.dim_metadata.empty()) return sparsity.dim_metadata.pop_back();
    if (order.empty() || random_.one_in(3)) return order.push_back(static_cast<int32_t>(random_.below(5)));
    std::swap(any_of(order, &random_), any_of(order, &random_));
  }
  void copy_subgraph() { model_.subgraphs.emplace_back(packed_graph()->UnPack()); }
};

}  // namespace

// The mutated file's size, 0 where the bytes are none or the result is too large.
size_t mutate_tflite(uint8_t* data, size_t size, size_t max_size, Random* random) {
  flatbuffers::Verifier verifier(data, size);
  if (size < 8 || !tfl::VerifyModelBuffer(verifier) || tfl::GetModel(data)->subgraphs() == nullptr ||
      tfl::GetModel(data)->subgraphs()->size() == 0 || !is_aligned(*tfl::GetModel(data)))
    return 0;
  Structure structure(data, random);
  for (uint32_t count = random->below(3); count > 0; --count) structure.mutate();
  flatbuffers::DetachedBuffer packed = structure.pack();
  if (packed.size() > max_size) return 0;
  Scalars scalars(packed.data(), tfl::ModelTypeTable());
  for (uint32_t count = random->below(3); count > 0; --count) scalars.mutate(random);
  memcpy(data, packed.data(), packed.size());
  return packed.size();
}

}  // namespace linnet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  linnet::fuzz::Random random(seed);
  const size_t mutated = random.one_in(8) ? 0 : linnet::fuzz::mutate_tflite(data, size, max_size, &random);
  return mutated != 0 ? mutated : LLVMFuzzerMutate(data, size, max_size);
}
