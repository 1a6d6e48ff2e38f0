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
  std::vector<std::byte> bytes;

  template <typename T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

/// Arrays larger than this are refused.
inline constexpr std::size_t kMaxArrayBytes = std::size_t{1} << 30;

/// Parses the bytes of a .npy file: format versions 1 to 3, little-endian, C order. `name` stands for the
/// file in messages.
Result<Array> parse_npy(std::span<const std::byte> bytes, const std::string& name);
Result<Array> load_npy(const std::string& path);
/// Reads all arrays of a .npz file, by their names without ".npy".
Result<std::map<std::string, Array>> load_npz(const std::string& path);
/// The bytes of a .npy file (version 1.0).
std::string format_npy(DataType type, std::span<const std::int64_t> shape, std::span<const std::byte> bytes);

/// The whole file. Errors: kFileNotFound, kFileUnreadable, kLimitExceeded.
Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t limit = kMaxArrayBytes);
/// Replaces the file whole: written beside it, then renamed. Error: kFileUnwritable.
Status write_file(const std::string& path, std::string_view text);

}  // namespace fettle::io
