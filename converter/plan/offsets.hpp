// Offsets of blocks with lifetimes in one region of memory.
#pragma once

#include <cstdint>
#include <vector>

#include "converter/plan/plan.hpp"

namespace linnet::plan {

// Where two storages may not overlap: their lifetimes meet, or one holds a graph input and the other an output.
bool conflict(const Storage& a, const Storage& b);
// Sets every offset (multiples of 16 bytes, of 64 for blocks of 4096 bytes or more) and returns the region's size.
// Storages that hold states come first, with nothing between them. Tries the storages by size (Pisarchyk & Lee, arXiv
// 2001.03288), by lifetime and in random orders, and keeps the best.
int64_t assign_offsets(std::vector<Storage>& storages);
// The end of those that hold states.
int64_t state_bytes(const std::vector<Storage>& storages);
int64_t lower_bound(const std::vector<Storage>& storages);

}  // namespace linnet::plan
