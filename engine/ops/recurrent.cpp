// The recurrence runs in blocks of time steps: the products of a block's inputs with the input weights are one matrix
// product into scratch memory; then, step after step, the product of the hidden state with the recurrent weights is
// added to the step's rows, which the cell kernel turns into the next state.
#include <cstring>

#include "engine/check.hpp"
#include "engine/int8_weights.hpp"
#include "engine/operators.hpp"
#include "engine/ops/dynamic_product.hpp"
#include "engine/ops/gemm_columns.hpp"
#include "engine/quantized.hpp"
#include "kernels/recurrent/plan.hpp"

namespace linnet::engine {
namespace {

using kernels::RecurrentKind;

constexpr int64_t kWorkPerUnit = 64;  // of a cell, in multiply-adds

RecurrentKind kind_of(const fb::Recurrent& layer) {
  return static_cast<RecurrentKind>(layer.kind());
}

// Columns of the gates' sums.
int32_t sums_of(const fb::Recurrent& layer) {
  return kernels::gate_count(kind_of(layer), layer.input_forget()) * layer.hidden();
}

int32_t steps_of(const fb::Recurrent& layer, const TensorInfo& x) {
  return x.shape[layer.x_batch_first() ? 1 : 0];
}

int32_t batch_of(const fb::Recurrent& layer, const TensorInfo& x) {
  return x.shape[layer.x_batch_first() ? 0 : 1];
}

const TensorInfo& initial_c(const StepView& step, const fb::Recurrent& layer) {
  return step.inputs[layer.initial_h() ? 2 : 1];
}

const TensorInfo& last_h(const StepView& step, const fb::Recurrent& layer) {
  return step.output_at(layer.sequence() ? 1 : 0);
}

const TensorInfo& last_c(const StepView& step) {
  return step.output_at(step.output_count - 1);
}

// Columns of the two sections of the recurrent weights; only a Gru has a second one.
int32_t first_section(const fb::Recurrent& layer) {
  return layer.kind() == fb::RecurrentKind::Gru ? 2 * layer.hidden() : sums_of(layer);
}
int32_t second_section(const fb::Recurrent& layer) {
  return sums_of(layer) - first_section(layer);
}

// Whether the products quantize their float rows; false in a build without that.
bool is_dynamic(const fb::Recurrent& layer) {
  return kHasDynamicInt8 && layer.weight_layout() == fb::WeightLayout::Panel16Dynamic8;
}

// ---- checks --------------------------------------------------------------------------------------------------------

bool check_counts(const StepView& step, const fb::Recurrent& layer, Error* error) {
  const bool is_lstm = layer.kind() == fb::RecurrentKind::Lstm;
  const int32_t inputs = 1 + (layer.initial_h() ? 1 : 0) + (layer.initial_c() ? 1 : 0);
  const int32_t outputs = (layer.sequence() ? 1 : 0) + (layer.last() ? 1 : 0) + (is_lstm ? 1 : 0);
  LINNET_REQUIRE(error, layer.sequence() || layer.last(), LINNET_ERROR_MODEL_CORRUPT, -1, 1, 0);
  LINNET_REQUIRE(error, is_lstm || !layer.initial_c(), LINNET_ERROR_MODEL_CORRUPT, -1, 0, 1);
  LINNET_REQUIRE(error, step.input_count == inputs, LINNET_ERROR_MODEL_CORRUPT, -1, inputs, step.input_count);
  LINNET_REQUIRE(error, step.output_count == outputs, LINNET_ERROR_MODEL_CORRUPT, -1, outputs, step.output_count);
  return true;
}

bool check_state(const TensorInfo& state, int32_t batch, int32_t hidden, Error* error) {
  LINNET_REQUIRE(error, state.rows == batch, LINNET_ERROR_SHAPE, state.index, batch, state.rows);
  LINNET_REQUIRE(error, state.columns == hidden, LINNET_ERROR_SHAPE, state.index, hidden, state.columns);
  return true;
}

bool check_sequence(const TensorInfo& y, int32_t outer, int32_t inner, int32_t hidden, Error* error) {
  LINNET_REQUIRE(error, y.dimensions == 3, LINNET_ERROR_SHAPE, y.index, 3, y.dimensions);
  LINNET_REQUIRE(error, y.shape[0] == outer, LINNET_ERROR_SHAPE, y.index, outer, y.shape[0]);
  LINNET_REQUIRE(error, y.shape[1] == inner, LINNET_ERROR_SHAPE, y.index, inner, y.shape[1]);
  LINNET_REQUIRE(error, y.columns == hidden, LINNET_ERROR_SHAPE, y.index, hidden, y.columns);
  return true;
}

bool check_tensors(const StepView& step, const fb::Recurrent& layer, Error* error) {
  const TensorInfo& x = step.inputs[0];
  LINNET_REQUIRE(error, x.dimensions == 3, LINNET_ERROR_SHAPE, x.index, 3, x.dimensions);
  const int32_t steps = steps_of(layer, x);
  const int32_t batch = batch_of(layer, x);
  const int32_t hidden = layer.hidden();
  for (int32_t i = 1; i < step.input_count; ++i) {
    if (!check_state(step.inputs[i], batch, hidden, error)) return false;
  }
  const bool batch_first = layer.y_batch_first();
  if (layer.sequence() &&
      !check_sequence(step.output, batch_first ? batch : steps, batch_first ? steps : batch, hidden, error)) {
    return false;
  }
  for (int32_t i = layer.sequence() ? 1 : 0; i < step.output_count; ++i) {
    if (!check_state(step.output_at(i), batch, hidden, error)) return false;
  }
  return true;
}

// Block `index` holds sections of [k, first] and, one behind the other, [k, second], or one alone.
bool check_block(const StepView& step, const fb::Recurrent& layer, uint32_t index, int32_t first, int32_t second,
                 int32_t k, Error* error) {
  if (!has_int8_weights(layer) && !is_dynamic(layer)) {
    return check_words(step, index, kernels::panel_floats(first, k) + kernels::panel_floats(second, k), error);
  }
  LINNET_REQUIRE(error, k <= INT32_MAX - kernels::kDot, LINNET_ERROR_SHAPE, -1, INT32_MAX, k);
  const auto section_bytes = is_dynamic(layer) ? kernels::panel_int8_bytes : kernels::panel_float32x8_bytes;
  const int64_t behind = section_bytes(first, k);
  const int64_t wanted = behind + section_bytes(second, k), bytes = step.model.block_bytes(index);
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  const uint8_t* const panel = step.model.block(index);
  if (is_dynamic(layer)) {
    return check_section(panel, first, k, fb::Rounding::Float, error) &&
           check_section(panel + behind, second, k, fb::Rounding::Float, error);
  }
  return check_scales(panel, first, k, error) && check_scales(panel + behind, second, k, error);
}

bool check_layout(fb::WeightLayout layout, Error* error) {
  if (layout == fb::WeightLayout::Panel16Float32x8) {
    return check_feature(kHasInt8Weights, StepFeature::Int8Weights, error);
  }
  if (layout == fb::WeightLayout::Panel16Dynamic8) {
    return check_feature(kHasDynamicInt8, StepFeature::DynamicInt8, error);
  }
  LINNET_REQUIRE(error, layout == fb::WeightLayout::Panel16, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::WeightLayout::Panel16), static_cast<int64_t>(layout));
  return kHasFloat32Weights || check_feature(false, StepFeature::Float32Weights, error);
}

bool check_weights(const StepView& step, const fb::Recurrent& layer, Error* error) {
  return check_layout(layer.weight_layout(), error) &&
         check_block(step, layer, layer.input_weights(), sums_of(layer), 0, step.inputs[0].columns, error) &&
         check_block(step, layer, layer.recurrent_weights(), first_section(layer), second_section(layer),
                     layer.hidden(), error);
}

bool check(const StepView& step, Error* error) {
  const fb::Recurrent& layer = *step.step.op_as_Recurrent();
  LINNET_REQUIRE(error, layer.kind() <= fb::RecurrentKind::MAX, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::RecurrentKind::MAX), static_cast<int64_t>(layer.kind()));
  LINNET_REQUIRE(error, layer.hidden() >= 1 && layer.hidden() <= INT32_MAX / 4, LINNET_ERROR_SHAPE, -1, INT32_MAX / 4,
                 layer.hidden());
  if (!check_counts(step, layer, error) || !check_float(step, error) || !check_tensors(step, layer, error)) {
    return false;
  }
  return check_weights(step, layer, error) &&
         (layer.peepholes() == 0 || check_words(step, layer.peepholes() - 1, int64_t{3} * layer.hidden(), error)) &&
         check_epsilon(layer.clip(), error) && check_activation(layer.gate(), error) &&
         check_activation(layer.cell(), error) && check_activation(layer.output(), error);
}

kernels::RecurrentPlan plan_of(const StepView& step, const fb::Recurrent& layer, const kernels::IsaTraits& traits) {
  const TensorInfo& x = step.inputs[0];
  return kernels::plan_recurrent(kind_of(layer), steps_of(layer, x), batch_of(layer, x), layer.hidden(), sums_of(layer),
                                 traits);
}

// Where the products quantize their rows, these lie behind the plan's floats in the first slot, and in each slot what
// the kernel takes behind them.
struct DynamicPlan {
  int64_t integers, kernel, scratch_bytes;  // bytes
};

DynamicPlan dynamic_plan_of(const StepView& step, const fb::Recurrent& layer, const kernels::RecurrentPlan& plan,
                            const Target& target) {
  const TensorInfo& x = step.inputs[0];
  const int64_t batch = batch_of(layer, x), inputs = integer_row_bytes(plan.block * batch, x.columns),
                state = integer_row_bytes(batch, layer.hidden());
  DynamicPlan result = {};
  result.integers = (plan.scratch_bytes + 63) / 64 * 64;
  result.kernel = result.integers + (inputs > state ? inputs : state);
  result.scratch_bytes =
      result.kernel + dynamic_kernel_bytes(x.columns > layer.hidden() ? x.columns : layer.hidden(), target);
  return result;
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::Recurrent& layer = *step.step.op_as_Recurrent();
  const kernels::RecurrentPlan plan = plan_of(step, layer, target.traits);
  return is_dynamic(layer) ? dynamic_plan_of(step, layer, plan, target).scratch_bytes : plan.scratch_bytes;
}

// ---- the recurrence ------------------------------------------------------------------------------------------------

// One row per batch entry.
struct Rows {
  float* data;
  ptrdiff_t stride;

  float* row(int32_t entry) const { return data + entry * stride; }
};

class Recurrence {
 public:
  Recurrence(const StepView& step, const linnet_session& session)
      : step_(step),
        session_(session),
        layer_(*step.step.op_as_Recurrent()),
        x_(step.inputs[0]),
        steps_(steps_of(layer_, x_)),
        batch_(batch_of(layer_, x_)),
        hidden_(layer_.hidden()),
        sums_(sums_of(layer_)),
        clip_(layer_.clip() > 0 ? layer_.clip() : __builtin_inff()),
        plan_(plan_of(step, layer_, kernels::traits(session.kernels->id))),
        gates_(static_cast<float*>(session.slot(0))) {}

  void run() {
    if (is_dynamic(layer_)) {
      dynamic_plan_ = dynamic_plan_of(step_, layer_, plan_, {kernels::traits(session_.kernels->id), sizeof(void*)});
      input_range_ = dynamic_range(session_, {session_.input<float>(x_), x_.row_stride, x_.rows, x_.columns});
    }
    const int32_t first = layer_.reverse() ? steps_ - 1 : 0;
    fill(state_at(first), layer_.initial_h() ? &step_.inputs[1] : nullptr);
    if (layer_.kind() == fb::RecurrentKind::Lstm) {
      fill(rows_of(last_c(step_)), layer_.initial_c() ? &initial_c(step_, layer_) : nullptr);
    }
    Rows before = state_at(first);
    for (int32_t done = 0; done < steps_; done += plan_.block) {
      const int32_t count = steps_ - done < plan_.block ? steps_ - done : plan_.block;
      const int32_t begin = layer_.reverse() ? steps_ - done - count : done;
      multiply_inputs(begin, count);
      for (int32_t i = 0; i < count; ++i) {
        const int32_t position = layer_.reverse() ? count - 1 - i : i;
        const Rows now = state_at(begin + position);
        advance(gates_ + static_cast<ptrdiff_t>(position) * batch_ * sums_, before, now);
        before = now;
      }
    }
    if (layer_.sequence() && layer_.last()) {
      for (int32_t b = 0; b < batch_; ++b) copy_row(before.row(b), rows_of(last_h(step_, layer_)).row(b));
    }
  }

 private:
  const StepView& step_;
  const linnet_session& session_;
  const fb::Recurrent& layer_;
  const TensorInfo& x_;
  int32_t steps_, batch_, hidden_, sums_;
  float clip_;
  kernels::RecurrentPlan plan_;
  float* gates_;
  DynamicPlan dynamic_plan_ = {};  // where the layer quantizes its rows
  DynamicRange input_range_ = {};

  Rows rows_of(const TensorInfo& state) const { return {session_.output<float>(state), state.row_stride}; }

  // Where the state of time step t goes: into the sequence, or always to the same place.
  Rows state_at(int32_t t) const {
    if (!layer_.sequence()) return rows_of(step_.output);
    const TensorInfo& y = step_.output;
    const ptrdiff_t entry = layer_.y_batch_first() ? static_cast<ptrdiff_t>(steps_) * y.row_stride : y.row_stride;
    const ptrdiff_t time = layer_.y_batch_first() ? y.row_stride : static_cast<ptrdiff_t>(batch_) * y.row_stride;
    return {session_.output<float>(y) + t * time, entry};
  }

  void copy_row(const float* from, float* to) const { memcpy(to, from, static_cast<size_t>(hidden_) * sizeof(float)); }

  void fill(const Rows& state, const TensorInfo* initial) const {
    for (int32_t b = 0; b < batch_; ++b) {
      if (initial != nullptr) {
        copy_row(session_.input<float>(*initial) + static_cast<ptrdiff_t>(b) * initial->row_stride, state.row(b));
      } else {
        memset(state.row(b), 0, static_cast<size_t>(hidden_) * sizeof(float));
      }
    }
  }

  // By the section of a block that lies behind one of so many columns. `range`: that of a's rows where it is known.
  void multiply_by(uint32_t block, int32_t behind, kernels::GemmArgs args, const DynamicRange* range = nullptr) const {
    if (is_dynamic(layer_)) {
      const FloatRows rows = {args.a, args.a_stride, args.m, args.k};
      multiply_dynamic(session_, {rows, range != nullptr ? *range : dynamic_range(session_, rows),
                                  static_cast<int8_t*>(session_.slot(0)) + dynamic_plan_.integers, dynamic_plan_.kernel,
                                  bytes_of(step_.model, block) + kernels::panel_int8_bytes(behind, args.k), args.n,
                                  args.c, args.c_stride, args.epilogue});
      return;
    }
    if (has_int8_weights(layer_)) {
      const int8_t* const section = bytes_of(step_.model, block) + kernels::panel_elements<int8_t>(behind, args.k);
      multiply_columns(session_, kernels::GemmFloat32x8Args{args.m, args.n, args.k, args.a, args.a_stride, section,
                                                            args.c, args.c_stride, args.epilogue});
      return;
    }
    if (kHasFloat32Weights) {
      args.packed = step_.model.floats(block) + kernels::panel_elements<float>(behind, args.k);
      multiply_columns(session_, args);
    }
  }

  // The sums of time steps begin .. begin + count, one row per time step and batch entry.
  void multiply_inputs(int32_t begin, int32_t count) const {
    kernels::GemmArgs args = {};
    args.n = sums_;
    args.k = x_.columns;
    args.a = session_.input<float>(x_);
    args.a_stride = x_.row_stride;
    args.c = gates_;
    args.c_stride = sums_;
    if (!layer_.x_batch_first()) {
      args.m = count * batch_;
      args.a += static_cast<ptrdiff_t>(begin) * batch_ * x_.row_stride;
      multiply_by(layer_.input_weights(), 0, args, &input_range_);
      return;
    }
    args.m = count;
    args.c_stride = static_cast<ptrdiff_t>(batch_) * sums_;
    const float* x = args.a + static_cast<ptrdiff_t>(begin) * x_.row_stride;
    for (int32_t b = 0; b < batch_; ++b) {
      args.a = x + static_cast<ptrdiff_t>(b) * steps_ * x_.row_stride;
      args.c = gates_ + static_cast<ptrdiff_t>(b) * sums_;
      multiply_by(layer_.input_weights(), 0, args, &input_range_);
    }
  }

  // c = a w, added to what c holds where `add`; w is n columns of the recurrent weights behind a section of `behind`.
  void multiply_state(const Rows& a, int32_t behind, int32_t n, const Rows& c, bool add) const {
    kernels::GemmArgs args = {};
    args.m = batch_;
    args.n = n;
    args.k = hidden_;
    args.a = a.data;
    args.a_stride = a.stride;
    args.c = c.data;
    args.c_stride = c.stride;
    if (add) {
      args.epilogue.residual = c.data;
      args.epilogue.residual_stride = c.stride;
    }
    if (layer_.kind() == fb::RecurrentKind::Rnn && layer_.clip() > 0) {
      args.epilogue.activation = {kernels::Function::Clip, -clip_, clip_};
    }
    multiply_by(layer_.recurrent_weights(), behind, args);
  }

  void advance(float* gates, const Rows& before, const Rows& now) const {
    const Rows sums = {gates, sums_};
    if (layer_.kind() == fb::RecurrentKind::Gru) {
      advance_gru(sums, before, now);
      return;
    }
    multiply_state(before, 0, sums_, sums, true);
    layer_.kind() == fb::RecurrentKind::Lstm ? lstm_cells(sums, now) : activate(sums, now);
  }

  // Calls body(first row, rows) for parts of the batch.
  template <class Body>
  void for_rows(const Body& body) const {
    parallel(session_, batch_, hidden_ * kWorkPerUnit,
             [&](int32_t begin, int32_t end, int32_t) { body(begin, end - begin); });
  }

  void activate(const Rows& sums, const Rows& now) const {
    for_rows([&](int32_t first, int32_t rows) {
      session_.kernels->unary_f32(
          {rows, hidden_, sums.row(first), sums.stride, now.row(first), now.stride, activation_of(layer_.gate())});
    });
  }

  void lstm_cells(const Rows& sums, const Rows& now) const {
    const Rows c = rows_of(last_c(step_));
    const float* peepholes = layer_.peepholes() == 0 ? nullptr : step_.model.floats(layer_.peepholes() - 1);
    for_rows([&](int32_t first, int32_t rows) {
      session_.kernels->lstm_cell_f32({rows, hidden_, layer_.input_forget(), clip_, activation_of(layer_.gate()),
                                       activation_of(layer_.cell()), activation_of(layer_.output()), sums.row(first),
                                       sums.stride, peepholes, c.row(first), c.stride, now.row(first), now.stride});
    });
  }

  void advance_gru(const Rows& sums, const Rows& before, const Rows& now) const {
    const int32_t gates = first_section(layer_);
    const Rows candidate = {gates_ + plan_.candidate, hidden_};
    const bool after = layer_.linear_before_reset();
    multiply_state(before, 0, gates, sums, true);
    if (after) {
      multiply_state(before, gates, hidden_, candidate, false);
    } else {
      reset(sums, before, candidate);
      multiply_state(candidate, gates, hidden_, {sums.data + gates, sums.stride}, true);
    }
    for_rows([&](int32_t first, int32_t rows) {
      session_.kernels->gru_cell_f32({rows, hidden_, clip_, activation_of(layer_.gate()), activation_of(layer_.cell()),
                                      sums.row(first), sums.stride, after ? candidate.row(first) : nullptr,
                                      candidate.stride, before.row(first), before.stride, now.row(first), now.stride});
    });
  }

  void reset(const Rows& sums, const Rows& before, const Rows& candidate) const {
    for_rows([&](int32_t first, int32_t rows) {
      session_.kernels->gru_reset_f32({rows, hidden_, clip_, activation_of(layer_.gate()), sums.row(first) + hidden_,
                                       sums.stride, before.row(first), before.stride, candidate.row(first),
                                       candidate.stride});
    });
  }
};

void run(const StepView& step, const linnet_session& session) {
  Recurrence(step, session).run();
}

}  // namespace

const OperatorEntry kRecurrent = {1, 3, 0, check, scratch_bytes, run, 3};

}  // namespace linnet::engine
