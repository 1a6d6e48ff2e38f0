// SPDX-License-Identifier: Apache-2.0
#include "lib/runtime/step_extents.h"

#include "lib/base/extents.h"
#include "lib/base/guard.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

namespace fettle::runtime {
namespace {

// Only for an error is something allocated.
Status refuse(const Step& step, const LayerDesc& actual, const char* wrong) noexcept {
  return guard_allocation([&]() -> Status {
    std::string operands;
    for (const TensorDesc& input : actual.inputs)
      operands.append(operands.empty() ? "" : ", ").append(input.shape.text());
    return Error(ErrorCode::kWrongShape,
                 "layer " + step.layer + ": " + wrong + " (operands " + operands + ")",
                 "what the inputs hold decides these extents");
  });
}

bool within(const Shape& shape, const Shape& most) noexcept {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] < 0 || shape[axis] > most[axis]) return false;
  }
  return true;
}

constexpr const char kBeyond[] = "a result has more elements than its bound allows";

}  // namespace

const Shape& shape_of(const Schedule& schedule, std::span<const Shape> shapes, TensorId id) noexcept {
  while (schedule.tensor(id).view == View::same && schedule.tensor(id).desc.bounded != 0)
    id = schedule.tensor(id).parent;
  return shapes[static_cast<std::size_t>(id)];
}

StepExtents::StepExtents(const Step& step) : actual_(step.desc) {
  for (auto* tensors : {&actual_.inputs, &actual_.outputs}) {
    for (TensorDesc& tensor : *tensors) {
      tensor.bounded = 0;
      told_.push_back(tensor.shape);
    }
  }
  inputs_.resize(actual_.inputs.size());
  outputs_.resize(actual_.outputs.size());
}

void StepExtents::set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs) noexcept {
  std::copy(inputs.begin(), inputs.end(), inputs_.begin());
  std::copy(outputs.begin(), outputs.end(), outputs_.begin());
}

Status StepExtents::follow(const Schedule& schedule, const Step& step, std::span<Shape> shapes,
                           BoundKernel& kernel) noexcept {
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    if (step.inputs[i] != kNoTensor) actual_.inputs[i].shape = shape_of(schedule, shapes, step.inputs[i]);
  }
  if (const char* wrong = follow_extents(actual_, inputs_)) return refuse(step, actual_, wrong);
  for (std::size_t i = 0; i < step.outputs.size(); ++i) {
    if (!within(actual_.outputs[i].shape, step.desc.outputs[i].shape)) return refuse(step, actual_, kBeyond);
    shapes[static_cast<std::size_t>(step.outputs[i])] = actual_.outputs[i].shape;
  }
  tell(step, kernel);
  return {};
}

void StepExtents::tell(const Step& step, BoundKernel& kernel) noexcept {
  const std::size_t inputs = step.desc.inputs.size();
  for (std::size_t i = 0; i < told_.size(); ++i) {
    const bool input = i < inputs;
    const TensorDesc& bounds = input ? step.desc.inputs[i] : step.desc.outputs[i - inputs];
    if (bounds.bounded == 0 || (!input && extents_result(step.desc.main().op, i - inputs) >= 0)) continue;
    const Shape& shape = input ? actual_.inputs[i].shape : actual_.outputs[i - inputs].shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (told_[i][axis] == shape[axis]) continue;
      told_[i][axis] = shape[axis];
      kernel.set_extent(i, axis, shape[axis]);
    }
  }
}

bool StepExtents::empty() const noexcept {
  return std::all_of(actual_.outputs.begin(), actual_.outputs.end(),
                     [](const TensorDesc& result) { return result.shape.elements() == 0; });
}

Status StepExtents::take_found(const Step& step, std::span<Shape> shapes) const noexcept {
  for (std::size_t i = 0; i < step.outputs.size(); ++i) {
    const int holder = extents_result(step.desc.main().op, i);
    if (holder < 0 || static_cast<std::size_t>(holder) >= outputs_.size()) continue;
    Shape found = step.desc.outputs[i].shape;
    const auto* bytes = static_cast<const std::byte*>(outputs_[static_cast<std::size_t>(holder)]);
    for (int axis = 0; axis < found.rank(); ++axis) {
      std::int64_t extent = 0;
      std::memcpy(&extent, bytes + static_cast<std::size_t>(axis) * sizeof extent, sizeof extent);
      found[axis] = extent;
    }
    if (!within(found, step.desc.outputs[i].shape)) return refuse(step, actual_, kBeyond);
    shapes[static_cast<std::size_t>(step.outputs[i])] = found;
  }
  return {};
}

}  // namespace fettle::runtime
