#include "targets/desktop/lib/memory_map.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "targets/desktop/lib/npy.hpp"
#include "targets/desktop/lib/table.hpp"

namespace linnet::tools {
namespace {

// Tensors of the arena in order of their first step.
std::vector<const TensorFacts*> placed_tensors(const ModelFacts& model) {
  std::vector<const TensorFacts*> tensors;
  for (const TensorFacts& tensor : model.tensors) {
    if (tensor.in_arena && tensor.first_step >= 0 && tensor.bytes > 0) tensors.push_back(&tensor);
  }
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const TensorFacts* a, const TensorFacts* b) { return a->first_step < b->first_step; });
  return tensors;
}

char letter(size_t index) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return kLetters[index % kLetters.size()];
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '<')
      result += "&lt;";
    else if (c == '&')
      result += "&amp;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      result += c;
  }
  return result;
}

}  // namespace

std::string memory_map_text(const ModelFacts& model, size_t legend) {
  constexpr int64_t kRows = 20, kColumns = 96;
  const std::vector<const TensorFacts*> tensors = placed_tensors(model);
  const auto steps = static_cast<int64_t>(model.steps.size());
  if (tensors.empty() || steps == 0) return "no tensors in the arena\n";
  const int64_t steps_per_column = (steps + kColumns - 1) / kColumns;
  const int64_t columns = (steps + steps_per_column - 1) / steps_per_column;
  const int64_t band = std::max<int64_t>(16, (model.tensor_bytes + kRows - 1) / kRows);
  const int64_t rows = (model.tensor_bytes + band - 1) / band;

  std::string text;
  for (int64_t row = rows - 1; row >= 0; --row) {
    std::string line(static_cast<size_t>(columns), '.');
    for (int64_t column = 0; column < columns; ++column) {
      int64_t most = 0;
      for (size_t t = 0; t < tensors.size(); ++t) {
        const TensorFacts& tensor = *tensors[t];
        if (tensor.last_step < column * steps_per_column || tensor.first_step >= (column + 1) * steps_per_column)
          continue;
        const int64_t covered =
            std::min(tensor.offset + tensor.bytes, (row + 1) * band) - std::max(tensor.offset, row * band);
        if (covered > most) {
          most = covered;
          line[static_cast<size_t>(column)] = letter(t);
        }
      }
    }
    text += fmt::format("{:>12} |{}|\n", with_thousands(row * band), line);
  }
  text += fmt::format("{:>12}  step 0 to {}{}\n\n", "bytes", steps - 1,
                      steps_per_column > 1 ? fmt::format(", {} steps per column", steps_per_column) : "");

  std::vector<size_t> order(tensors.size());
  for (size_t t = 0; t < order.size(); ++t) order[t] = t;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return tensors[a]->bytes > tensors[b]->bytes; });
  Table table({"", "tensor", "shape", ">offset", ">bytes", ">steps"});
  for (size_t i = 0; i < std::min(legend, order.size()); ++i) {
    const TensorFacts& tensor = *tensors[order[i]];
    table.add({std::string(1, letter(order[i])), shown_name(tensor.name), shape_text(tensor.shape),
               with_thousands(tensor.offset), with_thousands(tensor.bytes),
               fmt::format("{}-{}", tensor.first_step, tensor.last_step)});
  }
  text += table.text();
  if (order.size() > legend)
    text += fmt::format("and {} smaller tensors (--verbose lists all)\n", order.size() - legend);
  return text;
}

std::string memory_map_svg(const ModelFacts& model) {
  constexpr double kWidth = 1200, kHeight = 600, kLeft = 90, kTop = 40, kBottom = 40, kRight = 20;
  const std::vector<const TensorFacts*> tensors = placed_tensors(model);
  const double steps = std::max<double>(1, static_cast<double>(model.steps.size()));
  const double bytes = std::max<double>(1, static_cast<double>(model.tensor_bytes));
  const auto x = [&](double step) { return kLeft + step / steps * (kWidth - kLeft - kRight); };
  const auto y = [&](double offset) { return kHeight - kBottom - offset / bytes * (kHeight - kTop - kBottom); };

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"11\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"24\" font-size=\"15\">{3}: {4} bytes of tensors over {5} steps</text>\n",
      kWidth, kHeight, kLeft, escaped(model.name), with_thousands(model.tensor_bytes), model.steps.size());
  for (int tick = 0; tick <= 4; ++tick) {
    const double offset = bytes * tick / 4;
    svg += fmt::format(
        "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        kLeft, kWidth - kRight, y(offset), kLeft - 6, y(offset) + 4, with_thousands(static_cast<int64_t>(offset)));
  }
  for (size_t t = 0; t < tensors.size(); ++t) {
    const TensorFacts& tensor = *tensors[t];
    const double left = x(tensor.first_step), width = x(tensor.last_step + 1) - left;
    const double top = y(static_cast<double>(tensor.offset + tensor.bytes)),
                 height = y(static_cast<double>(tensor.offset)) - top;
    svg += fmt::format(
        "<g><title>{0} {1}: {2} bytes at {3}, steps {4} to {5}</title>"
        "<rect x=\"{6:.1f}\" y=\"{7:.1f}\" width=\"{8:.1f}\" height=\"{9:.1f}\" fill=\"hsl({10}, 65%, 75%)\" "
        "stroke=\"#444\" "
        "stroke-width=\"0.5\"/>",
        escaped(tensor.name), shape_text(tensor.shape), with_thousands(tensor.bytes), with_thousands(tensor.offset),
        tensor.first_step, tensor.last_step, left, top, width, height, t * 137 % 360);
    const std::string label = shape_text(tensor.shape);
    if (height > 12 && width > 6.5 * static_cast<double>(label.size())) {
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", left + 3, top + height / 2 + 4, label);
    }
    svg += "</g>\n";
  }
  return svg + fmt::format("<text x=\"{}\" y=\"{}\">step 0 to {}</text>\n</svg>\n", kLeft, kHeight - 14,
                           model.steps.empty() ? 0 : model.steps.size() - 1);
}

}  // namespace linnet::tools
