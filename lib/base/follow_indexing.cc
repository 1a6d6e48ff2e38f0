// SPDX-License-Identifier: Apache-2.0
//
// Extents of what operators take from the places that indices name, or put there.
#include "lib/base/following.h"

namespace fettle {

const char* Following::indexed() noexcept {
  const bool none = running() && in(0).shape.elements() == 0 && out().shape.elements() > 0;
  return none ? "there are indices, but no elements that they could name" : nullptr;
}

const char* Following::gather() noexcept {
  const auto along = static_cast<int>(attributes().integer("axis"));
  int to = 0;
  for (int axis = 0; axis < along; ++axis) set(out(), to++, extent_of(in(0), axis));
  for (int axis = 0; axis < in(1).shape.rank(); ++axis) set(out(), to++, extent_of(in(1), axis));
  for (int axis = along + 1; axis < in(0).shape.rank(); ++axis) set(out(), to++, extent_of(in(0), axis));
  return indexed();
}

const char* Following::gather_elements() noexcept {
  const auto along = static_cast<int>(attributes().integer("axis"));
  for (int axis = 0; running() && axis < in(0).shape.rank(); ++axis) {
    if (axis != along && in(1).shape[axis] > in(0).shape[axis]) return kUnfit;
  }
  keep(in(1));
  return indexed();
}

const char* Following::gather_nd() noexcept {
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

const char* Following::scatter() noexcept {
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

const char* Following::one_hot() noexcept {
  const auto at = static_cast<int>(attributes().integer("axis"));
  for (int axis = 0; axis < in(0).shape.rank(); ++axis)
    set(out(), axis < at ? axis : axis + 1, extent_of(in(0), axis));
  return nullptr;
}

const char* Following::top_k() noexcept {
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

}  // namespace fettle
