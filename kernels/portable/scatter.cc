// SPDX-License-Identifier: Apache-2.0
//
// ScatterND and ScatterElements: a copy in which some elements, or whole lines, are replaced, or combined
// with updates. Updates are made one after the other, since places may occur more than once.
#include "kernels/larger.h"
#include "kernels/portable/indices.h"
#include "kernels/portable/portable.h"

namespace fettle::kernels::portable {
namespace {

enum class Combine { replace, add, multiply, maximum, minimum };

Combine combine_of(const LayerDesc& layer) {
  const std::string_view name = layer.main().attributes.string("reduction", "none");
  if (name == "add") return Combine::add;
  if (name == "mul") return Combine::multiply;
  if (name == "max") return Combine::maximum;
  return name == "min" ? Combine::minimum : Combine::replace;
}

// A line of bytes, of floats where they are combined.
void put_line(Combine combine, std::byte* to, const std::byte* from, std::int64_t bytes) {
  if (combine == Combine::replace) return copy_bytes(to, from, bytes);
  auto* y = reinterpret_cast<float*>(to);
  const auto* x = reinterpret_cast<const float*>(from);
  const std::int64_t count = bytes / static_cast<std::int64_t>(sizeof(float));
  switch (combine) {
    case Combine::add:
      for (std::int64_t i = 0; i < count; ++i) y[i] += x[i];
      return;
    case Combine::multiply:
      for (std::int64_t i = 0; i < count; ++i) y[i] *= x[i];
      return;
    case Combine::maximum:
      for (std::int64_t i = 0; i < count; ++i) y[i] = larger(y[i], x[i]);
      return;
    default:
      for (std::int64_t i = 0; i < count; ++i) y[i] = smaller(y[i], x[i]);
  }
}

std::int64_t scattered_bytes(const Call& call) {
  return static_cast<std::int64_t>(size_of(call.layer.outputs[0].format.type));
}

void copy_scattered(const Call& call) {
  const std::int64_t bytes = call.layer.outputs[0].shape.elements() * scattered_bytes(call);
  if (call.out<std::byte>() != call.in<std::byte>(0))
    std::memcpy(call.out<std::byte>(), call.in<std::byte>(0), static_cast<std::size_t>(bytes));
}

void scatter_nd(const Call& call) {
  copy_scattered(call);
  const Shape& y = call.layer.outputs[0].shape;
  const Shape& index = call.layer.inputs[1].shape;
  const auto spelt = static_cast<int>(index[index.rank() - 1]);
  const std::int64_t line = extent_of(y, spelt, y.rank()) * scattered_bytes(call);
  const std::int64_t updates = extent_of(index, 0, index.rank() - 1);
  const Indices indices(call, 1);
  const Combine combine = combine_of(call.layer);
  for (std::int64_t i = 0; i < updates; ++i) {
    std::int64_t to = 0;
    for (int axis = 0; axis < spelt; ++axis) to = to * y[axis] + indices.inside(i * spelt + axis, y[axis]);
    put_line(combine, call.out<std::byte>() + to * line, call.in<std::byte>(2) + i * line, line);
  }
}

void scatter_elements(const Call& call) {
  copy_scattered(call);
  const Shape& y = call.layer.outputs[0].shape;
  const Shape& updates = call.layer.inputs[1].shape;
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  const std::int64_t bytes = scattered_bytes(call);
  const Indices indices(call, 1);
  const Combine combine = combine_of(call.layer);
  const std::int64_t count = updates.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t to = 0;
    std::int64_t step = 1;
    std::int64_t rest = i;
    for (int k = y.rank(); k-- > 0;) {
      const std::int64_t at = rest % updates[k];
      to += (k == axis ? indices.inside(i, y[k]) : at) * step;
      step *= y[k];
      rest /= updates[k];
    }
    put_line(combine, call.out<std::byte>() + to * bytes, call.in<std::byte>(2) + i * bytes, bytes);
  }
}

Refusal supports_scatter(const LayerDesc& layer, const Cpu&) {
  if (layer.inputs.size() != 3 || layer.outputs.size() != 1) return Refusal::op;
  if (layer.inputs[2].format.type != layer.outputs[0].format.type) return Refusal::data_type;
  const bool combines = combine_of(layer) != Combine::replace;
  if (combines && layer.outputs[0].format.type != DataType::f32) return Refusal::data_type;
  return check_indexed(layer);
}

constexpr Op kScatterOps[] = {Op::scatter_nd, Op::scatter_elements};
template <Compute compute>
constexpr Kernel scatter_entry(std::size_t op, std::string_view name) {
  Kernel kernel = basic_entry(name, {&kScatterOps[op], 1}, kNchw<>, supports_scatter, bind<compute>);
  kernel.in_place = 1;
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}
constexpr Kernel kScatterNd = scatter_entry<scatter_nd>(0, "scatter_nd.lines.any.portable");
constexpr Kernel kScatterElements = scatter_entry<scatter_elements>(1, "scatter_elements.loop.any.portable");
constexpr const Kernel* kScatterEntries[] = {kept(kScatterNd), kept(kScatterElements)};

}  // namespace

std::span<const Kernel* const> scatter_entries() noexcept { return kScatterEntries; }

}  // namespace fettle::kernels::portable
