// Wrong arguments of the C API itself.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

class Arguments : public testing::Test {
 protected:
  Arguments() : model_(small_network()), arena_(model_info(model_).arena_bytes) { options_.error = &detail_; }

  linnet_status init(const void* bytes, size_t size, void* arena, size_t arena_size) {
    return linnet_init(&options_, bytes, size, arena, arena_size, &session_);
  }

  Bytes model_, arena_;
  linnet_error_detail detail_ = LINNET_ERROR_DETAIL_INIT;
  linnet_options options_ = LINNET_OPTIONS_INIT;
  linnet_session* session_ = nullptr;
};

TEST_F(Arguments, Null) {
  EXPECT_EQ(init(nullptr, model_.size(), arena_.data(), arena_.size()), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(detail_.status, LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(init(model_.data(), model_.size(), nullptr, arena_.size()), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_init(nullptr, model_.data(), model_.size(), arena_.data(), arena_.size(), nullptr),
            LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_get_model_info(nullptr, model_.data(), model_.size(), nullptr), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_run(nullptr), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_reset(nullptr), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_step_name(nullptr, 0), nullptr);
}

TEST_F(Arguments, StructSizes) {
  options_.struct_size = sizeof(linnet_options) - 1;
  EXPECT_EQ(init(model_.data(), model_.size(), arena_.data(), arena_.size()), LINNET_ERROR_ARGUMENT);
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  info.struct_size = 0;
  EXPECT_EQ(linnet_get_model_info(nullptr, model_.data(), model_.size(), &info), LINNET_ERROR_ARGUMENT);
  detail_ = LINNET_ERROR_DETAIL_INIT;
  detail_.struct_size = 0;
  options_.struct_size = sizeof(linnet_options);
  EXPECT_EQ(init(model_.data(), 0, arena_.data(), arena_.size()), LINNET_ERROR_MODEL_CORRUPT);
  EXPECT_EQ(detail_.status, LINNET_OK) << "a detail of unknown size must stay untouched";
}

TEST_F(Arguments, Threads) {
  options_.threads = -1;
  EXPECT_EQ(init(model_.data(), model_.size(), arena_.data(), arena_.size()), LINNET_ERROR_ARGUMENT);
  options_.threads = 2;
  EXPECT_EQ(init(model_.data(), model_.size(), arena_.data(), arena_.size()), LINNET_ERROR_ARGUMENT);
  options_.parallel_for = [](void*, linnet_task, void*, int) {};
  options_.threads = INT32_MAX;
  EXPECT_EQ(init(model_.data(), model_.size(), arena_.data(), arena_.size()), LINNET_ERROR_ARENA_SIZE);
}

TEST_F(Arguments, Isa) {
  options_.isa = "mmx";
  EXPECT_EQ(init(model_.data(), model_.size(), arena_.data(), arena_.size()), LINNET_ERROR_ISA);
}

TEST_F(Arguments, Alignment) {
  Bytes shifted(model_.size() + 64);
  for (size_t shift = 1; shift < 64; ++shift) {
    memcpy(shifted.data() + shift, model_.data(), model_.size());
    EXPECT_EQ(init(shifted.data() + shift, model_.size(), arena_.data(), arena_.size()), LINNET_ERROR_MODEL_ALIGNMENT);
    EXPECT_EQ(detail_.wanted, 64u);
    EXPECT_EQ(detail_.got, shift);
  }
  Bytes larger(arena_.size() + 64);
  EXPECT_EQ(init(model_.data(), model_.size(), larger.data() + 4, arena_.size()), LINNET_ERROR_ARENA_ALIGNMENT);
  EXPECT_EQ(detail_.got, 4u);
}

TEST(Status, EveryCodeHasItsText) {
  std::set<std::string> texts;
  for (int code = LINNET_OK; code <= LINNET_ERROR_RANGE; ++code) {
    texts.insert(linnet_status_text(static_cast<linnet_status>(code)));
  }
  EXPECT_EQ(texts.size(), static_cast<size_t>(LINNET_ERROR_RANGE) + 1);
  EXPECT_EQ(texts.count("unknown status"), 0u);
  EXPECT_STREQ(linnet_version(), "0.1.0");
}

}  // namespace
}  // namespace linnet::test
