// PNG and JPEG files of every kind that libpng and libjpeg-turbo write.
#pragma once

#include <string>
#include <vector>

#include "targets/desktop/lib/image.hpp"

namespace linnet::test {

struct ImageFile {
  std::string name, bytes;
  // What it decodes to with as many channels as the picture has; a JPEG nearly.
  tools::Image picture;
};

// Pictures of `width` x `height` as PNGs of every colour type and bit depth, interlaced or not, and as JPEGs of one,
// three and four components, with one scan or several.
std::vector<ImageFile> image_files(int width, int height);

// The size in the header changed, checksum included.
std::string png_of_size(std::string png, unsigned width, unsigned height);
std::string jpeg_of_size(std::string jpeg, unsigned width, unsigned height);

}  // namespace linnet::test
