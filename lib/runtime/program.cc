// SPDX-License-Identifier: Apache-2.0
//
// What a program tells of itself.
#include "lib/base/guard.h"
#include "lib/runtime/program_state.h"

#include <utility>

namespace fettle {

std::span<const TensorInfo> Program::inputs() const noexcept { return state_->inputs; }
std::span<const TensorInfo> Program::outputs() const noexcept { return state_->outputs; }
std::span<const StepInfo> Program::steps() const noexcept { return state_->steps; }
std::span<const ReportEntry> Program::report() const noexcept { return state_->report; }
const Model* Program::model() const noexcept { return state_->model.get(); }
const ArenaInfo& Program::arena() const noexcept { return state_->arena; }
std::size_t Program::weight_bytes() const noexcept { return state_->weight_bytes; }
int Program::threads() const noexcept { return state_->threads; }
Plan Program::effective_plan() const {
  Result<Plan> copy = guard_allocation([&]() -> Result<Plan> { return state_->effective; });
  return copy ? *std::move(copy) : Plan{};
}

}  // namespace fettle
