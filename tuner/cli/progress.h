// SPDX-License-Identifier: Apache-2.0
//
// One line of progress on a terminal; nothing at all where stderr is not one.
#pragma once

#include <fettle/tuner.h>

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

}  // namespace fettle::cli
