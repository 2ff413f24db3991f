// The instruction sets that tests run models on.
#pragma once

#include "engine/linnet.h"
#include "targets/desktop/lib/file.hpp"

namespace linnet::golden {

inline constexpr const char* kIsas[] = {"scalar", "avx2", "avx512", "neon32", "neon64"};
// Those that have integer kernels of their own only.
inline constexpr const char* kIntegerIsas[] = {"avxvnni", "avx512vnni", "neon64dot"};

// An instruction set that this build or CPU lacks is refused with LINNET_ERROR_ISA before the model is looked at.
inline bool available(const char* isa, const tools::MappedFile& model) {
  linnet_options options = LINNET_OPTIONS_INIT;
  options.isa = isa;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  return linnet_get_model_info(&options, model.data(), model.size(), &info) != LINNET_ERROR_ISA;
}

}  // namespace linnet::golden
