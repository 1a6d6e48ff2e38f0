// SPDX-License-Identifier: Apache-2.0
//
// Gather and GatherND of elements of any type: embeddings, rows of a table, indexing. What lies behind the
// indexed axes is copied as one line. An index that lies outside its axis is clamped to it.
#include "kernels/portable/indices.h"
#include "kernels/portable/portable.h"

namespace fettle::kernels::portable {
namespace {

void gather(const Call& call) {
  const Shape& x = call.layer.inputs[0].shape;
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  const std::int64_t extent = x[axis];
  const std::int64_t count = call.layer.inputs[1].shape.elements();
  const std::int64_t line =
      extent_of(x, axis + 1, x.rank()) * static_cast<std::int64_t>(size_of(call.layer.inputs[0].format.type));
  const Indices indices(call, 1);
  call.parallel(extent_of(x, 0, axis) * count, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t from = i / count * extent + indices.inside(i % count, extent);
      copy_bytes(call.out<std::byte>() + i * line, call.in<std::byte>(0) + from * line, line);
    }
  });
}

void gather_nd(const Call& call) {
  const Shape& x = call.layer.inputs[0].shape;
  const Shape& index = call.layer.inputs[1].shape;
  const auto batch = static_cast<int>(call.attributes().integer("batch_dims"));
  const std::int64_t spelt = index[index.rank() - 1];
  const int inner = batch + static_cast<int>(spelt);
  const std::int64_t each = extent_of(index, batch, index.rank() - 1);
  const std::int64_t line =
      extent_of(x, inner, x.rank()) * static_cast<std::int64_t>(size_of(call.layer.inputs[0].format.type));
  const Indices indices(call, 1);
  call.parallel(extent_of(x, 0, batch) * each, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t from = i / each;
      for (std::int64_t k = 0; k < spelt; ++k) {
        const std::int64_t extent = x[batch + static_cast<int>(k)];
        from = from * extent + indices.inside(i * spelt + k, extent);
      }
      copy_bytes(call.out<std::byte>() + i * line, call.in<std::byte>(0) + from * line, line);
    }
  });
}

Refusal supports_gather(const LayerDesc& layer, const Cpu&) {
  if (layer.inputs.size() != 2 || layer.outputs.size() != 1) return Refusal::op;
  return check_indexed(layer);
}

constexpr Op kGatherOps[] = {Op::gather, Op::gather_nd};
template <Compute compute>
constexpr Kernel gather_entry(std::size_t op, std::string_view name) {
  Kernel kernel = entry<compute>(name, {&kGatherOps[op], 1}, kNchw<>, supports_gather);
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}
constexpr Kernel kGather = gather_entry<gather>(0, "gather.lines.any.portable");
constexpr Kernel kGatherNd = gather_entry<gather_nd>(1, "gather_nd.lines.any.portable");
constexpr const Kernel* kGatherEntries[] = {kept(kGather), kept(kGatherNd)};

}  // namespace

std::span<const Kernel* const> gather_entries() noexcept { return kGatherEntries; }

}  // namespace fettle::kernels::portable
