// A limit to the bytes of a model's file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/quantize/engine_run.hpp"

namespace linnet::budget {

// Text "61440", "60KB", "60KiB", "1.5MB" or "1MiB" (KB are 1000 bytes, KiB 1024), or "50%" of the bytes that the file
// has when no weights are treated.
struct Budget {
  std::string text;
  std::optional<int64_t> bytes;
  double part = 0;  // without bytes
  // Of --calibration where nothing else reads it; what a choice costs is measured on them, or else on those of
  // --repair.
  std::vector<std::string> files;
  std::string sample_options;  // how images become samples
  std::vector<quantize::Sample> samples;

  int64_t limit(int64_t untreated_bytes) const;
};

Budget parse_budget(std::string_view text);  // throws ir::Error

}  // namespace linnet::budget
