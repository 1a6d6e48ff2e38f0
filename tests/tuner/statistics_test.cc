// SPDX-License-Identifier: Apache-2.0
#include "tuner/statistics.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <random>

namespace fettle::tuner {
namespace {

TEST_CASE("median and its interval", "[tuner][statistics]") {
  CHECK(median(std::vector<double>{}) == 0);
  CHECK(median(std::vector<double>{3, 1, 2}) == 2);
  CHECK(median(std::vector<double>{4, 1, 2, 3}) == 2.5);
  const PlanLatency small = median_interval(std::vector<double>{5, 3, 4});
  CHECK(small.low == 3);
  CHECK(small.high == 5);
  const PlanLatency eleven = median_interval(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(eleven.median == 6);
  CHECK(eleven.low == 2);  // second smallest and second largest: 98.8 %
  CHECK(eleven.high == 10);
  std::vector<double> thousand(1001);
  for (std::size_t i = 0; i < thousand.size(); ++i) thousand[i] = static_cast<double>(i);
  const PlanLatency many = median_interval(thousand);
  CHECK(many.median == 500);
  CHECK(many.low == Catch::Approx(469).margin(2));
  CHECK(many.high == Catch::Approx(531).margin(2));
}

TEST_CASE("the lower quartile is a sample, and no disturbance moves it", "[tuner][statistics]") {
  CHECK(lower_quartile(std::vector<double>{}) == 0);
  CHECK(lower_quartile(std::vector<double>{3, 1, 2}) == 1);
  CHECK(lower_quartile(std::vector<double>{4, 1, 2, 3}) == 2);
  CHECK(lower_quartile(std::vector<double>{90, 4, 1, 80, 2, 70, 3, 60}) == 3);
}

TEST_CASE("the interval covers the median 95 % of the time", "[tuner][statistics]") {
  std::mt19937 rng(1);
  std::lognormal_distribution<double> noise(0, 0.3);  // median 1
  int covered = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> samples(15);
    for (double& sample : samples) sample = noise(rng);
    const PlanLatency interval = median_interval(samples);
    if (interval.low <= 1 && interval.high >= 1) ++covered;
  }
  CHECK(covered >= 1900);
}

TEST_CASE("outliers by median absolute deviation", "[tuner][statistics]") {
  const std::vector<double> samples{10, 10.1, 9.9, 10.2, 9.8, 30};
  CHECK(outliers(samples) == std::vector<std::size_t>{5});
  CHECK(mad(samples) < 1);
}

TEST_CASE("sign test", "[tuner][statistics]") {
  CHECK(sign_test(0, 0) == 1);
  CHECK(sign_test(5, 10) == 1);
  CHECK(sign_test(11, 11) == Catch::Approx(2.0 / 2048));
  CHECK(sign_test(9, 11) > 0.05);
  CHECK(sign_test(10, 11) == Catch::Approx(2 * 12.0 / 2048));
}

TEST_CASE("a plan beats the default only beyond the noise", "[tuner][statistics]") {
  std::mt19937 rng(2);
  std::normal_distribution<double> noise(1, 0.05);
  std::uniform_real_distribution<double> drift(1, 1.9);
  int false_claims = 0;
  int found = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    std::vector<double> base;
    std::vector<double> same;
    std::vector<double> faster;
    for (int round = 0; round < 11; ++round) {
      const double machine = drift(rng);  // hits the whole round
      base.push_back(machine * noise(rng));
      same.push_back(machine * noise(rng));
      faster.push_back(0.8 * machine * noise(rng));
    }
    if (paired_ratio(same, base).beats()) ++false_claims;
    if (paired_ratio(faster, base).beats()) ++found;
  }
  CHECK(false_claims <= 20);
  CHECK(found >= 990);
  CHECK_FALSE(paired_ratio(std::vector<double>{1, 1, 1}, std::vector<double>{2, 2, 2})
                  .beats());  // too few rounds to say
}

}  // namespace
}  // namespace fettle::tuner
