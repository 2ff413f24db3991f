// Matrix products: 1x1 convolutions and linear layers as gemm, attention's products as matmul.
#include <algorithm>

#include "tests/bench/micro.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

struct Product {
  int m, n, k;
  std::string name() const {
    return std::string("m") + std::to_string(m) + "_n" + std::to_string(n) + "_k" + std::to_string(k);
  }
};

void gemm(benchmark::State& state, const KernelTable& kernels, const Product& p) {
  const size_t weights = panel_floats(p.n, p.k);
  AlignedFloats a(static_cast<size_t>(p.m) * p.k), packed(weights + 16), c(static_cast<size_t>(p.m) * p.n);
  const GemmArgs args{p.m, p.n, p.k, a.data(), p.k, packed.data(), c.data(), p.n, {}};
  const auto run = [&] { kernels.gemm_f32(args); };
  if (p.m == 1) {
    measure_bytes(state, kernels, 4.0 * (static_cast<double>(weights) + p.k + p.n), run);
  } else {
    measure_multiply_adds(state, kernels, static_cast<double>(p.m) * p.n * p.k, run);
  }
}

void gemm_transposed(benchmark::State& state, const KernelTable& kernels, const Product& p) {
  const size_t weights = panel_floats(p.k, p.n);
  AlignedFloats a(static_cast<size_t>(p.m) * p.k), packed(weights + 16), c(static_cast<size_t>(p.m) * p.n);
  const GemmTransposedArgs args{p.m, p.n, p.k, 0, p.n, a.data(), p.k, packed.data(), nullptr, c.data(), p.n, {}};
  measure_multiply_adds(state, kernels, static_cast<double>(p.m) * p.n * p.k,
                        [&] { kernels.gemm_transposed_f32(args); });
}

// One head: both operands have the head's columns of rows of 12 heads, b is transposed for the scores.
struct Attention {
  const char* product;
  int tokens, head;
  std::string name() const { return std::string(product) + "_" + shape_name({tokens, head}); }
};

void matmul(benchmark::State& state, const KernelTable& kernels, const Attention& attention) {
  const bool scores = std::string(attention.product) == "scores";
  const int tokens = attention.tokens, head = attention.head, row = 3 * 12 * head;
  MatMulArgs args{};
  args.m = tokens;
  args.n = args.n_end = scores ? tokens : head;
  args.k = scores ? head : tokens;
  AlignedFloats projections(static_cast<size_t>(tokens) * row), weights(static_cast<size_t>(tokens) * tokens),
      result(static_cast<size_t>(tokens) * std::max(tokens, row)),
      scratch(static_cast<size_t>(matmul_scratch_bytes(args.m, args.n, args.k, traits(kernels.id))) / 4);
  args.a = scores ? projections.data() : weights.data();
  args.a_stride_m = scores ? row : tokens;
  args.a_stride_k = 1;
  args.b = projections.data() + head;
  args.b_stride_k = scores ? 1 : row;
  args.b_stride_n = scores ? row : 1;
  args.c = result.data();
  args.c_stride_m = scores ? tokens : row;
  args.scale = 0.125f;
  args.scratch = scratch.data();
  measure_multiply_adds(state, kernels, static_cast<double>(args.m) * args.n * args.k,
                        [&] { kernels.matmul_f32(args); });
}

}  // namespace

void add_products(const KernelTable& kernels) {
  const std::vector<Product> pointwise = {
      {12544, 64, 32},  {3136, 128, 128}, {784, 256, 256},  {196, 512, 512},  {49, 1024, 1024},  // MobileNetV1
      {12544, 96, 16},  {3136, 24, 144},  {784, 32, 192},   {196, 96, 576},   {49, 320, 960},    // MobileNetV2
      {3136, 72, 24},   {784, 40, 120},   {196, 80, 200},   {196, 672, 112},  {49, 160, 960},    // MobileNetV3
      {12544, 16, 32},  {3136, 144, 24},  {784, 240, 40},   {196, 112, 672},  {49, 1152, 192},   // EfficientNet-B0
      {784, 58, 58},    {196, 116, 116},  {49, 232, 232},   {49, 1024, 464},                     // ShuffleNetV2
      {3136, 256, 64},  {3136, 64, 256},  {784, 512, 128},  {196, 1024, 256}, {49, 2048, 512},   // ResNet-50
      {3136, 384, 96},  {784, 768, 192},  {196, 1536, 384}, {49, 3072, 768},                     // ConvNeXt-tiny
      {3025, 16, 64},   {729, 32, 256},   {169, 64, 512},   {169, 1000, 512},                    // SqueezeNet 1.1
      {197, 2304, 768}, {197, 768, 768},  {197, 3072, 768}, {197, 768, 3072},                    // ViT-B/16
      {125, 64, 64},    {2304, 16, 8},    {144, 64, 64},    {9, 256, 256},                       // MLPerf Tiny
  };
  const std::vector<Product> batch_one = {{1, 1000, 1280},  {1, 1000, 2048}, {1, 4096, 4096},
                                          {1, 4096, 25088}, {1, 24, 72},     {1, 672, 168},
                                          {1, 128, 640},    {1, 640, 128},   {1, 128, 128}};
  add_benchmarks(kernels, "gemm", pointwise, gemm);
  add_benchmarks(kernels, "linear", batch_one, gemm);
  add_benchmarks(kernels, "gemm_transposed", std::vector<Product>{{8, 1000, 256}, {64, 1000, 256}}, gemm_transposed);
  add_benchmarks(kernels, "matmul", std::vector<Attention>{{"scores", 197, 64}, {"values", 197, 64}}, matmul);
}

}  // namespace linnet::bench
