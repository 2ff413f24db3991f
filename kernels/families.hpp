// Every kernel body; instantiate.cpp makes them for one instruction set.
#pragma once

#include "kernels/conv/conv2d.hpp"
#include "kernels/conv_transpose/conv_transpose2d.hpp"
#include "kernels/depthwise/depthwise.hpp"
#include "kernels/elementwise/binary.hpp"
#include "kernels/elementwise/scale_shift.hpp"
#include "kernels/elementwise/unary.hpp"
#include "kernels/gemm/gemm.hpp"
#include "kernels/layout/copy.hpp"
#include "kernels/layout/gather.hpp"
#include "kernels/matmul/matmul.hpp"
#include "kernels/pool/pool2d.hpp"
#include "kernels/reduce/argmax.hpp"
#include "kernels/reduce/reduce.hpp"
#include "kernels/resample/resample.hpp"
#include "kernels/softmax/softmax.hpp"
