// SPDX-License-Identifier: Apache-2.0
#include "lib/compile/arena.h"

#include "lib/compile/memory_planner.h"

#include <algorithm>
#include <vector>

namespace fettle::runtime {
namespace {

// Bytes that a view of `extent` elements occupies, from its first to its last element.
std::size_t spanned_bytes(const TensorDesc& desc) {
  if (desc.dense()) return dense_bytes(desc.shape, desc.format);
  std::int64_t last = 0;
  for (int axis = 0; axis < desc.shape.rank(); ++axis) {
    if (desc.shape[axis] == 0) return 0;
    last += (desc.shape[axis] - 1) * desc.strides[static_cast<std::size_t>(axis)];
  }
  return static_cast<std::size_t>(last + 1) * size_of(desc.format.type);
}

struct Lifetime {
  int first = -1;
  int last = -2;
  bool used() const { return first <= last; }
};

std::vector<Lifetime> lifetimes(const Schedule& schedule) {
  std::vector<Lifetime> lives(schedule.tensors.size());
  const int end = static_cast<int>(schedule.steps.size());
  const auto touch = [&](TensorId id, int step) {
    if (id == kNoTensor) return;
    Lifetime& life = lives[static_cast<std::size_t>(schedule.root_of(id))];
    if (!life.used()) life.first = step;
    life.first = std::min(life.first, step);
    life.last = std::max(life.last, step);
  };
  // Inputs keep their contents from one run to the next, constant outputs are written once.
  for (TensorId id : schedule.inputs) {
    touch(id, 0);
    touch(id, end);
  }
  for (const ConstantOutput& output : schedule.constant_outputs)
    touch(schedule.outputs[static_cast<std::size_t>(output.index)], 0);
  for (int i = 0; i < end; ++i) {
    for (TensorId id : schedule.steps[static_cast<std::size_t>(i)].inputs) touch(id, i);
    for (TensorId id : schedule.steps[static_cast<std::size_t>(i)].outputs) touch(id, i);
    for (const Condition& condition : schedule.steps[static_cast<std::size_t>(i)].conditions)
      touch(condition.tensor, i);
  }
  for (TensorId id : schedule.outputs) touch(id, end);
  return lives;
}

void reserve_bytes(Schedule& schedule) {
  for (Tensor& tensor : schedule.tensors)
    tensor.bytes = tensor.parent == kNoTensor ? dense_bytes(tensor.desc.shape, tensor.desc.format) : 0;
  for (const Step& step : schedule.steps) {
    if (step.alias) continue;
    for (TensorId id : step.inputs) {
      if (id == kNoTensor) continue;
      Tensor& root = schedule.tensor(schedule.root_of(id));
      const std::size_t end =
          schedule.offset_in_root(id) + spanned_bytes(schedule.tensor(id).desc) + step.kernel->overread_bytes;
      root.bytes = std::max(root.bytes, end);
    }
  }
}

std::size_t sum_of_activations(const Schedule& schedule) {
  std::size_t sum = 0;
  const auto bytes = [&](TensorId id) {
    return round_to_arena(dense_bytes(schedule.tensor(id).desc.shape, schedule.tensor(id).desc.format));
  };
  for (TensorId id : schedule.inputs) sum += bytes(id);
  for (const Step& step : schedule.steps) {
    for (TensorId id : step.outputs) sum += bytes(id);
  }
  return sum;
}

}  // namespace

ArenaInfo plan_arena(Schedule& schedule) {
  reserve_bytes(schedule);
  const std::vector<Lifetime> lives = lifetimes(schedule);
  std::vector<MemoryBlock> blocks;
  std::vector<std::size_t*> targets;
  for (std::size_t i = 0; i < schedule.tensors.size(); ++i) {
    Tensor& tensor = schedule.tensors[i];
    if (tensor.parent != kNoTensor || !lives[i].used()) continue;
    blocks.push_back({round_to_arena(tensor.bytes), lives[i].first, lives[i].last, 0});
    targets.push_back(&tensor.offset);
  }
  ArenaInfo info;
  info.largest_live_values = largest_live_set(blocks);
  for (std::size_t i = 0; i < schedule.steps.size(); ++i) {
    Step& step = schedule.steps[i];
    if (step.alias || step.workspace_bytes == 0) continue;
    blocks.push_back({round_to_arena(step.workspace_bytes), static_cast<int>(i), static_cast<int>(i), 0});
    targets.push_back(&step.workspace_offset);
  }
  info.largest_live_set = largest_live_set(blocks);
  info.bytes = place_blocks(blocks);
  for (std::size_t i = 0; i < blocks.size(); ++i) *targets[i] = blocks[i].offset;
  info.sum_of_activations = sum_of_activations(schedule);
  return info;
}

}  // namespace fettle::runtime
