// The gates of a recurrent layer and how its step divides scratch memory: the gates' sums of a block of time steps,
// then, of a GRU, one row of hidden units per batch entry.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

// Rows of the weight matrices, in units of the hidden size. `coupled`: an LSTM without a forget gate of its own.
LINNET_INLINE constexpr int32_t gate_count(RecurrentKind kind, bool coupled) {
  return kind == RecurrentKind::Rnn ? 1 : kind == RecurrentKind::Gru || coupled ? 3 : 4;
}

struct RecurrentPlan {
  int32_t block;      // time steps whose products with the input weights are taken at once
  int64_t candidate;  // floats from the start
  int64_t scratch_bytes;
};

// `sums`: gate_count() x hidden. The input weights are read once per block: its rows fill the register tile twice.
LINNET_INLINE constexpr RecurrentPlan plan_recurrent(RecurrentKind kind, int32_t steps, int32_t batch, int32_t hidden,
                                                     int32_t sums, const IsaTraits& traits) {
  const int32_t rows = 2 * traits.tile_rows;
  const int32_t wanted = batch < rows ? rows / batch : 1;
  RecurrentPlan plan{};
  plan.block = wanted < steps ? wanted : steps;
  plan.candidate = (int64_t{plan.block} * batch * sums + 15) / 16 * 16;
  const int64_t candidate = kind == RecurrentKind::Gru ? int64_t{batch} * hidden : 0;
  plan.scratch_bytes = (plan.candidate + candidate) * 4;
  return plan;
}

}  // namespace linnet::kernels
