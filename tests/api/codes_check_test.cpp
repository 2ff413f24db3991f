// Weights of 4 and 2 bits that are no good are refused.
#include <cmath>
#include <cstring>
#include <string>

#include "kernels/contract_codes.hpp"
#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

using fb::DataType;

// 40 inputs, 8 outputs, codes of this format; `number` is the last step, offset or entry, `missing` words of the block.
void coded_linear(ModelBuilder& b, const kernels::CodeFormat& format, float number = 1, size_t missing = 0,
                  bool transposed = false) {
  constexpr int64_t kInputs = 40, kOutputs = 8;
  const bool sized = (format.bits == 4 || format.bits == 2) && format.group > 0;
  const kernels::CodeFormat valid = sized ? format : kernels::CodeFormat{4, kernels::CodeKind::Grid, 32, 8};
  const auto head = static_cast<size_t>(kernels::codes_head_bytes(valid, kOutputs, kInputs) / 4);
  std::vector<float> block(16 + head + static_cast<size_t>(kOutputs * kernels::code_words(valid, kInputs)) - missing);
  memcpy(block.data(), &format, sizeof(format));
  block[16 + head - 1] = number;
  apply(b, fb::CreateFullyConnected(b.fbb(), b.buffer(block), nullptr, transposed, 0, fb::WeightLayout::Panel16Codes),
        {b.input({2, kInputs}), b.output({2, kOutputs})});
}

// A 3x3 convolution of 4 channels to 8 with codes.
void coded_conv(ModelBuilder& b, size_t missing = 0, const fb::Requantize* requantize = nullptr) {
  std::vector<float> block(16 + 8 * (2 + 5) - missing, 0.0f);
  const kernels::CodeFormat format = {4, kernels::CodeKind::Grid, 36, 8};
  memcpy(block.data(), &format, sizeof(format));
  const DataType type = requantize == nullptr ? DataType::Float32 : DataType::Int8;
  apply(b,
        fb::CreateConv2D(b.fbb(), b.buffer(block), 1, 3, 3, 1, 1, 1, 1, 1, 1, nullptr, 0,
                         fb::WeightLayout::Panel16Codes, requantize),
        {b.input({1, 8, 8, 4}, type), b.output({1, 8, 8, 8}, type)});
}

// 40 inputs, 24 outputs of int8; `shift` is the last output's, `missing` bytes of the block.
void coded_int8(ModelBuilder& b, const kernels::CodeFormat& format, size_t missing = 0, int32_t shift = 0,
                DataType type = DataType::Int8, bool requantized = true) {
  constexpr int32_t kInputs = 40, kOutputs = 24;
  kernels::CodeFormat valid = format;
  if (format.bits != 2) valid.bits = 4;
  std::vector<int8_t> block(kernels::kCodesHeaderBytes + kernels::panel_int8_codes_bytes(valid, kOutputs, kInputs));
  memcpy(block.data(), &format, sizeof(format));
  int8_t* const last =
      block.data() + kernels::kCodesHeaderBytes + kernels::int8_codes_panel_bytes(valid, kernels::kPanel, kInputs);
  memcpy(last + 4 * (4 * kernels::kTailPanel - 1), &shift, sizeof(shift));
  block.resize(block.size() - missing);
  b.quantize(0.5f, 0);
  const fb::Requantize requantize(fb::Rounding::FixedPoint, -128, 127);
  apply(b,
        fb::CreateFullyConnected(b.fbb(), b.buffer(block), nullptr, false, 0, fb::WeightLayout::Panel16Int8Codes,
                                 requantized ? &requantize : nullptr),
        {b.input({2, kInputs}, type), b.output({2, kOutputs}, type)});
}

constexpr kernels::CodeFormat kInt8Table = {4, kernels::CodeKind::Table, 0, 0};

const Wrong kWrong[] = {
    {"Int8Codes", LINNET_OK, [](ModelBuilder& b) { coded_int8(b, kInt8Table); }, -1},
    {"Int8CodesOfOutputs", LINNET_OK,
     [](ModelBuilder& b) {
       coded_int8(b, {2, kernels::CodeKind::OutputTable, 0, 0});
     },
     -1},
    {"Int8CodesOfEightBits", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_int8(b, {8, kernels::CodeKind::Table, 0, 0});
     }},
    {"Int8CodesOfGrids", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_int8(b, {4, kernels::CodeKind::Grid, 64, 8});
     }},
    {"Int8CodesTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { coded_int8(b, kInt8Table, 1); }},
    {"Int8CodesWithoutHeader", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       coded_int8(b, kInt8Table, static_cast<size_t>(kernels::panel_int8_codes_bytes(kInt8Table, 24, 40)) + 1);
     }},
    {"Int8CodesShiftTooLarge", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { coded_int8(b, kInt8Table, 0, 31); }},
    {"Int8CodesOfFloats", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) { coded_int8(b, kInt8Table, 0, 0, DataType::Float32, false); }},
    {"Codes", LINNET_OK,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::Grid, 32, 8});
     },
     -1},
    {"CodesOfTwoBits", LINNET_OK,
     [](ModelBuilder& b) {
       coded_linear(b, {2, kernels::CodeKind::OffsetGrid, 16, 0});
     },
     -1},
    {"CodesByTables", LINNET_OK,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::Table, 1, 0});
     },
     -1},
    {"CodesOfThreeBits", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_linear(b, {3, kernels::CodeKind::Grid, 32, 4});
     }},
    {"CodesOfUnknownKind", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_linear(b, {4, static_cast<kernels::CodeKind>(4), 32, 8});
     }},
    {"CodesByTablesOfOutputs", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::OutputTable, 32, 8});
     }},
    {"CodesOfNegativeKind", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_linear(b, {4, static_cast<kernels::CodeKind>(-1), 32, 8});
     }},
    {"CodesGroupZero", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::Grid, 0, 8});
     }},
    {"CodesGroupUneven", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::Grid, 24, 8});
     }},
    {"CodesZeroTooLarge", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       coded_linear(b, {2, kernels::CodeKind::Grid, 32, 4});
     }},
    {"CodesStepNan", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::Grid, 32, 8}, NAN);
     }},
    {"CodesOffsetInfinite", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::OffsetGrid, 32, 8}, INFINITY);
     }},
    {"CodesEntryNan", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       coded_linear(b, {2, kernels::CodeKind::Table, 1, 0}, NAN);
     }},
    {"CodesTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::Grid, 32, 8}, 1, 1);
     }},
    {"CodesTransposed", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       coded_linear(b, {4, kernels::CodeKind::Grid, 32, 8}, 1, 0, true);
     }},
    {"CodesConv", LINNET_OK, [](ModelBuilder& b) { coded_conv(b); }, -1},
    {"CodesConvTooShort", LINNET_ERROR_RANGE, [](ModelBuilder& b) { coded_conv(b, 1); }},
    {"CodesConvWithoutHeader", LINNET_ERROR_RANGE, [](ModelBuilder& b) { coded_conv(b, 16 + 8 * 7 - 8); }},
    {"CodesConvOfIntegers", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       const fb::Requantize requantize(fb::Rounding::Float, -128, 127);
       coded_conv(b, 0, &requantize);
     }},
};

class CodesChecks : public testing::TestWithParam<Wrong> {};

TEST_P(CodesChecks, GetsItsStatus) {
  expect_status(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, CodesChecks, testing::ValuesIn(kWrong),
                         [](const testing::TestParamInfo<Wrong>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace linnet::test
