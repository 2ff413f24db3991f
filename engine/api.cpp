// The C API: argument checks, error reports and the run loop.
#include <new>

#include "engine/cascade.hpp"
#include "engine/enums.hpp"
#include "engine/isa.hpp"
#include "engine/linnet.h"
#include "engine/session.hpp"
#include "engine/state.hpp"
#include "schema/features.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kPointerBytes = sizeof(void*);

size_t clamped(int64_t value) {
  const uint64_t bits = static_cast<uint64_t>(value);
  return bits > SIZE_MAX && value > 0 ? SIZE_MAX : static_cast<size_t>(bits);
}

linnet_status report(const linnet_options& options, const Error& error) {
  linnet_error_detail* detail = options.error;
  if (detail != nullptr && detail->struct_size >= sizeof(linnet_error_detail)) {
    detail->status = error.status;
    detail->step = error.step;
    detail->tensor = error.tensor;
    detail->check = error.line;
    detail->wanted = clamped(error.wanted);
    detail->got = clamped(error.got);
  }
  return error.status;
}

bool check_options(const linnet_options& options, Error* error) {
  LINNET_REQUIRE(error, options.struct_size == sizeof(linnet_options), LINNET_ERROR_ARGUMENT, -1,
                 sizeof(linnet_options), static_cast<int64_t>(options.struct_size));
  LINNET_REQUIRE(error, options.threads >= 0, LINNET_ERROR_ARGUMENT, -1, 0, options.threads);
  LINNET_REQUIRE(error, options.threads <= 1 || options.parallel_for != nullptr, LINNET_ERROR_ARGUMENT, -1, 1, 0);
  return true;
}

// A model that can run here, and what it takes.
struct Plan {
  const kernels::KernelTable* kernels;
  ModelView model;
  int32_t threads;
  ArenaLayout layout;
};

bool make_plan(const linnet_options& options, const void* bytes, size_t size, Plan* plan, Error* error) {
  if (!check_options(options, error)) return false;
  LINNET_REQUIRE(error, bytes != nullptr, LINNET_ERROR_ARGUMENT, -1, 1, 0);
  plan->kernels = choose_kernels(options.isa);
  LINNET_REQUIRE(error, plan->kernels != nullptr, LINNET_ERROR_ISA, -1, 1, 0);
  if (!open_model(bytes, size, &plan->model, error)) return false;
  plan->threads = options.threads > 1 ? options.threads : 1;
  plan->layout = arena_layout(plan->model, Target{kernels::traits(plan->kernels->id), kPointerBytes}, plan->threads);
  const int64_t limit = static_cast<int64_t>(SIZE_MAX / 2);
  LINNET_REQUIRE(error, plan->layout.arena_bytes <= limit, LINNET_ERROR_ARENA_SIZE, -1, plan->layout.arena_bytes,
                 limit);
  return true;
}

bool check_arena(const Plan& plan, const void* arena, size_t arena_size, Error* error) {
  LINNET_REQUIRE(error, arena != nullptr, LINNET_ERROR_ARGUMENT, -1, 1, 0);
  const size_t misalignment = reinterpret_cast<uintptr_t>(arena) % LINNET_ALIGNMENT;
  LINNET_REQUIRE(error, misalignment == 0, LINNET_ERROR_ARENA_ALIGNMENT, -1, LINNET_ALIGNMENT,
                 static_cast<int64_t>(misalignment));
  LINNET_REQUIRE(error, arena_size >= static_cast<size_t>(plan.layout.arena_bytes), LINNET_ERROR_ARENA_SIZE, -1,
                 plan.layout.arena_bytes, static_cast<int64_t>(arena_size));
  return true;
}

linnet_options options_or_default(const linnet_options* options) {
  const linnet_options defaults = LINNET_OPTIONS_INIT;
  return options == nullptr ? defaults : *options;
}

linnet_tensor_view view_of(const linnet_session& session, uint32_t index) {
  const TensorInfo info = session.model.tensor(index);
  const fb::Tensor& tensor = *session.model.root->tensors()->Get(index);
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  view.type = static_cast<linnet_type>(info.type);
  view.dimensions = info.dimensions;
  for (int32_t d = 0; d < info.dimensions; ++d) {
    view.shape[d] = info.shape[d];
    view.source_dimension[d] =
        tensor.source_permutation() == nullptr ? d : tensor.source_permutation()->Get(static_cast<uint32_t>(d));
  }
  view.row_stride = static_cast<size_t>(info.row_stride);
  view.bytes = static_cast<size_t>(info.elements()) * static_cast<size_t>(info.element_bytes);
  view.data = session.output<uint8_t>(info);
  view.name = tensor.name() == nullptr ? nullptr : tensor.name()->c_str();
  view.scale = info.scale;
  view.zero_point = info.zero_point;
  return view;
}

using Indices = flatbuffers::Vector<uint32_t>;

linnet_status port(const linnet_session* session, const Indices* (fb::Model::*ports)() const, int index,
                   linnet_tensor_view* view) {
  if (session == nullptr || view == nullptr || view->struct_size < sizeof(linnet_tensor_view))
    return LINNET_ERROR_ARGUMENT;
  const Indices* indices = (session->model.root->*ports)();
  if (index < 0 || indices == nullptr || static_cast<uint32_t>(index) >= indices->size()) return LINNET_ERROR_ARGUMENT;
  const size_t struct_size = view->struct_size;
  *view = view_of(*session, indices->Get(static_cast<uint32_t>(index)));
  view->struct_size = struct_size;
  return LINNET_OK;
}

// The lines that a step of a cascade has just computed.
void narrow(const linnet_session& session, const StepView& step, linnet_tensor_view* view) {
  const TensorInfo& y = step.output;
  view->shape[1] = step.lines.count;
  view->first_line = step.lines.begin;
  view->bytes = static_cast<size_t>(step.lines.count * y.shape[2] * y.columns) * static_cast<size_t>(y.element_bytes);
  view->data = session.output<uint8_t>(y) + static_cast<size_t>(step.lines.begin * line_bytes(y));
}

void run_step(const linnet_session& session, const StepView& step, int32_t index) {
  if (session.profile_hook != nullptr) session.profile_hook(session.profile_context, index, 0);
  find_operator(step.step.op_type())->run(step, session);
  if (session.profile_hook != nullptr) session.profile_hook(session.profile_context, index, 1);
  if (session.tap_hook == nullptr) return;
  for (int32_t output = 0; output < step.output_count; ++output) {
    linnet_tensor_view view = view_of(session, static_cast<uint32_t>(step.output_at(output).index));
    if (kHasCascades && step.lines.count >= 0) narrow(session, step, &view);
    session.tap_hook(session.tap_context, index, output, &view);
  }
}

bool has_step(const linnet_session* session, int step) {
  return session != nullptr && step >= 0 && step < session->model.step_count();
}

}  // namespace
}  // namespace linnet::engine

using namespace linnet;          // NOLINT: the API's own functions live outside any namespace
using namespace linnet::engine;  // NOLINT

linnet_status linnet_get_model_info(const linnet_options* options, const void* bytes, size_t size,
                                    linnet_model_info* info) {
  const linnet_options given = options_or_default(options);
  Error error;
  Plan plan;
  if (info == nullptr || info->struct_size < sizeof(linnet_model_info)) {
    error.fail(LINNET_ERROR_ARGUMENT, __LINE__, -1, sizeof(linnet_model_info),
               info == nullptr ? 0 : static_cast<int64_t>(info->struct_size));
    return report(given, error);
  }
  if (!make_plan(given, bytes, size, &plan, &error)) return report(given, error);
  info->arena_bytes = static_cast<size_t>(plan.layout.arena_bytes);
  info->session_bytes = static_cast<size_t>(kSessionBytes);
  info->tensor_bytes = static_cast<size_t>(plan.layout.tensor_bytes);
  info->scratch_bytes = static_cast<size_t>(plan.layout.scratch_bytes);
  info->inputs = plan.model.input_count();
  info->outputs = plan.model.output_count();
  info->steps = plan.model.step_count();
  info->tensors = plan.model.tensor_count();
  info->format_version = plan.model.root->version();
  info->isa = kernels::traits(plan.kernels->id).name;
  info->state_bytes = plan.model.root->state_bytes();
  return LINNET_OK;
}

linnet_status linnet_init(const linnet_options* options, const void* bytes, size_t size, void* arena, size_t arena_size,
                          linnet_session** session) {
  const linnet_options given = options_or_default(options);
  Error error;
  Plan plan;
  if (session == nullptr) {
    error.fail(LINNET_ERROR_ARGUMENT, __LINE__, -1, 1, 0);
    return report(given, error);
  }
  *session = nullptr;
  if (!make_plan(given, bytes, size, &plan, &error) || !check_arena(plan, arena, arena_size, &error)) {
    return report(given, error);
  }
  uint8_t* tensors = static_cast<uint8_t*>(arena) + kSessionBytes;
  *session = new (arena) linnet_session{plan.kernels,
                                        plan.model,
                                        tensors,
                                        tensors + plan.layout.tensor_bytes,
                                        static_cast<size_t>(plan.layout.slot_bytes),
                                        plan.threads,
                                        given.parallel_for,
                                        given.parallel_context,
                                        given.profile_hook,
                                        given.profile_context,
                                        given.tap_hook,
                                        given.tap_context};
  return linnet_reset(*session);
}

linnet_status linnet_input(const linnet_session* session, int index, linnet_tensor_view* view) {
  return port(session, &fb::Model::inputs, index, view);
}

linnet_status linnet_output(const linnet_session* session, int index, linnet_tensor_view* view) {
  return port(session, &fb::Model::outputs, index, view);
}

linnet_status linnet_reset(linnet_session* session) {
  if (session == nullptr) return LINNET_ERROR_ARGUMENT;
  if (kHasStates) reset_states(*session);
  return LINNET_OK;
}

linnet_status linnet_run(linnet_session* session) {
  if (session == nullptr) return LINNET_ERROR_ARGUMENT;
  const ModelView& model = session->model;
  const int32_t steps = model.step_count(), cascades = model.cascade_count();
  for (int32_t i = 0, cascade = 0; i < steps;) {
    if (kHasCascades && cascade < cascades && static_cast<uint32_t>(i) == model.cascade(cascade).first_step()) {
      run_cascade(*session, model.cascade(cascade), run_step);
      i += static_cast<int32_t>(model.cascade(cascade++).steps());
    } else {
      run_step(*session, view_step(model, i), i);
      ++i;
    }
  }
  if (kHasStates) advance_states(*session);
  return LINNET_OK;
}

const char* linnet_step_name(const linnet_session* session, int step) {
  if (!has_step(session, step)) return nullptr;
  const flatbuffers::String* name = session->model.step(step).name();
  return name == nullptr ? nullptr : name->c_str();
}

const char* linnet_step_operator(const linnet_session* session, int step) {
  return has_step(session, step) ? fb::EnumNameOperator(session->model.step(step).op_type()) : nullptr;
}

double linnet_step_macs(const linnet_session* session, int step) {
  return has_step(session, step) ? static_cast<double>(session->model.step(step).macs()) : 0.0;
}
