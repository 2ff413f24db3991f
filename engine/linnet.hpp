// linnet for C++17: a session that owns its arena, and typed spans over inputs and outputs. Header-only, over linnet.h.
//
//   linnet::Session session(bytes, size);           // throws linnet::Error; or Session::create() with a status
//   session.input<float>(0)[i] = ...;
//   session.run();
//   float best = session.output<float>(0)[0];
//
// The model's bytes must be LINNET_ALIGNMENT-aligned and outlive the session. Without exceptions (-fno-exceptions) only
// the functions that return a status are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#if defined(__cpp_exceptions)
#include <stdexcept>
#include <string>
#endif

#include "engine/linnet.h"

namespace linnet {

template <class T>
struct TypeOf;
template <>
struct TypeOf<float> {
  static constexpr linnet_type value = LINNET_FLOAT32;
};
template <>
struct TypeOf<int8_t> {
  static constexpr linnet_type value = LINNET_INT8;
};
template <>
struct TypeOf<uint8_t> {
  static constexpr linnet_type value = LINNET_UINT8;
};
template <>
struct TypeOf<int16_t> {
  static constexpr linnet_type value = LINNET_INT16;
};
template <>
struct TypeOf<int32_t> {
  static constexpr linnet_type value = LINNET_INT32;
};
template <>
struct TypeOf<bool> {
  static constexpr linnet_type value = LINNET_BOOL;
};

// Elements of a dense tensor in the session's arena; valid while the session lives.
template <class T>
class Span {
 public:
  Span() = default;
  Span(T* data, size_t size) : data_(data), size_(size) {}
  T* data() const { return data_; }
  size_t size() const { return size_; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  T& operator[](size_t index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

#if defined(__cpp_exceptions)
class Error : public std::runtime_error {
 public:
  explicit Error(const linnet_error_detail& detail) : std::runtime_error(text(detail)), detail_(detail) {}
  linnet_status status() const { return detail_.status; }
  const linnet_error_detail& detail() const { return detail_; }

 private:
  static std::string text(const linnet_error_detail& detail) {
    std::string line = linnet_status_text(detail.status);
    if (detail.step >= 0) line += ", step " + std::to_string(detail.step);
    if (detail.tensor >= 0) line += ", tensor " + std::to_string(detail.tensor);
    if (detail.wanted != detail.got) {
      line += ": wanted " + std::to_string(detail.wanted) + ", got " + std::to_string(detail.got);
    }
    return line;
  }

  linnet_error_detail detail_;
};
#endif

class Session {
 public:
  static linnet_options default_options() { return LINNET_OPTIONS_INIT; }

  Session() = default;

  // Makes `*session` from a model; `detail` (may be null) tells what is wrong where the status is not LINNET_OK. An
  // arena that cannot be allocated is LINNET_ERROR_ARENA_SIZE with got = 0.
  static linnet_status create(const void* bytes, size_t size, const linnet_options& options, Session* session,
                              linnet_error_detail* detail = nullptr) noexcept {
    linnet_options given = options;
    if (detail != nullptr) given.error = detail;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    const linnet_status status = linnet_get_model_info(&given, bytes, size, &info);
    if (status != LINNET_OK) return status;
    Arena arena(static_cast<unsigned char*>(
        ::operator new (info.arena_bytes, std::align_val_t{LINNET_ALIGNMENT}, std::nothrow)));
    if (arena == nullptr) {
      if (given.error != nullptr) {
        *given.error = LINNET_ERROR_DETAIL_INIT;
        given.error->status = LINNET_ERROR_ARENA_SIZE;
        given.error->wanted = info.arena_bytes;
      }
      return LINNET_ERROR_ARENA_SIZE;
    }
    linnet_session* made = nullptr;
    const linnet_status initialised = linnet_init(&given, bytes, size, arena.get(), info.arena_bytes, &made);
    if (initialised != LINNET_OK) return initialised;
    session->arena_ = std::move(arena);
    session->session_ = made;
    session->info_ = info;
    return LINNET_OK;
  }

#if defined(__cpp_exceptions)
  Session(const void* bytes, size_t size, const linnet_options& options = default_options()) {
    linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
    if (create(bytes, size, options, this, &detail) != LINNET_OK) throw Error(detail);
  }
#endif

  explicit operator bool() const {
    return session_ != nullptr;
  }
  linnet_session* get() const {
    return session_;
  }
  const linnet_model_info& info() const {
    return info_;
  }

  linnet_status run() {
    return linnet_run(session_);
  }
  // Begins a new sequence: states get the values that they have in the first run.
  linnet_status reset() {
    return linnet_reset(session_);
  }

  linnet_status input_view(int index, linnet_tensor_view* view) const {
    return linnet_input(session_, index, view);
  }
  linnet_status output_view(int index, linnet_tensor_view* view) const {
    return linnet_output(session_, index, view);
  }

  // The elements of input or output `index`; empty where there is none of that index or its type is not T.
  template <class T>
  Span<T> input(int index) const {
    return span<T>(linnet_input, index);
  }
  template <class T>
  Span<const T> output(int index) const {
    const Span<T> elements = span<T>(linnet_output, index);
    return {elements.data(), elements.size()};
  }

 private:
  struct Free {
    void operator()(unsigned char* arena) const { ::operator delete (arena, std::align_val_t{LINNET_ALIGNMENT}); }
  };
  using Arena = std::unique_ptr<unsigned char[], Free>;

  template <class T>
  Span<T> span(linnet_status (*port)(const linnet_session*, int, linnet_tensor_view*), int index) const {
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    if (port(session_, index, &view) != LINNET_OK || view.type != TypeOf<T>::value) return {};
    return {static_cast<T*>(view.data), view.bytes / sizeof(T)};
  }

  Arena arena_;
  linnet_session* session_ = nullptr;
  linnet_model_info info_ = LINNET_MODEL_INFO_INIT;
};

}  // namespace linnet
