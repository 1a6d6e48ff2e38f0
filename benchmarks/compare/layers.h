// SPDX-License-Identifier: Apache-2.0
//
// Where the time goes: a model's layers in Fettle beside the same nodes in ONNX Runtime.
#pragma once

#include "benchmarks/contenders/contender.h"

#include <string>

namespace fettle::benchmarks {

/// A Markdown table, the layer that loses most first: Fettle's time and kernel, ONNX Runtime's time, the
/// ratio, what the layer loses (or wins), and the rates of both beside the peak of as many cores as there are
/// threads. Steps that have no counterpart, such as conversions, are added up at the end.
Result<std::string> layer_table(const Task& task);

}  // namespace fettle::benchmarks
