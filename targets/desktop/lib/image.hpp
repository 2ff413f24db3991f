// PNG and JPEG images as network inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace linnet::tools {

// 8-bit pixels, row by row, `channels` interleaved values each.
struct Image {
  int width = 0, height = 0, channels = 0;
  std::vector<unsigned char> pixels;
};

enum class Resize : uint8_t {
  none,     // the image must have the wanted size
  stretch,  // to the wanted size, whatever the proportions
  crop,     // keeps proportions, fills the wanted size and cuts off what is outside, evenly on both sides
  fit       // keeps proportions, all of the image inside the wanted size; the rest is black, evenly on both sides
};

struct ImageOptions {
  Resize resize = Resize::none;
  double scale = 1.0 / 255;        // the network's value is (pixel * scale - mean[c]) / deviation[c]
  std::vector<double> mean = {0};  // one for all channels, or one per channel in the network's order
  std::vector<double> deviation = {1};
  bool bgr = false;  // the network wants blue first
};

// Whether the file's first bytes are those of a PNG or a JPEG.
bool is_image(const unsigned char* data, size_t size);

// 64 Mi: four bytes each are 256 MiB.
constexpr int64_t kMaximumPixels = int64_t{1} << 26;

// Decodes a PNG or JPEG to 1 (grey), 3 (red, green, blue) or 4 (and alpha) channels. An alpha that is not wanted is
// dropped, one that is missing is 255; 16-bit values are scaled to 8 bits; gamma and colour profiles are not applied.
// Throws ToolError with kDataError, naming `path`, where the file is damaged (ends early, has a wrong checksum) or has
// more than `maximum_pixels`, before any are allocated.
Image decode_image(const std::string& path, const unsigned char* data, size_t size, int channels,
                   int64_t maximum_pixels = kMaximumPixels);

// `channels` x `height` x `width` float values (channels first). Resizing is separable with a triangle filter that
// widens when it shrinks (bilinear with antialiasing). Throws ToolError with kDataError, naming `path`, where the size
// is wrong and options.resize is none, and when options do not fit the channels.
std::vector<float> image_values(const std::string& path, const Image& image, int height, int width,
                                const ImageOptions& options);

void write_png(const std::string& path, const Image& image);

}  // namespace linnet::tools
