// Which element a Resize of mode nearest takes, for all small sizes, against the specification's formulas in fractions.
#include <numeric>

#include "converter/ops/resize_table.hpp"
#include "tests/ops/onnx_node.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ops;

class Fraction {
 public:
  explicit Fraction(int64_t numerator, int64_t denominator = 1)
      : n_(denominator < 0 ? -numerator : numerator), d_(denominator < 0 ? -denominator : denominator) {
    const int64_t common = std::gcd(n_, d_);
    n_ /= common;
    d_ /= common;
  }
  friend Fraction operator+(Fraction a, Fraction b) { return Fraction(a.n_ * b.d_ + b.n_ * a.d_, a.d_ * b.d_); }
  friend Fraction operator-(Fraction a, Fraction b) { return a + Fraction(-b.n_, b.d_); }
  friend Fraction operator*(Fraction a, Fraction b) { return Fraction(a.n_ * b.n_, a.d_ * b.d_); }
  friend Fraction operator/(Fraction a, Fraction b) { return Fraction(a.n_ * b.d_, a.d_ * b.n_); }
  friend bool operator<(Fraction a, Fraction b) { return a.n_ * b.d_ < b.n_ * a.d_; }
  friend bool operator==(Fraction a, Fraction b) { return a.n_ == b.n_ && a.d_ == b.d_; }

 private:
  int64_t n_, d_;
};

Fraction original(const std::string& mode, int64_t i, int64_t in, int64_t out) {
  const Fraction x(i), half(1, 2), scale(out, in), length(in), resized(out);
  if (mode == "asymmetric") return x / scale;
  if (mode == "align_corners") return out == 1 ? Fraction(0) : x * (length - Fraction(1)) / (resized - Fraction(1));
  if (mode == "pytorch_half_pixel") return out > 1 ? (x + half) / scale - half : Fraction(0);
  if (mode == "half_pixel_symmetric") {
    const Fraction adjustment = resized / (scale * length), center = length / Fraction(2);
    return center * (Fraction(1) - adjustment) + (x + half) / scale - half;
  }
  if (mode == "tf_crop_and_resize")
    return out > 1 ? x * (length - Fraction(1)) / (resized - Fraction(1)) : half * (length - Fraction(1));
  return (x + half) / scale - half;
}

// The element that is nearest by the mode's rule, found by trying all.
int64_t nearest(const std::string& mode, Fraction x, int64_t in) {
  const Fraction half(1, 2);
  for (int64_t k = -1; k <= in; ++k) {
    const Fraction distance = x - Fraction(k);  // of x behind k
    const Fraction zero(0), one(1);
    bool taken = false;
    if (mode == "floor") taken = !(distance < zero) && distance < one;
    if (mode == "ceil") taken = zero - one < distance && !(zero < distance);
    if (mode == "round_prefer_floor") taken = zero - half < distance && !(half < distance);
    if (mode == "round_prefer_ceil") taken = !(distance < zero - half) && distance < half;
    if (taken) return std::clamp<int64_t>(k, 0, in - 1);
  }
  ADD_FAILURE() << "no element is nearest";
  return -1;
}

constexpr const char* kCoordinates[] = {"half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",
                                        "align_corners", "asymmetric",           "tf_crop_and_resize"};
constexpr const char* kNearest[] = {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"};

TEST(Resize, NearestOfSizesIsExact) {
  constexpr int64_t kLargest = 24;
  for (const std::string coordinates : kCoordinates) {
    for (const std::string mode : kNearest) {
      for (int64_t in = 1; in <= kLargest; ++in) {
        for (int64_t out = 1; out <= kLargest; ++out) {
          ResizeRule rule;
          rule.coordinates = coordinates;
          rule.nearest = mode;
          ResizeAxis axis;
          axis.in_size = axis.denominator = in;
          axis.out_size = axis.numerator = out;
          const Resample table = resize_table(rule, axis);
          std::vector<int64_t> wanted;
          for (int64_t i = 0; i < out; ++i) wanted.push_back(nearest(mode, original(coordinates, i, in, out), in));
          ASSERT_EQ(table.indices, wanted) << coordinates << " " << mode << " " << in << " to " << out;
        }
      }
    }
  }
}

// The same through the importer, where float32 had put positions on the wrong side of a tie.
TEST(Resize, SizesOfTheModelAreExact) {
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{20, 6}, {6, 20}, {14, 6}, {49, 7}, {22, 15}, {3, 24}}) {
    std::vector<double> ramp(static_cast<size_t>(in));
    std::iota(ramp.begin(), ramp.end(), 0.0);
    const ir::Array x = ir::Array::of_doubles({1, 1, 1, in}, ramp);
    for (const std::string coordinates : {"half_pixel", "asymmetric", "align_corners"}) {
      for (const std::string mode : kNearest) {
        const ir::Array y = OnnxNode("Resize", 13)
                                .input(x.shape())
                                .absent()
                                .absent()
                                .constant(ir::Array::of_integers({4}, {1, 1, 1, out}), onnx::TensorProto::INT64)
                                .attribute("mode", "nearest")
                                .attribute("coordinate_transformation_mode", coordinates.c_str())
                                .attribute("nearest_mode", mode.c_str())
                                .run({x});
        for (int64_t i = 0; i < out; ++i)
          EXPECT_EQ(y.integer(static_cast<size_t>(i)), nearest(mode, original(coordinates, i, in, out), in))
              << coordinates << " " << mode << " " << in << " to " << out << " element " << i;
      }
    }
  }
}

// Sizes that keep the aspect ratio round halves up, and take the scale of one axis for all.
TEST(Resize, KeptAspectRatiosAreExact) {
  const ir::Array x = ir::Array::of_doubles({1, 1, 20, 5}, std::vector<double>(100, 1.0));
  const auto shape = [&](const char* policy) {
    return OnnxNode("Resize", 18)
        .input(x.shape())
        .absent()
        .absent()
        .constant(ir::Array::of_integers({2}, {6, 4}), onnx::TensorProto::INT64)
        .attribute("axes", std::vector<int64_t>{2, 3})
        .attribute("mode", "nearest")
        .attribute("keep_aspect_ratio_policy", policy)
        .run({x})
        .shape();
  };
  EXPECT_EQ(shape("not_larger"), (ir::Shape{1, 1, 6, 2}));    // 5 * 6 / 20 = 1.5
  EXPECT_EQ(shape("not_smaller"), (ir::Shape{1, 1, 16, 4}));  // 20 * 4 / 5
}

}  // namespace
}  // namespace linnet::ops_test
