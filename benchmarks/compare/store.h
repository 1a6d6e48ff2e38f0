// SPDX-License-Identifier: Apache-2.0
//
// The results of a comparison as JSON: every number, for programs, and for a later run that measures some
// networks again.
#pragma once

#include "benchmarks/compare/results.h"

#include <string>

namespace fettle::benchmarks {

std::string json(const Comparison& comparison);

/// What json() has written. Errors: kFileNotFound, kFileMalformed.
Result<Comparison> read_comparison(const std::string& path);

}  // namespace fettle::benchmarks
