// A golden case: NAME.onnx or NAME.VARIANT.onnx with NAME.npz beside it, which holds inputs in_0, in_1, ... and the
// outputs out_0, ... that PyTorch or ONNX Runtime gave (tests/models/make_*.py).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "targets/desktop/lib/npy.hpp"

namespace linnet::golden {

struct Case {
  std::string name;  // "ops/conv_1x1", "norms/group.script13"
  std::vector<tools::NpyArray> inputs, outputs;
};

// Names of all cases below `folder` (networks/..., norms/..., ops/...), sorted.
std::vector<std::string> case_names(const std::filesystem::path& folder);

// A case's name without its variant.
std::string data_name(const std::string& name);

// Reads an .npz of stored (not compressed) members, as numpy.savez writes it. Throws std::runtime_error naming the
// file.
Case read_case(const std::filesystem::path& folder, const std::string& name);

// The ways in which a case is converted: as the converter chooses, and with Winograd's convolution of one tile size
// wherever it fits (the file of a case without such a convolution is missing).
constexpr int kWinogradTiles[] = {0, 2, 4, 6};
// "NAME.lnt" or "NAME.winograd4.lnt"
std::string model_file(const std::string& name, int winograd_tile);

// Largest allowed error of a case, relative to the largest magnitude of the expected output.
double tolerance(const std::string& name, int winograd_tile = 0);

// Compares every element. Infinities and NaN must be equal.
struct Difference {
  double relative = 0;  // largest |got - want| / largest |want|; infinite where shapes or special values differ
  std::string message;  // names the worst element
};
Difference compare(const std::vector<double>& got, const std::vector<int64_t>& got_shape, const tools::NpyArray& want);

}  // namespace linnet::golden
