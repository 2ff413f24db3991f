// Which taps of a kernel are packed into a section of weights: all of a convolution, those of a phase of a transposed
// one.
#pragma once

#include "kernels/conv_transpose/phase.hpp"

namespace linnet::kernels {

inline bool every_tap(int32_t, int32_t) {
  return true;
}

struct PhaseTaps {
  const Window& window;
  int32_t phase_y, phase_x;
  bool operator()(int32_t ky, int32_t kx) const {
    return in_phase(ky, window.dilation_h, window.stride_h, phase_y) &&
           in_phase(kx, window.dilation_w, window.stride_w, phase_x);
  }
};

// visit(taps, k) for each phase, k being its taps times the inputs of a group.
template <class Weights, class Visit>
void for_each_phase(const Weights& w, const Window& window, Visit visit) {
  for (int32_t y = 0; y < window.stride_h; ++y) {
    const int64_t taps_y = phase_taps(w.kernel_h, window.dilation_h, window.stride_h, y);
    for (int32_t x = 0; x < window.stride_w; ++x)
      visit(PhaseTaps{window, y, x},
            taps_y * phase_taps(w.kernel_w, window.dilation_w, window.stride_w, x) * w.in_channels);
  }
}

}  // namespace linnet::kernels
