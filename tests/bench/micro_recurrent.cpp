// The element-wise halves of the time steps of recurrent layers; their products are gemm's.
#include "tests/bench/micro.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

struct Cell {
  int rows, hidden;
  std::string name() const { return shape_name({rows, hidden}); }
};

constexpr Activation kSigmoid{Function::Sigmoid}, kTanh{Function::Tanh};

// Arrays of rows of `hidden`, four of which are the gates.
struct CellMemory {
  explicit CellMemory(const Cell& cell) : rows(static_cast<size_t>(cell.rows) * cell.hidden), floats(8 * rows) {}
  float* array(size_t index) { return floats.data() + index * rows; }
  size_t rows;
  AlignedFloats floats;
};

void lstm(benchmark::State& state, const KernelTable& kernels, const Cell& cell) {
  CellMemory memory(cell);
  LstmCellArgs args{};
  args.rows = cell.rows;
  args.hidden = cell.hidden;
  args.clip = __builtin_inff();
  args.gate = kSigmoid;
  args.cell = args.output = kTanh;
  args.gates = memory.array(0);
  args.gates_stride = 4 * static_cast<ptrdiff_t>(cell.hidden);
  args.c = memory.array(4);
  args.h = memory.array(5);
  args.c_stride = args.h_stride = cell.hidden;
  measure_bytes(state, kernels, 4.0 * 7 * static_cast<double>(memory.rows), [&] { kernels.lstm_cell_f32(args); });
}

void gru(benchmark::State& state, const KernelTable& kernels, const Cell& cell) {
  CellMemory memory(cell);
  GruCellArgs args{};
  args.rows = cell.rows;
  args.hidden = cell.hidden;
  args.clip = __builtin_inff();
  args.gate = kSigmoid;
  args.cell = kTanh;
  args.gates = memory.array(0);
  args.gates_stride = 3 * static_cast<ptrdiff_t>(cell.hidden);
  args.recurrent = memory.array(3);
  args.before = args.h = memory.array(4);
  args.recurrent_stride = args.before_stride = args.h_stride = cell.hidden;
  measure_bytes(state, kernels, 4.0 * 6 * static_cast<double>(memory.rows), [&] { kernels.gru_cell_f32(args); });
}

void gru_reset(benchmark::State& state, const KernelTable& kernels, const Cell& cell) {
  CellMemory memory(cell);
  const GruResetArgs args{cell.rows,   cell.hidden,     __builtin_inff(), kSigmoid,        memory.array(0),
                          cell.hidden, memory.array(1), cell.hidden,      memory.array(2), cell.hidden};
  measure_bytes(state, kernels, 4.0 * 3 * static_cast<double>(memory.rows), [&] { kernels.gru_reset_f32(args); });
}

}  // namespace

void add_recurrent(const KernelTable& kernels) {
  const std::vector<Cell> cells = {{1, 128}, {1, 512}, {16, 256}};
  add_benchmarks(kernels, "lstm_cell", cells, lstm);
  add_benchmarks(kernels, "gru_cell", cells, gru);
  add_benchmarks(kernels, "gru_reset", cells, gru_reset);
}

}  // namespace linnet::bench
