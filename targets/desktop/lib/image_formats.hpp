// The decoders behind decode_image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "targets/desktop/lib/image.hpp"

namespace linnet::tools {

// Why an image cannot be decoded, without the file's name.
class ImageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Decode to 1, 3 or 4 channels as decode_image does. Throw ImageError, for more than `maximum_pixels` before any are
// allocated. The libraries' errors are jumps: the frames that these leave behind hold no C++ objects.
Image decode_png(const unsigned char* data, size_t size, int channels, int64_t maximum_pixels);
Image decode_jpeg(const unsigned char* data, size_t size, int channels, int64_t maximum_pixels);

// An image without its pixels' values. Throws ImageError where there would be too many.
Image make_image(int64_t width, int64_t height, int channels, int64_t maximum_pixels);

// Luma of red, green and blue (ITU-R BT.601).
constexpr unsigned char luma(unsigned red, unsigned green, unsigned blue) {
  return static_cast<unsigned char>((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16);
}

}  // namespace linnet::tools
