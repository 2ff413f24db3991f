// Steps in a cascade give the bytes that they give one after the other, on every instruction set and number of threads,
// from rolling buffers of exactly the lines that are needed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "engine/cascade.hpp"
#include "kernels/kernels.hpp"
#include "tests/api/check_support.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::test {
namespace {

enum class Kind { conv, scaled, depthwise, pool };

struct Layer {
  Kind kind;
  int32_t kernel, stride, dilation, pad;
  int32_t channels;       // of the output
  int32_t residual = -1;  // layer whose output is added
  int32_t source = -1;    // layer that is read, by default the one before
};

struct Chain {
  const char* name;
  int32_t height;
  std::vector<Layer> layers;
};

int32_t output_size(const Layer& layer, int32_t in) {
  return (in + 2 * layer.pad - (layer.kernel - 1) * layer.dilation - 1) / layer.stride + 1;
}

const std::vector<Chain>& chains() {
  static const std::vector<Chain> all = {
      {"ExpandDepthwiseProject",
       13,
       {{Kind::conv, 1, 1, 1, 0, 24}, {Kind::depthwise, 3, 1, 1, 1, 24}, {Kind::conv, 1, 1, 1, 0, 5}}},
      {"Strides", 23, {{Kind::conv, 3, 2, 1, 1, 9}, {Kind::depthwise, 5, 2, 1, 2, 9}, {Kind::pool, 3, 2, 1, 1, 9}}},
      {"ResidualsWithin",
       11,
       {{Kind::conv, 3, 1, 1, 1, 8},
        {Kind::conv, 1, 1, 1, 0, 20},
        {Kind::depthwise, 3, 1, 1, 1, 20},
        {Kind::conv, 1, 1, 1, 0, 8, 0},
        {Kind::conv, 3, 1, 1, 1, 8, 3}}},
      {"Dilation", 17, {{Kind::conv, 3, 1, 2, 2, 8}, {Kind::depthwise, 3, 1, 3, 3, 8}, {Kind::conv, 5, 1, 1, 0, 7}}},
      {"PoolThatSkipsLines",
       16,
       {{Kind::conv, 3, 1, 1, 1, 6}, {Kind::pool, 1, 3, 1, 0, 6}, {Kind::conv, 1, 1, 1, 0, 3}}},
      {"MorePaddingThanLines",
       3,
       {{Kind::conv, 5, 1, 1, 2, 4}, {Kind::depthwise, 5, 1, 1, 4, 4}, {Kind::conv, 3, 2, 1, 1, 4}}},
      {"TwoReaders",
       9,
       {{Kind::conv, 1, 1, 1, 0, 6},
        {Kind::conv, 3, 1, 1, 1, 6},
        {Kind::depthwise, 5, 1, 1, 2, 6, 1, 0},
        {Kind::conv, 1, 1, 1, 0, 2}}},
      {"Factors",
       11,
       {{Kind::scaled, 1, 1, 1, 0, 8},
        {Kind::conv, 1, 1, 1, 0, 20},
        {Kind::depthwise, 3, 1, 1, 1, 20},
        {Kind::scaled, 3, 1, 1, 1, 8, 0},
        {Kind::scaled, 1, 2, 1, 0, 5}}},
  };
  return all;
}

constexpr int32_t kWidth = 7, kInputChannels = 3;

// Lines of every layer's output that a cascade keeps; the last one's is whole.
std::vector<int32_t> lines_kept(const Chain& chain, int32_t stripe_lines) {
  engine::Cascade cascade;
  int32_t in = chain.height;
  std::vector<int32_t> out;
  for (const Layer& layer : chain.layers) {
    const auto s = static_cast<int32_t>(out.size());
    const int32_t source = layer.source >= 0 ? layer.source : s - 1;
    if (source >= 0) in = out[static_cast<size_t>(source)];
    out.push_back(output_size(layer, in));
    cascade.steps[cascade.count++] = {out.back(),
                                      in,
                                      layer.stride,
                                      layer.pad,
                                      (layer.kernel - 1) * layer.dilation + 1,
                                      source,
                                      layer.residual,
                                      static_cast<size_t>(s) + 1 < chain.layers.size()};
  }
  std::vector<int32_t> kept(out.size(), 0);
  int32_t needed[engine::kMaxCascadeSteps];
  while (cascade.next_stripe(stripe_lines)) {
    cascade.find_needed(needed);
    for (int32_t s = 0; s < cascade.count; ++s) {
      int32_t& lines = kept[static_cast<size_t>(s)];
      lines = std::max({lines, cascade.want[s] - needed[s], 1});
      cascade.done[s] = cascade.want[s];
    }
  }
  return kept;
}

// With stripe_lines 0 the steps run one after the other. `missing` lines less than needed are kept of layer `of`.
Bytes build(const Chain& chain, int32_t stripe_lines, size_t of = 0, int32_t missing = 0) {
  ModelBuilder b;
  std::vector<int32_t> kept;
  if (stripe_lines > 0) kept = lines_kept(chain, stripe_lines);
  std::vector<Shape> shapes;
  std::vector<uint32_t> tensors;
  Shape in_shape = {1, chain.height, kWidth, kInputChannels};
  const uint32_t input = b.input(in_shape);
  for (size_t i = 0; i < chain.layers.size(); ++i) {
    const Layer& l = chain.layers[i];
    const size_t source = l.source >= 0 ? static_cast<size_t>(l.source) : i - 1;
    const Shape x = i == 0 ? in_shape : shapes[source];
    shapes.push_back({1, output_size(l, x[1]), output_size(l, x[2]), l.channels});
    const bool last = i + 1 == chain.layers.size();
    tensors.push_back(last || kept.empty() ? b.tensor(shapes[i])
                                           : b.rolling(shapes[i], kept[i] - (i == of ? missing : 0)));
    if (last) b.mark_output(tensors[i]);
    std::vector<uint32_t> used = {i == 0 ? input : tensors[source]};
    if (l.kind == Kind::scaled)
      used.push_back(b.constant({1, 1, 1, x[3]}, random_floats(static_cast<size_t>(x[3]), 70)));
    if (l.residual >= 0) used.push_back(tensors[static_cast<size_t>(l.residual)]);
    const fb::Activation relu(fb::Function::Relu, 0, 0), silu(fb::Function::Silu, 0, 0);
    const auto seed = static_cast<uint32_t>(i);
    if (l.kind == Kind::conv) {
      const uint32_t w = b.conv_weights(1, x[3], l.channels, l.kernel, seed);
      b.step(fb::CreateConv2D(b.fbb(), w, 1, l.kernel, l.kernel, l.stride, l.stride, l.dilation, l.dilation, l.pad,
                              l.pad, &relu),
             used, {tensors[i]});
    } else if (l.kind == Kind::scaled) {
      const uint32_t w = b.conv_weights(1, x[3], l.channels, l.kernel, seed);
      b.step(fb::CreateScaledConv2D(b.fbb(), w, l.kernel, l.kernel, l.stride, l.stride, l.dilation, l.dilation, l.pad,
                                    l.pad, &relu),
             used, {tensors[i]});
    } else if (l.kind == Kind::depthwise) {
      const uint32_t w = b.depthwise_weights(l.channels, l.kernel, seed);
      b.step(fb::CreateDepthwiseConv2D(b.fbb(), w, l.kernel, l.kernel, l.stride, l.stride, l.dilation, l.dilation,
                                       l.pad, l.pad, &silu),
             used, {tensors[i]});
    } else {
      b.step(fb::CreatePool2D(b.fbb(), fb::PoolKind::Max, l.kernel, l.kernel, l.stride, l.stride, 1, 1, l.pad, l.pad,
                              l.pad, l.pad),
             used, {tensors[i]});
    }
  }
  if (stripe_lines > 0) b.cascade(0, static_cast<uint32_t>(chain.layers.size()), stripe_lines);
  return b.finish();
}

// The context counts the calls.
void parallel_for(void* context, linnet_task task, void* argument, int count) {
  ++*static_cast<int*>(context);
  std::vector<std::thread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(task, argument, i);
  task(argument, 0);
  for (std::thread& thread : threads) thread.join();
}

std::vector<uint8_t> result(const Bytes& model, const char* isa, int threads, int* parallel_calls = nullptr) {
  int calls = 0;
  linnet_options options = LINNET_OPTIONS_INIT;
  options.isa = isa;
  options.threads = threads;
  options.parallel_for = parallel_for;
  options.parallel_context = parallel_calls != nullptr ? parallel_calls : &calls;
  return run(make_instance(model, &options));
}

using Parameters = std::tuple<size_t, kernels::IsaId>;

class CascadeRuns : public testing::TestWithParam<Parameters> {};

TEST_P(CascadeRuns, TheSameBytes) {
  const Chain& chain = chains()[std::get<0>(GetParam())];
  const char* isa = kernels::traits(std::get<1>(GetParam())).name;
  const std::vector<uint8_t> expected = result(build(chain, 0), isa, 1);
  for (int32_t stripe_lines = 1; stripe_lines <= chain.height; ++stripe_lines) {
    const Bytes model = build(chain, stripe_lines);
    for (const int threads : {1, 3})
      EXPECT_EQ(result(model, isa, threads), expected) << stripe_lines << " lines, " << threads << " threads";
  }
}

// Of a tall image every thread computes a part, the whole cascade in one call.
TEST_P(CascadeRuns, TheSameBytesInParts) {
  Chain chain = chains()[std::get<0>(GetParam())];
  chain.height *= 40;
  const char* isa = kernels::traits(std::get<1>(GetParam())).name;
  const std::vector<uint8_t> expected = result(build(chain, 0), isa, 1);
  for (const int32_t stripe_lines : {1, 2, 7, 50, chain.height}) {
    const Bytes model = build(chain, stripe_lines);
    for (const int threads : {2, 3}) {
      int calls = 0;
      EXPECT_EQ(result(model, isa, threads, &calls), expected) << stripe_lines << " lines, " << threads << " threads";
      EXPECT_EQ(calls, 1) << stripe_lines << " lines, " << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, CascadeRuns,
                         testing::Combine(testing::Range<size_t>(0, chains().size()),
                                          testing::ValuesIn(kernels::test::available_isas())),
                         [](const auto& info) {
                           return std::string(chains()[std::get<0>(info.param)].name) + "_" +
                                  kernels::traits(std::get<1>(info.param)).name;
                         });

// The index of a layer's output: behind the input, the outputs before it and the factors of layers before it.
int output_tensor(const Chain& chain, size_t layer) {
  const auto scaled = std::count_if(chain.layers.begin(), chain.layers.begin() + static_cast<ptrdiff_t>(layer),
                                    [](const Layer& l) { return l.kind == Kind::scaled; });
  return static_cast<int>(layer) + 1 + static_cast<int>(scaled);
}

TEST(Cascade, BuffersOfALineLessAreRefused) {
  for (const Chain& chain : chains()) {
    for (int32_t stripe_lines = 1; stripe_lines <= 3; ++stripe_lines) {
      const std::vector<int32_t> kept = lines_kept(chain, stripe_lines);
      for (size_t layer = 0; layer + 1 < chain.layers.size(); ++layer) {
        if (kept[layer] < 2) continue;
        SCOPED_TRACE(std::string(chain.name) + " " + std::to_string(layer));
        expect_status(build(chain, stripe_lines, layer, 1), LINNET_ERROR_RANGE, static_cast<int>(layer),
                      output_tensor(chain, layer));
      }
    }
  }
}

TEST(Cascade, HooksSeeEveryTurn) {
  const Chain& chain = chains()[0];
  struct Log {
    std::vector<int> begun, lines;
    int first[3] = {0, 0, 0};
  } log;
  linnet_options options = LINNET_OPTIONS_INIT;
  options.profile_context = options.tap_context = &log;
  options.profile_hook = [](void* context, int step, int finished) {
    if (!finished) static_cast<Log*>(context)->begun.push_back(step);
  };
  options.tap_hook = [](void* context, int step, int, const linnet_tensor_view* view) {
    int& first = static_cast<Log*>(context)->first[step];
    EXPECT_EQ(view->first_line, first);
    EXPECT_EQ(view->bytes, static_cast<size_t>(view->shape[1] * view->shape[2] * view->shape[3]) * 4);
    first += view->shape[1];
    static_cast<Log*>(context)->lines.push_back(view->shape[1]);
  };
  run(make_instance(build(chain, 5), &options));
  EXPECT_EQ(log.begun, (std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2}));
  // A line more of the first, which the window below the stripe reaches into.
  EXPECT_EQ(log.lines, (std::vector<int>{6, 5, 5, 5, 5, 5, 2, 3, 3}));
}

}  // namespace
}  // namespace linnet::test
