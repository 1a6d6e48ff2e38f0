// SPDX-License-Identifier: Apache-2.0
#include <fettle/op.h>

#include "lib/base/layer_text.h"
#include "lib/base/op_names.h"

#include <algorithm>
#include <iterator>
#include <type_traits>

namespace fettle {
namespace {

struct OpRow {
  std::string_view name;
  std::string_view onnx;
};
constexpr OpRow kOps[] = {
#define FETTLE_X(name, onnx) {#name, onnx},
    FETTLE_OPERATORS(FETTLE_X)
#undef FETTLE_X
};

void append(std::string& text, std::int64_t value) { text += std::to_string(value); }

// With a point where digits alone would be an integer.
void append(std::string& text, float value) {
  const std::size_t from = text.size();
  append_shortest(text, value);
  if (text.find_first_not_of("-0123456789", from) == std::string::npos) text += ".0";
}

void append(std::string& text, const std::string& value) {
  if (is_plain_word(value) && value != "inf" && value != "nan")
    text += value;
  else
    append_quoted(text, value);
}

// A layer's text says by this name what is fused into a part.
void append_name(std::string& text, const std::string& name) {
  if (is_plain_word(name) && name != "clamp")
    text += name;
  else
    append_quoted(text, name);
}

void append(std::string&, NoAttribute) {}

template <typename T>
void append(std::string& text, const std::vector<T>& values) {
  text.push_back('[');
  if (std::is_same_v<T, float> && values.empty()) text.push_back('.');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text.push_back(',');
    append(text, values[i]);
  }
  text.push_back(']');
}

auto position(std::span<const Attributes::Entry> entries, std::string_view name) {
  return std::lower_bound(
      entries.begin(), entries.end(), name,
      [](const Attributes::Entry& entry, std::string_view key) { return entry.first < key; });
}

}  // namespace

std::string_view to_string(Op op) noexcept { return kOps[static_cast<std::size_t>(op)].name; }
std::string_view onnx_name(Op op) noexcept { return kOps[static_cast<std::size_t>(op)].onnx; }

std::optional<Op> op_from_text(std::string_view text) noexcept {
  for (std::size_t i = 0; i < std::size(kOps); ++i) {
    if (kOps[i].name == text) return static_cast<Op>(i);
  }
  return std::nullopt;
}

std::optional<Op> op_from_onnx(std::string_view name) noexcept {
  for (std::size_t i = 0; i < std::size(kOps); ++i) {
    if (!name.empty() && kOps[i].onnx == name) return static_cast<Op>(i);
  }
  return std::nullopt;
}

void Attributes::set(std::string_view name, AttributeValue value) {
  const auto index = position(entries_, name) - std::span<const Entry>(entries_).begin();
  const auto at = entries_.begin() + index;
  if (at != entries_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    entries_.insert(at, Entry(std::string(name), std::move(value)));
  }
}

void Attributes::erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.first == name; });
}

bool Attributes::has(std::string_view name) const noexcept { return find(name) != nullptr; }

const AttributeValue* Attributes::find(std::string_view name) const noexcept {
  const std::span<const Entry> entries(entries_);
  const auto at = position(entries, name);
  return at != entries.end() && at->first == name ? &at->second : nullptr;
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t fallback) const noexcept {
  const AttributeValue* value = find(name);
  const auto* held = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  return held == nullptr ? fallback : *held;
}

float Attributes::real(std::string_view name, float fallback) const noexcept {
  const AttributeValue* value = find(name);
  const auto* held = value == nullptr ? nullptr : std::get_if<float>(value);
  return held == nullptr ? fallback : *held;
}

std::span<const std::int64_t> Attributes::integers(std::string_view name) const noexcept {
  const AttributeValue* value = find(name);
  const auto* held = value == nullptr ? nullptr : std::get_if<std::vector<std::int64_t>>(value);
  return held == nullptr ? std::span<const std::int64_t>{} : std::span<const std::int64_t>(*held);
}

std::span<const float> Attributes::reals(std::string_view name) const noexcept {
  const AttributeValue* value = find(name);
  const auto* held = value == nullptr ? nullptr : std::get_if<std::vector<float>>(value);
  return held == nullptr ? std::span<const float>{} : std::span<const float>(*held);
}

std::string_view Attributes::string(std::string_view name, std::string_view fallback) const noexcept {
  const AttributeValue* value = find(name);
  const auto* held = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return held == nullptr ? fallback : std::string_view(*held);
}

std::string Attributes::text() const {
  std::string text;
  for (const auto& [name, value] : entries_) {
    if (!text.empty()) text.push_back(' ');
    append_name(text, name);
    text.push_back('=');
    std::visit([&](const auto& held) { append(text, held); }, value);
  }
  return text;
}

}  // namespace fettle
