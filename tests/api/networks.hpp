// Models that several API tests use: a small network, and one model per operator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/api/model_builder.hpp"

namespace linnet::test {

// Convolution, depthwise convolution with a residual, pooling, a linear layer and softmax; input [1, size, size, 4],
// output [1, 10].
Bytes small_network(int32_t size = 8);

// A ring buffer: input [fresh, columns], output [kept + fresh, columns], the rows kept by the run before with the input
// behind them or, newest_first, before them. What is kept are the last rows or the first ones; at first they are
// `initial`, or zeros.
struct Ring {
  int32_t kept, fresh, columns;
  bool newest_first = false;
};
Bytes ring_buffer(const Ring& ring, const std::vector<float>& initial = {});

// Every operator of the union at least once, each with a name, in both dense and sliced form (gap between rows).
struct OperatorModel {
  std::string name;
  void (*build)(ModelBuilder& builder);
};
const std::vector<OperatorModel>& operator_models();
// Those of float arithmetic with int8 weights.
std::vector<OperatorModel> int8_weight_operator_models();
// Those with sparse weights, and such weights: about a third of the blocks of so many outputs.
std::vector<OperatorModel> sparse_operator_models();
uint32_t sparse_weights(ModelBuilder& builder, int32_t kernel, int32_t in, int32_t out, int32_t block, uint32_t seed);

// Those whose weights are codes of 4 or 2 bits.
std::vector<OperatorModel> coded_operator_models();
// Those of integer arithmetic, which operator_models() ends with; their outputs are the same on every instruction set.
std::vector<OperatorModel> int8_operator_models();
std::vector<OperatorModel> int16_operator_models();
// As ModelBuilder::int8_weights(), of layers of int16: with the factors of convolutions or those of linear layers;
// transposed_stride: in the phases of a transposed convolution.
enum class Int16Factors { sums, real };
uint32_t int16_weights(ModelBuilder& builder, int32_t groups, int32_t in, int32_t out, int32_t kernel,
                       Int16Factors kind, uint32_t seed, int32_t transposed_stride = 0);
Bytes operator_model(const OperatorModel& model, int32_t gap);

// One operator from [x] to [y], of kType, both sliced where the builder has gaps.
template <fb::DataType kType = fb::DataType::Float32, class Table>
void from_to(ModelBuilder& b, flatbuffers::Offset<Table> table, uint32_t x, const Shape& y_shape) {
  const uint32_t y = b.slice(y_shape, kType);
  b.step(table, {x}, {y});
  b.output_of(y, y_shape, kType);
}

// A session with its arena.
struct Instance {
  Bytes arena;
  linnet_session* session = nullptr;
};
linnet_model_info model_info(const Bytes& model, const linnet_options* options = nullptr);
Instance make_instance(const Bytes& model, const linnet_options* options = nullptr);

// Fills every input with reproducible values, runs, and returns the bytes of all outputs.
std::vector<uint8_t> run(const Instance& instance);

// A linnet_parallel_for with a thread for every index.
void thread_parallel_for(void* context, linnet_task task, void* argument, int count);

// Whole and in a cascade with rolling buffers, on every instruction set and on one to three threads, a model gives the
// bytes that the plain kernels give it.
void expect_the_same_bytes_in_cascades(const Bytes& whole, const Bytes& rolling);

}  // namespace linnet::test
