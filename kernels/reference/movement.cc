// SPDX-License-Identifier: Apache-2.0
//
// Operators that move elements, of any type; casts and conversions.
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace fettle::kernels::reference {
namespace {

// Copies one element of any type.
struct Mover {
  std::size_t bytes;
  void operator()(const View<std::byte>& to, const Index& i, const View<const std::byte>& from,
                  const Index& j) const {
    std::memcpy(to.data + to.offset(i) * static_cast<std::int64_t>(bytes),
                from.data + from.offset(j) * static_cast<std::int64_t>(bytes), bytes);
  }
};

Mover mover(const Buffers& b) { return {b.element_bytes()}; }

void concat(const Buffers& b) {
  const auto y = b.out<std::byte>();
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const Mover move = mover(b);
  std::int64_t start = 0;
  for (std::size_t operand = 0; operand < b.layer.main().operands.size(); ++operand) {
    const auto x = b.in<std::byte>(operand);
    for_each_index(x.desc.shape, [&](const Index& i) {
      Index to = i;
      to[axis] += start;
      move(y, to, x, i);
    });
    start += x.extent(static_cast<int>(axis));
  }
}

void split(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const Mover move = mover(b);
  std::int64_t start = 0;
  for (std::size_t part = 0; part < b.outputs.size(); ++part) {
    const auto y = b.out<std::byte>(part);
    for_each_index(y.desc.shape, [&](const Index& i) {
      Index from = i;
      from[axis] += start;
      move(y, i, x, from);
    });
    start += y.extent(static_cast<int>(axis));
  }
}

void slice(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto starts = b.attributes().integers("starts");
  const auto axes = b.attributes().integers("axes");
  const auto steps = b.attributes().integers("steps");
  const Mover move = mover(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from = i;
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const auto axis = static_cast<std::size_t>(axes[k]);
      from[axis] = starts[k] + i[axis] * steps[k];
    }
    move(y, i, x, from);
  });
}

// Where a padded position comes from, or -1 for the constant.
std::int64_t padded_source(std::int64_t at, std::int64_t extent, std::string_view mode) {
  if (at >= 0 && at < extent) return at;
  if (mode == "edge") return at < 0 ? 0 : extent - 1;
  if (mode == "reflect") return at < 0 ? -at : 2 * (extent - 1) - at;
  return -1;
}

void pad(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto pads = b.attributes().integers("pads");
  const std::string_view mode = b.attributes().string("mode");
  const Mover move = mover(b);
  const float value = b.attributes().real("value");
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from{};
    bool inside = true;
    for (int axis = 0; axis < x.desc.shape.rank(); ++axis) {
      const auto k = static_cast<std::size_t>(axis);
      from[k] = padded_source(i[k] - pads[k], x.extent(axis), mode);
      inside = inside && from[k] >= 0;
    }
    if (inside) return move(y, i, x, from);
    std::byte* target = y.data + y.offset(i) * static_cast<std::int64_t>(move.bytes);
    std::memset(target, 0, move.bytes);
    if (y.desc.format.type == DataType::f32) std::memcpy(target, &value, sizeof value);
  });
}

Refusal supports_pad(const LayerDesc& layer, const Cpu& cpu) {
  // The value is a float; other types can only be padded with zero.
  const bool zero = layer.main().attributes.real("value") == 0;
  if (!zero && layer.outputs.front().format.type != DataType::f32) return Refusal::data_type;
  return any_type(layer, cpu);
}

void transpose(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const auto perm = b.attributes().integers("perm");
  const Mover move = mover(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from{};
    for (std::size_t axis = 0; axis < perm.size(); ++axis)
      from[static_cast<std::size_t>(perm[axis])] = i[axis];
    move(y, i, x, from);
  });
}

// Reads and writes in row-major order, whatever the shapes.
void reshape(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover move = mover(b);
  Index from{};
  for_each_index(y.desc.shape, [&](const Index& i) {
    move(y, i, x, from);
    for (int axis = x.desc.shape.rank(); axis-- > 0;) {
      if (++from[static_cast<std::size_t>(axis)] < x.extent(axis)) break;
      from[static_cast<std::size_t>(axis)] = 0;
    }
  });
}

// Expand and tile: positions wrap around the input's extents.
void repeat(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover move = mover(b);
  const int missing = y.desc.shape.rank() - x.desc.shape.rank();
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index from{};
    for (int axis = 0; axis < x.desc.shape.rank(); ++axis)
      from[static_cast<std::size_t>(axis)] = i[static_cast<std::size_t>(axis + missing)] % x.extent(axis);
    move(y, i, x, from);
  });
}

std::int64_t integer_at(const Buffers& b, std::size_t operand, const Index& index) {
  return b.in<std::byte>(operand).desc.format.type == DataType::s64 ? b.in<std::int64_t>(operand)[index]
                                                                    : b.in<std::int32_t>(operand)[index];
}

// An index outside the axis is clamped to it: what a computed index is cannot be known before.
void gather(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const int axis = static_cast<int>(b.attributes().integer("axis"));
  const int index_rank = b.in<std::byte>(1).desc.shape.rank();
  const Mover move = mover(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    Index at{};
    for (int k = 0; k < index_rank; ++k)
      at[static_cast<std::size_t>(k)] = i[static_cast<std::size_t>(axis + k)];
    std::int64_t chosen = integer_at(b, 1, at);
    if (chosen < 0) chosen += x.extent(axis);
    Index from{};
    for (int k = 0; k < axis; ++k) from[static_cast<std::size_t>(k)] = i[static_cast<std::size_t>(k)];
    from[static_cast<std::size_t>(axis)] = std::clamp<std::int64_t>(chosen, 0, x.extent(axis) - 1);
    for (int k = axis + 1; k < x.desc.shape.rank(); ++k)
      from[static_cast<std::size_t>(k)] = i[static_cast<std::size_t>(k + index_rank - 1)];
    move(y, i, x, from);
  });
}

Refusal supports_gather(const LayerDesc& layer, const Cpu& cpu) {
  const TensorDesc* x = layer.operand(0);
  const auto axis = static_cast<int>(layer.main().attributes.integer("axis"));
  if (x->shape[axis] < 1) return Refusal::shape;
  return any_type(layer, cpu);
}

void where(const Buffers& b) {
  const auto condition = b.in<std::uint8_t>(0);
  const auto y = b.out<std::byte>();
  const Mover move = mover(b);
  const int rank = y.desc.shape.rank();
  for_each_index(y.desc.shape, [&](const Index& i) {
    const bool chosen = condition[broadcast_index(i, rank, condition.desc.shape)] != 0;
    const auto from = b.in<std::byte>(chosen ? 1 : 2);
    move(y, i, from, broadcast_index(i, rank, from.desc.shape));
  });
}

void depth_to_space(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const std::int64_t block = b.attributes().integer("blocksize");
  const bool depth_first = b.attributes().string("mode") == "DCR";
  const Mover move = mover(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    const std::int64_t cell = i[2] % block * block + i[3] % block;
    const std::int64_t channel = depth_first ? cell * y.extent(1) + i[1] : i[1] * block * block + cell;
    move(y, i, x, {i[0], channel, i[2] / block, i[3] / block});
  });
}

void space_to_depth(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const std::int64_t block = b.attributes().integer("blocksize");
  const Mover move = mover(b);
  for_each_index(y.desc.shape, [&](const Index& i) {
    const std::int64_t cell = i[1] / x.extent(1);
    move(y, i, x, {i[0], i[1] % x.extent(1), i[2] * block + cell / block, i[3] * block + cell % block});
  });
}

// Reads any number as double; 64-bit integers beyond 2^53 are cast on a path of their own.
double number_at(const void* data, DataType type, std::int64_t offset) {
  switch (type) {
    case DataType::f32:
      return static_cast<double>(static_cast<const float*>(data)[offset]);
    case DataType::f64:
      return static_cast<const double*>(data)[offset];
    case DataType::s8:
      return static_cast<const std::int8_t*>(data)[offset];
    case DataType::u8:
    case DataType::boolean:
      return static_cast<const std::uint8_t*>(data)[offset];
    case DataType::s16:
      return static_cast<const std::int16_t*>(data)[offset];
    case DataType::u16:
      return static_cast<const std::uint16_t*>(data)[offset];
    case DataType::s32:
      return static_cast<const std::int32_t*>(data)[offset];
    case DataType::u32:
      return static_cast<const std::uint32_t*>(data)[offset];
    case DataType::s64:
      return static_cast<double>(static_cast<const std::int64_t*>(data)[offset]);
    default:
      return 0;
  }
}

// Conversion to an integer that saturates where C++ leaves the result undefined.
template <typename T>
T saturated(double value) {
  if (std::isnan(value)) return 0;
  const double low = static_cast<double>(std::numeric_limits<T>::min());
  const double high = static_cast<double>(std::numeric_limits<T>::max());
  if (value <= low) return std::numeric_limits<T>::min();
  return value >= high ? std::numeric_limits<T>::max() : static_cast<T>(value);
}

void store_number(void* data, DataType type, std::int64_t offset, double value) {
  switch (type) {
    case DataType::f32:
      static_cast<float*>(data)[offset] = static_cast<float>(value);
      break;
    case DataType::f64:
      static_cast<double*>(data)[offset] = value;
      break;
    case DataType::s8:
      static_cast<std::int8_t*>(data)[offset] = saturated<std::int8_t>(value);
      break;
    case DataType::u8:
      static_cast<std::uint8_t*>(data)[offset] = saturated<std::uint8_t>(value);
      break;
    case DataType::boolean:
      static_cast<std::uint8_t*>(data)[offset] = value != 0 ? 1 : 0;
      break;
    case DataType::s16:
      static_cast<std::int16_t*>(data)[offset] = saturated<std::int16_t>(value);
      break;
    case DataType::u16:
      static_cast<std::uint16_t*>(data)[offset] = saturated<std::uint16_t>(value);
      break;
    case DataType::s32:
      static_cast<std::int32_t*>(data)[offset] = saturated<std::int32_t>(value);
      break;
    case DataType::u32:
      static_cast<std::uint32_t*>(data)[offset] = saturated<std::uint32_t>(value);
      break;
    case DataType::s64:
      static_cast<std::int64_t*>(data)[offset] = saturated<std::int64_t>(value);
      break;
    default:
      break;
  }
}

bool has_numbers(DataType type) {
  return type != DataType::f16 && type != DataType::bf16 && type != DataType::u64 &&
         type != DataType::undefined;
}

void cast(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover move = mover(b);
  const DataType from = x.desc.format.type;
  const DataType to = y.desc.format.type;
  for_each_index(y.desc.shape, [&](const Index& i) {
    if (from == to)
      move(y, i, x, i);
    else
      store_number(y.data, to, y.offset(i), number_at(x.data, from, x.offset(i)));
  });
}

Refusal supports_cast(const LayerDesc& layer, const Cpu& cpu) {
  const DataType from = layer.inputs.front().format.type;
  const DataType to = layer.outputs.front().format.type;
  if (from != to && (!has_numbers(from) || !has_numbers(to))) return Refusal::data_type;
  return any_type(layer, cpu);
}

// A change of layout, type, or both; pictures are scaled and shifted on the way.
void convert(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Mover move = mover(b);
  const auto scale = b.attributes().reals("scale");
  const auto shift = b.attributes().reals("shift");
  const bool swap = b.attributes().integer("swap") != 0;
  const DataType from = x.desc.format.type;
  const DataType to = y.desc.format.type;
  for_each_index(y.desc.shape, [&](const Index& i) {
    if (from == to && scale.empty()) return move(y, i, x, i);
    Index source = i;
    if (swap) source[1] = 2 - i[1];
    float value = static_cast<float>(number_at(x.data, from, x.offset(source)));
    const auto c = static_cast<std::size_t>(i[1]);
    if (!scale.empty()) value = value * scale[c] + shift[c];
    store_number(y.data, to, y.offset(i), static_cast<double>(value));
  });
}

Refusal supports_convert(const LayerDesc& layer, const Cpu&) {
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  if (!(x.shape == y.shape)) return Refusal::shape;
  if (x.format.layout == Layout::nchwc || y.format.layout == Layout::nchwc) return Refusal::layout;
  if (x.format.type != y.format.type && (!has_numbers(x.format.type) || !has_numbers(y.format.type)))
    return Refusal::data_type;
  const auto scale = layer.main().attributes.reals("scale");
  const auto shift = layer.main().attributes.reals("shift");
  if (scale.size() != shift.size()) return Refusal::attribute;
  if (!scale.empty() && (x.shape.rank() < 2 || scale.size() != static_cast<std::size_t>(x.shape[1])))
    return Refusal::attribute;
  return layer.main().attributes.integer("swap") != 0 && (x.shape.rank() < 2 || x.shape[1] != 3)
             ? Refusal::attribute
             : Refusal::none;
}

constexpr LayoutPair kAnyLayouts[] = {{Layout::nchw, Layout::nhwc},
                                      {Layout::nhwc, Layout::nchw},
                                      {Layout::nhwc, Layout::nhwc},
                                      {Layout::nchw, Layout::nchw}};

constexpr Op kOps[] = {Op::concat,         Op::split,          Op::slice, Op::pad,     Op::transpose,
                       Op::reshape,        Op::expand,         Op::tile,  Op::gather,  Op::where,
                       Op::depth_to_space, Op::space_to_depth, Op::cast,  Op::convert, Op::identity};
constexpr std::span<const Op> op(std::size_t i) { return {&kOps[i], 1}; }

constexpr Kernel kConcat = row<concat>("concat.copy.any.reference", op(0), any_type);
constexpr Kernel kSplit = row<split>("split.copy.any.reference", op(1), any_type);
constexpr Kernel kSlice = row<slice>("slice.copy.any.reference", op(2), any_type);
constexpr Kernel kPad = row<pad>("pad.copy.any.reference", op(3), supports_pad);
constexpr Kernel kTranspose = row<transpose>("transpose.copy.any.reference", op(4), any_type);
constexpr Kernel kReshape = row<reshape>("reshape.copy.any.reference", op(5), any_type);
constexpr Kernel kExpand = row<repeat>("expand.copy.any.reference", op(6), any_type);
constexpr Kernel kTile = row<repeat>("tile.copy.any.reference", op(7), any_type);
constexpr Kernel kGather = row<gather>("gather.copy.any.reference", op(8), supports_gather);
constexpr Kernel kWhere = row<where>("where.copy.any.reference", op(9), any_type);
constexpr Kernel kDepthToSpace = row<depth_to_space>("depth_to_space.copy.any.reference", op(10), any_type);
constexpr Kernel kSpaceToDepth = row<space_to_depth>("space_to_depth.copy.any.reference", op(11), any_type);
constexpr Kernel kCast = row<cast>("cast.direct.any.reference", op(12), supports_cast);
constexpr Kernel kIdentity = row<reshape>("identity.copy.any.reference", op(14), any_type);
constexpr Kernel kConvert = [] {
  Kernel kernel = row<convert>("convert.direct.any.reference", op(13), supports_convert);
  kernel.layouts = kAnyLayouts;
  return kernel;
}();

constexpr const Kernel* kRows[] = {&kConcat,       &kSplit,        &kSlice, &kPad,     &kTranspose,
                                   &kReshape,      &kExpand,       &kTile,  &kGather,  &kWhere,
                                   &kDepthToSpace, &kSpaceToDepth, &kCast,  &kConvert, &kIdentity};

}  // namespace

std::span<const Kernel* const> movement_rows() noexcept { return kRows; }

}  // namespace fettle::kernels::reference
