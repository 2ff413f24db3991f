// Every integer kernel body; instantiate_int8.cpp makes them for one instruction set.
#pragma once

#include "kernels/conv/conv2d_int16.hpp"
#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/depthwise/depthwise_int16.hpp"
#include "kernels/depthwise/depthwise_int8.hpp"
#include "kernels/elementwise/binary_int8.hpp"
#include "kernels/elementwise/lookup.hpp"
#include "kernels/elementwise/unary_int16.hpp"
#include "kernels/pool/pool2d_int8.hpp"
#include "kernels/quant/quantize.hpp"
#include "kernels/reduce/argmax_int8.hpp"
#include "kernels/reduce/reduce_int8.hpp"
#include "kernels/softmax/softmax_int16.hpp"
#include "kernels/softmax/softmax_int8.hpp"
