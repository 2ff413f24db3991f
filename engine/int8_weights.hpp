// Steps with float arithmetic whose weights are int8 (Panel16Float32x8 and Depthwise16Float32x8).
#pragma once

#include "engine/check.hpp"

namespace linnet::engine {

template <class Table, class = void>
struct HasWeightLayout : std::false_type {};
template <class Table>
struct HasWeightLayout<Table, std::void_t<decltype(std::declval<const Table&>().weight_layout())>> : std::true_type {};

// False in a build that has no such weights.
template <class Table>
bool has_int8_weights(const Table& table) {
  if constexpr (kHasInt8Weights && HasWeightLayout<Table>::value) {
    return table.weight_layout() == fb::WeightLayout::Panel16Float32x8 ||
           table.weight_layout() == fb::WeightLayout::Depthwise16Float32x8;
  } else {
    return (void)table, false;
  }
}

// The scales of a Panel16Float32x8 of [k, n], which lies in its buffer, are finite and not negative.
bool check_scales(const uint8_t* panel, int32_t n, int64_t k, Error* error);

// Buffer `index` holds `sections` of [k, n] with the weights, int8 or not, of a step with float arithmetic.
bool check_sections(const StepView& step, uint32_t index, bool int8_weights, int32_t sections, int32_t n, int64_t k,
                    Error* error);

}  // namespace linnet::engine
