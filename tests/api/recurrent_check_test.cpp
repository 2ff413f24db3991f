// The checks of Recurrent and of steps with several outputs.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

using fb::DataType;

// An LSTM from x [4, 2, 6] with both initial states to a sequence, a last state and a cell state of 5 units.
struct Fields {
  int kind = 1;
  int32_t hidden = 5;
  bool x_batch_first = false, y_batch_first = false, initial_h = true, initial_c = true, sequence = true, last = true;
  float clip = 0;
  int gate = 4, cell = 5, output = 5;
  uint32_t input_floats = 24 * 7, recurrent_floats = 24 * 6, peephole_floats = 15;
  int layout = 0;
  std::vector<float> weights;  // to begin the input weights with
  float recurrent_weight = 0;  // of all recurrent ones
};

void layer(ModelBuilder& b, const Fields& f, const std::vector<uint32_t>& inputs,
           const std::vector<uint32_t>& outputs) {
  const auto activation = [](int function) { return fb::Activation(static_cast<fb::Function>(function), 0, 0); };
  const fb::Activation gate = activation(f.gate), cell = activation(f.cell), output = activation(f.output);
  std::vector<float> input(f.input_floats);
  std::copy(f.weights.begin(), f.weights.end(), input.begin());
  const uint32_t weights = b.buffer(input);
  const uint32_t recurrent = b.buffer(std::vector<float>(f.recurrent_floats, f.recurrent_weight));
  const uint32_t peepholes = b.buffer(std::vector<float>(f.peephole_floats));
  b.step(
      fb::CreateRecurrent(b.fbb(), static_cast<fb::RecurrentKind>(f.kind), f.hidden, false, f.x_batch_first,
                          f.y_batch_first, f.initial_h, f.initial_c, f.sequence, f.last, false, false, f.clip, &gate,
                          &cell, &output, weights, recurrent, 1 + peepholes, static_cast<fb::WeightLayout>(f.layout)),
      inputs, outputs);
}

struct Shapes {
  Shape x = {4, 2, 6}, h0 = {2, 5}, c0 = {2, 5}, y = {4, 2, 5}, h = {2, 5}, c = {2, 5};
};

// Tensors 0 to 2 are the inputs, 3 to 5 the outputs.
Bytes lstm(const Fields& f, const Shapes& s) {
  ModelBuilder b;
  const uint32_t x = b.input(s.x), h0 = b.input(s.h0), c0 = b.input(s.c0);
  const uint32_t y = b.output(s.y), h = b.output(s.h), c = b.output(s.c);
  layer(b, f, {x, h0, c0}, {y, h, c});
  return b.finish();
}

constexpr linnet_status kShape = LINNET_ERROR_SHAPE, kRange = LINNET_ERROR_RANGE, kCorrupt = LINNET_ERROR_MODEL_CORRUPT;

struct WrongLayer {
  const char* name;
  linnet_status status;
  int tensor;  // expected in the detail
  void (*change)(Fields& f, Shapes& s);
};

// With int8 weights: 16 biases, then these scales in the first panel. `missing`: floats that the blocks lack.
Fields int8_weights(const std::vector<float>& scales, uint32_t missing = 0) {
  Fields f;
  f.layout = 6;
  f.input_floats = 24 * (2 * 4 + 6) / 4 - missing;
  f.recurrent_floats = 24 * (2 * 4 + 5) / 4;
  f.weights.assign(16, 0.0f);
  f.weights.insert(f.weights.end(), scales.begin(), scales.end());
  return f;
}

// With weights for inputs quantized at run time: biases and sums of 16 outputs, then these scales in the first panel.
Fields dynamic_weights(const std::vector<float>& scales, uint32_t missing = 0) {
  Fields f;
  f.layout = 8;
  f.input_floats = 24 * (4 * 4 + 8) / 4 - missing;
  f.recurrent_floats = 24 * (4 * 4 + 8) / 4;
  f.weights.assign(f.input_floats, 1.0f);
  std::copy(scales.begin(), scales.end(), f.weights.begin() + 32);
  f.recurrent_weight = 1.0f;
  return f;
}

const WrongLayer kWrong[] = {
    {"Kind", kCorrupt, -1, [](Fields& f, Shapes&) { f.kind = 3; }},
    {"HiddenZero", kShape, -1, [](Fields& f, Shapes&) { f.hidden = 0; }},
    {"HiddenNegative", kShape, -1, [](Fields& f, Shapes&) { f.hidden = -5; }},
    {"HiddenTooLarge", kShape, -1, [](Fields& f, Shapes&) { f.hidden = INT32_MAX / 4 + 1; }},
    {"HiddenOther", kShape, 1, [](Fields& f, Shapes&) { f.hidden = 4; }},
    {"NoOutputAnnounced", kCorrupt, -1, [](Fields& f, Shapes&) { f.sequence = f.last = false; }},
    {"SequenceNotAnnounced", kCorrupt, -1, [](Fields& f, Shapes&) { f.sequence = false; }},
    {"LastNotAnnounced", kCorrupt, -1, [](Fields& f, Shapes&) { f.last = false; }},
    {"InitialHiddenStateNotAnnounced", kCorrupt, -1, [](Fields& f, Shapes&) { f.initial_h = false; }},
    {"InitialCellStateNotAnnounced", kCorrupt, -1, [](Fields& f, Shapes&) { f.initial_c = false; }},
    {"CellStateOfAGru", kCorrupt, -1, [](Fields& f, Shapes&) { f.kind = 2; }},
    {"ClipNegative", kShape, -1, [](Fields& f, Shapes&) { f.clip = -1; }},
    {"ClipInfinite", kShape, -1, [](Fields& f, Shapes&) { f.clip = INFINITY; }},
    {"ClipNan", kShape, -1, [](Fields& f, Shapes&) { f.clip = NAN; }},
    {"GateFunction", kCorrupt, -1, [](Fields& f, Shapes&) { f.gate = 29; }},
    {"CellFunction", kCorrupt, -1, [](Fields& f, Shapes&) { f.cell = 255; }},
    {"OutputFunction", kCorrupt, -1, [](Fields& f, Shapes&) { f.output = 29; }},
    {"InputWeightsTooShort", kRange, -1, [](Fields& f, Shapes&) { f.input_floats -= 1; }},
    {"RecurrentWeightsTooShort", kRange, -1, [](Fields& f, Shapes&) { f.recurrent_floats -= 1; }},
    {"PeepholesTooShort", kRange, -1, [](Fields& f, Shapes&) { f.peephole_floats -= 1; }},
    {"Layout", kCorrupt, -1, [](Fields& f, Shapes&) { f.layout = 2; }},
    {"LayoutUnknown", kCorrupt, -1, [](Fields& f, Shapes&) { f.layout = 9; }},
    {"Int8InputWeightsTooShort", kRange, -1, [](Fields& f, Shapes&) { f = int8_weights({}, 1); }},
    {"Int8RecurrentWeightsTooShort", kRange, -1,
     [](Fields& f, Shapes&) {
       f = int8_weights({});
       f.recurrent_floats -= 1;
     }},
    {"Int8ScaleNegative", kShape, -1, [](Fields& f, Shapes&) { f = int8_weights({-1}); }},
    {"Int8ScaleInfinite", kShape, -1,
     [](Fields& f, Shapes&) {
       f = int8_weights({1, INFINITY});
     }},
    {"Int8ScaleNan", kShape, -1,
     [](Fields& f, Shapes&) {
       f = int8_weights({1, 1, NAN});
     }},
    {"DynamicInputWeightsTooShort", kRange, -1, [](Fields& f, Shapes&) { f = dynamic_weights({}, 1); }},
    {"DynamicRecurrentWeightsTooShort", kRange, -1,
     [](Fields& f, Shapes&) {
       f = dynamic_weights({});
       f.recurrent_floats -= 1;
     }},
    {"DynamicScaleZero", kShape, -1, [](Fields& f, Shapes&) { f = dynamic_weights({0}); }},
    {"DynamicScaleNan", kShape, -1,
     [](Fields& f, Shapes&) {
       f = dynamic_weights({1, NAN});
     }},
    {"DynamicRecurrentScaleZero", kShape, -1,
     [](Fields& f, Shapes&) {
       f = dynamic_weights({});
       f.recurrent_weight = 0;
     }},
    {"XBatchFirst", kShape, 1, [](Fields& f, Shapes&) { f.x_batch_first = true; }},
    {"YBatchFirst", kShape, 3, [](Fields& f, Shapes&) { f.y_batch_first = true; }},
    {"XRank", kShape, 0,
     [](Fields&, Shapes& s) {
       s.x = {8, 6};
     }},
    {"InitialHiddenStateBatch", kShape, 1,
     [](Fields&, Shapes& s) {
       s.h0 = {3, 5};
     }},
    {"InitialCellStateUnits", kShape, 2,
     [](Fields&, Shapes& s) {
       s.c0 = {2, 6};
     }},
    {"SequenceRank", kShape, 3,
     [](Fields&, Shapes& s) {
       s.y = {8, 5};
     }},
    {"SequenceTime", kShape, 3,
     [](Fields&, Shapes& s) {
       s.y = {5, 2, 5};
     }},
    {"SequenceBatch", kShape, 3,
     [](Fields&, Shapes& s) {
       s.y = {4, 3, 5};
     }},
    {"SequenceUnits", kShape, 3,
     [](Fields&, Shapes& s) {
       s.y = {4, 2, 6};
     }},
    {"LastStateBatch", kShape, 4,
     [](Fields&, Shapes& s) {
       s.h = {1, 5};
     }},
    {"CellStateUnits", kShape, 5,
     [](Fields&, Shapes& s) {
       s.c = {2, 4};
     }},
};

class RecurrentChecks : public testing::TestWithParam<WrongLayer> {};

TEST_P(RecurrentChecks, GetsItsStatus) {
  Fields fields;
  Shapes shapes;
  GetParam().change(fields, shapes);
  expect_status(lstm(fields, shapes), GetParam().status, 0, GetParam().tensor);
}

INSTANTIATE_TEST_SUITE_P(Each, RecurrentChecks, testing::ValuesIn(kWrong),
                         [](const testing::TestParamInfo<WrongLayer>& info) { return std::string(info.param.name); });

TEST(RecurrentChecks, TheLayersThatTheOthersSpoilAreGood) {
  EXPECT_EQ(model_info(lstm({}, {}), nullptr).outputs, 3);
  EXPECT_EQ(model_info(lstm(int8_weights({1, 0, 1e-3f}), {}), nullptr).outputs, 3);
  EXPECT_EQ(model_info(lstm(dynamic_weights({1, 1e-3f}), {}), nullptr).outputs, 3);
}

// Tensors in the arena that outputs may not share.
void expect_overlap(uint32_t output, uint32_t other, int tensor) {
  ModelBuilder b;
  std::vector<uint32_t> tensors = {b.input({4, 2, 6}),  b.input({2, 5}),  b.input({2, 5}),
                                   b.output({4, 2, 5}), b.output({2, 5}), b.output({2, 5})};
  tensors[output] = tensors[other];
  layer(b, {}, {tensors[0], tensors[1], tensors[2]}, {tensors[3], tensors[4], tensors[5]});
  expect_status(b.finish(), LINNET_ERROR_RANGE, 0, tensor);
}

TEST(RecurrentChecks, OutputsAreApart) {
  expect_overlap(4, 5, 5);
  expect_overlap(4, 1, 1);
  expect_overlap(5, 2, 2);
}

TEST(RecurrentChecks, OutputsAreInTheArena) {
  ModelBuilder b;
  const uint32_t x = b.input({4, 2, 6}), h0 = b.input({2, 5}), c0 = b.input({2, 5});
  const uint32_t y = b.output({4, 2, 5}), h = b.output({2, 5});
  const uint32_t c = b.constant({2, 5}, std::vector<float>(10));
  layer(b, {}, {x, h0, c0}, {y, h, c});
  expect_status(b.finish(), LINNET_ERROR_RANGE, 0, static_cast<int>(c));
}

TEST(RecurrentChecks, OtherOperatorsHaveOneOutput) {
  ModelBuilder b;
  const uint32_t x = b.input({4}), y = b.output({4}), z = b.output({4});
  b.step(fb::CreateCast(b.fbb()), {x}, {y, z});
  expect_status(b.finish(), LINNET_ERROR_MODEL_CORRUPT, 0, -1);
}

}  // namespace
}  // namespace linnet::test
