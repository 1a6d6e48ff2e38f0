// SPDX-License-Identifier: Apache-2.0
//
// A schedule: the steps of a program in order, and the tensors they pass on. A tensor is a value in one
// format; views of a tensor's memory form a tree whose root owns the memory.
#pragma once

#include "lib/base/constant.h"
#include "lib/runtime/weight_store.h"

#include <fettle/kernel.h>
#include <fettle/program.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace fettle::runtime {

/// Arenas, and the blocks in them, begin at multiples of this.
inline constexpr std::size_t kArenaAlignment = 64;

using TensorId = int;
inline constexpr TensorId kNoTensor = -1;

/// How a tensor that owns no memory lies in its parent's.
enum class View : std::uint8_t {
  none,    ///< a root: owns its memory
  same,    ///< all of the parent's bytes: a reshape, an equal format, or a result computed in place
  window,  ///< a box of the parent, with the parent's strides: a piece of a concat, split or slice
};

/// Whose memory a root is.
enum class Role : std::uint8_t { inner, input, output };

struct Tensor {
  TensorDesc desc;
  int value = -1;  ///< number of the graph's value; -1 for tensors that the compiler made up
  View view = View::none;
  TensorId parent = kNoTensor;
  std::size_t offset = 0;  ///< bytes from the parent's start; for roots in the arena, from the arena's start
  Role role = Role::inner;
  int role_index = 0;     ///< which input or output
  std::size_t bytes = 0;  ///< of a root: what the planner reserves, padding for over-reading kernels included
};

/// What a computed boolean has to be for a step to run.
struct Condition {
  TensorId tensor = kNoTensor;
  bool holds = true;
};

struct Step {
  std::string layer;  ///< id of the (first) layer; for conversions, of the layer that needs it
  const Kernel* kernel = nullptr;
  LayerDesc desc;
  int threads = 1;
  bool conversion = false;
  bool alias = false;  ///< nothing to do at run time
  /// The step runs where all of these hold. Where one does not, those behind it may not have been computed.
  std::vector<Condition> conditions;
  std::vector<TensorId> inputs;  ///< one for each desc.inputs; kNoTensor for constants
  std::vector<TensorId> outputs;
  /// One for each desc.inputs; null for tensors. Dropped once packed.
  std::vector<std::shared_ptr<const Constant>> constants;
  BlobPtr packed;
  std::vector<BlobPtr> constant_blobs;  ///< one for each desc.inputs, for kernels without `pack`
  std::size_t workspace_bytes = 0;
  std::size_t workspace_offset = 0;
};

/// A graph output that is a constant: copied out once.
struct ConstantOutput {
  int index = 0;
  BlobPtr bytes;
};

struct Schedule {
  std::vector<Tensor> tensors;
  std::vector<Step> steps;
  std::vector<TensorId> inputs;   ///< by input index
  std::vector<TensorId> outputs;  ///< by output index
  std::vector<ConstantOutput> constant_outputs;

  Tensor& tensor(TensorId id) { return tensors[static_cast<std::size_t>(id)]; }
  const Tensor& tensor(TensorId id) const { return tensors[static_cast<std::size_t>(id)]; }
  TensorId root_of(TensorId id) const {
    while (tensor(id).parent != kNoTensor) id = tensor(id).parent;
    return id;
  }
  /// Bytes from the start of the root's memory.
  std::size_t offset_in_root(TensorId id) const {
    std::size_t offset = 0;
    for (; tensor(id).parent != kNoTensor; id = tensor(id).parent) offset += tensor(id).offset;
    return offset;
  }
};

/// Whether a dense tensor's bytes are the same in both formats (one channel, or one pixel).
bool same_memory(const Shape& shape, const Format& a, const Format& b);
/// Whether a layer has extents that only running tells.
bool has_bounded(const LayerDesc& layer);
/// A dense tensor description.
TensorDesc dense_desc(const Shape& shape, const Format& format, std::uint8_t bounded = 0);

}  // namespace fettle::runtime
