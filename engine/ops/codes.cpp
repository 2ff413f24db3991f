#include "engine/ops/codes.hpp"

namespace linnet::engine {
namespace {

bool is_finite(float number) {
  return number - number == 0.0f;
}

bool check_format(const kernels::CodeFormat& format, int64_t k, Error* error) {
  LINNET_REQUIRE(error, format.bits == 4 || format.bits == 2, LINNET_ERROR_MODEL_CORRUPT, -1, 4, format.bits);
  const auto kind = static_cast<int32_t>(format.kind);
  LINNET_REQUIRE(error, kind >= 0 && kind <= static_cast<int32_t>(kernels::CodeKind::Table), LINNET_ERROR_MODEL_CORRUPT,
                 -1, static_cast<int32_t>(kernels::CodeKind::Table), kind);
  LINNET_REQUIRE(error, format.zero >= 0 && format.zero < 1 << format.bits, LINNET_ERROR_RANGE, -1, 1 << format.bits,
                 format.zero);
  const bool whole = format.group > 0 && (format.group % kernels::kCodeInputs == 0 || format.group >= k);
  LINNET_REQUIRE(error, whole || format.kind == kernels::CodeKind::Table, LINNET_ERROR_MODEL_CORRUPT, -1,
                 kernels::kCodeInputs, format.group);
  return true;
}

// Steps, offsets or tables of a section are finite; the bits of one that is not are in the error.
bool check_numbers(const kernels::CodeFormat& format, const uint8_t* panel, int32_t n, int64_t k, Error* error) {
  for (int32_t column = 0; column < n;) {
    const int32_t width = n - column > kernels::kTailPanel ? kernels::kPanel : kernels::kTailPanel;
    const float* const numbers = reinterpret_cast<const float*>(panel);
    const int64_t count = kernels::codes_head_bytes(format, width, k) / 4;
    for (int64_t i = width; i < count; ++i) {
      int32_t bits;
      std::memcpy(&bits, numbers + i, sizeof(bits));
      LINNET_REQUIRE(error, is_finite(numbers[i]), LINNET_ERROR_SHAPE, -1, 0, bits);
    }
    panel += kernels::codes_panel_bytes(format, width, k);
    column += width;
  }
  return true;
}

bool check_block(const StepView& step, uint32_t block, int32_t sections, int32_t n, int64_t k, Error* error) {
  const int64_t bytes = step.model.block_bytes(block);
  LINNET_REQUIRE(error, bytes >= kernels::kCodesHeaderBytes, LINNET_ERROR_RANGE, -1, kernels::kCodesHeaderBytes, bytes);
  const kernels::CodeFormat format = code_format(step, block);
  if (!check_format(format, k, error)) return false;
  const int64_t section = kernels::panel_codes_bytes(format, n, k);
  const int64_t wanted = saturating_add(kernels::kCodesHeaderBytes, saturating_multiply(sections, section));
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  for (int32_t i = 0; i < sections; ++i) {
    const uint8_t* const first = step.model.block(block) + kernels::kCodesHeaderBytes + i * section;
    if (!check_numbers(format, first, n, k, error)) return false;
  }
  return true;
}

bool check_int8_format(const kernels::CodeFormat& format, Error* error) {
  LINNET_REQUIRE(error, format.bits == 4 || format.bits == 2, LINNET_ERROR_MODEL_CORRUPT, -1, 4, format.bits);
  const bool known = format.kind == kernels::CodeKind::Table || format.kind == kernels::CodeKind::OutputTable;
  LINNET_REQUIRE(error, known, LINNET_ERROR_MODEL_CORRUPT, -1, static_cast<int32_t>(kernels::CodeKind::Table),
                 static_cast<int32_t>(format.kind));
  return true;
}

// The same of int8; any code has an entry in its table.
bool check_int8_block(const StepView& step, uint32_t block, int32_t sections, int32_t n, int64_t k,
                      fb::Rounding rounding, Error* error) {
  LINNET_REQUIRE(error, k <= INT32_MAX - kernels::kCodeInputs, LINNET_ERROR_SHAPE, -1, INT32_MAX, k);
  const int64_t bytes = step.model.block_bytes(block);
  LINNET_REQUIRE(error, bytes >= kernels::kCodesHeaderBytes, LINNET_ERROR_RANGE, -1, kernels::kCodesHeaderBytes, bytes);
  const kernels::CodeFormat format = code_format(step, block);
  if (!check_int8_format(format, error)) return false;
  const int64_t section = kernels::panel_int8_codes_bytes(format, n, k);
  const int64_t wanted = saturating_add(kernels::kCodesHeaderBytes, saturating_multiply(sections, section));
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  const uint8_t* panel = step.model.block(block) + kernels::kCodesHeaderBytes;
  for (int32_t i = 0; i < sections; ++i) {
    for (int32_t column = 0, width; column < n; column += width) {
      width = n - column > kernels::kTailPanel ? kernels::kPanel : kernels::kTailPanel;
      if (!check_panel_factors(panel, width, n - column, rounding, error)) return false;
      panel += kernels::int8_codes_panel_bytes(format, width, k);
    }
  }
  return true;
}

// Weights and epilogue of a step with integer arithmetic.
template <class Table>
bool check_int8_weights(const StepView& step, const Table& table, int32_t sections, int32_t n, int64_t k,
                        Error* error) {
  const TensorInfo& x = step.inputs[0];
  LINNET_REQUIRE(error, table.requantize() != nullptr, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::WeightLayout::Panel16Codes), static_cast<int64_t>(table.weight_layout()));
  LINNET_REQUIRE(error, x.type == fb::DataType::Int8, LINNET_ERROR_SHAPE, x.index,
                 static_cast<int64_t>(fb::DataType::Int8), static_cast<int64_t>(x.type));
  LINNET_REQUIRE(error, step.output_count == 1, LINNET_ERROR_SHAPE, -1, 1, step.output_count);
  const fb::Rounding rounding = table.requantize()->rounding();
  return check_int8_block(step, table.weights(), sections, n, k, rounding, error) &&
         check_identity(table.activation(), error) && check_residual_add(step, table.residual(), rounding, error);
}

// Weights and epilogue, with `sections` of [k, n].
template <class Table>
bool check_weights(const StepView& step, const Table& table, int32_t sections, int32_t n, int64_t k, Error* error) {
  if (table.weight_layout() == fb::WeightLayout::Panel16Int8Codes) {
    if (!kHasInt8) return check_feature(false, StepFeature::Int8, error);
    return check_int8_weights(step, table, sections, n, k, error);
  }
  LINNET_REQUIRE(error, table.requantize() == nullptr, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::WeightLayout::Panel16Int8), static_cast<int64_t>(table.weight_layout()));
  return check_block(step, table.weights(), sections, n, k, error) && check_residual(step, error) &&
         check_activation(table.activation(), error);
}

}  // namespace

kernels::CodeFormat code_format(const StepView& step, uint32_t block) {
  kernels::CodeFormat format;
  std::memcpy(&format, step.model.block(block), sizeof(format));
  return format;
}

bool check_codes_conv2d(const StepView& step, const fb::Conv2D& conv, Error* error) {
  const TensorInfo& x = step.inputs[0];
  const int32_t groups = conv.groups();
  LINNET_REQUIRE(error, groups >= 1, LINNET_ERROR_SHAPE, -1, 1, groups);
  if (!check_groups(step, groups, error) || !check_spans(step, conv, error)) return false;
  const int64_t k = saturating_multiply(window_taps(window_of(conv)), x.columns / groups);
  LINNET_REQUIRE(error, k <= INT32_MAX, LINNET_ERROR_SHAPE, x.index, INT32_MAX, k);
  return check_weights(step, conv, groups, step.output.columns / groups, k, error) &&
         check_moments_output(step, conv.moment_rows(), error);
}

bool check_codes_linear(const StepView& step, const fb::FullyConnected& linear, Error* error) {
  const TensorInfo &x = step.inputs[0], &y = step.output;
  LINNET_REQUIRE(error, !linear.transposed() && linear.bias() == 0, LINNET_ERROR_MODEL_CORRUPT, -1, 0, 1);
  LINNET_REQUIRE(error, x.rows == y.rows, LINNET_ERROR_SHAPE, y.index, x.rows, y.rows);
  return check_arithmetic(step, linear.requantize(), error) &&
         check_weights(step, linear, 1, y.columns, x.columns, error);
}

void run_codes_linear(const StepView& step, const fb::FullyConnected& linear, const linnet_session& session) {
  const TensorInfo &x = step.inputs[0], &y = step.output;
  kernels::Conv2DCodesArgs args = {};
  args.window = kPixel;
  args.in_h = args.out_h = args.row_end = x.rows;
  args.in_w = args.out_w = args.groups = 1;
  args.in_channels = x.columns;
  args.out_channels = y.columns;
  args.x = session.input<float>(x);
  args.x_stride = x.row_stride;
  args.y = session.output<float>(y);
  args.y_stride = y.row_stride;
  args.epilogue = epilogue_of(step, session, linear.activation());
  args.format = code_format(step, linear.weights());
  args.packed = step.model.block(linear.weights()) + kernels::kCodesHeaderBytes;
  args.one_row = is_one_row(step, args.format);
  const int32_t rows = kernels::traits(session.kernels->id).tile_rows;
  const int32_t row_tiles = (x.rows - 1) / rows + 1, panels = (y.columns - 1) / kernels::kPanel + 1;
  const bool by_rows = row_tiles >= session.threads || row_tiles >= panels;
  const int64_t unit = by_rows ? int64_t{rows} * y.columns : int64_t{kernels::kPanel} * x.rows;
  parallel(session, by_rows ? row_tiles : panels, unit * x.columns, [&](int32_t begin, int32_t end, int32_t) {
    kernels::Conv2DCodesArgs part = args;
    if (by_rows) {
      part.row_begin = begin * rows;
      part.row_end = end < row_tiles ? end * rows : x.rows;
    } else {
      const int32_t first = begin * kernels::kPanel;
      part.out_channels = (end < panels ? end * kernels::kPanel : y.columns) - first;
      part.packed += kernels::panel_codes_bytes(args.format, first, x.columns);
      part.y += first;
      if (part.epilogue.residual != nullptr) part.epilogue.residual += first;
    }
    session.kernels->conv2d_codes_f32(part);
  });
}

}  // namespace linnet::engine
