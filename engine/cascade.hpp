// Cascades: steps that run in turns, each a few lines of its output, so that what lies between them stays in a cache
// and takes a few lines of memory (model.fbs, table Cascade). The arithmetic of lines is shared with the converter,
// which sizes the rolling buffers by it.
//
// With several threads each computes a part of the last output's lines, from rolling buffers of its own, where that
// repeats few lines at the seams of the parts; the steps then meet no barrier. Otherwise, and where a hook watches the
// steps, every turn is divided among the threads.
#pragma once

#include <cstdint>

#include "engine/model.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

constexpr int32_t kMaxCascadeSteps = 16;
constexpr int32_t kMaxCascadeLines = 1 << 16;  // of an image
constexpr int64_t kMaxCascadeTurns = 1 << 18;  // of all steps of a model's cascades together: bounds the time of checks

struct CascadeStep {
  int32_t out_lines, in_lines;  // of the whole images
  // Output line i needs the input lines from i * stride - pad on, `reach` of them.
  int32_t stride, pad, reach;
  int32_t source;    // step of the cascade that computes input 0, or -1
  int32_t residual;  // likewise, of the residual
  bool rolling;      // the output
};

class Cascade {
 public:
  CascadeStep steps[kMaxCascadeSteps];
  int32_t count = 0;
  int32_t done[kMaxCascadeSteps] = {};  // lines computed
  int32_t want[kMaxCascadeSteps] = {};  // lines to compute up to, in the stripe that next_stripe() began

  // To be called instead of computing what lies before line `begin` of the last step's output, 0 <= begin < out_lines.
  void start_at(int32_t begin);

  // Begins a stripe of (at most) `lines` more lines of the last step's output; false where that is complete up to line
  // `end`. The caller then computes each step's lines done[s] .. want[s] in order, and sets done[s].
  bool next_stripe(int32_t lines, int32_t end);
  bool next_stripe(int32_t lines) { return next_stripe(lines, steps[count - 1].out_lines); }

  // The first line of each step's output that a later step will read, when next_stripe() has begun a stripe.
  void find_needed(int32_t needed[kMaxCascadeSteps]) const;

 private:
  // Lowers `needed` to the first lines that the reader's lines from done[reader] on take.
  void keep_for(int32_t reader, int32_t needed[kMaxCascadeSteps]) const;
};

// A cascade of a model that has been checked.
void load_steps(const ModelView& model, const fb::Cascade& table, Cascade* cascade);

// Bytes of a line of an image.
int64_t line_bytes(const TensorInfo& tensor);

// Scratch memory of each thread for rolling buffers of its own, a multiple of LINNET_ALIGNMENT.
int64_t part_bytes(const ModelView& model, const fb::Cascade& table, int32_t threads);

bool check_cascades(const ModelView& model, Error* error);

// Runs a step, or the lines of it that StepView::lines names.
using RunStep = void (*)(const linnet_session& session, const StepView& step, int32_t index);
void run_cascade(const linnet_session& session, const fb::Cascade& table, RunStep run_step);

}  // namespace linnet::engine
