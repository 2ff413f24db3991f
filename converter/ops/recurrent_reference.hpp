// The reference evaluation of Recurrent.
#pragma once

#include "converter/ops/recurrent.hpp"

namespace linnet::ops {

// `types`: what layer.infer() says of the inputs.
std::vector<Array> evaluate_recurrent(const Recurrent& layer, const std::vector<const Array*>& inputs,
                                      const std::vector<TensorType>& types);

}  // namespace linnet::ops
