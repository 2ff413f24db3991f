#include "converter/quantize/accuracy.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "converter/ir/states.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

size_t prediction(const std::vector<float>& output) {
  return static_cast<size_t>(std::max_element(output.begin(), output.end()) - output.begin());
}

}  // namespace

void check_labels(const Graph& graph, const std::vector<int64_t>& labels, size_t samples) {
  const std::vector<Value*> outputs = program_outputs(graph);
  if (outputs.size() != 1)
    throw Error(
        fmt::format("--labels: the model has {} outputs; supported is one, of a number per class", outputs.size()));
  const Shape& shape = outputs[0]->shape();
  const int64_t classes = element_count(shape);
  if (std::count_if(shape.begin(), shape.end(), [](int64_t size) { return size > 1; }) > 1)
    throw Error(fmt::format("--labels: output '{}' is {}; supported is a number per class", outputs[0]->name,
                            to_string(outputs[0]->type)));
  if (labels.size() != samples) throw Error(fmt::format("--labels: {} labels for {} samples", labels.size(), samples));
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      throw Error(fmt::format("--labels: label {} of sample {}; output '{}' has the classes 0 to {}", labels[i], i,
                              outputs[0]->name, classes - 1));
}

LabelledSet::LabelledSet(const Graph& real, const std::vector<Sample>& samples, const std::vector<int64_t>& labels)
    : samples_(samples), labels_(labels) {
  EngineRun engine(real.clone(), nullptr);
  for (size_t i = 0; i < samples.size(); ++i) {
    engine.run(samples[i]);
    wanted_.push_back(engine.output(0));
    float_correct_ += prediction(wanted_.back()) == static_cast<size_t>(labels[i]) ? 1 : 0;
  }
}

Trial LabelledSet::run(const Graph& graph) const {
  EngineRun engine(graph.clone(), nullptr);
  Trial trial;
  for (size_t i = 0; i < samples_.size(); ++i) {
    engine.run(samples_[i]);
    const std::vector<float> output = engine.output(0);
    trial.correct += prediction(output) == static_cast<size_t>(labels_[i]) ? 1 : 0;
    for (size_t e = 0; e < output.size(); ++e) {
      const double difference = static_cast<double>(output[e]) - static_cast<double>(wanted_[i][e]);
      trial.error += difference * difference;
    }
  }
  return trial;
}

}  // namespace linnet::quantize
