// PNG and JPEG files through the tools' decoder, and what it gives through every way of resizing.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace linnet::tools;
  constexpr int64_t kMaximumPixels = 1 << 18;  // larger ones only take time
  constexpr int kHeight = 7, kWidth = 5;
  if (!is_image(data, size)) return -1;
  for (const int channels : {1, 3, 4}) {
    try {
      const Image image = decode_image("x", data, size, channels, kMaximumPixels);
      const auto pixels = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
      if (image.channels != channels || image.pixels.size() != pixels * static_cast<size_t>(channels)) std::abort();
      if (static_cast<int64_t>(pixels) > kMaximumPixels) std::abort();
      for (const Resize resize : {Resize::stretch, Resize::crop, Resize::fit}) {
        ImageOptions options;
        options.resize = resize;
        for (const float value : image_values("x", image, kHeight, kWidth, options)) {
          if (!(value >= 0 && value <= 1.001f)) std::abort();
        }
      }
    } catch (const ToolError& error) {
      if (error.exit_code() != kDataError) std::abort();
    }
  }
  return 0;
}
