#include "engine/ops/codes.hpp"
#include "engine/ops/convolution.hpp"
#include "engine/ops/dynamic_linear.hpp"
#include "engine/ops/gemm_columns.hpp"
#include "engine/ops/sparse.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  if (linear.weight_layout() == fb::WeightLayout::Panel16Dynamic8) return check_dynamic(step, linear, error);
  if (is_sparse(linear.weight_layout())) return check_sparse_linear(step, linear, error);
  if (is_codes(linear.weight_layout())) {
    return check_codes(error, [&] { return check_codes_linear(step, linear, error); });
  }
  if (!check_arithmetic(step, linear.requantize(), error, true) || !check_layout(step, linear, kPanelLayouts, error)) {
    return false;
  }
  if (!check_feature(kHasTransposed || !linear.transposed(), StepFeature::Transposed, error)) return false;
  LINNET_REQUIRE(error, x.rows == y.rows, LINNET_ERROR_SHAPE, y.index, x.rows, y.rows);
  if (is_integer(linear)) {
    LINNET_REQUIRE(error, !linear.transposed() && linear.bias() == 0, LINNET_ERROR_SHAPE, -1, 0, 1);
    return check_integer_weights(step, linear, 1, y.columns, x.columns, error);
  }
  LINNET_REQUIRE(error, !linear.transposed() || !has_int8_weights(linear), LINNET_ERROR_MODEL_CORRUPT, -1, 0, 1);
  if (linear.bias() != 0 && !check_words(step, linear.bias() - 1, y.columns, error)) return false;
  const int32_t n = linear.transposed() ? x.columns : y.columns, k = linear.transposed() ? y.columns : x.columns;
  return check_sections(step, linear.weights(), has_int8_weights(linear), 1, n, k, error) &&
         check_residual(step, error) && check_activation(linear.activation(), error);
}

template <class Weight>
kernels::GemmArgsOf<Weight> arguments(const StepView& step, const linnet_session& session) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  kernels::GemmArgsOf<Weight> args = {};
  args.m = y.rows;
  args.n = y.columns;
  args.k = x.columns;
  args.a = session.input<float>(x);
  args.a_stride = x.row_stride;
  args.packed = reinterpret_cast<const Weight*>(step.model.block(linear.weights()));
  args.c = session.output<float>(y);
  args.c_stride = y.row_stride;
  args.epilogue = epilogue_of(step, session, linear.activation());
  return args;
}

template <class Weight>
kernels::GemmArgsOf<Weight> rows_of(const kernels::GemmArgsOf<Weight>& all, int32_t begin, int32_t end) {
  kernels::GemmArgsOf<Weight> args = all;
  args.m = end - begin;
  args.a += begin * all.a_stride;
  args.c += begin * all.c_stride;
  if (args.epilogue.residual != nullptr) args.epilogue.residual += begin * all.epilogue.residual_stride;
  return args;
}

// Every output is computed alike, wherever the threads divide them.
void run_transposed(const StepView& step, const linnet_session& session) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const kernels::GemmArgs all = arguments<float>(step, session);
  kernels::GemmTransposedArgs args = {};
  args.m = all.m;
  args.n = all.n;
  args.k = all.k;
  args.a = all.a;
  args.a_stride = all.a_stride;
  args.packed = all.packed;
  args.bias = linear.bias() != 0 ? step.model.floats(linear.bias() - 1) : nullptr;
  args.c = all.c;
  args.c_stride = all.c_stride;
  args.epilogue = all.epilogue;
  parallel(session, args.n, int64_t{args.m} * args.k, [&](int32_t begin, int32_t end, int32_t) {
    kernels::GemmTransposedArgs part = args;
    part.n_begin = begin;
    part.n_end = end;
    session.kernels->gemm_transposed_f32(part);
  });
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  if (is_dynamic(*step.step.op_as_FullyConnected())) return dynamic_scratch_bytes(step, target);
  if (kHasSparse && is_sparse(step.step.op_as_FullyConnected()->weight_layout())) {
    return sparse_linear_scratch_bytes(step, *step.step.op_as_FullyConnected(), target);
  }
  if (!is_integer(*step.step.op_as_FullyConnected())) return 0;
  if (is_int16(step)) return kernels::conv2d_int16_scratch_bytes(kPixel, step.inputs[0].columns, target.traits);
  return kernels::conv2d_int8_scratch_bytes(kPixel, step.inputs[0].columns, step.inputs[0].rows, 1, target.traits,
                                            target.pointer_bytes, has_codes(*step.step.op_as_FullyConnected()));
}

// `args` has the weights; panel_bytes(n, k) of the outputs before one; move(args, outputs) what else moves on with
// them.
template <class Args, class Kernel, class PanelBytes, class Move>
void run_integers(const StepView& step, const linnet_session& session, Args args, Kernel kernel, PanelBytes panel_bytes,
                  Move move) {
  using Element = std::remove_pointer_t<decltype(args.y)>;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  args.window = kPixel;
  args.in_h = x.rows;
  args.out_h = x.rows;
  args.in_w = 1;
  args.out_w = 1;
  args.groups = 1;
  args.in_channels = x.columns;
  args.out_channels = y.columns;
  args.row_end = x.rows;
  args.x = session.input<Element>(x);
  args.x_stride = x.row_stride;
  args.y = session.output<Element>(y);
  args.y_stride = y.row_stride;
  const int32_t tile_rows = kernels::traits(session.kernels->id).int8_rows;
  const int32_t row_tiles = (x.rows - 1) / tile_rows + 1, panels = (y.columns - 1) / kernels::kPanel + 1;
  const bool by_rows = row_tiles >= session.threads || row_tiles >= panels;
  const int64_t unit = by_rows ? int64_t{tile_rows} * y.columns : int64_t{kernels::kPanel} * x.rows;
  parallel(session, by_rows ? row_tiles : panels, unit * x.columns, [&](int32_t begin, int32_t end, int32_t task) {
    Args part = args;
    part.scratch = session.slot(task);
    if (by_rows) {
      part.row_begin = begin * tile_rows;
      part.row_end = end < row_tiles ? end * tile_rows : x.rows;
    } else {
      const int32_t first = begin * kernels::kPanel;
      part.out_channels = (end < panels ? end * kernels::kPanel : y.columns) - first;
      part.packed += panel_bytes(first, x.columns);
      part.y += first;
      move(&part, first);
    }
    kernel(part);
  });
}

void run_int8(const StepView& step, const linnet_session& session) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  kernels::Conv2DInt8Args args = {};
  args.input_zero_point = step.inputs[0].zero_point;
  args.epilogue = epilogue_int8_of(step, session, *linear.requantize(), linear.residual());
  set_int8_weights(step, linear, &args);
  run_integers(
      step, session, args, [&](const auto& part) { session.kernels->conv2d_s8(part); },
      [&](int64_t n, int64_t k) { return int8_section_bytes(args.codes, n, k); },
      [](kernels::Conv2DInt8Args* part, int32_t outputs) {
        if (part->epilogue.residual != nullptr) part->epilogue.residual += outputs;
      });
}

void run_int16(const StepView& step, const linnet_session& session) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  kernels::Conv2DInt16Args args = {};
  args.packed = bytes_of(step.model, linear.weights());
  args.low = linear.requantize()->low();
  args.high = linear.requantize()->high();
  run_integers(
      step, session, args, [&](const auto& part) { session.kernels->linear_s16(part); },
      [](int64_t n, int64_t k) { return kernels::panel_int16_bytes(n, k); }, [](kernels::Conv2DInt16Args*, int32_t) {});
}

template <class Weight>
void run_floats(const StepView& step, const linnet_session& session) {
  const kernels::GemmArgsOf<Weight> args = arguments<Weight>(step, session);
  const int32_t m = args.m;
  const int32_t n = args.n;
  const int32_t tile_rows = kernels::traits(session.kernels->id).tile_rows;
  const int32_t row_tiles = (m - 1) / tile_rows + 1;
  const int32_t panels = (n - 1) / kernels::kPanel + 1;
  if (row_tiles >= session.threads || row_tiles >= panels) {
    parallel(session, row_tiles, int64_t{n} * args.k * tile_rows, [&](int32_t begin, int32_t end, int32_t) {
      const int32_t last = end < row_tiles ? end * tile_rows : m;
      multiply(session, rows_of(args, begin * tile_rows, last));
    });
    return;
  }
  multiply_columns(session, args);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const bool integer = is_integer(linear);
  if (kHasSparse && is_sparse(linear.weight_layout())) return run_sparse_linear(step, linear, session);
  if (integer && is_int16(step)) return run_int16(step, session);
  if (kHasInt8 && integer) return run_int8(step, session);
  if (!kHasFloat32) return;
  if (kHasDynamicInt8 && is_dynamic(linear)) return run_dynamic(step, linear, session);
  if (kHasFloat32Weights && kHasTransposed && linear.transposed()) return run_transposed(step, session);
  if (has_codes(linear)) return run_codes_linear(step, linear, session);
  if (kHasInt8Weights && has_int8_weights(linear)) return run_floats<int8_t>(step, session);
  if (kHasFloat32Weights) run_floats<float>(step, session);
}

}  // namespace

const OperatorEntry kFullyConnected = {1, 2, 0b10, check, scratch_bytes, run};

}  // namespace linnet::engine
