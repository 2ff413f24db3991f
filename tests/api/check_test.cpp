// The model as a whole and every operator but the normalizations (norm_check_test.cpp).
#include <gtest/gtest.h>

#include <string>

#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

using fb::DataType;

void linear(ModelBuilder& b, uint32_t weights, const std::vector<uint32_t>& tensors) {
  apply(b, fb::CreateFullyConnected(b.fbb(), weights), tensors);
}

void conv(ModelBuilder& b, const Shape& x, const Shape& y, int32_t groups, int32_t kernel, int32_t stride,
          int32_t dilation, int32_t pad) {
  const uint32_t w = b.conv_weights(1, 4, 8, 3, 1);
  apply(b, fb::CreateConv2D(b.fbb(), w, groups, kernel, kernel, stride, stride, dilation, dilation, pad, pad),
        {b.input(x), b.output(y)});
}

// 4 inputs, 8 outputs, int8 weights with this scale of the last output; `missing` floats of the block.
void int8_linear(ModelBuilder& b, float scale, size_t missing = 0, bool transposed = false) {
  std::vector<float> block(8 * (2 * 4 + 4) / 4 - missing, 0.0f);
  block[15] = scale;
  apply(b,
        fb::CreateFullyConnected(b.fbb(), b.buffer(block), nullptr, transposed, 0, fb::WeightLayout::Panel16Float32x8),
        {b.input({2, 4}), b.output({2, 8})});
}

// The same with inputs quantized at run time. `missing`: words of the block, of 8 x (4 + 4 / 4).
void dynamic_linear(ModelBuilder& b, float scale, size_t missing = 0, uint32_t bias = 0,
                    DataType x = DataType::Float32) {
  std::vector<float> block(40 - missing, 0.0f);
  for (size_t i = 16; i < 24; ++i) block[i] = scale;
  apply(b, fb::CreateFullyConnected(b.fbb(), b.buffer(block), nullptr, false, bias, fb::WeightLayout::Panel16Dynamic8),
        {b.input({2, 4}, x), b.output({2, 8})});
}

// A 3x3 convolution of 4 channels to 8 with int8 weights.
void int8_conv(ModelBuilder& b, float scale, size_t missing = 0) {
  std::vector<float> block(8 * (2 * 4 + 36) / 4 - missing, 0.0f);
  block[15] = scale;
  apply(b,
        fb::CreateConv2D(b.fbb(), b.buffer(block), 1, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 0,
                         fb::WeightLayout::Panel16Float32x8),
        {b.input({1, 8, 8, 4}), b.output({1, 8, 8, 8})});
}

// A 2x2 transposed convolution of stride 2 from 4 channels to 8 with int8 weights, with this scale in the last phase.
void int8_conv_transpose(ModelBuilder& b, float scale, size_t missing = 0) {
  constexpr size_t kPhase = 8 * (2 * 4 + 4) / 4;
  std::vector<float> block(4 * kPhase - missing, 0.0f);
  block[3 * kPhase + 15] = scale;
  apply(b,
        fb::CreateConvTranspose2D(b.fbb(), b.buffer(block), 1, 2, 2, 2, 2, 1, 1, 0, 0, nullptr,
                                  fb::WeightLayout::Panel16Float32x8),
        {b.input({1, 4, 4, 4}), b.output({1, 8, 8, 8})});
}

void copy(ModelBuilder& b, const Shape& shape, const Shape& in, int32_t in_offset, const Shape& out,
          int32_t out_offset) {
  const uint32_t x = b.input({4, 5}), y = b.output({4, 5});
  b.step(fb::CreateCopyDirect(b.fbb(), &shape, &in, in_offset, &out, out_offset), {x}, {y});
}

void binary(ModelBuilder& b, const Shape& shape, const Shape& a_strides, const Shape& b_strides,
            const Shape& c_strides) {
  const uint32_t x = b.input({4, 5}), other = b.input({4, 5}), y = b.output({4, 5});
  b.step(fb::CreateBinaryDirect(b.fbb(), fb::BinaryFunction::Add, &shape, &a_strides, &b_strides, &c_strides),
         {x, other}, {y});
}

void matmul(ModelBuilder& b, int32_t m, int32_t n, int32_t k, int32_t a_stride_m, int32_t b_stride_k) {
  const uint32_t x = b.input({4, 5}), w = b.input({5, 6}), y = b.output({4, 6});
  b.step(fb::CreateMatMulDirect(b.fbb(), m, n, k, nullptr, nullptr, nullptr, nullptr, a_stride_m, 1, b_stride_k, 1, n),
         {x, w}, {y});
}

void gather(ModelBuilder& b, const std::vector<int32_t>& indices, int32_t out_size) {
  const uint32_t x = b.input({1, 5, 6}), y = b.output({1, 3, 6});
  b.step(fb::CreateGather(b.fbb(), 1, 5, out_size, 6, b.buffer(indices)), {x}, {y});
}

void unary(ModelBuilder& b, const std::vector<uint32_t>& tensors, int function = 1) {
  const fb::Activation activation(static_cast<fb::Function>(function), 0, 0);
  apply(b, fb::CreateUnary(b.fbb(), &activation), tensors);
}

const Wrong kWrong[] = {
    {"VersionZero", LINNET_ERROR_MODEL_VERSION, [](ModelBuilder& b) { b.set_version(0); }, -1},
    {"VersionNewer", LINNET_ERROR_MODEL_VERSION, [](ModelBuilder& b) { b.set_version(5); }, -1},
    {"TensorType", LINNET_ERROR_MODEL_CORRUPT, [](ModelBuilder& b) { b.tensor({4}, static_cast<DataType>(6)); }, -1, 0},
    {"TensorZeroSized", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.tensor_at({4, 0}, 0);
     },
     -1, 0},
    {"TensorNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.tensor_at({4, -4}, 0);
     },
     -1, 0},
    {"TensorEnormous", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.tensor_at({65536, 65536}, 0);
     },
     -1, 0},
    {"TensorEnormousProduct", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.tensor_at({INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, 0);
     },
     -1, 0},
    {"TensorDimensions", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { b.tensor(Shape(9, 1)); }, -1, 0},
    {"TensorRowStride", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.tensor({4, 5}, DataType::Float32, 4);
     },
     -1, 0},
    {"TensorRowStrideNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.tensor_at({4, 5}, 0, DataType::Float32, -5);
     },
     -1, 0},
    {"TensorExtent", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.tensor_at({4, 5}, 0, DataType::Float32, INT32_MAX);
     },
     -1, 0},
    {"TensorOutsideArena", LINNET_ERROR_RANGE, [](ModelBuilder& b) { b.tensor({4}), b.tensor_at({4}, 52); }, -1, 1},
    {"TensorOffsetWraps", LINNET_ERROR_RANGE, [](ModelBuilder& b) { b.tensor({4}), b.tensor_at({4}, 0xfffffff0); }, -1,
     1},
    {"TensorMisaligned", LINNET_ERROR_RANGE, [](ModelBuilder& b) { b.tensor({8}), b.tensor_at({4}, 2); }, -1, 1},
    {"ConstantNoBuffer", LINNET_ERROR_RANGE, [](ModelBuilder& b) { b.tensor_at({4}, 0, DataType::Float32, 0, 1); }, -1,
     0},
    {"ConstantTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) { b.tensor_at({5}, 0, DataType::Float32, 0, 1 + b.buffer(Shape(4))); }, -1, 0},
    {"ConstantNoPadding", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) { b.tensor_at({4}, 0, DataType::Float32, 0, 1 + b.raw_buffer("", 1, 79)); }, -1, 0},
    {"InputIndex", LINNET_ERROR_RANGE, [](ModelBuilder& b) { b.mark_input(0); }, -1},
    {"OutputIndex", LINNET_ERROR_RANGE, [](ModelBuilder& b) { b.tensor({4}), b.mark_output(0xffffffff); }, -1},
    {"OutputConstant", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       b.mark_output(b.constant({2}, {1, 2}));
     },
     -1, 0},
    {"OutputSlice", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.mark_output(b.tensor({4, 4}, DataType::Float32, 5));
     },
     -1, 0},

    {"OperatorNone", LINNET_ERROR_OPERATOR,
     [](ModelBuilder& b) { b.raw_step(fb::Operator::NONE, 0, {b.input({4})}, {b.output({4})}); }},
    {"OperatorUnknown", LINNET_ERROR_OPERATOR,
     [](ModelBuilder& b) {
       b.raw_step(static_cast<fb::Operator>(200), fb::CreateCast(b.fbb()).Union(), {b.input({4})}, {b.output({4})});
     }},
    {"OperatorWithoutTable", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { b.raw_step(fb::Operator::Cast, 0, {b.input({4})}, {b.output({4})}); }},
    {"NoInputs", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { b.step(fb::CreateCast(b.fbb()), {}, {b.output({4})}); }},
    {"TooManyInputs", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({4});
       b.step(fb::CreateCast(b.fbb()), {x, x, x}, {b.output({4})});
     }},
    {"NoOutput", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { b.step(fb::CreateCast(b.fbb()), {b.input({4})}, {}); }},
    {"TwoOutputs", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       b.step(fb::CreateCast(b.fbb()), {b.input({4})}, {b.output({4}), b.output({4})});
     }},
    {"StepInputIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) { b.step(fb::CreateCast(b.fbb()), {7}, {b.output({4})}); }},
    {"StepOutputIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) { b.step(fb::CreateCast(b.fbb()), {b.input({4})}, {0x80000000}); }},
    {"WritesConstant", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateCast(b.fbb()), {b.input({2}), b.constant({2}, {1, 2})});
     },
     0, 1},
    {"OverlapsItsInput", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       unary(b, {b.input({16}), b.tensor_at({8}, 16)});
     },
     0, 1},
    {"ConvolutionInPlace", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({1, 4, 4, 4});
       b.step(fb::CreateConv2D(b.fbb(), b.conv_weights(1, 4, 4, 1, 1)), {x}, {x});
     },
     0, 0},
    {"CycleThroughOneTensor", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({4, 4});
       linear(b, b.gemm_weights(4, 4, 1), {x, x});
     },
     0, 0},
    {"SlicesOverlap", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       b.tensor({8, 8});
       unary(b, {b.tensor_at({4, 4}, 0, DataType::Float32, 8), b.tensor_at({4, 4}, 12, DataType::Float32, 8)});
     },
     0, 2},
    {"SecondStepIsNamed", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({4});
       unary(b, {x, b.tensor({4})});
       unary(b, {x, b.tensor({5})});
     },
     1, 0},

    {"ActivationFunction", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       unary(b, {b.input({4}), b.output({4})}, 29);
     }},
    {"UnaryType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       unary(b, {b.input({4}, DataType::Int32), b.output({4})});
     },
     0, 0},
    {"UnaryShape", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       unary(b, {b.input({4}), b.output({5})});
     },
     0, 0},
    {"CastShape", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateCast(b.fbb()), {b.input({4}), b.output({5})});
     },
     0, 0},
    {"LinearRows", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       linear(b, b.gemm_weights(4, 8, 1), {b.input({2, 4}), b.output({3, 8})});
     },
     0, 1},
    {"LinearWeightsTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       linear(b, b.gemm_weights(4, 8, 1), {b.input({2, 5}), b.output({2, 8})});
     }},
    {"LinearWeightsIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       linear(b, 3, {b.input({2, 4}), b.output({2, 8})});
     }},
    {"LinearResidual", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateFullyConnected(b.fbb(), b.gemm_weights(4, 8, 1)),
             {b.input({2, 4}), b.input({2, 7}), b.output({2, 8})});
     },
     0, 1},
    {"LinearTransposedWeightsTooShort", LINNET_ERROR_RANGE,  // they are those of [4, 8], not of [20, 4]
     [](ModelBuilder& b) {
       apply(b, fb::CreateFullyConnected(b.fbb(), b.gemm_weights(4, 8, 1), nullptr, true),
             {b.input({2, 20}), b.output({2, 4})});
     }},
    {"LinearTransposedBiasTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const uint32_t bias = b.buffer(std::vector<float>(3));
       apply(b, fb::CreateFullyConnected(b.fbb(), b.gemm_weights(4, 8, 1), nullptr, true, 1 + bias),
             {b.input({2, 8}), b.output({2, 4})});
     }},
    {"ScaleShiftTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateScaleShift(b.fbb(), b.buffer(std::vector<float>(7))), {b.input({3, 4}), b.output({3, 4})});
     }},
    {"ConvRank", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {8, 8, 4}, {1, 8, 8, 8}, 1, 3, 1, 1, 1);
     },
     0, 0},
    {"ConvBatch", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {2, 8, 8, 8}, 1, 3, 1, 1, 1);
     },
     0, 1},
    {"ConvGroupsZero", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 0, 3, 1, 1, 1);
     }},
    {"ConvGroups", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 3, 3, 1, 1, 1);
     },
     0, 0},
    {"ConvKernelZero", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, 0, 1, 1, 1);
     }},
    {"ConvStrideZero", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, 3, 0, 1, 1);
     }},
    {"ConvDilationNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, 3, 1, -1, 1);
     }},
    {"ConvPadNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, 3, 1, 1, -1);
     }},
    {"ConvStrideEnormous", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, 3, INT32_MAX, 1, 1);
     }},
    {"ConvDilationEnormous", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, 3, 1, INT32_MAX, 1);
     }},
    {"Int8Weights", LINNET_OK, [](ModelBuilder& b) { int8_linear(b, 0); }, -1},
    {"Int8WeightsTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { int8_linear(b, 0, 1); }},
    {"Int8WeightsTransposed", LINNET_ERROR_MODEL_CORRUPT, [](ModelBuilder& b) { int8_linear(b, 0, 0, true); }},
    {"Int8WeightsScaleNan", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { int8_linear(b, NAN); }},
    {"Dynamic", LINNET_OK, [](ModelBuilder& b) { dynamic_linear(b, 1); }, -1},
    {"DynamicWeightsTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { dynamic_linear(b, 1, 1); }},
    {"DynamicScaleZero", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { dynamic_linear(b, 0); }},
    {"DynamicScaleNan", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { dynamic_linear(b, NAN); }},
    {"DynamicBias", LINNET_ERROR_MODEL_CORRUPT, [](ModelBuilder& b) { dynamic_linear(b, 1, 0, 1); }},
    {"DynamicInputType", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { dynamic_linear(b, 1, 0, 0, DataType::Int8); }, 0, 0},
    {"Int8ConvWeights", LINNET_OK, [](ModelBuilder& b) { int8_conv(b, 1); }, -1},
    {"Int8ConvWeightsTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { int8_conv(b, 1, 1); }},
    {"Int8ConvWeightsScaleNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { int8_conv(b, -1); }},
    {"Int8TransposedWeights", LINNET_OK, [](ModelBuilder& b) { int8_conv_transpose(b, 1); }, -1},
    {"Int8TransposedWeightsTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { int8_conv_transpose(b, 1, 1); }},
    {"Int8TransposedWeightsScaleNan", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { int8_conv_transpose(b, NAN); }},
    {"ConvWeightsTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, 4, 1, 1, 1);
     }},
    {"ConvKernelEnormous", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       conv(b, {1, 8, 8, 4}, {1, 8, 8, 8}, 1, INT32_MAX, 1, 1, 1);
     },
     0, 0},
    {"PoolChannels", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       apply(b, fb::CreatePool2D(b.fbb(), fb::PoolKind::Max, 2, 2, 2, 2),
             {b.input({1, 4, 4, 3}), b.output({1, 2, 2, 4})});
     },
     0, 1},
    {"PoolKind", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       apply(b, fb::CreatePool2D(b.fbb(), static_cast<fb::PoolKind>(2), 2, 2, 2, 2),
             {b.input({1, 4, 4, 3}), b.output({1, 2, 2, 3})});
     }},
    {"CopyReadsBehind", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       copy(b, {4, 5}, {5, 1}, 1, {5, 1}, 0);
     },
     0, 0},
    {"CopyReadsBefore", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       copy(b, {4, 5}, {-5, 1}, 14, {5, 1}, 0);
     },
     0, 0},
    {"CopyWritesBehind", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       copy(b, {4, 5}, {5, 1}, 0, {6, 1}, 0);
     },
     0, 1},
    {"CopyStrideEnormous", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       copy(b, {2, 2}, {INT32_MIN, INT32_MAX}, 0, {5, 1}, 0);
     },
     0, 0},
    {"CopyRepeatsForEver", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       copy(b, {INT32_MAX, INT32_MAX, INT32_MAX}, {0, 0, 0}, 0, {0, 0, 0}, 0);
     }},
    {"CopyMoreThanTheOutput", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { copy(b, {21}, {0}, 0, {0}, 0); }, 0, 1},
    {"CopyStrideCount", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       copy(b, {4, 5}, {5}, 0, {5, 1}, 0);
     }},
    {"CopyDimensions", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) { copy(b, Shape(9, 1), Shape(9, 0), 0, Shape(9, 0), 0); }},
    {"CopyType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const Shape shape = {4}, strides = {1};
       apply(b, fb::CreateCopyDirect(b.fbb(), &shape, &strides, 0, &strides, 0),
             {b.input({4}, DataType::Int32), b.output({4})});
     },
     0, 0},
    {"BinaryElements", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       binary(b, {4, 4}, {5, 1}, {5, 1}, {5, 1});
     },
     0, 2},
    {"BinaryReadsBehind", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       binary(b, {4, 5}, {5, 1}, {6, 1}, {5, 1});
     },
     0, 1},
    {"BinaryColumnStride", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       binary(b, {5, 4}, {1, 5}, {1, 5}, {1, 5});
     },
     0, 2},
    {"MatMulElements", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { matmul(b, 5, 6, 5, 5, 6); }, 0, 2},
    {"MatMulReadsA", LINNET_ERROR_RANGE, [](ModelBuilder& b) { matmul(b, 4, 6, 5, 6, 6); }, 0, 0},
    {"MatMulReadsB", LINNET_ERROR_RANGE, [](ModelBuilder& b) { matmul(b, 4, 6, 5, 5, 7); }, 0, 1},
    {"MatMulDepth", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { matmul(b, 4, 6, INT32_MAX, 0, 0); }, 0, 0},
    {"MatMulNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { matmul(b, -4, -6, 5, 5, 6); }, 0, 2},
    {"GatherIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       gather(b, {0, 5, 1}, 3);
     },
     0, 0},
    {"GatherIndexNegative", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       gather(b, {0, -1, 1}, 3);
     },
     0, 0},
    {"GatherIndicesMissing", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       gather(b, {0, 1}, 3);
     }},
    {"GatherShape", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       gather(b, {0, 1, 2, 3}, 4);
     },
     0, 1},
    {"ResampleIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const uint32_t indices = b.buffer(Shape{0, 2}), weights = b.buffer(std::vector<float>(4));
       apply(b, fb::CreateResample(b.fbb(), 1, 2, 2, 3, 1, indices, weights),
             {b.input({1, 2, 3}), b.output({1, 2, 3})});
     },
     0, 0},
    {"ReduceKind", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       apply(b, fb::CreateReduce(b.fbb(), static_cast<fb::ReduceKind>(8), 2, 3, 4),
             {b.input({2, 3, 4}), b.output({2, 4})});
     }},
    {"ReduceShape", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateReduce(b.fbb(), fb::ReduceKind::Sum, 2, 4, 4), {b.input({2, 3, 4}), b.output({2, 4})});
     },
     0, 0},
    {"ReduceSlice", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateReduce(b.fbb(), fb::ReduceKind::Sum, 1, 2, 12),
             {b.tensor({2, 3, 4}, DataType::Float32, 5), b.output({3, 4})});
     },
     0, 0},
    {"SoftmaxOverflow", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateSoftmax(b.fbb(), 65536, 65536, 65536), {b.input({4}), b.output({4})});
     },
     0, 0},
    {"ArgMaxType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateArgMax(b.fbb(), 1, 4, 1), {b.input({4}), b.output({1})});
     },
     0, 1},
};

class Checks : public testing::TestWithParam<Wrong> {};

TEST_P(Checks, GetsItsStatus) {
  expect_status(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, Checks, testing::ValuesIn(kWrong),
                         [](const testing::TestParamInfo<Wrong>& info) { return std::string(info.param.name); });

TEST(Check, BlocksAreAligned) {
  int misaligned = 0;
  for (size_t size = 64; size < 128; size += 4) {
    flatbuffers::FlatBufferBuilder fbb;
    const std::vector<uint8_t> bytes(size);
    const std::vector<flatbuffers::Offset<fb::Buffer>> buffers = {fb::CreateBuffer(fbb, fbb.CreateVector(bytes))};
    fb::FinishModelBuffer(fbb, fb::CreateModelDirect(fbb, 1, nullptr, nullptr, nullptr, nullptr, nullptr, &buffers));
    const Bytes model(fbb.GetBufferPointer(), fbb.GetSize());
    const uint8_t* data = fb::GetModel(model.data())->buffers()->Get(0)->data()->data();
    const size_t remainder = reinterpret_cast<uintptr_t>(data) % 64;
    linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
    linnet_options options = LINNET_OPTIONS_INIT;
    options.error = &detail;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    const linnet_status status = linnet_get_model_info(&options, model.data(), model.size(), &info);
    EXPECT_EQ(status, remainder == 0 ? LINNET_OK : LINNET_ERROR_MODEL_ALIGNMENT);
    EXPECT_EQ(detail.got, remainder);
    misaligned += remainder != 0;
  }
  EXPECT_GT(misaligned, 0);
}

// Neighbouring slices of one tensor do not overlap, whatever their ranges of bytes say.
TEST(Check, NeighbouringSlicesAreApart) {
  ModelBuilder b;
  b.tensor({4, 8});
  unary(b, {b.tensor_at({4, 4}, 0, DataType::Float32, 8), b.tensor_at({4, 4}, 16, DataType::Float32, 8)});
  const Bytes model = b.finish();
  make_instance(model);
}

TEST(Check, BuffersHaveData) {
  for (const bool with_data : {false, true}) {
    flatbuffers::FlatBufferBuilder fbb;
    const std::vector<uint8_t> bytes(64);
    fbb.ForceVectorAlignment(bytes.size(), 1, 64);
    const std::vector<flatbuffers::Offset<fb::Buffer>> buffers = {
        fb::CreateBuffer(fbb, with_data ? fbb.CreateVector(bytes) : 0)};
    fb::FinishModelBuffer(fbb, fb::CreateModelDirect(fbb, 1, nullptr, nullptr, nullptr, nullptr, nullptr, &buffers, 0));
    expect_status({fbb.GetBufferPointer(), fbb.GetSize()}, with_data ? LINNET_OK : LINNET_ERROR_MODEL_CORRUPT, -1, -1);
  }
}

TEST(Check, SourcePermutationIsOne) {
  const std::vector<std::pair<std::vector<uint8_t>, bool>> cases = {
      {{0, 2, 3, 1}, true}, {{0, 2, 3}, false}, {{0, 2, 2, 1}, false}, {{0, 2, 3, 4}, false}, {{0, 2, 3, 255}, false}};
  for (const auto& [permutation, good] : cases) {
    flatbuffers::FlatBufferBuilder fbb;
    const Shape shape = {1, 4, 4, 2};
    const std::vector<uint32_t> ports = {0};
    // Of any tensor: tools read it too.
    for (const auto* outputs : {static_cast<const std::vector<uint32_t>*>(nullptr), &ports}) {
      fbb.Clear();
      const std::vector<flatbuffers::Offset<fb::Tensor>> tensors = {
          fb::CreateTensorDirect(fbb, DataType::Float32, &shape, 0, 0, 0, &permutation)};
      fb::FinishModelBuffer(fbb,
                            fb::CreateModelDirect(fbb, 1, nullptr, &tensors, nullptr, outputs, nullptr, nullptr, 128));
      const Bytes model(fbb.GetBufferPointer(), fbb.GetSize());
      linnet_model_info info = LINNET_MODEL_INFO_INIT;
      EXPECT_EQ(linnet_get_model_info(nullptr, model.data(), model.size(), &info) == LINNET_OK, good);
    }
    if (!good) continue;
    const Bytes model(fbb.GetBufferPointer(), fbb.GetSize());
    const Instance instance = make_instance(model);
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    ASSERT_EQ(linnet_output(instance.session, 0, &view), LINNET_OK);
    for (int d = 0; d < 4; ++d) EXPECT_EQ(view.source_dimension[d], permutation[static_cast<size_t>(d)]);
  }
}

}  // namespace
}  // namespace linnet::test
