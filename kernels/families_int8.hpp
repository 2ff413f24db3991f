// Every int8 kernel body; instantiate_int8.cpp makes them for one instruction set.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/conv_transpose/conv_transpose2d_int8.hpp"
#include "kernels/depthwise/depthwise_int8.hpp"
#include "kernels/elementwise/binary_int8.hpp"
#include "kernels/elementwise/lookup.hpp"
#include "kernels/matmul/matmul_int8.hpp"
#include "kernels/norm/l2_norm_int8.hpp"
#include "kernels/pool/pool2d_int8.hpp"
#include "kernels/quant/quantize.hpp"
#include "kernels/reduce/argmax_int8.hpp"
#include "kernels/reduce/reduce_int8.hpp"
#include "kernels/resample/resample_int.hpp"
#include "kernels/softmax/softmax_int8.hpp"
