// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/store.h"
#include "benchmarks/compare/table.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace fettle::benchmarks {
namespace {

using Catch::Matchers::ContainsSubstring;

Entry entry(const std::string& contender, RoundTimes rounds) {
  Entry made;
  made.contender = contender;
  made.rounds_us = std::move(rounds);
  if (made.rounds_us.empty()) made.problem = "has no Mish";
  return made;
}

// Three networks at one thread: one that plan wins in every round, one that it wins in most rounds, one
// apart.
Comparison example() {
  Comparison comparison;
  comparison.base = "ort";
  comparison.machine = "a machine";
  comparison.rounds = 3;
  comparison.apart = {"old"};
  comparison.put({"first",
                  1,
                  {entry("ort", {1000, 1100, 1050}), entry("default", {1000, 1000, 1000}),
                   entry("plan", {400, 440, 420}), entry("opencv", {}), entry("blas", {800, 880, 840})},
                  false});
  comparison.put(
      {"second",
       1,
       {entry("ort", {100, 100, 100}), entry("default", {100, 100, 100}), entry("plan", {50, 50, 110}),
        entry("opencv", {300, 90, 300}), entry("blas", {400, 400, 400})},
       false});
  comparison.put({"old", 1, {entry("ort", {10, 10, 10}), entry("plan", {90, 90, 90})}, false});
  return comparison;
}

TEST_CASE("the best peer has the lowest median of all that are not Fettle and run the network") {
  const Comparison comparison = example();
  CHECK(best_peer(comparison.results[0])->contender == "ort");
  CHECK(best_peer(comparison.results[0], true)->contender == "blas");  // a baseline
  // opencv has the fastest single round, which does not count.
  CHECK(best_peer(comparison.results[1])->contender == "ort");
  CHECK(best_peer({"alone", 1, {entry("plan", {1, 1, 1}), entry("opencv", {})}, false}) == nullptr);
}

TEST_CASE("scores are over networks that both run and that do not stand apart") {
  const Comparison comparison = example();
  const Score best = score(comparison, 1, "plan", kBestOfAll);
  CHECK(best.models == 2);
  CHECK(best.mean == Catch::Approx(std::sqrt(0.5 * 0.5)));
  CHECK(score(comparison, 1, "plan", kBestPeer).mean == Catch::Approx(std::sqrt(0.4 * 0.5)));
  CHECK(best.faster == 2);
  CHECK(best.always_faster == 1);
  const Score opencv = score(comparison, 1, "plan", "opencv");
  CHECK(opencv.models == 1);
  CHECK(opencv.mean == Catch::Approx(110.0 / 300));
  CHECK(score(comparison, 2, "plan", kBestPeer).models == 0);
  CHECK(score(comparison, 1, "plan", "ncnn").models == 0);
}

TEST_CASE("a network measured again takes its place") {
  Comparison comparison = example();
  comparison.put({"first", 1, {entry("ort", {7})}, false});
  comparison.put({"first", 2, {entry("ort", {8})}, false});
  REQUIRE(comparison.results.size() == 4);
  CHECK(comparison.results[0].entries.size() == 1);
  CHECK(comparison.results[3].threads == 2);
}

TEST_CASE("the table leaves cells empty and says why") {
  const std::string text = markdown(example());
  CHECK_THAT(text, ContainsSubstring("| model | ort | default | plan | opencv | blas | plan / best peer |"));
  CHECK_THAT(text, ContainsSubstring("| first | 1.05 | 1.00 (0.95, 0.91-1.00) | 0.42 (0.40, 0.40-0.40) |  | "
                                     "0.84 (0.80, 0.80-0.80) | 0.40, 0.40-0.40 (ort) |"));
  CHECK_THAT(text, ContainsSubstring("- No opencv for first: has no Mish.\n"));
  CHECK_THAT(text, ContainsSubstring("- Apart, in no mean: old.\n"));
  CHECK_THAT(text, ContainsSubstring("| plan / best peer | 2 | 0.447 | 2 | 1 |"));
  CHECK_THAT(text, ContainsSubstring("| plan / best of all | 2 | 0.500 | 2 | 1 |"));
  CHECK_THAT(text, ContainsSubstring("| plan / blas | 2 |"));
}

TEST_CASE("networks in floats stand below their quantised ones, with what is gained") {
  Comparison comparison;
  comparison.base = "ort";
  comparison.put({"n_qdq", 1, {entry("ort", {10}), entry("plan", {5})}, false});
  comparison.put({"n_qdq_in_floats", 1, {entry("ort", {20}), entry("plan", {5})}, true});
  const std::string text = markdown(comparison);
  CHECK_THAT(text, ContainsSubstring("| quantised / floats | 0.50, 0.50-0.50 | 1.00, 1.00-1.00 |"));
  CHECK_THAT(text, !ContainsSubstring("geometric mean"));
}

TEST_CASE("what is stored is read again") {
  Comparison comparison = example();
  comparison.results[0].entries[1].footprint.arena_bytes = 4096;
  comparison.results[0].entries[1].probe.peak_bytes = 123;
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "fettle_compare_test.json";
  std::ofstream(path) << json(comparison);
  const Result<Comparison> again = read_comparison(path);
  REQUIRE(again);
  CHECK(json(*again) == json(comparison));
  CHECK(markdown(*again) == markdown(comparison));

  for (const char* broken : {"", "[]", "{\"machine\": 1}", "{\"results\": [{}]}"}) {
    std::ofstream(path) << broken;
    const Result<Comparison> refused = read_comparison(path);
    REQUIRE(!refused);
    CHECK(refused.error().code() == ErrorCode::kFileMalformed);
  }
  std::filesystem::remove(path);
  CHECK(read_comparison(path).error().code() == ErrorCode::kFileNotFound);
}

/// Notes its runs in a common diary.
class Diarist final : public Contender {
 public:
  Diarist(char name, std::string& diary) : name_(name), diary_(&diary) {}
  Status set_inputs(const std::vector<Values>&) override { return {}; }
  Status run() override {
    if (diary_->empty() || diary_->back() != name_) *diary_ += name_;
    if (name_ == 'x') return Error(ErrorCode::kKernelFailed, "x has failed");
    return {};
  }
  std::vector<Values> outputs() override { return {}; }

 private:
  char name_;
  std::string* diary_;
};

TEST_CASE("each round gives everyone a turn, in changing order") {
  std::string diary;
  Diarist a('a', diary), b('b', diary), c('c', diary), x('x', diary);
  const Result<std::vector<RoundTimes>> times = time_rounds({&a, &b, &c}, {2, 1e-6});
  REQUIRE(times);
  REQUIRE(times->size() == 3);
  for (const RoundTimes& one : *times) CHECK(one.size() == 2);
  CHECK(diary == "abcbac");
  CHECK(time_rounds({&a, &x}, {1, 1e-6}).error().message() == "x has failed");
}

}  // namespace
}  // namespace fettle::benchmarks
