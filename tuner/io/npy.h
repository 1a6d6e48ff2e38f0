// SPDX-License-Identifier: Apache-2.0
//
// Arrays in NumPy's files: .npy (one array) and .npz (a zip archive of them, stored or deflated).
#pragma once

#include <fettle/error.h>
#include <fettle/types.h>

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace fettle::io {

/// A dense, row-major array.
struct Array {
  DataType type = DataType::undefined;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;  ///< as many as the shape has

  /// Exactly this shape. A Shape of the array's own extents would not do: it holds kMaxRank of them.
  bool has_shape(const Shape& other) const;
  /// "1x3x224x224"; "scalar" for rank 0.
  std::string shape_text() const;

  template <typename T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

/// Arrays larger than this are refused, and so are archives whose arrays together are.
inline constexpr std::size_t kMaxArrayBytes = std::size_t{1} << 30;

/// Parses the bytes of a .npy file: format versions 1 to 3, little-endian, C order; |V2 is bf16. `name`
/// stands for the file in messages. Errors: kFileMalformed.
Result<Array> parse_npy(std::span<const std::byte> bytes, const std::string& name);
Result<Array> load_npy(const std::string& path);
/// All arrays of a .npz file, by their names without ".npy"; together at most `most` bytes. Errors:
/// kFileMalformed.
Result<std::map<std::string, Array>> parse_npz(std::span<const std::byte> bytes, const std::string& name,
                                               std::size_t most = kMaxArrayBytes);
Result<std::map<std::string, Array>> load_npz(const std::string& path);
/// The bytes of a .npy file (version 1.0). NumPy has no bf16: it becomes |V2, two bytes without a meaning, as
/// NumPy writes the bf16 of its extensions.
std::string format_npy(DataType type, std::span<const std::int64_t> shape, std::span<const std::byte> bytes);

}  // namespace fettle::io
