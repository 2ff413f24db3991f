// Budgets as text, and the forms that layers take beside the best of all.
#include "converter/budget/budget.hpp"

#include <random>

#include "converter/budget/select.hpp"
#include "converter/pipeline.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using budget::Form;

TEST(Budget, Texts) {
  const std::pair<const char*, int64_t> texts[] = {{"61440", 61440}, {"7B", 7},          {"60KB", 60000},
                                                   {"60KiB", 61440}, {"1.5MB", 1500000}, {"1MiB", 1048576},
                                                   {"50%", 500},     {"33.33%", 333},    {"100%", 1001}};
  for (const auto& [text, bytes] : texts) EXPECT_EQ(budget::parse_budget(text).limit(1001), bytes) << text;
  for (const char* text : {"", "KB", "-1", "0", "0%", "101%", "60 KB", "60kb", "1e999", "nan", "inf", "5GB", "50%%"})
    EXPECT_THROW(budget::parse_budget(text), Error) << text;
}

struct Total {
  int64_t saved = 0;
  double loss = 0;
};
Total total(const std::vector<std::vector<Form>>& layers, const std::vector<size_t>& chosen) {
  Total sum;
  for (size_t l = 0; l < layers.size(); ++l) {
    sum.saved += layers[l][chosen[l]].saved;
    sum.loss += layers[l][chosen[l]].loss;
  }
  return sum;
}

// The least loss of all combinations that save enough; infinite where none does.
double least_loss(const std::vector<std::vector<Form>>& layers, int64_t bytes) {
  double least = std::numeric_limits<double>::infinity();
  std::vector<size_t> chosen(layers.size(), 0);
  for (;;) {
    if (const Total sum = total(layers, chosen); sum.saved >= bytes) least = std::min(least, sum.loss);
    size_t l = 0;
    while (l < layers.size() && ++chosen[l] == layers[l].size()) chosen[l++] = 0;
    if (l == layers.size()) return least;
  }
}

// No choice of forms is worse than the best one by more than one layer's forms are apart, since only the last step may
// save more than was wanted.
TEST(Budget, FormsBesideTheBest) {
  std::mt19937 random(5);
  int exact = 0, cases = 0;
  for (int i = 0; i < 400; ++i) {
    SCOPED_TRACE(i);
    std::vector<std::vector<Form>> layers(1 + random() % 4);
    int64_t most = 0;
    double largest = 0;
    for (std::vector<Form>& forms : layers) {
      forms.push_back({});
      for (uint32_t f = random() % 5; f > 0; --f)
        forms.push_back({static_cast<int64_t>(random() % 1000), 1e-3 * (static_cast<double>(random() % 1100) - 100)});
      int64_t saved = 0;
      double low = 0, high = 0;
      for (const Form& form : forms) {
        saved = std::max(saved, form.saved);
        low = std::min(low, form.loss);
        high = std::max(high, form.loss);
      }
      most += saved;
      largest = std::max(largest, high - low);
    }
    for (const int64_t bytes : {int64_t{0}, most / 4, most / 2, most - 1, most, most + 1}) {
      const auto chosen = budget::select_forms(layers, bytes);
      const double best = least_loss(layers, bytes);
      ASSERT_EQ(chosen.has_value(), std::isfinite(best));
      if (!chosen) continue;
      const Total sum = total(layers, *chosen);
      EXPECT_GE(sum.saved, bytes);
      EXPECT_LE(sum.loss, best + largest + 1e-9);
      exact += sum.loss <= best + 1e-9 ? 1 : 0;
      ++cases;
    }
  }
  EXPECT_GT(exact, cases * 7 / 10);
}

TEST(Budget, ChangesNoOptionsAsText) {
  ConvertOptions options;
  options.budget = budget::parse_budget("50%");
  EXPECT_EQ(to_string(options), to_string(ConvertOptions()));
}

}  // namespace
}  // namespace linnet::test
