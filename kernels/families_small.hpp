// Every body of a kernel with small weights; instantiate_small.cpp makes them for one instruction set.
#pragma once

#include "kernels/codes/conv2d.hpp"
#include "kernels/sparse/conv2d.hpp"
