/* The digits network on a Cortex-M: model and test images lie in flash, one static arena holds everything else. Prints
 * the logits and the prediction of every image; exits with 0, or 1 after an error. */
#include "digits_model.h"
#include "engine/linnet.h"
#include "targets/cortex-m/images.h"
#include "targets/cortex-m/semihosting.h"

__attribute__((aligned(LINNET_ALIGNMENT))) static unsigned char arena[DIGITS_MODEL_ARENA_BYTES];

static void print_result(int image, const float* logits, int count) {
  int i, best = 0;
  for (i = 1; i < count; ++i)
    if (logits[i] > logits[best]) best = i;
  print_text("image ");
  print_int(image);
  print_text(" prediction ");
  print_int(best);
  print_text(" logits");
  for (i = 0; i < count; ++i) {
    print_text(" ");
    print_float(logits[i]);
  }
  print_text("\n");
}

int main(void) {
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  linnet_options options = LINNET_OPTIONS_INIT;
  linnet_tensor_view input = LINNET_TENSOR_VIEW_INIT, output = LINNET_TENSOR_VIEW_INIT;
  linnet_session* session;
  linnet_status status;
  int image, pixels, i;

  options.error = &detail;
  status = linnet_init(&options, digits_model, sizeof(digits_model), arena, sizeof(arena), &session);
  if (status != LINNET_OK) {
    print_error(linnet_status_text(status), (int32_t)detail.wanted, (int32_t)detail.got);
    return 1;
  }
  linnet_input(session, 0, &input);
  linnet_output(session, 0, &output);
  print_number("arena bytes ", (int32_t)sizeof(arena));

  pixels = (int)(input.bytes / sizeof(float));
  for (image = 0; images_begin + (image + 1) * pixels <= images_end; ++image) {
    for (i = 0; i < pixels; ++i) ((float*)input.data)[i] = images_begin[image * pixels + i];
    linnet_run(session);
    print_result(image, (const float*)output.data, output.shape[output.dimensions - 1]);
  }
  return 0;
}
