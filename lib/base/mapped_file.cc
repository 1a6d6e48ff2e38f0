// SPDX-License-Identifier: Apache-2.0
#include "lib/base/mapped_file.h"

#include <sys/mman.h>

namespace fettle {

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path, std::size_t limit) {
  return map(open_input_file(path), path, limit);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open_below(const std::string& folder,
                                                                 const std::string& path, std::size_t limit) {
  return map(open_input_file_below(folder, path), folder + "/" + path, limit);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::map(Result<InputFile> file, const std::string& path,
                                                          std::size_t limit) {
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
