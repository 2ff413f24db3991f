// What an operator's TensorFlow Lite importer sees of one operator of a subgraph. Importers live beside this file and
// are listed in operators.inc.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converter/import/constants.hpp"
#include "converter/import/context.hpp"
#include "converter/import/tflite/file.hpp"

namespace linnet::import {

// The operands of a SPACE_TO_BATCH_ND or BATCH_TO_SPACE_ND, whose images lie between the batch and the last dimension.
struct BatchedSpace {
  ir::Value* x;
  std::vector<int64_t> block, begin, end;  // per dimension: the pads, or the crops
};

// A variable (VAR_HANDLE): what it holds before the first run, as a graph input, and at this point of the run.
struct Variable {
  std::optional<ir::Array> initial;
  ir::Value* input = nullptr;
  ir::Value* current = nullptr;
};

// What the importers of one subgraph share.
struct TfliteState {
  const TfliteFile& file;
  const tfl::SubGraph& subgraph;
  ir::Graph& graph;
  std::vector<std::string>& warnings;
  Constants constants;
  std::vector<ir::Value*> values;    // by tensor; null where there is none yet
  std::unordered_set<int32_t> read;  // tensors that an operator or the subgraph's outputs read
  std::unordered_map<const ir::Value*, BatchedSpace> batched;  // what SPACE_TO_BATCH_ND gave
  std::map<std::string, Variable> variables;                   // by container and name
  std::unordered_map<int32_t, std::string> handles;            // the variable of a resource tensor
};

// The name of the variable that a VAR_HANDLE gives.
std::string variable_name(const tfl::Operator& handle);

class TfliteContext final : public Context {
 public:
  TfliteContext(size_t index, TfliteState& state);

  tfl::BuiltinOperator op_type() const { return op_type_; }
  TfliteState& state() { return state_; }
  const tfl::Operator& source() const { return operator_; }
  bool created(const ir::Value* value) const { return created_.count(value) != 0; }

  size_t input_count() override { return count_of(operator_.inputs()); }
  ir::Value* input(size_t index) override;
  ir::Value* optional_input(size_t index) override;
  const ir::Array& constant(size_t index, std::string_view what) override;
  bool is_static(const ir::Value* value) const override { return state_.constants.known(value); }
  size_t output_count() const override { return count_of(operator_.outputs()); }
  bool output_used(size_t index) const override;

  // As input() and optional_input(), in floating point: quantized constants are multiplied by their scales.
  ir::Value* float_input(size_t index);
  ir::Value* optional_float_input(size_t index);

  // How a quantized operator computes its output: absent where input `input` has no scale.
  std::optional<ir::IntegerForm> integer_form(size_t input = 0);
  // Weights or a bias (null where they are absent): optional_input() of an operator that computes with integers,
  // otherwise optional_float_input().
  ir::Value* parameter(size_t index, size_t input = 0);

  // Whether none of the inputs was spoiled by an earlier problem.
  bool inputs_imported(const std::unordered_set<int32_t>& spoiled) const;

  int32_t input_index(size_t index) const;  // of its tensor; -1 where it is absent
  const tfl::Tensor& input_tensor(size_t index) const { return tensor(input_index(index)); }
  const tfl::Tensor& output_tensor(size_t index) const;
  // Of the graph, without its shape; Error names the tensor.
  ir::TensorType output_type(size_t index) const;
  int32_t output_index(size_t index) const;

  // The operator's options; throws Error where they are absent or another operator's.
  template <class Options>
  const Options& options() const {
    const auto* found = optional_options<Options>();
    if (found == nullptr) fail("has no options");
    return *found;
  }
  template <class Options>
  const Options* optional_options() const {
    if (operator_.builtin_options() == nullptr) return nullptr;
    if (operator_.builtin_options_type() != tfl::BuiltinOptionsTraits<Options>::enum_value)
      fail("has the options of another operator");
    return operator_.builtin_options_as<Options>();
  }

  ir::Value* add(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) override;
  std::vector<ir::Value*> add_many(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) override;
  ir::Value* add_constant(ir::Array array, std::string_view what) override;
  // As add(), but of a constant the result is computed at once: weights are constants under their own name.
  ir::Value* add_folded(std::unique_ptr<ir::Op> op, ir::Value* input);

  void warn(std::string message) override;
  std::string about(const std::string& message) const override;

 private:
  TfliteState& state_;
  const tfl::Operator& operator_;
  tfl::BuiltinOperator op_type_{};
  std::string name_, place_;
  std::unordered_set<const ir::Value*> created_;

  const tfl::Tensor& tensor(int32_t index) const;
  ir::Value* value(size_t input, int32_t tensor);
};

// Returns one value per output (null for those that are not produced).
using TfliteImporter = std::vector<ir::Value*> (*)(TfliteContext& context);

struct TfliteOperator {
  tfl::BuiltinOperator code;
  TfliteImporter importer;
};

std::span<const TfliteOperator> tflite_operators();                     // in the order of operators.inc
const TfliteOperator* find_tflite_operator(tfl::BuiltinOperator code);  // null where there is none

}  // namespace linnet::import
