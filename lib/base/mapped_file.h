// SPDX-License-Identifier: Apache-2.0
//
// A file mapped into memory for reading.
#pragma once

#include "lib/base/input_file.h"

#include <fettle/error.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace fettle {

/// Read-only and private: what others write to the file later may or may not be seen, and a file that shrinks
/// while it is mapped ends the process, as with any mapping; replace files by renaming.
class MappedFile {
 public:
  /// Errors: kFileNotFound, kFileUnreadable (not a regular file, no permission), kLimitExceeded. An empty
  /// file gives an empty span.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path, std::size_t limit);

  /// The same for a file below a folder, without following links: see open_input_file_below.
  static Result<std::shared_ptr<const MappedFile>> open_below(const std::string& folder,
                                                              const std::string& path, std::size_t limit);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}
  static Result<std::shared_ptr<const MappedFile>> map(Result<InputFile> file, const std::string& path,
                                                       std::size_t limit);

  const std::byte* data_;
  std::size_t size_;
};

}  // namespace fettle
