#include "engine/ops/codes.hpp"
#include "engine/ops/convolution.hpp"
#include "engine/ops/sparse.hpp"

namespace linnet::engine {
namespace {

int32_t group_channels(const TensorInfo& tensor, const fb::Conv2D& conv) {
  return tensor.columns / conv.groups();
}

bool check(const StepView& step, Error* error) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  if (!check_geometry(step, conv, error)) return false;
  if (is_sparse(conv.weight_layout())) return check_sparse_conv2d(step, conv, error);
  if (is_codes(conv.weight_layout())) {
    return check_codes(error, [&] { return check_codes_conv2d(step, conv, error); });
  }
  LINNET_REQUIRE(error, conv.groups() >= 1, LINNET_ERROR_SHAPE, -1, 1, conv.groups());
  return check_convolution(step, conv, conv.groups(), error) && check_moments_output(step, conv.moment_rows(), error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  if (kHasSparse && is_sparse(conv.weight_layout())) return sparse_conv2d_scratch_bytes(step, conv, target);
  if (is_integer(conv) && is_int16(step)) {
    return kernels::conv2d_int16_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv), target.traits);
  }
  if (is_integer(conv)) {
    const TensorInfo& y = step.output;
    return kernels::conv2d_int8_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv),
                                              int64_t{y.shape[0]} * y.shape[1], y.shape[2], target.traits,
                                              target.pointer_bytes, has_codes(conv));
  }
  return kernels::conv2d_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv), target.traits,
                                       target.pointer_bytes);
}

template <class Weight>
void set_epilogue(const StepView& step, const linnet_session& session, kernels::Conv2DArgsOf<Weight>* args) {
  args->epilogue = epilogue_of(step, session, step.step.op_as_Conv2D()->activation());
}

void set_epilogue(const StepView& step, const linnet_session& session, kernels::Conv2DInt8Args* args) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  args->epilogue = epilogue_int8_of(step, session, *conv.requantize(), conv.residual());
}

void set_epilogue(const StepView& step, const linnet_session&, kernels::Conv2DInt16Args* args) {
  args->low = step.step.op_as_Conv2D()->requantize()->low();
  args->high = step.step.op_as_Conv2D()->requantize()->high();
}

template <class Args>
void move_residual(Args* args, int32_t outputs) {
  if (args->epilogue.residual != nullptr) args->epilogue.residual += outputs;
}

void move_residual(kernels::Conv2DInt16Args*, int32_t) {}

// What the weights of n outputs take in a section, in its elements.
template <class Weight>
int64_t section_size(const kernels::Conv2DArgsOf<Weight>&, int32_t n, int32_t k) {
  return kernels::panel_elements<Weight>(n, k);
}

int64_t section_size(const kernels::Conv2DInt8Args& args, int32_t n, int32_t k) {
  return int8_section_bytes(args.codes, n, k);
}

int64_t section_size(const kernels::Conv2DCodesArgs& args, int32_t n, int32_t k) {
  return kernels::panel_codes_bytes(args.format, n, k);
}

int64_t section_size(const kernels::Conv2DInt16Args&, int32_t n, int32_t k) {
  return kernels::panel_int16_bytes(n, k);
}

// The first section, and what is said of it before.
template <class Args>
void set_weights(const StepView& step, const fb::Conv2D& conv, Args* args) {
  args->packed = reinterpret_cast<decltype(args->packed)>(step.model.block(conv.weights()));
}

void set_weights(const StepView& step, const fb::Conv2D& conv, kernels::Conv2DCodesArgs* args) {
  args->packed = step.model.block(conv.weights()) + kernels::kCodesHeaderBytes;
  args->format = code_format(step, conv.weights());
  args->one_row = is_one_row(step, args->format);
}

void set_weights(const StepView& step, const fb::Conv2D& conv, kernels::Conv2DInt8Args* args) {
  set_int8_weights(step, conv, args);
}

template <class Args, class Kernel>
void run_outputs(const StepView& step, const linnet_session& session, const Args& args, Kernel kernel) {
  const TensorInfo& y = step.output;
  const int32_t k = window_taps(args.window) * args.in_channels, lines = y.shape[0] * y.shape[1];
  const int64_t work = saturating_multiply(int64_t{lines} * y.shape[2] * kOutputs, k);
  parallel(session, (y.columns - 1) / kOutputs + 1, work, [&](int32_t begin, int32_t end, int32_t task) {
    const int32_t first = begin * kOutputs;
    Args part = args;
    part.row_end = lines;
    part.out_channels = end * kOutputs < y.columns ? end * kOutputs - first : y.columns - first;
    part.packed += section_size(args, first, k);
    part.y += first;
    move_residual(&part, first);
    part.scratch = session.slot(task);
    kernel(part);
  });
}

template <class Args, class Kernel>
void run_with(const StepView& step, const linnet_session& session, Args args, Kernel kernel) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  set_images(step, conv, session, &args);
  args.groups = conv.groups();
  args.in_channels = group_channels(step.inputs[0], conv);
  args.out_channels = group_channels(step.output, conv);
  set_weights(step, conv, &args);
  set_epilogue(step, session, &args);
  if (divides_outputs(step, session)) return run_outputs(step, session, args, kernel);
  parallel_rows(session, step, conv.moment_rows(), window_taps(args.window) * args.in_channels, args,
                [&](Args& part, int32_t task) {
                  part.scratch = session.slot(task);
                  kernel(part);
                });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  const bool integer = is_integer(conv);
  if (kHasSparse && is_sparse(conv.weight_layout())) {
    run_sparse_conv2d(step, conv, session);
  } else if (integer && is_int16(step)) {
    run_with(step, session, kernels::Conv2DInt16Args{}, [&](const auto& part) { session.kernels->conv2d_s16(part); });
  } else if (kHasInt8 && integer) {
    kernels::Conv2DInt8Args args = {};
    args.input_zero_point = step.inputs[0].zero_point;
    run_with(step, session, args, [&](const auto& part) { session.kernels->conv2d_s8(part); });
  } else if (kHasFloat32 && has_codes(conv)) {
    run_with(step, session, kernels::Conv2DCodesArgs{},
             [&](const auto& part) { session.kernels->conv2d_codes_f32(part); });
  } else if (kHasFloat32 && kHasInt8Weights && has_int8_weights(conv)) {
    run_with(step, session, kernels::Conv2DFloat32x8Args{},
             [&](const auto& part) { session.kernels->conv2d_f32x8(part); });
  } else if (kHasFloat32 && kHasFloat32Weights) {
    run_with(step, session, kernels::Conv2DArgs{}, [&](const auto& part) { session.kernels->conv2d_f32(part); });
  }
}

kernels::Window window(const fb::Step& step) {
  return window_of(*step.op_as_Conv2D());
}

}  // namespace

const OperatorEntry kConv2D = {1, 2, 0b10, check, scratch_bytes, run, 2, window};

}  // namespace linnet::engine
