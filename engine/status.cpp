#include "engine/linnet.h"

#define LINNET_TEXT_OF(number) #number
#define LINNET_TEXT(number) LINNET_TEXT_OF(number)

// A code without a text does not compile: -Werror=switch (engine/CMakeLists.txt).
const char* linnet_status_text(linnet_status status) {
  switch (status) {
    case LINNET_OK:
      return "success";
    case LINNET_ERROR_ARGUMENT:
      return "null pointer, index out of range, or struct_size not set";
    case LINNET_ERROR_MODEL_ALIGNMENT:
      return "model bytes or a block in them are not 64-byte aligned";
    case LINNET_ERROR_MODEL_IDENTIFIER:
      return "not a linnet model";
    case LINNET_ERROR_MODEL_VERSION:
      return "model was made for another version of the format";
    case LINNET_ERROR_MODEL_CORRUPT:
      return "model is truncated or damaged";
    case LINNET_ERROR_OPERATOR:
      return "an operator of the model, or a feature of one, is not in this build";
    case LINNET_ERROR_ARENA_ALIGNMENT:
      return "arena is not 64-byte aligned";
    case LINNET_ERROR_ARENA_SIZE:
      return "arena is too small";
    case LINNET_ERROR_ISA:
      return "instruction set is not in this build or not on this CPU";
    case LINNET_ERROR_SHAPE:
      return "a shape, stride, type or parameter does not fit its tensors";
    case LINNET_ERROR_RANGE:
      return "an offset or index points outside its tensor, buffer or the arena, or onto memory in use";
  }
  return "unknown status";
}

const char* linnet_version(void) {
  return LINNET_TEXT(LINNET_VERSION_MAJOR) "." LINNET_TEXT(LINNET_VERSION_MINOR) "." LINNET_TEXT(LINNET_VERSION_PATCH);
}
