#include "converter/ops/moments.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "converter/ir/error.hpp"

namespace linnet::ops {

using namespace linnet::ir;

Shape moments_shape(const Shape& image, int64_t rows) {
  if (image.size() != 4) throw Error(fmt::format("has moments of shape {}, supported is rank 4", to_string(image)));
  return {image[0], (image[1] + rows - 1) / rows, 3, image[3]};
}

Array moments_of(const Array& image, int64_t rows) {
  const Shape& shape = image.shape();
  const Shape result = moments_shape(shape, rows);
  const std::vector<double> x = image.doubles();
  std::vector<double> moments(static_cast<size_t>(element_count(result)));
  const int64_t channels = shape[3];
  for (int64_t run = 0; run < result[0] * result[1]; ++run) {
    const int64_t first = run % result[1] * rows;
    const int64_t pixels = std::min(rows, shape[1] - first) * shape[2];
    const double* begin = x.data() + (run / result[1] * shape[1] + first) * shape[2] * channels;
    for (int64_t c = 0; c < channels; ++c) {
      double mean = 0, square = 0;
      for (int64_t p = 0; p < pixels; ++p) mean += begin[p * channels + c] / static_cast<double>(pixels);
      for (int64_t p = 0; p < pixels; ++p) {
        const double difference = begin[p * channels + c] - mean;
        square += difference * difference;
      }
      moments[static_cast<size_t>(run * 3 * channels + c)] = mean;
      moments[static_cast<size_t>((run * 3 + 2) * channels + c)] = square;
    }
  }
  return Array::of_doubles(result, std::move(moments), image.dtype());
}

}  // namespace linnet::ops
