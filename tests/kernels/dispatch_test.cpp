#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {
namespace {

TEST(Dispatch, ScalarIsAlwaysThere) {
  ASSERT_NE(table(IsaId::scalar), nullptr);
  EXPECT_EQ(table(IsaId::scalar)->id, IsaId::scalar);
}

TEST(Dispatch, TablesKnowTheirIsa) {
  for (const IsaId id : available_isas()) EXPECT_EQ(table(id)->id, id);
}

TEST(Dispatch, BestIsTheLastAvailable) {
  EXPECT_EQ(best_table(), table(available_isas().back()));
}

TEST(Dispatch, NamesAreFoundExactly) {
  for (int i = 0; i < kIsaCount; ++i) {
    IsaId id{};
    ASSERT_TRUE(find_isa(kIsaTraits[i].name, &id));
    EXPECT_EQ(static_cast<int>(id), i);
  }
  IsaId id = IsaId::avx2;
  for (const char* name : {"", "avx", "avx22", "AVX2", "neon", "none"}) EXPECT_FALSE(find_isa(name, &id)) << name;
  EXPECT_EQ(id, IsaId::avx2);
}

}  // namespace
}  // namespace linnet::kernels::test
