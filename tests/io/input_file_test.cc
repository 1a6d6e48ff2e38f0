// SPDX-License-Identifier: Apache-2.0
//
// Reading files that may be anything: nothing but a regular file is opened, and nothing waits.
#include "lib/base/mapped_file.h"
#include "tests/common/check.h"
#include "tests/io/folder.h"
#include "tuner/io/image.h"
#include "tuner/io/npy.h"

#include <fettle/files.h>
#include <fettle/model.h>
#include <fettle/plan.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <functional>

namespace fettle::test {
namespace {

TEST_CASE("a file is read as a whole, up to a limit", "[io][files]") {
  const Folder folder;
  const std::string large(200'000, 'x');
  for (const std::string& text : {std::string(), std::string("text"), large}) {
    put(folder / "a", text);
    const std::vector<std::byte> bytes = value_of(read_file(folder / "a", large.size()));
    CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == text);
  }
  error_of(read_file(folder / "a", large.size() - 1), ErrorCode::kLimitExceeded, folder / "a");
  // Files of the system say that they are empty.
  CHECK_FALSE(value_of(read_file("/proc/self/status", 1 << 20)).empty());
}

TEST_CASE("FIFOs, folders and devices are no input, and nobody waits for them", "[io][files]") {
  const Folder folder;
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0666) == 0);
  std::filesystem::create_symlink("fifo", folder / "link");
  struct Kind {
    std::string path;
    std::string called;
  };
  std::vector<Kind> kinds{
      {folder / "fifo", "a FIFO"}, {folder / "link", "a FIFO"}, {folder.path(), "a folder"}};
  if (::mknod((folder / "zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0)
    kinds.push_back({folder / "zero", "a character device"});
  for (const auto& [path, called] : kinds) {
    CAPTURE(path);
    error_of(read_file(path, 1000), ErrorCode::kFileUnreadable, called);
    error_of(MappedFile::open(path, 1000), ErrorCode::kFileUnreadable, called);
    error_of(Model::load(path), ErrorCode::kFileUnreadable, called);
    error_of(Plan::load(path), ErrorCode::kFileUnreadable, called);
    error_of(io::load_image(path, 3), ErrorCode::kFileUnreadable, called);
    error_of(io::load_npy(path), ErrorCode::kFileUnreadable, called);
    error_of(io::load_npz(path), ErrorCode::kFileUnreadable, called);
  }
  error_of(read_file(folder / "none", 1000), ErrorCode::kFileNotFound, folder / "none");
  error_of(read_file(folder / "fifo/below", 1000), ErrorCode::kFileNotFound, "fifo/below");
  error_of(read_file("", 1000), ErrorCode::kFileNotFound);
}

}  // namespace
}  // namespace fettle::test
