// A model opened for running on this machine: the mapped file, the session with its arena, and the thread pool.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/linnet.hpp"
#include "targets/desktop/lib/file.hpp"
#include "targets/desktop/lib/thread_pool.hpp"

namespace linnet::tools {

struct DeviceOptions {
  std::string isa;  // empty: the environment's LINNET_ISA, else the best that this CPU has
  int threads = 1;
  std::function<void(int step, bool finished)> profile;
  std::function<void(int step, int output, const linnet_tensor_view& tensor)> tap;
};

class Device {
 public:
  // Throws ToolError: kFileError when the file cannot be read, kModelError when it is not a model that can run here.
  Device(const std::string& path, DeviceOptions options);
  // A model in memory, aligned as a session wants it, which must outlive the device; errors name it so. Without file().
  Device(const std::string& name, const void* bytes, size_t size, DeviceOptions options);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const MappedFile& file() const { return *file_; }
  const linnet_model_info& info() const { return session_.info(); }
  ThreadPool& pool() { return pool_; }
  int threads() const { return pool_.threads(); }  // fewer than asked for where the system has no more
  linnet_session* session() const { return session_.get(); }
  linnet_tensor_view input(int index) const;
  linnet_tensor_view output(int index) const;
  void run() { session_.run(); }
  void reset() { session_.reset(); }

 private:
  std::optional<MappedFile> file_;
  DeviceOptions options_;
  ThreadPool pool_;
  Session session_;

  void open(const std::string& name, const void* bytes, size_t size);
};

// The sizes of a tensor in the order of the source graph's dimensions.
std::vector<int64_t> source_shape(const linnet_tensor_view& view);

// Copies one whole input from, or one whole output to, row-major elements in the source graph's layout.
void store_input(const linnet_tensor_view& view, const unsigned char* source);
void load_output(const linnet_tensor_view& view, unsigned char* source);

}  // namespace linnet::tools
