// SPDX-License-Identifier: Apache-2.0
//
// Writing files: <fettle/files.h>. Whatever a path leads to is looked at first, and only a regular file or a
// new one is replaced: a rename onto a device node, a FIFO, a socket or a link would remove it.
#include "lib/base/descriptor.h"
#include "lib/base/guard.h"

#include <fettle/files.h>

#include <fcntl.h>
#include <sys/random.h>

#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <tuple>

namespace fettle {
namespace {

constexpr int kMostLinks = 40;     // as many as Linux follows
constexpr int kMostAttempts = 16;  // to find a name that is free

Error unwritable(const std::string& path, const std::string& why,
                 const std::string& hint = "check that the folder exists and may be written") {
  return {ErrorCode::kFileUnwritable, path + " cannot be written: " + why, hint};
}

Error unwritable(const std::string& path, int reason) { return unwritable(path, std::strerror(reason)); }

// Where an output goes.
struct Target {
  std::string folder;              // of what links lead to
  std::string name;                // in it
  std::optional<struct stat> old;  // what is there already: a regular file or a character device
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The path that the last link leads to, where nothing need be yet.
Result<std::string> behind_links(const std::string& path) {
  std::string at = path;
  char text[PATH_MAX];
  for (int i = 0; i <= kMostLinks; ++i) {
    const ssize_t length = ::readlink(at.c_str(), text, sizeof text);
    if (length < 0 && (errno == EINVAL || errno == ENOENT)) return at;  // no link
    if (length < 0) return unwritable(path, errno);
    if (length == static_cast<ssize_t>(sizeof text)) return unwritable(path, ENAMETOOLONG);
    std::string next(text, static_cast<std::size_t>(length));
    at = next.starts_with('/') ? std::move(next) : folder_of(at) + "/" + next;
  }
  return unwritable(path, ELOOP);
}

bool same_inode(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<Target> find_target(const std::string& path) {
  if (path.empty())
    return Error(ErrorCode::kInvalidArgument, "an output file without a name", "give the path of a file");
  if (path.find('\0') != std::string::npos)
    return Error(ErrorCode::kInvalidArgument, path + " has a zero byte", "give the path of a file");
  Target target;
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode)) {
      return unwritable(path, "it is " + std::string(kind_of_file(info.st_mode)),
                        "give a regular file, or a new one");
    }
    target.old = info;
    if (S_ISCHR(info.st_mode)) return target;
  } else if (errno != ENOENT) {
    return unwritable(path, errno);
  }
  Result<std::string> real = behind_links(path);
  if (!real) return std::move(real).error();
  // Links of /proc/self/fd name what they lead to, but not always in a way that leads there.
  if (target.old && (::stat(real->c_str(), &info) != 0 || !same_inode(info, *target.old)))
    return unwritable(path, "it is a link without a name behind it", "give the path of a file");
  target.folder = folder_of(*real);
  target.name = name_of(*real);
  if (target.name.empty() || target.name == "." || target.name == "..")
    return unwritable(path, "it names a folder", "give the path of a file");
  return target;
}

Result<Descriptor> open_folder(const std::string& path, const Target& target) {
  Descriptor folder(::open(target.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return unwritable(path, target.folder + ": " + std::strerror(errno));
  return folder;
}

// Whether the file that is there may be replaced. That its folder may be written is not enough: who took the
// permission to write from a file wants to keep it, and in a sticky folder the kernel wants an owner.
Status check_replaceable(const std::string& path, const Target& target, const Descriptor& folder) {
  if (!target.old) return {};
  if (::faccessat(folder.get(), target.name.c_str(), W_OK, AT_EACCESS) != 0) return unwritable(path, errno);
  struct stat info {};
  if (::fstat(folder.get(), &info) != 0) return unwritable(path, errno);
  const uid_t user = ::geteuid();
  if ((info.st_mode & S_ISVTX) != 0 && user != 0 && user != info.st_uid && user != target.old->st_uid)
    return unwritable(path, "the file is another user's, in a folder where only owners may replace files");
  return {};
}

// A new file beside the target, of a name that nobody can guess and that was free; removed unless it takes
// the target's place.
class Temporary {
 public:
  static Result<Temporary> create(const std::string& path, const Descriptor& folder, mode_t mode) {
    Temporary temporary(folder.get());
    for (int i = 0; i < kMostAttempts; ++i) {
      std::uint64_t number = 0;
      if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
        return unwritable(path, errno);
      char name[32];
      std::snprintf(name, sizeof name, ".fettle-%016llx", static_cast<unsigned long long>(number));
      Descriptor file(
          ::openat(folder.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
      if (!file && errno == EEXIST) continue;
      if (!file) return unwritable(path, errno);
      temporary.name_ = name;
      temporary.file_ = std::move(file);
      return temporary;
    }
    return unwritable(path, EEXIST);
  }

  Temporary(Temporary&& other) noexcept
      : folder_(other.folder_), name_(std::exchange(other.name_, {})), file_(std::move(other.file_)) {}
  Temporary& operator=(Temporary&&) = delete;
  ~Temporary() {
    if (!name_.empty()) ::unlinkat(folder_, name_.c_str(), 0);
  }

  int fd() const { return file_.get(); }

  // On the disk before the name is taken; errno says why not.
  bool take_place_of(const std::string& name) {
    if (::fsync(file_.get()) != 0 || !file_.close()) return false;
    if (::renameat(folder_, name_.c_str(), folder_, name.c_str()) != 0) return false;
    name_.clear();
    return true;
  }

 private:
  explicit Temporary(int folder) : folder_(folder) {}

  int folder_;
  std::string name_;
  Descriptor file_;
};

// What the old file allowed the new one allows, to the same people where that can be done.
bool keep_permissions(int fd, const struct stat& old) {
  mode_t mode = old.st_mode & 0777;
  if (::fchown(fd, old.st_uid, old.st_gid) != 0 && ::fchown(fd, static_cast<uid_t>(-1), old.st_gid) != 0)
    mode &= ~static_cast<mode_t>(S_IRWXG);  // it would be another group's
  return ::fchmod(fd, mode) == 0;
}

// A new file gets what the umask leaves; one that replaces another nobody else can open before it is whole.
mode_t first_mode(const Target& target) { return target.old ? 0600 : 0666; }

Status replace(const std::string& path, const Target& target, std::string_view text) {
  const Result<Descriptor> folder = open_folder(path, target);
  if (!folder) return folder.error();
  if (Status status = check_replaceable(path, target, *folder); !status) return status;
  Result<Temporary> temporary = Temporary::create(path, *folder, first_mode(target));
  if (!temporary) return std::move(temporary).error();
  const bool done = write_all(temporary->fd(), text) &&
                    (!target.old || keep_permissions(temporary->fd(), *target.old)) &&
                    temporary->take_place_of(target.name);
  return done ? Status() : unwritable(path, errno);
}

// Opens what is there, which must still be what was seen.
Result<Descriptor> open_existing(const std::string& path, const struct stat& seen, int flags) {
  Descriptor file(::open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return unwritable(path, errno);
  if (!same_inode(info, seen)) return unwritable(path, "it was replaced meanwhile", "try again");
  const int now = ::fcntl(file.get(), F_GETFL);
  if (now < 0 || ::fcntl(file.get(), F_SETFL, now & ~O_NONBLOCK) != 0) return unwritable(path, errno);
  return file;
}

Status write_device(const std::string& path, const Target& target, std::string_view text) {
  Result<Descriptor> device = open_existing(path, *target.old, O_WRONLY);
  if (!device) return std::move(device).error();
  return write_all(device->get(), text) && device->close() ? Status() : unwritable(path, errno);
}

Status write_whole(const std::string& path, std::string_view text) {
  const Result<Target> target = find_target(path);
  if (!target) return target.error();
  const bool device = target->old && S_ISCHR(target->old->st_mode);
  return device ? write_device(path, *target, text) : replace(path, *target, text);
}

Result<Descriptor> open_to_append(const std::string& path, const Target& target) {
  if (!target.old) {
    Descriptor file(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0666));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0) return unwritable(path, errno);
    if (!S_ISREG(info.st_mode)) return unwritable(path, "it was replaced meanwhile", "try again");
    return file;
  }
  if (!S_ISREG(target.old->st_mode)) {
    return unwritable(path, "it is " + std::string(kind_of_file(target.old->st_mode)),
                      "give a regular file, or a new one");
  }
  return open_existing(path, *target.old, O_RDWR | O_APPEND);
}

Status append_whole(const std::string& path, std::string_view lines) {
  const Result<Target> target = find_target(path);
  if (!target) return target.error();
  Result<Descriptor> file = open_to_append(path, *target);
  if (!file) return std::move(file).error();
  struct stat info {};
  if (::fstat(file->get(), &info) != 0) return unwritable(path, errno);
  char last = '\n';
  if (info.st_size > 0 && ::pread(file->get(), &last, 1, info.st_size - 1) != 1)
    return unwritable(path, errno);
  // One write, so that lines of several processes do not mix.
  std::string text = last == '\n' ? "" : "\n";
  text += lines;
  return write_all(file->get(), text) && file->close() ? Status() : unwritable(path, errno);
}

Status check(const std::string& path, OutputMode mode) {
  const Result<Target> target = find_target(path);
  if (!target) return target.error();
  if (target->old && (mode == OutputMode::append || S_ISCHR(target->old->st_mode))) {
    if (mode == OutputMode::append) {
      const Result<Descriptor> file = open_to_append(path, *target);
      return file ? Status() : file.error();
    }
    // Not opened: what that would do is the device's own affair.
    return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0 ? Status() : unwritable(path, errno);
  }
  const Result<Descriptor> folder = open_folder(path, *target);
  if (!folder) return folder.error();
  if (Status status = check_replaceable(path, *target, *folder); !status) return status;
  // Permissions, quotas and read-only disks have their say only when something is made.
  const Result<Temporary> temporary = Temporary::create(path, *folder, first_mode(*target));
  return temporary ? Status() : temporary.error();
}

// What two paths to one file have in common: its inode, or its folder's and its name where nothing is yet.
using Identity = std::tuple<dev_t, ino_t, std::string>;

std::optional<Identity> identity(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return Identity{info.st_dev, info.st_ino, ""};
  const Result<std::string> real = behind_links(path);
  if (!real || ::stat(folder_of(*real).c_str(), &info) != 0) return std::nullopt;
  return Identity{info.st_dev, info.st_ino, name_of(*real)};
}

}  // namespace

Status check_output_file(const std::string& path, OutputMode mode) {
  return guard_allocation([&] { return check(path, mode); });
}

bool same_file(const std::string& a, const std::string& b) {
  const std::optional<Identity> left = identity(a);
  return left ? left == identity(b) : a == b;
}

Status write_file(const std::string& path, std::string_view text) {
  return guard_allocation([&] { return write_whole(path, text); });
}

Status append_lines(const std::string& path, std::string_view text) {
  return guard_allocation([&] { return append_whole(path, text); });
}

}  // namespace fettle
