// Every int8 kernel body; instantiate_int8.cpp makes them for one instruction set.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/depthwise/depthwise_int8.hpp"
