#include <cstring>

#include "engine/cascade.hpp"
#include "engine/operators.hpp"

namespace linnet::engine {
namespace {

// Up to so many lines of 1024 may be computed by two parts.
constexpr int32_t kSeamLines = 96;

struct Run {
  const linnet_session& session;
  const fb::Cascade& table;
  RunStep run_step;
};

// Where rolling outputs are: the place of the line `base`, as an offset of the session's tensors, and how many lines
// there is memory for.
struct Buffers {
  ptrdiff_t offset[kMaxCascadeSteps];
  int32_t base[kMaxCascadeSteps];
  int32_t lines[kMaxCascadeSteps];
};

// Lines of the last output that a task computes.
struct Part {
  int32_t begin, end;
};

// How a cascade is divided, and how many lines of each rolling output a task holds; one task: not at all.
struct Parts {
  int32_t tasks;
  int32_t lines[kMaxCascadeSteps];
};

TensorInfo output_of(const ModelView& model, const fb::Cascade& table, int32_t s) {
  return model.tensor(model.step(static_cast<int32_t>(table.first_step()) + s).outputs()->Get(0));
}

int64_t buffer_bytes(const TensorInfo& tensor, int32_t lines) {
  return (lines * line_bytes(tensor) + LINNET_ALIGNMENT - 1) & -int64_t{LINNET_ALIGNMENT};
}

// Makes room for lines up to `end` in a rolling buffer, and moves the lines that are needed to its beginning.
void roll(const linnet_session& session, const TensorInfo& tensor, int32_t lines, int32_t needed, int32_t done,
          int32_t end, int32_t* base) {
  if (end - *base <= lines) return;
  const size_t bytes = static_cast<size_t>(line_bytes(tensor));
  uint8_t* to = session.output<uint8_t>(tensor);
  const uint8_t* from = to + static_cast<size_t>(needed - *base) * bytes;
  for (int32_t line = needed; line < done; ++line, to += bytes, from += bytes) memcpy(to, from, bytes);
  *base = needed;
}

// Places line 0 of what step `s` has computed.
void place(const Buffers& buffers, int32_t s, TensorInfo* tensor) {
  tensor->offset = buffers.offset[s] - static_cast<ptrdiff_t>(buffers.base[s] * line_bytes(*tensor));
}

void run_stripe(const Run& run, Cascade* cascade, Buffers* buffers) {
  int32_t needed[kMaxCascadeSteps];
  cascade->find_needed(needed);
  for (int32_t s = 0; s < cascade->count; ++s) {
    const CascadeStep& step = cascade->steps[s];
    if (cascade->want[s] == cascade->done[s]) continue;
    const int32_t index = static_cast<int32_t>(run.table.first_step()) + s;
    StepView view = view_step(run.session.model, index);
    if (step.rolling) {
      view.output.offset = buffers->offset[s];
      roll(run.session, view.output, buffers->lines[s], needed[s], cascade->done[s], cascade->want[s],
           &buffers->base[s]);
      place(*buffers, s, &view.output);
    }
    if (step.source >= 0 && cascade->steps[step.source].rolling) place(*buffers, step.source, &view.inputs[0]);
    if (step.residual >= 0 && cascade->steps[step.residual].rolling)
      place(*buffers, step.residual, &view.inputs[find_operator(view.step.op_type())->residual]);
    view.lines = {cascade->done[s], cascade->want[s] - cascade->done[s]};
    run.run_step(run.session, view, index);
    cascade->done[s] = cascade->want[s];
  }
}

void run_whole(const Run& run, Cascade* cascade) {
  Buffers buffers = {};
  for (int32_t s = 0; s < cascade->count; ++s) {
    const TensorInfo output = output_of(run.session.model, run.table, s);
    buffers.offset[s] = output.offset;
    buffers.lines[s] = output.rolling_lines;
  }
  while (cascade->next_stripe(run.table.stripe_lines())) run_stripe(run, cascade, &buffers);
}

Part part_of(const Cascade& cascade, int32_t task, int32_t tasks) {
  const int32_t lines = cascade.steps[cascade.count - 1].out_lines;
  const int32_t share = lines / tasks, longer = lines % tasks;
  return {share * task + (task < longer ? task : longer), share * (task + 1) + (task < longer ? task + 1 : longer)};
}

// Divides a cascade whose steps all roll but the last, if its parts repeat few lines.
Parts divide(const Cascade& cascade, int32_t stripe_lines, int32_t threads) {
  const int32_t last = cascade.count - 1, lines = cascade.steps[last].out_lines;
  const Parts whole = {1, {}};
  Parts parts = {threads < lines ? threads : lines, {}};
  int32_t repeated = -1024 * last;  // 1024ths of the outputs of all steps but the last
  for (int32_t s = 0; s < last; ++s) {
    if (!cascade.steps[s].rolling) return whole;
  }
  for (int32_t task = 0; task < parts.tasks; ++task) {
    const Part part = part_of(cascade, task, parts.tasks);
    Cascade walk = cascade;
    walk.start_at(part.begin);
    while (walk.next_stripe(stripe_lines, part.end)) {
      int32_t needed[kMaxCascadeSteps];
      walk.find_needed(needed);
      for (int32_t s = 0; s < last; ++s) {
        const int32_t held = walk.want[s] - needed[s];
        if (held > parts.lines[s]) parts.lines[s] = held;
        repeated += 1024 * (walk.want[s] - walk.done[s]) / walk.steps[s].out_lines;
        walk.done[s] = walk.want[s];
      }
      walk.done[last] = walk.want[last];
    }
  }
  return repeated <= kSeamLines * last ? parts : whole;
}

struct PartCall {
  const Run& run;
  const Cascade& cascade;
  const Parts& parts;
};

void run_part(void* argument, int task) {
  const PartCall& call = *static_cast<const PartCall*>(argument);
  linnet_session session = call.run.session;
  session.scratch = static_cast<uint8_t*>(session.slot(task));
  session.threads = 1;
  const Run run = {session, call.run.table, call.run.run_step};
  Cascade cascade = call.cascade;
  const Part part = part_of(cascade, task, call.parts.tasks);
  cascade.start_at(part.begin);
  Buffers buffers = {};
  for (int32_t s = 0; s + 1 < cascade.count; ++s) {
    buffers.offset[s] = session.scratch - session.tensors;
    buffers.base[s] = cascade.done[s];
    buffers.lines[s] = call.parts.lines[s];
    session.scratch += buffer_bytes(output_of(session.model, run.table, s), buffers.lines[s]);
  }
  while (cascade.next_stripe(run.table.stripe_lines(), part.end)) run_stripe(run, &cascade, &buffers);
}

}  // namespace

int64_t part_bytes(const ModelView& model, const fb::Cascade& table, int32_t threads) {
  Cascade cascade;
  load_steps(model, table, &cascade);
  const Parts parts = divide(cascade, table.stripe_lines(), threads);
  int64_t bytes = 0;
  for (int32_t s = 0; s + 1 < cascade.count && parts.tasks > 1; ++s)
    bytes = saturating_add(bytes, buffer_bytes(output_of(model, table, s), parts.lines[s]));
  return bytes;
}

void run_cascade(const linnet_session& session, const fb::Cascade& table, RunStep run_step) {
  const Run run = {session, table, run_step};
  Cascade cascade;
  load_steps(session.model, table, &cascade);
  if (session.threads > 1 && session.profile_hook == nullptr && session.tap_hook == nullptr) {
    const Parts parts = divide(cascade, table.stripe_lines(), session.threads);
    if (parts.tasks > 1) {
      PartCall call = {run, cascade, parts};
      session.parallel_for(session.parallel_context, run_part, &call, parts.tasks);
      return;
    }
  }
  run_whole(run, &cascade);
}

}  // namespace linnet::engine
