// The TensorFlow Lite importer with the whole conversion on the bytes of a model file.
#include "tests/fuzz/conversion.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linnet::fuzz::convert_bytes(data, size, "model.tflite");
  return 0;
}
