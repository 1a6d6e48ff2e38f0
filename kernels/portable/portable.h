// SPDX-License-Identifier: Apache-2.0
//
// What portable kernels share: a bound kernel around one function, and the entries of each family.
#pragma once

#include "kernels/common/signatures.h"
#include "kernels/common/uniform.h"
#include "kernels/entry.h"
#include "kernels/selection.h"
#include "lib/base/extents.h"
#include "lib/base/guard.h"

#include <fettle/kernel.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace fettle::kernels::portable {

/// The addresses and threads of one call.
struct Call {
  const LayerDesc& layer;
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  std::span<const std::byte> packed;
  std::byte* workspace;
  ThreadPool* pool;
  int threads;

  const Attributes& attributes() const { return layer.main().attributes; }
  template <typename T = float>
  const T* in(std::size_t i) const {
    return static_cast<const T*>(inputs[i]);
  }
  template <typename T = float>
  T* out(std::size_t i = 0) const {
    return static_cast<T*>(outputs[i]);
  }
  /// Calls body(begin, end, worker) over [0, range).
  template <typename Body>
  void parallel(std::int64_t range, Body&& body) const {
    parallel_for(pool, threads, range, body);
  }
};

using Compute = void (*)(const Call&);

class BoundPortable final : public BoundKernel {
 public:
  BoundPortable(const BindArgs& args, Compute compute)
      : layer_(args.layer),
        packed_(args.packed),
        pool_(args.pool),
        threads_(args.threads),
        compute_(compute) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    return guard_allocation([&]() -> Status {
      inputs_.assign(inputs.begin(), inputs.end());
      outputs_.assign(outputs.begin(), outputs.end());
      workspace_ = static_cast<std::byte*>(workspace);
      return {};
    });
  }
  void set_extent(std::size_t tensor, int axis, std::int64_t extent) noexcept override {
    fettle::set_extent(layer_, tensor, axis, extent);
  }
  Status run() noexcept override {
    compute_({layer_, inputs_, outputs_, packed_, workspace_, pool_, threads_});
    return {};
  }

 private:
  LayerDesc layer_;
  std::span<const std::byte> packed_;
  ThreadPool* pool_;
  int threads_;
  Compute compute_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
  std::byte* workspace_ = nullptr;
};

template <Compute compute>
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
    return std::unique_ptr<BoundKernel>(std::make_unique<BoundPortable>(args, compute));
  });
}

/// A threaded entry without packed weights.
template <Compute compute>
constexpr Kernel entry(std::string_view name, std::span<const Op> pattern,
                       std::span<const Signature> signatures, Supports supports) {
  Kernel kernel = basic_entry(name, pattern, signatures, supports, bind<compute>);
  kernel.threaded = true;
  return if_selected(kernel);
}

/// An entry whose function looks at the layer for all extents whenever it runs: it follows those of some
/// axes.
constexpr Kernel following(Kernel kernel, BoundedAxes axes) {
  kernel.bounded_axes = axes;
  return kernel;
}

/// The entry with packed weights that do not depend on the activations' extents, and a workspace.
constexpr Kernel with_packed(Kernel kernel, decltype(Kernel::workspace_bytes) workspace_bytes,
                             decltype(Kernel::packed_bytes) packed_bytes, decltype(Kernel::pack) pack) {
  kernel.workspace_bytes = workspace_bytes;
  kernel.packed_bytes = packed_bytes;
  kernel.pack = pack;
  kernel.packed_for_any_size = true;
  return if_selected(kernel);
}

// Entries of convolutions, each in a file of its own.
const Kernel& conv_entry() noexcept;
const Kernel& depthwise_entry() noexcept;
const Kernel& conv_volume_entry() noexcept;
const Kernel& conv_transpose_volume_entry() noexcept;

const Kernel& attention_entry() noexcept;
std::span<const Kernel* const> rotation_entries() noexcept;
std::span<const Kernel* const> product_entries() noexcept;
std::span<const Kernel* const> einsum_entries() noexcept;
std::span<const Kernel* const> pooling_entries() noexcept;
std::span<const Kernel* const> volume_pooling_entries() noexcept;
std::span<const Kernel* const> normalisation_entries() noexcept;
std::span<const Kernel* const> selection_entries() noexcept;
std::span<const Kernel* const> elementwise_entries() noexcept;
std::span<const Kernel* const> movement_entries() noexcept;
std::span<const Kernel* const> repeat_entries() noexcept;
std::span<const Kernel* const> padding_entries() noexcept;
std::span<const Kernel* const> interpolation_entries() noexcept;
std::span<const Kernel* const> grid_sample_entries() noexcept;
std::span<const Kernel* const> gather_entries() noexcept;
std::span<const Kernel* const> choice_entries() noexcept;
std::span<const Kernel* const> scatter_entries() noexcept;
std::span<const Kernel* const> reduction_entries() noexcept;
std::span<const Kernel* const> along_axis_entries() noexcept;
std::span<const Kernel* const> cast_entries() noexcept;
std::span<const Kernel* const> resize_entries() noexcept;
std::span<const Kernel* const> convert_entries() noexcept;
std::span<const Kernel* const> picture_entries() noexcept;
std::span<const Kernel* const> shuffle_entries() noexcept;
std::span<const Kernel* const> recurrent_entries() noexcept;

}  // namespace fettle::kernels::portable
