// SPDX-License-Identifier: Apache-2.0
//
// What reference kernels share: a view of a tensor by logical index, iteration over indices, and the making
// of entries.
#pragma once

#include "kernels/common/entry_name.h"
#include "kernels/common/signatures.h"
#include "kernels/entry.h"
#include "kernels/selection.h"

#include <fettle/kernel.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

namespace fettle::kernels::reference {

using Index = std::array<std::int64_t, kMaxRank>;

/// A tensor's elements by logical index, wherever its strides put them.
template <typename T>
struct View {
  const TensorDesc& desc;
  T* data;

  std::int64_t offset(const Index& index) const noexcept {
    std::int64_t sum = 0;
    for (int axis = 0; axis < desc.shape.rank(); ++axis)
      sum += index[static_cast<std::size_t>(axis)] * desc.strides[static_cast<std::size_t>(axis)];
    return sum;
  }
  T& operator[](const Index& index) const noexcept { return data[offset(index)]; }
  std::int64_t extent(int axis) const noexcept { return desc.shape[axis]; }
};

/// Calls `body` with every index of the shape, in row-major order.
template <typename Body>
void for_each_index(const Shape& shape, Body&& body) {
  const std::int64_t count = shape.elements();
  Index index{};
  for (std::int64_t i = 0; i < count; ++i) {
    body(index);
    for (int axis = shape.rank(); axis-- > 0;) {
      if (++index[static_cast<std::size_t>(axis)] < shape[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
}

/// The index into an operand that is broadcast to `rank` dimensions.
inline Index broadcast_index(const Index& index, int rank, const Shape& operand) noexcept {
  Index result{};
  for (int axis = 0; axis < operand.rank(); ++axis) {
    const auto from = static_cast<std::size_t>(axis + rank - operand.rank());
    result[static_cast<std::size_t>(axis)] = operand[axis] == 1 ? 0 : index[from];
  }
  return result;
}

/// The buffers of one call.
struct Buffers {
  const LayerDesc& layer;
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  void* workspace = nullptr;

  const Attributes& attributes() const { return layer.main().attributes; }
  bool has(std::size_t operand) const { return layer.operand(operand) != nullptr; }
  /// The operand as the operator numbers it.
  template <typename T>
  View<const T> in(std::size_t operand) const {
    const auto at = static_cast<std::size_t>(layer.main().operands[operand]);
    return {layer.inputs[at], static_cast<const T*>(inputs[at])};
  }
  template <typename T>
  View<T> out(std::size_t output = 0) const {
    return {layer.outputs[output], static_cast<T*>(outputs[output])};
  }
  std::size_t element_bytes() const { return size_of(layer.outputs.front().format.type); }
};

/// Copies one element of any type.
struct Mover {
  std::size_t bytes;

  explicit Mover(const Buffers& b) : bytes(b.element_bytes()) {}
  void operator()(const View<std::byte>& to, const Index& i, const View<const std::byte>& from,
                  const Index& j) const {
    std::memcpy(to.data + to.offset(i) * static_cast<std::int64_t>(bytes),
                from.data + from.offset(j) * static_cast<std::int64_t>(bytes), bytes);
  }
};

using Compute = void (*)(const Buffers&);

/// Applies the fused clamp to the (f32) result.
void apply_clamp(const Buffers& buffers);

class BoundReference final : public BoundKernel {
 public:
  BoundReference(const LayerDesc& layer, Compute compute) : layer_(layer), compute_(compute) {}
  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override;
  void set_extent(std::size_t tensor, int axis, std::int64_t extent) noexcept override;
  Status run() noexcept override;

 private:
  LayerDesc layer_;
  Compute compute_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
  void* workspace_ = nullptr;
};

template <Compute compute>
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<BoundKernel> bound(new (std::nothrow) BoundReference(args.layer, compute));
  if (!bound) return Error(ErrorCode::kOutOfMemory, "out of memory");
  return bound;
}

/// An entry: reference kernels take any strides and sizes, and use constants as they are.
template <Compute compute>
constexpr Kernel entry(std::string_view name, std::span<const Op> pattern, Supports supports) {
  Kernel kernel = basic_entry(name, pattern, kNchw<>, supports, bind<compute>);
  kernel.input_striding = Striding::any;
  kernel.output_striding = Striding::any;
  kernel.takes_empty = true;
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}

/// The entry of one operator, and those of operators that share a function.
template <Op op, Compute compute, Supports supports, Text algorithm = "direct.any">
inline constexpr Kernel kRowOf = entry<compute>(EntryName<"", op, ".", algorithm, ".reference">::kText,
                                                kPatternOf<op>, supports);

template <Compute compute, Supports supports, Text algorithm, Op... ops>
inline constexpr std::array<const Kernel*, sizeof...(ops)> kFamily = {
    kept(kRowOf<ops, compute, supports, algorithm>)...};

/// nchw, any type, inputs and outputs alike in type where the operator keeps the type. Quantised values too,
/// which entries that only move numbers need not know.
Refusal any_type(const LayerDesc& layer, const Cpu& cpu);
/// Only layouts are looked at.
Refusal plain_layouts(const LayerDesc& layer);

/// The entries of each family.
std::span<const Kernel* const> convolution_entries() noexcept;
std::span<const Kernel* const> product_entries() noexcept;
std::span<const Kernel* const> attention_entries() noexcept;
std::span<const Kernel* const> elementwise_entries() noexcept;
std::span<const Kernel* const> reduction_entries() noexcept;
std::span<const Kernel* const> normalisation_entries() noexcept;
std::span<const Kernel* const> loss_entries() noexcept;
std::span<const Kernel* const> movement_entries() noexcept;
std::span<const Kernel* const> convert_entries() noexcept;
std::span<const Kernel* const> indexing_entries() noexcept;
std::span<const Kernel* const> selection_entries() noexcept;
std::span<const Kernel* const> sampling_entries() noexcept;
std::span<const Kernel* const> signal_entries() noexcept;
std::span<const Kernel* const> resize_entries() noexcept;
std::span<const Kernel* const> recurrent_entries() noexcept;
std::span<const Kernel* const> quantised_entries() noexcept;
std::span<const Kernel* const> quantised_layer_entries() noexcept;

}  // namespace fettle::kernels::reference
