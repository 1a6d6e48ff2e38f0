// SPDX-License-Identifier: Apache-2.0
#include "lib/base/mapped_file.h"

#include "lib/base/input_file.h"

#include <sys/mman.h>

namespace fettle {

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path, std::size_t limit) {
  Result<InputFile> file = open_input_file(path);
  if (!file) return std::move(file).error();
  const std::size_t size = file->size;
  if (size > limit) {
    return Error(ErrorCode::kLimitExceeded,
                 path + " has " + std::to_string(size) + " bytes, the limit is " + std::to_string(limit),
                 "raise ModelLimits::file_bytes if you trust the file");
  }
  void* data = nullptr;
  if (size > 0) {
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->descriptor.get(), 0);
    if (data == MAP_FAILED) return input_error(path, errno);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace fettle
