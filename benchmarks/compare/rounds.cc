// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/rounds.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace fettle::benchmarks {
namespace {

// Before a turn, time for the other contenders' idle threads to stop spinning, and runs that do not count:
// one of a network that fills a turn by itself.
constexpr std::chrono::milliseconds kPause{50};
constexpr int kWarmups = 3;
constexpr std::size_t kFewestRuns = 3;

Result<double> time_turn(Contender& contender, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto lasted = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::this_thread::sleep_for(kPause);
  const auto warming = Clock::now();
  for (int i = 0; i < kWarmups && (i == 0 || lasted(warming) < seconds / 2); ++i) {
    if (Status status = contender.run(); !status) return std::move(status).error();
  }
  std::vector<double> times;
  const auto start = Clock::now();
  auto before = start;
  while (times.size() < kFewestRuns || lasted(start) < seconds) {
    if (Status status = contender.run(); !status) return std::move(status).error();
    const auto after = Clock::now();
    times.push_back(std::chrono::duration<double, std::micro>(after - before).count());
    before = after;
  }
  return median(std::move(times));
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Result<std::vector<RoundTimes>> time_rounds(const std::vector<Contender*>& contenders,
                                            const RoundOptions& options) {
  std::vector<RoundTimes> times(contenders.size());
  for (int round = 0; round < options.rounds; ++round) {
    // The first one moves on with every round, and every second round goes backwards.
    for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
      const std::size_t step = round % 2 == 0 ? turn : contenders.size() - turn;
      const std::size_t who = (static_cast<std::size_t>(round) + step) % contenders.size();
      Result<double> time = time_turn(*contenders[who], options.turn_seconds);
      if (!time) return std::move(time).error();
      times[who].push_back(*time);
    }
  }
  return times;
}

}  // namespace fettle::benchmarks
