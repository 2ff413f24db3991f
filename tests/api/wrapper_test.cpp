// linnet.hpp, and the C89 file beside it.
#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

#include "engine/linnet.hpp"
#include "tests/api/networks.hpp"

extern "C" int run_from_c89(const void* model, size_t size, void* arena, size_t arena_size, float* output,
                            size_t output_count);

namespace linnet::test {
namespace {

TEST(Wrapper, RunsLikeC89) {
  const Bytes model = small_network();
  Session session(model.data(), model.size());
  for (float& value : session.input<float>(0)) value = 1.0f;
  EXPECT_EQ(session.run(), LINNET_OK);

  const Bytes arena(session.info().arena_bytes);
  float output[10] = {};
  ASSERT_EQ(run_from_c89(model.data(), model.size(), arena.data(), arena.size(), output, 10), LINNET_OK);
  ASSERT_EQ(session.output<float>(0).size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(session.output<float>(0)[i], output[i]);
}

TEST(Wrapper, KeepsStateUntilReset) {
  const Bytes model = ring_buffer({1, 1, 1});
  Session session(model.data(), model.size());
  EXPECT_EQ(session.info().state_bytes, 64u);
  for (const float kept : {0.0f, 1.0f}) {
    session.input<float>(0)[0] = kept + 1;
    EXPECT_EQ(session.run(), LINNET_OK);
    EXPECT_EQ(session.output<float>(0)[0], kept);
  }
  EXPECT_EQ(session.reset(), LINNET_OK);
  EXPECT_EQ(session.run(), LINNET_OK);
  EXPECT_EQ(session.output<float>(0)[0], 0.0f);
}

TEST(Wrapper, MovesButDoesNotCopy) {
  static_assert(!std::is_copy_constructible_v<Session>);
  const Bytes model = small_network();
  Session first(model.data(), model.size());
  const float* data = first.input<float>(0).data();
  Session second = std::move(first);
  EXPECT_EQ(second.input<float>(0).data(), data);
  EXPECT_EQ(second.run(), LINNET_OK);
}

TEST(Wrapper, EmptySpanForTheWrongTypeOrIndex) {
  const Bytes model = small_network();
  Session session(model.data(), model.size());
  EXPECT_EQ(session.input<int8_t>(0).size(), 0u);
  EXPECT_EQ(session.output<float>(7).size(), 0u);
  EXPECT_EQ(Session().output<float>(0).size(), 0u);
}

TEST(Wrapper, ReportsErrorsBothWays) {
  const Bytes model = small_network();
  model.data()[4] ^= 1;
  Session session;
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  EXPECT_EQ(Session::create(model.data(), model.size(), Session::default_options(), &session, &detail),
            LINNET_ERROR_MODEL_IDENTIFIER);
  EXPECT_EQ(detail.status, LINNET_ERROR_MODEL_IDENTIFIER);
  EXPECT_FALSE(session);
  try {
    Session throwing(model.data(), model.size());
    FAIL() << "no exception";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), LINNET_ERROR_MODEL_IDENTIFIER);
    EXPECT_STREQ(error.what(), "not a linnet model");
  }
}

}  // namespace
}  // namespace linnet::test
