// SPDX-License-Identifier: Apache-2.0
//
// One line of progress on a terminal; nothing at all where stderr is not one.
#pragma once

#include <fettle/tuner.h>

#include <chrono>
#include <cstddef>
#include <string_view>

namespace fettle::cli {

class ProgressLine {
 public:
  ProgressLine();
  /// Ends the line, so that what follows starts on a new one.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const TuneProgress& progress);

 private:
  bool terminal_;
  bool shown_ = false;
};

/// The same for phases of things that are counted: "samples 12 of 500".
class PhaseLine {
 public:
  PhaseLine();
  ~PhaseLine() { end(); }
  PhaseLine(const PhaseLine&) = delete;
  PhaseLine& operator=(const PhaseLine&) = delete;

  /// Shows the numbers, at most ten times a second.
  void show(std::string_view phase, std::size_t done, std::size_t total);
  /// Wipes the line.
  void end();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace fettle::cli
