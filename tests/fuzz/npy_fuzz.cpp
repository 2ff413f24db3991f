// .npy files through the tools' reader, to every element type, and written again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/npy.hpp"

namespace {

using namespace linnet::tools;

// What is converted to an element type of the engine is read back as it is from a file of that type.
void round_trip(const NpyArray& array, linnet_type type) {
  const std::vector<unsigned char> elements = convert_elements(array, type, "x");
  if (elements.size() != array.size() * type_bytes(type)) std::abort();
  const std::vector<unsigned char> file = npy_bytes(type, array.shape, elements);
  const NpyArray again = parse_npy("x", file.data(), file.size());
  if (again.shape != array.shape || again.data != elements) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const NpyArray array = parse_npy("x", data, size);
    for (size_t i = 0; i < array.size(); ++i) (void)array.number(i);
    for (const linnet_type type : {LINNET_FLOAT32, LINNET_INT8, LINNET_UINT8, LINNET_INT32, LINNET_BOOL}) {
      try {
        round_trip(array, type);
      } catch (const ToolError& error) {
        if (error.exit_code() != kDataError) std::abort();
      }
    }
  } catch (const ToolError& error) {
    if (error.exit_code() != kDataError) std::abort();
  }
  return 0;
}
