// A golden case: NAME.onnx, NAME.VARIANT.onnx or NAME.tflite with NAME.npz beside it, which holds inputs in_0, in_1,
// ... and the outputs out_0, ... that PyTorch, ONNX Runtime or TensorFlow Lite gave (tests/models/make_*.py).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "targets/desktop/lib/npy.hpp"

namespace linnet::golden {

struct Case {
  std::string name;  // "ops/conv_1x1", "norms/group.script13"
  std::vector<tools::NpyArray> inputs, outputs;
  std::map<int, tools::NpyArray> tensors;  // t_0, t_1, ...: of some, what they hold, by their number in the source
};

// Names of all cases below `folder` (networks/..., norms/..., ops/...), sorted.
std::vector<std::string> case_names(const std::filesystem::path& folder);

// The case's .onnx or .tflite file.
std::filesystem::path source_file(const std::filesystem::path& folder, const std::string& name);

// A case's name without its variant.
std::string data_name(const std::string& name);

// Reads an .npz of stored (not compressed) members, as numpy.savez writes it. Throws std::runtime_error naming the
// file.
Case read_case(const std::filesystem::path& folder, const std::string& name);

// A way in which every case is converted. The first is without Winograd convolutions; a file of another is there only
// where it has some, or, of the last, where steps run in turns to save memory.
struct Variant {
  const char* suffix;
  bool strict;
  int winograd;   // --winograd; negative: auto
  double factor;  // of the tolerance
  bool cascades = false;
};
constexpr Variant kVariants[] = {{"", false, 0, 1},
                                 {".strict", true, -1, 1},
                                 {".auto", false, -1, 3},
                                 {".winograd2", false, 2, 1},
                                 {".winograd4", false, 4, 3},
                                 {".winograd6", false, 6, 12},
                                 {".cascade", false, 0, 1, true}};
// "NAME.lnt" or "NAME.winograd4.lnt"
std::string model_file(const std::string& name, const Variant& variant);

// Largest allowed error of a case, relative to the largest magnitude of the expected output.
double tolerance(const std::string& name, const Variant& variant = kVariants[0]);

// Compares every element. Infinities and NaN must be equal.
struct Difference {
  double relative = 0;  // largest |got - want| / largest |want|; infinite where shapes or special values differ
  std::string message;  // names the worst element
};
Difference compare(const std::vector<double>& got, const std::vector<int64_t>& got_shape, const tools::NpyArray& want);

}  // namespace linnet::golden
