#include "targets/desktop/lib/table.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "targets/desktop/lib/bench.hpp"

namespace linnet::tools {
namespace {

TEST(Table, AlignsColumns) {
  Table table({"name", ">bytes", "note"});
  table.add({"a", "1,000", "x"});
  table.add({"longer", "7", ""});
  EXPECT_EQ(table.text(),
            "name    bytes  note\n"
            "a       1,000  x\n"
            "longer      7\n");
}

TEST(Table, GroupsThousands) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(-1234567), "-1,234,567");
  EXPECT_EQ(with_thousands(-100), "-100");
}

TEST(Json, WritesNestedValues) {
  JsonWriter json;
  json.begin_object()
      .field("text", "a \"quote\" \\ and \n")
      .field("half", 0.5)
      .field("whole", int64_t{-3})
      .field("yes", true);
  json.field("nothing", std::numeric_limits<double>::infinity()).field("shape", std::vector<int64_t>{1, 2});
  json.key("list").begin_array().begin_object().end_object().value(1).end_array().end_object();
  EXPECT_EQ(json.text(),
            "{\n"
            "  \"text\": \"a \\\"quote\\\" \\\\ and \\u000a\",\n"
            "  \"half\": 0.5,\n"
            "  \"whole\": -3,\n"
            "  \"yes\": true,\n"
            "  \"nothing\": null,\n"
            "  \"shape\": [1, 2],\n"
            "  \"list\": [\n"
            "    {},\n"
            "    1\n"
            "  ]\n"
            "}\n");
}

TEST(Timing, IsOfTheSortedRuns) {
  const Timing one = summarize({3});
  EXPECT_EQ(one.minimum, 3);
  EXPECT_EQ(one.median, 3);
  EXPECT_EQ(one.p90, 3);
  const Timing ten = summarize({10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
  EXPECT_EQ(ten.minimum, 1);
  EXPECT_EQ(ten.median, 5);
  EXPECT_EQ(ten.p90, 9);
}

}  // namespace
}  // namespace linnet::tools
