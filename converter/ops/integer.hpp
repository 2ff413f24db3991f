// The reference evaluation of operators with an integer form (ir::IntegerForm), TensorFlow Lite's reference kernels to
// the byte where that is the rounding. The numbers that the device is given are made by the same functions.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/requantize.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/softmax.hpp"
#include "kernels/contract_int8.hpp"

namespace linnet::ops {

// Throws ir::Error unless the tensor holds quantized integers of one scale.
void require_quantized(const TensorType& type, std::string_view what);
// Throws ir::Error unless x and the result are both i8, or both i16 with a zero point of 0.
void require_signed_words(const TensorType& x, const IntegerForm& form, std::string_view what);
// Of a layer: x of one scale; weights int8 of the same or of one scale per output, zero point 0; bias of 32 or 64 bits.
void require_integer_layer(const TensorType& x, const TensorType& weights, const TensorType* bias,
                           int64_t output_axis = 0);
// What TensorFlow Lite's rounding of a layer's sums starts from: 32 bits; of i16 also 64 bits, whose factors are
// reduced to 16, or real numbers.
enum class SumKind : uint8_t { int32, int64, float64 };
// Of i16 64 bits, unless the bias says that 32 bits do; but real numbers in a fully connected layer.
SumKind sum_kind(const TensorType& x, const TensorType* bias, bool fully_connected);

// The values that a result may have: those of its type after the fused activation.
struct IntegerRange {
  int64_t low, high;
  int64_t clamp(int64_t value) const { return std::clamp(value, low, high); }
};
IntegerRange type_range(DType dtype);
// Throws ir::Error for activations that are no range.
IntegerRange output_range(const IntegerForm& form, const Activation& fused);

// The factors from accumulators to results: one, or one per output. TensorFlow Lite multiplies the scales of a product
// and of a fully connected layer of i8 with one scale in single precision, all others in double; Rounding::nearest all
// in single.
std::vector<double> layer_factors(const TensorType& x, const TensorType& weights, const IntegerForm& form,
                                  bool single_precision);

// Of sums of 64 bits, by whose multiplier's upper half they are multiplied; throws ir::Error where it is too large.
FixedPoint wide_factor(double factor);

// From sums to the results of one layer.
class Requantizer {
 public:
  Requantizer(const std::vector<double>& factors, const IntegerForm& form, const Activation& fused,
              SumKind kind = SumKind::int32);
  int64_t operator()(int64_t sum, size_t output) const;
  // Whether sums up to this magnitude stay within 32 bits on the way, so that larger ones have no smaller results.
  bool monotone(double magnitude) const;

 private:
  Rounding rounding_;
  std::vector<FixedPoint> fixed_;
  std::vector<double> factors_;
  IntegerRange range_;
  int64_t zero_point_;
  SumKind kind_;
};

// Of a layer or product, before its residual is added; `bias` may be null.
Requantizer layer_requantizer(const Conv& op, const TensorType& x, const TensorType& weights, const TensorType* bias);
Requantizer layer_requantizer(const ConvTranspose& op, const TensorType& x, const TensorType& weights,
                              const TensorType* bias);
Requantizer layer_requantizer(const Linear& op, const TensorType& x, const TensorType& weights, const TensorType* bias);
Requantizer layer_requantizer(const MatMul& op, const TensorType& a, const TensorType& b, const TensorType* bias);

// The operands of a sum, a difference or its square in fixed point: both are shifted left, scaled, combined and scaled
// again.
struct IntegerSum {
  int32_t left_shift;
  FixedPoint a, b, y;
};
// `shifts`: where all scales are powers of two, one operand is shifted right (throws ir::Error where that takes more)
// and the sum is not scaled.
IntegerSum integer_sum(kernels::BinaryFunction function, const TensorType& a, const TensorType& b,
                       const IntegerForm& form, bool shifts);

// The layer, without its residual, that makes the summand of a layer which has one.
template <class Layer>
Layer summand_layer(const Layer& op) {
  Layer layer = op;
  layer.integer->quantization = op.summand->quantization;
  layer.fused = op.summand->fused;
  layer.summand.reset();
  return layer;
}
// The sum of that layer's result, a, and the residual, b.
template <class Layer>
Binary residual_sum(const Layer& op) {
  Binary sum;
  sum.fused = op.fused;
  sum.integer = op.integer;
  return sum;
}
// Throws ir::Error unless a layer of integers has a summand where it has a residual, and nothing else has one; both are
// i8.
template <class Layer>
void require_summand(const Layer& op, const TensorType& x, const TensorType* residual) {
  if (op.summand.has_value() != (op.integer && residual != nullptr))
    throw Error("a residual of integers needs a summand, and a summand needs such a residual");
  if (!op.summand) return;
  if (x.dtype != DType::i8) throw Error(fmt::format("x is {}; supported with a residual is i8", to_string(x)));
  const TensorType own = summand_layer(op).integer->type(residual->shape);
  residual_sum(op).infer({&own, residual});
}

// The factor of a product of two integers less their zero points, or of their quotient (Div).
double product_factor(kernels::BinaryFunction function, const TensorType& a, const TensorType& b,
                      const IntegerForm& form);

// Softmax: from differences of x to numbers with 5 integer bits; below the lowest difference exp is 0.
struct IntegerSoftmax {
  FixedPoint factor;
  int32_t lowest_difference;
  FixedPoint reverse_factor;  // the inverse, of a log-softmax
};
IntegerSoftmax integer_softmax(const TensorType& x, double beta);
Array integer_log_softmax(const Softmax& op, const Array& x);

// Of a function of one i8 number.
Table lookup_table(const Unary& op, const TensorType& x);

// The factor of a sum of `count` elements less the zero point, of which a mean's division is part; or that of each
// multiplication of a product.
FixedPoint reduction_factor(kernels::ReduceKind kind, int64_t count, const TensorType& x, const IntegerForm& form);

// The same for Rounding::nearest, of sums and means.
double nearest_reduction_factor(kernels::ReduceKind kind, int64_t count, const TensorType& x, const IntegerForm& form);

// Rounding::nearest of operators that have a form of their own for it; of Pool the average.
Array evaluate_nearest(const Binary& op, const std::vector<const Array*>& inputs);
Array evaluate_nearest(const Pool& average, const std::vector<const Array*>& inputs);
// A function of an integer less its zero point, less the result's.
int64_t nearest_function(const Activation& function, int64_t value, float scale, float output_scale);

// ---- functions of one int16 number: TensorFlow Lite interpolates in tables, but for those that only scale ----

// Throws ir::Error for a function that int16 does not have, or an output scale that it cannot have.
void require_int16_function(const Activation& function, const IntegerForm& form);
// Relu, Clip, LeakyRelu and Abs: x times one factor where it is not negative, and times another where it is.
struct SidedFactors {
  FixedPoint positive, negative;
};
std::optional<SidedFactors> sided_factors(const Activation& function, const TensorType& x, const IntegerForm& form);
// Sigmoid and Tanh: x times `multiplier`, divided by 2^shift, is looked up at its magnitude.
struct SigmoidScale {
  int32_t multiplier, shift;
};
SigmoidScale sigmoid_scale(const Activation& function, const TensorType& x);
// 65536 sigmoid(i / 24), raised by half of what linear interpolation lacks in the middle of two entries.
std::array<uint16_t, 256> sigmoid_table();
// Others: values at every 128th number, so chosen that the error in the middle of two of them is halved.
constexpr size_t kInterpolationSize = 513;
std::array<int16_t, kInterpolationSize> interpolation_table(const Activation& function, const TensorType& x,
                                                            const IntegerForm& form);
Array evaluate_int16(const Unary& op, const Array& x);

// The L2 norm: bits by which numbers are shifted before they are multiplied.
inline int32_t l2_left_shift(const IntegerForm& form) {
  return form.as_uint8 ? kernels::kL2FractionBits : 0;
}

// Softmax: the factor that brings differences of x to steps of 10 / 65535.
FixedPoint int16_softmax_factor(const TensorType& x, double beta);
Array evaluate_int16(const Softmax& op, const Array& x);

Array evaluate_integer(const Conv& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const ConvTranspose& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const Linear& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const MatMul& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const Pool& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const Binary& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const Unary& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const Reduce& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const Softmax& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const RowNorm& op, const std::vector<const Array*>& inputs);
Array evaluate_integer(const Resample& op, const std::vector<const Array*>& inputs);

}  // namespace linnet::ops
