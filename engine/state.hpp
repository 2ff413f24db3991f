// Tensors that keep their values from run to run (model.fbs, table State).
#pragma once

#include "engine/model.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

bool check_states(const ModelView& model, Error* error);

// Sets every state to its initial value.
void reset_states(const linnet_session& session);
// Ends a run: every state becomes what its `next` is.
void advance_states(const linnet_session& session);

}  // namespace linnet::engine
