// What steps with integer arithmetic share (schema/README.md, Integer arithmetic): checks, which return false with
// `error` filled where something does not fit, and the parameters of the kernels.
#pragma once

#include <type_traits>
#include <utility>

#include "engine/check.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

// Null: the step computes with float32.
template <class Table, class = void>
struct HasRequantize : std::false_type {};
template <class Table>
struct HasRequantize<Table, std::void_t<decltype(std::declval<const Table&>().requantize())>> : std::true_type {};
template <class Table>
const fb::Requantize* requantize_of(const Table& table) {
  if constexpr (HasRequantize<Table>::value) {
    return table.requantize();
  } else {
    return nullptr;
  }
}
// Whether the step computes with integers; false in a build that has none.
template <class Table>
bool is_integer(const Table& table) {
  return (kHasInt8 || kHasInt16) && requantize_of(table) != nullptr;
}
// Whether these integers are int16.
inline bool is_int16(const StepView& step) {
  return kHasInt16 && step.inputs[0].type == fb::DataType::Int16;
}

// A finite scale, not negative, and a zero point that the tensor's type can hold.
bool check_quantization(const fb::Tensor& tensor, int32_t index, Error* error);

// Every input and output is int8, which the build has arithmetic for.
bool check_int8(const StepView& step, Error* error);
// The same of int16, whose zero points are 0.
bool check_int16(const StepView& step, Error* error);
// Rounding rule and range of the result y.
bool check_requantize(const fb::Requantize& requantize, const TensorInfo& y, Error* error);
// int8 with `requantize`, float32 without; with takes_int16 also int16 with `requantize`.
bool check_arithmetic(const StepView& step, const fb::Requantize* requantize, Error* error, bool takes_int16 = false);
bool check_rounding(const fb::Requantize& requantize, fb::Rounding wanted, Error* error);
// Without a fused function: that of integers is the range of their result.
bool check_identity(const fb::Activation* activation, Error* error);

// `positive`: of a scale, not of any number.
bool check_factor(fb::Rounding rounding, const kernels::Factor& factor, bool positive, Error* error);
bool check_factor(fb::Rounding rounding, const fb::Factor* factor, Error* error);
// Of a product of 64 bits: FixedPoint, not negative, with a shift of at most 14.
bool check_wide_factor(const fb::Requantize& requantize, const fb::Factor* factor, Error* error);
bool check_binary(fb::Rounding rounding, const fb::QuantizedBinary* binary, Error* error);
// Those of the first `outputs` outputs of a panel of `width`, whose header it is.
bool check_panel_factors(const uint8_t* panel, int32_t width, int32_t outputs, fb::Rounding rounding, Error* error);
// The factors of a Panel16Int8 of [k, n], which lies in its buffer.
bool check_section(const uint8_t* panel, int32_t n, int64_t k, fb::Rounding rounding, Error* error);
// Buffer `index` holds `sections` Panel16Int8 of [k, n], whose factors are good.
bool check_panels(const StepView& step, uint32_t index, int32_t sections, int32_t n, int64_t k, fb::Rounding rounding,
                  Error* error);
// The factors of a Panel16Int16x8 of [k, n], which lies in its buffer; `real`: float64.
bool check_int16_section(const uint8_t* panel, int32_t n, int64_t k, bool real, Error* error);
// As check_panels(), of Panel16Int16x8; `real`: with float64 factors.
bool check_int16_panels(const StepView& step, uint32_t index, int32_t sections, int32_t n, int64_t k, bool real,
                        Error* error);
// The sum with a residual, where the step has one as its second input.
bool check_residual_add(const StepView& step, const fb::QuantizedResidual* residual, fb::Rounding rounding,
                        Error* error);

kernels::Factor factor_of(const fb::Factor& factor);
kernels::Requantize requantize_of(const fb::Requantize& requantize, int32_t zero_point);
kernels::QuantizedBinary binary_of(const fb::QuantizedBinary* binary, int32_t a_zero_point, int32_t b_zero_point,
                                   const kernels::Requantize& requantize);
kernels::EpilogueInt8 epilogue_int8_of(const StepView& step, const linnet_session& session,
                                       const fb::Requantize& requantize, const fb::QuantizedResidual* residual);

inline const int8_t* bytes_of(const ModelView& model, uint32_t index) {
  return reinterpret_cast<const int8_t*>(model.block(index));
}

}  // namespace linnet::engine
