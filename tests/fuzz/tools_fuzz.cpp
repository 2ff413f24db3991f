// What the tools read of a model besides the engine: the facts of the file in a block of its exact size, the drawings
// made of them, and the command `inspect` as a user calls it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "engine/linnet.h"
#include "targets/desktop/commands/commands.hpp"
#include "targets/desktop/lib/memory_map.hpp"
#include "targets/desktop/lib/model_facts.hpp"
#include "tests/api/model_builder.hpp"

namespace linnet::fuzz {
namespace {

constexpr size_t kLargestArena = size_t{64} << 20;

// A file in memory that is the model, under a path of its own.
std::string file_of(const test::Bytes& model) {
  static const int file = memfd_create("model", 0);
  if (ftruncate(file, 0) != 0 || pwrite(file, model.data(), model.size(), 0) != static_cast<ssize_t>(model.size())) {
    std::abort();
  }
  return "/proc/self/fd/" + std::to_string(file);
}

void inspect(const std::string& path, std::vector<std::string> options) {
  options.insert(options.begin(), {"linnet", "inspect", path});
  std::vector<char*> arguments;
  for (std::string& option : options) arguments.push_back(option.data());
  tools::run_tool("linnet", "", tools::add_inspect_command, static_cast<int>(arguments.size()), arguments.data());
}

void attempt(const test::Bytes& model) {
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  if (linnet_get_model_info(nullptr, model.data(), model.size(), &info) != LINNET_OK) return;
  if (info.arena_bytes > kLargestArena) return;
  const tools::ModelFacts facts = tools::read_facts(model.data());
  tools::memory_map_text(facts, facts.tensors.size());
  tools::memory_map_svg(facts);
  const std::string path = file_of(model);
  inspect(path, {"--verbose"});
  inspect(path, {"--json"});
}

}  // namespace
}  // namespace linnet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool quiet = std::freopen("/dev/null", "w", stdout) != nullptr;
  if (quiet) linnet::fuzz::attempt(linnet::test::Bytes(data, size));
  return 0;
}
