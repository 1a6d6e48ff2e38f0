// SPDX-License-Identifier: Apache-2.0
//
// Steps whose tensors have other extents in every run: before a step runs it learns those of its operands,
// and says what those of its results are.
#pragma once

#include "lib/runtime/schedule.h"

#include <fettle/kernel.h>

#include <span>
#include <vector>

namespace fettle::runtime {

/// The shape of a tensor in this run. Views share that of their parent.
const Shape& shape_of(const Schedule& schedule, std::span<const Shape> shapes, TensorId id) noexcept;

class StepExtents {
 public:
  /// Everything that runs will need; they allocate nothing.
  explicit StepExtents(const Step& step);

  void set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs) noexcept;

  /// From the shapes of the step's inputs to those of its outputs, of which the kernel is told. Errors:
  /// kWrongShape where extents do not fit each other or exceed their bounds.
  Status follow(const Schedule& schedule, const Step& step, std::span<Shape> shapes,
                BoundKernel& kernel) noexcept;
  /// Whether the results have no elements, so that there is nothing to run.
  bool empty() const noexcept;
  /// Takes over the extents that the kernel has found by computing. Errors: kWrongShape, as above.
  Status take_found(const Step& step, std::span<Shape> shapes) const noexcept;

 private:
  void tell(const Step& step, BoundKernel& kernel) noexcept;

  LayerDesc actual_;  // the layer with the extents of this run
  std::vector<Shape> told_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
};

}  // namespace fettle::runtime
