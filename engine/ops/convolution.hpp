// What the convolutions share: geometry, shape checks and the split over output rows.
#pragma once

#include "engine/check.hpp"
#include "engine/int8_weights.hpp"
#include "engine/operators.hpp"
#include "engine/ops/moments.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

// Images of the same batch, channels divisible into groups.
inline bool check_groups(const StepView& step, int32_t groups, Error* error) {
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  LINNET_REQUIRE(error, x.shape[0] == y.shape[0], LINNET_ERROR_SHAPE, y.index, x.shape[0], y.shape[0]);
  LINNET_REQUIRE(error, x.columns % groups == 0, LINNET_ERROR_SHAPE, x.index, groups, x.columns);
  LINNET_REQUIRE(error, y.columns % groups == 0, LINNET_ERROR_SHAPE, y.index, groups, y.columns);
  return true;
}

// As check_groups(), with a section of [k, n] for each group present in the weights.
template <class Table>
bool check_channels(const StepView& step, const Table& table, int32_t groups, int32_t n, int64_t k, Error* error,
                    int32_t residual = 1) {
  return check_groups(step, groups, error) &&
         check_sections(step, table.weights(), has_int8_weights(table), groups, n, k, error) &&
         check_residual(step, error, residual) && check_activation(table.activation(), error);
}

// The layouts of an operator's weights, by arithmetic; with_int8 where float arithmetic has int8 weights.
struct WeightLayouts {
  fb::WeightLayout real, with_int8, int8, int16;
};
constexpr WeightLayouts kPanelLayouts = {fb::WeightLayout::Panel16, fb::WeightLayout::Panel16Float32x8,
                                         fb::WeightLayout::Panel16Int8, fb::WeightLayout::Panel16Int16x8};
constexpr WeightLayouts kDepthwiseLayouts = {fb::WeightLayout::Depthwise16, fb::WeightLayout::Depthwise16Float32x8,
                                             fb::WeightLayout::Depthwise16Int8, fb::WeightLayout::Depthwise16Int16x8};

// Weights are in the layout of the step's arithmetic.
template <class Table>
bool check_layout(const StepView& step, const Table& table, const WeightLayouts& layouts, Error* error) {
  const bool real = table.requantize() == nullptr;
  if (real && table.weight_layout() == layouts.with_int8) {
    return check_feature(kHasInt8Weights, StepFeature::Int8Weights, error);
  }
  if (!kHasFloat32Weights && real && table.weight_layout() == layouts.real) {
    return check_feature(false, StepFeature::Float32Weights, error);
  }
  const fb::WeightLayout wanted = real ? layouts.real : is_int16(step) ? layouts.int16 : layouts.int8;
  LINNET_REQUIRE(error, table.weight_layout() == wanted, LINNET_ERROR_MODEL_CORRUPT, -1, static_cast<int64_t>(wanted),
                 static_cast<int64_t>(table.weight_layout()));
  return true;
}

// Weights, activation and residual of a step with integer arithmetic, whose check_arithmetic() has passed.
template <class Table>
bool check_integer_weights(const StepView& step, const Table& table, int32_t sections, int32_t n, int64_t k,
                           Error* error) {
  const fb::Rounding rounding = table.requantize()->rounding();
  LINNET_REQUIRE(error, step.output_count == 1, LINNET_ERROR_SHAPE, -1, 1, step.output_count);
  if (is_int16(step)) {
    constexpr bool kReal = std::is_same_v<Table, fb::FullyConnected>;
    LINNET_REQUIRE(error, step.input_count == 1, LINNET_ERROR_SHAPE, -1, 1, step.input_count);
    return check_rounding(*table.requantize(), kReal ? fb::Rounding::Float : fb::Rounding::FixedPoint, error) &&
           check_int16_panels(step, table.weights(), sections, n, k, kReal, error) &&
           check_identity(table.activation(), error);
  }
  return check_panels(step, table.weights(), sections, n, k, rounding, error) &&
         check_identity(table.activation(), error) && check_residual_add(step, table.residual(), rounding, error);
}

template <class Table>
constexpr bool kTakesInt16 = std::is_same_v<Table, fb::Conv2D> || std::is_same_v<Table, fb::DepthwiseConv2D> ||
                             std::is_same_v<Table, fb::Pool2D> || std::is_same_v<Table, fb::ConvTranspose2D>;

// Types, ranks and window; what must hold before any of the geometry is computed with.
template <class Table>
bool check_geometry(const StepView& step, const Table& table, Error* error) {
  return check_arithmetic(step, requantize_of(table), error, kTakesInt16<Table>) &&
         check_image(step.inputs[0], error) && check_image(step.output, error) && check_window(window_of(table), error);
}

inline kernels::Epilogue epilogue_of(const StepView& step, const linnet_session& session,
                                     const fb::Activation* activation, int32_t residual = 1) {
  kernels::Epilogue epilogue;
  if (step.input_count > residual) {
    epilogue.residual = session.input<float>(step.inputs[residual]);
    epilogue.residual_stride = step.inputs[residual].row_stride;
  }
  epilogue.activation = activation_of(activation);
  return epilogue;
}

// Fills the fields that all argument structs of image kernels have.
template <class Args, class Table>
void set_images(const StepView& step, const Table& table, const linnet_session& session, Args* args) {
  using Element = std::remove_pointer_t<decltype(args->y)>;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  args->window = window_of(table);
  args->in_h = x.shape[1];
  args->in_w = x.shape[2];
  args->out_h = y.shape[1];
  args->out_w = y.shape[2];
  args->x = session.input<Element>(x);
  args->x_stride = x.row_stride;
  args->y = session.output<Element>(y);
  args->y_stride = y.row_stride;
}

inline int64_t window_taps(const kernels::Window& window) {
  return saturating_multiply(window.kernel_h, window.kernel_w);
}

// The window on both axes, after check_geometry().
template <class Table>
bool check_spans(const StepView& step, const Table& conv, Error* error) {
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  return check_span(x.shape[1], y.shape[1], conv.kernel_h(), conv.stride_h(), conv.dilation_h(), conv.pad_top(),
                    error) &&
         check_span(x.shape[2], y.shape[2], conv.kernel_w(), conv.stride_w(), conv.dilation_w(), conv.pad_left(),
                    error);
}

// Window and weights of a direct convolution, after check_geometry().
template <class Table>
bool check_convolution(const StepView& step, const Table& conv, int32_t groups, Error* error, int32_t residual = 1) {
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  const int64_t k = saturating_multiply(window_taps(window_of(conv)), x.columns / groups);
  LINNET_REQUIRE(error, k <= INT32_MAX, LINNET_ERROR_SHAPE, x.index, INT32_MAX, k);
  if (!check_spans(step, conv, error)) return false;
  if constexpr (HasRequantize<Table>::value) {
    if (!check_layout(step, conv, kPanelLayouts, error)) return false;
    if (is_integer(conv)) {
      return check_groups(step, groups, error) &&
             check_integer_weights(step, conv, groups, y.columns / groups, k, error);
    }
  }
  return check_channels(step, conv, groups, y.columns / groups, k, error, residual);
}

// Rows are the pixels of a 1x1 convolution of an image one pixel wide.
constexpr kernels::Window kPixel = {1, 1, 1, 1, 1, 1, 0, 0};

constexpr int32_t kOutputs = 2 * kernels::kPanel;  // of a Conv2D, that threads divide together

// Whether the threads divide the outputs instead of the lines: where one of them would have to compute many more lines
// than its share, as 4 of 7. Moments are of all outputs of a run of lines.
inline bool divides_outputs(const StepView& step, const linnet_session& session) {
  const int32_t lines = step.output.shape[0] * step.output.shape[1], threads = session.threads;
  const int32_t most = (lines - 1) / threads + 1;
  return step.lines.count < 0 && step.output_count == 1 && step.step.op_as_Conv2D()->groups() == 1 &&
         step.output.columns >= int64_t{4} * kOutputs * threads && int64_t{8} * most * threads > int64_t{9} * lines;
}

// The moments that a convolution gives, where it has a second output.
inline bool check_moments_output(const StepView& step, int32_t lines, Error* error) {
  if (step.output_count < 2) return true;
  return check_feature(kHasMoments, StepFeature::Moments, error) &&
         (!kHasMoments || check_moments(step.more_outputs[0], step.output, lines, error));
}

// Calls run(args, task) for ranges of the output rows that the step is to compute; `work` is that of one output
// element. Takes the moments of runs of moment_rows lines where the step has them to give.
template <class Args, class Run>
void parallel_rows(const linnet_session& session, const StepView& step, int32_t moment_rows, int64_t work,
                   const Args& args, const Run& run) {
  const TensorInfo& y = step.output;
  const auto run_lines = [&](int32_t begin, int32_t end, int32_t task) {
    Args part = args;
    part.row_begin = begin;
    part.row_end = end;
    run(part, task);
  };
  const int64_t line_work = static_cast<int64_t>(y.shape[2]) * y.columns * work;
  if (!moments_by_runs(session, step)) {
    const int32_t first = step.lines.begin;
    parallel(session, step.lines.count < 0 ? y.shape[0] * y.shape[1] : step.lines.count, line_work,
             [&](int32_t begin, int32_t end, int32_t task) { run_lines(first + begin, first + end, task); });
    take_all_moments(session, step, moment_rows);
    return;
  }
  const TensorInfo& moments = step.more_outputs[0];
  parallel(session, y.shape[0] * moments.shape[1], line_work * moment_rows,
           [&](int32_t begin, int32_t end, int32_t task) {
             for (int32_t i = begin; i < end; ++i) {
               const LineRun lines = line_run(y, moments.shape[1], moment_rows, i);
               run_lines(lines.begin, lines.end, task);
               take_moments(session, moments, y, lines, i);
             }
           });
}

}  // namespace linnet::engine
