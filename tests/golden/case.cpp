#include "tests/golden/case.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <stdexcept>

namespace linnet::golden {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

uint32_t little_endian(const unsigned char* bytes, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value |= static_cast<uint32_t>(bytes[i]) << (8 * i);
  return value;
}

// The central directory of a zip archive (PKWARE APPNOTE 4.3.12) with stored members only.
std::map<std::string, tools::NpyArray> read_npz(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<unsigned char> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto fail = [&](const char* what) { throw std::runtime_error(path.string() + ": " + what); };
  if (bytes.size() < 22) fail("cannot be read or is no zip archive");
  const unsigned char* end = bytes.data() + bytes.size() - 22;
  if (little_endian(end, 4) != 0x06054b50) fail("no end of central directory");
  size_t entry = little_endian(end + 16, 4);
  std::map<std::string, tools::NpyArray> members;
  for (uint32_t left = little_endian(end + 10, 2); left > 0; --left) {
    const unsigned char* header = bytes.data() + entry;
    if (entry + 46 > bytes.size() || little_endian(header, 4) != 0x02014b50) fail("damaged central directory");
    if (little_endian(header + 10, 2) != 0) fail("compressed members are not supported");
    const uint32_t size = little_endian(header + 24, 4), name_size = little_endian(header + 28, 2);
    const size_t local = little_endian(header + 42, 4);
    const std::string name(reinterpret_cast<const char*>(header + 46), name_size);
    if (local + 30 > bytes.size()) fail("damaged member");
    const size_t data = local + 30 + little_endian(&bytes[local + 26], 2) + little_endian(&bytes[local + 28], 2);
    if (data + size > bytes.size()) fail("truncated member");
    members[name.substr(0, name.rfind(".npy"))] = tools::parse_npy(path.string() + ":" + name, &bytes[data], size);
    entry += 46 + name_size + little_endian(header + 30, 2) + little_endian(header + 32, 2);
  }
  return members;
}

// Errors of single precision that are larger than those of a well-conditioned sum, each with its reason.
struct Tolerance {
  const char* prefix;
  double value;
};
constexpr Tolerance kTolerances[] = {
    {"networks/", 2e-5},  // tens of layers
    // Byte for byte but for what ONNX Runtime itself computes otherwise:
    {"onnx_int8/attention_qdq", 0.02},         // its softmax divides by 254 steps where the scale is 1/255
    {"onnx_int8/add_halves", 0.014},           // it adds the zero point before it rounds, so that halves go otherwise
    {"onnx_int8/conv_float_bias", 0.008},      // it computes layers with a float bias in float
    {"onnx_int8/conv_transpose", 0.009},       // likewise, and transposed ones at all
    {"onnx_int8/tanh_q", 1e-6},                // quantize_static leaves the function's result float
    {"onnx_int8/dynamic_lstm_u8_wide", 0.03},  // it quantizes the inputs of layers whose weights are no int8 numbers
    {"onnx_int8/dynamic_", 1e-5},              // its sums of scaled products and its functions are float
    {"onnx_int8/", 0},
    {"tflite/", 1e-5},            // likewise
    {"tflite_int", 0},            // int8 and int16
    {"tflite_ops/", 5e-6},        // the reference kernels compute in single precision as well
    {"norms/network_", 1e-5},     // likewise
    {"ops/resize_", 5e-6},        // ONNX Runtime computes coordinates and weights in float
    {"ops/upsample_", 5e-6},      // likewise
    {"ops/reduceprod_23", 5e-6},  // a product of 35 factors
};

// Recordings that golden_integer_test runs over.
bool is_single_run(const std::string& name) {
  return name != "tflite_int8/alexa" && name != "tflite_int8/hey_jarvis";
}

}  // namespace

std::vector<std::string> case_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const char* kind :
       {"ops", "networks", "norms", "onnx_int8", "tflite_ops", "tflite", "tflite_int16", "tflite_int8"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder / kind)) {
      const std::filesystem::path extension = entry.path().extension();
      if (extension == ".onnx" || extension == ".tflite")
        names.push_back(std::string(kind) + "/" + entry.path().stem().string());
    }
  }
  names.erase(std::remove_if(names.begin(), names.end(), [](const std::string& name) { return !is_single_run(name); }),
              names.end());
  std::sort(names.begin(), names.end());
  return names;
}

std::filesystem::path source_file(const std::filesystem::path& folder, const std::string& name) {
  const std::filesystem::path onnx = folder / (name + ".onnx");
  return std::filesystem::exists(onnx) ? onnx : folder / (name + ".tflite");
}

std::string data_name(const std::string& name) {
  return name.substr(0, name.find('.'));
}

Case read_case(const std::filesystem::path& folder, const std::string& name) {
  Case result{name, {}, {}, {}};
  const auto members = read_npz(folder / (data_name(name) + ".npz"));
  for (const auto& [prefix, list] : {std::pair{"in_", &result.inputs}, std::pair{"out_", &result.outputs}}) {
    for (int i = 0; members.count(prefix + std::to_string(i)); ++i)
      list->push_back(members.at(prefix + std::to_string(i)));
  }
  for (const auto& [key, array] : members)
    if (key.compare(0, 2, "t_") == 0) result.tensors[std::stoi(key.substr(2))] = array;
  if (result.outputs.empty()) throw std::runtime_error(name + ": no outputs");
  return result;
}

std::string model_file(const std::string& name, const Variant& variant) {
  return name + variant.suffix + ".lnt";
}

double tolerance(const std::string& name, const Variant& variant) {
  for (const Tolerance& row : kTolerances) {
    if (name.compare(0, std::strlen(row.prefix), row.prefix) == 0) return variant.factor * row.value;
  }
  return variant.factor * 1.5e-6;
}

Difference compare(const std::vector<double>& got, const std::vector<int64_t>& got_shape, const tools::NpyArray& want) {
  if (got_shape != want.shape || got.size() != want.size()) {
    return {kInfinity,
            "shape " + tools::shape_text(got_shape) + " where " + tools::shape_text(want.shape) + " is expected"};
  }
  double largest = 0, worst = 0;
  size_t worst_index = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double expected = want.number(i);
    const bool special = !std::isfinite(expected) || !std::isfinite(got[i]);
    if (special && !(got[i] == expected || (std::isnan(got[i]) && std::isnan(expected)))) {
      return {kInfinity, "element " + std::to_string(i) + " is " + std::to_string(got[i]) + " where " +
                             std::to_string(expected) + " is expected"};
    }
    if (special) continue;
    largest = std::max(largest, std::abs(expected));
    if (std::abs(got[i] - expected) > worst) {
      worst = std::abs(got[i] - expected);
      worst_index = i;
    }
  }
  Difference difference;
  difference.relative = worst == 0 ? 0 : worst / largest;
  if (worst > 0) {
    difference.message = "element " + std::to_string(worst_index) + " is " + std::to_string(got[worst_index]) +
                         " where " + std::to_string(want.number(worst_index)) + " is expected, off by " +
                         std::to_string(difference.relative / 1e-6) + "e-6 of the largest";
  }
  return difference;
}

}  // namespace linnet::golden
