// The C API on good models: memory, sharing, threads, instruction sets, hooks, names, slices.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "engine/memory.hpp"
#include "kernels/dispatch.hpp"
#include "schema/model_generated.h"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

linnet_options with_threads(int threads) {
  linnet_options options = LINNET_OPTIONS_INIT;
  options.threads = threads;
  options.parallel_for = thread_parallel_for;
  return options;
}

TEST(Session, ArenaIsExact) {
  for (const int threads : {1, 4}) {
    const linnet_options base = with_threads(threads);
    const Bytes model = small_network();
    const linnet_model_info info = model_info(model, &base);
    EXPECT_EQ(info.arena_bytes, info.session_bytes + info.tensor_bytes + info.scratch_bytes);
    EXPECT_EQ(info.scratch_bytes % static_cast<size_t>(threads), 0u);

    linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
    linnet_options options = base;
    options.error = &detail;
    linnet_session* session = nullptr;
    const Bytes smaller(info.arena_bytes - 1);
    EXPECT_EQ(linnet_init(&options, model.data(), model.size(), smaller.data(), smaller.size(), &session),
              LINNET_ERROR_ARENA_SIZE);
    EXPECT_EQ(session, nullptr);
    EXPECT_EQ(detail.status, LINNET_ERROR_ARENA_SIZE);
    EXPECT_EQ(detail.wanted, info.arena_bytes);
    EXPECT_EQ(detail.got, info.arena_bytes - 1);
    const Bytes exact(info.arena_bytes);
    ASSERT_EQ(linnet_init(&options, model.data(), model.size(), exact.data(), exact.size(), &session), LINNET_OK);
    EXPECT_EQ(linnet_run(session), LINNET_OK);
  }
}

// The converter's report for other targets and the engine's own answer come from one function; here they meet.
TEST(Session, ArenaBytesOfTheRunningTarget) {
  const Bytes model = small_network();
  engine::ModelView view;
  engine::Error error;
  ASSERT_TRUE(engine::open_model(model.data(), model.size(), &view, &error));
  for (const kernels::IsaTraits& isa : kernels::kIsaTraits) {
    kernels::IsaId id;
    ASSERT_TRUE(kernels::find_isa(isa.name, &id));
    for (const int threads : {1, 3}) {
      EXPECT_GT(engine::arena_bytes(view, isa, 4, threads), engine::kSessionBytes);
      EXPECT_GE(engine::arena_bytes(view, isa, 8, threads), engine::arena_bytes(view, isa, 4, threads));
      if (kernels::table(id) == nullptr) continue;
      linnet_options options = with_threads(threads);
      options.isa = isa.name;
      EXPECT_EQ(static_cast<int64_t>(model_info(model, &options).arena_bytes),
                engine::arena_bytes(view, isa, sizeof(void*), threads));
    }
  }
}

TEST(Session, SoftmaxOfSmallNetworkSumsToOne) {
  const Bytes model = small_network();
  const std::vector<uint8_t> bytes = run(make_instance(model));
  ASSERT_EQ(bytes.size(), 40u);
  float sum = 0;
  for (int i = 0; i < 10; ++i) {
    float value;
    memcpy(&value, bytes.data() + 4 * i, 4);
    EXPECT_GT(value, 0.0f);
    sum += value;
  }
  EXPECT_NEAR(sum, 1.0f, 1e-5f);
}

TEST(Session, SessionsShareOneModel) {
  const Bytes model = small_network();
  const Bytes before = model.copy(model.size());
  const std::vector<uint8_t> alone = run(make_instance(model));
  const Instance first = make_instance(model);
  const Instance second = make_instance(model);
  std::vector<uint8_t> results[2];
  std::thread other([&] { results[1] = run(second); });
  results[0] = run(first);
  other.join();
  EXPECT_EQ(results[0], alone);
  EXPECT_EQ(results[1], alone);
  EXPECT_EQ(run(first), alone) << "a second run";
  EXPECT_EQ(memcmp(model.data(), before.data(), model.size()), 0) << "the model was written to";
}

TEST(Session, ThreadsDoNotChangeBits) {
  const Bytes network = small_network(48);
  const std::vector<uint8_t> single = run(make_instance(network));
  for (int threads = 1; threads <= 4; ++threads) {
    const linnet_options options = with_threads(threads);
    EXPECT_EQ(run(make_instance(network, &options)), single) << threads << " threads";
  }
}

class Operators : public testing::TestWithParam<OperatorModel> {};

TEST_P(Operators, ThreadsDoNotChangeBits) {
  const Bytes model = operator_model(GetParam(), 0);
  const std::vector<uint8_t> single = run(make_instance(model));
  for (int threads = 2; threads <= 4; ++threads) {
    const linnet_options options = with_threads(threads);
    EXPECT_EQ(run(make_instance(model, &options)), single) << threads << " threads";
  }
}

TEST_P(Operators, SlicesGiveTheSameBits) {
  const std::vector<uint8_t> dense = run(make_instance(operator_model(GetParam(), 0)));
  for (const int32_t gap : {1, 4, 16}) {
    const Bytes model = operator_model(GetParam(), gap);
    EXPECT_EQ(run(make_instance(model)), dense) << "gap " << gap;
    const linnet_options options = with_threads(3);
    EXPECT_EQ(run(make_instance(model, &options)), dense) << "gap " << gap << ", 3 threads";
  }
}

TEST_P(Operators, EveryInstructionSetRuns) {
  const Bytes model = operator_model(GetParam(), 0);
  const bool is_int8 = GetParam().name.find("_int8") != std::string::npos;
  linnet_options scalar = LINNET_OPTIONS_INIT;
  scalar.isa = "scalar";
  const std::vector<uint8_t> wanted = run(make_instance(model, &scalar));
  for (const kernels::IsaTraits& isa : kernels::kIsaTraits) {
    kernels::IsaId id;
    ASSERT_TRUE(kernels::find_isa(isa.name, &id));
    linnet_options options = LINNET_OPTIONS_INIT;
    options.isa = isa.name;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    const linnet_status status = linnet_get_model_info(&options, model.data(), model.size(), &info);
    if (kernels::table(id) == nullptr) {
      EXPECT_EQ(status, LINNET_ERROR_ISA);
      continue;
    }
    ASSERT_EQ(status, LINNET_OK);
    EXPECT_STREQ(info.isa, isa.name);
    const std::vector<uint8_t> outputs = run(make_instance(model, &options));
    if (is_int8) {
      EXPECT_EQ(outputs, wanted) << isa.name;
    }
  }
}

std::string operator_name(const testing::TestParamInfo<OperatorModel>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Union, Operators, testing::ValuesIn(operator_models()), operator_name);

TEST(Session, EveryOperatorOfTheUnionHasAModel) {
  for (const fb::Operator type : fb::EnumValuesOperator()) {
    if (type == fb::Operator::NONE) continue;
    const std::string name = fb::EnumNameOperator(type);
    bool found = false;
    for (const OperatorModel& model : operator_models()) found |= model.name.substr(0, model.name.find('_')) == name;
    EXPECT_TRUE(found) << name;
  }
}

TEST(Session, IsaFromTheEnvironment) {
  const Bytes model = small_network();
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  ASSERT_EQ(setenv("LINNET_ISA", "scalar", 1), 0);
  EXPECT_EQ(linnet_get_model_info(nullptr, model.data(), model.size(), &info), LINNET_OK);
  EXPECT_STREQ(info.isa, "scalar");
  setenv("LINNET_ISA", "z80", 1);
  EXPECT_EQ(linnet_get_model_info(nullptr, model.data(), model.size(), &info), LINNET_ERROR_ISA);
  unsetenv("LINNET_ISA");
  EXPECT_EQ(linnet_get_model_info(nullptr, model.data(), model.size(), &info), LINNET_OK);
  EXPECT_STREQ(info.isa, kernels::traits(kernels::best_table()->id).name);
}

TEST(Session, HooksSeeEveryStep) {
  struct Log {
    std::vector<std::string> events;
  } log;
  linnet_options options = LINNET_OPTIONS_INIT;
  options.profile_context = options.tap_context = &log;
  options.profile_hook = [](void* context, int step, int finished) {
    static_cast<Log*>(context)->events.push_back((finished ? "end " : "begin ") + std::to_string(step));
  };
  options.tap_hook = [](void* context, int step, int output, const linnet_tensor_view* tensor) {
    ASSERT_EQ(tensor->struct_size, sizeof(linnet_tensor_view));
    const float first = static_cast<const float*>(tensor->data)[0];
    EXPECT_TRUE(std::isfinite(first));
    static_cast<Log*>(context)->events.push_back("tap " + std::to_string(step) + " " + std::to_string(output) + " " +
                                                 std::to_string(tensor->shape[tensor->dimensions - 1]));
  };
  const Bytes model = small_network();
  run(make_instance(model, &options));
  const std::vector<std::string> expected = {"begin 0",    "end 0",      "tap 0 0 16", "begin 1",    "end 1",
                                             "tap 1 0 16", "begin 2",    "end 2",      "tap 2 0 16", "begin 3",
                                             "end 3",      "tap 3 0 10", "begin 4",    "end 4",      "tap 4 0 10"};
  EXPECT_EQ(log.events, expected);
}

TEST(Session, TapSeesEveryOutputOfAStep) {
  std::vector<std::vector<int>> shapes;
  linnet_options options = LINNET_OPTIONS_INIT;
  options.tap_context = &shapes;
  options.tap_hook = [](void* context, int step, int output, const linnet_tensor_view* tensor) {
    std::vector<int> row = {step, output};
    row.insert(row.end(), tensor->shape, tensor->shape + tensor->dimensions);
    static_cast<std::vector<std::vector<int>>*>(context)->push_back(row);
  };
  const auto& models = operator_models();
  const auto lstm =
      std::find_if(models.begin(), models.end(), [](const OperatorModel& op) { return op.name == "Recurrent_lstm"; });
  ASSERT_NE(lstm, models.end());
  run(make_instance(operator_model(*lstm, 0), &options));
  EXPECT_EQ(shapes, (std::vector<std::vector<int>>{{0, 0, 5, 3, 11}, {0, 1, 3, 11}, {0, 2, 3, 11}}));
}

TEST(Session, DescribesSteps) {
  const Bytes model = small_network();
  const Instance instance = make_instance(model);
  EXPECT_EQ(model_info(model).steps, 5);
  EXPECT_STREQ(linnet_step_operator(instance.session, 0), "Conv2D");
  EXPECT_STREQ(linnet_step_name(instance.session, 3), "step3");
  EXPECT_EQ(linnet_step_macs(instance.session, 3), 160.0);
  for (const int step : {-1, 5}) {
    EXPECT_EQ(linnet_step_operator(instance.session, step), nullptr);
    EXPECT_EQ(linnet_step_name(instance.session, step), nullptr);
    EXPECT_EQ(linnet_step_macs(instance.session, step), 0.0);
  }
}

TEST(Session, DescribesPorts) {
  const Bytes model = small_network();
  const Instance instance = make_instance(model);
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  ASSERT_EQ(linnet_input(instance.session, 0, &view), LINNET_OK);
  EXPECT_EQ(view.type, LINNET_FLOAT32);
  EXPECT_EQ(view.dimensions, 4);
  EXPECT_EQ(view.shape[1], 8);
  EXPECT_EQ(view.source_dimension[3], 3);
  EXPECT_EQ(view.bytes, 8u * 8 * 4 * 4);
  EXPECT_EQ(view.row_stride, 4u);
  EXPECT_STREQ(view.name, "tensor0");
  EXPECT_EQ(linnet_input(instance.session, 1, &view), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_input(instance.session, -1, &view), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_output(instance.session, 0, nullptr), LINNET_ERROR_ARGUMENT);
  EXPECT_EQ(linnet_output(nullptr, 0, &view), LINNET_ERROR_ARGUMENT);
  view.struct_size = 0;
  EXPECT_EQ(linnet_output(instance.session, 0, &view), LINNET_ERROR_ARGUMENT);
}

TEST(Session, CopyWritesFillAroundTheFlippedInput) {
  for (const OperatorModel& model : operator_models()) {
    if (model.name != "Copy_fill") continue;
    const std::vector<uint8_t> bytes = run(make_instance(operator_model(model, 0)));
    const std::vector<float> input = random_floats(30, 1);
    std::vector<float> expected(63, 3.14159274f);
    for (int y = 0; y < 5; ++y) {
      for (int x = 0; x < 6; ++x) expected[(y + 1) * 9 + 2 + x] = input[(4 - y) * 6 + x];
    }
    ASSERT_EQ(bytes.size(), expected.size() * 4);
    EXPECT_EQ(memcmp(bytes.data(), expected.data(), bytes.size()), 0);
  }
}

template <class To>
std::vector<To> cast(const void* values, size_t count, size_t element_bytes, fb::DataType from, fb::DataType to) {
  ModelBuilder builder;
  const Shape shape = {static_cast<int32_t>(count)};
  const uint32_t x = builder.input(shape, from);
  builder.step(fb::CreateCast(builder.fbb()), {x}, {builder.output(shape, to)});
  const Bytes model = builder.finish();
  const Instance instance = make_instance(model);
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  EXPECT_EQ(linnet_input(instance.session, 0, &view), LINNET_OK);
  memcpy(view.data, values, count * element_bytes);
  linnet_run(instance.session);
  EXPECT_EQ(linnet_output(instance.session, 0, &view), LINNET_OK);
  const To* result = static_cast<const To*>(view.data);
  return {result, result + count};
}

TEST(Session, CastsFromFloat) {
  const float x[] = {0.0f, -0.0f, 0.9f, -1.9f, 126.7f, 300.0f, -300.0f, 3e9f, -3e9f, NAN, INFINITY, 255.5f};
  const auto to = [&](auto type, fb::DataType code) {
    return cast<decltype(type)>(x, 12, 4, fb::DataType::Float32, code);
  };
  EXPECT_EQ(to(int8_t{}, fb::DataType::Int8),
            (std::vector<int8_t>{0, 0, 0, -1, 126, 127, -128, 127, -128, 0, 127, 127}));
  EXPECT_EQ(to(uint8_t{}, fb::DataType::UInt8), (std::vector<uint8_t>{0, 0, 0, 0, 126, 255, 0, 255, 0, 0, 255, 255}));
  EXPECT_EQ(to(int32_t{}, fb::DataType::Int32),
            (std::vector<int32_t>{0, 0, 0, -1, 126, 300, -300, INT32_MAX, INT32_MIN, 0, INT32_MAX, 255}));
  EXPECT_EQ(to(uint8_t{}, fb::DataType::Bool), (std::vector<uint8_t>{0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(Session, CastsFromIntegers) {
  const int32_t x[] = {0, 1, -1, 127, 128, 300, INT32_MIN, INT32_MAX};
  const auto to = [&](auto type, fb::DataType code) {
    return cast<decltype(type)>(x, 8, 4, fb::DataType::Int32, code);
  };
  EXPECT_EQ(to(int8_t{}, fb::DataType::Int8), (std::vector<int8_t>{0, 1, -1, 127, -128, 44, 0, -1}));
  EXPECT_EQ(to(uint8_t{}, fb::DataType::UInt8), (std::vector<uint8_t>{0, 1, 255, 127, 128, 44, 0, 255}));
  EXPECT_EQ(to(float{}, fb::DataType::Float32),
            (std::vector<float>{0, 1, -1, 127, 128, 300, -2147483648.0f, 2147483648.0f}));
  EXPECT_EQ(to(uint8_t{}, fb::DataType::Bool), (std::vector<uint8_t>{0, 1, 1, 1, 1, 1, 1, 1}));
  const uint8_t bytes[] = {0, 1, 2, 127, 128, 255};
  EXPECT_EQ(cast<float>(bytes, 6, 1, fb::DataType::Int8, fb::DataType::Float32),
            (std::vector<float>{0, 1, 2, 127, -128, -1}));
  EXPECT_EQ(cast<int32_t>(bytes, 6, 1, fb::DataType::UInt8, fb::DataType::Int32),
            (std::vector<int32_t>{0, 1, 2, 127, 128, 255}));
  EXPECT_EQ(cast<int32_t>(bytes, 6, 1, fb::DataType::Bool, fb::DataType::Int32),
            (std::vector<int32_t>{0, 1, 1, 1, 1, 1}));
}

}  // namespace
}  // namespace linnet::test
