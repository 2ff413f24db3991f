// Steps of integer arithmetic with one wrong value each.
#include <cmath>

#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

constexpr fb::DataType kInt8 = fb::DataType::Int8;
constexpr fb::Rounding kFixed = fb::Rounding::FixedPoint, kFloat = fb::Rounding::Float;
constexpr fb::WeightLayout kPanels = fb::WeightLayout::Panel16Int8;
const fb::Requantize kWhole(kFixed, -128, 127);
const fb::Factor kHalf(1 << 30, 0);
const fb::QuantizedBinary kHalves(20, kHalf, kHalf, kHalf);

struct Linear {
  fb::Requantize requantize = kWhole;
  fb::WeightLayout layout = kPanels;
  int32_t k = 8, n = 20;  // of the weights
  fb::Rounding rounding = kFixed;
  bool residual = false;
  const fb::QuantizedResidual* add = nullptr;
  fb::DataType y_type = kInt8;
};

// x [2, 8] to y [2, 20], the tensors 0 and, behind a residual, the last.
void linear(ModelBuilder& b, const Linear& l) {
  b.quantize(0.5f, 1);
  const uint32_t w = b.int8_weights(1, l.k, l.n, 1, 1, l.rounding, 1);
  std::vector<uint32_t> tensors = {b.input({2, 8}, kInt8)};
  if (l.residual) tensors.push_back(b.input({2, 20}, kInt8));
  tensors.push_back(b.output({2, 20}, l.y_type));
  apply(b, fb::CreateFullyConnected(b.fbb(), w, nullptr, false, 0, l.layout, &l.requantize, l.add), tensors);
}

// Its packed weights with one word of the header of output 17 replaced: that is in the second panel, which is 8 wide.
void linear_with_word(ModelBuilder& b, fb::Rounding rounding, int32_t row, int32_t word) {
  b.quantize(0.5f, 1);
  std::vector<int8_t> weights(8 * 20);
  std::vector<kernels::Factor> factors(20, ModelBuilder::int8_factor(rounding, 0.01f));
  const kernels::ConvInt8Weights w = {weights.data(), 8, 1, 1, 1, nullptr, factors.data(), 1, 1, 8, 20, 1, 1};
  std::vector<int8_t> packed(kernels::conv2d_int8_packed_bytes(w));
  kernels::pack_conv2d_int8(w, packed.data());
  const size_t panel = static_cast<size_t>(kernels::panel_int8_bytes(16, 8));
  memcpy(packed.data() + panel + static_cast<size_t>(row * 8 + 1) * sizeof(word), &word, sizeof(word));
  const fb::Requantize requantize(rounding, -128, 127);
  apply(b, fb::CreateFullyConnected(b.fbb(), b.buffer(packed), nullptr, false, 0, kPanels, &requantize),
        {b.input({2, 8}, kInt8), b.output({2, 20}, kInt8)});
}

int32_t bits_of(float value) {
  int32_t bits = 0;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

void quantized_tensor(ModelBuilder& b, float scale, int32_t zero_point, fb::DataType type = kInt8) {
  b.quantize(scale, zero_point);
  b.tensor({4}, type);
}

void binary(ModelBuilder& b, fb::BinaryFunction function, const fb::QuantizedBinary* quantized,
            const fb::Requantize& requantize = kWhole, int32_t y_zero_point = 1) {
  b.quantize(0.5f, 1);
  const std::vector<int32_t> shape = {8}, strides = {1};
  const uint32_t x = b.input({8}, kInt8), other = b.input({8}, kInt8);
  b.quantize(0.5f, y_zero_point);
  apply(
      b,
      fb::CreateBinaryDirect(b.fbb(), function, &shape, &strides, &strides, &strides, nullptr, &requantize, quantized),
      {x, other, b.output({8}, kInt8)});
}

void conv(ModelBuilder& b, int32_t groups, int32_t outputs, bool moments = false) {
  b.quantize(0.5f, 1);
  const uint32_t w = b.int8_weights(2, 2, 2, 3, 1, kFixed, 1);
  const uint32_t x = b.input({1, 5, 5, 4}, kInt8), y = b.output({1, 5, 5, outputs}, kInt8);
  std::vector<uint32_t> ys = {y};
  if (moments) ys.push_back(b.output({1, 5, 3, outputs}));
  b.step(fb::CreateConv2D(b.fbb(), w, groups, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, moments ? 1 : 0, kPanels, &kWhole), {x},
         ys);
}

struct Transposed {
  int32_t groups = 2, outputs = 18;  // of the step
  int32_t stride = 2, weights_stride = 2;
  fb::WeightLayout layout = kPanels;
  const fb::Requantize* requantize = &kWhole;
  const fb::Activation* activation = nullptr;
};

void conv_transpose(ModelBuilder& b, const Transposed& t) {
  b.quantize(0.5f, 1);
  const uint32_t w = b.int8_weights(2, 3, 9, 3, 1, kFixed, 1, t.weights_stride);
  apply(b,
        fb::CreateConvTranspose2D(b.fbb(), w, t.groups, 3, 3, t.stride, t.stride, 1, 1, 1, 1, t.activation, t.layout,
                                  t.requantize),
        {b.input({1, 4, 5, 6}, kInt8), b.output({1, 8, 10, t.outputs}, kInt8)});
}

struct Product {
  const fb::Requantize* requantize = &kWhole;
  const fb::Factor* factor = &kHalf;
  float scale = 1;
  const fb::Activation* activation = nullptr;
  fb::DataType b_type = kInt8;
  int32_t k = 8;
};

void matmul(ModelBuilder& b, const Product& p) {
  b.quantize(0.5f, 1);
  apply(b,
        fb::CreateMatMulDirect(b.fbb(), 2, 5, p.k, nullptr, nullptr, nullptr, nullptr, 8, 1, 5, 1, 5, p.scale,
                               p.activation, p.requantize, p.factor),
        {b.input({2, 8}, kInt8), b.input({8, 5}, p.b_type), b.output({2, 5}, kInt8)});
}

void cast(ModelBuilder& b, fb::DataType from, fb::DataType to, const fb::Factor* factor, float scale = 0.5f) {
  b.quantize(scale, 1);
  const uint32_t x = b.input({8}, from), y = b.output({8}, to);
  apply(b, fb::CreateCast(b.fbb(), &kWhole, factor), {x, y});
}

void reduce(ModelBuilder& b, fb::ReduceKind kind, const fb::Requantize& requantize, const fb::Factor* factor,
            int32_t divisor) {
  b.quantize(0.5f, 1);
  apply(b, fb::CreateReduce(b.fbb(), kind, 2, 8, 1, nullptr, &requantize, factor, divisor),
        {b.input({2, 8}, kInt8), b.output({2, 1}, kInt8)});
}

void softmax(ModelBuilder& b, bool log, int32_t lowest, int32_t zero_point) {
  b.quantize(0.5f, 1);
  const uint32_t x = b.input({2, 8}, kInt8);
  b.quantize(1.0f / 256, zero_point);
  apply(b, fb::CreateSoftmax(b.fbb(), 2, 8, 1, log, &kHalf, lowest), {x, b.output({2, 8}, kInt8)});
}

void norm(ModelBuilder& b, fb::NormKind kind, bool with_gain = false, const fb::Requantize& requantize = kWhole,
          const fb::Activation* activation = nullptr) {
  b.quantize(0.5f, 1);
  const uint32_t gain = with_gain ? 1 + b.buffer(std::vector<float>(8)) : 0;
  apply(b, fb::CreateRowNorm(b.fbb(), kind, 8, 0, gain, 0, activation, false, &requantize),
        {b.input({2, 8}, kInt8), b.output({2, 8}, kInt8)});
}

struct Resampling {
  fb::DataType x = kInt8, y = kInt8;
  int32_t y_zero_point = 1, shift = 10;
  size_t weights = 8;
  fb::Requantize requantize = kWhole;
};
void resample(ModelBuilder& b, const Resampling& r) {
  const uint32_t indices = b.buffer(std::vector<int32_t>(8)), weights = b.buffer(std::vector<int32_t>(r.weights));
  b.quantize(0.5f, 1);
  const uint32_t x = b.input({1, 3, 5}, r.x);
  b.quantize(0.5f, r.y_zero_point);
  apply(b, fb::CreateResample(b.fbb(), 1, 3, 4, 5, 2, indices, weights, &r.requantize, r.shift),
        {x, b.output({1, 4, 5}, r.y)});
}

void pool(ModelBuilder& b, bool count_include_pad, int32_t y_zero_point, const fb::Activation* activation = nullptr) {
  b.quantize(0.5f, 1);
  const uint32_t x = b.input({1, 4, 4, 3}, kInt8);
  b.quantize(0.5f, y_zero_point);
  apply(b,
        fb::CreatePool2D(b.fbb(), fb::PoolKind::Average, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0, count_include_pad, activation,
                         &kWhole),
        {x, b.output({1, 2, 2, 3}, kInt8)});
}

const fb::QuantizedResidual kAdd(0, -128, 127, kHalves);

const Wrong kWrong[] = {
    {"Good", LINNET_OK, [](ModelBuilder& b) { linear(b, {}); }, -1},
    {"GoodResidual", LINNET_OK,
     [](ModelBuilder& b) {
       Linear l;
       l.residual = true;
       l.add = &kAdd;
       linear(b, l);
     },
     -1},
    {"GoodFactor", LINNET_OK, [](ModelBuilder& b) { linear_with_word(b, kFixed, 2, 0); }, -1},
    {"ScaleNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { quantized_tensor(b, -0.5f, 0); }, -1, 0},
    {"ScaleNan", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { quantized_tensor(b, NAN, 0); }, -1, 0},
    {"ScaleInfinite", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { quantized_tensor(b, INFINITY, 0); }, -1, 0},
    {"ZeroPointHigh", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { quantized_tensor(b, 1, 128); }, -1, 0},
    {"ZeroPointLow", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { quantized_tensor(b, 1, -1, fb::DataType::UInt8); }, -1,
     0},
    {"RangeLow", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Linear l;
       l.requantize = {kFixed, -129, 127};
       linear(b, l);
     },
     0, 1},
    {"RangeHigh", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Linear l;
       l.requantize = {kFixed, -128, 128};
       linear(b, l);
     },
     0, 1},
    {"RangeEmpty", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Linear l;
       l.requantize = {kFixed, 5, 4};
       linear(b, l);
     },
     0, 1},
    {"Rounding", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       Linear l;
       l.requantize = {static_cast<fb::Rounding>(2), -128, 127};
       linear(b, l);
     }},
    {"Layout", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       Linear l;
       l.layout = fb::WeightLayout::Panel16;
       linear(b, l);
     }},
    {"FloatStepWithInt8Layout", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       apply(b, fb::CreateFullyConnected(b.fbb(), b.gemm_weights(8, 4, 1), nullptr, false, 0, kPanels),
             {b.input({2, 8}), b.output({2, 4})});
     }},
    {"OutputType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Linear l;
       l.y_type = fb::DataType::UInt8;
       linear(b, l);
     },
     0, 1},
    {"WeightsTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       Linear l;
       l.k = 4;
       linear(b, l);
     }},
    {"ResidualWithoutAdd", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       Linear l;
       l.residual = true;
       linear(b, l);
     }},
    {"ResidualRange", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::QuantizedResidual add(0, -128, 300, kHalves);
       Linear l;
       l.residual = true;
       l.add = &add;
       linear(b, l);
     },
     0, 2},
    {"ResidualZeroPoint", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::QuantizedResidual add(-129, -128, 127, kHalves);
       Linear l;
       l.residual = true;
       l.add = &add;
       linear(b, l);
     }},
    {"ShiftHigh", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { linear_with_word(b, kFixed, 3, 31); }},
    {"ShiftLow", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { linear_with_word(b, kFixed, 3, -32); }},
    {"MultiplierLowest", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { linear_with_word(b, kFixed, 2, INT32_MIN); }},
    {"FactorZero", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { linear_with_word(b, kFloat, 2, 0); }},
    {"FactorNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { linear_with_word(b, kFloat, 2, bits_of(-0.5f)); }},
    {"FactorNan", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { linear_with_word(b, kFloat, 2, bits_of(NAN)); }},
    {"FactorInfinite", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { linear_with_word(b, kFloat, 2, bits_of(INFINITY)); }},
    {"ConvGroups", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { conv(b, 3, 4); }, 0, 0},
    {"ConvOutputs", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { conv(b, 2, 5); }, 0, 1},
    {"ConvWeightsTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { conv(b, 2, 40); }},
    {"ConvMoments", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { conv(b, 2, 4, true); }, 0, 2},
    {"GoodTransposed", LINNET_OK, [](ModelBuilder& b) { conv_transpose(b, {}); }, -1},
    {"TransposedGroups", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Transposed t;
       t.groups = 4;
       conv_transpose(b, t);
     },
     0, 0},
    {"TransposedWeightsTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       Transposed t;
       t.outputs = 70;
       conv_transpose(b, t);
     }},
    {"TransposedPhasesMissing", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       Transposed t;
       t.stride = 60;
       conv_transpose(b, t);
     }},
    {"TransposedFactorsOfOtherPhases", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Transposed t;
       t.weights_stride = 3;
       conv_transpose(b, t);
     }},
    {"TransposedLayout", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       Transposed t;
       t.layout = fb::WeightLayout::Panel16;
       conv_transpose(b, t);
     }},
    {"TransposedWithoutRequantize", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Transposed t;
       t.requantize = nullptr;
       conv_transpose(b, t);
     },
     0, 0},
    {"TransposedActivation", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Activation relu(fb::Function::Relu, 0, 0);
       Transposed t;
       t.activation = &relu;
       conv_transpose(b, t);
     }},
    {"GoodProduct", LINNET_OK, [](ModelBuilder& b) { matmul(b, {}); }, -1},
    {"ProductWithoutFactor", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       Product p;
       p.factor = nullptr;
       matmul(b, p);
     }},
    {"ProductShift", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Factor factor(1 << 30, 31);
       Product p;
       p.factor = &factor;
       matmul(b, p);
     }},
    {"ProductScale", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Product p;
       p.scale = 0.5f;
       matmul(b, p);
     }},
    {"ProductActivation", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Activation relu(fb::Function::Relu, 0, 0);
       Product p;
       p.activation = &relu;
       matmul(b, p);
     }},
    {"ProductType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Product p;
       p.b_type = fb::DataType::UInt8;
       matmul(b, p);
     },
     0, 1},
    {"ProductWithoutRequantize", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       Product p;
       p.requantize = nullptr;
       matmul(b, p);
     },
     0, 0},
    {"ProductReadsA", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       Product p;
       p.k = 9;
       matmul(b, p);
     },
     0, 0},
    {"BinaryWithoutFactors", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { binary(b, fb::BinaryFunction::Add, nullptr); }},
    {"BinaryPower", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { binary(b, fb::BinaryFunction::Pow, &kHalves); }},
    {"GoodBinaryMaxOfOtherZeroPoint", LINNET_OK,
     [](ModelBuilder& b) { binary(b, fb::BinaryFunction::Max, nullptr, kWhole, 2); }, -1},
    {"BinaryLeftShift", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::QuantizedBinary shifted(31, kHalf, kHalf, kHalf);
       binary(b, fb::BinaryFunction::Add, &shifted);
     }},
    {"BinaryShift", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::QuantizedBinary shifted(20, kHalf, fb::Factor(1, 31), kHalf);
       binary(b, fb::BinaryFunction::Add, &shifted);
     }},
    {"LookupTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const uint32_t table = b.buffer(std::vector<int8_t>(255));
       apply(b, fb::CreateUnary(b.fbb(), nullptr, 1 + table), {b.input({8}, kInt8), b.output({8}, kInt8)});
     }},
    {"LookupIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateUnary(b.fbb(), nullptr, 9), {b.input({8}, kInt8), b.output({8}, kInt8)});
     }},
    {"LookupType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t table = b.buffer(std::vector<int8_t>(256));
       apply(b, fb::CreateUnary(b.fbb(), nullptr, 1 + table), {b.input({8}, kInt8), b.output({8})});
     },
     0, 1},
    {"CastOfFloats", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { cast(b, fb::DataType::Float32, fb::DataType::Float32, nullptr); }, 0, 1},
    {"CastOfBool", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { cast(b, fb::DataType::Bool, kInt8, &kHalf); }, 0, 0},
    {"CastWithoutFactor", LINNET_ERROR_MODEL_CORRUPT, [](ModelBuilder& b) { cast(b, kInt8, kInt8, nullptr); }},
    {"CastWithoutScale", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { cast(b, fb::DataType::Float32, kInt8, nullptr, 0); },
     0, 1},
    {"CastFromWithoutScale", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { cast(b, kInt8, fb::DataType::Float32, nullptr, 0); }, 0, 0},
    {"ReduceKind", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { reduce(b, fb::ReduceKind::L1, kWhole, &kHalf, 1); }},
    {"GoodReduceProduct", LINNET_OK, [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Prod, kWhole, &kHalf, 1); }, -1},
    {"ReduceProductOfFloat", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Prod, fb::Requantize(kFloat, -128, 127), &kHalf, 1); }},
    {"ReduceProductWithoutFactor", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Prod, kWhole, nullptr, 1); }},
    {"ReduceProductShift", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Factor factor(1 << 30, 15);
       reduce(b, fb::ReduceKind::Prod, kWhole, &factor, 1);
     }},
    {"ReduceProductMultiplier", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Factor factor(-5, 0);
       reduce(b, fb::ReduceKind::Prod, kWhole, &factor, 1);
     }},
    {"ReduceWithoutFactor", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Mean, kWhole, nullptr, 1); }},
    {"ReduceDivisor", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Mean, kWhole, &kHalf, 0); }},
    {"ReduceDivisorOfFloat", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { reduce(b, fb::ReduceKind::Mean, fb::Requantize(kFloat, -128, 127), &kHalf, 8); }},
    {"SoftmaxLogZeroPoint", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { softmax(b, true, -10, -128); }, 0, 1},
    {"SoftmaxLogWithoutReverse", LINNET_ERROR_MODEL_CORRUPT, [](ModelBuilder& b) { softmax(b, true, -10, 127); }},
    {"SoftmaxDifferenceLowest", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { softmax(b, false, INT32_MIN, -128); }},
    {"GoodNorm", LINNET_OK, [](ModelBuilder& b) { norm(b, fb::NormKind::L2); }, -1},
    {"NormKind", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { norm(b, fb::NormKind::Rms); }},
    {"NormGain", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { norm(b, fb::NormKind::L2, true); }},
    {"NormRounding", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { norm(b, fb::NormKind::L2, false, fb::Requantize(kFloat, -128, 127)); }},
    {"NormRange", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { norm(b, fb::NormKind::L2, false, fb::Requantize(kFixed, -128, 128)); }, 0, 1},
    {"NormActivation", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Activation relu(fb::Function::Relu, 0, 0);
       norm(b, fb::NormKind::L2, false, kWhole, &relu);
     }},
    {"GoodResample", LINNET_OK, [](ModelBuilder& b) { resample(b, {}); }, -1},
    {"GoodResampleToInt32", LINNET_OK,
     [](ModelBuilder& b) {
       resample(b, {kInt8, fb::DataType::Int32});
     },
     -1},
    {"ResampleType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       resample(b, {fb::DataType::UInt8, kInt8});
     },
     0, 0},
    {"ResampleOutputType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       resample(b, {kInt8, fb::DataType::Float32});
     },
     0, 1},
    {"ResampleZeroPoint", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       resample(b, {kInt8, kInt8, 2});
     },
     0, 0},
    {"ResampleShiftHigh", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       resample(b, {kInt8, kInt8, 1, 32});
     }},
    {"ResampleShiftLow", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       resample(b, {kInt8, kInt8, 1, -1});
     }},
    {"ResampleWeightsTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       resample(b, {kInt8, kInt8, 1, 10, 7});
     }},
    {"ResampleRounding", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       resample(b, {kInt8, kInt8, 1, 10, 8, fb::Requantize(kFloat, -128, 127)});
     }},
    {"ResampleRange", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       resample(b, {kInt8, kInt8, 1, 10, 8, fb::Requantize(kFixed, 3, 2)});
     },
     0, 1},
    {"SoftmaxDifference", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { softmax(b, false, 1, -128); }},
    {"SoftmaxZeroPoint", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { softmax(b, false, -10, 0); }, 0, 1},
    {"PoolCountIncludePad", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { pool(b, true, 1); }},
    {"PoolZeroPoint", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { pool(b, false, 2); }, 0, 1},
    {"PoolActivation", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const fb::Activation relu(fb::Function::Relu, 0, 0);
       pool(b, false, 1, &relu);
     }},
};

class Int8Checks : public testing::TestWithParam<Wrong> {};

TEST_P(Int8Checks, GetsItsStatus) {
  expect_status(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, Int8Checks, testing::ValuesIn(kWrong), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace linnet::test
