#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kOutputs = 2 * kernels::kPanel;  // that threads divide together

int32_t group_channels(const TensorInfo& tensor, const fb::Conv2D& conv) {
  return tensor.columns / conv.groups();
}

bool check(const StepView& step, Error* error) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  if (!check_geometry(step, conv, error)) return false;
  LINNET_REQUIRE(error, conv.groups() >= 1, LINNET_ERROR_SHAPE, -1, 1, conv.groups());
  return check_convolution(step, conv, conv.groups(), error) && check_moments_output(step, conv.moment_rows(), error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  return kernels::conv2d_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv), target.traits,
                                       target.pointer_bytes);
}

// Whether the threads divide the outputs instead of the lines: where one of them would have to compute many more lines
// than its share, as 4 of 7. Moments are of all outputs of a run of lines.
bool divides_outputs(const StepView& step, const linnet_session& session) {
  const int32_t lines = step.output.shape[0] * step.output.shape[1], threads = session.threads;
  const int32_t most = (lines - 1) / threads + 1;
  return step.lines.count < 0 && step.output_count == 1 && step.step.op_as_Conv2D()->groups() == 1 &&
         step.output.columns >= int64_t{4} * kOutputs * threads && int64_t{8} * most * threads > int64_t{9} * lines;
}

void run_outputs(const StepView& step, const linnet_session& session, const kernels::Conv2DArgs& args) {
  const TensorInfo& y = step.output;
  const int32_t k = window_taps(args.window) * args.in_channels, lines = y.shape[0] * y.shape[1];
  const int64_t work = saturating_multiply(int64_t{lines} * y.shape[2] * kOutputs, k);
  parallel(session, (y.columns - 1) / kOutputs + 1, work, [&](int32_t begin, int32_t end, int32_t task) {
    const int32_t first = begin * kOutputs;
    kernels::Conv2DArgs part = args;
    part.row_end = lines;
    part.out_channels = end * kOutputs < y.columns ? end * kOutputs - first : y.columns - first;
    part.packed += kernels::panel_floats(first, k);
    part.y += first;
    if (part.epilogue.residual != nullptr) part.epilogue.residual += first;
    part.scratch = session.slot(task);
    session.kernels->conv2d_f32(part);
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  kernels::Conv2DArgs args = {};
  set_images(step, conv, session, &args);
  args.groups = conv.groups();
  args.in_channels = group_channels(step.inputs[0], conv);
  args.out_channels = group_channels(step.output, conv);
  args.packed = step.model.floats(conv.weights());
  args.epilogue = epilogue_of(step, session, conv.activation());
  if (divides_outputs(step, session)) return run_outputs(step, session, args);
  parallel_rows(session, step, conv.moment_rows(), window_taps(args.window) * args.in_channels, args,
                [&](kernels::Conv2DArgs& part, int32_t task) {
                  part.scratch = session.slot(task);
                  session.kernels->conv2d_f32(part);
                });
}

kernels::Window window(const fb::Step& step) {
  return window_of(*step.op_as_Conv2D());
}

}  // namespace

const OperatorEntry kConv2D = {1, 2, 0b10, check, scratch_bytes, run, 2, window};

}  // namespace linnet::engine
