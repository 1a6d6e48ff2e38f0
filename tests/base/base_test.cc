// SPDX-License-Identifier: Apache-2.0
//
// What everything else stands on: errors, types, attributes, hashes, memory, files, the CPU.
#include "lib/base/checked.h"
#include "lib/base/hash.h"
#include "lib/base/mapped_file.h"
#include "lib/base/memory.h"
#include "lib/base/utf8.h"
#include "tests/common/check.h"

#include <fettle/cpu.h>
#include <fettle/op.h>
#include <fettle/types.h>

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

namespace fettle::test {

TEST_CASE("errors have a stable name, a message and a hint", "[base]") {
  const Error error(ErrorCode::kWrongSize, "the buffer is small", "give a larger one");
  CHECK(error.text() == "wrong_size: the buffer is small\n  hint: give a larger one");
  CHECK(Error(ErrorCode::kInternal, "oh").text() == "internal: oh");
  std::set<std::string_view> names;
  for (ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kWrongSize,      ErrorCode::kWrongShape,
        ErrorCode::kWrongType,       ErrorCode::kUnknownName,    ErrorCode::kFileNotFound,
        ErrorCode::kFileUnreadable,  ErrorCode::kFileUnwritable, ErrorCode::kFileMalformed,
        ErrorCode::kModelMalformed,  ErrorCode::kModelInvalid,   ErrorCode::kModelUnsupported,
        ErrorCode::kPlanMalformed,   ErrorCode::kPlanOtherModel, ErrorCode::kOutOfMemory,
        ErrorCode::kLimitExceeded,   ErrorCode::kIsaMissing,     ErrorCode::kKernelFailed,
        ErrorCode::kNotCompiledIn,   ErrorCode::kInternal})
    CHECK(names.insert(error_name(code)).second);
}

TEST_CASE("types, shapes and strides", "[base]") {
  for (int i = 1; i <= static_cast<int>(DataType::u2); ++i) {
    const auto type = static_cast<DataType>(i);
    CHECK(data_type_from_string(to_string(type)) == type);
    CHECK(size_of(type) > 0);
  }
  CHECK(data_type_from_string("float") == DataType::undefined);
  const Shape shape{2, 3, 4, 5};
  CHECK(shape.elements() == 120);
  CHECK(shape.text() == "2x3x4x5");
  CHECK(Shape{}.elements() == 1);
  CHECK(Shape{}.text() == "scalar");
  CHECK(Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}.rank() == kMaxRank);
  CHECK(dense_strides(shape, {Layout::nchw, DataType::f32})[0] == 60);
  const Strides nhwc = dense_strides(shape, {Layout::nhwc, DataType::f32});
  CHECK(nhwc[1] == 1);
  CHECK(nhwc[3] == 3);
  CHECK(nhwc[2] == 15);
  Format blocked{Layout::nchwc, DataType::f32};
  blocked.block = 8;
  CHECK(dense_bytes(shape, blocked) == 2 * 8 * 4 * 5 * sizeof(float));
}

TEST_CASE("attributes are sorted, typed and have a canonical text", "[base]") {
  Attributes a;
  a.set("strides", std::vector<std::int64_t>{2, 1});
  a.set("alpha", 0.1f);
  a.set("mode", std::string("linear"));
  a.set("axis", std::int64_t{-1});
  CHECK(a.text() == "alpha=0.1 axis=-1 mode=linear strides=[2,1]");
  CHECK(a.integer("axis") == -1);
  CHECK(a.integer("alpha", 7) == 7);  // of another type
  CHECK(a.real("none", 2) == 2);
  CHECK(a.integers("strides").size() == 2);
  CHECK(a.string("mode") == "linear");
  Attributes b = a;
  CHECK(a == b);
  b.set("alpha", 0.2f);
  CHECK_FALSE(a == b);
  b.erase("alpha");
  CHECK_FALSE(b.has("alpha"));
}

TEST_CASE("hashes are XXH3's", "[base]") {
  // The published value of XXH3-128 for no input.
  CHECK(hash_text({}) == "xxh3:99aa06d3014798d86001c324468d497f");
  const std::string_view text = "fettle";
  const auto bytes = std::as_bytes(std::span(text));
  CHECK(hash_text(bytes) != hash_text(bytes.first(5)));
  CHECK(hash_text(bytes).size() == 5 + 32);
}

TEST_CASE("a hash of several things tells where one ends", "[base]") {
  const auto hash = [](std::initializer_list<std::string_view> texts) {
    Hasher hasher;
    for (std::string_view text : texts) hasher.add(text);
    return hasher.text();
  };
  CHECK(Hasher().text() == hash_text({}));
  CHECK(hash({"ab", "c"}) == hash({"ab", "c"}));
  CHECK(hash({"ab", "c"}) != hash({"a", "bc"}));
  CHECK(hash({"ab"}) != hash({"ab", ""}));
  // Numbers are hashed as 8 bytes, lowest first, on every machine.
  Hasher number;
  number.add(std::int64_t{0x0102});
  const unsigned char bytes[] = {2, 1, 0, 0, 0, 0, 0, 0};
  CHECK(number.text() == hash_text(std::as_bytes(std::span(bytes))));
}

TEST_CASE("products and sums that overflow are seen", "[base]") {
  constexpr std::int64_t kLarge = std::int64_t{1} << 31;
  CHECK(checked_mul(kLarge, kLarge) == std::int64_t{1} << 62);
  CHECK_FALSE(checked_mul(2 * kLarge, kLarge));
  CHECK(checked_add<std::int64_t>(1, 2) == 3);
  CHECK_FALSE(checked_add<std::int64_t>(std::numeric_limits<std::int64_t>::max(), 1));
  const std::int64_t dims[] = {0, std::int64_t{1} << 62, std::int64_t{1} << 62};
  CHECK_FALSE(checked_elements(dims));
  CHECK(checked_elements(std::span(dims).first(1)) == 0);
  CHECK_FALSE(checked_bytes(-1, DataType::f32));
  CHECK(checked_bytes(5, DataType::f64) == std::size_t{40});
}

TEST_CASE("buffers are aligned, large ones to huge pages", "[base]") {
  constexpr std::size_t kHuge = AlignedBuffer::kHugePage;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{4096},
                                 kHuge - 1, kHuge, kHuge + 1, 3 * kHuge}) {
    CAPTURE(size);
    const AlignedBuffer buffer = value_of(AlignedBuffer::allocate(size));
    CHECK(buffer.bytes().size() == size);
    const std::size_t alignment = size < kHuge ? AlignedBuffer::kAlignment : kHuge;
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.bytes().data()) % alignment == 0);
    if (size > 0) std::memset(buffer.bytes().data(), 1, size);
  }
  error_of(AlignedBuffer::allocate(std::numeric_limits<std::size_t>::max() / 2), ErrorCode::kOutOfMemory);
}

TEST_CASE("files are mapped, or the reason is said", "[base]") {
  const std::string path = (std::filesystem::temp_directory_path() / "fettle_mapped_file").string();
  std::ofstream(path) << "hello";
  const auto file = value_of(MappedFile::open(path, 100));
  CHECK(file->bytes().size() == 5);
  CHECK(std::memcmp(file->bytes().data(), "hello", 5) == 0);
  error_of(MappedFile::open(path, 4), ErrorCode::kLimitExceeded, path);
  // What is mapped stays after the name has gone.
  std::filesystem::remove(path);
  CHECK(std::memcmp(file->bytes().data(), "hello", 5) == 0);
  CHECK_FALSE(error_of(MappedFile::open(path, 100), ErrorCode::kFileNotFound, path).hint().empty());
  std::ofstream(path).close();
  CHECK(value_of(MappedFile::open(path, 100))->bytes().empty());
  error_of(MappedFile::open(path + "/below", 100), ErrorCode::kFileNotFound, path);
  std::filesystem::remove(path);
  error_of(MappedFile::open("", 100), ErrorCode::kFileNotFound);
  error_of(MappedFile::open("/dev/zero", 100), ErrorCode::kFileUnreadable, "/dev/zero");
  error_of(MappedFile::open(std::filesystem::temp_directory_path().string(), 100), ErrorCode::kFileUnreadable,
           "");
}

TEST_CASE("text becomes valid UTF-8", "[base]") {
  const std::string bad = "\xef\xbf\xbd";
  CHECK(valid_utf8("") == "");
  const std::string good =
      "a \xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\x7f";
  CHECK(valid_utf8(good) == good);
  CHECK(valid_utf8(std::string_view("a\0b", 3)) == std::string("a\0b", 3));
  CHECK(valid_utf8("\xe4rger") == bad + "rger");
  CHECK(valid_utf8("\x80") == bad);
  CHECK(valid_utf8("\xc0\xaf") == bad + bad);                      // overlong
  CHECK(valid_utf8("\xe0\x9f\xbf") == bad + bad + bad);            // overlong
  CHECK(valid_utf8("\xed\xa0\x80") == bad + bad + bad);            // a surrogate
  CHECK(valid_utf8("\xf4\x90\x80\x80") == bad + bad + bad + bad);  // above U+10FFFF
  CHECK(valid_utf8("x\xc3") == "x" + bad);                         // cut off
  CHECK(valid_utf8("\xe2\x82") == bad + bad);
  CHECK(valid_utf8("\xf0\x9f\x98x") == bad + bad + bad + "x");
}

TEST_CASE("the CPU is described", "[base]") {
  const Cpu& cpu = this_cpu();
  CHECK(cpu.core_count() >= 1);
  REQUIRE_FALSE(cpu.cores.empty());
#if defined(__aarch64__)
  CHECK(has_all(cpu.isa, Isa::neon | Isa::neon_fma));
#elif defined(__x86_64__)
  CHECK_FALSE(has_all(cpu.isa, Isa::neon));
#endif
  CHECK(isa_text(Isa::none).empty());
  CHECK(isa_text(Isa::avx2 | Isa::fma3) == "fma3,avx2");
}

}  // namespace fettle::test
