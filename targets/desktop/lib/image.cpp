#include "targets/desktop/lib/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/image_formats.hpp"
#include "targets/desktop/lib/table.hpp"

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

template <class T>
Planes columns_resampled(const T* in, int width, int height, int channels, const std::vector<Taps>& columns) {
  Planes out = make_planes(static_cast<int>(columns.size()), height, channels);
  for (int y = 0; y < height; ++y) {
    const T* line = in + static_cast<size_t>(y) * width * channels;
    for (int x = 0; x < out.width; ++x) {
      const Taps& taps = columns[static_cast<size_t>(x)];
      const T* from = line + static_cast<size_t>(taps.first) * channels;
      for (const float weight : taps.weights) {
        for (int c = 0; c < channels; ++c) out.at(y, x)[c] += weight * static_cast<float>(*from++);
      }
    }
  }
  return out;
}

template <class T>
Planes rows_resampled(const T* in, int width, int channels, const std::vector<Taps>& rows) {
  Planes out = make_planes(width, static_cast<int>(rows.size()), channels);
  const size_t line = static_cast<size_t>(width) * channels;
  for (int y = 0; y < out.height; ++y) {
    const Taps& taps = rows[static_cast<size_t>(y)];
    const T* from = in + static_cast<size_t>(taps.first) * line;
    float* to = out.at(y, 0);
    for (const float weight : taps.weights) {
      for (size_t i = 0; i < line; ++i) to[i] += weight * static_cast<float>(*from++);
    }
  }
  return out;
}

// In the order of axes that makes the image between them the smaller one.
Planes resample(const Image& in, const std::vector<Taps>& columns, const std::vector<Taps>& rows) {
  const unsigned char* pixels = in.pixels.data();
  if (uint64_t{columns.size()} * static_cast<uint64_t>(in.height) <=
      uint64_t{rows.size()} * static_cast<uint64_t>(in.width)) {
    const Planes wide = columns_resampled(pixels, in.width, in.height, in.channels, columns);
    return rows_resampled(wide.values.data(), wide.width, in.channels, rows);
  }
  const Planes high = rows_resampled(pixels, in.width, in.channels, rows);
  return columns_resampled(high.values.data(), high.width, high.height, in.channels, columns);
}

Planes resized(const Image& in, int height, int width, Resize resize) {
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

bool is_png(const unsigned char* data, size_t size) {
  constexpr unsigned char kSignature[] = {0x89, 'P', 'N', 'G'};
  return size >= sizeof(kSignature) && std::equal(kSignature, kSignature + sizeof(kSignature), data);
}

}  // namespace

bool is_image(const unsigned char* data, size_t size) {
  return is_png(data, size) || (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff);
}

Image make_image(int64_t width, int64_t height, int channels, int64_t maximum_pixels) {
  if (width > std::numeric_limits<int>::max() || height > maximum_pixels / std::max<int64_t>(width, 1)) {
    throw ImageError(fmt::format("it is {}x{} (width x height); supported are at most {} pixels", width, height,
                                 with_thousands(maximum_pixels)));
  }
  Image image{static_cast<int>(width), static_cast<int>(height), channels, {}};
  image.pixels.resize(static_cast<size_t>(width * height * channels));
  return image;
}

Image decode_image(const std::string& path, const unsigned char* data, size_t size, int channels,
                   int64_t maximum_pixels) {
  if (channels != 1 && channels != 3 && channels != 4) {
    fail(path, fmt::format("an image has 1, 3 or 4 channels; the model's input has {}", channels));
  }
  try {
    return (is_png(data, size) ? decode_png : decode_jpeg)(data, size, channels, maximum_pixels);
  } catch (const ImageError& error) {
    fail(path, fmt::format("cannot decode the image: {}", error.what()));
  }
}

std::vector<float> image_values(const std::string& path, const Image& image, int height, int width,
                                const ImageOptions& options) {
  check_per_channel(path, "--mean", options.mean, image.channels);
  check_per_channel(path, "--std", options.deviation, image.channels);
  if (options.bgr && image.channels < 3) fail(path, "--channels bgr needs a model input with 3 or 4 channels");
  const bool same_size = image.width == width && image.height == height;
  if (!same_size && options.resize == Resize::none) {
    fail(path, fmt::format("the image is {}x{} (width x height), the model's input {}x{}; give --resize", image.width,
                           image.height, width, height));
  }
  const Planes planes = same_size ? Planes{width, height, image.channels, {image.pixels.begin(), image.pixels.end()}}
                                  : resized(image, height, width, options.resize);
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

}  // namespace linnet::tools
