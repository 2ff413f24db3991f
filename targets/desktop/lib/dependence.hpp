// Which outputs of a model depend on which inputs.
#pragma once

#include <vector>

namespace linnet::tools {

// Of each output of the model (the bytes of a .lnt file that linnet_get_model_info accepted), whether any of its
// elements depends on an input that is marked or, with `marked_states`, on a state. Found by doing the steps with a
// mark per element of the arena instead of a value: Copy moves marks, every other operator marks all that it writes
// where it reads one.
std::vector<bool> dependent_outputs(const void* model, const std::vector<bool>& marked_inputs, bool marked_states);

}  // namespace linnet::tools
