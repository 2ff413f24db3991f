// One wrong value at a time in an otherwise good model: each gets its status and, where they apply, its step and
// tensor.
#pragma once

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/api/networks.hpp"

namespace linnet::test {

struct Wrong {
  const char* name;
  linnet_status status;
  void (*build)(ModelBuilder& b);
  int step = 0, tensor = -1;  // expected in the detail
};

// A step on these tensors (a braced list makes them in order), of which the last is its output.
template <class Table>
void apply(ModelBuilder& b, flatbuffers::Offset<Table> table, std::vector<uint32_t> tensors) {
  const uint32_t y = tensors.back();
  tensors.pop_back();
  b.step(table, tensors, {y});
}

inline void expect_status(const Bytes& model, linnet_status status, int step, int tensor) {
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  linnet_options options = LINNET_OPTIONS_INIT;
  options.error = &detail;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  EXPECT_EQ(linnet_get_model_info(&options, model.data(), model.size(), &info), status)
      << linnet_status_text(detail.status) << ": wanted " << detail.wanted << ", got " << detail.got << ", check "
      << detail.check;
  EXPECT_EQ(detail.step, step);
  EXPECT_EQ(detail.tensor, tensor);
}

inline void expect_status(const Wrong& wrong) {
  ModelBuilder builder;
  wrong.build(builder);
  expect_status(builder.finish(), wrong.status, wrong.step, wrong.tensor);
}

}  // namespace linnet::test
