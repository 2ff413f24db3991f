// Micro-benchmarks: every kernel family on every instruction set of this machine, on shapes of well-known networks,
// with the fraction of the ceiling that it reaches. The ceiling is measured beside each benchmark, and everything by
// the processor time of the thread:
//   multiply-adds   `GFLOP/s` (two per multiply-add) and `peak`, the fraction of what registers alone reach
//   bytes           `GB/s` of the tensors read and written, each counted once, and `bandwidth`, the fraction of what
//                   reading a block of as many bytes over and over reaches (in the cache level where they all fit;
//                   it may exceed 1, as writes run beside reads)
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/kernels.hpp"
#include "targets/desktop/lib/peak.hpp"

namespace linnet::bench {

using kernels::KernelTable;

void measure_multiply_adds(benchmark::State& state, const KernelTable& kernels, double multiply_adds,
                           const std::function<void()>& run, tools::PeakType type = tools::PeakType::float32);
void measure_bytes(benchmark::State& state, const KernelTable& kernels, double bytes, const std::function<void()>& run);

// "56x56x64"
std::string shape_name(const std::vector<int>& shape);

struct Rows {
  int rows, columns;
  std::string name() const { return shape_name({rows, columns}); }
  size_t size() const { return static_cast<size_t>(rows) * columns; }
  double bytes() const { return 4.0 * static_cast<double>(size()); }  // of floats
};

struct PoolCase {
  kernels::PoolKind kind;
  int in, channels, kernel, stride, pad;
  std::string name() const {
    return (kind == kernels::PoolKind::Max ? "max_" : "average_") + shape_name({in, in, channels}) + "_k" +
           std::to_string(kernel) + "_s" + std::to_string(stride);
  }
  int out() const { return (in + 2 * pad - kernel) / stride + 1; }
};

// Registers `benchmark(state, kernels, shape)` for every shape, as "FAMILY/SHAPE/ISA".
template <class Shape, class Benchmark>
void add_benchmarks(const KernelTable& kernels, const std::string& family, const std::vector<Shape>& shapes,
                    Benchmark benchmark) {
  for (const Shape& shape : shapes) {
    const std::string name = family + "/" + shape.name() + "/" + kernels::traits(kernels.id).name;
    ::benchmark::RegisterBenchmark(
        name.c_str(), [&kernels, shape, benchmark](::benchmark::State& state) { benchmark(state, kernels, shape); });
  }
}

// One per file of benchmarks.
void add_products(const KernelTable& kernels);      // gemm, linear, gemm_transposed, matmul
void add_convolutions(const KernelTable& kernels);  // conv2d, winograd2d, depthwise, conv_transpose2d
void add_int8(const KernelTable& kernels);          // conv2d_s8, depthwise_s8
void add_quantized(const KernelTable& kernels);     // matmul_s8, binary_s8, lookup_s8, quantize, softmax_s8, pool2d_s8
void add_elementwise(const KernelTable& kernels);   // binary, unary, scale_shift, softmax
void add_norms(const KernelTable& kernels);         // row_norm, group_norm, moments
void add_recurrent(const KernelTable& kernels);     // lstm_cell, gru_cell, gru_reset
void add_movement(const KernelTable& kernels);      // copy, gather, resample
void add_reductions(const KernelTable& kernels);    // pool2d, reduce, argmax

}  // namespace linnet::bench
