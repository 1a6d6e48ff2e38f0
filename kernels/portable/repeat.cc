// SPDX-License-Identifier: Apache-2.0
//
// Expand and Tile of elements of any type, in ONNX order: what is repeated is read with a step of 0.
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"

#include <cstdint>

namespace fettle::kernels::portable {
namespace {

void copy_repeated(const Call& call, const Box& box) {
  with_integer_of_size(call, [&]<typename T>(T) { copy_box(call, box, call.in<T>(0), call.out<T>()); });
}

void expand(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  Box box;
  for (int axis = 0; axis < y.shape.rank(); ++axis) {
    const int own = axis - (y.shape.rank() - x.shape.rank());
    const bool repeated = own < 0 || x.shape[own] == 1;
    box.add(y.shape[axis], repeated ? 0 : stride(x, own), stride(y, axis));
  }
  copy_repeated(call, box);
}

void tile(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  Box box;
  for (int axis = 0; axis < y.shape.rank(); ++axis) {
    box.add(y.shape[axis] / x.shape[axis], 0, x.shape[axis] * stride(y, axis));
    box.add(x.shape[axis], stride(x, axis), stride(y, axis));
  }
  copy_repeated(call, box);
}

// A computed shape would be a second operand.
Refusal supports_expand(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() != 1) return Refusal::op;
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  if (x.format.type != y.format.type || !has_integer_size(x.format.type)) return Refusal::data_type;
  const bool plain = x.format.layout == Layout::nchw && y.format.layout == Layout::nchw;
  return plain ? Refusal::none : Refusal::layout;
}

Refusal supports_tile(const LayerDesc& layer, const Cpu& cpu) {
  if (const Refusal refusal = supports_expand(layer, cpu); refusal != Refusal::none) return refusal;
  const Shape& x = layer.inputs.front().shape;
  const Shape& y = layer.outputs.front().shape;
  std::size_t loops = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (x[axis] == 0) return Refusal::shape;
    loops += (x[axis] > 1 ? 1 : 0) + (y[axis] > x[axis] ? 1 : 0);
  }
  return loops <= kMaxAxes ? Refusal::none : Refusal::rank;
}

constexpr Op kRepeatOps[] = {Op::expand, Op::tile};
constexpr Kernel kExpand =
    entry<expand>("expand.copy.any.portable", {&kRepeatOps[0], 1}, kNchw<>, supports_expand);
constexpr Kernel kTile = entry<tile>("tile.copy.any.portable", {&kRepeatOps[1], 1}, kNchw<>, supports_tile);
constexpr const Kernel* kRepeatEntries[] = {kept(kExpand), kept(kTile)};

}  // namespace

std::span<const Kernel* const> repeat_entries() noexcept { return kRepeatEntries; }

}  // namespace fettle::kernels::portable
