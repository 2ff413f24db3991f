#include "targets/desktop/lib/npy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "targets/desktop/lib/error.hpp"
#include "tests/tools/command.hpp"

namespace linnet::tools {
namespace {

using test::npy_file;
using test::npy_header;
using test::raw;

NpyArray parse(const std::string& bytes) {
  return parse_npy("x.npy", reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

template <class T>
std::string swapped(const std::vector<T>& values) {
  std::string bytes;
  for (const T& value : values) {
    const std::string one = raw(std::vector<T>{value});
    bytes.append(one.rbegin(), one.rend());
  }
  return bytes;
}

template <class T>
void expect_read(const std::string& descr, const std::vector<T>& values, const std::string& dtype) {
  for (const char order : {'<', '>'}) {
    for (const int version : {1, 2, 3}) {
      const NpyArray array =
          parse(npy_file(npy_header(order + descr, "(3,)"), order == '>' ? swapped(values) : raw(values), version));
      EXPECT_EQ(array.dtype(), dtype);
      EXPECT_EQ(array.shape, std::vector<int64_t>{3});
      for (size_t i = 0; i < 3; ++i)
        EXPECT_EQ(array.number(i), static_cast<double>(values[i])) << descr << order << version;
    }
  }
}

TEST(Npy, ReadsEveryElementTypeInBothByteOrdersAndAllVersions) {
  expect_read<float>("f4", {1.5f, -2, 1e30f}, "float32");
  expect_read<double>("f8", {1.5, -2, 1e300}, "float64");
  expect_read<int8_t>("i1", {-128, 0, 127}, "int8");
  expect_read<int16_t>("i2", {-32768, 0, 32767}, "int16");
  expect_read<int32_t>("i4", {-2147483647, 0, 5}, "int32");
  expect_read<int64_t>("i8", {-5, 0, 1ll << 40}, "int64");
  expect_read<uint8_t>("u1", {0, 128, 255}, "uint8");
  expect_read<uint16_t>("u2", {0, 1, 65535}, "uint16");
  expect_read<uint32_t>("u4", {0, 1, 4294967295u}, "uint32");
  expect_read<uint64_t>("u8", {0, 1, 1ull << 50}, "uint64");
  expect_read<uint8_t>("b1", {0, 1, 1}, "bool");
}

TEST(Npy, ReadsHalfPrecision) {
  const std::vector<uint16_t> bits = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00};
  const NpyArray array = parse(npy_file(npy_header("<f2", "(6,)"), raw(bits)));
  EXPECT_EQ(array.number(0), 1);
  EXPECT_EQ(array.number(1), -2);
  EXPECT_EQ(array.number(2), std::ldexp(1, -24));
  EXPECT_EQ(array.number(3), 65504);
  EXPECT_EQ(array.number(4), INFINITY);
  EXPECT_TRUE(std::isnan(array.number(5)));
}

TEST(Npy, TurnsFortranOrderAround) {
  // [[0, 1, 2], [3, 4, 5]] column by column.
  const NpyArray array =
      parse(npy_file(npy_header("<i4", "(2, 3)", true), raw(std::vector<int32_t>{0, 3, 1, 4, 2, 5})));
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(array.number(i), static_cast<double>(i));
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  EXPECT_TRUE(parse(npy_file(npy_header("<f4", "()"), raw(std::vector<float>{3}))).shape.empty());
  EXPECT_EQ(parse(npy_file(npy_header("<f4", "(0, 7)"), "")).size(), 0u);
}

TEST(Npy, RefusesWhatItDoesNotUnderstand) {
  const std::string four(4, '\0');
  const std::pair<std::string, std::string> cases[] = {
      {"", "not a .npy file"},
      {"\x93NUMP", "not a .npy file"},
      {"hello world, this is text", "not a .npy file"},
      {std::string("\x93NUMPY\x01\0\x50", 9), "truncated"},
      {npy_file(npy_header("<f4", "(1,)"), four).substr(0, 30), "truncated"},
      {npy_file(npy_header("<f4", "(1,)"), four, 4), "version 4"},
      {npy_file(npy_header("<f4", "(2,)"), four), "takes 8 bytes, the .npy file has 4"},
      {npy_file(npy_header("<f4", "(1,)"), four + "x"), "takes 4 bytes, the .npy file has 5"},
      {npy_file(npy_header("<c8", "(1,)"), four), "element type '<c8'"},
      {npy_file(npy_header("<f3", "(1,)"), four), "element type '<f3'"},
      {npy_file(npy_header("|O", "(1,)"), four), "element type '|O'"},
      {npy_file(npy_header("<M8[ns]", "(1,)"), four), "element type '<M8[ns]'"},
      {npy_file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", four), "structured"},
      {npy_file(npy_header("<f4", "(99999999999, 99999999999)"), four), "too large"},
      {npy_file(npy_header("<f4", "(99999999999999999999,)"), four), "malformed"},
      {npy_file(npy_header("<f4", "(-1,)"), four), "malformed"},
      {npy_file("{'descr': '<f4', 'fortran_order': False}", four), "malformed"},
      {npy_file("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", four), "malformed"},
      {npy_file("{", four), "malformed"},
      {npy_file("", four), "malformed"},
  };
  for (const auto& [bytes, message] : cases) {
    try {
      parse(bytes);
      ADD_FAILURE() << "accepted, wanted: " << message;
    } catch (const ToolError& error) {
      EXPECT_EQ(error.exit_code(), kDataError);
      EXPECT_NE(std::string(error.what()).find("x.npy: "), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what() << "\nwanted: " << message;
    }
  }
}

TEST(Npy, EveryPrefixOfAFileIsRefused) {
  const std::string whole = npy_file(npy_header("<f4", "(2, 2)"), raw(std::vector<float>{1, 2, 3, 4}));
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(parse(whole.substr(0, length)), ToolError) << length;
  EXPECT_NO_THROW(parse(whole));
}

TEST(Npy, ConvertsElements) {
  const NpyArray integers = parse(npy_file(npy_header("<i8", "(3,)"), raw(std::vector<int64_t>{-3, 0, 100})));
  const std::vector<unsigned char> floats = convert_elements(integers, LINNET_FLOAT32, "x");
  float value;
  std::memcpy(&value, floats.data(), sizeof(value));
  EXPECT_EQ(value, -3.0f);
  EXPECT_EQ(convert_elements(integers, LINNET_INT8, "x"), (std::vector<unsigned char>{253, 0, 100}));
  EXPECT_EQ(convert_elements(integers, LINNET_INT32, "x").size(), 12u);
  EXPECT_EQ(convert_elements(integers, LINNET_INT16, "x"), (std::vector<unsigned char>{253, 255, 0, 0, 100, 0}));
  EXPECT_THROW(convert_elements(integers, LINNET_UINT8, "x"), ToolError);
  EXPECT_THROW(convert_elements(integers, LINNET_BOOL, "x"), ToolError);
  const NpyArray numbers = parse(npy_file(npy_header("<f4", "(1,)"), raw(std::vector<float>{1})));
  EXPECT_THROW(convert_elements(numbers, LINNET_INT32, "x"), ToolError);
}

TEST(Npy, WritesWhatItReads) {
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{{}, {4}, {2, 3}, {1, 2, 3, 4}}) {
    size_t count = 1;
    for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
    for (const linnet_type type :
         {LINNET_FLOAT32, LINNET_INT8, LINNET_UINT8, LINNET_INT16, LINNET_INT32, LINNET_BOOL}) {
      std::vector<unsigned char> data(count * type_bytes(type), 1);
      const std::vector<unsigned char> bytes = npy_bytes(type, shape, data);
      EXPECT_EQ((bytes.size() - data.size()) % 64, 0u);
      const NpyArray array = parse_npy("x.npy", bytes.data(), bytes.size());
      EXPECT_EQ(array.shape, shape);
      EXPECT_EQ(array.dtype(), type_name(type));
      EXPECT_EQ(array.data, data);
    }
  }
}

}  // namespace
}  // namespace linnet::tools
