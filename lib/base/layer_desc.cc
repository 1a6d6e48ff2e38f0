// SPDX-License-Identifier: Apache-2.0
#include "lib/base/extents.h"
#include "lib/base/layer_text.h"

#include <fettle/kernel.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace fettle {

std::string extents_text(const TensorDesc& tensor) {
  if (tensor.bounded == 0) return tensor.shape.text();
  std::string text;
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
    if (axis > 0) text.push_back('x');
    if (is_bounded(tensor, axis)) text += "<=";
    text += std::to_string(tensor.shape[axis]);
  }
  return text;
}

namespace {

void append_tensor(std::string& text, const TensorDesc& tensor) {
  text.append(to_string(tensor.format.type)).push_back(' ');
  if (tensor.constant) text += "const ";
  if ((!tensor.constant && tensor.shape.rank() >= 3) || tensor.format.layout != Layout::nchw)
    text.append(to_string(tensor.format.layout)).push_back(' ');
  if (tensor.format.layout == Layout::nchwc) text.append(std::to_string(tensor.format.block)).push_back(' ');
  if (tensor.format.scale != 0) {
    text += "scale=";
    append_shortest(text, tensor.format.scale);
    text.append(" zero=").append(std::to_string(tensor.format.zero_point)).push_back(' ');
  }
  text += extents_text(tensor);
  if (tensor.dense()) return;
  text += " strides=";
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
    if (axis > 0) text.push_back(',');
    text += std::to_string(tensor.strides[static_cast<std::size_t>(axis)]);
  }
}

void append_tensors(std::string& text, std::string_view role, const std::vector<TensorDesc>& tensors) {
  text += role;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    text += i == 0 ? " " : ", ";
    append_tensor(text, tensors[i]);
  }
}

void append_operands(std::string& text, const LayerPart& part) {
  text += " (";
  for (std::size_t i = 0; i < part.operands.size(); ++i) {
    if (i > 0) text.push_back(' ');
    const int operand = part.operands[i];
    if (operand == kNoOperand)
      text += "-";
    else if (operand >= 0)
      text += std::to_string(operand);
    else
      text.append("r").append(std::to_string(part_of_operand(operand)));
  }
  text.push_back(')');
}

// Whether the operands are simply the inputs in order, as in most layers.
bool plain_operands(const LayerDesc& layer) {
  if (layer.parts.size() != 1) return false;
  const std::vector<int>& operands = layer.main().operands;
  if (operands.size() != layer.inputs.size()) return false;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i] != static_cast<int>(i)) return false;
  }
  return true;
}

}  // namespace

bool TensorDesc::dense() const noexcept {
  const Strides expected = dense_strides(shape, format);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (shape[axis] > 1 && strides[i] != expected[i]) return false;
  }
  return true;
}

const TensorDesc* LayerDesc::operand(std::size_t index) const noexcept {
  const std::vector<int>& operands = main().operands;
  if (index >= operands.size() || operands[index] < 0) return nullptr;
  return &inputs[static_cast<std::size_t>(operands[index])];
}

LayerDesc LayerDesc::part(std::size_t index) const {
  LayerDesc layer;
  LayerPart& alone = layer.parts.emplace_back(parts[index]);
  for (int& operand : alone.operands) {
    if (operand == kNoOperand) continue;
    const int producer = part_of_operand(operand);
    layer.inputs.push_back(producer >= 0 ? inner[static_cast<std::size_t>(producer)]
                                         : inputs[static_cast<std::size_t>(operand)]);
    operand = static_cast<int>(layer.inputs.size()) - 1;
  }
  if (index + 1 < parts.size())
    layer.outputs.push_back(inner[index]);
  else
    layer.outputs = outputs;
  return layer;
}

std::string LayerDesc::text() const {
  std::string text;
  const bool plain = plain_operands(*this);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const LayerPart& part = parts[i];
    if (i > 0) text += " + ";
    text += to_string(part.op);
    if (!part.attributes.entries().empty()) text.append(" ").append(part.attributes.text());
    if (part.clamp) {
      text += " clamp=";
      append_shortest(text, part.clamp->low);
      text.push_back(',');
      append_shortest(text, part.clamp->high);
    }
    if (!plain) append_operands(text, part);
  }
  append_tensors(text, " :", inputs);
  append_tensors(text, " ->", outputs);
  if (!inner.empty()) append_tensors(text, " via", inner);
  return text;
}

std::string LayerDesc::cost_key() const {
  constexpr std::string_view kZeroPoint = "zero_point";
  LayerDesc same = *this;
  for (LayerPart& part : same.parts) {
    if (part.clamp) {
      part.clamp->low = std::isfinite(part.clamp->low) ? 0 : part.clamp->low;
      part.clamp->high = std::isfinite(part.clamp->high) ? 1 : part.clamp->high;
    }
    const Attributes before = part.attributes;
    for (const auto& [name, value] : before.entries()) {
      if (std::holds_alternative<float>(value)) part.attributes.set(name, 1.0f);
      if (const auto* list = std::get_if<std::vector<float>>(&value))
        part.attributes.set(name, std::vector<float>(list->size(), 1.0f));
      if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value); list && name == kZeroPoint)
        part.attributes.set(name, std::vector<std::int64_t>(list->size(), 0));
    }
  }
  for (auto* tensors : {&same.inputs, &same.outputs, &same.inner}) {
    for (TensorDesc& tensor : *tensors) {
      tensor.format.zero_point = 0;
      if (tensor.format.scale != 0) tensor.format.scale = 1;
    }
  }
  return same.text();
}

std::string_view to_string(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::none:
      return "none";
    case Refusal::op:
      return "op";
    case Refusal::isa:
      return "isa";
    case Refusal::core:
      return "core";
    case Refusal::data_type:
      return "data_type";
    case Refusal::layout:
      return "layout";
    case Refusal::strides:
      return "strides";
    case Refusal::rank:
      return "rank";
    case Refusal::shape:
      return "shape";
    case Refusal::attribute:
      return "attribute";
    case Refusal::groups:
      return "groups";
    case Refusal::dilation:
      return "dilation";
    case Refusal::stride:
      return "stride";
    case Refusal::kernel_size:
      return "kernel_size";
    case Refusal::padding:
      return "padding";
    case Refusal::clamp:
      return "clamp";
    case Refusal::extent:
      return "extent";
    case Refusal::not_constant:
      return "not_constant";
    case Refusal::constant:
      return "constant";
    case Refusal::too_large:
      return "too_large";
    case Refusal::too_small:
      return "too_small";
    case Refusal::nonfinite:
      return "nonfinite";
  }
  return "unknown";
}

std::string_view to_string(NonFinite nonfinite) noexcept {
  switch (nonfinite) {
    case NonFinite::exact:
      return "exact";
    case NonFinite::spreads_in_tile:
      return "spreads_in_tile";
    case NonFinite::loses_nan:
      return "loses_nan";
  }
  return "unknown";
}

}  // namespace fettle
