// Mutations that know the schema, for targets that read models: steps, tensors, buffers, cascades and states are added,
// removed and exchanged through the object API; numbers are changed in place, alone or everywhere where the same one
// stands, so that sizes that belong together can change together. One mutation in eight is libFuzzer's own, of the
// bytes.
#include <iterator>
#include <memory>

#include "fuzz_model_generated.h"
#include "tests/api/model_builder.hpp"
#include "tests/fuzz/flatbuffer_numbers.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace linnet::fuzz {
namespace {

using test::Bytes;

class Structure {
 public:
  // `packed` outlives the object: copies of its parts are unpacked again.
  Structure(const uint8_t* packed, Random* random) : packed_(*fb::GetModel(packed)), random_(*random) {
    packed_.UnPackTo(&model_);
  }

  void mutate() {
    using Mutation = void (Structure::*)();
    constexpr Mutation kMutations[] = {
        &Structure::copy_step,           &Structure::remove_step,       &Structure::exchange_steps,
        &Structure::copy_tensor,         &Structure::remove_tensor,     &Structure::change_shape,
        &Structure::copy_buffer,         &Structure::resize_buffer,     &Structure::change_ports,
        &Structure::change_port_of_step, &Structure::exchange_operator, &Structure::add_cascade,
        &Structure::remove_cascade,      &Structure::overlay_tensors,   &Structure::permute_tensor,
        &Structure::add_state,           &Structure::remove_state,      &Structure::change_state};
    (this->*kMutations[random_.below(std::size(kMutations))])();
  }

  Bytes pack() {
    for (auto& step : model_.steps)  // the file may name an operator and have none
      if (step->op.value == nullptr) step->op.Reset();
    flatbuffers::FlatBufferBuilder builder;
    builder.ForceDefaults(true);
    fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &model_));
    return {builder.GetBufferPointer(), builder.GetSize()};
  }

 private:
  const fb::Model& packed_;
  Random& random_;
  fb::ModelT model_;

  // A copy of any part of the model as it was.
  template <class T>
  auto copied(const flatbuffers::Vector<flatbuffers::Offset<T>>* list) {
    using Native = typename T::NativeTableType;
    if (list == nullptr || list->size() == 0) return std::unique_ptr<Native>();
    return std::unique_ptr<Native>(list->Get(random_.below(list->size()))->UnPack());
  }

  uint32_t any_tensor() { return random_.below(model_.tensors.size() + 1); }

  void copy_step() {
    if (auto step = copied(packed_.steps()))
      model_.steps.insert(model_.steps.begin() + random_.below(model_.steps.size() + 1), std::move(step));
  }
  void remove_step() {
    if (!model_.steps.empty()) model_.steps.erase(model_.steps.begin() + random_.below(model_.steps.size()));
  }
  void exchange_steps() {
    if (!model_.steps.empty()) std::swap(any_of(model_.steps, &random_), any_of(model_.steps, &random_));
  }
  void exchange_operator() {
    auto step = copied(packed_.steps());
    if (step && !model_.steps.empty()) std::swap(any_of(model_.steps, &random_)->op, step->op);
  }
  void change_port_of_step() {
    if (model_.steps.empty()) return;
    fb::StepT& step = *any_of(model_.steps, &random_);
    std::vector<uint32_t>& ports = random_.one_in(2) ? step.inputs : step.outputs;
    change(&ports);
  }
  void change_ports() { change(random_.one_in(2) ? &model_.inputs : &model_.outputs); }
  void change(std::vector<uint32_t>* ports) {
    const uint32_t what = random_.below(4);
    if (what == 0 || ports->empty()) {
      ports->push_back(any_tensor());
    } else if (what == 1) {
      ports->pop_back();
    } else {
      any_of(*ports, &random_) = any_tensor();
    }
  }

  void copy_tensor() {
    if (auto tensor = copied(packed_.tensors())) model_.tensors.push_back(std::move(tensor));
  }
  void remove_tensor() {
    if (!model_.tensors.empty()) model_.tensors.pop_back();
  }
  void change_shape() {
    if (model_.tensors.empty()) return;
    std::vector<int32_t>& shape = any_of(model_.tensors, &random_)->shape;
    if (shape.empty() || random_.one_in(3)) {
      shape.insert(shape.begin() + random_.below(shape.size() + 1), static_cast<int32_t>(random_.below(4)));
    } else if (random_.one_in(2)) {
      shape.erase(shape.begin() + random_.below(shape.size()));
    } else {
      std::swap(any_of(shape, &random_), any_of(shape, &random_));
    }
  }
  // Two tensors in the same memory, one perhaps a slice of the other.
  void overlay_tensors() {
    if (model_.tensors.empty()) return;
    fb::TensorT &a = *any_of(model_.tensors, &random_), &b = *any_of(model_.tensors, &random_);
    a.offset = b.offset + 4 * random_.below(5);
    if (random_.one_in(2)) a.row_stride = b.row_stride != 0 || b.shape.empty() ? b.row_stride : b.shape.back();
  }
  void permute_tensor() {
    if (model_.tensors.empty()) return;
    fb::TensorT& tensor = *any_of(model_.tensors, &random_);
    tensor.source_permutation.clear();
    for (size_t d = 0; d < tensor.shape.size(); ++d) tensor.source_permutation.push_back(static_cast<uint8_t>(d));
    if (tensor.shape.empty()) return;
    std::swap(any_of(tensor.source_permutation, &random_), any_of(tensor.source_permutation, &random_));
    if (random_.one_in(4)) any_of(tensor.source_permutation, &random_) = static_cast<uint8_t>(random_.bits());
  }

  void copy_buffer() {
    if (auto buffer = copied(packed_.buffers())) model_.buffers.push_back(std::move(buffer));
  }
  void resize_buffer() {
    if (model_.buffers.empty()) return;
    std::vector<uint8_t>& data = any_of(model_.buffers, &random_)->data;
    const size_t sizes[] = {0, 64, data.size() / 2, data.size() + 64, data.size() + 4, data.size() - !data.empty()};
    data.resize(sizes[random_.below(std::size(sizes))]);
  }

  void add_cascade() {
    if (model_.steps.empty()) return;
    model_.version = 2;
    auto cascade = std::make_unique<fb::CascadeT>();
    cascade->first_step = random_.below(model_.steps.size());
    cascade->steps = 1 + random_.below(model_.steps.size() - cascade->first_step);
    cascade->stripe_lines = static_cast<int32_t>(1 + random_.below(4));
    for (uint32_t s = 0; s + 1 < cascade->steps; ++s) {
      const fb::StepT& step = *model_.steps[cascade->first_step + s];
      if (step.outputs.empty() || step.outputs[0] >= model_.tensors.size() || random_.one_in(3)) continue;
      fb::TensorT& tensor = *model_.tensors[step.outputs[0]];
      if (tensor.shape.size() == 4)
        tensor.rolling_lines =
            static_cast<int32_t>(1 + random_.below(static_cast<size_t>(std::max(tensor.shape[1], 1))));
    }
    model_.cascades.push_back(std::move(cascade));
  }
  void remove_cascade() {
    if (!model_.cascades.empty()) model_.cascades.pop_back();
  }

  // A state behind the others that becomes what an existing tensor is; everything else moves up.
  void add_state() {
    if (model_.tensors.empty()) return;
    const uint32_t next = random_.below(model_.tensors.size());
    auto tensor = std::make_unique<fb::TensorT>(*model_.tensors[next]);
    uint32_t bytes = 4;
    for (const int32_t size : tensor->shape) bytes *= static_cast<uint32_t>(size);
    bytes = (bytes + 63) / 64 * 64;
    for (auto& other : model_.tensors)
      if (other->buffer == 0 && other->offset >= model_.state_bytes) other->offset += bytes;
    tensor->buffer = tensor->row_stride = tensor->rolling_lines = 0;
    tensor->offset = model_.state_bytes;
    model_.state_bytes += bytes;
    model_.tensor_bytes += bytes;
    auto state = std::make_unique<fb::StateT>();
    state->tensor = static_cast<uint32_t>(model_.tensors.size());
    state->next = random_.one_in(8) ? state->tensor : next;
    state->initial = random_.one_in(2) ? 0 : random_.below(model_.buffers.size() + 1);
    model_.version = 3;
    model_.states.push_back(std::move(state));
    model_.tensors.push_back(std::move(tensor));
    if (model_.steps.empty()) return;
    std::vector<uint32_t>& inputs = any_of(model_.steps, &random_)->inputs;
    if (!inputs.empty()) any_of(inputs, &random_) = model_.states.back()->tensor;
  }
  void remove_state() {
    if (!model_.states.empty()) model_.states.pop_back();
  }
  void change_state() {
    if (model_.states.empty()) return;
    fb::StateT& state = *any_of(model_.states, &random_);
    (random_.one_in(2) ? state.tensor : state.next) = any_tensor();
  }
};

// The mutated model, or nothing where the bytes are not one or the result is too large.
Bytes mutate(const Bytes& model, size_t max_size, Random* random) {
  flatbuffers::Verifier verifier(model.data(), model.size());
  if (!fb::VerifyModelBuffer(verifier)) return {};
  Structure structure(model.data(), random);
  if (random->one_in(2)) {
    for (uint32_t count = 1 + random->below(2); count > 0; --count) structure.mutate();
  }
  Bytes packed = structure.pack();
  if (packed.size() > max_size) return {};
  Scalars scalars(packed.data(), fb::ModelTypeTable());
  for (uint32_t count = random->below(4); count > 0; --count) scalars.mutate(random);
  return packed;
}

}  // namespace
}  // namespace linnet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  linnet::fuzz::Random random(seed);
  if (random.one_in(8)) return LLVMFuzzerMutate(data, size, max_size);
  const linnet::test::Bytes result = linnet::fuzz::mutate({data, size}, max_size, &random);
  if (result.size() == 0) return LLVMFuzzerMutate(data, size, max_size);
  memcpy(data, result.data(), result.size());
  return result.size();
}
