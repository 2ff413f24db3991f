/* The whole C API from C89: size query, init, fill, run, read. */
#include "engine/linnet.h"

int run_from_c89(const void* model, size_t size, void* arena, size_t arena_size, float* output, size_t output_count);

int run_from_c89(const void* model, size_t size, void* arena, size_t arena_size, float* output, size_t output_count) {
  linnet_error_detail error = LINNET_ERROR_DETAIL_INIT;
  linnet_options options = LINNET_OPTIONS_INIT;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  linnet_session* session = 0;
  linnet_status status;
  size_t i;

  options.error = &error;
  status = linnet_get_model_info(&options, model, size, &info);
  if (status != LINNET_OK) return (int)status;
  if (info.arena_bytes > arena_size) return (int)LINNET_ERROR_ARENA_SIZE;
  status = linnet_init(&options, model, size, arena, arena_size, &session);
  if (status != LINNET_OK) return (int)status;
  status = linnet_input(session, 0, &view);
  if (status != LINNET_OK) return (int)status;
  for (i = 0; i < view.bytes / sizeof(float); ++i) ((float*)view.data)[i] = 1.0f;
  status = linnet_run(session);
  if (status != LINNET_OK) return (int)status;
  status = linnet_output(session, 0, &view);
  if (status != LINNET_OK) return (int)status;
  for (i = 0; i < output_count; ++i) output[i] = ((const float*)view.data)[i];
  return (int)LINNET_OK;
}
