#include "targets/desktop/lib/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/file.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace linnet::tools {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& message) {
  throw ToolError(kDataError, path + ": " + message);
}

// One output sample of a resampled axis: weights of the source samples from `first` on.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

// `size` samples of the window [start, start + extent) of a source axis of `source` samples.
std::vector<Taps> triangle_taps(int source, int size, double start, double extent) {
  const double step = extent / size, radius = std::max(1.0, step);
  std::vector<Taps> result(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) {
    const double centre = start + (i + 0.5) * step;
    Taps& taps = result[static_cast<size_t>(i)];
    taps.first = std::clamp(static_cast<int>(std::floor(centre - radius)), 0, source - 1);
    const int last = std::clamp(static_cast<int>(std::ceil(centre + radius)), taps.first, source - 1);
    double sum = 0;
    for (int s = taps.first; s <= last; ++s) {
      const double weight = std::max(0.0, 1 - std::abs((s + 0.5 - centre) / radius));
      taps.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : taps.weights) weight /= static_cast<float>(sum);
  }
  return result;
}

// Interleaved floats of an image of another size.
struct Planes {
  int width, height, channels;
  std::vector<float> values;
  float* at(int y, int x) { return &values[(static_cast<size_t>(y) * width + x) * channels]; }
  const float* at(int y, int x) const { return &values[(static_cast<size_t>(y) * width + x) * channels]; }
};

Planes make_planes(int width, int height, int channels) {
  return {width, height, channels, std::vector<float>(static_cast<size_t>(width) * height * channels)};
}

Planes resample(const Planes& in, const std::vector<Taps>& columns, const std::vector<Taps>& rows) {
  Planes wide = make_planes(static_cast<int>(columns.size()), in.height, in.channels);
  for (int y = 0; y < wide.height; ++y) {
    for (int x = 0; x < wide.width; ++x) {
      const Taps& taps = columns[static_cast<size_t>(x)];
      for (size_t t = 0; t < taps.weights.size(); ++t) {
        for (int c = 0; c < in.channels; ++c)
          wide.at(y, x)[c] += taps.weights[t] * in.at(y, taps.first + static_cast<int>(t))[c];
      }
    }
  }
  Planes out = make_planes(wide.width, static_cast<int>(rows.size()), in.channels);
  for (int y = 0; y < out.height; ++y) {
    const Taps& taps = rows[static_cast<size_t>(y)];
    for (size_t t = 0; t < taps.weights.size(); ++t) {
      const float* from = wide.at(taps.first + static_cast<int>(t), 0);
      float* to = out.at(y, 0);
      for (int i = 0; i < out.width * out.channels; ++i) to[i] += taps.weights[t] * from[i];
    }
  }
  return out;
}

Planes resized(const Planes& in, int height, int width, Resize resize) {
  const double scale_x = static_cast<double>(width) / in.width, scale_y = static_cast<double>(height) / in.height;
  if (resize == Resize::fit) {
    const double scale = std::min(scale_x, scale_y);
    const int inner_width = std::clamp(static_cast<int>(std::lround(in.width * scale)), 1, width);
    const int inner_height = std::clamp(static_cast<int>(std::lround(in.height * scale)), 1, height);
    const Planes inner = resample(in, triangle_taps(in.width, inner_width, 0, in.width),
                                  triangle_taps(in.height, inner_height, 0, in.height));
    Planes out = make_planes(width, height, in.channels);
    for (int y = 0; y < inner_height; ++y) {
      std::copy_n(inner.at(y, 0), static_cast<size_t>(inner_width) * in.channels,
                  out.at(y + (height - inner_height) / 2, (width - inner_width) / 2));
    }
    return out;
  }
  double extent_x = in.width, extent_y = in.height;
  if (resize == Resize::crop) {
    const double scale = std::max(scale_x, scale_y);
    extent_x = width / scale;
    extent_y = height / scale;
  }
  return resample(in, triangle_taps(in.width, width, (in.width - extent_x) / 2, extent_x),
                  triangle_taps(in.height, height, (in.height - extent_y) / 2, extent_y));
}

double per_channel(const std::vector<double>& values, int channel) {
  return values.size() == 1 ? values[0] : values[static_cast<size_t>(channel)];
}

void check_per_channel(const std::string& path, const char* what, const std::vector<double>& values, int channels) {
  if (values.size() == 1 || values.size() == static_cast<size_t>(channels)) return;
  fail(path, fmt::format("{} has {} values; the model's input has {} channels (give 1 or {})", what, values.size(),
                         channels, channels));
}

}  // namespace

bool is_image(const unsigned char* data, size_t size) {
  const bool png = size >= 4 && data[0] == 0x89 && data[1] == 'P' && data[2] == 'N' && data[3] == 'G';
  return png || (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff);
}

Image decode_image(const std::string& path, const unsigned char* data, size_t size, int channels) {
  if (channels != 1 && channels != 3 && channels != 4) {
    fail(path, fmt::format("an image has 1, 3 or 4 channels; the model's input has {}", channels));
  }
  Image image;
  image.channels = channels;
  int stored = 0;
  constexpr size_t kMaximumBytes = 1u << 30;
  if (size > kMaximumBytes) fail(path, "the image file is larger than 1 GiB");
  unsigned char* pixels =
      stbi_load_from_memory(data, static_cast<int>(size), &image.width, &image.height, &stored, channels);
  if (pixels == nullptr) fail(path, fmt::format("cannot decode the image: {}", stbi_failure_reason()));
  image.pixels.assign(pixels, pixels + static_cast<size_t>(image.width) * image.height * channels);
  stbi_image_free(pixels);
  return image;
}

std::vector<float> image_values(const std::string& path, const Image& image, int height, int width,
                                const ImageOptions& options) {
  check_per_channel(path, "--mean", options.mean, image.channels);
  check_per_channel(path, "--std", options.deviation, image.channels);
  if (options.bgr && image.channels < 3) fail(path, "--channels bgr needs a model input with 3 or 4 channels");
  Planes planes = make_planes(image.width, image.height, image.channels);
  std::copy(image.pixels.begin(), image.pixels.end(), planes.values.begin());
  if (image.width != width || image.height != height) {
    if (options.resize == Resize::none) {
      fail(path, fmt::format("the image is {}x{} (width x height), the model's input {}x{}; give --resize", image.width,
                             image.height, width, height));
    }
    planes = resized(planes, height, width, options.resize);
  }
  std::vector<float> result(planes.values.size());
  for (int c = 0; c < image.channels; ++c) {
    const int from = options.bgr && c < 3 ? 2 - c : c;
    const double mean = per_channel(options.mean, c), deviation = per_channel(options.deviation, c);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        result[(static_cast<size_t>(c) * height + y) * width + x] =
            static_cast<float>((planes.at(y, x)[from] * options.scale - mean) / deviation);
      }
    }
  }
  return result;
}

void write_png(const std::string& path, const Image& image) {
  int size = 0;
  unsigned char* png = stbi_write_png_to_mem(image.pixels.data(), image.width * image.channels, image.width,
                                             image.height, image.channels, &size);
  if (png == nullptr) throw std::bad_alloc();
  const std::vector<unsigned char> bytes(png, png + size);
  STBIW_FREE(png);
  write_file(path, bytes.data(), bytes.size());
}

}  // namespace linnet::tools
