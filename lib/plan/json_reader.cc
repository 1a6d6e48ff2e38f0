// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/json_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

namespace fettle::plan {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxTextBytes = 4096;

// Checks what the parser itself does not: depth and repeated keys. Ends parsing at the first problem.
class Checker : public nlohmann::json_sax<Json> {
 public:
  const std::string& problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return deeper();
  }
  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    problem_ = "the key \"" + name.substr(0, 80) + "\" is repeated";
    return false;
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    problem_ = "not JSON at byte " + std::to_string(position);
    return false;
  }

 private:
  bool deeper() {
    if (++depth_ <= kMaxDepth) return true;
    problem_ = "nested too deeply";
    return false;
  }

  std::size_t depth_ = 0;
  std::vector<std::set<std::string>> keys_;
  std::string problem_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& name) {
  Checker checker;
  if (!Json::sax_parse(text, &checker)) {
    const std::string problem = checker.problem().empty() ? "not JSON" : checker.problem();
    return Error(ErrorCode::kPlanMalformed, name + ": " + problem,
                 "is this a plan? `fettle tune` writes one");
  }
  return Json::parse(text, nullptr, false);
}

void Reader::fail(const std::string& place, const std::string& what) {
  if (error_) return;
  error_.emplace(ErrorCode::kPlanMalformed, name_ + ": " + place + ": " + what,
                 "docs/plan-format.md describes plans; `fettle tune` writes a new one");
}

bool Reader::object(const Json& value, const std::string& place,
                    std::initializer_list<std::string_view> required,
                    std::initializer_list<std::string_view> optional,
                    std::initializer_list<std::string_view> reserved) {
  if (!value.is_object()) {
    fail(place, "an object is expected");
    return false;
  }
  for (const auto& [key, member] : value.items()) {
    const auto in = [&name = key](std::initializer_list<std::string_view> list) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    if (in(reserved))
      fail(place, "\"" + key + "\" belongs to plans of later versions, which this library does not follow");
    else if (!in(required) && !in(optional))
      fail(place, "unknown key \"" + key.substr(0, 80) + "\"");
  }
  for (std::string_view key : required) {
    if (!value.contains(key)) fail(place, "\"" + std::string(key) + "\" is missing");
  }
  return ok();
}

bool Reader::array(const Json& value, const std::string& place) {
  if (!value.is_array()) fail(place, "an array is expected");
  return value.is_array();
}

std::string Reader::text(const Json& value, const std::string& place) {
  const auto* held = value.get_ptr<const Json::string_t*>();
  if (held == nullptr || held->empty() || held->size() > kMaxTextBytes) {
    fail(place, "a text of 1 to 4096 bytes is expected");
    return {};
  }
  return *held;
}

std::int64_t Reader::integer(const Json& value, const std::string& place, std::int64_t low,
                             std::int64_t high) {
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
  const std::int64_t number = fits ? value.get<std::int64_t>() : 0;
  if (!fits || number < low || number > high) {
    fail(place,
         "a whole number from " + std::to_string(low) + " to " + std::to_string(high) + " is expected");
    return low;
  }
  return number;
}

double Reader::number(const Json& value, const std::string& place) {
  const double held = value.is_number() ? value.get<double>() : -1.0;
  if (!std::isfinite(held) || held < 0) {
    fail(place, "a number of 0 or more is expected");
    return 0;
  }
  return held;
}

float Reader::real(const Json& value, const std::string& place) {
  const double number = value.is_number() ? value.get<double>() : HUGE_VAL;
  const bool fits = std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max());
  if (!fits) fail(place, "a number that fits f32 is expected");
  return fits ? static_cast<float>(number) : 0.0f;
}

bool Reader::boolean(const Json& value, const std::string& place) {
  if (!value.is_boolean()) fail(place, "true or false is expected");
  return value.is_boolean() && value.get<bool>();
}

}  // namespace fettle::plan
