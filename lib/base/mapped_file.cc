// SPDX-License-Identifier: Apache-2.0
#include "lib/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fettle {
namespace {

Error system_error(const std::string& path, int reason) {
  const ErrorCode code =
      reason == ENOENT || reason == ENOTDIR ? ErrorCode::kFileNotFound : ErrorCode::kFileUnreadable;
  return {code, path + ": " + std::strerror(reason), "check the path and its permissions"};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path, std::size_t limit) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return system_error(path, errno);
  struct stat info {};
  if (fstat(file.fd, &info) != 0) return system_error(path, errno);
  if (!S_ISREG(info.st_mode))
    return Error(ErrorCode::kFileUnreadable, path + ": not a regular file", "give the path of a file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > limit) {
    return Error(ErrorCode::kLimitExceeded,
                 path + " has " + std::to_string(size) + " bytes, the limit is " + std::to_string(limit),
                 "raise ModelLimits::file_bytes if you trust the file");
  }
  void* data = nullptr;
  if (size > 0) {
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
    if (data == MAP_FAILED) return system_error(path, errno);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace fettle
