// SPDX-License-Identifier: Apache-2.0
#include <fettle/types.h>

#include <algorithm>

namespace fettle {
namespace {

struct TypeRow {
  DataType type;
  std::string_view name;
  std::size_t bytes;
};
constexpr TypeRow kTypes[] = {
    {DataType::undefined, "undefined", 0},
    {DataType::f32, "f32", 4},
    {DataType::f16, "f16", 2},
    {DataType::bf16, "bf16", 2},
    {DataType::f64, "f64", 8},
    {DataType::s8, "s8", 1},
    {DataType::u8, "u8", 1},
    {DataType::s16, "s16", 2},
    {DataType::u16, "u16", 2},
    {DataType::s32, "s32", 4},
    {DataType::u32, "u32", 4},
    {DataType::s64, "s64", 8},
    {DataType::u64, "u64", 8},
    {DataType::boolean, "boolean", 1},
    {DataType::f8e4m3fn, "f8e4m3fn", 1},
    {DataType::f8e4m3fnuz, "f8e4m3fnuz", 1},
    {DataType::f8e5m2, "f8e5m2", 1},
    {DataType::f8e5m2fnuz, "f8e5m2fnuz", 1},
    {DataType::f8e8m0, "f8e8m0", 1},
    {DataType::f4e2m1, "f4e2m1", 1},
    {DataType::s4, "s4", 1},
    {DataType::u4, "u4", 1},
    {DataType::s2, "s2", 1},
    {DataType::u2, "u2", 1},
};

const TypeRow& row(DataType type) noexcept { return kTypes[static_cast<std::size_t>(type)]; }

// Logical axes from the outermost to the innermost in memory, for layouts without blocks.
int stored_axes(const Shape& shape, Layout layout, int (&axes)[kMaxRank]) noexcept {
  int count = 0;
  const bool channels_last = layout == Layout::nhwc && shape.rank() >= 3;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!channels_last || axis != 1) axes[count++] = axis;
  }
  if (channels_last) axes[count++] = 1;
  return count;
}

std::int64_t blocks_of(std::int64_t channels, int block) noexcept { return (channels + block - 1) / block; }

}  // namespace

std::size_t size_of(DataType type) noexcept { return row(type).bytes; }
std::string_view to_string(DataType type) noexcept { return row(type).name; }

DataType data_type_from_string(std::string_view text) noexcept {
  for (const TypeRow& entry : kTypes) {
    if (entry.name == text) return entry.type;
  }
  return DataType::undefined;
}

std::optional<Layout> layout_from_string(std::string_view text) noexcept {
  for (const Layout layout : {Layout::nchw, Layout::nhwc, Layout::nchwc}) {
    if (text == to_string(layout)) return layout;
  }
  return std::nullopt;
}

std::string_view to_string(Layout layout) noexcept {
  switch (layout) {
    case Layout::nchw:
      return "nchw";
    case Layout::nhwc:
      return "nhwc";
    case Layout::nchwc:
      return "nchwc";
  }
  return "unknown";
}

Shape::Shape(std::initializer_list<std::int64_t> dims) noexcept
    : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) noexcept
    : rank_(static_cast<int>(std::min<std::size_t>(dims.size(), kMaxRank))) {
  std::copy_n(dims.begin(), rank_, dims_.begin());
}

std::int64_t Shape::elements() const noexcept {
  std::int64_t product = 1;
  for (std::int64_t extent : dims()) product *= extent;
  return product;
}

void Shape::push_back(std::int64_t extent) noexcept {
  if (rank_ < kMaxRank) dims_[static_cast<std::size_t>(rank_++)] = extent;
}

std::string Shape::text() const {
  if (rank_ == 0) return "scalar";
  std::string text;
  for (std::int64_t extent : dims()) {
    if (!text.empty()) text.push_back('x');
    text += std::to_string(extent);
  }
  return text;
}

bool operator==(const Shape& a, const Shape& b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

Strides dense_strides(const Shape& shape, const Format& format) noexcept {
  Strides strides{};
  std::int64_t stride = 1;
  if (format.layout == Layout::nchwc && format.block > 0 && shape.rank() >= 2) {
    stride = format.block;
    for (int axis = shape.rank(); axis-- > 0;) {
      strides[static_cast<std::size_t>(axis)] = stride;
      stride *= axis == 1 ? blocks_of(shape[1], format.block) : shape[axis];
    }
    return strides;
  }
  int axes[kMaxRank];
  for (int i = stored_axes(shape, format.layout, axes); i-- > 0;) {
    strides[static_cast<std::size_t>(axes[i])] = stride;
    stride *= shape[axes[i]];
  }
  return strides;
}

std::size_t dense_bytes(const Shape& shape, const Format& format) noexcept {
  std::int64_t elements = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool blocked = axis == 1 && format.layout == Layout::nchwc && format.block > 0;
    elements *= blocked ? blocks_of(shape[1], format.block) * format.block : shape[axis];
  }
  return static_cast<std::size_t>(elements) * size_of(format.type);
}

}  // namespace fettle
