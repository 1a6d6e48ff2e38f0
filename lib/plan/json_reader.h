// SPDX-License-Identifier: Apache-2.0
//
// Strict reading of JSON objects: every key is known, present when required, of the right type and in range.
// Collects the first problem with its place, so that readers stay a list of fields.
#pragma once

#include <fettle/error.h>

// The reader asks for types and keys before it takes values, so the library's error paths are never reached;
// without exceptions they would call abort, which Fettle promises not to contain.
#define JSON_THROW_USER(exception) __builtin_trap()
#define JSON_TRY_USER if (true)
#define JSON_CATCH_USER(exception) if (false)
#define JSON_INTERNAL_CATCH_USER(exception) if (false)
#include <nlohmann/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace fettle::plan {

/// Keys are looked up in a tree: in the list of ordered_json, a plan of many layers would take hours to read.
using Json = nlohmann::json;

/// Parses text with bounded nesting; repeated keys are errors.
Result<Json> parse_json(std::string_view text, const std::string& name);

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  bool ok() const { return !error_.has_value(); }
  Error error() const { return *error_; }
  /// Records the first problem: "name: place: what".
  void fail(const std::string& place, const std::string& what);

  /// Whether `value` is an object with these keys only; those in `required` must be there.
  bool object(const Json& value, const std::string& place, std::initializer_list<std::string_view> required,
              std::initializer_list<std::string_view> optional = {},
              std::initializer_list<std::string_view> reserved = {});
  bool array(const Json& value, const std::string& place);
  /// A string of 1 to 4096 bytes.
  std::string text(const Json& value, const std::string& place);
  std::int64_t integer(const Json& value, const std::string& place, std::int64_t low, std::int64_t high);
  /// A finite number, not negative.
  double number(const Json& value, const std::string& place);
  /// A number that is finite as an f32.
  float real(const Json& value, const std::string& place);
  bool boolean(const Json& value, const std::string& place);

 private:
  std::string name_;
  std::optional<Error> error_;
};

}  // namespace fettle::plan
