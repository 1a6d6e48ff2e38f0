// SPDX-License-Identifier: Apache-2.0
#include "tuner/io/npy.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace fettle::io {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

}  // namespace

Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t limit) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    const int reason = errno;
    return Error(reason == ENOENT ? ErrorCode::kFileNotFound : ErrorCode::kFileUnreadable,
                 path + ": " + std::strerror(reason), "check the path and its permissions");
  }
  std::vector<std::byte> bytes;
  std::byte chunk[65536];
  for (;;) {
    const std::size_t count = std::fread(chunk, 1, sizeof chunk, file.get());
    bytes.insert(bytes.end(), chunk, chunk + count);
    if (bytes.size() > limit)
      return Error(ErrorCode::kLimitExceeded, path + " is larger than " + std::to_string(limit) + " bytes");
    if (count < sizeof chunk) break;
  }
  if (std::ferror(file.get()))
    return Error(ErrorCode::kFileUnreadable, path + ": " + std::strerror(errno), "is it a file?");
  return bytes;
}

Status write_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".part";
  const auto fail = [&] {
    const int reason = errno;
    std::remove(temporary.c_str());
    return Error(ErrorCode::kFileUnwritable, path + ": " + std::strerror(reason),
                 "check that the folder exists and may be written");
  };
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) return fail();
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) return fail();
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return fail();
  return {};
}

}  // namespace fettle::io
