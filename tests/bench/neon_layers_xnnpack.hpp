// How XNNPACK's operators call their micro-kernels over a layer. Built by neon.sh with the kernels' sources from a
// checkout; weights are packed here in the layout that the kernels document.
#pragma once

#include <cstring>
#include <memory>
#include <span>

#include "tests/bench/neon_layers.hpp"

namespace linnet::bench {

// The signatures of micro-kernels for elements T.
template <class T, class Params>
struct Xnnpack {
  using Gemm = void(size_t mr, size_t nc, size_t kc_bytes, const T* a, size_t a_stride, const void* w, T* c,
                    size_t cm_stride, size_t cn_stride, const Params* params);
  using Igemm = void(size_t mr, size_t nc, size_t kc_bytes, size_t ks_bytes, const T** a, const void* w, T* c,
                     size_t cm_stride, size_t cn_stride, size_t a_offset, const T* zero, const Params* params);
  using Depthwise = void(size_t channels, size_t output_width, const T** input, const void* weights, T* output,
                         intptr_t input_stride, size_t output_increment, size_t input_offset, size_t input_pixel_stride,
                         const T* zero, const Params* params);

  // What its configuration chooses for a core. Weights lie in panels of `columns` outputs, of which each has `group`
  // inputs side by side; in blocks of `shuffle` groups those of every output begin with another one.
  struct Choice {
    const char* core;
    size_t rows, columns, group, shuffle;
    Gemm* gemm;
    Igemm* igemm;
    size_t channels;  // of a panel of `depthwise`
    Depthwise* depthwise;
    Params params;
  };
};

// Panels: bias [width], weights [taps][inputs / group][width][group], of int8 also factors [width]. The bias contains
// what the inputs' zero point adds to the sums.
template <class T>
std::shared_ptr<std::vector<char>> pack_for_xnnpack(const LayerData<T>& data, size_t taps, size_t inputs,
                                                    size_t outputs, size_t width, size_t group, size_t shuffle) {
  auto packed = std::make_shared<std::vector<char>>();
  const auto append = [&](const auto& value) {
    const char* const bytes = reinterpret_cast<const char*>(&value);
    packed->insert(packed->end(), bytes, bytes + sizeof(value));
  };
  const size_t block = group * shuffle, padded_inputs = (inputs + block - 1) / block * block;
  for (size_t panel = 0; panel < outputs; panel += width) {
    for (size_t column = panel; column < panel + width; ++column) {
      auto bias = data.bias[column];
      for (size_t i = 0; LayerData<T>::kIntegers && i < taps * inputs; ++i) {
        bias -= kInputZeroPoint * data.weights[i * outputs + column];
      }
      append(bias);
    }
    for (size_t tap = 0; tap < taps; ++tap) {
      for (size_t first = 0; first < padded_inputs; first += group) {
        for (size_t column = 0; column < width; ++column) {
          for (size_t i = 0; i < group; ++i) {
            const size_t input = first / block * block + (first + column * group) % block + i;
            append(input < inputs ? data.weights[(tap * inputs + input) * outputs + panel + column] : T{});
          }
        }
      }
    }
    for (size_t column = panel; LayerData<T>::kIntegers && column < panel + width; ++column) {
      append(data.factors[column]);
    }
  }
  packed->resize(packed->size() + 64);
  return packed;
}

// The input pixel under a tap of an output pixel, or the one of padding.
template <class T>
const T* tap(const Layer& layer, const LayerData<T>& data, const T* padding, size_t pixel, size_t index) {
  const int y = static_cast<int>(pixel) / layer.size + static_cast<int>(index) / layer.kernel - layer.kernel / 2;
  const int x = static_cast<int>(pixel) % layer.size + static_cast<int>(index) % layer.kernel - layer.kernel / 2;
  if (y < 0 || y >= layer.size || x < 0 || x >= layer.size) return padding;
  return &data.x[(static_cast<size_t>(y) * layer.size + x) * layer.in_channels];
}

template <class T, class Params>
std::function<void()> prepare_xnnpack(const Layer& layer, LayerData<T>& data, const char* core,
                                      std::span<const typename Xnnpack<T, Params>::Choice> choices) {
  const typename Xnnpack<T, Params>::Choice* choice = nullptr;
  for (const auto& candidate : choices) {
    if (std::strcmp(candidate.core, core) == 0) choice = &candidate;
  }
  if (choice == nullptr) return nullptr;
  const size_t pixels = static_cast<size_t>(layer.size) * layer.size, outputs = layer.out_channels;
  const size_t taps = static_cast<size_t>(layer.kernel) * layer.kernel, rows = choice->rows;
  auto padding =
      std::make_shared<std::vector<T>>(layer.in_channels + 16, LayerData<T>::kIntegers ? kInputZeroPoint : 0);
  auto pointers = std::make_shared<std::vector<const T*>>();
  if (layer.depthwise) {
    for (size_t pixel = 0; pixel < pixels; ++pixel) {
      for (size_t i = 0; i < taps; ++i) pointers->push_back(tap(layer, data, padding->data(), pixel, i));
    }
    auto packed = pack_for_xnnpack(data, taps, 1, outputs, choice->channels, 1, 1);
    return [=, &layer, &data] {
      const size_t width = layer.size;
      for (size_t line = 0; line < width; ++line) {
        choice->depthwise(outputs, width, &(*pointers)[line * width * taps], packed->data(),
                          &data.y[line * width * outputs], static_cast<intptr_t>(taps * sizeof(void*)), 0, 0, 0,
                          padding->data(), &choice->params);
      }
    };
  }
  const size_t inputs = layer.in_channels, k_bytes = inputs * sizeof(T), y_stride = outputs * sizeof(T);
  auto packed = pack_for_xnnpack(data, taps, inputs, outputs, choice->columns, choice->group, choice->shuffle);
  if (taps == 1) {
    return [=, &data] {
      for (size_t row = 0; row < pixels; row += rows) {
        choice->gemm(pixels - row < rows ? pixels - row : rows, outputs, k_bytes, &data.x[row * inputs], k_bytes,
                     packed->data(), &data.y[row * outputs], y_stride, choice->columns * sizeof(T), &choice->params);
      }
    };
  }
  for (size_t row = 0; row < pixels; row += rows) {
    for (size_t i = 0; i < taps; ++i) {
      for (size_t r = row; r < row + rows; ++r) {
        pointers->push_back(tap(layer, data, padding->data(), r < pixels ? r : pixels - 1, i));
      }
    }
  }
  return [=, &data] {
    for (size_t row = 0; row < pixels; row += rows) {
      choice->igemm(pixels - row < rows ? pixels - row : rows, outputs, k_bytes, taps * rows * sizeof(void*),
                    &(*pointers)[row * taps], packed->data(), &data.y[row * outputs], y_stride,
                    choice->columns * sizeof(T), 0, padding->data(), &choice->params);
    }
  };
}

}  // namespace linnet::bench
