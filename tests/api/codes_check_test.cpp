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

const Wrong kWrong[] = {
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
       coded_linear(b, {4, static_cast<kernels::CodeKind>(3), 32, 8});
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
