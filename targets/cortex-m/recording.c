/* An integer network on a Cortex-M, over a recording: model, inputs and the expected outputs lie in flash, one static
 * arena holds everything else, also what a streaming network keeps from run to run. Every byte must be the expected
 * one. Of a network with a single byte of output, a wake word, it tells the run in which the word is heard first. Exits
 * with 0, or 1 after an error or a wrong byte. */
#include "targets/cortex-m/recording.h"

#include <string.h>

#include LINNET_MODEL_HEADER
#include "engine/linnet.h"
#include "targets/cortex-m/semihosting.h"

#define HEARD 248 /* of 256: a probability of 97% */

__attribute__((aligned(LINNET_ALIGNMENT))) static unsigned char arena[LINNET_MODEL_ARENA];

/* Bytes of the output that are not the expected ones. */
static size_t count_wrong(const linnet_tensor_view* output, const unsigned char* expected) {
  const unsigned char* data = (const unsigned char*)output->data;
  size_t i, wrong = 0;
  for (i = 0; i < output->bytes; ++i) wrong += data[i] != expected[i];
  return wrong;
}

int main(void) {
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  linnet_options options = LINNET_OPTIONS_INIT;
  linnet_tensor_view input = LINNET_TENSOR_VIEW_INIT, output = LINNET_TENSOR_VIEW_INIT;
  linnet_session* session;
  linnet_status status;
  const unsigned char *given, *expected = expected_begin;
  size_t wrong = 0, runs = 0;
  int heard = 0;

  options.error = &detail;
  status = linnet_init(&options, LINNET_MODEL_ARRAY, sizeof(LINNET_MODEL_ARRAY), arena, sizeof(arena), &session);
  if (status != LINNET_OK) {
    print_error(linnet_status_text(status), (int32_t)detail.wanted, (int32_t)detail.got);
    return 1;
  }
  linnet_input(session, 0, &input);
  linnet_output(session, 0, &output);
  print_number("arena bytes ", (int32_t)sizeof(arena));

  for (given = inputs_begin; given + input.bytes <= inputs_end; given += input.bytes, expected += output.bytes) {
    memcpy(input.data, given, input.bytes);
    linnet_run(session);
    if (expected + output.bytes > expected_end) break;
    wrong += count_wrong(&output, expected);
    if (output.bytes == 1 && !heard && *(const unsigned char*)output.data >= HEARD) {
      heard = 1;
      print_number("heard in run ", (int32_t)runs);
    }
    ++runs;
  }
  print_number("runs ", (int32_t)runs);
  print_number("wrong bytes ", (int32_t)wrong);
  return wrong != 0 || runs == 0 || given != inputs_end || expected != expected_end;
}
