#include "engine/ops/sparse.hpp"

#include "kernels/sparse/layout.hpp"

namespace linnet::engine {
namespace {

kernels::SparseLayout layout_of(fb::WeightLayout layout) {
  const int32_t outputs = layout == fb::WeightLayout::Sparse4Float32    ? 4
                          : layout == fb::WeightLayout::Sparse16Float32 ? kernels::kPanel
                                                                        : 1;
  return {outputs, layout == fb::WeightLayout::SparseInt8 ? kernels::kSparseInt8Header : kernels::kSparseFloatHeader};
}

// The counts and indices of a panel of `bytes` bytes, and that it ends where its last part does.
bool check_panel(const uint8_t* panel, int64_t bytes, const kernels::SparseLayout& layout, int32_t positions,
                 Error* error) {
  const int64_t counts = kernels::sparse_counts(layout, positions), index_offset = layout.header_bytes + 2 * counts;
  LINNET_REQUIRE(error, bytes >= index_offset, LINNET_ERROR_RANGE, -1, index_offset, bytes);
  const uint16_t* const count = reinterpret_cast<const uint16_t*>(panel + layout.header_bytes);
  const int32_t last_run = positions - (kernels::sparse_runs(positions) - 1) * kernels::kSparseRun;
  int64_t blocks = 0, before_last = 0;
  for (int64_t i = 0; i < counts; ++i) {
    const bool last = i >= counts - layout.rows();
    const int32_t most = last ? last_run : kernels::kSparseRun;
    LINNET_REQUIRE(error, count[i] <= most, LINNET_ERROR_RANGE, -1, most, count[i]);
    blocks += count[i];
    if (!last) before_last += count[i];
  }
  const int64_t wanted = kernels::sparse_panel_bytes(layout, positions, blocks);
  LINNET_REQUIRE(error, bytes == wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  const uint8_t* const index = panel + index_offset;
  for (int64_t i = before_last; i < blocks; ++i) {
    LINNET_REQUIRE(error, index[i] < last_run, LINNET_ERROR_RANGE, -1, last_run, index[i]);
  }
  return true;
}

// Buffer `index` holds a section of [positions, n]; of int8 with `requantize`.
bool check_section(const StepView& step, uint32_t index, const kernels::SparseLayout& layout, int32_t n,
                   int32_t positions, const fb::Requantize* requantize, Error* error) {
  const int64_t bytes = step.model.block_bytes(index), first = kernels::sparse_first_panel(layout, n);
  LINNET_REQUIRE(error, bytes >= first, LINNET_ERROR_RANGE, -1, first, bytes);
  const uint8_t* const section = step.model.block(index);
  const uint32_t* const ends = reinterpret_cast<const uint32_t*>(section);
  int64_t begin = first;
  for (int32_t panel = 0; panel < kernels::sparse_panels(n); ++panel) {
    const int64_t end = ends[panel];
    LINNET_REQUIRE(error, end >= begin, LINNET_ERROR_RANGE, -1, begin, end);
    LINNET_REQUIRE(error, end <= bytes, LINNET_ERROR_RANGE, -1, bytes, end);
    if (!check_panel(section + begin, end - begin, layout, positions, error)) return false;
    if (kHasInt8 && requantize != nullptr &&
        !check_panel_factors(section + begin, kernels::kPanel, n - panel * kernels::kPanel, requantize->rounding(),
                             error)) {
      return false;
    }
    begin = end;
  }
  return true;
}

// Weights, activation and residual of a step with `inputs` weights for each output, whose arithmetic has been checked.
template <class Table>
bool check_sparse(const StepView& step, const Table& table, int64_t inputs, Error* error) {
  const TensorInfo& x = step.inputs[0];
  const bool int8 = table.weight_layout() == fb::WeightLayout::SparseInt8;
  LINNET_REQUIRE(error, int8 == (table.requantize() != nullptr), LINNET_ERROR_MODEL_CORRUPT, -1, int8, !int8);
  LINNET_REQUIRE(error, !int8 || x.type == fb::DataType::Int8, LINNET_ERROR_SHAPE, x.index,
                 static_cast<int64_t>(fb::DataType::Int8), static_cast<int64_t>(x.type));
  LINNET_REQUIRE(error, inputs <= INT32_MAX, LINNET_ERROR_SHAPE, x.index, INT32_MAX, inputs);
  LINNET_REQUIRE(error, !int8 || x.columns % kernels::kDot == 0, LINNET_ERROR_SHAPE, x.index, kernels::kDot, x.columns);
  const int32_t positions = static_cast<int32_t>(inputs) / (int8 ? kernels::kDot : 1);
  if (!check_section(step, table.weights(), layout_of(table.weight_layout()), step.output.columns, positions,
                     table.requantize(), error)) {
    return false;
  }
  if (!int8) return check_residual(step, error) && check_activation(table.activation(), error);
  LINNET_REQUIRE(error, step.output_count == 1, LINNET_ERROR_SHAPE, -1, 1, step.output_count);
  return check_identity(table.activation(), error) &&
         check_residual_add(step, table.residual(), table.requantize()->rounding(), error);
}

// What both arithmetics have; x and y as images are set elsewhere.
template <class Args, class Table>
void set_layer(const StepView& step, const Table& table, const linnet_session& session, Args* args) {
  using Element = std::remove_pointer_t<decltype(args->y)>;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  args->groups = 1;
  args->in_channels = x.columns;
  args->out_channels = y.columns;
  args->x = session.input<Element>(x);
  args->x_stride = x.row_stride;
  args->packed = reinterpret_cast<decltype(args->packed)>(step.model.block(table.weights()));
  args->y = session.output<Element>(y);
  args->y_stride = y.row_stride;
  args->output_end = y.columns;
}

// Calls run(args, kernel) with the arguments and the kernel of the step's arithmetic.
template <class Table, class Run>
void with_arguments(const StepView& step, const Table& table, const linnet_session& session, Run run) {
  if (kHasInt8 && table.requantize() != nullptr) {
    kernels::SparseConv2DInt8Args args = {};
    set_layer(step, table, session, &args);
    args.input_zero_point = step.inputs[0].zero_point;
    args.epilogue = epilogue_int8_of(step, session, *table.requantize(), table.residual());
    run(args, [&](const auto& part) { session.kernels->sparse_conv2d_s8(part); });
  } else if (kHasFloat32) {
    kernels::SparseConv2DArgs args = {};
    set_layer(step, table, session, &args);
    args.epilogue = epilogue_of(step, session, table.activation());
    args.block = layout_of(table.weight_layout()).outputs;
    run(args, [&](const auto& part) { session.kernels->sparse_conv2d_f32(part); });
  }
}

template <class Table>
int64_t scratch_bytes(const StepView& step, const Table& table, const kernels::Window& window, int32_t images,
                      int32_t out_h, int32_t out_w, const Target& target) {
  const int32_t inputs = step.inputs[0].columns, outputs = step.output.columns;
  if (kHasInt8 && table.requantize() != nullptr) {
    return kernels::sparse_conv2d_int8_scratch_bytes(window, inputs, outputs, int64_t{images} * out_h * out_w,
                                                     target.traits, target.pointer_bytes);
  }
  return kernels::sparse_conv2d_scratch_bytes(window, inputs, outputs, layout_of(table.weight_layout()).outputs, images,
                                              out_h, out_w, target.traits, target.pointer_bytes);
}

// Threads divide the outputs, `unit` of them together.
template <class Args, class Kernel>
void run_outputs(const linnet_session& session, const Args& args, int32_t unit, int64_t work, const Kernel& kernel) {
  const int32_t units = (args.out_channels - 1) / unit + 1;
  parallel(session, units, work * unit, [&](int32_t begin, int32_t end, int32_t task) {
    Args part = args;
    part.output_begin = begin * unit;
    part.output_end = end < units ? end * unit : args.out_channels;
    part.scratch = session.slot(task);
    kernel(part);
  });
}

}  // namespace

bool check_sparse_conv2d(const StepView& step, const fb::Conv2D& conv, Error* error) {
  if (!kHasSparse) return check_feature(false, StepFeature::Sparse, error);
  LINNET_REQUIRE(error, conv.groups() == 1, LINNET_ERROR_SHAPE, -1, 1, conv.groups());
  return check_spans(step, conv, error) && check_groups(step, 1, error) &&
         check_sparse(step, conv, saturating_multiply(window_taps(window_of(conv)), step.inputs[0].columns), error) &&
         check_moments_output(step, conv.moment_rows(), error);
}

int64_t sparse_conv2d_scratch_bytes(const StepView& step, const fb::Conv2D& conv, const Target& target) {
  const TensorInfo& y = step.output;
  return scratch_bytes(step, conv, window_of(conv), y.shape[0], y.shape[1], y.shape[2], target);
}

void run_sparse_conv2d(const StepView& step, const fb::Conv2D& conv, const linnet_session& session) {
  with_arguments(step, conv, session, [&](auto args, const auto& kernel) {
    set_images(step, conv, session, &args);
    const int64_t work = window_taps(args.window) * args.in_channels;
    if (divides_outputs(step, session)) {
      args.row_end = step.output.shape[0] * step.output.shape[1];
      return run_outputs(session, args, kOutputs, work * args.row_end * args.out_w, kernel);
    }
    parallel_rows(session, step, conv.moment_rows(), work, args, [&](auto& part, int32_t task) {
      part.scratch = session.slot(task);
      kernel(part);
    });
  });
}

bool check_sparse_linear(const StepView& step, const fb::FullyConnected& linear, Error* error) {
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  if (!kHasSparse) return check_feature(false, StepFeature::Sparse, error);
  if (!check_arithmetic(step, linear.requantize(), error)) return false;
  LINNET_REQUIRE(error, x.rows == y.rows, LINNET_ERROR_SHAPE, y.index, x.rows, y.rows);
  LINNET_REQUIRE(error, !linear.transposed() && linear.bias() == 0, LINNET_ERROR_SHAPE, -1, 0, 1);
  return check_sparse(step, linear, x.columns, error);
}

int64_t sparse_linear_scratch_bytes(const StepView& step, const fb::FullyConnected& linear, const Target& target) {
  return scratch_bytes(step, linear, kPixel, 1, step.output.rows, 1, target);
}

void run_sparse_linear(const StepView& step, const fb::FullyConnected& linear, const linnet_session& session) {
  with_arguments(step, linear, session, [&](auto args, const auto& kernel) {
    args.window = kPixel;
    args.in_h = args.out_h = step.output.rows;
    args.in_w = args.out_w = 1;
    args.row_end = step.output.rows;
    // Rows are computed together; outputs in panels.
    const int32_t together = 4 * kernels::traits(session.kernels->id).width;
    const int32_t row_units = (args.row_end - 1) / together + 1;
    if (row_units < session.threads && row_units < (args.out_channels - 1) / kernels::kPanel + 1) {
      return run_outputs(session, args, kernels::kPanel, int64_t{args.row_end} * args.in_channels, kernel);
    }
    parallel(session, row_units, int64_t{together} * args.in_channels * args.out_channels,
             [&](int32_t begin, int32_t end, int32_t task) {
               auto part = args;
               part.row_begin = begin * together;
               part.row_end = end < row_units ? end * together : args.row_end;
               part.scratch = session.slot(task);
               kernel(part);
             });
  });
}

}  // namespace linnet::engine
