// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/reference.h"

#include "kernels/reference/evaluate.h"
#include "kernels/reference/reference_kernels.h"
#include "lib/base/extents.h"
#include "lib/base/guard.h"
#include "lib/base/memory.h"
#include "lib/base/static_vector.h"

#include <algorithm>

namespace fettle::kernels {
namespace reference {

void apply_clamp(const Buffers& buffers) {
  const std::optional<Clamp>& clamp = buffers.layer.main().clamp;
  // Quantised layers clamp their stored numbers while they round them.
  if (!clamp || buffers.layer.outputs.front().format.type != DataType::f32) return;
  const View<float> out = buffers.out<float>();
  for_each_index(out.desc.shape, [&](const Index& index) {
    out[index] = std::min(std::max(out[index], clamp->low), clamp->high);
  });
}

Status BoundReference::set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                                   void* workspace) noexcept {
  workspace_ = workspace;
  return guard_allocation([&]() -> Status {
    inputs_.assign(inputs.begin(), inputs.end());
    outputs_.assign(outputs.begin(), outputs.end());
    return {};
  });
}

void BoundReference::set_extent(std::size_t tensor, int axis, std::int64_t extent) noexcept {
  fettle::set_extent(layer_, tensor, axis, extent);
}

Status BoundReference::run() noexcept {
  const Buffers buffers{layer_, inputs_, outputs_, workspace_};
  compute_(buffers);
  apply_clamp(buffers);
  return {};
}

Refusal plain_layouts(const LayerDesc& layer) {
  const auto plain = [](const TensorDesc& tensor) {
    return tensor.format.layout == Layout::nchw && tensor.format.scale == 0;
  };
  const bool all = std::all_of(layer.inputs.begin(), layer.inputs.end(), plain) &&
                   std::all_of(layer.outputs.begin(), layer.outputs.end(), plain);
  return all ? Refusal::none : Refusal::layout;
}

Refusal any_type(const LayerDesc& layer, const Cpu&) {
  const bool clamped = layer.main().clamp.has_value();
  if (clamped && layer.outputs.front().format.type != DataType::f32) return Refusal::clamp;
  const auto nchw = [](const TensorDesc& tensor) { return tensor.format.layout == Layout::nchw; };
  const bool all = std::all_of(layer.inputs.begin(), layer.inputs.end(), nchw) &&
                   std::all_of(layer.outputs.begin(), layer.outputs.end(), nchw);
  return all ? Refusal::none : Refusal::layout;
}

}  // namespace reference

std::span<const Kernel* const> reference_kernels() noexcept {
  static const auto all = [] {
    StaticVector<const Kernel*, 256> made;
    for (auto family :
         {reference::convolution_entries(), reference::product_entries(), reference::elementwise_entries(),
          reference::reduction_entries(), reference::normalisation_entries(), reference::loss_entries(),
          reference::movement_entries(), reference::convert_entries(), reference::indexing_entries(),
          reference::selection_entries(), reference::sampling_entries(), reference::signal_entries(),
          reference::resize_entries(), reference::recurrent_entries(), reference::attention_entries(),
          reference::quantised_entries(), reference::quantised_layer_entries()}) {
      for (const Kernel* kernel : family) {
        if (kernel != nullptr) made.push_back(kernel);
      }
    }
    return made;
  }();
  return all.span();
}

bool is_reference(const Kernel& kernel) noexcept {
  const std::span<const Kernel* const> entries = reference_kernels();
  return std::find(entries.begin(), entries.end(), &kernel) != entries.end();
}

Result<std::string_view> evaluate_reference(const LayerDesc& layer, std::span<const ConstantBytes> inputs,
                                            std::span<const std::span<std::byte>> outputs) {
  static const Cpu no_cpu{};
  for (const Kernel* kernel : reference_kernels()) {
    if (kernel->pattern.front() != layer.main().op || kernel->supports(layer, no_cpu) != Refusal::none)
      continue;
    Result<std::unique_ptr<BoundKernel>> bound = kernel->bind({layer, {}, nullptr, 1});
    if (!bound) return std::move(bound).error();
    std::vector<const void*> sources;
    for (const ConstantBytes& bytes : inputs) sources.push_back(bytes.data());
    std::vector<void*> targets;
    for (std::span<std::byte> bytes : outputs) targets.push_back(bytes.data());
    const std::size_t workspace = kernel->workspace_bytes == nullptr ? 0 : kernel->workspace_bytes(layer, 1);
    Result<AlignedBuffer> scratch = AlignedBuffer::allocate(workspace);
    if (!scratch) return std::move(scratch).error();
    if (Status status = (*bound)->set_buffers(sources, targets, scratch->bytes().data()); !status)
      return std::move(status).error();
    if (Status status = (*bound)->run(); !status) return std::move(status).error();
    return kernel->name;
  }
  return Error(ErrorCode::kModelUnsupported, "no reference kernel for " + layer.text());
}

}  // namespace fettle::kernels
