// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/imported.h"

#include "lib/base/checked.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace fettle::graph {
namespace {

// Of ASCII alone, whatever the locale.
bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// "0 (batch)".
std::string axis_text(const DeclaredInput& input, int axis) {
  const std::string& label = input.labels[static_cast<std::size_t>(axis)];
  return std::to_string(axis) + (label.empty() ? "" : " (" + label + ")");
}

// What is free of a shape: "dimension 2 (height) is free".
std::string open_question(const DeclaredInput& input, const std::optional<Shape>& shape) {
  if (!shape) return "has no shape";
  std::string axes;
  int count = 0;
  for (int axis = 0; axis < shape->rank(); ++axis) {
    if ((*shape)[axis] >= 0) continue;
    axes += (count++ > 0 ? ", " : "") + axis_text(input, axis);
  }
  return (count == 1 ? "dimension " + axes + " is" : "dimensions " + axes + " are") + " free";
}

// How the open shape is given: "ids=1xLENGTH".
std::string fix_for(const DeclaredInput& input, const std::optional<Shape>& shape) {
  std::string text = input.name + "=";
  if (!shape) return text + "...";
  for (int axis = 0; axis < shape->rank(); ++axis) {
    if (axis > 0) text += 'x';
    const std::string& label = input.labels[static_cast<std::size_t>(axis)];
    if ((*shape)[axis] >= 0)
      text += std::to_string((*shape)[axis]);
    else if (label.empty())
      text += 'N';
    else
      for (const char c : label) text += is_letter_or_digit(c) ? upper(c) : '_';
  }
  return text;
}

// Which dimensions of inputs count the batch.
class BatchDimensions {
 public:
  explicit BatchDimensions(std::span<const DeclaredInput> inputs) {
    for (const DeclaredInput& input : inputs) {
      for (std::size_t axis = 1; axis < input.labels.size(); ++axis) later_.insert(input.labels[axis]);
    }
    for (const DeclaredInput& input : inputs) {
      for (std::size_t axis = 0; axis < input.labels.size(); ++axis) {
        const std::string& label = input.labels[axis];
        if (says_batch(label) || (axis == 0 && input.labels.size() > 1 && leads(label))) batch_.insert(label);
      }
    }
  }
  bool contains(const DeclaredInput& input, int axis) const {
    const std::string& label = input.labels[static_cast<std::size_t>(axis)];
    return label.empty() ? axis == 0 && input.labels.size() > 1 : batch_.contains(label);
  }

 private:
  static std::string lowered(std::string_view label) {
    std::string text(label);
    for (char& c : text) c = lower(c);
    return text;
  }
  static bool says_batch(std::string_view label) {
    return label == "N" || lowered(label).find("batch") != std::string::npos;
  }
  // Whether a name that says nothing of a batch may be that of one.
  bool leads(const std::string& label) const {
    constexpr std::string_view kOther[] = {"seq",  "time",  "len",   "frame", "step",
                                           "past", "token", "width", "height"};
    const std::string text = lowered(label);
    const bool other = std::any_of(std::begin(kOther), std::end(kOther), [&](std::string_view word) {
      return text.find(word) != std::string::npos;
    });
    return !label.empty() && !other && !later_.contains(label);
  }

  std::set<std::string> later_;  // names of dimensions that are not the first
  std::set<std::string> batch_;
};

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
                                                       std::vector<Problem>& problems,
                                                       std::vector<std::string>& notes) {
  std::set<std::string_view> names;
  for (const DeclaredInput& input : inputs) names.insert(input.name);
  for (const auto& [name, shape] : given) {
    if (!names.contains(name)) {
      return Error(ErrorCode::kUnknownName,
                   std::string(model).append(" has no input ").append(name).append(", but a shape is given"),
                   "give the name of an input that is not bound as a constant");
    }
  }
  const BatchDimensions batch(inputs);
  std::vector<std::optional<Shape>> shapes;
  for (const DeclaredInput& input : inputs) {
    if (const auto wanted = given.find(input.name); wanted != given.end()) {
      Result<Shape> shape = given_shape(model, input, wanted->second, limits);
      if (!shape) return std::move(shape).error();
      shapes.emplace_back(*shape);
      continue;
    }
    std::optional<Shape> shape = input.shape;
    for (int axis = 0; shape && axis < shape->rank(); ++axis) {
      if ((*shape)[axis] >= 0 || !batch.contains(input, axis)) continue;
      (*shape)[axis] = 1;
      notes.push_back("input " + input.name + ": dimension " + axis_text(input, axis) +
                      " is free, and taken as 1");
    }
    const bool open =
        !shape || std::any_of(shape->begin(), shape->end(), [](std::int64_t extent) { return extent < 0; });
    if (open) {
      problems.push_back({input.name, "input", open_question(input, shape), kNoNode,
                          Problem::Kind::input_shape, fix_for(input, shape)});
      shape.reset();
    } else if (!checked_elements(shape->dims(), limits.tensor_elements)) {
      return Error(ErrorCode::kModelInvalid,
                   model + ": input " + input.name + " has the impossible shape " + shape->text(),
                   "the file is damaged; export it again");
    }
    shapes.push_back(shape);
  }
  return shapes;
}

}  // namespace fettle::graph
