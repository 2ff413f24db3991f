// Shapes, element types and constant tensors of the converter's graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::ir {

// The element types of ONNX that the converter knows. Arithmetic is done in double (floating types) or int64_t (the
// others).
enum class DType : uint8_t { f32, f64, f16, bf16, i8, u8, i16, u16, i32, u32, i64, u64, boolean };

std::string_view name(DType type);
bool is_floating(DType type);
size_t element_bytes(DType type);

// IEEE half precision and bfloat16, by their bits.
float half_to_float(uint16_t bits);
uint16_t float_to_half(double value);  // to nearest even, overflow to infinity
float bfloat16_to_float(uint16_t bits);
uint16_t float_to_bfloat16(double value);

using Shape = std::vector<int64_t>;
using Permutation = std::vector<int64_t>;  // output dimension d is input dimension permutation[d], as in ONNX Transpose

int64_t element_count(const Shape& shape);  // throws Error on overflow of int64_t
std::string to_string(const Shape& shape);  // "1x3x224x224"; a scalar is "scalar"
std::vector<int64_t> row_major_strides(const Shape& shape);
// Element offset of every coordinate of `shape` in row-major order, with any strides.
std::vector<int64_t> strided_offsets(const Shape& shape, const std::vector<int64_t>& strides, int64_t offset = 0);

// Integers that stand for the real numbers scale * (q - zero_point): one scale and zero point for the whole tensor, or
// one for each index of dimension `axis`.
struct Quantization {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;  // as many
  int64_t axis = 0;                  // where there are several
  bool per_tensor() const { return scales.size() == 1; }
  float scale() const { return scales.front(); }  // of the whole tensor
  int64_t zero_point() const { return zero_points.front(); }
  friend bool operator==(const Quantization&, const Quantization&) = default;
};
std::string to_string(const Quantization& quantization);  // "{0.0235,-128}"

struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  std::optional<Quantization> quantization = std::nullopt;  // of i8, u8, i16, i32 and i64 only
  friend bool operator==(const TensorType&, const TensorType&) = default;
};
std::string to_string(const TensorType& type);  // "f32[1x3x224x224]", "i8[1x8]{0.0235,-128}"

// The type of elements of a tensor of type `x` that were moved or picked: throws Error where they have scales of their
// own along a dimension.
TensorType moved_type(const TensorType& x, Shape shape);

// An immutable tensor; copies share the elements. Floating elements are kept as float (as read from a file) or as
// double (as computed), all other types as int64_t.
class Array {
 public:
  Array() = default;
  static Array of_floats(Shape shape, std::vector<float> values, DType dtype = DType::f32);
  static Array of_doubles(Shape shape, std::vector<double> values, DType dtype = DType::f32);
  static Array of_integers(Shape shape, std::vector<int64_t> values, DType dtype = DType::i64);
  static Array scalar(double value, DType dtype = DType::f32);

  DType dtype() const { return type_.dtype; }
  const Shape& shape() const { return type_.shape; }
  const TensorType& type() const { return type_; }
  size_t size() const;
  bool floating() const { return is_floating(type_.dtype); }

  double number(size_t index) const;    // any type
  int64_t integer(size_t index) const;  // truncates floating elements
  std::vector<double> doubles() const;
  std::vector<float> floats() const;
  std::shared_ptr<const std::vector<float>> shared_floats() const;  // without a copy where the elements are kept so
  std::vector<int64_t> integers() const;

  // The same elements; also the functions below keep the quantization of a whole tensor.
  Array reshaped(Shape shape) const;
  Array with_quantization(std::optional<Quantization> quantization) const;
  // f32, f16 and bf16 round to nearest even; floating to integer truncates and saturates (NaN: 0), integer to integer
  // wraps; to boolean: != 0. An f32 array keeps the precision it has.
  // Without quantization.
  Array cast(DType dtype) const;
  // Element i of the result is element source[i], or `fill` where source[i] < 0.
  Array gathered(Shape shape, const std::vector<int64_t>& source, double fill = 0.0) const;
  // The elements at strided_offsets(shape, strides).
  Array strided(Shape shape, const std::vector<int64_t>& strides) const;
  bool all_finite() const;

 private:
  TensorType type_;
  std::shared_ptr<const std::vector<float>> floats_;
  std::shared_ptr<const std::vector<double>> doubles_;
  std::shared_ptr<const std::vector<int64_t>> integers_;
};

}  // namespace linnet::ir
