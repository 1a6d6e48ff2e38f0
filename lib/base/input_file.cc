// SPDX-License-Identifier: Apache-2.0
#include "lib/base/input_file.h"

#include "lib/base/guard.h"

#include <fettle/files.h>

#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace fettle {
namespace {

Error irregular(const std::string& path, mode_t mode) {
  return {ErrorCode::kFileUnreadable,
          path + " is " + std::string(kind_of_file(mode)) + ", not a regular file",
          "give the path of a file"};
}

Result<std::vector<std::byte>> read_whole(const std::string& path, std::size_t limit) {
  Result<InputFile> file = open_input_file(path);
  if (!file) return std::move(file).error();
  const auto too_large = [&] {
    return Error(ErrorCode::kLimitExceeded, path + " is larger than " + std::to_string(limit) + " bytes",
                 "give a smaller file");
  };
  if (file->size > limit) return too_large();
  // The size is a hint: files of /proc have none, and others may write meanwhile.
  constexpr std::size_t kChunk = 65536;
  std::vector<std::byte> bytes;
  std::size_t filled = 0;
  for (;;) {
    if (filled == bytes.size())
      bytes.resize(filled + (filled == 0 ? std::max(kChunk, file->size + 1) : kChunk));
    const ssize_t count = ::read(file->descriptor.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return input_error(path, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
    if (filled > limit) return too_large();
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace

Error input_error(const std::string& path, int reason) {
  const bool missing = reason == ENOENT || reason == ENOTDIR;
  return {missing ? ErrorCode::kFileNotFound : ErrorCode::kFileUnreadable,
          path + ": " + std::strerror(reason), "check the path and its permissions"};
}

Result<InputFile> open_input_file(const std::string& path) {
  // Looked at before it is opened, because opening a device may already do something.
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return input_error(path, errno);
  if (!S_ISREG(info.st_mode)) return irregular(path, info.st_mode);
  // Should it have become a FIFO by now, O_NONBLOCK keeps from waiting for who writes to it.
  InputFile file{Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC))};
  if (!file.descriptor) return input_error(path, errno);
  if (::fstat(file.descriptor.get(), &info) != 0) return input_error(path, errno);
  if (!S_ISREG(info.st_mode)) return irregular(path, info.st_mode);
  if (static_cast<std::uintmax_t>(info.st_size) > std::numeric_limits<std::size_t>::max() / 2)
    return Error(ErrorCode::kLimitExceeded, path + " is larger than memory", "give a smaller file");
  file.size = static_cast<std::size_t>(info.st_size);
  return file;
}

Result<InputFile> open_input_file_below(const std::string& folder, const std::string& path) {
  const auto link = [&](const std::string& to, const char* kind) {
    return Error(ErrorCode::kFileUnreadable, folder + "/" + to + " is a " + kind + ", which is not followed",
                 "copy the file to where the link is");
  };
  constexpr int kCommon = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Descriptor at(::open(folder.c_str(), kCommon | O_DIRECTORY));
  if (!at) return input_error(folder, errno);
  for (std::size_t begin = 0;;) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, slash - begin);
    const std::string so_far = path.substr(0, slash);
    const bool last = slash == path.size();
    begin = slash + 1;
    if (!last && (part.empty() || part == ".")) continue;
    struct stat info {};
    if (::fstatat(at.get(), part.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return input_error(folder + "/" + so_far, errno);
    if (S_ISLNK(info.st_mode)) return link(so_far, "symbolic link");
    if (last && !S_ISREG(info.st_mode)) return irregular(folder + "/" + so_far, info.st_mode);
    Descriptor next(::openat(at.get(), part.c_str(), kCommon | O_NOFOLLOW | (last ? 0 : O_DIRECTORY)));
    if (!next) return input_error(folder + "/" + so_far, errno);
    at = std::move(next);
    if (last) break;
  }
  struct stat info {};
  if (::fstat(at.get(), &info) != 0) return input_error(folder + "/" + path, errno);
  if (!S_ISREG(info.st_mode)) return irregular(folder + "/" + path, info.st_mode);
  if (info.st_nlink > 1) return link(path, "hard link");
  if (static_cast<std::uintmax_t>(info.st_size) > std::numeric_limits<std::size_t>::max() / 2)
    return Error(ErrorCode::kLimitExceeded, path + " is larger than memory", "give a smaller file");
  return InputFile{std::move(at), static_cast<std::size_t>(info.st_size)};
}

Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t limit) {
  return guard_allocation([&] { return read_whole(path, limit); });
}

}  // namespace fettle
