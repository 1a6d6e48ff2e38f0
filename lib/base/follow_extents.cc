// SPDX-License-Identifier: Apache-2.0
#include "lib/base/checked.h"
#include "lib/base/extent_rules.h"
#include "lib/base/extents.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace fettle {
namespace {

constexpr const char kUnfit[] = "the extents that the data give do not fit each other";
constexpr const char kOutOfRange[] = "an extent that the data give is out of range";

// The integers of an operand.
class Integers {
 public:
  Integers(const TensorDesc& desc, const void* data) : type_(desc.format.type), data_(data) {
    count_ = desc.shape.elements();
  }
  std::int64_t size() const noexcept { return count_; }
  std::int64_t operator[](std::int64_t i) const noexcept {
    const auto* bytes = static_cast<const std::byte*>(data_);
    if (type_ == DataType::s32) {
      std::int32_t value = 0;
      std::memcpy(&value, bytes + i * 4, sizeof value);
      return value;
    }
    std::int64_t value = 0;
    std::memcpy(&value, bytes + i * 8, sizeof value);
    return value;
  }

 private:
  DataType type_;
  const void* data_;
  std::int64_t count_ = 0;
};

// One layer whose operands are known.
class Following {
 public:
  Following(LayerDesc& layer, std::span<const void* const> data) : layer_(layer), data_(data) {}

  const char* run() noexcept {
    const Op op = layer_.main().op;
    if (keeps_operand_shape(op)) return keep(in(0));
    if (broadcasts(op)) return broadcast();
    switch (op) {
      case Op::reduce_sum:
      case Op::reduce_mean:
      case Op::reduce_max:
      case Op::reduce_min:
      case Op::reduce_prod:
      case Op::reduce_l1:
      case Op::reduce_l2:
      case Op::reduce_sum_square:
      case Op::reduce_log_sum:
      case Op::reduce_log_sum_exp:
        return reduce();
      case Op::arg_max:
      case Op::arg_min:
        return choose();
      case Op::concat:
        return concat();
      case Op::split:
        return split();
      case Op::slice:
        return slice();
      case Op::pad:
        return pad();
      case Op::transpose:
        return transpose();
      case Op::reshape:
        return reshape();
      case Op::expand:
        return expand();
      case Op::tile:
        return tile();
      case Op::gather:
        return gather();
      case Op::gather_elements:
        return gather_elements();
      case Op::gather_nd:
        return gather_nd();
      case Op::scatter_elements:
      case Op::scatter_nd:
        return scatter();
      case Op::one_hot:
        return one_hot();
      case Op::top_k:
        return top_k();
      case Op::gemm:
        return gemm();
      case Op::matmul:
        return matmul();
      case Op::conv:
      case Op::conv_transpose:
      case Op::max_pool:
      case Op::average_pool:
      case Op::global_average_pool:
      case Op::global_max_pool:
        return batch();
      case Op::roi_align:
        return roi_align();
      case Op::resize:
        return resize();
      case Op::range:
        return range();
      case Op::constant_of_shape:
        return constant_of_shape();
      case Op::select:
        return select();
      case Op::quantize_linear:
      case Op::dequantize_linear:
        return quantise();
      case Op::shape:
      case Op::size:
      case Op::non_zero:
      case Op::compress:
      case Op::unique:
      case Op::non_max_suppression:
        return found_by_kernel();
      default:
        return "the operator does not follow operands whose extents depend on the data";
    }
  }

 private:
  bool running() const noexcept { return !data_.empty(); }
  bool has(std::size_t operand) const noexcept { return layer_.operand(operand) != nullptr; }
  const TensorDesc& in(std::size_t operand) const noexcept { return *layer_.operand(operand); }
  TensorDesc& out(std::size_t i = 0) noexcept { return layer_.outputs[i]; }
  const Attributes& attributes() const noexcept { return layer_.main().attributes; }
  Integers integers(std::size_t operand) const noexcept {
    const auto at = static_cast<std::size_t>(layer_.main().operands[operand]);
    return {layer_.inputs[at], data_[at]};
  }
  // While running: the contents of an operand that has one number for each of `count`.
  bool has_integers(std::size_t operand, std::int64_t count) const noexcept {
    return has(operand) && in(operand).shape.elements() == count;
  }

  void set(TensorDesc& tensor, int axis, Extent extent) noexcept {
    tensor.shape[axis] = extent.most;
    set_bounded(tensor, axis, extent.bounded);
  }
  const char* keep(const TensorDesc& like) noexcept {
    for (TensorDesc& result : layer_.outputs) {
      result.shape = like.shape;
      result.bounded = like.bounded;
    }
    return nullptr;
  }

  // By one scale, or along an axis of one extent.
  const char* quantise() noexcept {
    const bool one = has(1) ? in(1).shape.elements() == 1 : attributes().reals("scale").size() == 1;
    const std::int64_t axis = attributes().integer("axis", 1);
    const bool along = axis >= 0 && axis < in(0).shape.rank() && is_bounded(in(0), static_cast<int>(axis));
    if (!one && (along || attributes().integer("block_size") != 0))
      return "the extent of the axis that scales lie along depends on the data";
    return keep(in(0));
  }

  const char* broadcast() noexcept {
    TensorDesc all = in(0);
    for (std::size_t i = 1; i < layer_.main().operands.size(); ++i) {
      const std::optional<TensorDesc> both = broadcast_bounded(all, in(i));
      if (!both) return kUnfit;
      all = *both;
    }
    return keep(all);
  }

  bool is_reduced(int axis) const noexcept {
    const auto axes = attributes().integers("axes");
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  }
  const char* reduce() noexcept {
    const bool keeps = attributes().integer("keepdims", 1) != 0;
    int to = 0;
    for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
      if (!is_reduced(axis))
        set(out(), to++, extent_of(in(0), axis));
      else if (keeps)
        set(out(), to++, {1, false});
    }
    return nullptr;
  }

  const char* choose() noexcept {
    const auto chosen = static_cast<int>(attributes().integer("axis"));
    const bool keeps = attributes().integer("keepdims", 1) != 0;
    // Of no elements none can be chosen.
    if (running() && in(0).shape[chosen] == 0) return "there are no elements to choose from";
    int to = 0;
    for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
      if (axis != chosen)
        set(out(), to++, extent_of(in(0), axis));
      else if (keeps)
        set(out(), to++, {1, false});
    }
    return nullptr;
  }

  const char* concat() noexcept {
    const auto along = static_cast<int>(attributes().integer("axis"));
    TensorDesc all = in(0);
    for (std::size_t i = 1; i < layer_.main().operands.size(); ++i) {
      for (int axis = 0; axis < all.shape.rank(); ++axis) {
        const Extent a = extent_of(all, axis);
        const Extent b = extent_of(in(i), axis);
        if (axis == along) {
          const auto sum = checked_add(a.most, b.most);
          if (!sum) return kOutOfRange;
          set(all, axis, {*sum, a.bounded || b.bounded});
          continue;
        }
        const std::optional<Extent> both = same(a, b);
        if (!both) return kUnfit;
        set(all, axis, *both);
      }
    }
    return keep(all);
  }

  const char* split() noexcept {
    const auto along = static_cast<int>(attributes().integer("axis"));
    if (is_bounded(in(0), along)) return "the axis that is split has an extent that depends on the data";
    for (TensorDesc& piece : layer_.outputs) {
      for (int axis = 0; axis < piece.shape.rank(); ++axis) {
        if (axis != along) set(piece, axis, extent_of(in(0), axis));
      }
    }
    return nullptr;
  }

  const char* slice() noexcept {
    const auto axes = attributes().integers("axes");
    const auto steps = attributes().integers("steps");
    const bool computed = layer_.main().operands.size() > 1;
    for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) set(out(), axis, extent_of(in(0), axis));
    }
    // Those of the axes that it slices inference has found, unless they are operands.
    if (!computed || !running()) return nullptr;
    const auto count = static_cast<std::int64_t>(axes.size());
    if (!has_integers(1, count) || !has_integers(2, count)) return kUnfit;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto axis = static_cast<int>(axes[static_cast<std::size_t>(i)]);
      std::int64_t start = integers(1)[i];
      set(out(), axis,
          {slice_extent(in(0).shape[axis], steps[static_cast<std::size_t>(i)], start, integers(2)[i]),
           false});
    }
    return nullptr;
  }

  const char* pad() noexcept {
    const auto pads = attributes().integers("pads");
    const int rank = in(0).shape.rank();
    for (int axis = 0; axis < rank; ++axis) {
      const Extent x = extent_of(in(0), axis);
      const std::int64_t more =
          pads[static_cast<std::size_t>(axis)] + pads[static_cast<std::size_t>(axis + rank)];
      if (x.bounded && attributes().string("mode") != "constant")
        return "padding that copies elements does not follow extents that depend on the data";
      if (x.most + more < 0) return kOutOfRange;
      set(out(), axis, {x.most + more, x.bounded});
    }
    return nullptr;
  }

  const char* transpose() noexcept {
    const auto perm = attributes().integers("perm");
    for (int axis = 0; axis < out().shape.rank(); ++axis)
      set(out(), axis, extent_of(in(0), static_cast<int>(perm[static_cast<std::size_t>(axis)])));
    return nullptr;
  }

  const char* reshape() noexcept {
    if (has(1)) return running() ? reshape_by_operand() : nullptr;
    const auto from = attributes().integers("from");
    if (from.empty()) {
      // An operand of one shape, given another once and for all.
      return in(0).bounded == 0 ? nullptr : "the operator does not follow its operand's extents";
    }
    std::array<std::int64_t, kMaxRank> wanted{};
    for (std::size_t i = 0; i < from.size(); ++i) {
      const int axis = static_cast<int>(i);
      wanted[i] = from[i] == kFixed ? out().shape[axis] : from[i];
    }
    return reshape_to(std::span(wanted).first(from.size()), from);
  }

  // `from`: an axis of the operand; kRest; or kFixed: as `wanted` says.
  const char* reshape_to(std::span<const std::int64_t> wanted, std::span<const std::int64_t> from) noexcept {
    std::array<bool, kMaxRank> copied{};
    std::int64_t fixed = 1;
    int rest = -1;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto to = static_cast<int>(i);
      if (from[i] >= 0) {
        copied[static_cast<std::size_t>(from[i])] = true;
        set(out(), to, extent_of(in(0), static_cast<int>(from[i])));
      } else if (from[i] == kRest) {
        rest = to;
      } else {
        const auto product = checked_mul(fixed, wanted[i]);
        if (!product) return kOutOfRange;
        fixed = *product;
        set(out(), to, {wanted[i], false});
      }
    }
    std::int64_t left = 1;
    bool bounded = false;
    for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
      if (copied[static_cast<std::size_t>(axis)]) continue;
      const auto product = checked_mul(left, in(0).shape[axis]);
      if (!product) return kOutOfRange;
      left = *product;
      bounded = bounded || is_bounded(in(0), axis);
    }
    if (rest >= 0) {
      if (fixed == 0 || (!bounded && left % fixed != 0)) return kUnfit;
      set(out(), rest, {left / fixed, bounded});
      return nullptr;
    }
    const bool fits = bounded ? left >= fixed : left == fixed;
    return fits ? nullptr : kUnfit;
  }

  const char* reshape_by_operand() noexcept {
    const Integers shape = integers(1);
    const bool allow_zero = attributes().integer("allowzero") != 0;
    if (shape.size() != out().shape.rank()) return kUnfit;
    std::array<std::int64_t, kMaxRank> wanted{};
    std::array<std::int64_t, kMaxRank> from{};
    bool has_rest = false;
    for (std::int64_t i = 0; i < shape.size(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      wanted[k] = shape[i];
      from[k] = kFixed;
      if (wanted[k] == 0 && !allow_zero) {
        if (i >= in(0).shape.rank()) return kUnfit;
        from[k] = i;
      } else if (wanted[k] == -1 && !has_rest) {
        has_rest = true;
        from[k] = kRest;
      } else if (wanted[k] < 0) {
        return kOutOfRange;
      }
    }
    const auto count = static_cast<std::size_t>(shape.size());
    return reshape_to(std::span(wanted).first(count), std::span(from).first(count));
  }

  // The shape that an operand says, with extents of 0 and more.
  bool read_shape(std::size_t operand, TensorDesc& desc) const noexcept {
    const Integers numbers = integers(operand);
    if (numbers.size() > kMaxRank) return false;
    desc.bounded = 0;
    desc.shape = Shape{};
    for (std::int64_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] < 0) return false;
      desc.shape.push_back(numbers[i]);
    }
    return true;
  }

  const char* expand() noexcept {
    if (!has(1)) return in(0).bounded == 0 ? nullptr : kUnfit;
    if (!running()) return nullptr;
    TensorDesc wanted;
    if (!read_shape(1, wanted)) return kOutOfRange;
    const std::optional<TensorDesc> both = broadcast_bounded(in(0), wanted);
    if (!both || both->shape.rank() != out().shape.rank()) return kUnfit;
    return keep(*both);
  }

  const char* tile() noexcept {
    const bool computed = has(1);
    if (computed && !running()) return nullptr;
    if (computed && !has_integers(1, in(0).shape.rank())) return kUnfit;
    const auto repeats = attributes().integers("repeats");
    for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
      const Extent x = extent_of(in(0), axis);
      const std::int64_t times = computed ? integers(1)[axis] : repeats[static_cast<std::size_t>(axis)];
      const auto extent = times < 0 ? std::nullopt : checked_mul(x.most, times);
      if (!extent) return kOutOfRange;
      set(out(), axis, {*extent, x.bounded});
    }
    return nullptr;
  }

  // Indices need elements that they name, wherever the result has some.
  const char* indexed() noexcept {
    const bool none = running() && in(0).shape.elements() == 0 && out().shape.elements() > 0;
    return none ? "there are indices, but no elements that they could name" : nullptr;
  }

  const char* gather() noexcept {
    const auto along = static_cast<int>(attributes().integer("axis"));
    int to = 0;
    for (int axis = 0; axis < along; ++axis) set(out(), to++, extent_of(in(0), axis));
    for (int axis = 0; axis < in(1).shape.rank(); ++axis) set(out(), to++, extent_of(in(1), axis));
    for (int axis = along + 1; axis < in(0).shape.rank(); ++axis) set(out(), to++, extent_of(in(0), axis));
    return indexed();
  }

  const char* gather_elements() noexcept {
    const auto along = static_cast<int>(attributes().integer("axis"));
    for (int axis = 0; running() && axis < in(0).shape.rank(); ++axis) {
      if (axis != along && in(1).shape[axis] > in(0).shape[axis]) return kUnfit;
    }
    keep(in(1));
    return indexed();
  }

  const char* gather_nd() noexcept {
    const int last = in(1).shape.rank() - 1;
    if (is_bounded(in(1), last)) return "how many axes the indices name depends on the data";
    const auto batch = static_cast<int>(attributes().integer("batch_dims"));
    for (int axis = 0; axis < batch; ++axis) {
      if (!same(extent_of(in(0), axis), extent_of(in(1), axis))) return kUnfit;
    }
    int to = 0;
    for (int axis = 0; axis < last; ++axis) set(out(), to++, extent_of(in(1), axis));
    for (int axis = batch + static_cast<int>(in(1).shape[last]); axis < in(0).shape.rank(); ++axis)
      set(out(), to++, extent_of(in(0), axis));
    return indexed();
  }

  // Updates have the extents that data and indices give.
  const char* scatter() noexcept {
    keep(in(0));
    if (!running()) return nullptr;
    const TensorDesc& x = in(0);
    const TensorDesc& indices = in(1);
    const TensorDesc& updates = in(2);
    bool fits = true;
    if (layer_.main().op == Op::scatter_elements) {
      const auto along = static_cast<int>(attributes().integer("axis"));
      fits = indices.shape == updates.shape;
      for (int axis = 0; axis < x.shape.rank(); ++axis)
        fits = fits && (axis == along || indices.shape[axis] <= x.shape[axis]);
    } else {
      const int last = indices.shape.rank() - 1;
      const auto named = static_cast<int>(indices.shape[last]);
      for (int axis = 0; axis < last; ++axis) fits = fits && updates.shape[axis] == indices.shape[axis];
      for (int axis = named; axis < x.shape.rank(); ++axis)
        fits = fits && updates.shape[last + axis - named] == x.shape[axis];
    }
    if (!fits) return kUnfit;
    const bool none = x.shape.elements() == 0 && updates.shape.elements() > 0;
    return none ? "there are indices, but no elements that they could name" : nullptr;
  }

  const char* one_hot() noexcept {
    const auto at = static_cast<int>(attributes().integer("axis"));
    for (int axis = 0; axis < in(0).shape.rank(); ++axis)
      set(out(), axis < at ? axis : axis + 1, extent_of(in(0), axis));
    return nullptr;
  }

  const char* top_k() noexcept {
    const auto along = static_cast<int>(attributes().integer("axis"));
    const bool computed = has(1);
    for (TensorDesc& result : layer_.outputs) {
      for (int axis = 0; axis < result.shape.rank(); ++axis) {
        if (axis != along) set(result, axis, extent_of(in(0), axis));
      }
      if (!running()) continue;
      if (computed && !has_integers(1, 1)) return kUnfit;
      const std::int64_t k = computed ? integers(1)[0] : attributes().integer("k");
      if (k < 0 || k > in(0).shape[along]) return "k is negative or larger than the axis";
      set(result, along, {k, false});
    }
    return nullptr;
  }

  const char* gemm() noexcept {
    const int m = attributes().integer("transA") != 0 ? 1 : 0;
    const int n = attributes().integer("transB") != 0 ? 0 : 1;
    if (!same(extent_of(in(0), 1 - m), extent_of(in(1), 1 - n))) return kUnfit;
    set(out(), 0, extent_of(in(0), m));
    set(out(), 1, extent_of(in(1), n));
    if (!running() || !has(2)) return nullptr;
    const std::optional<TensorDesc> both = broadcast_bounded(in(2), out());
    return both && both->shape == out().shape ? nullptr : kUnfit;
  }

  const char* matmul() noexcept {
    const TensorDesc& a = in(0);
    const TensorDesc& b = in(1);
    const int rank_a = a.shape.rank();
    const int rank_b = b.shape.rank();
    if (!same(extent_of(a, rank_a - 1), extent_of(b, rank_b == 1 ? 0 : rank_b - 2))) return kUnfit;
    int to = out().shape.rank();
    if (rank_b > 1) set(out(), --to, extent_of(b, rank_b - 1));
    if (rank_a > 1) set(out(), --to, extent_of(a, rank_a - 2));
    for (int back = 3; --to >= 0; ++back) {
      const Extent one{1, false};
      const std::optional<Extent> both = paired(back <= rank_a ? extent_of(a, rank_a - back) : one,
                                                back <= rank_b ? extent_of(b, rank_b - back) : one);
      if (!both) return kUnfit;
      set(out(), to, *both);
    }
    return nullptr;
  }

  // Images one by one; all else has one extent.
  const char* batch() noexcept {
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      constexpr std::uint8_t kOutermost = 1;
      if ((layer_.inputs[i].bounded & (i == 0 ? ~kOutermost : 0xff)) != 0)
        return "the operator follows a number of images that depends on the data, but no other extent";
    }
    for (TensorDesc& result : layer_.outputs) set(result, 0, extent_of(in(0), 0));
    return nullptr;
  }

  const char* roi_align() noexcept {
    if (in(0).bounded != 0) return "the images have extents that depend on the data";
    const std::optional<Extent> both = same(extent_of(in(1), 0), extent_of(in(2), 0));
    if (!both) return kUnfit;
    set(out(), 0, *both);
    return nullptr;
  }

  const char* resize() noexcept {
    if (!has(3)) return in(0).bounded == 0 ? nullptr : "Resize by scales does not follow extents of data";
    if (!running()) return nullptr;
    TensorDesc wanted;
    if (!read_shape(3, wanted)) return kOutOfRange;
    if (wanted.shape.rank() != out().shape.rank()) return kUnfit;
    for (int axis = 0; axis < wanted.shape.rank(); ++axis) {
      if (in(0).shape[axis] == 0 && wanted.shape[axis] > 0) return kUnfit;
    }
    return keep(wanted);
  }

  const char* range() noexcept {
    if (!running()) return nullptr;
    const auto start = integers(0)[0];
    const auto limit = integers(1)[0];
    const auto delta = integers(2)[0];
    const std::optional<std::int64_t> count = range_count(start, limit, delta);
    if (!count) return "delta is 0, or the range is too long";
    set(out(), 0, {*count, false});
    return nullptr;
  }

  const char* constant_of_shape() noexcept {
    if (!running()) return nullptr;
    TensorDesc wanted;
    if (!read_shape(0, wanted)) return kOutOfRange;
    return wanted.shape.rank() == out().shape.rank() ? keep(wanted) : kUnfit;
  }

  // The condition says whose extents they are.
  const char* select() noexcept {
    if (running()) {
      const auto at = static_cast<std::size_t>(layer_.main().operands[0]);
      return keep(in(*static_cast<const std::uint8_t*>(data_[at]) != 0 ? 1 : 2));
    }
    TensorDesc all = in(1);
    for (int axis = 0; axis < all.shape.rank(); ++axis) {
      const Extent a = extent_of(in(1), axis);
      const Extent b = extent_of(in(2), axis);
      set(all, axis, {std::max(a.most, b.most), a.bounded || b.bounded || a.most != b.most});
    }
    return keep(all);
  }

  // What NonZero and its like give has the extents that their kernels find; the rest has one extent.
  const char* found_by_kernel() noexcept {
    for (std::size_t i = 0; i < layer_.outputs.size(); ++i) {
      if (layer_.main().op == Op::unique && i == 2) {
        const auto axis = attributes().find("axis");
        if (axis != nullptr) {
          set(out(i), 0, extent_of(in(0), static_cast<int>(attributes().integer("axis"))));
        } else {
          set(out(i), 0, {in(0).shape.elements(), in(0).bounded != 0});
        }
      }
    }
    return nullptr;
  }

  LayerDesc& layer_;
  std::span<const void* const> data_;
};

}  // namespace

const char* follow_extents(LayerDesc& layer, std::span<const void* const> data) noexcept {
  return Following(layer, data).run();
}

}  // namespace fettle
