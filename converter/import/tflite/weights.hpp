// Weights of layers.
#pragma once

#include "converter/import/tflite/context.hpp"

namespace linnet::import {

// Weights [outputs, inputs of a group, ...] as integers with a zero point of 0. Where some are then no int8 numbers, as
// legacy files of uint8 may have them, their inputs are repeated, each time with a part of the weight: `x` becomes the
// tensor with the inputs that are then read, along dimension `axis`.
ir::Value* symmetric_weights(TfliteContext& context, ir::Value* weights, int64_t groups, int64_t axis, ir::Value*& x);

}  // namespace linnet::import
