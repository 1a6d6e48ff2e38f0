// SPDX-License-Identifier: Apache-2.0
//
// One layer whose operands are known, and what follows for the extents of its results: the rules of
// follow_extents, those that move elements in follow_movement.cc, those that name some by indices in
// follow_indexing.cc, those of sequences in follow_sequences.cc.
#pragma once

#include "lib/base/extent_rules.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace fettle {

inline constexpr const char kUnfit[] = "the extents that the data give do not fit each other";
inline constexpr const char kOutOfRange[] = "an extent that the data give is out of range";

/// The integers of an operand.
class Integers {
 public:
  Integers(const TensorDesc& desc, const void* data) : type_(desc.format.type), data_(data) {
    count_ = desc.shape.elements();
  }
  std::int64_t size() const noexcept { return count_; }
  std::int64_t operator[](std::int64_t i) const noexcept {
    const auto* bytes = static_cast<const std::byte*>(data_);
    if (type_ == DataType::s32) {
      std::int32_t value = 0;
      std::memcpy(&value, bytes + i * 4, sizeof value);
      return value;
    }
    std::int64_t value = 0;
    std::memcpy(&value, bytes + i * 8, sizeof value);
    return value;
  }

 private:
  DataType type_;
  const void* data_;
  std::int64_t count_ = 0;
};

/// See follow_extents(). Each rule gives null, or what does not fit.
class Following {
 public:
  Following(LayerDesc& layer, std::span<const void* const> data) : layer_(layer), data_(data) {}

  const char* run() noexcept;

 private:
  bool running() const noexcept { return !data_.empty(); }
  bool has(std::size_t operand) const noexcept { return layer_.operand(operand) != nullptr; }
  const TensorDesc& in(std::size_t operand) const noexcept { return *layer_.operand(operand); }
  TensorDesc& out(std::size_t i = 0) noexcept { return layer_.outputs[i]; }
  const Attributes& attributes() const noexcept { return layer_.main().attributes; }
  Integers integers(std::size_t operand) const noexcept {
    const auto at = static_cast<std::size_t>(layer_.main().operands[operand]);
    return {layer_.inputs[at], data_[at]};
  }
  std::span<const float> reals(std::size_t operand) const noexcept {
    const auto at = static_cast<std::size_t>(layer_.main().operands[operand]);
    return {static_cast<const float*>(data_[at]),
            static_cast<std::size_t>(layer_.inputs[at].shape.elements())};
  }
  // While running: the contents of an operand that has one number for each of `count`.
  bool has_integers(std::size_t operand, std::int64_t count) const noexcept {
    return has(operand) && in(operand).shape.elements() == count;
  }
  void set(TensorDesc& tensor, int axis, Extent extent) noexcept {
    tensor.shape[axis] = extent.most;
    set_bounded(tensor, axis, extent.bounded);
  }
  const char* keep(const TensorDesc& like) noexcept {
    for (TensorDesc& result : layer_.outputs) {
      result.shape = like.shape;
      result.bounded = like.bounded;
    }
    return nullptr;
  }
  // By one scale, or along an axis of one extent.
  const char* quantise() noexcept;
  const char* broadcast() noexcept;
  bool is_reduced(int axis) const noexcept;
  const char* reduce() noexcept;
  const char* choose() noexcept;
  const char* concat() noexcept;
  const char* split() noexcept;
  const char* slice() noexcept;
  const char* pad() noexcept;
  const char* transpose() noexcept;
  const char* reshape() noexcept;
  // `from`: an axis of the operand; kRest; or kFixed: as `wanted` says.
  const char* reshape_to(std::span<const std::int64_t> wanted, std::span<const std::int64_t> from) noexcept;
  const char* reshape_by_operand() noexcept;
  // The shape that an operand says, with extents of 0 and more.
  bool read_shape(std::size_t operand, TensorDesc& desc) const noexcept;
  const char* expand() noexcept;
  const char* tile() noexcept;
  // Indices need elements that they name, wherever the result has some.
  const char* indexed() noexcept;
  const char* gather() noexcept;
  const char* gather_elements() noexcept;
  const char* gather_nd() noexcept;
  // Updates have the extents that data and indices give.
  const char* scatter() noexcept;
  const char* one_hot() noexcept;
  const char* top_k() noexcept;
  const char* gemm() noexcept;
  const char* matmul() noexcept;
  // Images one by one; all else has one extent.
  const char* batch() noexcept;
  const char* roi_align() noexcept;
  const char* resize() noexcept;
  const char* resize_to_sizes() noexcept;
  const char* resize_by_scales(std::span<const float> scales) noexcept;
  const char* einsum() noexcept;
  const char* attention() noexcept;
  const char* recurrent() noexcept;
  const char* range() noexcept;
  const char* constant_of_shape() noexcept;
  // The condition says whose extents they are.
  const char* select() noexcept;
  // What NonZero and its like give has the extents that their kernels find; the rest has one extent.
  const char* found_by_kernel() noexcept;

  LayerDesc& layer_;
  std::span<const void* const> data_;
};

}  // namespace fettle
