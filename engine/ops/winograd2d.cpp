#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

int32_t tiles_along(int32_t size, int32_t tile) {
  return (size - 1) / tile + 1;
}

// Of all images.
int32_t tiles_of(const TensorInfo& y, int32_t tile) {
  return y.shape[0] * tiles_along(y.shape[1], tile) * tiles_along(y.shape[2], tile);
}

// Runs of lines end where tiles do.
bool check_runs(const StepView& step, const fb::Winograd2D& conv, Error* error) {
  const int32_t lines = conv.moment_rows();
  if (!check_moments_output(step, lines, error)) return false;
  const bool whole = step.output_count < 2 || lines == step.output.shape[1] || lines % conv.tile() == 0;
  LINNET_REQUIRE(error, whole, LINNET_ERROR_SHAPE, step.more_outputs[0].index, conv.tile(), lines);
  return true;
}

bool check(const StepView& step, Error* error) {
  const fb::Winograd2D& conv = *step.step.op_as_Winograd2D();
  if (!check_geometry(step, conv, error)) return false;
  const int32_t tile = conv.tile();
  LINNET_REQUIRE(error, tile == 2 || tile == 4 || tile == 6, LINNET_ERROR_SHAPE, -1, 4, tile);
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  const int64_t k = int64_t{tile + 2} * (tile + 2) * (int64_t{x.columns} + 1);
  LINNET_REQUIRE(error, k < INT32_MAX, LINNET_ERROR_SHAPE, x.index, INT32_MAX, k);
  return check_span(x.shape[1], y.shape[1], 3, 1, 1, conv.pad_top(), error) &&
         check_span(x.shape[2], y.shape[2], 3, 1, 1, conv.pad_left(), error) &&
         check_channels(step, conv, 1, y.columns, k, error) && check_runs(step, conv, error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const int32_t tile = step.step.op_as_Winograd2D()->tile();
  return kernels::winograd2d_scratch_bytes(tile, step.inputs[0].columns, tiles_of(step.output, tile), target.traits);
}

// Computes runs of lines, and takes the moments of each while it is in the cache.
void run_with_moments(const StepView& step, const linnet_session& session, const kernels::WinogradArgs& args,
                      int32_t moment_rows) {
  const TensorInfo& y = step.output;
  const TensorInfo& moments = step.more_outputs[0];
  const int32_t runs = moments.shape[1], image_rows = tiles_along(y.shape[1], args.tile);
  const int64_t work = int64_t{moment_rows} * y.shape[2] * y.columns * args.in_channels;
  parallel(session, y.shape[0] * runs, work, [&](int32_t begin, int32_t end, int32_t task) {
    kernels::WinogradArgs part = args;
    part.column_end = y.columns;
    part.scratch = session.slot(task);
    for (int32_t i = begin; i < end; ++i) {
      const LineRun lines = line_run(y, runs, moment_rows, i);
      const int32_t first = i / runs * y.shape[1];
      part.row_begin = i / runs * image_rows + (lines.begin - first) / args.tile;
      part.row_end = i / runs * image_rows + tiles_along(lines.end - first, args.tile);
      session.kernels->winograd2d_f32(part);
      take_moments(session, moments, y, lines, i);
    }
  });
}

// The larger of transformed weights and transformed inputs is divided, by outputs or by rows of tiles; of the other
// every thread reads or computes all that it needs.
void run(const StepView& step, const linnet_session& session) {
  const fb::Winograd2D& conv = *step.step.op_as_Winograd2D();
  const TensorInfo& y = step.output;
  kernels::WinogradArgs args = {};
  set_images(step, conv, session, &args);
  args.tile = conv.tile();
  args.in_channels = step.inputs[0].columns;
  args.out_channels = y.columns;
  args.packed = step.model.floats(conv.weights());
  args.epilogue = epilogue_of(step, session, conv.activation());
  if (moments_by_runs(session, step)) return run_with_moments(step, session, args, conv.moment_rows());
  const int32_t rows = y.shape[0] * tiles_along(y.shape[1], args.tile);
  const int32_t columns = tiles_along(y.shape[2], args.tile);
  constexpr int32_t kOutputs = 2 * kernels::kPanel;
  const bool by_outputs = y.columns > rows * columns;
  const int64_t work = int64_t{args.tile + 2} * (args.tile + 2) * args.in_channels * columns;
  parallel(session, by_outputs ? tiles_along(y.columns, kOutputs) : rows,
           saturating_multiply(work, by_outputs ? int64_t{rows} * kOutputs : y.columns),
           [&](int32_t begin, int32_t end, int32_t task) {
             kernels::WinogradArgs part = args;
             part.row_begin = by_outputs ? 0 : begin;
             part.row_end = by_outputs ? rows : end;
             part.column_begin = by_outputs ? begin * kOutputs : 0;
             part.column_end = by_outputs && end * kOutputs < y.columns ? end * kOutputs : y.columns;
             part.scratch = session.slot(task);
             session.kernels->winograd2d_f32(part);
           });
  take_all_moments(session, step, conv.moment_rows());
}

}  // namespace

const OperatorEntry kWinograd2D = {1, 2, 0b10, check, scratch_bytes, run, 2};

}  // namespace linnet::engine
