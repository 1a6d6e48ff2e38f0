// SPDX-License-Identifier: Apache-2.0
//
// .npy and .npz: whole ones, damaged ones, and ones that would become far larger than they are.
#include "tests/common/check.h"
#include "tests/common/data.h"
#include "tests/io/folder.h"
#include "tuner/io/npy.h"

#include <span>

namespace fettle::test {
namespace {

auto npy(const std::string& text) { return io::parse_npy(bytes_of(text), "a file"); }
auto npz(const std::string& text, std::size_t most = io::kMaxArrayBytes) {
  return io::parse_npz(bytes_of(text), "a file", most);
}

TEST_CASE("arrays of NumPy are read, and refused wherever they are cut off", "[io][arrays]") {
  const std::string whole = seed_file("floats.npy");
  const io::Array array = value_of(npy(whole));
  CHECK(array.type == DataType::f32);
  CHECK(array.has_shape(Shape{2, 3}));
  CHECK(array.shape_text() == "2x3");
  for (int i = 0; i < 6; ++i)
    CHECK(array.values<float>()[static_cast<std::size_t>(i)] == static_cast<float>(i));
  for (std::size_t length = 0; length < whole.size(); ++length)
    error_of(npy(whole.substr(0, length)), ErrorCode::kFileMalformed, "a file");
}

TEST_CASE("archives of NumPy are read, and refused wherever they are cut off", "[io][arrays]") {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    CAPTURE(name);
    const std::string whole = seed_file(name);
    const auto arrays = value_of(npz(whole));
    REQUIRE(arrays.size() == 2);
    CHECK(arrays.at("input").has_shape(Shape{2, 3}));
    CHECK(arrays.at("output").values<std::int64_t>()[1] == -2);
    for (std::size_t length = 0; length < whole.size(); ++length)
      error_of(npz(whole.substr(0, length)), ErrorCode::kFileMalformed, "a file");
  }
}

TEST_CASE("every type of element is written as it is read", "[io][arrays]") {
  for (const DataType type : {DataType::f32, DataType::f16, DataType::bf16, DataType::f64, DataType::s8,
                              DataType::u8, DataType::s16, DataType::u16, DataType::s32, DataType::u32,
                              DataType::s64, DataType::u64, DataType::boolean}) {
    CAPTURE(to_string(type));
    std::vector<std::byte> bytes(6 * size_of(type));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
    const std::vector<std::int64_t> shape{1, 2, 3};
    const io::Array array = value_of(npy(io::format_npy(type, shape, bytes)));
    CHECK(array.type == type);
    CHECK(array.shape == shape);
    CHECK(array.bytes == bytes);
  }
}

TEST_CASE("an array of more dimensions than shapes have is nobody's shape", "[io][arrays]") {
  const std::vector<std::byte> bytes(2 * 4);
  const io::Array array = value_of(
      npy(io::format_npy(DataType::f32, std::vector<std::int64_t>{1, 1, 1, 1, 1, 1, 1, 1, 2}, bytes)));
  CHECK_FALSE(array.has_shape(Shape{1, 1, 1, 1, 1, 1, 1, 1}));
  CHECK(array.shape_text() == "1x1x1x1x1x1x1x1x2");
  const io::Array scalar = value_of(npy(io::format_npy(DataType::f32, {}, std::span(bytes).first(4))));
  CHECK(scalar.has_shape(Shape{}));
  CHECK_FALSE(scalar.has_shape(Shape{1}));
  CHECK(scalar.shape_text() == "scalar");
}

TEST_CASE("an archive does not become larger than allowed", "[io][arrays]") {
  const std::string whole = seed_file("deflated.npz");
  CHECK(npz(whole, 400));
  error_of(npz(whole, 200), ErrorCode::kFileMalformed, "too large");
  // A member that claims to become 1 GiB: at the place of its size in the directory.
  std::string bomb = whole;
  const std::size_t entry = bomb.find("PK\1\2");
  REQUIRE(entry != std::string::npos);
  bomb[entry + 27] = 0x3f;
  error_of(npz(bomb), ErrorCode::kFileMalformed, "damaged");
}

}  // namespace
}  // namespace fettle::test
