#include "converter/treat/patches.hpp"

#include "converter/ops/conv.hpp"

namespace linnet::treat {

using namespace ir;

namespace {

struct Window {
  Shape in, out, kernel;  // spatial dimensions
  const std::vector<int64_t>&strides, &dilations, &pads;
  bool transposed;

  // Input coordinate d of a tap, or -1.
  int64_t coordinate(size_t d, int64_t out_at, int64_t tap_at) const {
    int64_t at =
        transposed ? out_at + pads[d] - tap_at * dilations[d] : out_at * strides[d] - pads[d] + tap_at * dilations[d];
    if (transposed) {
      if (at < 0 || at % strides[d] != 0) return -1;
      at /= strides[d];
    }
    return at >= 0 && at < in[d] ? at : -1;
  }
  int64_t pixel(int64_t out_pixel, int64_t tap) const {
    int64_t result = 0, stride = 1;
    for (size_t d = in.size(); d-- > 0;) {
      const int64_t at = coordinate(d, out_pixel % out[d], tap % kernel[d]);
      if (at < 0) return -1;
      out_pixel /= out[d];
      tap /= kernel[d];
      result += at * stride;
      stride *= in[d];
    }
    return result;
  }
  std::vector<int64_t> table() const {
    std::vector<int64_t> result;
    for (int64_t p = 0; p < element_count(out); ++p)
      for (int64_t tap = 0; tap < element_count(kernel); ++tap) result.push_back(pixel(p, tap));
    return result;
  }
};

Shape spatial(const Shape& shape, bool channels_last) {
  return channels_last ? Shape(shape.begin() + 1, shape.end() - 1) : Shape(shape.begin() + 2, shape.end());
}

template <class Op>
Window window_of(const Layer& layer, const Op& op) {
  const Node& node = *layer.node;
  const Shape& weights = node.in(layer.input).shape();
  return {spatial(node.in(0).shape(), op.channels_last),
          spatial(node.out().shape(), op.channels_last),
          {weights.begin() + 2, weights.end()},
          op.strides,
          op.dilations,
          op.pads_begin,
          layer.transposed};
}

}  // namespace

Patches::Patches(const Layer& layer) : layer_(layer), channels_(layer.inputs * layer.groups), table_{0} {
  const auto take = [&](const auto& op) {
    const Window window = window_of(layer, op);
    channels_last_ = op.channels_last;
    in_pixels_ = element_count(window.in);
    out_pixels_ = element_count(window.out);
    table_ = window.table();
  };
  if (const auto* conv = layer.node->as<ops::Conv>()) take(*conv);
  if (const auto* transposed = layer.node->as<ops::ConvTranspose>()) take(*transposed);
}

int64_t Patches::positions(const Array& x) const {
  return static_cast<int64_t>(x.size()) / (channels_ * in_pixels_) * out_pixels_;
}

Matrix Patches::of(const Array& x, int64_t first_channel, const std::vector<int64_t>& positions) const {
  const std::vector<float> numbers = x.floats();
  Matrix result = Matrix::Zero(static_cast<int64_t>(positions.size()), layer_.columns());
  for (size_t i = 0; i < positions.size(); ++i) {
    const int64_t image = positions[i] / out_pixels_ * in_pixels_ * channels_, pixel = positions[i] % out_pixels_;
    for (int64_t tap = 0; tap < layer_.taps; ++tap) {
      const int64_t from = table_[static_cast<size_t>(pixel * layer_.taps + tap)];
      if (from < 0) continue;
      for (int64_t c = 0; c < layer_.inputs; ++c) {
        const int64_t channel = first_channel + c;
        const int64_t at = channels_last_ ? from * channels_ + channel : channel * in_pixels_ + from;
        result(static_cast<int64_t>(i), tap * layer_.inputs + c) =
            static_cast<double>(numbers[static_cast<size_t>(image + at)]);
      }
    }
  }
  return result;
}

Matrix Patches::outputs(const Array& y, int64_t first_row, int64_t rows, const std::vector<int64_t>& positions) const {
  Matrix result(static_cast<int64_t>(positions.size()), rows);
  for (size_t i = 0; i < positions.size(); ++i) {
    const int64_t image = positions[i] / out_pixels_ * out_pixels_ * layer_.rows, pixel = positions[i] % out_pixels_;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t channel = first_row + r;
      const int64_t at = channels_last_ ? pixel * layer_.rows + channel : channel * out_pixels_ + pixel;
      result(static_cast<int64_t>(i), r) = y.number(static_cast<size_t>(image + at));
    }
  }
  return result;
}

}  // namespace linnet::treat
