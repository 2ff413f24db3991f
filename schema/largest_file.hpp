// Included before everything else in firmware. FlatBuffers' verifier divides the largest size of a file by sizes of
// elements: as a number of 64 bits that takes a library function of 700 bytes.
#pragma once

#include <flatbuffers/base.h>

#undef FLATBUFFERS_MAX_BUFFER_SIZE
#define FLATBUFFERS_MAX_BUFFER_SIZE 0x7fffffffu
