// The rewrites of the graph. Each pass keeps the meaning of the graph, takes any valid graph and leaves a valid one;
// what it did goes to the log, one line per thing. Passes with the same input give the same result in every run.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "converter/ir/graph.hpp"
#include "converter/report/report.hpp"

namespace linnet::passes {

class PassLog {
 public:
  template <class... T>
  void add(fmt::format_string<T...> text, T&&... arguments) {
    actions.push_back(fmt::format(text, std::forward<T>(arguments)...));
  }
  std::vector<std::string> actions;
};

// Groups of dequantize steps, an operator of real numbers and a quantize step become the operator's integer form, which
// rounds by Rounding::nearest. Takes part in it: an ops::Quantize with that rounding, which makes f32 of integers with
// a scale (no `quantization`), or i8 or u8 of f32. Around operators that move elements, in any number and order.
// - u8 becomes i8 with a zero point less 128; what the graph reads or gives as u8 is converted at its border.
// - Weights are constants behind a dequantize step, i8 or u8 with a zero point of 0 or 128, with one scale or one per
//   output; a bias is a float constant, or integers behind one, and is rounded to steps of x's scale times the
//   weights'.
// - Relu and Clip between operator and quantize step become limits of the result. Functions of one number become tables
//   of 256 entries, and so does a change of scale.
// - A dequantize step moves behind operators that move elements and maxima, so that these take integers.
// Everything else stays as it is, real numbers between a dequantize and a quantize step. Gives the reason for each of
// these nodes, by its name. Does nothing in a graph without such steps.
std::map<std::string, std::string> recognise_integers(ir::Graph& graph, PassLog& log);

// DynamicQuantize, products of its numbers less their zero points with constants, and what makes real numbers of these
// become Linear steps that quantize their inputs. Of other products the integers stay real numbers, which they are up
// to 2^24, layers keep int8 weights, and DynamicQuantize is spelled out.
void recognise_dynamic(ir::Graph& graph, PassLog& log);

// Every operator of quantized integers rounds by this rule (--rounding). Those that compute in fixed point whatever the
// rule (Softmax) stay as they are, with a warning. Throws ir::Problems with every operator that has no such form, or
// ir::Error where the graph has no operator of integers.
void set_rounding(ir::Graph& graph, ir::Rounding rounding, PassLog& log, std::vector<std::string>& warnings);

// Infers every type again from the graph's inputs.
void infer_shapes(ir::Graph& graph, PassLog& log);

// Every floating type becomes f32, the device's: inputs, constants (which keep the precision they have) and casts.
void unify_floats(ir::Graph& graph, PassLog& log);

// Evaluates every node that depends on constants only, in double and without a limit of size. What has no elements is
// constant.
void fold_constants(ir::Graph& graph, PassLog& log);

// Removes identities, merges reshapes, transposes and slices of each other, shares equal nodes, makes constant operands
// as small as broadcasting allows and removes what nothing depends on.
void simplify(ir::Graph& graph, PassLog& log);

// A product with a constant matrix becomes Linear.
void recognise_linear(ir::Graph& graph, PassLog& log);

// Finds subgraphs of reductions and element-wise nodes that normalize one variable, and compares them by value, not by
// structure, so that every spelling becomes one RowNorm or GroupNorm. Constant factors and summands behind become its
// gain and shift, and reshapes into groups and back the groups of a GroupNorm.
void recognise_norms(ir::Graph& graph, PassLog& log);

// Finds element-wise subgraphs of one variable that compute a known activation. They are compared by value on sample
// points, not by structure, so that every spelling of an exporter is found.
void recognise_activations(ir::Graph& graph, PassLog& log);

// Folds batch normalization and other per-channel multiplications and additions into the convolution or linear layer
// before or, where it is exact, behind them. What stays becomes one ScaleShift per chain.
void fold_batch_norm(ir::Graph& graph, PassLog& log);

// Time steps of recurrent layers that nothing reads, directly or through a later step, are not computed: of the last
// output of two joined directions, the backward one's is its first.
void trim_recurrent(ir::Graph& graph, PassLog& log);

// Recurrent layers read and write sequences in the order of time and batch that their neighbours want, and keep only
// the outputs that are read: of a sequence of which only the last state is, that state.
void fit_recurrent(ir::Graph& graph, PassLog& log);

// Makes images channels-last: chooses the dimension order of every node such that the fewest elements are transposed,
// and leaves a Transpose only where two neighbours cannot agree. Graph inputs and outputs take the new order
// (Value::source_permutation) unless `keep_layout`.
void legalize_layout(ir::Graph& graph, PassLog& log, bool keep_layout);

// A Linear whose output is only read in slices (the heads' queries, keys and values) becomes one Linear per slice where
// the slices would otherwise be copied.
void split_linear(ir::Graph& graph, PassLog& log);

// Removes channels whose elements are the same number whatever the inputs are (ChannelRanges), and channels that
// nothing reads, from the layers that compute them through all that keeps channels apart (Channels) to the layers that
// read them, until there are none. Results stay as they are, bit by bit, if real numbers are finite: what a constant
// adds to the sums of a layer of integers becomes part of its bias, where every sum has it whole; of real numbers, and
// of layers with padding, the constant must be 0 or the zero point. Channels that can only go together, as those of the
// operands of a sum or of a group of a convolution, go where all are dead. Of a tensor that would lose all, one stays.
report::DeadChannels remove_dead_channels(ir::Graph& graph, PassLog& log);

// Merges activations, residual additions, scales and paddings into the step that produces or consumes the tensor.
void fuse(ir::Graph& graph, PassLog& log);

// What computes a function of one i8 number by several steps, x * sigmoid(x) for one, becomes one table of 256 entries:
// functions of functions, and those of two operands that depend on one number each, or are constant.
void merge_tables(ir::Graph& graph, PassLog& log);

// Chooses for every 3x3 convolution of stride 1, dilation 1 and one group whether the device computes it directly or by
// Winograd's F(2x2,3x3) or F(4x4,3x3), by the cost model of winograd_cost.hpp; with `strict` F(2x2,3x3) only. A `tile`
// of 2, 4 or 6 takes that one in every such convolution, 0 in none.
void choose_winograd(ir::Graph& graph, PassLog& log, std::optional<int64_t> tile, bool strict);

// A convolution before a GroupNorm gives the moments of its output as well, run by run of lines while they are in the
// cache, so that the norm reads the image once.
void take_moments(ir::Graph& graph, PassLog& log);

// A convolution of an image times a factor per channel, as squeeze-and-excitation makes it, multiplies its weights
// instead where they are far fewer than the image's elements. The device keeps the scaled weights in scratch memory.
void scale_weights(ir::Graph& graph, PassLog& log);

}  // namespace linnet::passes
