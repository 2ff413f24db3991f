// Bounds of what the channels of tensors hold.
#pragma once

#include "converter/passes/channels.hpp"
#include "converter/passes/layer.hpp"

namespace linnet::passes {

struct Range {
  double low, high;
  bool constant() const { return low == high; }
  friend bool operator==(const Range&, const Range&) = default;
};

// Every element that the device computes lies in the range of its channel, whatever numbers the graph's inputs are,
// real ones being finite.
// - Integers: the ranges of sums are exact, those of results follow from the rounding of the step. Where sums may leave
//   32 bits, a result may be any.
// - Real numbers: of a layer's sums by an upper bound of what float32 rounds, in any order of summation; but not where
//   Winograd's algorithm may be chosen. Of other arithmetic the signs alone.
class ChannelRanges {
 public:
  ChannelRanges(const ir::Graph& graph, const Channels& channels);

  // One per channel, or one for the whole tensor where it has no channels.
  const std::vector<Range>& of(const ir::Value* value) const;

 private:
  const Channels& channels_;
  std::unordered_map<const ir::Value*, std::vector<Range>> ranges_;

  std::vector<Range> find(ir::Node& node) const;
  std::vector<Range> any(const ir::Node& node) const;
  // Of the channels of an input that an output channel is made of, along `axis` of a constant.
  std::vector<Range> operand(const ir::Node& node, const Operand& operand) const;
  std::vector<Range> input(const ir::Node& node, size_t index, const Flow& flow) const;
  std::vector<Range> of_layer(const Layer& layer) const;
  std::vector<Range> of_flow(ir::Node& node, const Flow& flow) const;
  std::vector<Range> of_binary(const ir::Node& node, const Flow& flow) const;
  std::vector<Range> of_factors(const ir::Node& node, const Flow& flow) const;
  std::vector<Range> of_function(const ir::Node& node, const Flow& flow) const;
  std::vector<Range> of_moved(const ir::Node& node, const Flow& flow) const;
  std::vector<Range> of_evaluation(const ir::Node& node, const Flow& flow) const;
};

}  // namespace linnet::passes
