// SPDX-License-Identifier: Apache-2.0
//
// What the rows for elementwise operators of two operands share, of floats and of quantised numbers.
#pragma once

#include <fettle/kernel.h>

#include <xnnpack.h>

#include <array>
#include <cstddef>

namespace fettle::kernels::xnnpack {

/// XNNPACK's own limit.
inline constexpr std::size_t kMaxDimensions = XNN_MAX_TENSOR_DIMS;

/// An operand's extents in the memory order of the result, axes of extent 1 in the result left out.
struct Box {
  std::array<std::size_t, kMaxDimensions> extent{};
  std::array<int, kMaxDimensions> axis{};  ///< the operand's own axis, or -1 where it has none
  std::size_t rank = 0;

  std::size_t elements() const noexcept {
    std::size_t product = 1;
    for (std::size_t i = 0; i < rank; ++i) product *= extent[i];
    return product;
  }
};

struct Binary {
  xnn_binary_operator type = xnn_binary_invalid;
  std::array<Box, 2> operand;
  std::size_t elements = 0;
};

/// Reads a layer whose operands and result have that type.
Refusal read_binary(const LayerDesc& layer, Binary& binary, DataType type = DataType::f32);
/// The operand that is constant, or 2.
std::size_t constant_operand(const LayerDesc& layer) noexcept;

/// Copies a row-major constant into the order of the box.
template <typename T>
void put_in_order(const TensorDesc& constant, const Box& box, const T* from, T* to) noexcept {
  std::array<std::size_t, kMaxRank> stride{};
  std::size_t inside = 1;
  for (int axis = constant.shape.rank() - 1; axis >= 0; --axis) {
    stride[static_cast<std::size_t>(axis)] = inside;
    inside *= static_cast<std::size_t>(constant.shape[axis]);
  }
  std::array<std::size_t, kMaxDimensions> at{};
  std::size_t offset = 0;
  for (std::size_t done = 0, count = box.elements(); done < count; ++done) {
    to[done] = from[offset];
    for (std::size_t i = box.rank; i-- > 0;) {
      const std::size_t step = box.axis[i] < 0 ? 0 : stride[static_cast<std::size_t>(box.axis[i])];
      offset += step;
      if (++at[i] < box.extent[i]) break;
      offset -= step * box.extent[i];
      at[i] = 0;
    }
  }
}

}  // namespace fettle::kernels::xnnpack
