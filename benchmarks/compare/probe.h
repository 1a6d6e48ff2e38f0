// SPDX-License-Identifier: Apache-2.0
//
// What loading costs, seen in a process of its own: time and peak memory of one contender alone.
#pragma once

#include "benchmarks/contenders/contender.h"

#include <string>

namespace fettle::benchmarks {

struct Probe {
  double load_us = 0;  ///< from paths to ready, in a fresh process; the file is in the system's cache
  double first_run_us = 0;
  std::size_t peak_bytes = 0;  ///< most memory that the whole process held, after some runs
};

/// Starts this program again, as a process that only loads and runs one contender. Errors: kKernelFailed with
/// what the process says is wrong, or how it ended.
Result<Probe> probe(const std::string& contender, const Task& task);

/// The other side: loads, runs, and prints the Probe. Returns the process's exit status.
int answer_probe(const std::string& contender, const Task& task);

}  // namespace fettle::benchmarks
