#include "tests/fuzz/conversion.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>

#include "converter/pipeline.hpp"
#include "engine/linnet.h"
#include "tests/api/model_builder.hpp"
#include "tests/fuzz/work.hpp"

namespace linnet::fuzz {

void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

namespace {

constexpr size_t kLargestArena = size_t{1} << 20, kLargestAllocation = size_t{1} << 24;
constexpr int64_t kMostWork = int64_t{1} << 22;

bool converting = false;

// The engine on what the converter made.
void run(const emit::ModelBytes& bytes) {
  const test::Bytes model(bytes.data(), bytes.size());
  linnet_options options = LINNET_OPTIONS_INIT;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  if (linnet_get_model_info(&options, model.data(), model.size(), &info) != LINNET_OK) fail("refused by model_info");
  if (info.arena_bytes > kLargestArena) return;
  const test::Bytes arena(info.arena_bytes);
  linnet_session* session = nullptr;
  if (linnet_init(&options, model.data(), model.size(), arena.data(), arena.size(), &session) != LINNET_OK)
    fail("refused by init");
  if (work(*session) > kMostWork) return;
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  for (int i = 0; i < info.inputs; ++i) {
    if (linnet_input(session, i, &view) != LINNET_OK) fail("an input is missing");
    auto* data = static_cast<uint8_t*>(view.data);
    for (size_t k = 0; k < view.bytes; ++k) data[k] = static_cast<uint8_t>(k * 37 % 63);
  }
  if (linnet_run(session) != LINNET_OK) fail("a run failed");
}

}  // namespace

void convert_bytes(const uint8_t* data, size_t size, const char* name) {
  static const std::filesystem::path folder = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "linnet-fuzz-XXXXXX").string();
    return std::filesystem::path(mkdtemp(pattern.data()));
  }();
  static const auto removal = std::shared_ptr<void>(nullptr, [](void*) { std::filesystem::remove_all(folder); });
  const std::filesystem::path file = folder / name;
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  converting = true;
  try {
    ConvertOptions options;
    if (size % 2 == 1) options.cascades = plan::CascadeMode::memory;
    run(convert(file, options).model);
  } catch (const ir::Error& error) {
    if (std::string_view(error.what()).starts_with("the engine refuses")) fail(error.what());
  } catch (const std::bad_alloc&) {
  }
  converting = false;
}

}  // namespace linnet::fuzz

// Blocks that only an unreasonable model asks for are refused, and with them the model.
void* operator new(size_t size) {
  void* block = !linnet::fuzz::converting || size <= linnet::fuzz::kLargestAllocation ? std::malloc(size) : nullptr;
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size);
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, size_t) noexcept {
  std::free(block);
}
