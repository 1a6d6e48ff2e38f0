// SPDX-License-Identifier: Apache-2.0
//
// Elements of every data type, read and written as one of three: real numbers as double, signed integers as
// int64_t, unsigned ones and booleans as uint64_t. One kernel then serves all types.
//
// Results are rounded once, when they are stored, which for float, float16 and bfloat16 gives what rounding
// each operation would: double has more than twice their digits. Integers wrap around; reals that are stored
// as integers saturate, and lose what lies behind the point.
#pragma once

#include "kernels/reference/reference.h"

#include <concepts>
#include <cstdint>

namespace fettle::kernels::reference {

template <typename T>
concept Number = std::same_as<T, double> || std::same_as<T, std::int64_t> || std::same_as<T, std::uint64_t>;

/// Element `offset` of an array of `type`.
template <Number T>
T load(DataType type, const void* data, std::int64_t offset) noexcept;
template <Number T>
void store(DataType type, void* data, std::int64_t offset, T value) noexcept;

/// Which of the three a data type's elements are.
enum class Kind { real, natural, whole };
constexpr Kind kind_of(DataType type) noexcept {
  switch (type) {
    case DataType::s8:
    case DataType::s16:
    case DataType::s32:
    case DataType::s64:
    case DataType::s4:
    case DataType::s2:
      return Kind::whole;
    case DataType::u8:
    case DataType::u16:
    case DataType::u32:
    case DataType::u64:
    case DataType::u4:
    case DataType::u2:
    case DataType::boolean:
      return Kind::natural;
    default:
      return Kind::real;
  }
}

/// A real number as one of the three; integers saturate, NaN becomes 0.
template <Number T>
T from_real(double value) noexcept;

/// -x; integers wrap around.
template <Number T>
constexpr T negative(T x) noexcept {
  if constexpr (std::same_as<T, double>)
    return -x;
  else
    return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x));
}

/// a * b + c; integers wrap around.
template <Number T>
constexpr T multiply_add(T a, T b, T c) noexcept {
  if constexpr (std::same_as<T, double>)
    return a * b + c;
  else
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b) +
                          static_cast<std::uint64_t>(c));
}

/// Calls `body` with a number of the kind.
template <typename Body>
decltype(auto) with_number(DataType type, Body&& body) {
  switch (kind_of(type)) {
    case Kind::whole:
      return body(std::int64_t{});
    case Kind::natural:
      return body(std::uint64_t{});
    default:
      return body(double{});
  }
}

/// A tensor's elements by logical index.
template <Number T>
class Numbers {
 public:
  Numbers(const TensorDesc& desc, const void* data) : desc_(&desc), data_(const_cast<void*>(data)) {}

  const Shape& shape() const noexcept { return desc_->shape; }
  int rank() const noexcept { return desc_->shape.rank(); }
  std::int64_t extent(int axis) const noexcept { return desc_->shape[axis]; }
  T operator[](const Index& index) const noexcept { return at(offset(index)); }
  void set(const Index& index, T value) const noexcept {
    const std::int64_t k = offset(index);
    if constexpr (std::same_as<T, double>) {
      if (desc_->format.type == DataType::f32) {
        static_cast<float*>(data_)[k] = static_cast<float>(value);
        return;
      }
    }
    store<T>(desc_->format.type, data_, k, value);
  }

 private:
  std::int64_t offset(const Index& index) const noexcept {
    std::int64_t sum = 0;
    for (int axis = 0; axis < desc_->shape.rank(); ++axis)
      sum += index[static_cast<std::size_t>(axis)] * desc_->strides[static_cast<std::size_t>(axis)];
    return sum;
  }
  T at(std::int64_t k) const noexcept {
    if constexpr (std::same_as<T, double>) {
      if (desc_->format.type == DataType::f32)
        return static_cast<double>(static_cast<const float*>(data_)[k]);
    }
    return load<T>(desc_->format.type, data_, k);
  }

  const TensorDesc* desc_;
  void* data_;
};

/// An operand or result of a call as numbers.
template <Number T = double>
Numbers<T> operand(const Buffers& b, std::size_t index) {
  const auto at = static_cast<std::size_t>(b.layer.main().operands[index]);
  return {b.layer.inputs[at], b.inputs[at]};
}
template <Number T = double>
Numbers<T> result(const Buffers& b, std::size_t output = 0) {
  return {b.layer.outputs[output], b.outputs[output]};
}

/// nchw and not quantised, of any types; a clamp only for f32.
Refusal any_number(const LayerDesc& layer, const Cpu& cpu);
/// Real inputs and outputs of one type, nchw.
Refusal same_real(const LayerDesc& layer, const Cpu& cpu);
/// Inputs and outputs of one numeric type, nchw; a clamp only for f32.
Refusal same_number(const LayerDesc& layer, const Cpu& cpu);

}  // namespace fettle::kernels::reference
