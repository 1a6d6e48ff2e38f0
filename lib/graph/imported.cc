// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/imported.h"

#include "lib/base/checked.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace fettle::graph {
namespace {

// What is free of a declared shape: "dimension 0 (batch) is free".
std::string open_question(const DeclaredInput& input) {
  if (!input.shape) return "has no shape";
  std::string axes;
  int count = 0;
  for (int axis = 0; axis < input.shape->rank(); ++axis) {
    if ((*input.shape)[axis] >= 0) continue;
    if (count++ > 0) axes += ", ";
    axes += std::to_string(axis);
    if (const std::string& label = input.labels[static_cast<std::size_t>(axis)]; !label.empty())
      axes.append(" (").append(label).append(")");
  }
  return (count == 1 ? "dimension " + axes + " is" : "dimensions " + axes + " are") + " free";
}

Result<Shape> given_shape(const std::string& model, const DeclaredInput& input, const Shape& shape,
                          const ModelLimits& limits) {
  const std::string what = model + ": the shape " + shape.text() + " given for input " + input.name;
  if (!input.fits(shape)) {
    return Error(ErrorCode::kWrongShape, what + " contradicts the model",
                 "the model says " + input.shape->text() + ": only what it leaves free (-1) can be given");
  }
  if (!checked_elements(shape.dims(), limits.tensor_elements)) {
    return Error(ErrorCode::kWrongShape, what + " has a negative extent or too many elements",
                 "give one within ModelLimits::tensor_elements");
  }
  return shape;
}

}  // namespace

bool DeclaredInput::free() const {
  return !shape || std::any_of(shape->begin(), shape->end(), [](std::int64_t extent) { return extent < 0; });
}

bool DeclaredInput::fits(const Shape& wanted) const {
  return !shape || std::equal(shape->begin(), shape->end(), wanted.begin(), wanted.end(),
                              [](std::int64_t own, std::int64_t other) { return own <= 0 || own == other; });
}

Result<std::vector<std::optional<Shape>>> input_shapes(const std::string& model,
                                                       std::span<const DeclaredInput> inputs,
                                                       const std::map<std::string, Shape>& given,
                                                       const ModelLimits& limits,
                                                       std::vector<Problem>& problems) {
  std::set<std::string_view> names;
  for (const DeclaredInput& input : inputs) names.insert(input.name);
  for (const auto& [name, shape] : given) {
    if (!names.contains(name)) {
      return Error(ErrorCode::kUnknownName,
                   std::string(model).append(" has no input ").append(name).append(", but a shape is given"),
                   "give the name of an input that is not bound as a constant");
    }
  }
  std::vector<std::optional<Shape>> shapes;
  for (const DeclaredInput& input : inputs) {
    if (const auto wanted = given.find(input.name); wanted != given.end()) {
      Result<Shape> shape = given_shape(model, input, wanted->second, limits);
      if (!shape) return std::move(shape).error();
      shapes.emplace_back(*shape);
    } else if (input.free()) {
      problems.push_back({input.name, "input", open_question(input), kNoNode, Problem::Kind::input_shape});
      shapes.emplace_back();
    } else if (checked_elements(input.shape->dims(), limits.tensor_elements)) {
      shapes.push_back(input.shape);
    } else {
      return Error(ErrorCode::kModelInvalid,
                   model + ": input " + input.name + " has the impossible shape " + input.shape->text(),
                   "the file is damaged; export it again");
    }
  }
  return shapes;
}

}  // namespace fettle::graph
