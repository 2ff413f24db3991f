// The checks of Winograd2D.
#include <gtest/gtest.h>

#include <string>

#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

struct Fields {
  int32_t tile = 4;
  int32_t pad_top = 1, pad_left = 1;
  int function = 0;
};

void winograd(ModelBuilder& b, const Fields& f, const Shape& x = {1, 8, 8, 4}, const Shape& y = {1, 8, 8, 8}) {
  const fb::Activation activation(static_cast<fb::Function>(f.function), 0, 0);
  const uint32_t w = b.winograd_weights(4, 8, 4, 1);
  apply(b, fb::CreateWinograd2D(b.fbb(), w, f.tile, f.pad_top, f.pad_left, &activation), {b.input(x), b.output(y)});
}

const Wrong kWrong[] = {
    {"TileZero", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { winograd(b, {0}); }},
    {"TileOdd", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { winograd(b, {3}); }},
    {"TileEnormous", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { winograd(b, {INT32_MAX}); }},
    {"WeightsOfASmallerTile", LINNET_ERROR_RANGE, [](ModelBuilder& b) { winograd(b, {6}); }},
    {"WeightsTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       winograd(b, {4}, {1, 8, 8, 5});
     }},
    {"WeightsOfFewerOutputs", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       winograd(b, {4}, {1, 8, 8, 4}, {1, 8, 8, 9});
     }},
    {"ChannelsEnormous", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t x = b.tensor_at({1, 1, 1, 1 << 26}, 0), w = b.winograd_weights(1, 8, 4, 1);
       b.set_tensor_bytes(1u << 31);
       apply(b, fb::CreateWinograd2D(b.fbb(), w, 4, 1, 1), {x, b.tensor_at({1, 1, 1, 8}, 1u << 30)});
     },
     0, 0},
    {"Rank", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       winograd(b, {}, {8, 8, 4});
     },
     0, 0},
    {"Batch", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       winograd(b, {}, {1, 8, 8, 4}, {2, 8, 8, 8});
     },
     0, 1},
    {"PadNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       winograd(b, {4, -1, 1});
     }},
    {"PadEnormous", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       winograd(b, {4, 1, INT32_MAX});
     }},
    {"Activation", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       winograd(b, {4, 1, 1, static_cast<int>(fb::Function::MAX) + 1});
     }},
    {"Type", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t w = b.winograd_weights(4, 8, 4, 1);
       apply(b, fb::CreateWinograd2D(b.fbb(), w, 4, 1, 1),
             {b.input({1, 8, 8, 4}, fb::DataType::Int32), b.output({1, 8, 8, 8})});
     },
     0, 0},
    {"Residual", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t w = b.winograd_weights(4, 8, 4, 1);
       apply(b, fb::CreateWinograd2D(b.fbb(), w, 4, 1, 1),
             {b.input({1, 8, 8, 4}), b.input({1, 8, 7, 8}), b.output({1, 8, 8, 8})});
     },
     0, 1},
    {"InPlace", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({1, 8, 8, 4});
       b.mark_output(x);
       apply(b, fb::CreateWinograd2D(b.fbb(), b.winograd_weights(4, 4, 4, 1), 4, 1, 1), {x, x});
     },
     0, 0},
};

class WinogradChecks : public testing::TestWithParam<Wrong> {};

TEST_P(WinogradChecks, GetsItsStatus) {
  expect_status(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, WinogradChecks, testing::ValuesIn(kWrong),
                         [](const testing::TestParamInfo<Wrong>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace linnet::test
