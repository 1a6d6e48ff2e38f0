// SPDX-License-Identifier: Apache-2.0
#include "lib/base/guard.h"
#include "lib/base/layer_text.h"

#include <fettle/thread_pool.h>
#include <fettle/variant.h>

#include <algorithm>
#include <optional>

namespace fettle {
namespace {

constexpr std::string_view kSeparator = ", ";
constexpr std::string_view kWeights = " w:";

std::optional<FormatTag> tag_from_string(std::string_view text) {
  const std::size_t space = text.find(' ');
  const std::optional<Layout> layout = layout_from_string(text.substr(0, space));
  if (!layout) return std::nullopt;
  if (space == std::string_view::npos) return FormatTag{*layout, DataType::undefined};
  const DataType type = data_type_from_string(text.substr(space + 1));
  if (type == DataType::undefined) return std::nullopt;
  return FormatTag{*layout, type};
}

bool is_parameter_name(std::string_view name) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_';
  });
}

// The text of a variant from left to right.
class VariantReader {
 public:
  explicit VariantReader(std::string_view text) : rest_(text) {}

  Result<Variant> read() {
    Variant variant;
    variant.kernel = field();
    if (variant.kernel.empty()) return expected("the name of a kernel", variant.kernel);
    const std::string_view revision = field();
    if (!keyed("revision ", revision, variant.revision)) return expected("\"revision N\"", revision);
    Result<Signature> signature = Signature::parse(field());
    if (!signature) return std::move(signature).error();
    variant.signature = *signature;
    if (Status status = read_optional(variant); !status) return std::move(status).error();
    return variant;
  }

 private:
  // Parameters, threads and covered layers, in this order.
  Status read_optional(Variant& variant) {
    while (!rest_.empty() && !rest_.starts_with("threads ") && !rest_.starts_with("covers ")) {
      const std::string_view parameter = field();
      const std::size_t equals = parameter.find('=');
      const std::string_view name = parameter.substr(0, equals);
      const auto value = equals == std::string_view::npos
                             ? std::nullopt
                             : whole_number<std::int64_t>(parameter.substr(equals + 1));
      if (!value || !is_parameter_name(name))
        return expected("\"name=number\", \"threads N\" or \"covers\"", parameter);
      if (!variant.parameters.empty() && variant.parameters.back().name >= name)
        return expected("parameters sorted by name, each once", parameter);
      variant.parameters.push_back({std::string(name), *value});
    }
    if (rest_.starts_with("threads ")) {
      const std::string_view threads = field();
      if (!keyed("threads ", threads, variant.threads) || variant.threads < 1 ||
          variant.threads > kMaxThreads)
        return expected("\"threads N\" with 1 to " + std::to_string(kMaxThreads), threads);
    }
    if (rest_.empty()) return {};
    if (!rest_.starts_with("covers ")) return expected("\"covers\"", rest_);
    rest_.remove_prefix(std::string_view("covers ").size());
    while (true) {
      std::size_t at = 0;
      if (!rest_.starts_with('"') || !take_quoted(rest_, at, variant.covers.emplace_back()))
        return expected("the id of a covered layer in quotes", rest_.substr(at));
      rest_.remove_prefix(at);
      if (rest_.empty()) return {};
      if (!rest_.starts_with(' ')) return expected("a space between ids", rest_);
      rest_.remove_prefix(1);
    }
  }

  std::string_view field() {
    const std::size_t end = rest_.find(kSeparator);
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + kSeparator.size());
    return text;
  }

  template <typename Number>
  static bool keyed(std::string_view key, std::string_view field, Number& number) {
    if (!field.starts_with(key)) return false;
    const std::optional<Number> value = whole_number<Number>(field.substr(key.size()));
    if (value) number = *value;
    return value.has_value();
  }

  static Error expected(const std::string& what, std::string_view found) {
    return Error(ErrorCode::kInvalidArgument,
                 "a variant has \"" + std::string(found.substr(0, 60)) + "\" where it needs " + what);
  }

  std::string_view rest_;
};

}  // namespace

std::string to_string(FormatTag tag) {
  std::string text(to_string(tag.layout));
  if (tag.type != DataType::undefined) text.append(" ").append(to_string(tag.type));
  return text;
}

std::string Signature::text() const {
  std::string text = to_string(input);
  if (output != input) text.append(">").append(to_string(output));
  if (weights != input.type) text.append(kWeights).append(to_string(weights));
  return text;
}

Result<Signature> Signature::parse(std::string_view text) {
  return guard_allocation([&]() -> Result<Signature> {
    const auto wrong = [&] {
      return Error(
          ErrorCode::kInvalidArgument, "\"" + std::string(text.substr(0, 60)) + "\" is no list of formats",
          "write a layout (nchw, nhwc, nchwc) and a type, such as \"nhwc f32\", two of them with > "
          "between where output and input differ, and w:TYPE behind where weights have another type");
    };
    const std::size_t weights_at = text.find(kWeights);
    const std::string_view tags = text.substr(0, weights_at);
    const std::size_t arrow = tags.find('>');
    const std::optional<FormatTag> from = tag_from_string(tags.substr(0, arrow));
    const std::optional<FormatTag> to =
        arrow == std::string_view::npos ? from : tag_from_string(tags.substr(arrow + 1));
    if (!from || !to) return wrong();
    Signature signature(*from, *to, from->type);
    if (weights_at != std::string_view::npos) {
      signature.weights = data_type_from_string(text.substr(weights_at + kWeights.size()));
      if (signature.weights == DataType::undefined) return wrong();
    }
    return signature;
  });
}

std::string Variant::text() const {
  std::string text = kernel;
  text.append(kSeparator).append("revision ").append(std::to_string(revision));
  text.append(kSeparator).append(signature.text());
  for (const Parameter& parameter : parameters)
    text.append(kSeparator).append(parameter.name).append("=").append(std::to_string(parameter.value));
  if (threads != 1) text.append(kSeparator).append("threads ").append(std::to_string(threads));
  if (!covers.empty()) text.append(kSeparator).append("covers");
  for (const std::string& id : covers) {
    text += ' ';
    append_quoted(text, id);
  }
  return text;
}

Result<Variant> Variant::parse(std::string_view text) {
  return guard_allocation([&] { return VariantReader(text).read(); });
}

}  // namespace fettle
