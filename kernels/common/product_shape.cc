// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/product_shape.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace fettle::kernels {
namespace {

// The axes of a tensor in the order in which the product sees them.
struct Axes {
  int rank = 0;
  std::array<std::int64_t, kMaxRank> extents{};
  std::array<std::int64_t, kMaxRank> steps{};

  // `perm`: the stored axis of each; none: as stored.
  Axes(const Shape& shape, std::span<const std::int64_t> perm) noexcept : rank(shape.rank()) {
    std::array<std::int64_t, kMaxRank> stored{};
    std::int64_t step = 1;
    for (int axis = rank; axis-- > 0; step *= shape[axis]) stored[static_cast<std::size_t>(axis)] = step;
    for (int axis = 0; axis < rank; ++axis) {
      const auto to = static_cast<std::size_t>(axis);
      const std::int64_t from = perm.empty() ? axis : perm[to];
      extents[to] = shape[static_cast<int>(from)];
      steps[to] = stored[static_cast<std::size_t>(from)];
    }
  }
  // Counted from the last one, which is 0; axes beyond the first are broadcast.
  std::int64_t extent(int from_last) const noexcept {
    return from_last < rank ? extents[static_cast<std::size_t>(rank - 1 - from_last)] : 1;
  }
  std::int64_t step(int from_last) const noexcept {
    return extent(from_last) == 1 ? 0 : steps[static_cast<std::size_t>(rank - 1 - from_last)];
  }
  void swap_last() noexcept {
    const auto last = static_cast<std::size_t>(rank - 1);
    std::swap(extents[last], extents[last - 1]);
    std::swap(steps[last], steps[last - 1]);
  }
};

// The result's axis of each axis of the product, where a transpose stands behind it: y's axis i is the
// product's axis perm[i].
std::array<std::int64_t, kMaxRank> inverse(std::span<const std::int64_t> perm) noexcept {
  std::array<std::int64_t, kMaxRank> from{};
  for (std::size_t i = 0; i < perm.size(); ++i)
    from[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
  return from;
}

// Joins batch axes, from the innermost outwards: with the rows where all share the right operand, else with
// the axis inside.
void join_axes(ProductShape& s) noexcept {
  int kept = 0;
  std::array<std::size_t, kMaxRank> order{};  // innermost first
  for (int axis = s.batch_axes; axis-- > 0;) {
    const auto i = static_cast<std::size_t>(axis);
    if (s.batch[i] == 1) continue;
    if (kept == 0 && s.b.batch[i] == 0 && s.m == 1) {
      s.m = s.batch[i], s.a.row = s.a.batch[i], s.y.row = s.y.batch[i];
      continue;
    }
    if (kept == 0 && s.b.batch[i] == 0 && s.a.batch[i] == s.m * s.a.row && s.y.batch[i] == s.m * s.y.row) {
      s.m *= s.batch[i];
      continue;
    }
    if (kept > 0) {
      const std::size_t inside = order[static_cast<std::size_t>(kept - 1)];
      const auto follows = [&](const MatrixPlaces& p) {
        return p.batch[i] == p.batch[inside] * s.batch[inside];
      };
      if (follows(s.a) && follows(s.b) && follows(s.y)) {
        s.batch[inside] *= s.batch[i];
        continue;
      }
    }
    order[static_cast<std::size_t>(kept++)] = i;
  }
  ProductShape joined = s;
  joined.batch_axes = kept;
  for (int axis = 0; axis < kept; ++axis) {
    const auto to = static_cast<std::size_t>(axis);
    const std::size_t from = order[static_cast<std::size_t>(kept - 1 - axis)];
    joined.batch[to] = s.batch[from];
    joined.a.batch[to] = s.a.batch[from];
    joined.b.batch[to] = s.b.batch[from];
    joined.y.batch[to] = s.y.batch[from];
  }
  s = joined;
}

}  // namespace

bool has_transposes(const LayerPart& matmul) noexcept {
  return matmul.attributes.has("perm_a") || matmul.attributes.has("perm_b") ||
         matmul.attributes.has("perm_y");
}

std::optional<ProductShape> ProductShape::of(const LayerDesc& layer) noexcept {
  const LayerPart& part = layer.main();
  const bool gemm = part.op == Op::gemm;
  const TensorDesc* left = layer.operand(0);
  const TensorDesc* right = layer.operand(1);
  if ((!gemm && part.op != Op::matmul) || left == nullptr || right == nullptr || layer.outputs.empty())
    return std::nullopt;
  const Shape& result = layer.inner.empty() ? layer.outputs[0].shape : layer.inner[0].shape;
  if (left->shape.rank() < 2 || right->shape.rank() < 2 || result.rank() < 2) return std::nullopt;
  const auto perm_y = part.attributes.integers("perm_y");
  const auto places = inverse(perm_y);
  Axes a(left->shape, part.attributes.integers("perm_a"));
  Axes b(right->shape, part.attributes.integers("perm_b"));
  const Axes y(result, {places.data(), perm_y.size()});
  ProductShape s;
  if (gemm) {
    if (part.attributes.integer("transA") != 0) a.swap_last();
    if (part.attributes.integer("transB") != 0) b.swap_last();
    s.alpha = part.attributes.real("alpha", 1);
  }
  s.m = y.extent(1), s.n = y.extent(0), s.k = a.extent(0);
  if (a.extent(1) != s.m || b.extent(1) != s.k || b.extent(0) != s.n) return std::nullopt;
  s.a.row = a.step(1), s.a.column = a.step(0);
  s.b.row = b.step(1), s.b.column = b.step(0);
  s.y.row = y.step(1), s.y.column = y.step(0);
  s.batch_axes = y.rank - 2;
  for (int axis = 0; axis < s.batch_axes; ++axis) {
    const int from_last = y.rank - 1 - axis;
    const auto i = static_cast<std::size_t>(axis);
    s.batch[i] = y.extent(from_last);
    for (const Axes* operand : {&a, &b}) {
      if (operand->extent(from_last) != 1 && operand->extent(from_last) != s.batch[i]) return std::nullopt;
    }
    s.a.batch[i] = a.step(from_last), s.b.batch[i] = b.step(from_last), s.y.batch[i] = y.step(from_last);
  }
  join_axes(s);
  return s;
}

std::int64_t ProductShape::batches() const noexcept {
  std::int64_t count = 1;
  for (int axis = 0; axis < batch_axes; ++axis) count *= batch[static_cast<std::size_t>(axis)];
  return count;
}

bool ProductShape::shares_b() const noexcept {
  return std::all_of(b.batch.begin(), b.batch.begin() + batch_axes,
                     [](std::int64_t step) { return step == 0; });
}

std::int64_t ProductShape::offset(const MatrixPlaces& places, std::int64_t product) const noexcept {
  std::int64_t at = 0;
  for (int axis = batch_axes; axis-- > 0;) {
    const auto i = static_cast<std::size_t>(axis);
    at += product % batch[i] * places.batch[i];
    product /= batch[i];
  }
  return at;
}

}  // namespace fettle::kernels
