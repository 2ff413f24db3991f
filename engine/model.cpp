#include "engine/model.hpp"

#include "engine/cascade.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/state.hpp"

namespace linnet::engine {
namespace {

constexpr size_t kSmallestFile = 2 * sizeof(uint32_t);
constexpr uint32_t kDepth = 8;  // Model, Step, operator table, and room for later versions

// The most tables a file of `size` bytes can hold: each takes at least its own offset and one that refers to it.
uint32_t table_limit(size_t size) {
  return static_cast<uint32_t>(size / 8 + 1);
}

// The four bytes behind the root offset.
bool has_identifier(const uint8_t* bytes) {
  for (uint32_t i = 0; i < flatbuffers::kFileIdentifierLength; ++i) {
    if (bytes[sizeof(uint32_t) + i] != static_cast<uint8_t>(fb::ModelIdentifier()[i])) return false;
  }
  return true;
}

bool check_bytes(const void* bytes, size_t size, Error* error) {
  const size_t misalignment = reinterpret_cast<uintptr_t>(bytes) % LINNET_ALIGNMENT;
  LINNET_REQUIRE(error, misalignment == 0, LINNET_ERROR_MODEL_ALIGNMENT, -1, LINNET_ALIGNMENT,
                 static_cast<int64_t>(misalignment));
  LINNET_REQUIRE(error, size >= kSmallestFile, LINNET_ERROR_MODEL_CORRUPT, -1, kSmallestFile,
                 static_cast<int64_t>(size));
  LINNET_REQUIRE(error, size < FLATBUFFERS_MAX_BUFFER_SIZE, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(FLATBUFFERS_MAX_BUFFER_SIZE), static_cast<int64_t>(size));
  LINNET_REQUIRE(error, has_identifier(static_cast<const uint8_t*>(bytes)), LINNET_ERROR_MODEL_IDENTIFIER, -1, 0, 0);
  flatbuffers::Verifier verifier(static_cast<const uint8_t*>(bytes), size, kDepth, table_limit(size));
  LINNET_REQUIRE(error, verifier.VerifyBuffer<fb::Model>(nullptr), LINNET_ERROR_MODEL_CORRUPT, -1, 0,
                 static_cast<int64_t>(size));
  const uint32_t version = fb::GetModel(bytes)->version();
  LINNET_REQUIRE(error, version >= kOldestFormatVersion && version <= kFormatVersion, LINNET_ERROR_MODEL_VERSION, -1,
                 kFormatVersion, version);
  return true;
}

bool check_blocks(const ModelView& model, Error* error) {
  const auto* buffers = model.root->buffers();
  for (uint32_t i = 0; buffers != nullptr && i < buffers->size(); ++i) {
    const auto* data = buffers->Get(i)->data();
    LINNET_REQUIRE(error, data != nullptr, LINNET_ERROR_MODEL_CORRUPT, -1, 1, 0);
    const size_t misalignment = reinterpret_cast<uintptr_t>(data->data()) % LINNET_ALIGNMENT;
    LINNET_REQUIRE(error, misalignment == 0, LINNET_ERROR_MODEL_ALIGNMENT, -1, LINNET_ALIGNMENT,
                   static_cast<int64_t>(misalignment));
  }
  return true;
}

// Positive dimensions, fewer than 2^31 elements, and rows that do not overlap.
bool check_shape(const fb::Tensor& tensor, int32_t index, Error* error) {
  LINNET_REQUIRE(error, tensor.type() <= fb::DataType::MAX, LINNET_ERROR_MODEL_CORRUPT, index,
                 static_cast<int64_t>(fb::DataType::MAX), static_cast<int64_t>(tensor.type()));
  const uint32_t dimensions = tensor.shape() == nullptr ? 0 : tensor.shape()->size();
  LINNET_REQUIRE(error, dimensions <= LINNET_MAX_DIMENSIONS, LINNET_ERROR_SHAPE, index, LINNET_MAX_DIMENSIONS,
                 dimensions);
  int64_t elements = 1;
  for (uint32_t d = 0; d < dimensions; ++d) {
    const int32_t size = tensor.shape()->Get(d);
    LINNET_REQUIRE(error, size >= 1, LINNET_ERROR_SHAPE, index, 1, size);
    elements *= size;
    LINNET_REQUIRE(error, elements <= INT32_MAX, LINNET_ERROR_SHAPE, index, INT32_MAX, elements);
  }
  LINNET_REQUIRE(error, tensor.rolling_lines() == 0 || (dimensions == 4 && tensor.buffer() == 0), LINNET_ERROR_SHAPE,
                 index, 4, dimensions);
  LINNET_REQUIRE(error, tensor.rolling_lines() >= 0, LINNET_ERROR_SHAPE, index, 0, tensor.rolling_lines());
  LINNET_REQUIRE(error, tensor.rolling_lines() == 0 || tensor.rolling_lines() <= tensor.shape()->Get(1),
                 LINNET_ERROR_SHAPE, index, tensor.shape()->Get(1), tensor.rolling_lines());
  const int32_t columns = dimensions == 0 ? 1 : tensor.shape()->Get(dimensions - 1);
  LINNET_REQUIRE(error, tensor.row_stride() == 0 || tensor.row_stride() >= columns, LINNET_ERROR_SHAPE, index, columns,
                 tensor.row_stride());
  return true;
}

// A permutation of the tensor's dimensions, or none.
bool check_source_permutation(const fb::Tensor& tensor, int32_t index, Error* error) {
  const auto* permutation = tensor.source_permutation();
  if (permutation == nullptr) return true;
  const uint32_t dimensions = tensor.shape() == nullptr ? 0 : tensor.shape()->size();
  LINNET_REQUIRE(error, permutation->size() == dimensions, LINNET_ERROR_SHAPE, index, dimensions, permutation->size());
  uint32_t seen = 0;
  for (uint32_t d = 0; d < dimensions; ++d) {
    const uint32_t source = permutation->Get(d);
    LINNET_REQUIRE(error, source < dimensions && (seen >> source & 1) == 0, LINNET_ERROR_RANGE, index, dimensions,
                   source);
    seen |= 1u << source;
  }
  return true;
}

bool check_tensor(const ModelView& model, int32_t index, Error* error) {
  const fb::Tensor& tensor = *model.root->tensors()->Get(static_cast<uint32_t>(index));
  if (!check_shape(tensor, index, error) || !check_source_permutation(tensor, index, error) ||
      !check_quantization(tensor, index, error)) {
    return false;
  }
  int64_t limit = model.root->tensor_bytes();
  if (tensor.buffer() != 0) {
    limit = model.block_bytes(tensor.buffer() - 1);
    LINNET_REQUIRE(error, limit >= 0, LINNET_ERROR_RANGE, index, 0, static_cast<int64_t>(tensor.buffer()) - 1);
  }
  const TensorInfo info = model.tensor(static_cast<uint32_t>(index));
  LINNET_REQUIRE(error, info.extent() <= INT32_MAX, LINNET_ERROR_SHAPE, index, INT32_MAX, info.extent());
  const int64_t offset = tensor.offset();
  // Sizes of elements are powers of two.
  LINNET_REQUIRE(error, (offset & (info.element_bytes - 1)) == 0, LINNET_ERROR_RANGE, index, info.element_bytes,
                 offset);
  const int64_t end = offset + info.extent_bytes();
  LINNET_REQUIRE(error, end <= limit, LINNET_ERROR_RANGE, index, limit, end);
  return true;
}

bool check_ports(const ModelView& model, Error* error) {
  for (int32_t i = 0; i < model.input_count(); ++i) {
    if (!check_whole(model, model.root->inputs()->Get(static_cast<uint32_t>(i)), error)) return false;
  }
  for (int32_t i = 0; i < model.output_count(); ++i) {
    if (!check_whole(model, model.root->outputs()->Get(static_cast<uint32_t>(i)), error)) return false;
  }
  return true;
}

}  // namespace

int32_t element_bytes(fb::DataType type) {
  return type == fb::DataType::Float32 || type == fb::DataType::Int32 ? 4 : type == fb::DataType::Int16 ? 2 : 1;
}

int64_t ModelView::block_bytes(uint32_t index) const {
  const auto* buffers = root->buffers();
  if (buffers == nullptr || index >= buffers->size()) return -1;
  return static_cast<int64_t>(buffers->Get(index)->data()->size()) - kBlockPadding;
}

TensorInfo ModelView::tensor(uint32_t index) const {
  const fb::Tensor& tensor = *root->tensors()->Get(index);
  // Every field is read before anything is written, which the compiler could take for a change of the table.
  const fb::DataType type = tensor.type();
  const auto* const shape = tensor.shape();
  const uint32_t buffer = tensor.buffer();
  const int32_t row_stride = tensor.row_stride(), rolling_lines = tensor.rolling_lines();
  const ptrdiff_t offset = static_cast<ptrdiff_t>(tensor.offset());
  const float scale = tensor.scale();
  const int32_t zero_point = tensor.zero_point();
  const int32_t dimensions = shape == nullptr ? 0 : static_cast<int32_t>(shape->size());
  TensorInfo info = {};
  int32_t rows = 1, columns = 1;
  for (int32_t d = 0; d < dimensions; ++d) {
    rows *= columns;
    columns = shape->Get(static_cast<uint32_t>(d));
    info.shape[d] = columns;
  }
  info.index = static_cast<int32_t>(index);
  info.type = type;
  info.element_bytes = element_bytes(type);
  info.dimensions = dimensions;
  info.rows = rows;
  info.columns = columns;
  info.row_stride = row_stride == 0 ? columns : row_stride;
  info.rolling_lines = rolling_lines;
  info.offset = offset;
  info.constant = buffer == 0 ? nullptr : block(buffer - 1);
  info.scale = scale;
  info.zero_point = zero_point;
  return info;
}

bool check_whole(const ModelView& model, uint32_t index, Error* error) {
  LINNET_REQUIRE(error, index < static_cast<uint32_t>(model.tensor_count()), LINNET_ERROR_RANGE, -1,
                 model.tensor_count(), index);
  const TensorInfo info = model.tensor(index);
  LINNET_REQUIRE(error, info.constant == nullptr, LINNET_ERROR_RANGE, info.index, 0, 1);
  LINNET_REQUIRE(error, info.dense(), LINNET_ERROR_SHAPE, info.index, info.columns, info.row_stride);
  LINNET_REQUIRE(error, info.rolling_lines == 0, LINNET_ERROR_SHAPE, info.index, 0, info.rolling_lines);
  return true;
}

StepView view_step(const ModelView& model, int32_t index) {
  const fb::Step& step = model.step(index);
  StepView view = {model,
                   step,
                   static_cast<int32_t>(step.inputs()->size()),
                   {},
                   model.tensor(step.outputs()->Get(0)),
                   static_cast<int32_t>(step.outputs()->size()),
                   {},
                   {}};
  for (int32_t i = 0; i < view.input_count; ++i)
    view.inputs[i] = model.tensor(step.inputs()->Get(static_cast<uint32_t>(i)));
  for (int32_t i = 1; i < view.output_count; ++i)
    view.more_outputs[i - 1] = model.tensor(step.outputs()->Get(static_cast<uint32_t>(i)));
  return view;
}

bool open_model(const void* bytes, size_t size, ModelView* model, Error* error) {
  if (!check_bytes(bytes, size, error)) return false;
  model->root = fb::GetModel(bytes);
  if (!check_blocks(*model, error)) return false;
  for (int32_t i = 0; i < model->tensor_count(); ++i) {
    if (!check_tensor(*model, i, error)) return false;
  }
  if (!check_ports(*model, error) || !check_states(*model, error)) return false;
  for (int32_t i = 0; i < model->step_count(); ++i) {
    error->step = i;
    if (!check_step(*model, i, error)) return false;
  }
  error->step = -1;
  return check_cascades(*model, error);
}

}  // namespace linnet::engine
