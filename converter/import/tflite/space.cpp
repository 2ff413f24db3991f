// Exchanges of space with depth or batch.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/ops/depth_to_space.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/slice.hpp"

namespace linnet::import::from_tflite {

namespace {

Value* add_depth_to_space(TfliteContext& context, int64_t block, bool inverse) {
  Value* x = context.input(0);
  require_rank(context, x, 4, "input 0");
  auto op = std::make_unique<ops::DepthToSpace>();
  op->block = block;
  op->inverse = inverse;
  op->channels_last = true;
  return context.add(std::move(op), {x});
}

// Inputs: x [N, space..., depth...], block [dimensions of space], pads or crops [dimensions of space, 2].
BatchedSpace operands(TfliteContext& context, std::string_view what) {
  BatchedSpace space{context.input(0), constant_list(context, 1, "block"), {}, {}};
  const Array& pads = context.constant(2, what);
  const auto dimensions = static_cast<int64_t>(space.block.size());
  if (is_floating(pads.dtype()) || pads.shape() != Shape{dimensions, 2} ||
      space.x->shape().size() <= space.block.size())
    context.fail(fmt::format("has {} {} and {} blocks for an input of shape {}", what, to_string(pads.shape()),
                             dimensions, to_string(space.x->shape())));
  for (size_t d = 0; d < space.block.size(); ++d) {
    space.begin.push_back(pads.integer(2 * d));
    space.end.push_back(pads.integer(2 * d + 1));
    if (space.block[d] < 1 || space.block[d] > kMaximumElements || space.begin[d] < 0 || space.end[d] < 0)
      context.fail(fmt::format("has block {} and {} {} and {} in dimension {}", space.block[d], what, space.begin[d],
                               space.end[d], d));
  }
  return space;
}

int64_t product(const std::vector<int64_t>& sizes) {
  return element_count(sizes);
}

// The same computation as BATCH_TO_SPACE_ND(conv(SPACE_TO_BATCH_ND(x))): a dilated convolution of x; null where it is
// none. Element-wise steps may lie between the convolution and its end.
class DilatedConvolution {
 public:
  DilatedConvolution(TfliteContext& context, const BatchedSpace& end) : context_(context), end_(end) {}

  Value* run() {
    std::vector<const Node*> between;
    const Node* node = end_.x->producer;
    while (node != nullptr && is_element_wise(*node)) {
      between.push_back(node);
      node = node->in(data_input(*node)).producer;
    }
    const auto* conv = node != nullptr ? node->as<ops::Conv>() : nullptr;
    if (conv == nullptr) return nullptr;
    const auto start = context_.state().batched.find(node->inputs[0]);
    if (start == context_.state().batched.end() || !fits(*conv, start->second)) return nullptr;
    std::vector<Value*> inputs = node->inputs;
    inputs[0] = start->second.x;
    Value* y = context_.add(dilated(*conv, start->second), inputs);
    for (auto step = between.rbegin(); step != between.rend(); ++step) {
      inputs = (*step)->inputs;
      inputs[data_input(**step)] = y;
      y = context_.add((*step)->op->clone(), inputs);
    }
    return y;
  }

 private:
  TfliteContext& context_;
  const BatchedSpace& end_;

  // Functions of one input, and operations with a constant per channel or less.
  static bool is_element_wise(const Node& node) {
    if (node.as<ops::Unary>() != nullptr) return true;
    if (node.as<ops::Binary>() == nullptr) return false;
    const Value& operand = node.in(1 - data_input(node));
    const int64_t channels = operand.shape().empty() ? 1 : operand.shape().back();
    return ops::is_static(&operand) && element_count(operand.shape()) == channels;
  }
  static size_t data_input(const Node& node) {
    return node.inputs.size() == 2 && ops::is_static(node.inputs[0]) ? 1 : 0;
  }

  bool fits(const ops::Conv& conv, const BatchedSpace& start) const {
    const auto all_one = [](const std::vector<int64_t>& list) {
      return std::all_of(list.begin(), list.end(), [](int64_t value) { return value == 1; });
    };
    if (start.block.size() != 2 || start.block != end_.block || !all_one(conv.strides) || !all_one(conv.dilations))
      return false;
    for (size_t d = 0; d < 2; ++d)
      if (start.begin[d] + start.block[d] * conv.pads_begin[d] < end_.begin[d] ||
          start.end[d] + start.block[d] * conv.pads_end[d] < end_.end[d])
        return false;
    return true;
  }

  std::unique_ptr<ops::Conv> dilated(const ops::Conv& conv, const BatchedSpace& start) const {
    auto op = std::make_unique<ops::Conv>(conv);
    op->dilations = start.block;
    for (size_t d = 0; d < 2; ++d) {
      op->pads_begin[d] = start.begin[d] + start.block[d] * conv.pads_begin[d] - end_.begin[d];
      op->pads_end[d] = start.end[d] + start.block[d] * conv.pads_end[d] - end_.end[d];
    }
    return op;
  }
};

}  // namespace

std::vector<Value*> import_space_to_depth(TfliteContext& context) {
  return {add_depth_to_space(context, context.options<tfl::SpaceToDepthOptions>().block_size(), true)};
}

std::vector<Value*> import_depth_to_space(TfliteContext& context) {
  return {add_depth_to_space(context, context.options<tfl::DepthToSpaceOptions>().block_size(), false)};
}

// [N, H, W, C] padded is [N, h, block, w, block, C]; the blocks go before the batch.
std::vector<Value*> import_space_to_batch(TfliteContext& context) {
  const BatchedSpace space = operands(context, "paddings");
  const size_t dimensions = space.block.size(), rank = space.x->shape().size();
  auto pad = std::make_unique<ops::Pad>();
  pad->pads_begin.assign(rank, 0);
  pad->pads_end.assign(rank, 0);
  if (const auto& quantization = space.x->type.quantization)
    pad->value = static_cast<double>(quantization->zero_points.front());  // the number 0
  std::copy(space.begin.begin(), space.begin.end(), pad->pads_begin.begin() + 1);
  std::copy(space.end.begin(), space.end.end(), pad->pads_end.begin() + 1);
  Value* x = context.add(std::move(pad), {space.x});
  const Shape padded = x->shape();
  Shape divided = {padded[0]}, result = {padded[0] * product(space.block)};
  Permutation blocks, rest = {0};
  for (size_t d = 0; d < dimensions; ++d) {
    if (padded[d + 1] % space.block[d] != 0)
      context.fail(fmt::format("block {} does not divide the padded size {}", space.block[d], padded[d + 1]));
    divided.insert(divided.end(), {padded[d + 1] / space.block[d], space.block[d]});
    result.push_back(padded[d + 1] / space.block[d]);
    blocks.push_back(static_cast<int64_t>(2 * d + 2));
    rest.push_back(static_cast<int64_t>(2 * d + 1));
  }
  for (size_t d = dimensions + 1; d < rank; ++d) {
    rest.push_back(static_cast<int64_t>(divided.size()));
    divided.push_back(padded[d]);
    result.push_back(padded[d]);
  }
  blocks.insert(blocks.end(), rest.begin(), rest.end());
  x = ops::transpose(context, ops::reshape(context, x, divided), blocks);
  Value* y = ops::reshape(context, x, result);
  context.state().batched.emplace(y, space);
  return {y};
}

std::vector<Value*> import_batch_to_space(TfliteContext& context) {
  const BatchedSpace space = operands(context, "crops");
  if (Value* y = DilatedConvolution(context, space).run()) return {y};
  const size_t dimensions = space.block.size();
  const Shape& shape = space.x->shape();
  const int64_t blocks = product(space.block);
  if (shape[0] % blocks != 0) context.fail(fmt::format("{} blocks do not divide the batch of {}", blocks, shape[0]));
  Shape divided = space.block, joined = {shape[0] / blocks};
  divided.push_back(shape[0] / blocks);
  divided.insert(divided.end(), shape.begin() + 1, shape.end());
  Permutation order = {static_cast<int64_t>(dimensions)};
  for (size_t d = 0; d < dimensions; ++d) {
    order.insert(order.end(), {static_cast<int64_t>(dimensions + 1 + d), static_cast<int64_t>(d)});
    joined.push_back(shape[d + 1] * space.block[d]);
  }
  for (size_t d = 2 * dimensions + 1; d < divided.size(); ++d) {
    order.push_back(static_cast<int64_t>(d));
    joined.push_back(divided[d]);
  }
  Value* x = ops::transpose(context, ops::reshape(context, space.x, divided), order);
  x = ops::reshape(context, x, joined);
  auto crop = std::make_unique<ops::Slice>();
  crop->starts.assign(joined.size(), 0);
  crop->steps.assign(joined.size(), 1);
  crop->shape = joined;
  for (size_t d = 0; d < dimensions; ++d) {
    crop->starts[d + 1] = space.begin[d];
    crop->shape[d + 1] -= space.begin[d] + space.end[d];
  }
  return {context.add(std::move(crop), {x})};
}

}  // namespace linnet::import::from_tflite
