// Tensors that keep their values between runs: what a run finds, what it leaves, and what linnet_reset restores.
#include <gtest/gtest.h>

#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

// One run of a model with one input and one output of floats.
std::vector<float> run_on(const Instance& instance, const std::vector<float>& input) {
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  EXPECT_EQ(linnet_input(instance.session, 0, &view), LINNET_OK);
  EXPECT_EQ(view.bytes, input.size() * sizeof(float));
  memcpy(view.data, input.data(), view.bytes);
  EXPECT_EQ(linnet_run(instance.session), LINNET_OK);
  EXPECT_EQ(linnet_output(instance.session, 0, &view), LINNET_OK);
  std::vector<float> output(view.bytes / sizeof(float));
  memcpy(output.data(), view.data, view.bytes);
  return output;
}

class RingBuffer : public testing::TestWithParam<Ring> {};

TEST_P(RingBuffer, HoldsTheRowsOfEarlierRuns) {
  const Ring ring = GetParam();
  const auto kept_size = static_cast<size_t>(ring.kept * ring.columns);
  const std::vector<float> initial = random_floats(kept_size, 7);
  const Bytes model = ring_buffer(ring, initial);
  const Instance instance = make_instance(model);
  for (int round = 0; round < 2; ++round) {
    std::vector<float> history = initial;
    for (uint32_t i = 0; i < 6; ++i) {
      const std::vector<float> input = random_floats(static_cast<size_t>(ring.fresh * ring.columns), 100 + i);
      history.insert(ring.newest_first ? history.begin() : history.end(), input.begin(), input.end());
      EXPECT_EQ(run_on(instance, input), history) << "run " << i << " of round " << round;
      const auto size = static_cast<ptrdiff_t>(kept_size);
      history = ring.newest_first ? std::vector<float>(history.begin(), history.begin() + size)
                                  : std::vector<float>(history.end() - size, history.end());
    }
    ASSERT_EQ(linnet_reset(instance.session), LINNET_OK);
  }
}

// Moves by less than the state, by exactly so much and by more, with remainders of the last part.
INSTANTIATE_TEST_SUITE_P(All, RingBuffer, testing::ValuesIn([] {
                           std::vector<Ring> rings;
                           for (const int32_t kept : {1, 2, 5})
                             for (const int32_t fresh : {1, 2, 3, 5, 7})
                               for (const bool newest_first : {false, true})
                                 rings.push_back({kept, fresh, 3, newest_first});
                           return rings;
                         }()),
                         [](const auto& info) {
                           const Ring& ring = info.param;
                           return std::to_string(ring.kept) + "Of" + std::to_string(ring.fresh) +
                                  (ring.newest_first ? "First" : "Last");
                         });

// y = state + x, which is the state of the next run.
Bytes accumulator(bool in_place) {
  ModelBuilder b;
  const Shape shape = {2, 3};
  const std::vector<int32_t> size = {6}, one = {1};
  const uint32_t sum = b.state_tensor(shape), x = b.input(shape), y = b.output(shape);
  const uint32_t next = in_place ? sum : b.tensor(shape);
  b.step(fb::CreateBinaryDirect(b.fbb(), fb::BinaryFunction::Add, &size, &one, &one, &one), {sum, x}, {next});
  b.copy(next, 3, y, 3, shape);
  b.state(sum, next);
  return b.finish();
}

TEST(State, AccumulatesWithAndWithoutACopy) {
  for (const bool in_place : {false, true}) {
    const Bytes model = accumulator(in_place);
    const Instance instance = make_instance(model);
    for (const float times : {1.0f, 2.0f, 3.0f}) {
      std::vector<float> sum;
      for (const float x : {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}) sum.push_back(times * x);
      EXPECT_EQ(run_on(instance, {1, 2, 3, 4, 5, 6}), sum);
    }
  }
}

// Two states, of which one becomes what the other was: the input of the run before and of the one before that.
TEST(State, SeveralInARow) {
  ModelBuilder b;
  const Shape shape = {2};
  const uint32_t older = b.state_tensor(shape), newer = b.state_tensor(shape), x = b.input(shape);
  const uint32_t y = b.output({2, 2}), was_newer = b.tensor(shape), was_x = b.tensor(shape);
  b.copy(newer, 2, was_newer, 2, shape);
  b.copy(x, 2, was_x, 2, shape);
  const std::vector<int32_t> size = {2}, one = {1};
  const uint32_t first = b.tensor(shape), second = b.tensor(shape);
  b.copy(older, 2, first, 2, shape);
  b.copy(newer, 2, second, 2, shape);
  b.step(fb::CreateCopyDirect(b.fbb(), &size, &one, 0, &one, 0), {first}, {y});
  b.step(fb::CreateCopyDirect(b.fbb(), &size, &one, 0, &one, 2), {second}, {y});
  b.state(older, was_newer);
  b.state(newer, was_x, 1 + b.buffer(std::vector<float>{-1, -2}));
  const Bytes model = b.finish();
  const Instance instance = make_instance(model);
  EXPECT_EQ(run_on(instance, {1, 2}), (std::vector<float>{0, 0, -1, -2}));
  EXPECT_EQ(run_on(instance, {3, 4}), (std::vector<float>{-1, -2, 1, 2}));
  EXPECT_EQ(run_on(instance, {5, 6}), (std::vector<float>{1, 2, 3, 4}));
}

TEST(State, SessionsHaveTheirOwn) {
  const Bytes model = accumulator(true);
  const Instance a = make_instance(model), b = make_instance(model);
  const std::vector<float> x = {1, 2, 3, 4, 5, 6}, twice = {2, 4, 6, 8, 10, 12};
  EXPECT_EQ(run_on(a, x), x);
  EXPECT_EQ(run_on(a, x), twice);
  EXPECT_EQ(run_on(b, x), x);
  linnet_reset(a.session);
  EXPECT_EQ(run_on(b, x), twice);
  EXPECT_EQ(run_on(a, x), x);
}

// What state_bytes promises: a session goes on from a copy of these bytes.
TEST(State, TheRegionIsAllThatIsKept) {
  const Bytes model = ring_buffer({3, 2, 4});
  const linnet_model_info info = model_info(model);
  EXPECT_EQ(info.arena_bytes, info.session_bytes + info.tensor_bytes + info.scratch_bytes);
  EXPECT_EQ(info.state_bytes, 128u);  // 5 rows of 16 bytes, rounded up by the builder
  const Instance one = make_instance(model), other = make_instance(model);
  run_on(one, random_floats(8, 1));
  std::vector<uint8_t> saved(one.arena.data() + info.session_bytes,
                             one.arena.data() + info.session_bytes + info.state_bytes);
  memset(other.arena.data() + info.session_bytes, 0x5a, other.arena.size() - info.session_bytes);
  memcpy(other.arena.data() + info.session_bytes, saved.data(), saved.size());
  const std::vector<float> x = random_floats(8, 2);
  EXPECT_EQ(run_on(one, x), run_on(other, x));
}

TEST(State, NoneInOtherModels) {
  const Bytes model = small_network();
  EXPECT_EQ(model_info(model).state_bytes, 0u);
  const Instance instance = make_instance(model);
  EXPECT_EQ(linnet_reset(instance.session), LINNET_OK);
}

}  // namespace
}  // namespace linnet::test
