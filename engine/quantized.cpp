#include "engine/quantized.hpp"

#include <cfloat>
#include <cstring>

namespace linnet::engine {
namespace {

struct Limits {
  int32_t low, high;
};

Limits limits_of(fb::DataType type) {
  switch (type) {
    case fb::DataType::Int8:
      return {INT8_MIN, INT8_MAX};
    case fb::DataType::UInt8:
      return {0, UINT8_MAX};
    case fb::DataType::Int16:
      return {INT16_MIN, INT16_MAX};
    case fb::DataType::Int32:
      return {INT32_MIN, INT32_MAX};
    default:
      return {0, 0};
  }
}

int32_t bits_of(float value) {
  int32_t bits = 0;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

bool check_range(int32_t low, int32_t high, const TensorInfo& y, Error* error) {
  const Limits limits = limits_of(y.type);
  LINNET_REQUIRE(error, low >= limits.low, LINNET_ERROR_SHAPE, y.index, limits.low, low);
  LINNET_REQUIRE(error, high <= limits.high, LINNET_ERROR_SHAPE, y.index, limits.high, high);
  LINNET_REQUIRE(error, low <= high, LINNET_ERROR_SHAPE, y.index, low, high);
  return true;
}

bool check_types(const StepView& step, fb::DataType type, Error* error) {
  for (int32_t i = 0; i < step.input_count; ++i) {
    if (!check_type(step.inputs[i], type, error)) return false;
  }
  for (int32_t i = 0; i < step.output_count; ++i) {
    if (!check_type(step.output_at(i), type, error)) return false;
  }
  return true;
}

bool check_sum_factor(const kernels::SumFactor& factor, Error* error) {
  constexpr int32_t kHighestShift = 62, kHighestDivide = 31;
  LINNET_REQUIRE(error, factor.multiplier >= 0, LINNET_ERROR_SHAPE, -1, 0, factor.multiplier);
  LINNET_REQUIRE(error, factor.shift >= 1 && factor.shift <= kHighestShift, LINNET_ERROR_SHAPE, -1, kHighestShift,
                 factor.shift);
  LINNET_REQUIRE(error, factor.divide >= 0 && factor.divide <= kHighestDivide, LINNET_ERROR_SHAPE, -1, kHighestDivide,
                 factor.divide);
  return true;
}

bool check_real_factor(double factor, Error* error) {
  LINNET_REQUIRE(error, factor >= 0 && factor <= static_cast<double>(FLT_MAX), LINNET_ERROR_SHAPE, -1, 0,
                 bits_of(static_cast<float>(factor)));
  return true;
}

}  // namespace

bool check_quantization(const fb::Tensor& tensor, int32_t index, Error* error) {
  const float scale = tensor.scale();
  LINNET_REQUIRE(error, scale >= 0 && scale <= FLT_MAX, LINNET_ERROR_SHAPE, index, 0, bits_of(scale));
  const Limits limits = limits_of(tensor.type());
  const int32_t zero_point = tensor.zero_point();
  LINNET_REQUIRE(error, zero_point >= limits.low, LINNET_ERROR_SHAPE, index, limits.low, zero_point);
  LINNET_REQUIRE(error, zero_point <= limits.high, LINNET_ERROR_SHAPE, index, limits.high, zero_point);
  return true;
}

bool check_int8(const StepView& step, Error* error) {
  if (!kHasInt8) return check_feature(false, StepFeature::Int8, error);
  return check_types(step, fb::DataType::Int8, error);
}

bool check_int16(const StepView& step, Error* error) {
  if (!kHasInt16) return check_feature(false, StepFeature::Int16, error);
  if (!check_types(step, fb::DataType::Int16, error)) return false;
  for (int32_t i = 0; i < step.input_count; ++i) {
    const TensorInfo& x = step.inputs[i];
    LINNET_REQUIRE(error, x.zero_point == 0, LINNET_ERROR_SHAPE, x.index, 0, x.zero_point);
  }
  const TensorInfo& y = step.output;
  LINNET_REQUIRE(error, y.zero_point == 0, LINNET_ERROR_SHAPE, y.index, 0, y.zero_point);
  return true;
}

bool check_requantize(const fb::Requantize& requantize, const TensorInfo& y, Error* error) {
  LINNET_REQUIRE(error, requantize.rounding() <= fb::Rounding::MAX, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::Rounding::MAX), static_cast<int64_t>(requantize.rounding()));
  return check_range(requantize.low(), requantize.high(), y, error);
}

bool check_arithmetic(const StepView& step, const fb::Requantize* requantize, Error* error, bool takes_int16) {
  if (requantize == nullptr) return check_float(step, error);
  if (takes_int16 && step.inputs[0].type == fb::DataType::Int16)
    return check_int16(step, error) && (!kHasInt16 || check_requantize(*requantize, step.output, error));
  return check_int8(step, error) && (!kHasInt8 || check_requantize(*requantize, step.output, error));
}

bool check_rounding(const fb::Requantize& requantize, fb::Rounding wanted, Error* error) {
  LINNET_REQUIRE(error, requantize.rounding() == wanted, LINNET_ERROR_SHAPE, -1, static_cast<int64_t>(wanted),
                 static_cast<int64_t>(requantize.rounding()));
  return true;
}

bool check_identity(const fb::Activation* activation, Error* error) {
  const fb::Function function = activation == nullptr ? fb::Function::Identity : activation->function();
  LINNET_REQUIRE(error, function == fb::Function::Identity, LINNET_ERROR_SHAPE, -1, 0, static_cast<int64_t>(function));
  return true;
}

bool check_factor(fb::Rounding rounding, const kernels::Factor& factor, bool positive, Error* error) {
  constexpr int32_t kLowestShift = -31, kHighestShift = 30;
  if (rounding == fb::Rounding::Float) {
    float value = 0;
    memcpy(&value, &factor.multiplier, sizeof(value));
    const bool finite = value >= (positive ? 0 : -FLT_MAX) && value <= FLT_MAX && !(positive && value == 0);
    LINNET_REQUIRE(error, finite, LINNET_ERROR_SHAPE, -1, 0, factor.multiplier);
    return true;
  }
  LINNET_REQUIRE(error, factor.multiplier > INT32_MIN, LINNET_ERROR_SHAPE, -1, -INT32_MAX, factor.multiplier);
  LINNET_REQUIRE(error, factor.shift >= kLowestShift, LINNET_ERROR_SHAPE, -1, kLowestShift, factor.shift);
  LINNET_REQUIRE(error, factor.shift <= kHighestShift, LINNET_ERROR_SHAPE, -1, kHighestShift, factor.shift);
  return true;
}

bool check_factor(fb::Rounding rounding, const fb::Factor* factor, Error* error) {
  LINNET_REQUIRE(error, factor != nullptr, LINNET_ERROR_MODEL_CORRUPT, -1, 1, 0);
  return check_factor(rounding, factor_of(*factor), false, error);
}

bool check_wide_factor(const fb::Requantize& requantize, const fb::Factor* factor, Error* error) {
  constexpr int32_t kHighestShift = 14;
  if (!check_rounding(requantize, fb::Rounding::FixedPoint, error) ||
      !check_factor(requantize.rounding(), factor, error)) {
    return false;
  }
  LINNET_REQUIRE(error, factor->multiplier() >= 0, LINNET_ERROR_SHAPE, -1, 0, factor->multiplier());
  LINNET_REQUIRE(error, factor->shift() <= kHighestShift, LINNET_ERROR_SHAPE, -1, kHighestShift, factor->shift());
  return true;
}

bool check_binary(fb::Rounding rounding, const fb::QuantizedBinary* binary, Error* error) {
  constexpr int32_t kHighestShift = 30;
  LINNET_REQUIRE(error, binary != nullptr, LINNET_ERROR_MODEL_CORRUPT, -1, 1, 0);
  LINNET_REQUIRE(error, binary->left_shift() >= 0 && binary->left_shift() <= kHighestShift, LINNET_ERROR_SHAPE, -1,
                 kHighestShift, binary->left_shift());
  return check_factor(rounding, &binary->a(), error) && check_factor(rounding, &binary->b(), error) &&
         check_factor(rounding, &binary->y(), error);
}

bool check_panel_factors(const uint8_t* panel, int32_t width, int32_t outputs, fb::Rounding rounding, Error* error) {
  const int32_t* const header = reinterpret_cast<const int32_t*>(panel);
  for (int32_t i = 0; i < width && i < outputs; ++i) {
    if (!check_factor(rounding, {header[2 * width + i], header[3 * width + i]}, true, error)) return false;
  }
  return true;
}

bool check_section(const uint8_t* panel, int32_t n, int64_t k, fb::Rounding rounding, Error* error) {
  const int64_t column_bytes = kernels::panel_int8_bytes(kernels::kPanel, k) / kernels::kPanel;
  for (int32_t first = 0, width; first < n; first += width, panel += width * column_bytes) {
    width = n - first > kernels::kTailPanel ? kernels::kPanel : kernels::kTailPanel;
    if (!check_panel_factors(panel, width, n - first, rounding, error)) return false;
  }
  return true;
}

bool check_panels(const StepView& step, uint32_t index, int32_t sections, int32_t n, int64_t k, fb::Rounding rounding,
                  Error* error) {
  LINNET_REQUIRE(error, k <= INT32_MAX - kernels::kDot, LINNET_ERROR_SHAPE, -1, INT32_MAX, k);
  const int64_t wanted = saturating_multiply(sections, kernels::panel_int8_bytes(n, k));
  const int64_t bytes = step.model.block_bytes(index);
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  const uint8_t* panel = step.model.block(index);
  for (int32_t section = 0; section < sections; ++section, panel += kernels::panel_int8_bytes(n, k)) {
    if (!check_section(panel, n, k, rounding, error)) return false;
  }
  return true;
}

bool check_int16_section(const uint8_t* panel, int32_t n, int64_t k, bool real, Error* error) {
  const int64_t column_bytes = kernels::panel_int16_bytes(kernels::kPanel, k) / kernels::kPanel;
  for (int32_t first = 0, width; first < n; first += width, panel += width * column_bytes) {
    width = n - first > kernels::kTailPanel ? kernels::kPanel : kernels::kTailPanel;
    const uint8_t* factors = panel + static_cast<size_t>(width) * sizeof(int64_t);
    for (int32_t i = 0; i < width && first + i < n; ++i) {
      const bool good = real ? check_real_factor(reinterpret_cast<const double*>(factors)[i], error)
                             : check_sum_factor(reinterpret_cast<const kernels::SumFactor*>(factors)[i], error);
      if (!good) return false;
    }
  }
  return true;
}

bool check_int16_panels(const StepView& step, uint32_t index, int32_t sections, int32_t n, int64_t k, bool real,
                        Error* error) {
  LINNET_REQUIRE(error, k <= INT32_MAX - kernels::kPair, LINNET_ERROR_SHAPE, -1, INT32_MAX, k);
  const int64_t wanted = saturating_multiply(sections, kernels::panel_int16_bytes(n, k));
  const int64_t bytes = step.model.block_bytes(index);
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  const uint8_t* panel = step.model.block(index);
  for (int32_t section = 0; section < sections; ++section, panel += kernels::panel_int16_bytes(n, k)) {
    if (!check_int16_section(panel, n, k, real, error)) return false;
  }
  return true;
}

bool check_residual_add(const StepView& step, const fb::QuantizedResidual* residual, fb::Rounding rounding,
                        Error* error) {
  if (step.input_count < 2) return true;
  LINNET_REQUIRE(error, residual != nullptr, LINNET_ERROR_MODEL_CORRUPT, -1, 1, 0);
  const int32_t zero_point = residual->zero_point();
  LINNET_REQUIRE(error, zero_point >= INT8_MIN && zero_point <= INT8_MAX, LINNET_ERROR_SHAPE, -1, INT8_MAX, zero_point);
  return check_residual(step, error) && check_range(residual->low(), residual->high(), step.output, error) &&
         check_binary(rounding, &residual->add(), error);
}

kernels::Factor factor_of(const fb::Factor& factor) {
  return {factor.multiplier(), factor.shift()};
}

kernels::Requantize requantize_of(const fb::Requantize& requantize, int32_t zero_point) {
  return {static_cast<kernels::Rounding>(requantize.rounding()), zero_point, requantize.low(), requantize.high()};
}

kernels::QuantizedBinary binary_of(const fb::QuantizedBinary* binary, int32_t a_zero_point, int32_t b_zero_point,
                                   const kernels::Requantize& requantize) {
  kernels::QuantizedBinary result = {};
  result.a_zero_point = a_zero_point;
  result.b_zero_point = b_zero_point;
  result.requantize = requantize;
  if (binary == nullptr) return result;
  result.left_shift = binary->left_shift();
  result.a = factor_of(binary->a());
  result.b = factor_of(binary->b());
  result.y = factor_of(binary->y());
  return result;
}

kernels::EpilogueInt8 epilogue_int8_of(const StepView& step, const linnet_session& session,
                                       const fb::Requantize& requantize, const fb::QuantizedResidual* residual) {
  kernels::EpilogueInt8 epilogue = {};
  epilogue.requantize = requantize_of(requantize, step.output.zero_point);
  if (step.input_count < 2) return epilogue;
  const TensorInfo& b = step.inputs[1];
  epilogue.residual = session.input<int8_t>(b);
  epilogue.residual_stride = b.row_stride;
  kernels::Requantize sum = epilogue.requantize;
  sum.low = residual->low();
  sum.high = residual->high();
  epilogue.requantize.zero_point = residual->zero_point();
  epilogue.add = binary_of(&residual->add(), residual->zero_point(), b.zero_point, sum);
  return epilogue;
}

}  // namespace linnet::engine
