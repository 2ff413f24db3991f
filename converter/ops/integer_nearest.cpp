// The reference evaluation of Rounding::nearest where it is not that of sums with one factor.
#include <cmath>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"

namespace linnet::ops {

using kernels::BinaryFunction;

namespace {

// A result less its zero point.
class Nearest {
 public:
  Nearest(const IntegerRange& range, int64_t zero_point)
      : low_(static_cast<float>(range.low - zero_point)), high_(static_cast<float>(range.high - zero_point)) {}
  int64_t operator()(float scaled) const {
    return static_cast<int64_t>(std::nearbyint(std::clamp(scaled, low_, high_)));
  }

 private:
  float low_, high_;
};

}  // namespace

Array evaluate_nearest(const Binary& op, const std::vector<const Array*>& inputs) {
  const TensorType &a = inputs[0]->type(), &b = inputs[1]->type();
  const IntegerForm& form = *op.integer;
  const float a_scale = a.quantization->scale(), b_scale = b.quantization->scale(), scale = form.quantization.scale();
  const float a_factor = a_scale / scale, b_factor = b_scale / scale, product = a_scale * b_scale / scale;
  const int64_t a_zero = a.quantization->zero_point(), b_zero = b.quantization->zero_point(),
                zero = form.quantization.zero_point();
  const IntegerRange range = output_range(form, op.fused);
  const Nearest nearest(range, zero);
  const auto combined = [&](int64_t x, int64_t y) -> int64_t {
    const float scaled_x = static_cast<float>(x) * a_factor, scaled_y = static_cast<float>(y) * b_factor;
    switch (op.function) {
      case BinaryFunction::Add:
        return nearest(scaled_x + scaled_y);
      case BinaryFunction::Sub:
        return nearest(scaled_x - scaled_y);
      case BinaryFunction::Mul:
        return nearest(static_cast<float>(x * y) * product);
      case BinaryFunction::PRelu:
        return nearest(x >= 0 ? scaled_x : static_cast<float>(x * y) * product);
      case BinaryFunction::Max:
        return std::max(x, y);
      default:
        return std::min(x, y);
    }
  };
  const Shape shape = broadcast(a.shape, b.shape);
  std::vector<int64_t> values;
  values.reserve(static_cast<size_t>(element_count(shape)));
  for_each_position<2>(shape, {broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape)},
                       [&](const std::array<int64_t, 2>& offsets) {
                         const int64_t y = combined(inputs[0]->integer(static_cast<size_t>(offsets[0])) - a_zero,
                                                    inputs[1]->integer(static_cast<size_t>(offsets[1])) - b_zero);
                         values.push_back(range.clamp(y + zero));
                       });
  return Array::of_integers(shape, std::move(values), form.dtype).with_quantization(form.quantization);
}

// sum * (1 / pixels), the reciprocal in float32. The pixels of a window that lie in the image are the sum of ones.
Array evaluate_nearest(const Pool& average, const std::vector<const Array*>& inputs) {
  const Array& x = *inputs[0];
  Pool plain = average;
  plain.integer.reset();
  plain.fused = {};
  const Array numbers = Array::of_doubles(x.shape(), x.doubles(), DType::f64);
  const Array means = plain.evaluate({&numbers}).front();
  plain.count_include_pad = true;
  const Array ones = Array::of_doubles(x.shape(), std::vector<double>(x.size(), 1.0), DType::f64);
  const Array shares = plain.evaluate({&ones}).front();
  int64_t taps = 1;
  for (const int64_t extent : average.kernel) taps *= extent;
  const IntegerRange range = output_range(*average.integer, average.fused);
  const Nearest nearest(range, 0);
  std::vector<int64_t> values(means.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double pixels = std::round(shares.number(i) * static_cast<double>(taps));
    const auto sum = static_cast<float>(std::round(means.number(i) * pixels));
    values[i] = nearest(sum * (1.0f / static_cast<float>(pixels)));
  }
  return Array::of_integers(means.shape(), std::move(values), average.integer->dtype)
      .with_quantization(average.integer->quantization);
}

int64_t nearest_function(const Activation& function, int64_t value, float scale, float output_scale) {
  const float number = static_cast<float>(value) * scale;
  const auto result = static_cast<float>(apply(function, static_cast<double>(number)));
  if (std::isnan(result)) return 0;
  return static_cast<int64_t>(std::nearbyint(std::clamp(result / output_scale, -1e6f, 1e6f)));
}

}  // namespace linnet::ops
