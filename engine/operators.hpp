// What the engine knows about each operator of the schema's union: one OperatorEntry per ops/<operator>.cpp.
#pragma once

#include <cstdint>

#include "engine/model.hpp"
#include "kernels/contract.hpp"
#include "kernels/isa.hpp"

struct linnet_session;

namespace linnet::engine {

// What scratch sizes depend on.
struct Target {
  const kernels::IsaTraits& traits;
  int32_t pointer_bytes;  // 4 or 8
};

struct OperatorEntry {
  int32_t min_inputs, max_inputs;
  uint32_t in_place;  // bit i: the first output may be input i's memory, element for element

  // Checks parameters, shapes and types so that run() needs no check. Counts and indices of inputs and outputs have
  // been checked, as has that no output overlaps an input except as in_place allows, nor another
  // output.
  bool (*check)(const StepView& step, Error* error);

  // Scratch bytes of one concurrent task; null: none.
  int64_t (*scratch_bytes)(const StepView& step, const Target& target);

  void (*run)(const StepView& step, const linnet_session& session);

  int32_t max_outputs = 1;  // at least 1 always; check() knows how many where it may be more

  // Of operators that can be part of a cascade: run() computes any range of output lines, which takes the lines of
  // input 0 under this window, and of a residual the same lines. Null of all others.
  kernels::Window (*window)(const fb::Step& step) = nullptr;

  int32_t residual = 1;  // the input that is one, of operators that take one
};

// One constant per operator in this build, k<Operator>, defined in ops/<operator>.cpp.
#define LINNET_OPERATOR(Name) extern const OperatorEntry k##Name;
#include "schema/operators.inc"
#undef LINNET_OPERATOR

// Null where this build has no such operator.
const OperatorEntry* find_operator(fb::Operator type);

bool check_step(const ModelView& model, int32_t index, Error* error);

}  // namespace linnet::engine
