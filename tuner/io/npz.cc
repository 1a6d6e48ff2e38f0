// SPDX-License-Identifier: Apache-2.0
//
// .npz: a zip archive. Only what NumPy writes is read: a central directory, stored or deflated members, zip64
// sizes.
#include "tuner/io/npy.h"
#include "tuner/io/stb.h"

#include <fettle/files.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace fettle::io {
namespace {

constexpr std::uint32_t kEndOfDirectory = 0x06054b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::size_t kMaxMembers = 10'000;

struct Member {
  std::string name;
  std::uint16_t method = 0;
  std::uint64_t packed = 0;
  std::uint64_t unpacked = 0;
  std::uint64_t header = 0;
};

class Zip {
 public:
  Zip(std::span<const std::byte> bytes, const std::string& path, std::size_t most)
      : bytes_(bytes), path_(path), most_(most) {}

  Result<std::map<std::string, Array>> arrays() {
    std::size_t at = 0;
    std::size_t count = 0;
    if (!find_directory(at, count)) return malformed("no zip directory");
    std::map<std::string, Array> arrays;
    std::size_t unpacked = 0;
    for (std::size_t i = 0; i < count; ++i) {
      Member member;
      if (!read_entry(at, member)) return malformed("damaged zip directory");
      // What members unpack to is not in proportion to the file: they may even be in the same place.
      if (member.unpacked > most_ - unpacked) return malformed("its arrays are too large together");
      unpacked += static_cast<std::size_t>(member.unpacked);
      Result<std::vector<std::byte>> data = extract(member);
      if (!data) return std::move(data).error();
      Result<Array> array = parse_npy(*data, path_ + ":" + member.name);
      if (!array) return std::move(array).error();
      std::string key = member.name;
      if (key.ends_with(".npy")) key.resize(key.size() - 4);
      arrays[key] = *std::move(array);
    }
    return arrays;
  }

 private:
  Error malformed(const std::string& what) const {
    return Error(ErrorCode::kFileMalformed, path_ + ": " + what,
                 "write it with numpy.savez or numpy.savez_compressed");
  }

  bool fits(std::uint64_t at, std::uint64_t length) const {
    return at <= bytes_.size() && length <= bytes_.size() - at;
  }

  std::uint64_t wide_number(std::size_t at, std::size_t width) const {
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes_[at + i]);
    return value;
  }
  // Of at most 4 bytes.
  std::size_t number(std::size_t at, std::size_t width) const {
    return static_cast<std::size_t>(wide_number(at, width));
  }

  bool find_directory(std::size_t& at, std::size_t& count) const {
    constexpr std::size_t kSize = 22;
    if (bytes_.size() < kSize) return false;
    const std::size_t last = bytes_.size() - kSize;
    const std::size_t first = last > 65535 ? last - 65535 : 0;  // the archive's comment may follow
    for (std::size_t i = last + 1; i-- > first;) {
      if (number(i, 4) != kEndOfDirectory) continue;
      count = number(i + 10, 2);
      at = number(i + 16, 4);
      return count <= kMaxMembers;
    }
    return false;
  }

  bool read_entry(std::size_t& at, Member& member) const {
    constexpr std::size_t kSize = 46;
    if (!fits(at, kSize) || number(at, 4) != kDirectoryEntry) return false;
    member.method = static_cast<std::uint16_t>(number(at + 10, 2));
    member.packed = number(at + 20, 4);
    member.unpacked = number(at + 24, 4);
    member.header = number(at + 42, 4);
    const std::size_t name_length = number(at + 28, 2);
    const std::size_t extra_length = number(at + 30, 2);
    const std::size_t comment_length = number(at + 32, 2);
    if (!fits(at + kSize, name_length + extra_length + comment_length)) return false;
    member.name.assign(reinterpret_cast<const char*>(bytes_.data()) + at + kSize, name_length);
    read_zip64(at + kSize + name_length, extra_length, member);
    at += kSize + name_length + extra_length + comment_length;
    return true;
  }

  void read_zip64(std::size_t at, std::size_t length, Member& member) const {
    const std::size_t end = at + length;
    while (at + 4 <= end) {
      const std::size_t id = number(at, 2);
      const std::size_t size = number(at + 2, 2);
      at += 4;
      if (size > end - at) return;
      if (id == 1) {
        std::size_t field = at;
        for (std::uint64_t* value : {&member.unpacked, &member.packed, &member.header}) {
          if (*value != 0xffffffffu || field + 8 > at + size) continue;
          *value = wide_number(field, 8);
          field += 8;
        }
      }
      at += size;
    }
  }

  Result<std::vector<std::byte>> extract(const Member& member) const {
    constexpr std::size_t kSize = 30;
    const auto header = static_cast<std::size_t>(member.header);
    if (!fits(member.header, kSize) || number(header, 4) != kLocalHeader)
      return malformed(member.name + ": damaged member");
    const std::size_t start = header + kSize + number(header + 26, 2) + number(header + 28, 2);
    if (!fits(start, member.packed)) return malformed(member.name + ": the member is cut off");
    const std::span<const std::byte> packed = bytes_.subspan(start, static_cast<std::size_t>(member.packed));
    if (member.method == 0) {
      if (member.packed != member.unpacked) return malformed(member.name + ": damaged member");
      return std::vector<std::byte>(packed.begin(), packed.end());
    }
    if (member.method != 8) return malformed(member.name + ": unknown compression");
    if (member.packed > std::numeric_limits<int>::max() - 16 ||
        member.unpacked > std::numeric_limits<int>::max()) {
      return malformed(member.name + ": the compressed member is too large");
    }
    // Before memory is taken: a few bytes cannot become more than this.
    constexpr std::uint64_t kMostPerByte = 1032;
    if (member.unpacked / kMostPerByte > member.packed) return malformed(member.name + ": damaged member");
    std::vector<std::byte> data(static_cast<std::size_t>(member.unpacked));
    // The decoder looks a little ahead and takes the end of its input for damage, so it gets some of the
    // directory that follows.
    constexpr std::size_t kLookAhead = 4;
    const std::size_t given = packed.size() + std::min(kLookAhead, bytes_.size() - start - packed.size());
    if (!stb::inflate(bytes_.subspan(start, given), data))
      return malformed(member.name + ": damaged compressed data");
    return data;
  }

  std::span<const std::byte> bytes_;
  const std::string& path_;
  std::size_t most_;
};

}  // namespace

Result<std::map<std::string, Array>> parse_npz(std::span<const std::byte> bytes, const std::string& name,
                                               std::size_t most) {
  return Zip(bytes, name, most).arrays();
}

Result<std::map<std::string, Array>> load_npz(const std::string& path) {
  const Result<std::vector<std::byte>> bytes = read_file(path, kMaxArrayBytes);
  if (!bytes) return bytes.error();
  return parse_npz(*bytes, path);
}

}  // namespace fettle::io
