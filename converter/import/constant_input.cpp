#include "converter/import/constant_input.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "converter/ir/error.hpp"

namespace linnet::import {

namespace {

using ir::Array;
using ir::DType;
using ir::Error;
using ir::Shape;

std::string shape_text(const Shape& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : "x") + (size < 0 ? "?" : std::to_string(size));
  return text.empty() ? "scalar" : text;
}

template <class Number>
Number parsed(const std::string& word, DType dtype) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    throw Error(fmt::format("'{}' is no {} number", word, ir::name(dtype)));
  return value;
}

// The element as it is kept in an array of integers.
int64_t parsed_integer(const std::string& word, DType dtype) {
  if (dtype == DType::u64) return static_cast<int64_t>(parsed<uint64_t>(word, dtype));
  if (dtype == DType::boolean && (word == "true" || word == "false")) return word == "true" ? 1 : 0;
  return parsed<int64_t>(word, dtype);
}

Array parsed_elements(const std::string& text, DType dtype) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  if (words.empty() || text.back() == ',') throw Error("expected numbers separated by commas");
  const Shape shape = {static_cast<int64_t>(words.size())};
  if (ir::is_floating(dtype)) {
    std::vector<double> values;
    for (const std::string& word : words) values.push_back(parsed<double>(word, dtype));
    return Array::of_doubles(shape, std::move(values), DType::f64);
  }
  std::vector<int64_t> values;
  for (const std::string& word : words) values.push_back(parsed_integer(word, dtype));
  return Array::of_integers(shape, std::move(values), dtype == DType::u64 ? DType::u64 : DType::i64);
}

// The elements in another type, which must hold them.
Array converted(const Array& elements, DType dtype) {
  if (elements.floating() != ir::is_floating(dtype) && elements.floating())
    throw Error(fmt::format("has elements of type {}, the input has {}", ir::name(elements.dtype()), ir::name(dtype)));
  const Array result = elements.cast(dtype);
  for (size_t i = 0; i < elements.size() && !ir::is_floating(dtype); ++i) {
    const bool sign_lost = (elements.dtype() == DType::u64) != (dtype == DType::u64) && elements.integer(i) < 0;
    if (result.integer(i) != elements.integer(i) || sign_lost)
      throw Error(fmt::format("{} is outside the range of {}", elements.number(i), ir::name(dtype)));
  }
  return result;
}

// The shape of `type` with its open dimension, if there is one, from the number of elements.
Shape completed(const ir::TensorType& type, size_t count) {
  Shape shape = type.shape;
  const auto open = std::find(shape.begin(), shape.end(), -1);
  if (open != shape.end()) {
    *open = 1;
    if (std::find(shape.begin(), shape.end(), -1) != shape.end())
      throw Error(fmt::format("the input's shape {} is open; give it by --shape", shape_text(type.shape)));
    const int64_t known = ir::element_count(shape);
    *open = known > 0 ? static_cast<int64_t>(count) / known : 0;
  }
  if (ir::element_count(shape) != static_cast<int64_t>(count))
    throw Error(fmt::format("{} elements are given, the input has the shape {}", count, shape_text(type.shape)));
  return shape;
}

}  // namespace

Array constant_of(const ConstantInput& given, const ir::TensorType& type) {
  if (!given.elements) {
    const Array elements = converted(parsed_elements(given.text, type.dtype), type.dtype);
    return elements.reshaped(completed(type, elements.size()));
  }
  const Shape& shape = given.elements->shape();
  bool fits = shape.size() == type.shape.size();
  for (size_t d = 0; fits && d < shape.size(); ++d) fits = type.shape[d] < 0 || type.shape[d] == shape[d];
  if (!fits)
    throw Error(
        fmt::format("{} has the shape {}, the input has {}", given.text, shape_text(shape), shape_text(type.shape)));
  return converted(*given.elements, type.dtype);
}

}  // namespace linnet::import
