#include "engine/cascade.hpp"

#include <cstring>

#include "engine/check.hpp"
#include "engine/operators.hpp"

namespace linnet::engine {
namespace {

int32_t clamped(int32_t value, int32_t limit) {
  return value < 0 ? 0 : value > limit ? limit : value;
}

// Lines of input 0 that the first `lines` output lines take.
int32_t lines_taken(const CascadeStep& step, int32_t lines) {
  return lines == 0 ? 0 : clamped((lines - 1) * step.stride - step.pad + step.reach, step.in_lines);
}

// The step of the cascade that computes a tensor, of those before `end`; -1: none.
int32_t source_of(const ModelView& model, const fb::Cascade& table, int32_t end, int32_t tensor) {
  for (int32_t s = end - 1; s >= 0; --s) {
    const fb::Step& step = model.step(static_cast<int32_t>(table.first_step()) + s);
    if (static_cast<int32_t>(step.outputs()->Get(0)) == tensor) return s;
  }
  return -1;
}

void load_step(const StepView& view, const fb::Cascade& table, Cascade* cascade) {
  const int32_t s = cascade->count++;
  const OperatorEntry& entry = *find_operator(view.step.op_type());
  const kernels::Window window = entry.window(view.step);
  CascadeStep& step = cascade->steps[s];
  step.out_lines = view.output.shape[1];
  step.in_lines = view.inputs[0].shape[1];
  step.stride = window.stride_h;
  step.pad = window.pad_top;
  step.reach = (window.kernel_h - 1) * window.dilation_h + 1;
  step.source = source_of(view.model, table, s, view.inputs[0].index);
  step.residual =
      view.input_count > entry.residual ? source_of(view.model, table, s, view.inputs[entry.residual].index) : -1;
  step.rolling = view.output.rolling_lines > 0;
}

// Images of at most kMaxCascadeLines lines, one of them, all rolling inputs computed before.
bool check_tensors(const StepView& view, const CascadeStep& step, Error* error) {
  const int32_t residual = find_operator(view.step.op_type())->residual;
  for (int32_t i = 0; i <= view.input_count; ++i) {
    const TensorInfo& tensor = i < view.input_count ? view.inputs[i] : view.output;
    LINNET_REQUIRE(error, tensor.shape[0] == 1, LINNET_ERROR_SHAPE, tensor.index, 1, tensor.shape[0]);
    LINNET_REQUIRE(error, tensor.shape[1] <= kMaxCascadeLines, LINNET_ERROR_SHAPE, tensor.index, kMaxCascadeLines,
                   tensor.shape[1]);
    if (tensor.rolling_lines == 0) continue;
    LINNET_REQUIRE(error, tensor.dense(), LINNET_ERROR_SHAPE, tensor.index, tensor.columns, tensor.row_stride);
    const bool computed =
        i == view.input_count || (i == 0 && step.source >= 0) || (i == residual && step.residual >= 0);
    LINNET_REQUIRE(error, computed, LINNET_ERROR_RANGE, tensor.index, 0, tensor.rolling_lines);
  }
  return true;
}

// Steps that can be part of a cascade, of which the last one's output is whole.
bool load_cascade(const ModelView& model, const fb::Cascade& table, Cascade* cascade, Error* error) {
  const int32_t first = static_cast<int32_t>(table.first_step()), count = static_cast<int32_t>(table.steps());
  for (int32_t s = 0; s < count; ++s) {
    error->step = first + s;
    const fb::Step& step = model.step(first + s);
    LINNET_REQUIRE(error, find_operator(step.op_type())->window != nullptr, LINNET_ERROR_OPERATOR, -1, 0,
                   static_cast<int64_t>(step.op_type()));
    const StepView view = view_step(model, first + s);
    LINNET_REQUIRE(error, view.output_count == 1, LINNET_ERROR_SHAPE, -1, 1, view.output_count);
    load_step(view, table, cascade);
    if (!check_tensors(view, cascade->steps[s], error)) return false;
  }
  LINNET_REQUIRE(error, !cascade->steps[count - 1].rolling, LINNET_ERROR_RANGE, -1, 0, 1);
  return true;
}

// Every rolling buffer holds at all times what is still needed and what is computed next.
bool check_buffers(const ModelView& model, const fb::Cascade& table, Cascade* cascade, Error* error) {
  int32_t most[kMaxCascadeSteps] = {}, needed[kMaxCascadeSteps];
  while (cascade->next_stripe(table.stripe_lines())) {
    cascade->find_needed(needed);
    for (int32_t s = 0; s < cascade->count; ++s) {
      if (cascade->want[s] - needed[s] > most[s]) most[s] = cascade->want[s] - needed[s];
      cascade->done[s] = cascade->want[s];
    }
  }
  for (int32_t s = 0; s < cascade->count; ++s) {
    if (!cascade->steps[s].rolling) continue;
    error->step = static_cast<int32_t>(table.first_step()) + s;
    const TensorInfo tensor = model.tensor(model.step(error->step).outputs()->Get(0));
    LINNET_REQUIRE(error, most[s] <= tensor.rolling_lines, LINNET_ERROR_RANGE, tensor.index, most[s],
                   tensor.rolling_lines);
  }
  return true;
}

// `turns`: of the steps of all cascades up to this one.
bool check_turns(const fb::Cascade& table, const Cascade& cascade, int64_t* turns, Error* error) {
  const int32_t lines = cascade.steps[cascade.count - 1].out_lines;
  *turns += int64_t{cascade.count} * ((lines - 1) / table.stripe_lines() + 1);
  LINNET_REQUIRE(error, *turns <= kMaxCascadeTurns, LINNET_ERROR_RANGE, -1, kMaxCascadeTurns, *turns);
  return true;
}

bool check_cascade(const ModelView& model, const fb::Cascade& table, int32_t first, int64_t* turns, Error* error) {
  if constexpr (!kHasCascades) {
    if (table.first_step() < static_cast<uint32_t>(model.step_count())) {
      error->step = static_cast<int32_t>(table.first_step());
    }
    return check_feature(false, StepFeature::Cascades, error);
  }
  const int64_t begin = table.first_step(), count = table.steps();
  LINNET_REQUIRE(error, begin >= first, LINNET_ERROR_RANGE, -1, first, begin);
  LINNET_REQUIRE(error, count >= 1 && count <= kMaxCascadeSteps, LINNET_ERROR_RANGE, -1, kMaxCascadeSteps, count);
  LINNET_REQUIRE(error, begin + count <= model.step_count(), LINNET_ERROR_RANGE, -1, model.step_count(), begin + count);
  LINNET_REQUIRE(error, table.stripe_lines() >= 1, LINNET_ERROR_SHAPE, -1, 1, table.stripe_lines());
  Cascade cascade;
  return load_cascade(model, table, &cascade, error) && check_turns(table, cascade, turns, error) &&
         check_buffers(model, table, &cascade, error);
}

// Steps begin .. end, which are in no cascade, use no rolling tensor.
bool check_others(const ModelView& model, int32_t begin, int32_t end, Error* error) {
  for (int32_t i = begin; i < end; ++i) {
    error->step = i;
    const StepView view = view_step(model, i);
    for (int32_t t = 0; t < view.input_count + view.output_count; ++t) {
      const TensorInfo& tensor = t < view.input_count ? view.inputs[t] : view.output_at(t - view.input_count);
      LINNET_REQUIRE(error, tensor.rolling_lines == 0, LINNET_ERROR_RANGE, tensor.index, 0, tensor.rolling_lines);
    }
  }
  return true;
}

}  // namespace

int64_t line_bytes(const TensorInfo& tensor) {
  return static_cast<int64_t>(tensor.shape[2]) * tensor.row_stride * tensor.element_bytes;
}

void load_steps(const ModelView& model, const fb::Cascade& table, Cascade* cascade) {
  const int32_t first = static_cast<int32_t>(table.first_step()), steps = static_cast<int32_t>(table.steps());
  for (int32_t s = 0; s < steps; ++s) load_step(view_step(model, first + s), table, cascade);
}

void Cascade::start_at(int32_t begin) {
  for (int32_t s = 0; s < count; ++s) done[s] = steps[s].out_lines;
  done[count - 1] = begin;
  for (int32_t reader = count - 1; reader > 0; --reader) keep_for(reader, done);
}

bool Cascade::next_stripe(int32_t lines, int32_t end) {
  const int32_t last = count - 1;
  const int32_t left = end - done[last];
  if (left == 0) return false;
  for (int32_t s = 0; s < last; ++s) want[s] = lines < left || steps[s].rolling ? done[s] : steps[s].out_lines;
  want[last] = lines < left ? done[last] + lines : end;
  for (int32_t s = last; s >= 0; --s) {
    const CascadeStep& step = steps[s];
    const int32_t taken = lines_taken(step, want[s]);
    if (step.source >= 0 && want[step.source] < taken) want[step.source] = taken;
    if (step.residual >= 0 && want[step.residual] < want[s]) want[step.residual] = want[s];
  }
  return true;
}

void Cascade::keep_for(int32_t reader, int32_t needed[kMaxCascadeSteps]) const {
  const CascadeStep& step = steps[reader];
  if (done[reader] == step.out_lines) return;
  if (step.source >= 0) {
    const int32_t line = clamped(done[reader] * step.stride - step.pad, step.in_lines);
    if (line < needed[step.source]) needed[step.source] = line;
  }
  if (step.residual >= 0 && done[reader] < needed[step.residual]) needed[step.residual] = done[reader];
}

void Cascade::find_needed(int32_t needed[kMaxCascadeSteps]) const {
  for (int32_t s = 0; s < count; ++s) needed[s] = done[s];
  for (int32_t reader = 1; reader < count; ++reader) keep_for(reader, needed);
}

bool check_cascades(const ModelView& model, Error* error) {
  int32_t end = 0;
  int64_t turns = 0;
  for (int32_t i = 0; i < model.cascade_count(); ++i) {
    const fb::Cascade& table = model.cascade(i);
    error->step = -1;
    if (!check_cascade(model, table, end, &turns, error)) return false;
    const int32_t first = static_cast<int32_t>(table.first_step());
    if (!check_others(model, end, first, error)) return false;
    end = first + static_cast<int32_t>(table.steps());
  }
  if (!check_others(model, end, model.step_count(), error)) return false;
  error->step = -1;
  return true;
}

}  // namespace linnet::engine
