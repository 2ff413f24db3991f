// Importers of Resize and Upsample.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "converter/import/onnx_context.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/resize_table.hpp"

namespace linnet::ops {

namespace {

// The axes to resize in order, and the input's axis of each.
struct Plan {
  std::vector<int64_t> axes;
  std::vector<ResizeAxis> resize;
};

// ONNX's shape inference multiplies in single precision.
int64_t scaled_size(import::OnnxContext& context, int64_t size, float scale) {
  const float scaled = std::floor(static_cast<float>(size) * scale);
  if (!(scale > 0.0f) || !(scaled < static_cast<float>(kMaximumElements)))
    context.fail(fmt::format("scale {} of a dimension of {}", scale, size));
  return static_cast<int64_t>(scaled);
}

void set_scales(import::OnnxContext& context, Plan& plan, const std::vector<double>& scales) {
  if (scales.size() != plan.axes.size())
    context.fail(fmt::format("has {} scales, wanted {}", scales.size(), plan.axes.size()));
  for (size_t i = 0; i < scales.size(); ++i) {
    plan.resize[i].scale = static_cast<float>(scales[i]);
    plan.resize[i].out_size = scaled_size(context, plan.resize[i].in_size, plan.resize[i].scale);
  }
}

void set_ratio(ResizeAxis& axis, int64_t numerator, int64_t denominator) {
  axis.numerator = numerator;
  axis.denominator = denominator;
  axis.scale = static_cast<float>(static_cast<double>(numerator) / static_cast<double>(denominator));
}

void set_sizes(import::OnnxContext& context, Plan& plan, const std::vector<int64_t>& sizes, const std::string& policy) {
  if (sizes.size() != plan.axes.size())
    context.fail(fmt::format("has {} sizes, wanted {}", sizes.size(), plan.axes.size()));
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > kMaximumElements) context.fail(fmt::format("size {}", sizes[i]));
    set_ratio(plan.resize[i], sizes[i], plan.resize[i].in_size);
    plan.resize[i].out_size = sizes[i];
  }
  if (policy == "stretch" || plan.resize.empty()) return;
  if (policy != "not_larger" && policy != "not_smaller")
    context.fail(
        fmt::format("keep_aspect_ratio_policy '{}'; supported are stretch, not_larger and not_smaller", policy));
  const auto smaller = [](const ResizeAxis& a, const ResizeAxis& b) {
    return a.numerator * b.denominator < b.numerator * a.denominator;
  };
  const auto [smallest, largest] = std::minmax_element(plan.resize.begin(), plan.resize.end(), smaller);
  const ResizeAxis chosen = policy == "not_larger" ? *smallest : *largest;
  for (ResizeAxis& axis : plan.resize) {
    set_ratio(axis, chosen.numerator, chosen.denominator);
    axis.out_size = (2 * axis.numerator * axis.in_size + axis.denominator) / (2 * axis.denominator);
    if (axis.out_size > kMaximumElements) context.fail(fmt::format("size {}", axis.out_size));
  }
}

std::vector<Value*> add_resamples(import::OnnxContext& context, const ResizeRule& rule, const Plan& plan) {
  if (const std::string problem = unsupported(rule); !problem.empty()) context.fail(problem);
  Value* x = context.input(0);
  for (size_t i = 0; i < plan.axes.size(); ++i) {
    const ResizeAxis& axis = plan.resize[i];
    const bool cropped = rule.coordinates == "tf_crop_and_resize" && (axis.roi_start != 0.0 || axis.roi_end != 1.0);
    if (axis.scale == 1.0f && axis.out_size == axis.in_size && !cropped) continue;
    if (axis.in_size < 1 || axis.out_size < 1)
      context.fail(fmt::format("axis {} is resized from {} to {}", plan.axes[i], axis.in_size, axis.out_size));
    Resample table = resize_table(rule, axis);
    table.axis = plan.axes[i];
    if (is_floating(x->type.dtype)) {
      x = context.add(std::make_unique<Resample>(std::move(table)), {x});
      continue;
    }
    if (rule.mode != "nearest" || !table.bias.empty())
      context.fail(fmt::format("input of type {}; supported are floating types, integers with mode nearest",
                               name(x->type.dtype)));
    auto gather = std::make_unique<Gather>();
    gather->axis = table.axis;
    gather->indices_shape = {static_cast<int64_t>(table.indices.size())};
    gather->indices = std::move(table.indices);
    x = context.add(std::move(gather), {x});
  }
  return {x};
}

Plan whole_plan(const Value& x, std::vector<int64_t> axes) {
  Plan plan;
  for (const int64_t axis : axes) {
    ResizeAxis resize;
    resize.in_size = x.shape()[static_cast<size_t>(axis)];
    plan.resize.push_back(resize);
  }
  plan.axes = std::move(axes);
  return plan;
}

Plan whole_plan(const Value& x) {
  std::vector<int64_t> axes(x.shape().size());
  std::iota(axes.begin(), axes.end(), 0);
  return whole_plan(x, std::move(axes));
}

ResizeRule simple_rule(import::OnnxContext& context) {
  ResizeRule rule;
  rule.mode = context.text("mode", "nearest");
  if (rule.mode == "bilinear") rule.mode = "linear";
  rule.coordinates = "asymmetric";
  rule.nearest = "simple";
  return rule;
}

ResizeRule rule_of(import::OnnxContext& context) {
  ResizeRule rule;
  rule.mode = context.text("mode", "nearest");
  rule.coordinates = context.text("coordinate_transformation_mode", "half_pixel");
  rule.nearest = context.text("nearest_mode", "round_prefer_floor");
  rule.cubic_coefficient = context.number("cubic_coeff_a", -0.75);
  rule.exclude_outside = context.integer("exclude_outside", 0) != 0;
  rule.extrapolation_value = context.number("extrapolation_value", 0.0);
  rule.antialias = context.opset() >= 18 && context.integer("antialias", 0) != 0;
  return rule;
}

void set_region(import::OnnxContext& context, Plan& plan) {
  const std::vector<double> roi = context.constant(1, "roi").doubles();
  if (roi.size() != 2 * plan.axes.size())
    context.fail(fmt::format("has {} elements in roi, wanted {}", roi.size(), 2 * plan.axes.size()));
  for (size_t i = 0; i < plan.axes.size(); ++i) {
    plan.resize[i].roi_start = roi[i];
    plan.resize[i].roi_end = roi[plan.axes.size() + i];
  }
}

bool has_elements(import::OnnxContext& context, size_t input) {
  const Value* value = context.optional_input(input);
  return value != nullptr && element_count(value->shape()) > 0;
}

}  // namespace

std::vector<Value*> import_upsample(import::OnnxContext& context) {
  const ResizeRule rule = simple_rule(context);
  Plan plan = whole_plan(*context.input(0));
  set_scales(context, plan, context.opset() < 9 ? context.numbers("scales") : context.constant(1, "scales").doubles());
  return add_resamples(context, rule, plan);
}

std::vector<Value*> import_resize(import::OnnxContext& context) {
  if (context.opset() == 10) return import_upsample(context);
  const Value& x = *context.input(0);
  const ResizeRule rule = rule_of(context);
  Plan plan = whole_plan(x);
  std::string policy = "stretch";
  if (context.opset() >= 18) {
    policy = context.text("keep_aspect_ratio_policy", policy);
    if (context.has("axes")) plan = whole_plan(x, normalized_axes(context.integers("axes"), x.shape().size()));
  }
  if (rule.coordinates == "tf_crop_and_resize") set_region(context, plan);
  if (has_elements(context, 3))
    set_sizes(context, plan, context.constant(3, "sizes").integers(), policy);
  else
    set_scales(context, plan, context.constant(2, "scales").doubles());
  return add_resamples(context, rule, plan);
}

}  // namespace linnet::ops
