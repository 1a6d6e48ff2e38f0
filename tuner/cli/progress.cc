// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

namespace fettle::cli {
namespace {

constexpr std::size_t kBarWidth = 12;  // leaves room for the rest in 80 columns

std::string time_text(double us) {
  return us < 1000 ? fmt::format("{:.1f} us", us) : fmt::format("{:.2f} ms", us / 1000);
}

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (shown_) std::fputc('\n', stderr);
}

void ProgressLine::show(const TuneProgress& progress) {
  if (!terminal_) return;
  const double share =
      progress.budget_s > 0 ? std::clamp(progress.elapsed_s / progress.budget_s, 0.0, 1.0) : 1.0;
  const auto filled = static_cast<std::size_t>(share * kBarWidth);
  std::string line = fmt::format("[{}{}] {:>4.0f}s of {:.0f}s  {:<8} {:>5} passes", std::string(filled, '#'),
                                 std::string(kBarWidth - filled, '.'), progress.elapsed_s, progress.budget_s,
                                 progress.phase, progress.measurements);
  if (progress.default_us > 0 && progress.best_us > 0) {
    line += fmt::format("  best {} ({:.2f}x)", time_text(progress.best_us),
                        progress.default_us / progress.best_us);
  } else if (progress.default_us > 0) {
    line += fmt::format("  default {}", time_text(progress.default_us));
  }
  line.resize(std::min(line.size(), terminal_width() - 1));
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  shown_ = true;
}

PhaseLine::PhaseLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

void PhaseLine::end() {
  if (std::exchange(shown_, false)) fmt::print(stderr, "\r\x1b[K");
}

void PhaseLine::show(std::string_view phase, std::size_t done, std::size_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  std::string line = fmt::format("{} {} of {}", phase, done, total);
  line.resize(std::min(line.size(), terminal_width() - 1));
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace fettle::cli
