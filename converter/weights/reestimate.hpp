// Batch normalization statistics from a data set.
#pragma once

#include <string>
#include <vector>

#include "converter/ir/graph.hpp"
#include "converter/passes/passes.hpp"
#include "converter/report/report.hpp"

namespace linnet::weights {

// Runs the samples (the model's input, in its layout, along the first dimension of `samples`) through the graph in
// double. The mean and variance of every batch normalization become those of its input over samples and positions (the
// variance divides by their number), before it passes the samples on, so that later layers see corrected inputs. All
// samples are in memory at once, at one layer.
// Throws ir::Error, naming `file`, where the samples do not fit the model's one input or hold NaN or infinite elements,
// or the model has no batch normalization.
std::vector<report::StatisticsChange> reestimate_batch_norms(ir::Graph& graph, const ir::Array& samples,
                                                             const std::string& file, passes::PassLog& log);

// Throws ir::Problems where a batch normalization has no statistics, or a variance that is no divisor.
void require_statistics(const ir::Graph& graph);

}  // namespace linnet::weights
