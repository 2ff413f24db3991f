// Cascades: steps that run in turns, each a few lines of its output, so that what lies between them stays in a cache
// and takes a few lines of memory (model.fbs, table Cascade). The arithmetic of lines is shared with the converter,
// which sizes the rolling buffers by it.
#pragma once

#include <cstdint>

#include "engine/model.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

constexpr int32_t kMaxCascadeSteps = 16;
constexpr int32_t kMaxCascadeLines = 1 << 16;  // of an image

struct CascadeStep {
  int32_t out_lines, in_lines;  // of the whole images
  // Output line i needs the input lines from i * stride - pad on, `reach` of them.
  int32_t stride, pad, reach;
  int32_t source;    // step of the cascade that computes input 0, or -1
  int32_t residual;  // likewise
  bool rolling;      // the output
};

class Cascade {
 public:
  CascadeStep steps[kMaxCascadeSteps];
  int32_t count = 0;
  int32_t done[kMaxCascadeSteps] = {};  // lines computed
  int32_t want[kMaxCascadeSteps] = {};  // lines to compute up to, in the stripe that next_stripe() began

  // Begins a stripe of (at most) `lines` more lines of the last step's output; false where that is complete. The caller
  // then computes each step's lines done[s] .. want[s] in order, and sets done[s].
  bool next_stripe(int32_t lines);

  // The first line of step s's output that a later step will read.
  int32_t first_needed(int32_t s) const;
};

bool check_cascades(const ModelView& model, Error* error);

// Calls run_step for the lines of every step in turn.
void run_cascade(const linnet_session& session, const fb::Cascade& table,
                 void (*run_step)(const linnet_session& session, const StepView& step, int32_t index));

}  // namespace linnet::engine
