// SPDX-License-Identifier: Apache-2.0
//
// Plans as text: what is written is read again to the bit, and nothing else is accepted.
#include "tests/common/check.h"
#include "tests/common/data.h"

#include <fettle/plan.h>
#include <fettle/version.h>

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

namespace fettle::test {
namespace {

Plan sample() {
  Plan plan;
  plan.model = {"net \"with\" \\ odd \n name é", "xxh3:0123456789abcdef0123456789abcdef",
                "xxh3:fedcba9876543210fedcba9876543210"};
  plan.device.isa = {"neon", "dotprod"};
  plan.device.cores = {{0x410fd0b0u, 4, 65536, 1048576}, {0x410fd034u, 4, 0, 0}};
  plan.device.library = "0.1.0";
  plan.expected = PlanExpectation{{1.0 / 3, 0.1, 1e300}, 5e-324, 123456789};
  PlanPoint point;
  point.threads = 4;
  point.shapes["image"] = Shape{1, 3, 224, 224};
  point.shapes["scalar"] = Shape{};
  const Signature turned(Layout::nchw, Layout::nhwc, DataType::f32);
  point.layers["conv1"] = {{"conv.gemm.f32.portable", 3, turned, {}, 2, {"add1", "b"}}, true};
  const Signature as_given(Layout::nchw, Layout::nchw);
  point.layers["x"] = {
      {"softmax.rows.f32.xnnpack", std::numeric_limits<std::uint32_t>::max(), as_given, {}, 256, {}}, false};
  plan.points = {point, PlanPoint{}};
  Quantisation quantisation;
  quantisation.values["x"] = {DataType::u8, 1.0f / 3, 255};
  quantisation.values["value \"y\""] = {DataType::s8, std::numeric_limits<float>::min(), -128};
  quantisation.layers["conv1"] = {{0.1f, 1e-7f, 3.4e38f}, {-0.5f, 0.0f, 1e-30f}, {}};
  quantisation.layers["add1"] = {};
  quantisation.layers["b"] = {{0.25f}, {}, {}};
  quantisation.equalised = {{"conv1", "b", {1.5f, 0.015625f}}};
  plan.quantisation = std::make_shared<const Quantisation>(quantisation);
  return plan;
}

// The sample's text with the first `from` replaced.
std::string changed(const std::string& from, const std::string& to) {
  std::string text = sample().json();
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

void refused(const std::string& text, const std::string& mention) {
  INFO(text.substr(0, 400));
  const Error error = error_of(Plan::parse(text, "my.plan"), ErrorCode::kPlanMalformed, mention);
  CHECK(error.message().find("my.plan") != std::string::npos);
}

}  // namespace

TEST_CASE("a plan is read as it was written", "[plan]") {
  const std::string text = sample().json();
  const Plan plan = value_of(Plan::parse(text));
  CHECK(plan.json() == text);
  CHECK(plan.model.name == sample().model.name);
  CHECK(plan.expected->latency_us.median == 1.0 / 3);
  CHECK(plan.expected->default_latency_us == 5e-324);
  REQUIRE(plan.points.size() == 2);
  CHECK(plan.points[0].layers == sample().points[0].layers);
  CHECK(plan.points[0].shapes == sample().points[0].shapes);
  CHECK(plan.device.cores[0].midr == 0x410fd0b0u);
}

TEST_CASE("what a plan leaves out has a default", "[plan]") {
  const Plan plan =
      value_of(Plan::parse(R"({"fettle_plan": 1, "model": {"name": "n", "graph": "g", "weights": "w"},
    "device": {"isa": [], "cores": [{"midr": "0x1", "count": 1}], "library": "0"}, "objective": {"minimise": "latency"},
    "points": [{"threads": 1, "shapes": {}, "layers": {"a": {"kernel": "k", "revision": 1, "formats": "nhwc"}}}]})"));
  const PlanLayer& layer = plan.points[0].layers.at("a");
  CHECK(layer.variant.threads == 1);
  CHECK(layer.variant.signature == Signature(Layout::nhwc, Layout::nhwc));
  CHECK_FALSE(layer.pinned);
  CHECK(layer.variant.covers.empty());
  CHECK_FALSE(plan.expected);
}

TEST_CASE("formats may stand under the older name \"layouts\"", "[plan]") {
  const Plan plan =
      value_of(Plan::parse(changed("\"formats\":\"nchw f32>nhwc f32\"", "\"layouts\":\"nchw>nhwc\"")));
  CHECK(plan.points[0].layers.at("conv1").variant.signature == Signature(Layout::nchw, Layout::nhwc));
}

TEST_CASE("wrong, missing, unknown and repeated fields are refused with their place", "[plan][bad]") {
  refused("", "");
  refused("[]", "plan");
  refused("null", "plan");
  refused(changed("\"fettle_plan\": 1", "\"fettle_plan\": 2"), "version 2");
  refused(changed("\"fettle_plan\": 1", "\"fettle_plan\": \"1\""), "fettle_plan");
  refused(changed("\"fettle_plan\": 1,", ""), "fettle_plan");
  refused(changed("\"revision\":3", "\"revision\":-3"), "points[0].layers.conv1.revision");
  refused(changed("\"revision\":3", "\"revision\":3.5"), "revision");
  refused(changed("\"revision\":3", "\"revision\":4294967296"), "revision");
  refused(changed("\"revision\":3", "\"revision\":1e999"), "");
  refused(changed("\"revision\":3", "\"revison\": 3"), "revison");
  refused(changed("\"revision\":3", "\"revision\":3, \"revision\":3"), "revision");
  refused(changed("\"nchw f32>nhwc f32\"", "\"nchw f32>\""), "formats");
  refused(changed("\"nchw f32>nhwc f32\"", "\"NCHW\""), "formats");
  refused(changed("\"nchw f32>nhwc f32\"", "7"), "formats");
  refused(changed("\"formats\":\"nchw\",", ""), "points[0].layers.x");
  refused(changed("\"nchw f32>nhwc f32\"", "\"nchw f32 w:\""), "no list of formats");
  refused(changed("\"pinned\":true", "\"pinned\":1"), "pinned");
  for (const char* reserved : {"parameters", "verified"})
    refused(changed("\"pinned\":true", "\"" + std::string(reserved) + "\":1"), "later versions");
  for (const char* reserved : {"name", "cores", "verified"})
    refused(changed("\"threads\": 4", "\"threads\": 4, \"" + std::string(reserved) + "\": 1"),
            "later versions");
  refused(changed("\"threads\": 4", "\"threads\": 0"), "points[0].threads");
  refused(changed("\"threads\": 4", "\"threads\": 257"), "points[0].threads");
  refused(changed("0x410fd0b0", "410fd0b0"), "midr");
  refused(changed("0x410fd0b0", "0x410fd0b0f"), "midr");
  refused(changed("\"library\"", "\"libary\""), "libary");
  refused(changed("\"conv1\"", "\"\""), "");
  refused(sample().json() + "{}", "");
  refused(sample().json() + "x", "");
  refused("\xff\xfe{}", "");
  refused(changed("softmax.rows", "softmax\xc3.rows"), "");
  refused(changed("softmax.rows", std::string("soft\0max", 8)), "");
}

TEST_CASE("a quantisation that says nothing that can be is refused with its place", "[plan][bad]") {
  refused(changed("\"u8\"", "\"f32\""), "quantisation.values.x.type");
  refused(changed("\"zero_point\":255", "\"zero_point\":256"), "quantisation.values.x.zero_point");
  refused(changed("\"zero_point\":-128", "\"zero_point\":-129"), "zero_point");
  refused(changed("\"scale\":0.33333334", "\"scale\":0"), "quantisation.values.x.scale");
  refused(changed("\"scale\":0.33333334", "\"scale\":-1"), "scale");
  refused(changed("\"scale\":0.33333334", "\"scale\":1e39"), "scale");
  refused(changed("\"weight_scales\":[0.25]", "\"weight_scales\":0.25"),
          "quantisation.layers.b.weight_scales");
  refused(changed("\"weight_scales\":[0.25]", "\"weight_scales\":[\"a\"]"), "weight_scales");
  refused(changed("\"weight_scales\":[0.25]", "\"scales\":[0.25]"), "unknown key");
  refused(changed("\"first\":\"conv1\"", "\"first\":\"\""), "quantisation.equalised[0].first");
  refused(changed("\"factors\"", "\"factor\""), "factor");
  refused(changed("\"equalised\": [", "\"equalised\": 1, \"more\": ["), "more");
}

TEST_CASE("numbers that are no numbers are refused", "[plan][bad]") {
  for (const char* text : {"NaN", "nan", "Infinity", "-Infinity", "1e400", "0x10", "01", "+1", ".5", "1.",
                           "--1", "\"1\"", "null", "{}"})
    refused(changed("1e+300", text), "");
}

TEST_CASE("deep and large texts are refused without harm", "[plan][bad]") {
  refused(std::string(1'000'000, '['), "");
  refused(changed("\"minimise\":\"latency\"",
                  "\"minimise\":" + std::string(200'000, '[') + std::string(200'000, ']')),
          "");
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += "{\"a\":";
  refused(nested, "");
  error_of(Plan::parse(std::string(Plan::kMaxBytes + 1, ' ')), ErrorCode::kLimitExceeded, "bytes");
  Plan many = sample();
  many.points.resize(65, many.points[0]);
  refused(many.json(), "64");
  std::string extents = "[1";
  for (int i = 0; i < 20; ++i) extents += ", 1";
  std::string text = sample().json();
  const std::size_t at = text.find("\"image\":[");
  text.replace(at + 8, text.find(']', at) - at - 7, extents + "]");
  refused(text, "dimensions");
}

TEST_CASE("a plan of very many layers is read in proportion", "[plan][bad]") {
  Plan plan = sample();
  for (int i = 0; i < 100'000; ++i)
    plan.points[1].layers["layer" + std::to_string(i)] = {{"relu.x.f32.y", 1, {}, {}, 1, {}}, false};
  const std::string text = plan.json();
  CHECK(value_of(Plan::parse(text)).json() == text);
}

TEST_CASE("no truncation and no changed byte does harm", "[plan][bad]") {
  const std::string text = sample().json();
  for (std::size_t length = 0; length < text.size(); ++length) {
    const Result<Plan> plan = Plan::parse(std::string_view(text).substr(0, length));
    if (plan) CHECK(plan->json() == text);  // only white space was cut
  }
  std::mt19937 random(1);
  int accepted = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int i = 0; i < 4; ++i) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(random());
      const Result<Plan> plan = Plan::parse(damaged);
      if (!plan) {
        CHECK_FALSE(plan.error().message().empty());
      } else {
        ++accepted;  // a digit, a letter of a name: what is read is what would be written
        CHECK(value_of(Plan::parse(plan->json())).json() == plan->json());
      }
    }
  }
  CHECK(accepted > 0);
}

TEST_CASE("files are replaced whole, and bad ones are named", "[plan]") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "fettle_plan_test";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "a.plan").string();
  succeeds(sample().save(path));
  CHECK(value_of(Plan::load(path)).json() == sample().json());
  Plan other = sample();
  other.points.pop_back();
  succeeds(other.save(path));
  CHECK(value_of(Plan::load(path)).points.size() == 1);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++files;
  CHECK(files == 1);  // nothing temporary is left

  error_of(sample().save((folder / "no" / "a.plan").string()), ErrorCode::kFileUnwritable, "no/a.plan");
  error_of(Plan::load((folder / "none.plan").string()), ErrorCode::kFileNotFound, "none.plan");
  error_of(Plan::load(folder.string()), ErrorCode::kFileUnreadable, folder.string());
  std::ofstream(folder / "empty.plan").close();
  error_of(Plan::load((folder / "empty.plan").string()), ErrorCode::kPlanMalformed, "empty.plan");
  std::filesystem::remove_all(folder);
}

TEST_CASE("devices are told apart by their cores", "[plan]") {
  const PlanDevice here = Plan::this_device();
  CHECK(here.library == FETTLE_VERSION);
  CHECK_FALSE(here.cores.empty());
  CHECK(match_device(here, here) == DeviceMatch::exact);
  PlanDevice more = here;
  more.cores[0].count += 4;
  CHECK(match_device(more, here) == DeviceMatch::same_cores);
  PlanDevice other = here;
  other.cores[0].midr ^= 0xff0u;
  CHECK(match_device(other, here) == DeviceMatch::other);
}

}  // namespace fettle::test
