// DepthToSpace and its inverse.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// x [N, C, H, W] or [N, H, W, C]. Modes DCR and CRD of ONNX; `inverse` is SpaceToDepth (DCR only).
struct DepthToSpace : OpBase<DepthToSpace> {
  static constexpr std::string_view kName = "DepthToSpace";
  int64_t block = 1;
  bool crd = false;
  bool inverse = false;
  bool channels_last = false;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
