// Compiled with -fno-exceptions: what linnet.hpp offers there.
#include "engine/linnet.hpp"

float first_output(const void* bytes, size_t size);

float first_output(const void* bytes, size_t size) {
  linnet::Session session;
  if (linnet::Session::create(bytes, size, linnet::Session::default_options(), &session) != LINNET_OK) return 0.0f;
  return session.run() == LINNET_OK ? session.output<float>(0)[0] : 0.0f;
}
