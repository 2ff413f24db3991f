// The checks of states.
#include <gtest/gtest.h>

#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

const Shape kShape = {2, 8};

// A step from tensor 0, the input, to tensor 1, the output; the builder's region of states is before them.
void relu(ModelBuilder& b) {
  const fb::Activation function(fb::Function::Relu, 0, 0);
  b.step(fb::CreateUnary(b.fbb(), &function), {b.input(kShape)}, {b.output(kShape)});
}

// Two states, tensors 0 and 1, the input 2 and the output 3, which the first becomes.
void two(ModelBuilder& b) {
  b.state_tensor(kShape), b.state_tensor(kShape);
  relu(b);
  b.state(0, 3);
}

const Wrong kWrong[] = {
    {"NoTensor", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.state(99, 3); }, -1},
    {"NoNext", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.state(1, UINT32_MAX); }, -1},
    {"Constant", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       two(b);
       b.state(b.constant(kShape, random_floats(16, 1)), 3);
     },
     -1, 4},
    {"NextIsConstant", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       two(b);
       b.state(1, b.constant(kShape, random_floats(16, 1)));
     },
     -1, 4},
    {"Slice", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.state_tensor({4, 8});
       relu(b);
       b.state(b.tensor_at({2, 4}, 0, fb::DataType::Float32, 8), 2);
     },
     -1, 3},
    {"NextIsSlice", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       two(b);
       b.state(1, b.tensor(kShape, fb::DataType::Float32, 9));
     },
     -1, 4},
    {"OtherType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       two(b);
       b.state(1, b.tensor(kShape, fb::DataType::Int32));
     },
     -1, 4},
    {"OtherShape", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       two(b);
       b.state(1, b.tensor({2, 9}));
     },
     -1, 4},
    {"OtherRank", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       two(b);
       b.state(1, b.tensor({2, 8, 1}));
     },
     -1, 4},
    {"Twice", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.state(0, 3); }, -1, 0},
    {"NotInOrder", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       b.state_tensor(kShape), b.state_tensor(kShape);
       relu(b);
       b.state(1, 3), b.state(0, 3);
     },
     -1, 0},
    {"Overlapping", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       two(b);
       b.state(b.tensor_at(kShape, 32), 3);
     },
     -1, 4},
    {"BehindTheRegion", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       two(b);
       b.state(b.tensor(kShape), 3);
     },
     -1, 4},
    {"AcrossTheRegionsEnd", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       two(b);
       b.tensor_at(kShape, 96);
     },
     -1, 4},
    {"NextIsAnotherState", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.state(1, 0); }, -1, 0},
    {"NextOverlapsTheFollowing", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       b.state_tensor(kShape), b.state_tensor(kShape);
       relu(b);
       b.state(0, b.tensor_at(kShape, 4)), b.state(1, 3);
     },
     -1, 4},
    {"NextOverlapsThePrevious", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       two(b);
       b.state(1, b.tensor_at(kShape, 60));
     },
     -1, 4},
    {"FollowingDoesNotExist", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       b.state_tensor(kShape), b.state_tensor(kShape);
       relu(b);
       b.state(0, 0), b.state(99, 3);
     },
     -1},
    {"NoInitialBuffer", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.state(1, 3, 9); }, -1, 1},
    {"ShortInitialBuffer", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       two(b);
       b.state(1, 3, 1 + b.buffer(random_floats(15, 1)));
     },
     -1, 1},
    {"IsAnInput", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.mark_input(1); }, -1, 1},
    {"IsAnOutput", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.mark_output(0); }, -1, 0},
    {"RegionBeyondTheTensors", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.state_bytes(1 << 20); }, -1},
    {"RegionWithoutStates", LINNET_ERROR_RANGE, [](ModelBuilder& b) { relu(b), b.state_bytes(64); }, -1, 0},
    {"NoRegion", LINNET_ERROR_RANGE, [](ModelBuilder& b) { two(b), b.state_bytes(0); }, -1, 0},
    {"RollingLines", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t state = b.state_tensor({1, 6, 5, 4}), rolling = b.rolling({1, 6, 5, 4}, 2);
       relu(b);
       b.state(state, rolling);
     },
     -1, 1},
};

class WrongState : public testing::TestWithParam<Wrong> {};
TEST_P(WrongState, IsRefused) {
  expect_status(GetParam());
}
INSTANTIATE_TEST_SUITE_P(All, WrongState, testing::ValuesIn(kWrong), [](const auto& info) { return info.param.name; });

TEST(State, GoodOnesOpen) {
  for (void (*build)(ModelBuilder&) :
       {two, +[](ModelBuilder& b) { two(b), b.state(1, 3); }, +[](ModelBuilder& b) { two(b), b.state(1, 1); },
        +[](ModelBuilder& b) {
          two(b);
          b.state(1, 3, 1 + b.buffer(random_floats(17, 1)));  // a buffer may be longer
        }}) {
    ModelBuilder b;
    build(b);
    expect_status(b.finish(), LINNET_OK, -1, -1);
  }
}

}  // namespace
}  // namespace linnet::test
