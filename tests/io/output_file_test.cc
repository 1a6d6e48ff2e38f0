// SPDX-License-Identifier: Apache-2.0
//
// What writing may do to what is there already. Nodes are made in a folder of the test's own: never the
// system's.
#include "tests/common/check.h"
#include "tests/io/folder.h"

#include <fettle/files.h>
#include <fettle/plan.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <grp.h>
#include <csignal>
#include <cstring>
#include <functional>

namespace fettle::test {
namespace {

constexpr uid_t kNobody = 65534;

struct stat info_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info;
}

// Runs a body in a process of its own, which may lose its rights there. The body gives a text that is empty
// when all is well.
std::string in_child(const std::function<std::string()>& body) {
  int ends[2] = {};
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string text = body();
    const bool told = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return text;
}

// As a plain user; who is one already needs no other.
std::string as_user(const std::function<std::string()>& body) {
  return in_child([&]() -> std::string {
    if (::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0))
      return "SKIP";
    return body();
  });
}

std::string expect_error(const Status& status, ErrorCode code, const std::string& mention) {
  if (status) return "no error, but " + mention + " was expected";
  const std::string text = status.error().text();
  if (status.error().code() != code || text.find(mention) == std::string::npos)
    return mention + " was expected, not " + text;
  return status.error().hint().empty() ? text + " has no hint" : "";
}

std::string expect_success(const Status& status) { return status ? "" : status.error().text(); }

void require_refused(const std::string& path, const std::string& mention) {
  CHECK(expect_error(check_output_file(path), ErrorCode::kFileUnwritable, mention).empty());
  CHECK(expect_error(write_file(path, "new"), ErrorCode::kFileUnwritable, mention).empty());
}

bool make_device(const std::string& path, unsigned major_number, unsigned minor_number) {
  return ::mknod(path.c_str(), S_IFCHR | 0666, makedev(major_number, minor_number)) == 0 &&
         ::chmod(path.c_str(), 0666) == 0;
}

TEST_CASE("a new file gets the text and the permissions that the umask leaves", "[io][files]") {
  const Folder folder;
  const mode_t before = ::umask(027);
  succeeds(check_output_file(folder / "a.plan"));
  CHECK(folder.names().empty());
  succeeds(write_file(folder / "a.plan", "text"));
  ::umask(before);
  CHECK(text_of(folder / "a.plan") == "text");
  CHECK((info_of(folder / "a.plan").st_mode & 07777) == 0640);
  CHECK(folder.names() == std::vector<std::string>{"a.plan"});
}

TEST_CASE("a file is replaced as a whole and keeps its permissions", "[io][files]") {
  const Folder folder;
  put(folder / "a", "the old and longer text");
  REQUIRE(::chmod((folder / "a").c_str(), 0604) == 0);
  const ino_t old = info_of(folder / "a").st_ino;
  std::ifstream reader(folder / "a");
  succeeds(check_output_file(folder / "a"));
  CHECK(text_of(folder / "a") == "the old and longer text");
  succeeds(write_file(folder / "a", "new"));
  CHECK(text_of(folder / "a") == "new");
  CHECK((info_of(folder / "a").st_mode & 07777) == 0604);
  CHECK(info_of(folder / "a").st_ino != old);
  // Who has the old one open goes on reading that.
  std::string seen;
  std::getline(reader, seen);
  CHECK(seen == "the old and longer text");
  CHECK(folder.names() == std::vector<std::string>{"a"});
}

TEST_CASE("a plan is saved like every output", "[io][files]") {
  const Folder folder;
  put(folder / "a.plan", "old");
  std::filesystem::create_symlink("a.plan", folder / "link.plan");
  put(folder / "link.plan.part", "somebody's");
  const Plan plan;
  succeeds(plan.save(folder / "link.plan"));
  CHECK(std::filesystem::is_symlink(folder / "link.plan"));
  CHECK(text_of(folder / "a.plan") == plan.json());
  CHECK(text_of(folder / "link.plan.part") == "somebody's");
  error_of(plan.save(""), ErrorCode::kInvalidArgument, "without a name");
  error_of(plan.save(folder / "no/such/a.plan"), ErrorCode::kFileUnwritable, "no/such/a.plan");
  error_of(plan.save(folder.path()), ErrorCode::kFileUnwritable, "a folder");
}

TEST_CASE("links stay, and what they lead to is replaced or made", "[io][files]") {
  const Folder folder;
  std::filesystem::create_directory(folder / "far");
  put(folder / "far/target", "old");
  std::filesystem::create_symlink("far/target", folder / "second");
  std::filesystem::create_symlink(folder / "second", folder / "first");
  std::filesystem::create_symlink("far/none yet", folder / "dangling");
  for (const char* name : {"first", "dangling"}) {
    succeeds(check_output_file(folder / name));
    succeeds(write_file(folder / name, name));
    CHECK(std::filesystem::is_symlink(folder / name));
  }
  CHECK(text_of(folder / "far/target") == "first");
  CHECK(text_of(folder / "far/none yet") == "dangling");
  CHECK(folder.names() == std::vector<std::string>{"dangling", "far", "first", "second"});

  std::filesystem::create_symlink("round", folder / "round");
  require_refused(folder / "round", "round");
  std::filesystem::create_symlink("nowhere/file", folder / "lost");
  require_refused(folder / "lost", "lost");
  std::filesystem::create_symlink("far", folder / "to folder");
  require_refused(folder / "to folder", "a folder");
}

TEST_CASE("no file beside the output is touched, whatever it is called", "[io][files]") {
  const Folder folder;
  put(folder / "victim", "precious");
  std::filesystem::create_symlink("victim", folder / "a.part");
  put(folder / "a.tmp", "mine");
  for (int i = 0; i < 3; ++i) succeeds(write_file(folder / "a", "new"));
  CHECK(text_of(folder / "victim") == "precious");
  CHECK(std::filesystem::is_symlink(folder / "a.part"));
  CHECK(text_of(folder / "a.tmp") == "mine");
  CHECK(folder.names() == std::vector<std::string>{"a", "a.part", "a.tmp", "victim"});
}

TEST_CASE("folders, FIFOs, sockets and names of folders are refused at once", "[io][files]") {
  const Folder folder;
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0666) == 0);
  std::filesystem::create_symlink("fifo", folder / "link");
  require_refused(folder / "fifo", "a FIFO");
  require_refused(folder / "link", "a FIFO");
  CHECK(S_ISFIFO(info_of(folder / "fifo").st_mode));

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_path = folder / "socket";
  REQUIRE(socket_path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  require_refused(socket_path, "a socket");
  CHECK(S_ISSOCK(info_of(socket_path).st_mode));
  ::close(listener);

  require_refused(folder.path(), "a folder");
  require_refused(folder / "new/", "names a folder");
  require_refused(folder / "fifo/below", "fifo/below");
  require_refused(folder / "nowhere/a", "nowhere");
  require_refused(folder / std::string(300, 'n'), "nnn");
  for (const OutputMode mode : {OutputMode::replace, OutputMode::append}) {
    error_of(check_output_file("", mode), ErrorCode::kInvalidArgument, "without a name");
    error_of(check_output_file(std::string("a\0b", 3), mode), ErrorCode::kInvalidArgument, "zero byte");
  }
  CHECK(folder.names() == std::vector<std::string>{"fifo", "link", "socket"});
}

TEST_CASE("the longest name that a file may have can be written", "[io][files]") {
  const Folder folder;
  const std::string name(255, 'n');
  succeeds(check_output_file(folder / name));
  succeeds(write_file(folder / name, "a"));
  succeeds(write_file(folder / name, "b"));
  CHECK(text_of(folder / name) == "b");
}

TEST_CASE("device nodes are written to and never replaced", "[io][files]") {
  const Folder folder;
  if (!make_device(folder / "null", 1, 3) || !make_device(folder / "full", 1, 7)) {
    SKIP("no permission to make device nodes");
  }
  REQUIRE(::mknod((folder / "disk").c_str(), S_IFBLK | 0666, makedev(7, 255)) == 0);
  std::filesystem::create_symlink("null", folder / "link");
  require_refused(folder / "disk", "a block device");
  CHECK(S_ISBLK(info_of(folder / "disk").st_mode));
  const bool usable =
      std::ofstream(folder / "null").is_open();  // not where the folder's disk is mounted nodev
  const auto body = [&]() -> std::string {
    for (const char* name : {"null", "link"}) {
      const std::string said = expect_success(write_file(folder / name, std::string(100'000, 'x')));
      if (!said.empty()) return said;
    }
    return expect_error(write_file(folder / "full", "text"), ErrorCode::kFileUnwritable, "No space left");
  };
  if (usable) {
    succeeds(check_output_file(folder / "null"));
    CHECK(body().empty());
    CHECK(as_user(body).empty());
  } else {
    WARN("devices cannot be used in the temporary folder: only that they stay is tested");
    CHECK_FALSE(write_file(folder / "null", "text"));
  }
  error_of(check_output_file(folder / "null", OutputMode::append), ErrorCode::kFileUnwritable,
           "a character device");
  error_of(append_lines(folder / "null", "text\n"), ErrorCode::kFileUnwritable, "a character device");
  for (const char* name : {"null", "full"}) CHECK(S_ISCHR(info_of(folder / name).st_mode));
  CHECK(info_of(folder / "null").st_rdev == makedev(1, 3));
  CHECK(folder.names() == std::vector<std::string>{"disk", "full", "link", "null"});
}

TEST_CASE("a plain user is refused before the work what he may not write", "[io][files]") {
  const Folder folder;
  if (::geteuid() != 0) WARN("not root: other users' files are not tested");
  std::filesystem::create_directory(folder / "closed");
  put(folder / "closed/a", "old");
  put(folder / "protected", "old");
  std::filesystem::create_directory(folder / "sticky");
  put(folder / "sticky/a", "old");
  REQUIRE(::chmod((folder / "protected").c_str(), 0444) == 0);
  REQUIRE(::chmod((folder / "closed/a").c_str(), 0666) == 0);
  REQUIRE(::chmod((folder / "closed").c_str(), 0555) == 0);
  REQUIRE(::chmod((folder / "sticky/a").c_str(), 0666) == 0);
  REQUIRE(::chmod((folder / "sticky").c_str(), 01777) == 0);
  const std::string said = as_user([&]() -> std::string {
    std::vector<std::string> refused{"closed/a", "closed/new", "protected"};
    if (::geteuid() == kNobody) refused.emplace_back("sticky/a");
    for (const std::string& name : refused) {
      for (const auto& status : {check_output_file(folder / name), write_file(folder / name, "new")}) {
        std::string problem = expect_error(status, ErrorCode::kFileUnwritable, name);
        if (!problem.empty()) return problem;
      }
    }
    for (const char* name : {"closed/new", "protected"}) {
      for (const auto& status :
           {check_output_file(folder / name, OutputMode::append), append_lines(folder / name, "new\n")}) {
        std::string problem = expect_error(status, ErrorCode::kFileUnwritable, name);
        if (!problem.empty()) return problem;
      }
    }
    std::string problem = expect_success(check_output_file(folder / "mine"));
    if (problem.empty()) problem = expect_success(write_file(folder / "mine", "new"));
    if (problem.empty()) problem = expect_success(write_file(folder / "mine", "newer"));
    return problem;
  });
  REQUIRE(::chmod((folder / "closed").c_str(), 0777) == 0);
  if (said == "SKIP") SKIP("rights cannot be dropped here");
  CHECK(said == "");
  for (const char* name : {"closed/a", "protected", "sticky/a"}) CHECK(text_of(folder / name) == "old");
  CHECK(text_of(folder / "mine") == "newer");
  CHECK(folder.names() == std::vector<std::string>{"closed", "mine", "protected", "sticky"});
}

TEST_CASE("who replaces another user's file leaves it to him", "[io][files]") {
  if (::geteuid() != 0) SKIP("only root may do that");
  const Folder folder;
  put(folder / "a", "old");
  REQUIRE(::chown((folder / "a").c_str(), kNobody, kNobody) == 0);
  REQUIRE(::chmod((folder / "a").c_str(), 04640) == 0);
  succeeds(write_file(folder / "a", "new"));
  const struct stat info = info_of(folder / "a");
  CHECK(info.st_uid == kNobody);
  CHECK(info.st_gid == kNobody);
  CHECK((info.st_mode & 07777) == 0640);
}

TEST_CASE("after a failure the old file is untouched and nothing is left behind", "[io][files]") {
  const Folder folder;
  put(folder / "a", "old");
  for (const char* name : {"a", "new"}) {
    const std::string said = in_child([&]() -> std::string {
      const rlimit limit{1000, 1000};
      std::signal(SIGXFSZ, SIG_IGN);
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return "no limit";
      return expect_error(write_file(folder / name, std::string(100'000, 'x')), ErrorCode::kFileUnwritable,
                          "File too large");
    });
    CHECK(said == "");
  }
  CHECK(text_of(folder / "a") == "old");
  CHECK(folder.names() == std::vector<std::string>{"a"});
}

TEST_CASE("lines are added to the end, after one that was cut off", "[io][files]") {
  const Folder folder;
  succeeds(check_output_file(folder / "a", OutputMode::append));
  CHECK(folder.names().empty());
  succeeds(append_lines(folder / "a", "one\n"));
  succeeds(check_output_file(folder / "a", OutputMode::append));
  succeeds(append_lines(folder / "a", "two\nthr"));
  succeeds(append_lines(folder / "a", "four\n"));
  CHECK(text_of(folder / "a") == "one\ntwo\nthr\nfour\n");
  std::filesystem::create_symlink("a", folder / "link");
  succeeds(append_lines(folder / "link", "five\n"));
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(text_of(folder / "a").ends_with("four\nfive\n"));
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0666) == 0);
  for (const std::string& name : {folder / "fifo", folder.path(), folder / "nowhere/a"}) {
    error_of(check_output_file(name, OutputMode::append), ErrorCode::kFileUnwritable, name);
    error_of(append_lines(name, "line\n"), ErrorCode::kFileUnwritable, name);
  }
}

TEST_CASE("paths to the same file are known, also where nothing is yet", "[io][files]") {
  const Folder folder;
  std::filesystem::create_directory(folder / "sub");
  put(folder / "a", "");
  std::filesystem::create_hard_link(folder / "a", folder / "hard");
  std::filesystem::create_symlink("a", folder / "link");
  std::filesystem::create_symlink("new", folder / "dangling");
  std::filesystem::create_symlink(".", folder / "here");
  for (const char* name : {"a", "hard", "link", "sub/../a", "./a", "here/a", "here/link"}) {
    CAPTURE(name);
    CHECK(same_file(folder / "a", folder / name));
    CHECK(same_file(folder / name, folder / "a"));
    CHECK_FALSE(same_file(folder / name, folder / "new"));
    CHECK_FALSE(same_file(folder / "sub/a", folder / name));
  }
  for (const char* name : {"new", "dangling", "sub/../new", "here/dangling"}) {
    CAPTURE(name);
    CHECK(same_file(folder / "new", folder / name));
    CHECK_FALSE(same_file(folder / "other", folder / name));
  }
  CHECK(same_file(folder / "nowhere/a", folder / "nowhere/a"));
  CHECK_FALSE(same_file(folder / "nowhere/a", folder / "nowhere/b"));
}

}  // namespace
}  // namespace fettle::test
