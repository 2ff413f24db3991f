// The moments of an image [N, H, W, C], per run of lines: [N, runs, 3, C], in the form of kernels::MomentsArgs. A
// convolution leaves them for the normalization that follows.
#pragma once

#include "engine/check.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

// Moments of runs of `lines` lines of `image`, or what is said to be.
inline bool check_moments(const TensorInfo& moments, const TensorInfo& image, int32_t lines, Error* error) {
  LINNET_REQUIRE(error, image.dimensions == 4, LINNET_ERROR_SHAPE, image.index, 4, image.dimensions);
  LINNET_REQUIRE(error, moments.dimensions == 4, LINNET_ERROR_SHAPE, moments.index, 4, moments.dimensions);
  LINNET_REQUIRE(error, moments.dense(), LINNET_ERROR_SHAPE, moments.index, moments.columns, moments.row_stride);
  LINNET_REQUIRE(error, lines >= 1, LINNET_ERROR_SHAPE, moments.index, 1, lines);
  LINNET_REQUIRE(error, lines <= image.shape[1], LINNET_ERROR_SHAPE, moments.index, image.shape[1], lines);
  const int32_t expected[] = {image.shape[0], (image.shape[1] - 1) / lines + 1, 3, image.shape[3]};
  for (int i = 0; i < 4; ++i) {
    LINNET_REQUIRE(error, moments.shape[i] == expected[i], LINNET_ERROR_SHAPE, moments.index, expected[i],
                   moments.shape[i]);
  }
  return check_type(moments, fb::DataType::Float32, error);
}

// The lines of run `run`, counted through the runs of all images.
struct LineRun {
  int32_t begin, end;  // counted through the lines of all images
};

inline LineRun line_run(const TensorInfo& image, int32_t runs, int32_t lines, int32_t run) {
  const int32_t first = run / runs * image.shape[1], begin = run % runs * lines;
  return {first + begin, first + (image.shape[1] - begin < lines ? image.shape[1] : begin + lines)};
}

inline void take_moments(const linnet_session& session, const TensorInfo& moments, const TensorInfo& image,
                         const LineRun& lines, int32_t run) {
  kernels::MomentsArgs args = {};
  args.pixels = (lines.end - lines.begin) * image.shape[2];
  args.channels = image.columns;
  args.x_stride = image.row_stride;
  args.x = session.output<float>(image) + static_cast<ptrdiff_t>(lines.begin) * image.shape[2] * args.x_stride;
  args.moments = session.output<float>(moments) + static_cast<ptrdiff_t>(run) * 3 * args.channels;
  args.moments_stride = args.channels;
  session.kernels->moments_f32(args);
}

// Whether a step computes its output run by run and takes the moments of each at once: where a thread's part of it is
// too large to be found in a cache later, and every thread gets a run.
inline bool moments_by_runs(const linnet_session& session, const StepView& step) {
  constexpr int64_t kCachedBytes = 512 * 1024;
  if (!kHasMoments || step.output_count < 2) return false;
  const TensorInfo& moments = step.more_outputs[0];
  return step.output.extent_bytes() / session.threads > kCachedBytes &&
         moments.shape[0] * moments.shape[1] >= session.threads;
}

// The moments of the whole output, where the step has any to give.
inline void take_all_moments(const linnet_session& session, const StepView& step, int32_t lines) {
  if (!kHasMoments || step.output_count < 2) return;
  constexpr int64_t kWorkPerElement = 3;
  const TensorInfo& y = step.output;
  const TensorInfo& moments = step.more_outputs[0];
  const int32_t runs = moments.shape[1];
  parallel(session, y.shape[0] * runs, kWorkPerElement * lines * y.shape[2] * y.columns,
           [&](int32_t begin, int32_t end, int32_t) {
             for (int32_t i = begin; i < end; ++i) {
               take_moments(session, moments, y, line_run(y, runs, lines, i), i);
             }
           });
}

}  // namespace linnet::engine
