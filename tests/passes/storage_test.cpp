// How layers with zeros are stored.
#include "converter/weights/storage.hpp"

#include "converter/pipeline.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using weights::Optimize;

// Weights of which the blocks of so many outputs are zeros but for every `period`-th.
Array blocks(const Shape& shape, int64_t block, int64_t period) {
  const int64_t k = element_count(shape) / shape[0];
  std::vector<double> values(static_cast<size_t>(element_count(shape)), 0.0);
  for (int64_t o = 0; o < shape[0]; ++o)
    for (int64_t i = 0; i < k; ++i)
      if ((i + 7 * (o / block)) % period == 0)
        values[static_cast<size_t>(o * k + i)] = 0.25 + 0.001 * static_cast<double>(o + i);
  return Array::of_doubles(shape, std::move(values));
}

struct Stored {
  int64_t sparse, winograd;
  std::vector<report::StoredLayer> report;
};

// A channels-last convolution of an image [1, size, size, weights' inputs].
Stored stored(int64_t size, const Array& weights, Optimize optimize = Optimize::speed,
              const std::function<void(ops::Conv&)>& edit = {}) {
  GraphBuilder b;
  ops::Conv op;
  const int64_t pad = weights.shape()[2] / 2;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {pad, pad};
  op.channels_last = true;
  if (edit) edit(op);
  Value* y = b.add(
      op, {b.input({1, size, size, weights.shape()[1] * op.groups}), b.constant(weights.shape(), weights.doubles())});
  b.output(y);
  passes::PassLog log;
  std::vector<report::StoredLayer> report = weights::choose_storage(b.graph, optimize, {}, log);
  const auto* conv = y->producer->as<ops::Conv>();
  EXPECT_EQ(log.actions.size(), conv->sparse == 0 ? 0u : 1u);
  return {conv->sparse, conv->winograd, std::move(report)};
}

TEST(Storage, RecognisesThePatternFromTheZeros) {
  for (const int64_t block : {1, 4, 16}) {
    SCOPED_TRACE(block);
    const Stored conv = stored(28, blocks({128, 128, 1, 1}, block, 10));
    EXPECT_EQ(conv.sparse, block);
    ASSERT_EQ(conv.report.size(), 1u);
    EXPECT_LT(conv.report[0].bytes, conv.report[0].dense_bytes / 4);
    EXPECT_EQ(conv.report[0].storage, block == 1 ? "sparse" : fmt::format("sparse {}x1", block));
  }
}

TEST(Storage, DenseWeightsStayDense) {
  const Stored conv = stored(28, blocks({64, 64, 1, 1}, 1, 1));
  EXPECT_EQ(conv.sparse, 0);
  EXPECT_TRUE(conv.report.empty());
}

TEST(Storage, FewZerosStayDenseAndSayWhy) {
  std::vector<double> values = blocks({64, 64, 1, 1}, 1, 1).doubles();
  for (size_t i = 0; i < values.size(); i += 4) values[i] = 0;
  const Array weights = Array::of_doubles({64, 64, 1, 1}, values);
  Stored conv = stored(28, weights);
  EXPECT_EQ(conv.sparse, 0);
  ASSERT_EQ(conv.report.size(), 1u);
  EXPECT_EQ(conv.report[0].storage, "dense");
  EXPECT_EQ(conv.report[0].nonzero, 3 * 64 * 16);
  EXPECT_NE(conv.report[0].reason.find("would be 0."), std::string::npos) << conv.report[0].reason;
}

TEST(Storage, SmallerIsNotAlwaysFaster) {
  const Array weights = blocks({64, 64, 1, 1}, 1, 2);
  EXPECT_EQ(stored(28, weights).sparse, 0);
  EXPECT_EQ(stored(28, weights, Optimize::size).sparse, 1);
}

TEST(Storage, HasToBeatWinograd) {
  const auto by_winograd = [](ops::Conv& conv) { conv.winograd = 4; };
  const Stored third = stored(28, blocks({64, 64, 3, 3}, 4, 3), Optimize::speed, by_winograd);
  EXPECT_EQ(third.sparse, 0);
  EXPECT_EQ(third.winograd, 4);
  EXPECT_EQ(stored(28, blocks({64, 64, 3, 3}, 4, 3)).sparse, 4);
  const Stored twentieth = stored(28, blocks({64, 64, 3, 3}, 4, 20), Optimize::speed, by_winograd);
  EXPECT_EQ(twentieth.sparse, 4);
  EXPECT_EQ(twentieth.winograd, 0);
}

TEST(Storage, GroupsStayDense) {
  const Stored conv = stored(28, blocks({32, 16, 1, 1}, 1, 10), Optimize::size, [](ops::Conv& op) { op.groups = 2; });
  EXPECT_EQ(conv.sparse, 0);
  ASSERT_EQ(conv.report.size(), 1u);
  EXPECT_EQ(conv.report[0].reason, "it has groups");
}

TEST(Storage, AllZeros) {
  const Stored conv = stored(8, Array::of_doubles({20, 24, 1, 1}, std::vector<double>(480, 0.0)));
  EXPECT_NE(conv.sparse, 0);
}

TEST(Storage, OptionAsText) {
  ConvertOptions options;
  EXPECT_EQ(to_string(options).find("--optimize"), std::string::npos);
  options.optimize = Optimize::size;
  EXPECT_NE(to_string(options).find("--optimize=size"), std::string::npos);
  EXPECT_EQ(parse_options(to_string(options)).optimize, Optimize::size);
  EXPECT_THROW(weights::parse_optimize("bytes"), Error);
}

}  // namespace
}  // namespace linnet::test
