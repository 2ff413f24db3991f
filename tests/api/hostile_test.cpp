// Damaged files: whatever the bytes are, either a clean error or a run that stays inside its arena (the sanitizer build
// sees the first byte beyond the model or the arena).
#include <gtest/gtest.h>

#include <random>

#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

constexpr size_t kLargestArena = size_t{16} << 20;

// Tries to use `model`; returns what linnet_get_model_info says.
linnet_status attempt(const Bytes& model) {
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  linnet_options options = LINNET_OPTIONS_INIT;
  options.error = &detail;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  const linnet_status status = linnet_get_model_info(&options, model.data(), model.size(), &info);
  if (status != LINNET_OK) {
    EXPECT_EQ(detail.status, status);
    EXPECT_GT(detail.check, 0);
    EXPECT_STRNE(linnet_status_text(status), "unknown status");
    return status;
  }
  if (info.arena_bytes > kLargestArena) return status;
  const Bytes arena(info.arena_bytes);
  linnet_session* session = nullptr;
  EXPECT_EQ(linnet_init(&options, model.data(), model.size(), arena.data(), arena.size(), &session), LINNET_OK);
  if (session != nullptr) {
    EXPECT_EQ(linnet_run(session), LINNET_OK);
    EXPECT_EQ(linnet_reset(session), LINNET_OK);
    EXPECT_EQ(linnet_run(session), LINNET_OK);
  }
  return status;
}

#ifdef LINNET_EMULATED
constexpr size_t kFlipStep = 9;  // a bit of nearly every byte, another one each time: emulation takes ten times as long
#else
constexpr size_t kFlipStep = 1;
#endif

void flip_bits(const Bytes& original) {
  const Bytes model = original.copy(original.size());
  for (size_t bit = 0; bit < model.size() * 8; bit += kFlipStep) {
    model.data()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    attempt(model);
    model.data()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    ASSERT_FALSE(testing::Test::HasFailure()) << "bit " << bit;
  }
}

TEST(Hostile, EveryTruncation) {
  for (const Bytes& model : {small_network(), ring_buffer({5, 2, 3}, random_floats(15, 1))}) {
    ASSERT_EQ(attempt(model), LINNET_OK);
    for (size_t size = 0; size < model.size(); ++size) {
      EXPECT_NE(attempt(model.copy(size)), LINNET_OK) << size << " of " << model.size() << " bytes";
    }
  }
}

TEST(Hostile, FlippedBitsOfTheSmallNetwork) {
  flip_bits(small_network(4));
}

TEST(Hostile, FlippedBitsOfARingBuffer) {
  flip_bits(ring_buffer({5, 2, 3}, random_floats(15, 1)));
}

class Flips : public testing::TestWithParam<OperatorModel> {};
TEST_P(Flips, OfTheModel) {
  flip_bits(operator_model(GetParam(), 1));
}
// The wide layers' files are almost all weights; their bits are flipped in the other models.
std::vector<OperatorModel> small_models() {
  std::vector<OperatorModel> models;
  for (const OperatorModel& model : operator_models())
    if (model.name.find("_wide") == std::string::npos) models.push_back(model);
  return models;
}
std::string operator_name(const testing::TestParamInfo<OperatorModel>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Union, Flips, testing::ValuesIn(small_models()), operator_name);

TEST(Hostile, RandomBytes) {
  std::mt19937 engine(20240501);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(engine() % 300);
    for (size_t j = 0; j < bytes.size(); ++j) bytes.data()[j] = static_cast<uint8_t>(engine());
    if (bytes.size() >= 8 && i % 2 == 0) memcpy(bytes.data() + 4, fb::ModelIdentifier(), 4);
    EXPECT_NE(attempt(bytes), LINNET_OK) << "round " << i;
  }
}

TEST(Hostile, RandomDamage) {
  std::mt19937 engine(20240502);
  for (const OperatorModel& op : operator_models()) {
    const Bytes original = operator_model(op, 1);
    for (int i = 0; i < 300; ++i) {
      const Bytes model = original.copy(original.size());
      for (int hits = 1 + static_cast<int>(engine() % 8); hits > 0; --hits) {
        const size_t position = engine() % (model.size() / 4);
        const uint32_t words[] = {0,  1,         0x7fffffff, 0x80000000, 0xffffffff, static_cast<uint32_t>(engine()),
                                  64, 0xfffffff0};
        memcpy(model.data() + 4 * position, &words[engine() % 8], 4);
      }
      attempt(model);
      ASSERT_FALSE(testing::Test::HasFailure()) << op.name << ", round " << i;
    }
  }
}

}  // namespace
}  // namespace linnet::test
