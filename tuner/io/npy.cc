// SPDX-License-Identifier: Apache-2.0
//
// The .npy format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "tuner/io/npy.h"

#include <fettle/files.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace fettle::io {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct TypeName {
  std::string_view text;
  DataType type;
};
constexpr TypeName kTypes[] = {{"<f4", DataType::f32},    {"<f2", DataType::f16}, {"<f8", DataType::f64},
                               {"|V2", DataType::bf16},   {"|i1", DataType::s8},  {"|u1", DataType::u8},
                               {"<i2", DataType::s16},    {"<u2", DataType::u16}, {"<i4", DataType::s32},
                               {"<u4", DataType::u32},    {"<i8", DataType::s64}, {"<u8", DataType::u64},
                               {"|b1", DataType::boolean}};

Error malformed(const std::string& name, std::string_view what) {
  return Error(ErrorCode::kFileMalformed, name + ": " + std::string(what),
               "write it with numpy.save or numpy.savez");
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The text of a value in the header's Python dictionary, from after the colon.
std::string_view header_value(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) return {};
  const std::size_t colon = header.find(':', at);
  if (colon == std::string_view::npos) return {};
  std::string_view rest = header.substr(colon + 1);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return rest;
}

bool parse_shape(std::string_view text, std::vector<std::int64_t>& shape) {
  if (text.empty() || text.front() != '(') return false;
  text.remove_prefix(1);
  for (;;) {
    while (!text.empty() && (text.front() == ' ' || text.front() == ',')) text.remove_prefix(1);
    if (text.empty() || shape.size() > 32) return false;
    if (text.front() == ')') return true;
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc() || extent < 0) return false;
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

}  // namespace

bool Array::has_shape(const Shape& other) const {
  return std::equal(shape.begin(), shape.end(), other.begin(), other.end());
}

std::string Array::shape_text() const {
  std::string text;
  for (std::int64_t extent : shape) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text.empty() ? "scalar" : text;
}

Result<Array> parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text = as_text(bytes);
  if (text.size() < 10 || text.substr(0, kMagic.size()) != kMagic) return malformed(name, "not a .npy array");
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(text[i]));
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3 || (version > 1 && text.size() < 12))
    return malformed(name, "unknown version of the .npy format");
  const std::size_t start = version == 1 ? 10 : 12;
  const std::size_t length =
      version == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (length > text.size() - start) return malformed(name, "the header is cut off");
  const std::string_view header = text.substr(start, length);

  Array array;
  const std::string_view descr = header_value(header, "'descr'");
  for (const TypeName& type : kTypes) {
    if (descr.size() > 4 && descr.substr(1, 3) == type.text) array.type = type.type;
  }
  if (array.type == DataType::undefined)
    return malformed(name, "unsupported element type " + std::string(descr.substr(0, 6)));
  if (header_value(header, "'fortran_order'").substr(0, 5) != "False")
    return malformed(name, "Fortran order is not supported");
  if (!parse_shape(header_value(header, "'shape'"), array.shape)) return malformed(name, "bad shape");
  std::size_t expected = size_of(array.type);
  for (std::int64_t extent : array.shape) {
    if (extent != 0 && expected > kMaxArrayBytes / static_cast<std::size_t>(extent))
      return malformed(name, "the array is too large");
    expected *= static_cast<std::size_t>(extent);
  }
  const std::span<const std::byte> data = bytes.subspan(start + length);
  if (data.size() < expected) return malformed(name, "the data is cut off");
  array.bytes.assign(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(expected));
  return array;
}

Result<Array> load_npy(const std::string& path) {
  Result<std::vector<std::byte>> bytes = read_file(path, kMaxArrayBytes);
  if (!bytes) return std::move(bytes).error();
  return parse_npy(*bytes, path);
}

std::string format_npy(DataType type, std::span<const std::int64_t> shape, std::span<const std::byte> bytes) {
  std::string header = "{'descr': '";
  for (const TypeName& entry : kTypes) {
    if (entry.type == type) header += entry.text;
  }
  header += "', 'fortran_order': False, 'shape': (";
  for (std::int64_t extent : shape) header += std::to_string(extent) + ",";
  header += "), }";
  header.append(63 - (10 + header.size()) % 64, ' ').push_back('\n');
  std::string text(kMagic);
  text.append(
      {'\x01', '\x00', static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)});
  text += header;
  text.append(as_text(bytes));
  return text;
}

}  // namespace fettle::io
