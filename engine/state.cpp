#include "engine/state.hpp"

#include <cstring>

#include "engine/check.hpp"

namespace linnet::engine {
namespace {

bool check_same_type_and_shape(const TensorInfo& tensor, const TensorInfo& next, Error* error) {
  if (!check_type(next, tensor.type, error)) return false;
  LINNET_REQUIRE(error, next.dimensions == tensor.dimensions, LINNET_ERROR_SHAPE, next.index, tensor.dimensions,
                 next.dimensions);
  for (int32_t d = 0; d < next.dimensions; ++d) {
    LINNET_REQUIRE(error, next.shape[d] == tensor.shape[d], LINNET_ERROR_SHAPE, next.index, tensor.shape[d],
                   next.shape[d]);
  }
  return true;
}

bool check_initial(const ModelView& model, const fb::State& state, const TensorInfo& tensor, Error* error) {
  if (state.initial() == 0) return true;
  const int64_t bytes = model.block_bytes(state.initial() - 1);
  LINNET_REQUIRE(error, bytes >= tensor.extent_bytes(), LINNET_ERROR_RANGE, tensor.index, tensor.extent_bytes(), bytes);
  return true;
}

// State `index`, which lies behind `begin`, the end of the state before; `*end` becomes its own.
bool check_state(const ModelView& model, int32_t index, int64_t begin, int64_t* end, Error* error) {
  const fb::State& state = model.state(index);
  if (!check_whole(model, state.tensor(), error) || !check_whole(model, state.next(), error)) return false;
  const TensorInfo tensor = model.tensor(state.tensor()), next = model.tensor(state.next());
  const int64_t state_bytes = model.root->state_bytes();
  LINNET_REQUIRE(error, tensor.offset >= begin, LINNET_ERROR_RANGE, tensor.index, begin, tensor.offset);
  *end = tensor.offset + tensor.extent_bytes();
  LINNET_REQUIRE(error, *end <= state_bytes, LINNET_ERROR_RANGE, tensor.index, state_bytes, *end);
  if (!check_same_type_and_shape(tensor, next, error) || !check_initial(model, state, tensor, error)) return false;
  if (next.offset >= state_bytes) return true;
  // Between its neighbours, so that no copy changes what another one copies.
  int64_t limit = state_bytes;
  if (index + 1 < model.state_count()) {
    const uint32_t following = model.state(index + 1).tensor();
    if (!check_whole(model, following, error)) return false;
    limit = model.tensor(following).offset;
  }
  LINNET_REQUIRE(error, next.offset >= begin, LINNET_ERROR_RANGE, next.index, begin, next.offset);
  const int64_t next_end = next.offset + next.extent_bytes();
  LINNET_REQUIRE(error, next_end <= limit, LINNET_ERROR_RANGE, next.index, limit, next_end);
  return true;
}

// A tensor that begins among the states ends there, and is no input or output of the model.
bool check_region(const ModelView& model, Error* error) {
  const int64_t state_bytes = model.root->state_bytes();
  LINNET_REQUIRE(error, state_bytes <= model.root->tensor_bytes(), LINNET_ERROR_RANGE, -1, model.root->tensor_bytes(),
                 state_bytes);
  for (int32_t i = 0; i < model.tensor_count(); ++i) {
    const TensorInfo tensor = model.tensor(static_cast<uint32_t>(i));
    if (tensor.constant != nullptr || tensor.offset >= state_bytes) continue;
    const int64_t end = tensor.offset + tensor.extent_bytes();
    LINNET_REQUIRE(error, end <= state_bytes, LINNET_ERROR_RANGE, i, state_bytes, end);
  }
  for (const auto* ports : {model.root->inputs(), model.root->outputs()}) {
    for (uint32_t i = 0; ports != nullptr && i < ports->size(); ++i) {
      const TensorInfo port = model.tensor(ports->Get(i));
      LINNET_REQUIRE(error, port.offset >= state_bytes, LINNET_ERROR_RANGE, port.index, state_bytes, port.offset);
    }
  }
  return true;
}

// As memmove, which firmware need not have.
void move(const uint8_t* from, size_t bytes, uint8_t* to) {
  if (to < from) {
    const size_t step = static_cast<size_t>(from - to);
    for (; bytes > step; bytes -= step, from += step, to += step) memcpy(to, from, step);
    memcpy(to, from, bytes);
  } else if (to > from) {
    const size_t step = static_cast<size_t>(to - from);
    for (; bytes > step; bytes -= step) memcpy(to + bytes - step, from + bytes - step, step);
    memcpy(to, from, bytes);
  }
}

}  // namespace

bool check_states(const ModelView& model, Error* error) {
  const int32_t states = model.state_count();
  if (states == 0 && model.root->state_bytes() == 0) return true;
  if (!kHasStates) return check_feature(false, StepFeature::States, error);
  if (!check_region(model, error)) return false;
  int64_t end = 0;
  for (int32_t i = 0; i < states; ++i) {
    if (!check_state(model, i, end, &end, error)) return false;
  }
  return true;
}

void reset_states(const linnet_session& session) {
  const ModelView& model = session.model;
  for (int32_t i = 0; i < model.state_count(); ++i) {
    const fb::State& state = model.state(i);
    const TensorInfo tensor = model.tensor(state.tensor());
    const size_t bytes = static_cast<size_t>(tensor.extent_bytes());
    if (state.initial() == 0) {
      memset(session.output<uint8_t>(tensor), 0, bytes);
    } else {
      memcpy(session.output<uint8_t>(tensor), model.block(state.initial() - 1), bytes);
    }
  }
}

void advance_states(const linnet_session& session) {
  const ModelView& model = session.model;
  for (int32_t i = 0; i < model.state_count(); ++i) {
    const fb::State& state = model.state(i);
    const TensorInfo tensor = model.tensor(state.tensor());
    move(session.output<uint8_t>(model.tensor(state.next())), static_cast<size_t>(tensor.extent_bytes()),
         session.output<uint8_t>(tensor));
  }
}

}  // namespace linnet::engine
