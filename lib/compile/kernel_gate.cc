// SPDX-License-Identifier: Apache-2.0
//
// Whether a kernel runs a layer, and in which formats it sees it.
#include "lib/base/channel_block.h"
#include "lib/base/core_kind.h"

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fettle {
namespace {

// Pixels further apart than their channels, everything else dense: what Striding::pixels allows.
bool pixel_strided(const TensorDesc& tensor) {
  if (tensor.format.layout != Layout::nhwc || tensor.shape.rank() < 3) return false;
  if (tensor.shape[1] > 1 && tensor.strides[1] != 1) return false;
  // Outer extents of 1 put no condition on strides, so the pitch is read off the innermost axis that has
  // neighbours.
  std::int64_t pitch = 0;
  std::int64_t pixels = 1;
  for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) {
    if (axis == 1 || tensor.shape[axis] == 1) continue;
    const std::int64_t stride = tensor.strides[static_cast<std::size_t>(axis)];
    if (pitch == 0) pitch = stride / pixels;
    if (stride != pitch * pixels) return false;
    pixels *= tensor.shape[axis];
  }
  return pitch == 0 || pitch >= tensor.shape[1];
}

bool striding_allows(Striding striding, const TensorDesc& tensor) {
  if (tensor.dense()) return true;
  switch (striding) {
    case Striding::dense:
      return false;
    case Striding::pixels:
      return pixel_strided(tensor);
    case Striding::any:
      return true;
  }
  return false;
}

// Whether an operand or a result has no elements. Hardly any network has such layers (what gives nothing is
// folded), so that kernels need not know them.
bool has_empty(const LayerDesc& layer) {
  const auto empty = [](const TensorDesc& tensor) { return tensor.shape.elements() == 0; };
  return std::any_of(layer.inputs.begin(), layer.inputs.end(), empty) ||
         std::any_of(layer.outputs.begin(), layer.outputs.end(), empty);
}

// Whether the kernel takes the axes whose extents only running tells. What one kernel computes of several
// operators has results in between, whose extents nobody would tell.
bool takes_bounded(const Kernel& kernel, const LayerDesc& layer) {
  constexpr std::uint8_t kOutermost = 1;
  std::uint8_t bounded = 0;
  bool dense = true;
  for (const auto* tensors : {&layer.inputs, &layer.outputs, &layer.inner}) {
    for (const TensorDesc& tensor : *tensors) {
      bounded |= tensor.bounded;
      dense = dense && (tensor.bounded == 0 || tensor.dense());
    }
  }
  if (bounded == 0) return true;
  if (layer.parts.size() > 1 || !dense) return false;
  return kernel.bounded_axes == BoundedAxes::any ||
         (kernel.bounded_axes == BoundedAxes::outermost && bounded == kOutermost);
}

// The parts behind the kernel's pattern.
std::span<const LayerPart> epilogue_of(const Kernel& kernel, const LayerDesc& layer) {
  return std::span(layer.parts).subspan(std::min(kernel.pattern.size(), layer.parts.size()));
}

const TensorDesc* first_activation(const LayerDesc& layer) {
  const auto found = std::find_if(layer.inputs.begin(), layer.inputs.end(),
                                  [](const TensorDesc& tensor) { return !tensor.constant; });
  return found == layer.inputs.end() ? nullptr : &*found;
}

const TensorDesc* first_result(const LayerDesc& layer) {
  return layer.outputs.empty() ? nullptr : &layer.outputs.front();
}

bool is_f32(const TensorDesc* tensor) { return tensor != nullptr && tensor->format.type == DataType::f32; }

// Constant weights; null where the operator has none or they are computed.
const TensorDesc* weights_of(const LayerDesc& layer) {
  switch (layer.main().op) {
    case Op::conv:
    case Op::conv_transpose:
    case Op::conv_integer:
    case Op::gemm:
    case Op::matmul:
    case Op::matmul_integer:
    case Op::lstm:
    case Op::gru:
    case Op::rnn: {
      const TensorDesc* weights = layer.operand(1);
      return weights != nullptr && weights->constant ? weights : nullptr;
    }
    default:
      return nullptr;
  }
}

}  // namespace

bool has_pattern(const Kernel& kernel, const LayerDesc& layer) noexcept {
  const auto is = [](std::span<const Op> ops, std::span<const LayerPart> parts) {
    return std::equal(ops.begin(), ops.end(), parts.begin(), parts.end(),
                      [](Op op, const LayerPart& part) { return op == part.op; });
  };
  const std::span<const LayerPart> epilogue = epilogue_of(kernel, layer);
  if (!is(kernel.pattern, std::span(layer.parts).first(layer.parts.size() - epilogue.size()))) return false;
  return epilogue.empty() || std::any_of(kernel.epilogues.begin(), kernel.epilogues.end(),
                                         [&](std::span<const Op> ops) { return is(ops, epilogue); });
}

std::uint32_t in_place_inputs(const Kernel& kernel, const LayerDesc& layer) noexcept {
  constexpr int kMostInputs = 32;
  std::uint32_t inputs = kernel.in_place;
  if (!kernel.residual_in_place) return inputs;
  for (const LayerPart& part : epilogue_of(kernel, layer)) {
    if (part.op != Op::add) continue;
    for (const int operand : part.operands) {
      if (operand >= 0 && operand < kMostInputs) inputs |= std::uint32_t{1} << operand;
    }
  }
  return inputs;
}

std::string name_with_epilogue(const Kernel& kernel, const LayerDesc& layer) {
  std::string name(kernel.name);
  for (const LayerPart& part : epilogue_of(kernel, layer)) name.append("+").append(to_string(part.op));
  return name;
}

Refusal refusal_of(const Kernel& kernel, const LayerDesc& layer, const Cpu& cpu) {
  if (!has_pattern(kernel, layer)) return Refusal::op;
  if (!has_all(cpu.isa, kernel.isa)) return Refusal::isa;
  if (kernel.for_in_order_cores && !has_in_order_core(cpu)) return Refusal::core;
  if (!takes_bounded(kernel, layer)) return Refusal::extent;
  if (!kernel.takes_empty && has_empty(layer)) return Refusal::shape;
  for (const TensorDesc& input : layer.inputs) {
    if (!input.constant && !striding_allows(kernel.input_striding, input)) return Refusal::strides;
  }
  for (const TensorDesc& output : layer.outputs) {
    if (!striding_allows(kernel.output_striding, output)) return Refusal::strides;
  }
  return kernel.supports(layer, cpu);
}

LayerDesc with_signature(LayerDesc layer, const Signature& signature, Isa isa) {
  const auto set = [isa](TensorDesc& tensor, FormatTag tag, bool floats) {
    if (tensor.constant) return;
    if (floats && tensor.format.type == DataType::f32) tensor.format.type = tag.type;
    if (tensor.shape.rank() < 3) return;
    tensor.format = in_layout(tensor.format, tag.layout, isa);
    tensor.strides = dense_strides(tensor.shape, tensor.format);
  };
  const bool floats_in = is_f32(first_activation(layer)) && can_hold_f32(signature.input.type);
  const bool floats_out = is_f32(first_result(layer)) && can_hold_f32(signature.output.type);
  for (TensorDesc& input : layer.inputs) set(input, signature.input, floats_in);
  for (TensorDesc& output : layer.outputs) set(output, signature.output, floats_out);
  return layer;
}

Signature signature_of(const LayerDesc& layer, const Signature& offered) {
  Signature signature = offered;
  const TensorDesc* input = first_activation(layer);
  const TensorDesc* output = first_result(layer);
  // A layer may read constants only, or (a random one) nothing.
  if (input == nullptr) input = output;
  if (input != nullptr) signature.input.type = input->format.type;
  if (output != nullptr) signature.output.type = output->format.type;
  if (offered.weights == DataType::undefined) {
    const TensorDesc* weights = weights_of(layer);
    signature.weights = weights != nullptr ? weights->format.type : signature.input.type;
  }
  return signature;
}

}  // namespace fettle
