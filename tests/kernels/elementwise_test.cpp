// unary_f32, binary_f32 and scale_shift_f32: every function, every tail, strided rows, in-place operation.
#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

constexpr float kUnwritten = -12345.5f;

class ElementwiseTest : public KernelTest {};

std::vector<float> arguments_for(Function function, size_t count, uint64_t seed) {
  const bool positive = function == Function::Log || function == Function::Sqrt || function == Function::Reciprocal ||
                        function == Function::Rsqrt;
  return Random(seed).floats(count, positive ? 0.1f : -6.0f, 6.0f);
}

TEST_P(ElementwiseTest, UnaryEveryFunctionAndTail) {
  constexpr int32_t kRows = 3;
  for (int f = 0; f < kFunctionCount; ++f) {
    const Activation activation = activation_of(static_cast<Function>(f));
    for (int32_t columns : sizes_with_tails(GetParam())) {
      for (int32_t padding : {0, 5}) {
        const ptrdiff_t stride = columns + padding;
        const size_t count = static_cast<size_t>((kRows - 1) * stride + columns);
        const Guarded<float> x(arguments_for(activation.function, count, 7));
        Guarded<float> y(std::vector<float>(count, kUnwritten));
        kernels().unary_f32({kRows, columns, x.data(), stride, y.data(), stride, activation});
        ASSERT_TRUE(y.intact());
        for (size_t i = 0; i < count; ++i) {
          if (static_cast<ptrdiff_t>(i) % stride >= columns) {
            ASSERT_EQ(y[i], kUnwritten);
            continue;
          }
          ASSERT_TRUE(is_close(y[i], activate(activation, x[i]), 5e-7, 1.5e-7))
              << "function " << f << " columns " << columns << " x " << x[i];
        }
        Guarded<float> in_place(x.values());
        kernels().unary_f32({kRows, columns, in_place.data(), stride, in_place.data(), stride, activation});
        for (size_t i = 0; i < count; ++i) {
          if (static_cast<ptrdiff_t>(i) % stride >= columns) continue;
          ASSERT_EQ(in_place[i], y[i]);
        }
      }
    }
  }
}

TEST_P(ElementwiseTest, UnaryNanStaysNan) {
  for (int f = 0; f < kFunctionCount; ++f) {
    std::vector<float> x(19, 1.0f), y(19);
    x[2] = x[17] = kNan;
    kernels().unary_f32({1, 19, x.data(), 19, y.data(), 19, activation_of(static_cast<Function>(f))});
    for (int i = 0; i < 19; ++i) EXPECT_EQ(std::isnan(y[i]), i == 2 || i == 17) << "function " << f << " at " << i;
  }
}

// The converter removes channels that are 0 before and behind these.
TEST_P(ElementwiseTest, UnaryKeepsZeroExactly) {
  for (const Function function :
       {Function::Relu, Function::LeakyRelu, Function::HardSwish, Function::Elu, Function::Selu, Function::Softsign,
        Function::Mish, Function::Gelu, Function::GeluTanh, Function::Silu, Function::Abs, Function::Neg}) {
    const std::vector<float> x = {0.0f, -0.0f, 0.0f, 1.0f, 0.0f};
    std::vector<float> y(x.size(), kUnwritten);
    kernels().unary_f32({1, 5, x.data(), 5, y.data(), 5, activation_of(function)});
    for (const size_t i : {0u, 1u, 2u, 4u}) EXPECT_EQ(y[i], 0.0f) << "function " << static_cast<int>(function);
  }
}

// Whatever lies beside an element in its vector: results must not depend on where threads divide a row.
TEST_P(ElementwiseTest, UnaryDoesNotDependOnNeighbours) {
  constexpr int32_t kCount = 83;
  for (int f = 0; f < kFunctionCount; ++f) {
    const Activation activation = activation_of(static_cast<Function>(f));
    for (const float scale : {4.0f, 20.0f, 120.0f}) {
      const std::vector<float> x = Random(9).floats(kCount, -scale, scale);
      std::vector<float> y(kCount);
      kernels().unary_f32({1, kCount, x.data(), kCount, y.data(), kCount, activation});
      for (int32_t i = 0; i < kCount; ++i) {
        float alone = 0;
        kernels().unary_f32({1, 1, &x[static_cast<size_t>(i)], 1, &alone, 1, activation});
        if (std::isnan(alone) && std::isnan(y[static_cast<size_t>(i)])) continue;
        ASSERT_EQ(alone, y[static_cast<size_t>(i)]) << "function " << f << " of " << x[static_cast<size_t>(i)];
      }
    }
  }
}

double binary_reference(BinaryFunction function, double a, double b) {
  switch (function) {
    case BinaryFunction::Add:
      return a + b;
    case BinaryFunction::Sub:
      return a - b;
    case BinaryFunction::Mul:
      return a * b;
    case BinaryFunction::Div:
      return a / b;
    case BinaryFunction::Max:
      return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
    case BinaryFunction::Min:
      return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
    case BinaryFunction::Pow:
      return std::pow(a, b);
    case BinaryFunction::PRelu:
      return a < 0 ? b * a : a;
    case BinaryFunction::SquaredDifference:
      return (a - b) * (a - b);
  }
  return NAN;
}

struct Strides {
  ptrdiff_t row, column;
};

// Elements of an operand of `rows` x `columns` with these strides.
size_t operand_size(Strides strides, int32_t rows, int32_t columns) {
  return static_cast<size_t>((rows - 1) * strides.row + (columns - 1) * strides.column + 1);
}

void check_binary(const KernelTable& kernels, BinaryArgs args, Strides a_strides, Strides b_strides) {
  args.a_row_stride = a_strides.row;
  args.a_column_stride = a_strides.column;
  args.b_row_stride = b_strides.row;
  args.b_column_stride = b_strides.column;
  const float low = args.function == BinaryFunction::Pow ? 0.1f : -3.0f;
  const Guarded<float> a(Random(11).floats(operand_size(a_strides, args.rows, args.columns), low, 3.0f));
  const Guarded<float> b(Random(12).floats(operand_size(b_strides, args.rows, args.columns), 0.5f, 4.0f));
  const size_t count = operand_size({args.c_row_stride, 1}, args.rows, args.columns);
  Guarded<float> c(std::vector<float>(count, kUnwritten));
  args.a = a.data();
  args.b = b.data();
  args.c = c.data();
  kernels.binary_f32(args);
  ASSERT_TRUE(c.intact());
  for (size_t i = 0; i < count; ++i) {
    const ptrdiff_t row = static_cast<ptrdiff_t>(i) / args.c_row_stride,
                    column = static_cast<ptrdiff_t>(i) % args.c_row_stride;
    if (column >= args.columns) {
      ASSERT_EQ(c[i], kUnwritten);
      continue;
    }
    const double left = a[row * a_strides.row + column * a_strides.column];
    const double right = b[row * b_strides.row + column * b_strides.column];
    const double expected = activate(args.activation, binary_reference(args.function, left, right));
    ASSERT_TRUE(is_close(c[i], expected, 4e-7, 3e-7))
        << "at " << row << ", " << column << " of " << args.columns << ", function " << static_cast<int>(args.function);
  }
  if (a_strides.column == 1 && a_strides.row == args.c_row_stride) {
    Guarded<float> in_place(a.values());
    args.a = args.c = in_place.data();
    kernels.binary_f32(args);
    for (size_t i = 0; i < count; ++i) {
      if (static_cast<ptrdiff_t>(i) % args.c_row_stride >= args.columns) continue;
      ASSERT_EQ(in_place[i], c[i]);
    }
  }
  if (b_strides.column == 1 && b_strides.row == args.c_row_stride) {
    Guarded<float> in_place(b.values());
    args.a = a.data();
    args.b = args.c = in_place.data();
    kernels.binary_f32(args);
    for (size_t i = 0; i < count; ++i) {
      if (static_cast<ptrdiff_t>(i) % args.c_row_stride >= args.columns) continue;
      ASSERT_EQ(in_place[i], c[i]);
    }
  }
}

TEST_P(ElementwiseTest, BinaryEveryFunctionStrideAndTail) {
  for (int f = 0; f < kBinaryFunctionCount; ++f) {
    for (int32_t columns : sizes_with_tails(GetParam())) {
      for (int32_t padding : {0, 3}) {
        const ptrdiff_t dense = columns + padding;
        const Strides choices[] = {{dense, 1}, {0, 1}, {1, 0}, {0, 0}, {2 * columns + 1, 2}, {1, 3}};
        for (const Strides& a : choices) {
          for (const Strides& b : choices) {
            BinaryArgs args{};
            args.function = static_cast<BinaryFunction>(f);
            args.rows = 3;
            args.columns = columns;
            args.c_row_stride = dense;
            check_binary(kernels(), args, a, b);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST_P(ElementwiseTest, BinaryWithEveryActivation) {
  for (int f = 0; f < kFunctionCount; ++f) {
    if (!is_smooth(static_cast<Function>(f))) continue;
    BinaryArgs args{};
    args.function = BinaryFunction::Sub;
    args.rows = 2;
    args.columns = 141;
    args.c_row_stride = 150;
    args.activation = activation_of(static_cast<Function>(f));
    if (args.activation.function == Function::Exp)
      args.function = BinaryFunction::Min;  // exact in front of a steep function
    check_binary(kernels(), args, {150, 1}, {0, 1});
    if (HasFatalFailure()) return;
  }
}

TEST_P(ElementwiseTest, BinaryOneColumnOfManyRows) {
  for (int32_t rows : sizes_with_tails(GetParam())) {
    BinaryArgs args{};
    args.function = BinaryFunction::Mul;
    args.rows = rows;
    args.columns = 1;
    args.c_row_stride = 1;
    check_binary(kernels(), args, {1, 7}, {0, 1});
    check_binary(kernels(), args, {3, 1}, {1, 0});
    if (HasFatalFailure()) return;
  }
}

TEST_P(ElementwiseTest, BinarySpecialValues) {
  const std::vector<float> special = {0.0f,  -0.0f, 1.0f,     -1.0f,     kInf,
                                      -kInf, kNan,  kLargest, -kLargest, kSmallestNormal};
  std::vector<float> a, b;
  for (float x : special) {
    for (float y : special) a.push_back(x), b.push_back(y);
  }
  const int32_t n = static_cast<int32_t>(a.size());
  for (int f = 0; f < kBinaryFunctionCount; ++f) {
    std::vector<float> c(a.size());
    kernels().binary_f32({static_cast<BinaryFunction>(f), 1, n, a.data(), 0, 1, b.data(), 0, 1, c.data(), 0, {}});
    for (int32_t i = 0; i < n; ++i) {
      const double expected = binary_reference(static_cast<BinaryFunction>(f), a[i], b[i]);
      if (flushes_denormals(GetParam()) && std::fabs(expected) < kSmallestNormal) continue;
      EXPECT_LE(ulp_error(c[i], expected), f == static_cast<int>(BinaryFunction::Pow) ? 3.5 : 0.5)
          << "function " << f << " of " << a[i] << " and " << b[i] << " gave " << c[i] << ", expected " << expected;
    }
  }
}

TEST_P(ElementwiseTest, ScaleShiftEveryTail) {
  constexpr int32_t kRows = 3;
  for (int32_t columns : sizes_with_tails(GetParam())) {
    const ptrdiff_t stride = columns + 2;
    const size_t count = static_cast<size_t>((kRows - 1) * stride + columns);
    const Guarded<float> x(Random(21).floats(count)), scale(Random(22).floats(columns)),
        shift(Random(23).floats(columns));
    for (Function function : {Function::Identity, Function::Relu, Function::HardSwish, Function::Gelu}) {
      const Activation activation = activation_of(function);
      Guarded<float> y(std::vector<float>(count, kUnwritten));
      kernels().scale_shift_f32(
          {kRows, columns, x.data(), stride, scale.data(), shift.data(), y.data(), stride, activation});
      ASSERT_TRUE(y.intact());
      Guarded<float> in_place(x.values());
      kernels().scale_shift_f32(
          {kRows, columns, in_place.data(), stride, scale.data(), shift.data(), in_place.data(), stride, activation});
      for (size_t i = 0; i < count; ++i) {
        const size_t column = i % static_cast<size_t>(stride);
        if (column >= static_cast<size_t>(columns)) {
          ASSERT_EQ(y[i], kUnwritten);
          continue;
        }
        Sum sum;
        sum.add(static_cast<double>(x[i]) * scale[column]);
        sum.add(shift[column]);
        ASSERT_TRUE(matches(y[i], sum, activation)) << "columns " << columns;
        ASSERT_EQ(in_place[i], y[i]);
      }
    }
  }
}

LINNET_INSTANTIATE_ISAS(ElementwiseTest);

}  // namespace
}  // namespace linnet::kernels::test
