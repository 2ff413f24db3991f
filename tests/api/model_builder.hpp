// Builds small model files for tests, step by step, with weights packed as the converter packs them.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/linnet.h"
#include "kernels/pack.hpp"
#include "kernels/pack_int8.hpp"
#include "schema/model_generated.h"

namespace linnet::test {

// Bytes in a 64-byte aligned block of exactly their size, so that a sanitizer sees the first byte beyond it.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(size_t size) : size_(size) {
    void* block = nullptr;
    if (posix_memalign(&block, LINNET_ALIGNMENT, size == 0 ? 1 : size) != 0) abort();
    data_.reset(static_cast<uint8_t*>(block));
    memset(block, 0, size);
  }
  Bytes(const uint8_t* data, size_t size) : Bytes(size) { memcpy(this->data(), data, size); }

  uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }
  Bytes copy(size_t size) const { return {data(), size}; }

 private:
  struct Free {
    void operator()(uint8_t* block) const { free(block); }
  };
  std::unique_ptr<uint8_t, Free> data_;
  size_t size_ = 0;
};

using Shape = std::vector<int32_t>;

inline std::vector<float> random_floats(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(engine);
  return values;
}

class ModelBuilder {
 public:
  // With `gap` > 0 every tensor made by slice() is a slice of a larger one, with `gap` elements between its rows.
  explicit ModelBuilder(int32_t gap = 0) : gap_(gap) {}

  flatbuffers::FlatBufferBuilder& fbb() { return fbb_; }

  uint32_t tensor(const Shape& shape, fb::DataType type = fb::DataType::Float32, int32_t row_stride = 0) {
    int64_t rows = 1;
    for (size_t d = 0; d + 1 < shape.size(); ++d) rows *= shape[d];
    const int64_t columns = shape.empty() ? 1 : shape.back();
    const int64_t bytes = (rows * (row_stride == 0 ? columns : row_stride)) * bytes_of(type);
    const uint32_t offset = tensor_bytes_;
    tensor_bytes_ += static_cast<uint32_t>((bytes + 63) / 64 * 64);
    return tensor_at(shape, offset, type, row_stride);
  }

  uint32_t tensor_at(const Shape& shape, uint32_t offset, fb::DataType type = fb::DataType::Float32,
                     int32_t row_stride = 0, uint32_t buffer = 0) {
    const auto sizes = fbb_.CreateVector(shape);
    const auto name = fbb_.CreateString("tensor" + std::to_string(tensors_.size()));
    const bool quantized = bytes_of(type) < 4 && type != fb::DataType::Bool;
    tensors_.push_back(fb::CreateTensor(fbb_, type, sizes, buffer, offset, row_stride, 0, name, 0,
                                        quantized ? scale_ : 0, quantized ? zero_point_ : 0));
    return static_cast<uint32_t>(tensors_.size() - 1);
  }

  // Of all tensors of integers of 8 and 16 bits that are made from now on.
  void quantize(float scale, int32_t zero_point) {
    scale_ = scale;
    zero_point_ = zero_point;
    version_ = 3;
  }

  // A tensor of which `lines` lines are in memory at a time.
  uint32_t rolling(const Shape& shape, int32_t lines, fb::DataType type = fb::DataType::Float32) {
    const uint32_t offset = tensor_bytes_;
    int64_t line_bytes = bytes_of(type);
    for (size_t d = 2; d < shape.size(); ++d) line_bytes *= shape[d];
    tensor_bytes_ += static_cast<uint32_t>((lines * line_bytes + 63) / 64 * 64);
    const auto sizes = fbb_.CreateVector(shape);
    const bool quantized = type == fb::DataType::Int8;
    tensors_.push_back(fb::CreateTensor(fbb_, type, sizes, 0, offset, 0, 0, 0, lines, quantized ? scale_ : 0,
                                        quantized ? zero_point_ : 0));
    return static_cast<uint32_t>(tensors_.size() - 1);
  }
  void cascade(uint32_t first_step, uint32_t steps, int32_t stripe_lines) {
    cascades_.push_back(fb::CreateCascade(fbb_, first_step, steps, stripe_lines));
    if (version_ < 2) version_ = 2;
  }

  // The tensors of all states are made before any other tensor.
  uint32_t state_tensor(const Shape& shape, fb::DataType type = fb::DataType::Float32) {
    const uint32_t made = tensor(shape, type);
    state_bytes_ = tensor_bytes_;
    return made;
  }
  // With `initial`, 1 + the index of a buffer.
  void state(uint32_t tensor, uint32_t next, uint32_t initial = 0) {
    states_.push_back(fb::CreateState(fbb_, tensor, next, initial));
    version_ = 3;
  }
  void state_bytes(uint32_t bytes) { state_bytes_ = bytes; }

  uint32_t slice(const Shape& shape, fb::DataType type = fb::DataType::Float32) {
    return tensor(shape, type, gap_ == 0 ? 0 : row_stride(shape));
  }
  int32_t row_stride(const Shape& shape) const { return (shape.empty() ? 1 : shape.back()) + gap_; }

  uint32_t constant(const Shape& shape, const std::vector<float>& values) {
    return tensor_at(shape, 0, fb::DataType::Float32, 0, 1 + buffer(values));
  }

  template <class T>
  uint32_t buffer(const std::vector<T>& values) {
    return raw_buffer(values.data(), values.size() * sizeof(T), values.size() * sizeof(T) + 64);
  }
  // A block of `size` bytes of which `used` are given and the others zero.
  uint32_t raw_buffer(const void* values, size_t used, size_t size) {
    std::vector<uint8_t> bytes(size);
    memcpy(bytes.data(), values, used < size ? used : size);
    fbb_.ForceVectorAlignment(bytes.size(), 1, 64);
    const auto data = fbb_.CreateVector(bytes);
    buffers_.push_back(fb::CreateBuffer(fbb_, data));
    return static_cast<uint32_t>(buffers_.size() - 1);
  }

  uint32_t input(const Shape& shape, fb::DataType type = fb::DataType::Float32) {
    inputs_.push_back(tensor(shape, type));
    return inputs_.back();
  }
  uint32_t output(const Shape& shape, fb::DataType type = fb::DataType::Float32) {
    outputs_.push_back(tensor(shape, type));
    return outputs_.back();
  }
  void mark_input(uint32_t tensor) { inputs_.push_back(tensor); }
  void mark_output(uint32_t tensor) { outputs_.push_back(tensor); }

  template <class Table>
  void step(flatbuffers::Offset<Table> table, const std::vector<uint32_t>& inputs, const std::vector<uint32_t>& outputs,
            uint64_t macs = 0) {
    raw_step(fb::OperatorTraits<Table>::enum_value, table.Union(), inputs, outputs, macs);
  }
  void raw_step(fb::Operator type, flatbuffers::Offset<void> table, const std::vector<uint32_t>& inputs,
                const std::vector<uint32_t>& outputs, uint64_t macs = 0) {
    const auto in = fbb_.CreateVector(inputs);
    const auto out = fbb_.CreateVector(outputs);
    const auto name = fbb_.CreateString("step" + std::to_string(steps_.size()));
    const auto sources = fbb_.CreateVectorOfStrings({"node" + std::to_string(steps_.size())});
    steps_.push_back(fb::CreateStep(fbb_, type, table, in, out, name, sources, macs));
  }

  // Copies all elements of a tensor of this shape between the two row strides.
  void copy(uint32_t from, int32_t from_stride, uint32_t to, int32_t to_stride, const Shape& shape) {
    int32_t rows = 1;
    for (size_t d = 0; d + 1 < shape.size(); ++d) rows *= shape[d];
    const std::vector<int32_t> sizes = {rows, shape.back()};
    const std::vector<int32_t> in = {from_stride, 1};
    const std::vector<int32_t> out = {to_stride, 1};
    step(fb::CreateCopyDirect(fbb_, &sizes, &in, 0, &out, 0), {from}, {to});
  }
  // An input of the model, copied into a slice where the builder has gaps.
  uint32_t sliced_input(const Shape& shape, fb::DataType type = fb::DataType::Float32) {
    const uint32_t dense = input(shape, type);
    if (gap_ == 0) return dense;
    const uint32_t sliced = slice(shape, type);
    copy(dense, shape.back(), sliced, row_stride(shape), shape);
    return sliced;
  }
  // Copies a slice() of this shape to an output of the model.
  void output_of(uint32_t sliced, const Shape& shape, fb::DataType type = fb::DataType::Float32) {
    if (gap_ == 0) {
      mark_output(sliced);
    } else {
      copy(sliced, row_stride(shape), output(shape, type), shape.back(), shape);
    }
  }

  uint32_t gemm_weights(int32_t k, int32_t n, uint32_t seed) { return buffer(packed_gemm(k, n, seed)); }
  static std::vector<float> packed_gemm(int32_t k, int32_t n, uint32_t seed) {
    const std::vector<float> w = random_floats(static_cast<size_t>(k) * n, seed);
    const std::vector<float> bias = random_floats(n, seed + 1);
    std::vector<float> packed(kernels::panel_floats(n, k));
    kernels::pack_gemm(w.data(), n, 1, bias.data(), n, k, packed.data());
    return packed;
  }
  uint32_t conv_weights(int32_t groups, int32_t in, int32_t out, int32_t kernel, uint32_t seed) {
    std::vector<float> data, bias;
    const kernels::ConvWeights weights = random_weights(groups, in, out, kernel, seed, &data, &bias);
    std::vector<float> packed(kernels::conv2d_packed_floats(weights));
    kernels::pack_conv2d(weights, packed.data());
    return buffer(packed);
  }
  uint32_t winograd_weights(int32_t in, int32_t out, int32_t tile, uint32_t seed) {
    std::vector<float> data, bias;
    const kernels::ConvWeights weights = random_weights(1, in, out, 3, seed, &data, &bias);
    const int32_t rows = kernels::winograd2d_rows(tile, in);
    std::vector<float> matrix(static_cast<size_t>(rows) * out), packed(kernels::panel_floats(out, rows));
    kernels::winograd2d_matrix(weights, tile, matrix.data());
    kernels::pack_gemm(matrix.data(), out, 1, bias.data(), out, rows, packed.data());
    return buffer(packed);
  }
  uint32_t depthwise_weights(int32_t channels, int32_t kernel, uint32_t seed) {
    std::vector<float> data, bias;
    const kernels::ConvWeights weights = random_weights(channels, 1, 1, kernel, seed, &data, &bias);
    std::vector<float> packed(kernels::depthwise_packed_floats(weights));
    kernels::pack_depthwise(weights, packed.data());
    return buffer(packed);
  }
  uint32_t conv_transpose_weights(int32_t groups, int32_t in, int32_t out, int32_t kernel, int32_t stride,
                                  uint32_t seed) {
    std::vector<float> data, bias;
    const kernels::ConvWeights weights = random_weights(groups, in, out, kernel, seed, &data, &bias);
    const kernels::Window window = {kernel, kernel, stride, stride, 1, 1, 0, 0};
    std::vector<float> packed(kernels::conv_transpose2d_packed_floats(weights, window));
    kernels::pack_conv_transpose2d(weights, window, packed.data());
    return buffer(packed);
  }

  // int8 weights, of depthwise convolutions where in and out are 0, of transposed ones where there is a stride;
  // accumulators come to a few tens.
  uint32_t int8_weights(int32_t groups, int32_t in, int32_t out, int32_t kernel, int32_t zero_point,
                        fb::Rounding rounding, uint32_t seed, int32_t stride = 0) {
    const bool depthwise = in == 0;
    const int32_t taps = kernel * kernel, inputs = depthwise ? 1 : in, outputs = depthwise ? 1 : out;
    std::mt19937 engine(seed);
    std::vector<int8_t> data(static_cast<size_t>(groups) * outputs * inputs * taps);
    for (int8_t& value : data) value = static_cast<int8_t>(engine());
    std::vector<int32_t> bias(static_cast<size_t>(groups) * outputs);
    std::vector<kernels::Factor> factors(bias.size());
    for (size_t i = 0; i < bias.size(); ++i) {
      bias[i] = static_cast<int32_t>(engine() % 20001) - 10000;
      factors[i] = int8_factor(rounding, 1.0f / static_cast<float>(200 + engine() % 200));
    }
    const kernels::ConvInt8Weights weights = {data.data(),
                                              static_cast<ptrdiff_t>(inputs) * taps,
                                              taps,
                                              kernel,
                                              1,
                                              bias.data(),
                                              factors.data(),
                                              zero_point,
                                              groups,
                                              inputs,
                                              outputs,
                                              kernel,
                                              kernel};
    if (stride > 0) {
      const kernels::Window window = {kernel, kernel, stride, stride, 1, 1, 0, 0};
      std::vector<int8_t> packed(kernels::conv_transpose2d_int8_packed_bytes(weights, window));
      kernels::pack_conv_transpose2d_int8(weights, window, packed.data());
      return buffer(packed);
    }
    std::vector<int8_t> packed(depthwise ? kernels::depthwise_int8_packed_bytes(weights)
                                         : kernels::conv2d_int8_packed_bytes(weights));
    (depthwise ? kernels::pack_depthwise_int8 : kernels::pack_conv2d_int8)(weights, packed.data());
    return buffer(packed);
  }
  // `value` in 0..1 by either rule.
  static kernels::Factor int8_factor(fb::Rounding rounding, float value) {
    kernels::Factor factor = {};
    if (rounding == fb::Rounding::Float) {
      memcpy(&factor.multiplier, &value, sizeof(value));
    } else {
      const double mantissa = frexp(value, &factor.shift);
      factor.multiplier = static_cast<int32_t>(mantissa * 2147483648.0);
    }
    return factor;
  }
  static fb::Factor factor(fb::Rounding rounding, float value) {
    const kernels::Factor f = int8_factor(rounding, value);
    return {f.multiplier, f.shift};
  }

  void set_version(uint32_t version) { version_ = version; }
  void set_tensor_bytes(uint32_t bytes) { tensor_bytes_ = bytes; }
  uint32_t tensor_bytes() const { return tensor_bytes_; }

  Bytes finish() {
    const auto tensors = fbb_.CreateVector(tensors_);
    const auto inputs = fbb_.CreateVector(inputs_);
    const auto outputs = fbb_.CreateVector(outputs_);
    const auto steps = fbb_.CreateVector(steps_);
    const auto buffers = fbb_.CreateVector(buffers_);
    const auto cascades = fbb_.CreateVector(cascades_);
    const auto states = fbb_.CreateVector(states_);
    const auto name = fbb_.CreateString("test");
    const auto report = fb::CreateReportDirect(fbb_, "test", "", "test.onnx");
    fb::FinishModelBuffer(fbb_, fb::CreateModel(fbb_, version_, name, tensors, inputs, outputs, steps, buffers,
                                                tensor_bytes_, report, cascades, states, state_bytes_));
    return {fbb_.GetBufferPointer(), fbb_.GetSize()};
  }

 private:
  static int64_t bytes_of(fb::DataType type) {
    return type == fb::DataType::Float32 || type == fb::DataType::Int32 ? 4 : type == fb::DataType::Int16 ? 2 : 1;
  }
  static kernels::ConvWeights random_weights(int32_t groups, int32_t in, int32_t out, int32_t kernel, uint32_t seed,
                                             std::vector<float>* data, std::vector<float>* bias) {
    const int32_t taps = kernel * kernel;
    *data = random_floats(static_cast<size_t>(groups) * out * in * taps, seed);
    *bias = random_floats(static_cast<size_t>(groups) * out, seed + 1);
    return {data->data(), static_cast<ptrdiff_t>(in) * taps, taps, kernel, 1, bias->data(), groups, in, out, kernel,
            kernel};
  }

  flatbuffers::FlatBufferBuilder fbb_;
  int32_t gap_;
  uint32_t version_ = 1;
  float scale_ = 0;
  int32_t zero_point_ = 0;
  uint32_t tensor_bytes_ = 0, state_bytes_ = 0;
  std::vector<flatbuffers::Offset<fb::Tensor>> tensors_;
  std::vector<uint32_t> inputs_, outputs_;
  std::vector<flatbuffers::Offset<fb::Step>> steps_;
  std::vector<flatbuffers::Offset<fb::Buffer>> buffers_;
  std::vector<flatbuffers::Offset<fb::Cascade>> cascades_;
  std::vector<flatbuffers::Offset<fb::State>> states_;
};

}  // namespace linnet::test
