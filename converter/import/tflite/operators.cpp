#include "converter/import/tflite/context.hpp"

namespace linnet::import {

namespace from_tflite {

#define TFLITE_OPERATOR(name, importer) std::vector<ir::Value*> importer(TfliteContext& context);
#include "converter/import/tflite/operators.inc"
#undef TFLITE_OPERATOR

}  // namespace from_tflite

namespace {

constexpr TfliteOperator kOperators[] = {
#define TFLITE_OPERATOR(name, importer) {tfl::BuiltinOperator::name, from_tflite::importer},
#include "converter/import/tflite/operators.inc"
#undef TFLITE_OPERATOR
};

}  // namespace

std::span<const TfliteOperator> tflite_operators() {
  return kOperators;
}

const TfliteOperator* find_tflite_operator(tfl::BuiltinOperator code) {
  for (const TfliteOperator& row : kOperators)
    if (row.code == code) return &row;
  return nullptr;
}

}  // namespace linnet::import
