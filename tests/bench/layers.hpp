// Convolutions of well-known networks, as the micro-benchmarks of small weights run them.
#pragma once

#include <fmt/format.h>

#include <string>

#include "kernels/kernels.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {

struct Layer {
  int size, kernel, in_channels, out_channels;  // images of size x size, kernels of kernel x kernel

  kernels::Window window() const { return {kernel, kernel, 1, 1, 1, 1, kernel / 2, kernel / 2}; }
  size_t pixels() const { return static_cast<size_t>(size) * size; }
  std::string name(kernels::IsaId isa) const {
    return fmt::format("{}/{}x{}/{}x{}/{}-{}", kernels::traits(isa).name, size, size, kernel, kernel, in_channels,
                       out_channels);
  }
};

// All but the weights and the epilogue.
template <class Args, class Element>
void set_layer(const Layer& layer, const Element* x, Element* y, void* scratch, Args* args) {
  args->window = layer.window();
  args->in_h = args->in_w = args->out_h = args->out_w = args->row_end = layer.size;
  args->groups = 1;
  args->in_channels = layer.in_channels;
  args->out_channels = layer.out_channels;
  args->x = x;
  args->x_stride = layer.in_channels;
  args->y = y;
  args->y_stride = layer.out_channels;
  args->scratch = scratch;
}

}  // namespace linnet::bench
