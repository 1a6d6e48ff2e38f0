// SPDX-License-Identifier: Apache-2.0
//
// Inputs and outputs of a runtime: what they are, and views of their memory.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/types.h>

#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>

namespace fettle {

/// The DataType of a C++ element type.
template <typename T>
constexpr DataType data_type_of() noexcept {
  if constexpr (std::is_same_v<T, float>)
    return DataType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return DataType::f64;
  else if constexpr (std::is_same_v<T, bool>)
    return DataType::boolean;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
    return sizeof(T) == 1   ? DataType::s8
           : sizeof(T) == 2 ? DataType::s16
           : sizeof(T) == 4 ? DataType::s32
                            : DataType::s64;
  else if constexpr (std::is_integral_v<T>)
    return sizeof(T) == 1   ? DataType::u8
           : sizeof(T) == 2 ? DataType::u16
           : sizeof(T) == 4 ? DataType::u32
                            : DataType::u64;
  else
    return DataType::undefined;
}

/// Name, shape and type of an input or output.
struct TensorInfo {
  std::string name;
  Shape shape;  ///< ONNX order; -1 for a dimension that the model leaves free
  DataType type = DataType::f32;
  Layout layout = Layout::nchw;  ///< nhwc for inputs declared as pictures (see InputOptions)
  std::size_t bytes = 0;         ///< of the dense tensor; 0 while a dimension is free
  /// For outputs whose size depends on the data (NonZero, NonMaxSuppression): shape and bytes are the most
  /// there can be. The views that a runtime gives have the actual ones after each run.
  bool bounded = false;
};

/// A view of the memory of one input or output; valid as long as its runtime and as the binding does not
/// change. Not thread-safe: one thread fills inputs, runs and reads outputs.
class TensorView {
 public:
  TensorView(const TensorInfo* info, std::byte* data) noexcept : info_(info), data_(data) {}

  const TensorInfo& info() const noexcept { return *info_; }
  const Shape& shape() const noexcept { return info_->shape; }
  DataType type() const noexcept { return info_->type; }
  std::span<std::byte> bytes() const noexcept { return {data_, info_->bytes}; }

  /// The elements, dense in `info().layout`; empty when T is not the tensor's type.
  template <typename T>
  std::span<T> values() const noexcept {
    if (data_type_of<std::remove_const_t<T>>() != info_->type) return {};
    return {reinterpret_cast<T*>(data_), info_->bytes / sizeof(T)};
  }
  /// Copies `source` in. Errors: kWrongSize when it does not have exactly `info().bytes` bytes. Allocates
  /// only for an error.
  FETTLE_API Status copy_from(std::span<const std::byte> source) const;
  /// Copies elements in. Errors: kWrongType when the container's element type is not the tensor's;
  /// kWrongSize.
  template <typename Container>
  Status copy_from(const Container& source) const {
    using T = std::remove_cv_t<std::remove_reference_t<decltype(*std::data(source))>>;
    if constexpr (std::is_same_v<T, std::byte>)
      return copy_from(std::span<const std::byte>(source));
    else
      return copy_typed(data_type_of<T>(), {reinterpret_cast<const std::byte*>(std::data(source)),
                                            std::size(source) * sizeof(T)});
  }
  /// Copies the tensor out. Errors: kWrongSize when `target` does not have exactly `info().bytes` bytes.
  FETTLE_API Status copy_to(std::span<std::byte> target) const;

 private:
  FETTLE_API Status copy_typed(DataType type, std::span<const std::byte> source) const;

  const TensorInfo* info_;
  std::byte* data_;
};

}  // namespace fettle
