/* One byte less than the arena that the converter named must be refused, and the error must name the size. */
#include "digits_model.h"
#include "engine/linnet.h"
#include "targets/cortex-m/semihosting.h"

__attribute__((aligned(LINNET_ALIGNMENT))) static unsigned char arena[DIGITS_MODEL_ARENA_BYTES];

int main(void) {
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  linnet_options options = LINNET_OPTIONS_INIT;
  linnet_session* session;
  linnet_status status;

  options.error = &detail;
  status = linnet_init(&options, digits_model, sizeof(digits_model), arena, sizeof(arena) - 1, &session);
  print_error(linnet_status_text(status), (int32_t)detail.wanted, (int32_t)detail.got);
  return !(status == LINNET_ERROR_ARENA_SIZE && detail.wanted == sizeof(arena) && detail.got == sizeof(arena) - 1);
}
