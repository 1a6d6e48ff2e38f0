// SPDX-License-Identifier: Apache-2.0
//
// Reads the text of a layer. One pass from left to right, without recursion; the first thing that does not
// fit ends it.
#include "lib/base/checked.h"
#include "lib/base/extents.h"
#include "lib/base/guard.h"
#include "lib/base/layer_text.h"
#include "lib/base/op_names.h"

#include <fettle/kernel.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fettle {
namespace {

constexpr std::size_t kMostTextBytes = std::size_t{1} << 20;
// Attributes are kept sorted, which takes time with their square.
constexpr std::size_t kMostAttributesOfPart = 256;
// Bytes, blocks filled up and strides can be computed without a thought of overflow.
constexpr std::int64_t kMostElements = std::int64_t{1} << 48;
constexpr std::size_t kShownText = 24;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_printable(char c) noexcept { return c >= ' ' && c <= '~'; }

std::optional<float> real_number(std::string_view text) noexcept {
  if (text == "nan") return std::bit_cast<float>(kPlainNan);
  if (text.starts_with("nan(") && text.ends_with(')')) {
    const auto bits = whole_number<std::uint32_t>(text.substr(4, text.size() - 5), 16);
    if (!bits || !std::isnan(std::bit_cast<float>(*bits))) return std::nullopt;
    return std::bit_cast<float>(*bits);
  }
  const std::string_view magnitude = text.starts_with('-') ? text.substr(1) : text;
  // from_chars knows more spellings of these than to_chars writes.
  if (magnitude != "inf" && (magnitude.empty() || !is_digit(magnitude.front()))) return std::nullopt;
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class LayerParser {
 public:
  explicit LayerParser(std::string_view text) : text_(text) {}

  Result<LayerDesc> run() {
    if (text_.size() > kMostTextBytes) {
      return Error(ErrorCode::kLimitExceeded, "layer text: " + std::to_string(text_.size()) +
                                                  " bytes are more than the limit of " +
                                                  std::to_string(kMostTextBytes));
    }
    if (!layer()) return *std::move(error_);
    return std::move(layer_);
  }

 private:
  // Problems. Each returns false, for the rules to hand on.

  bool fail(ErrorCode code, std::size_t at, const std::string& what) {
    error_.emplace(code, "layer text, column " + std::to_string(at + 1) + ": " + what,
                   "`fettle inspect` prints layers as they are read; docs/layer-text.md has the form");
    return false;
  }

  bool expected(const std::string& what, std::size_t at) {
    std::string found = "the end";
    if (at < text_.size()) {
      found = "\"";
      for (const char c : text_.substr(at, std::min(text_.find(' ', at + 1) - at, kShownText)))
        found.push_back(is_printable(c) ? c : '?');
      found.push_back('"');
    }
    return fail(ErrorCode::kInvalidArgument, at, "expected " + what + ", found " + found);
  }
  bool expected(const std::string& what) { return expected(what, at_); }

  // Characters.

  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool is_next(std::string_view literal) const { return text_.substr(at_).starts_with(literal); }
  bool take(std::string_view literal) {
    if (!is_next(literal)) return false;
    at_ += literal.size();
    return true;
  }
  bool need(std::string_view literal) {
    return take(literal) || expected("\"" + std::string(literal) + "\"");
  }
  template <typename Accepted>
  std::string_view take_while(Accepted&& accepted) {
    const std::size_t from = at_;
    while (at_ < text_.size() && accepted(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }
  std::string_view take_word() {
    return take_while([](char c) { return is_plain_word(std::string_view(&c, 1)) || is_digit(c); });
  }
  // What may be a number: it ends at a separator.
  std::string_view take_number() {
    const std::size_t from = at_;
    const auto part = [](char c) { return is_plain_word(std::string_view(&c, 1)) || is_digit(c); };
    take_while([&](char c) { return part(c) || c == '.' || c == '+' || c == '-'; });
    if (text_.substr(from, at_ - from) == "nan" && take("(")) {
      take_while(part);
      take(")");
    }
    return text_.substr(from, at_ - from);
  }

  template <typename T>
  bool integer(T& value, std::int64_t low, std::int64_t high, const std::string& what) {
    const std::size_t from = at_;
    const auto number =
        whole_number<std::int64_t>(take_while([](char c) { return is_digit(c) || c == '-'; }));
    if (!number || *number < low || *number > high) return expected(what, from);
    value = static_cast<T>(*number);
    return true;
  }
  bool real(float& value, const std::string& what) {
    const std::size_t from = at_;
    const std::optional<float> number = real_number(take_number());
    if (!number) return expected(what, from);
    value = *number;
    return true;
  }

  // Rules.

  bool layer() {
    do {
      if (!part()) return false;
    } while (take(" + "));
    if (!need(" :") || !tensors(layer_.inputs)) return false;
    if (!need(" ->") || !tensors(layer_.outputs)) return false;
    if (layer_.outputs.empty()) return expected("a result");
    const std::size_t via = at_;
    if (take(" via") && !tensors(layer_.inner)) return false;
    if (at_ < text_.size()) return expected("the end");
    if (layer_.inner.size() + 1 != layer_.parts.size())
      return expected("behind \" via \" the result of each part but the last", via);
    return operands_fit();
  }

  bool part() {
    const std::size_t from = at_;
    const std::optional<Op> op = op_from_text(take_word());
    if (!op) return expected("an operator", from);
    LayerPart& part = layer_.parts.emplace_back();
    part.op = *op;
    while (next() == ' ' && !is_next(" +") && !is_next(" :") && !is_next(" (") && !is_next(" clamp=")) {
      ++at_;
      if (!attribute(part.attributes)) return false;
    }
    if (take(" clamp=") && !clamp(part.clamp.emplace())) return false;
    operands_at_.push_back(at_);
    return !take(" (") || operands(part.operands);
  }

  bool clamp(Clamp& clamp) {
    return real(clamp.low, "the lower bound") && need(",") && real(clamp.high, "the upper bound");
  }

  bool operands(std::vector<int>& operands) {
    has_operands_.push_back(layer_.parts.size() - 1);
    constexpr std::int64_t kMost = kMostTextBytes;
    const char* const what = "an operand: a number, r and a number, or -";
    while (!take(")")) {
      if (!operands.empty() && !need(" ")) return false;
      int number = kNoOperand;
      if (take("r")) {
        if (!integer(number, 0, kMost, "the number of an earlier part")) return false;
        number = result_of_part(number);
      } else if (!take("-") && !integer(number, 0, kMost, what)) {
        return false;
      }
      operands.push_back(number);
    }
    return true;
  }

  // Every operand names something, once it is known what there is.
  bool operands_fit() {
    auto given = has_operands_.begin();
    for (std::size_t i = 0; i < layer_.parts.size(); ++i) {
      std::vector<int>& operands = layer_.parts[i].operands;
      if (given == has_operands_.end() || *given != i) {
        if (layer_.parts.size() > 1)
          return expected("the operands of the part, such as (0 1)", operands_at_[i]);
        for (std::size_t input = 0; input < layer_.inputs.size(); ++input)
          operands.push_back(static_cast<int>(input));
        return true;
      }
      ++given;
      for (const int operand : operands) {
        const bool there = operand >= 0 ? static_cast<std::size_t>(operand) < layer_.inputs.size()
                                        : part_of_operand(operand) < static_cast<int>(i);
        if (!there)
          return expected("operands that are inputs or results of earlier parts", operands_at_[i] + 1);
      }
    }
    return true;
  }

  bool attribute(Attributes& attributes) {
    const std::size_t from = at_;
    std::string name;
    if (next() == '"') {
      if (!quoted(name)) return false;
    } else {
      name = take_word();
      if (!is_plain_word(name)) return expected("an attribute", from);
    }
    if (attributes.has(name)) return expected("each attribute once", from);
    if (attributes.entries().size() == kMostAttributesOfPart) {
      return fail(ErrorCode::kLimitExceeded, from,
                  "a part has more than " + std::to_string(kMostAttributesOfPart) + " attributes");
    }
    if (!need("=")) return false;
    AttributeValue value;
    if (!attribute_value(value)) return false;
    attributes.set(name, std::move(value));
    return true;
  }

  bool attribute_value(AttributeValue& value) {
    if (next() == '"') return quoted(value.emplace<std::string>());
    if (take("[")) return list(value);
    const std::size_t from = at_;
    const std::string_view word = take_word();
    if (is_plain_word(word) && word != "inf" && word != "nan") {
      value.emplace<std::string>(word);
      return true;
    }
    at_ = from;
    return number(value);
  }

  // An integer if it is digits alone, else a float.
  bool number(AttributeValue& value) {
    const std::size_t from = at_;
    const std::string_view text = take_number();
    if (const std::optional<std::int64_t> integer = whole_number<std::int64_t>(text)) {
      value = *integer;
      return true;
    }
    const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '-'; });
    const std::optional<float> real = digits ? std::nullopt : real_number(text);
    if (!real) return expected("a value: an integer of 64 bits, a float, a string or a list", from);
    value = *real;
    return true;
  }

  // Behind the bracket that opens it.
  bool list(AttributeValue& value) {
    if (take("]")) {
      value.emplace<std::vector<std::int64_t>>();
      return true;
    }
    if (take(".]")) {
      value.emplace<std::vector<float>>();
      return true;
    }
    std::vector<std::int64_t> integers;
    std::vector<float> reals;
    do {
      const std::size_t from = at_;
      AttributeValue element;
      if (!number(element)) return false;
      if (const auto* integer = std::get_if<std::int64_t>(&element))
        integers.push_back(*integer);
      else
        reals.push_back(std::get<float>(element));
      if (!integers.empty() && !reals.empty())
        return expected("integers alone or floats alone in a list", from);
    } while (take(","));
    if (integers.empty())
      value = std::move(reals);
    else
      value = std::move(integers);
    return need("]");
  }

  bool quoted(std::string& value) {
    if (take_quoted(text_, at_, value)) return true;
    return expected(next() == '\\' ? "\\\", \\\\ or \\x and two hex digits"
                                   : "printable ASCII and a closing quote");
  }

  // " a, b, c", or nothing.
  bool tensors(std::vector<TensorDesc>& tensors) {
    if (at_ == text_.size() || is_next(" ->") || is_next(" via")) return true;
    if (!need(" ")) return false;
    do {
      if (!tensor(tensors.emplace_back())) return false;
    } while (take(", "));
    return true;
  }

  bool tensor(TensorDesc& tensor) {
    const std::size_t from = at_;
    tensor.format.type = data_type_from_string(take_word());
    if (tensor.format.type == DataType::undefined) return expected("a data type", from);
    if (!need(" ")) return false;
    tensor.constant = take("const ");
    const std::size_t layout_at = at_;
    bool has_layout = false;
    if (!layout(tensor, has_layout) || !quantisation(tensor.format) || !shape(tensor)) return false;
    const bool activation = !tensor.constant && tensor.shape.rank() >= 3;
    if (activation && !has_layout) return expected("a layout: nchw, nhwc or nchwc", layout_at);
    if (!activation && tensor.format.layout != Layout::nchw)
      return expected("no layout for constants and fewer than 3 dimensions", layout_at);
    tensor.strides = dense_strides(tensor.shape, tensor.format);
    if (tensor.constant && is_next(" strides=")) return expected("no strides for constants, which are dense");
    return !take(" strides=") || strides(tensor);
  }

  bool layout(TensorDesc& tensor, bool& there) {
    const std::size_t from = at_;
    const std::optional<Layout> layout = layout_from_string(take_word());
    there = layout.has_value();
    if (!there) {
      at_ = from;
      return true;
    }
    tensor.format.layout = *layout;
    if (!need(" ")) return false;
    if (*layout != Layout::nchwc) return true;
    return integer(tensor.format.block, 1, 255, "how many channels a block has: 1 to 255") && need(" ");
  }

  bool quantisation(Format& format) {
    if (!take("scale=")) return true;
    const std::size_t from = at_;
    if (!real(format.scale, "a scale")) return false;
    if (format.scale == 0) return expected("a scale that is not 0", from);
    return need(" zero=") &&
           integer(format.zero_point, std::numeric_limits<std::int32_t>::min(),
                   std::numeric_limits<std::int32_t>::max(), "a zero point of 32 bits") &&
           need(" ");
  }

  bool shape(TensorDesc& tensor) {
    if (take("scalar")) return true;
    Shape& shape = tensor.shape;
    const std::size_t from = at_;
    do {
      if (shape.rank() == kMaxRank) return expected("at most 8 extents");
      if (!tensor.constant && take("<=")) set_bounded(tensor, shape.rank());
      std::int64_t extent = 0;
      if (!integer(extent, 0, kMostElements, "a shape such as 1x3x8x8, or scalar")) return false;
      shape.push_back(extent);
    } while (take("x"));
    if (checked_elements(shape.dims(), kMostElements)) return true;
    return fail(ErrorCode::kLimitExceeded, from, "the tensor has more than 2^48 elements");
  }

  bool strides(TensorDesc& tensor) {
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      if (axis > 0 && !need(",")) return false;
      if (!integer(tensor.strides[static_cast<std::size_t>(axis)], -kMostElements, kMostElements,
                   "a stride for each extent"))
        return false;
    }
    return tensor.shape.rank() > 0 || expected("no strides for a scalar");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  LayerDesc layer_;
  std::vector<std::size_t> operands_at_;   // of each part, where its operands stand or would
  std::vector<std::size_t> has_operands_;  // the parts that list them
  std::optional<Error> error_;
};

}  // namespace

Result<LayerDesc> LayerDesc::parse(std::string_view text) {
  return guard_allocation([&]() -> Result<LayerDesc> { return LayerParser(text).run(); });
}

}  // namespace fettle
