// SPDX-License-Identifier: Apache-2.0
//
// Tensors of 8-bit integers by logical index.
#pragma once

#include "kernels/reference/reference.h"
#include "lib/base/quantise.h"

namespace fettle::kernels::reference {

/// An operand of u8 or s8.
class Stored {
 public:
  Stored(const Buffers& b, std::size_t operand) : bytes_(b.in<std::uint8_t>(operand)) {}
  const TensorDesc& desc() const { return bytes_.desc; }
  const Shape& shape() const { return bytes_.desc.shape; }
  std::int64_t extent(int axis) const { return bytes_.extent(axis); }
  /// The number as it is stored.
  int operator[](const Index& index) const {
    const std::uint8_t byte = bytes_[index];
    return bytes_.desc.format.type == DataType::s8 ? static_cast<std::int8_t>(byte) : byte;
  }
  /// Without the zero point of the format.
  int steps(const Index& index) const { return (*this)[index] - bytes_.desc.format.zero_point; }
  double scale() const { return static_cast<double>(bytes_.desc.format.scale); }

 private:
  View<const std::uint8_t> bytes_;
};

/// The result of a quantised layer: takes real numbers in units of its scale.
class Rounded {
 public:
  explicit Rounded(const Buffers& b)
      : bytes_(b.out<std::uint8_t>()), range_(stored_range(b.layer.main().clamp, bytes_.desc.format)) {}
  const Shape& shape() const { return bytes_.desc.shape; }
  double scale() const { return static_cast<double>(bytes_.desc.format.scale); }
  void set(const Index& index, double units) const {
    bytes_[index] =
        static_cast<std::uint8_t>(quantise(units, bytes_.desc.format.zero_point, range_.low, range_.high));
  }
  /// A stored number of the same quantisation, which only has to be clamped.
  void set_stored(const Index& index, int stored) const {
    bytes_[index] = static_cast<std::uint8_t>(std::clamp(stored, range_.low, range_.high));
  }

 private:
  View<std::uint8_t> bytes_;
  StoredRange range_;
};

}  // namespace fettle::kernels::reference
