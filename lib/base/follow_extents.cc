// SPDX-License-Identifier: Apache-2.0
#include "lib/base/extents.h"
#include "lib/base/following.h"

#include <algorithm>

namespace fettle {

const char* Following::run() noexcept {
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
    case Op::einsum:
      return einsum();
    case Op::attention:
      return attention();
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return recurrent();
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

const char* Following::quantise() noexcept {
  const bool one = has(1) ? in(1).shape.elements() == 1 : attributes().reals("scale").size() == 1;
  const std::int64_t axis = attributes().integer("axis", 1);
  const bool along = axis >= 0 && axis < in(0).shape.rank() && is_bounded(in(0), static_cast<int>(axis));
  if (!one && (along || attributes().integer("block_size") != 0))
    return "the extent of the axis that scales lie along depends on the data";
  return keep(in(0));
}

const char* Following::broadcast() noexcept {
  TensorDesc all = in(0);
  for (std::size_t i = 1; i < layer_.main().operands.size(); ++i) {
    const std::optional<TensorDesc> both = broadcast_bounded(all, in(i));
    if (!both) return kUnfit;
    all = *both;
  }
  return keep(all);
}

bool Following::is_reduced(int axis) const noexcept {
  const auto axes = attributes().integers("axes");
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

const char* Following::reduce() noexcept {
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

const char* Following::choose() noexcept {
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

const char* Following::gemm() noexcept {
  const int m = attributes().integer("transA") != 0 ? 1 : 0;
  const int n = attributes().integer("transB") != 0 ? 0 : 1;
  if (!same(extent_of(in(0), 1 - m), extent_of(in(1), 1 - n))) return kUnfit;
  set(out(), 0, extent_of(in(0), m));
  set(out(), 1, extent_of(in(1), n));
  if (!running() || !has(2)) return nullptr;
  const std::optional<TensorDesc> both = broadcast_bounded(in(2), out());
  return both && both->shape == out().shape ? nullptr : kUnfit;
}

const char* Following::matmul() noexcept {
  for (const char* perm : {"perm_a", "perm_b", "perm_y"}) {
    if (attributes().has(perm)) return "the product transposes its operands or its result";
  }
  const TensorDesc& a = in(0);
  const TensorDesc& b = in(1);
  if (has(2) && is_bounded(b, b.shape.rank() - 1))
    return "a bias has a number for each column, and how many there are depends on the data";
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

const char* Following::batch() noexcept {
  for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
    constexpr std::uint8_t kOutermost = 1;
    if ((layer_.inputs[i].bounded & (i == 0 ? ~kOutermost : 0xff)) != 0)
      return "the operator follows a number of images that depends on the data, but no other extent";
  }
  for (TensorDesc& result : layer_.outputs) set(result, 0, extent_of(in(0), 0));
  return nullptr;
}

const char* Following::roi_align() noexcept {
  if (in(0).bounded != 0) return "the images have extents that depend on the data";
  const std::optional<Extent> both = same(extent_of(in(1), 0), extent_of(in(2), 0));
  if (!both) return kUnfit;
  set(out(), 0, *both);
  return nullptr;
}

const char* Following::resize() noexcept {
  if (has(3)) return running() ? resize_to_sizes() : nullptr;
  if (has(2)) return running() ? resize_by_scales(reals(2)) : nullptr;
  const auto scales = attributes().reals("scales");
  if (!scales.empty()) return resize_by_scales(scales);
  // Constant sizes, whatever there is to resize.
  const bool none = running() && in(0).shape.elements() == 0 && out().shape.elements() > 0;
  return none ? kUnfit : nullptr;
}

const char* Following::resize_to_sizes() noexcept {
  TensorDesc wanted;
  if (!read_shape(3, wanted)) return kOutOfRange;
  if (wanted.shape.rank() != out().shape.rank()) return kUnfit;
  for (int axis = 0; axis < wanted.shape.rank(); ++axis) {
    if (in(0).shape[axis] == 0 && wanted.shape[axis] > 0) return kUnfit;
  }
  return keep(wanted);
}

const char* Following::resize_by_scales(std::span<const float> scales) noexcept {
  if (scales.size() != static_cast<std::size_t>(in(0).shape.rank())) return kUnfit;
  for (int axis = 0; axis < in(0).shape.rank(); ++axis) {
    const Extent x = extent_of(in(0), axis);
    const std::int64_t extent = scaled_extent(x.most, scales[static_cast<std::size_t>(axis)]);
    if (extent < 0) return kOutOfRange;
    set(out(), axis, {extent, x.bounded});
  }
  return nullptr;
}

const char* Following::range() noexcept {
  if (!running()) return nullptr;
  const auto start = integers(0)[0];
  const auto limit = integers(1)[0];
  const auto delta = integers(2)[0];
  const std::optional<std::int64_t> count = range_count(start, limit, delta);
  if (!count) return "delta is 0, or the range is too long";
  set(out(), 0, {*count, false});
  return nullptr;
}

const char* Following::constant_of_shape() noexcept {
  if (!running()) return nullptr;
  TensorDesc wanted;
  if (!read_shape(0, wanted)) return kOutOfRange;
  return wanted.shape.rank() == out().shape.rank() ? keep(wanted) : kUnfit;
}

const char* Following::select() noexcept {
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

const char* Following::found_by_kernel() noexcept {
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

const char* follow_extents(LayerDesc& layer, std::span<const void* const> data) noexcept {
  return Following(layer, data).run();
}

}  // namespace fettle
